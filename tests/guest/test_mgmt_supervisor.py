"""Daemons that an earlier management daemon has left running are known again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "guest"))

from mgmt.supervisor import runs


@pytest.fixture
def titled() -> Iterator[subprocess.Popen[bytes]]:
    """A process that shows itself as sshd's listener does."""
    title = "sshd: /usr/sbin/sshd -D -f /etc/ssh/sshd_config [listener] 0 of 20-60 startups"
    process = subprocess.Popen(["bash", "-c", f"echo; exec -a '{title}' sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    while (
        b"listener" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()[:100]
        or b"exec" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    ):
        assert process.poll() is None
    yield process
    process.kill()
    process.wait()


def test_one_that_changes_its_title_is_known_by_its_arguments(titled: subprocess.Popen[bytes]) -> None:
    assert runs(titled.pid, ["/usr/sbin/sshd", "-D", "-f", "/etc/ssh/sshd_config"])
    assert not runs(titled.pid, ["/usr/sbin/sshd", "-D", "-f", "/etc/ssh/other_config"])


def test_one_that_has_ended_does_not_run() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert not runs(process.pid, ["true"])
