"""How much of the processors a guest may take: a control group of its own (Linux, Documentation/admin-guide/cgroup-v2.rst;
version 1 where the host still has that)."""

from __future__ import annotations

from pathlib import Path

from rackless.model.errors import ProviderError

TOP = Path("/sys/fs/cgroup")
OURS = "rackless-vmhost"
PERIOD = 100_000
"""Microseconds over which a limit holds: the kernel's own default."""


def limit(guest: str, pid: int, percent: int, top: Path = TOP) -> None:
    """Put the process, with all its threads, into the guest's group.

    Args:
        percent: of one processor; 0: no limit.

    Raises:
        ProviderError: this host's control groups can't be written.
    """
    second = (top / "cgroup.controllers").exists()
    folder = (top if second else top / "cpu") / OURS / guest
    quota = percent * PERIOD // 100
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if second:
            for each in (top, folder.parent):
                (each / "cgroup.subtree_control").write_text("+cpu")
            (folder / "cpu.max").write_text(f"{quota or 'max'} {PERIOD}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD))
            (folder / "cpu.cfs_quota_us").write_text(str(quota or -1))
        (folder / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise ProviderError(
            f"Guest {guest} cannot be limited to {percent} % of a processor: {error.strerror}.", hint="Run the agent as root."
        ) from error
