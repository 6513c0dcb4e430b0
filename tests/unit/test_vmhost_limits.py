"""A guest's part of the processors: control groups of both versions."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rackless.model.errors import ProviderError
from rackless.vmhost.linux.limits import OURS, TOP, limit


def test_version_two(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    limit("vrouter", 4711, 150, tmp_path)
    group = tmp_path / OURS / "vrouter"
    assert (group / "cpu.max").read_text() == "150000 100000"
    assert (group / "cgroup.procs").read_text() == "4711"
    assert (group.parent / "cgroup.subtree_control").read_text() == "+cpu"
    limit("vrouter", 4711, 0, tmp_path)
    assert (group / "cpu.max").read_text() == "max 100000"


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text("no folder")
    with pytest.raises(ProviderError, match="Guest vrouter cannot be limited to 50 % of a processor: Not a directory"):
        limit("vrouter", 4711, 50, tmp_path)


@pytest.mark.root
@pytest.mark.skipif(not os.access(TOP / "cpu/cpu.shares", os.W_OK), reason="no control groups of version 1 to write here")
def test_a_real_process_is_in_its_group() -> None:
    name = f"test-{os.getpid()}"
    process = subprocess.Popen(["sleep", "60"])
    group = TOP / "cpu" / OURS / name
    try:
        limit(name, process.pid, 50)
        assert f"/{OURS}/{name}\n" in Path(f"/proc/{process.pid}/cgroup").read_text()
        assert (group / "cpu.cfs_quota_us").read_text().strip() == "50000"
    finally:
        process.kill()
        process.wait()
        group.rmdir()
