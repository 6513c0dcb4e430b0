"""The VM host's agent with a real guest on this machine: what happens to the guest is seen, told right, and put in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from rackless.images.partitions import ext_partitions
from rackless.images.store import find
from rackless.qemu import process
from rackless.settings import load

from .reference_vm import Lines

pytestmark = [pytest.mark.machines, pytest.mark.timeout(5400)]
BOOT = 1200.0
"""Seconds that an emulated guest may take on a machine that does much else."""
PASSWORD = "$6$rackless$" + "a" * 86
"""A hash that no password has."""
LICENCE = "RACKLESS-2026-" + "7" * 40


class Host:
    """`rackless-vmhost run`, with a folder of its own. What came when is printed: `pytest -s` shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.state, self.run = folder / "s", folder / "r"
        self.agent: subprocess.Popen[bytes] | None = None
        self.read = 0
        self.began = time.monotonic()

    def write(self, images: dict[str, Path]) -> None:
        lines = [f"state: {self.state}", f"run: {self.run}", "accelerator: tcg", "guests:", "  - name: vrouter"]
        lines += ["    administrative: true", "    memory: 256", f"    start: {BOOT:.0f}", "    images:"]
        lines += [f"      {name}: {path}" for name, path in images.items()]
        (self.folder / "vmhost.yaml").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.agent = subprocess.Popen(
                [sys.executable, "-m", "rackless.vmhost.main", "run", "--configuration", str(self.folder / "vmhost.yaml")],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """The agent alone."""
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    def guest(self) -> process.Found | None:
        return process.find(f"vmhost{self.state}/guest/vrouter")

    def until(self, pattern: str, seconds: float = BOOT) -> str:
        """What the agent has logged since the last call, to the end of the line with the pattern."""
        end = time.monotonic() + seconds
        while True:
            text = self.log.read_text()[self.read :]
            found = re.search(pattern + ".*\n", text)
            if found:
                self.read += found.end()
                print(f"{time.monotonic() - self.began:7.1f} s  {pattern}")
                return text[: found.end()]
            assert self.agent is not None
            assert self.agent.poll() is None, text
            assert time.monotonic() < end, f"{pattern!r} did not come; what came: {text}"
            time.sleep(0.2)

    def reasons(self) -> list[int]:
        record = json.loads((self.state / "record.json").read_text())
        return [boot["reason"] for boot in record["guests"]["vrouter"]]

    def shell(self) -> Lines:
        """The guest's serial console, logged in."""
        lines = Lines(self.run / "vrouter.console")
        end = time.monotonic() + BOOT
        while True:
            lines.send(b"\r")
            try:
                said = lines.until("login: |~ # ", 20)
            except TimeoutError:
                assert time.monotonic() < end
                continue
            if said.endswith("~ # "):
                return lines
            lines.send(b"root\r")

    def type(self, line: str) -> None:
        """Into the guest's shell, and hang up."""
        console = self.shell()
        console.send(line.encode() + b"\r")
        console.until("\n", 60)
        console.sock.close()

    def end(self) -> None:
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()
        guest = self.guest()
        if guest is not None:
            os.kill(guest.pid, signal.SIGKILL)


@pytest.fixture
def host() -> Iterator[Host]:
    folder = Path(mkdtemp(prefix="vmh-", dir="/tmp"))
    host = Host(folder)
    try:
        yield host
    finally:
        host.end()
        shutil.rmtree(folder)


def test_what_happens_to_a_guest_is_told_right_and_put_in_order(host: Host) -> None:
    image = find(load().images, "reference").disk.parent
    copy = host.folder / "image"
    copy.mkdir()
    for name in ("kernel", "initrd", "root.qcow2", "manifest.json"):
        os.link(image / name, copy / name) if os.stat(image).st_dev == os.stat(copy).st_dev else shutil.copy(image / name, copy)
    host.write({"current": copy, "alternate": image})
    host.start()
    host.until("guest vrouter: starting => running")
    # The administrative guest has the channel to its host, and its sockets are nobody else's.
    assert (host.run / "vrouter.vmhost").stat().st_mode & 0o077 == 0

    # It reboots itself.
    host.type("reboot")
    host.until("guest vrouter: reboot reason 0x4000:VJUNOS reboot")
    host.until("guest vrouter: starting => running")
    assert host.reasons() == [0x4000, 0x1]

    # The agent dies: the guest runs on, and is taken over by the next; nothing counts as a reboot.
    before = host.guest()
    host.kill()
    host.start()
    said = host.until("guest vrouter: starting => running")
    assert "it runs already, and is taken over" in said
    assert host.guest() == before
    assert host.reasons() == [0x4000, 0x1]

    # It panics.
    host.type("sleep 1; echo c >/proc/sysrq-trigger")
    host.until("guest vrouter: reboot reason 0x1000:reboot due to panic")
    host.until("guest vrouter: starting => running")

    # It hangs: nobody feeds its watchdog.
    host.type("for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -q watchdog && kill -STOP ${p#/proc/}; done")
    host.until("guest vrouter: reboot reason 0x8000:VJUNOS watchdog from host \\(its watchdog was not fed\\)")
    host.until("guest vrouter: starting => running")
    assert host.reasons() == [0x8000, 0x1000, 0x4000, 0x1]
    assert host.guest() == before, "one process all the time"

    # It has a configuration and a licence, which are damaged while it is off; and its image is truncated.
    console = host.shell()
    for line in ("cli", "configure", f'set system root-authentication encrypted-password "{PASSWORD}"'):
        console.send(line.encode() + b"\r")
        console.until("[>#] ", 60)
    console.send(b"commit\r")
    console.until("commit complete", 120)
    for line in ("exit", "exit", f"echo {LICENCE} >/config/licence; sync; echo kept"):
        console.send(line.encode() + b"\r")
        console.until("[>#] $", 60)
    console.sock.close()
    host.kill()
    host.start()
    host.until("do: save the configuration and licence of guest vrouter")
    saved = [host.state / f"guests/vrouter/saved-{what}" for what in ("configuration", "licence")]
    end = time.monotonic() + 60
    while not all(path.exists() for path in saved):
        assert time.monotonic() < end
        time.sleep(0.2)
    host.end()
    disk = host.state / "guests/vrouter/a.raw"
    for place in ("/config/rackless.conf.gz", "/config/licence"):
        _damage(disk, place)
    assert "\0" in _content(disk, "/config/licence")
    host.start()
    said = host.until("guest vrouter: off => starting")
    assert "configuration of guest vrouter is damaged => repaired" in said
    assert "licence of guest vrouter is damaged => repaired" in said, said
    aside = (host.state / "aside/vrouter").iterdir()
    assert sorted(path.name.split(".")[0] for path in aside) == ["configuration", "licence"]
    host.until("do: start guest vrouter from the image of set a")
    host.end()
    assert _content(disk, "/config/licence") == f"{LICENCE}\n"
    (copy / "root.qcow2").unlink()
    with (copy / "root.qcow2").open("wb") as file:
        file.write((image / "root.qcow2").open("rb").read(1 << 20))
    host.start()
    host.until("guest vrouter: off => starting \\(it is started from set b")
    host.until("guest vrouter: starting => running")
    # Its configuration has come along to the disk of the other image.
    console = Lines(host.run / "vrouter.console")
    console.send(b"\r")
    console.until("login: ", 60)
    console.send(b"root\r")
    console.until("Password:", 60)


def _content(disk: Path, place: str) -> str:
    """Of a text file in the guest's disk."""
    [partition] = ext_partitions(disk)
    words = ["debugfs", "-R", f"cat {place}", f"{disk}?offset={partition.offset}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def _damage(disk: Path, place: str) -> None:
    """Bytes in the middle of a file, as a disk loses them."""
    [partition] = ext_partitions(disk)
    device = f"{disk}?offset={partition.offset}"
    # The guest went as if by a power cut: where the file lies may still be in the journal.
    subprocess.run(["e2fsck", "-p", device], capture_output=True, check=False)
    told = subprocess.run(["debugfs", "-R", f"blocks {place}", device], capture_output=True, text=True, check=True)
    assert told.stdout.split(), (place, told.stderr)
    stat = subprocess.run(["debugfs", "-R", "stats", device], capture_output=True, text=True, check=True)
    size = re.search(r"Block size:\s+(\d+)", stat.stdout)
    assert size is not None
    with disk.open("r+b") as file:
        file.seek(partition.offset + int(told.stdout.split()[0]) * int(size[1]) + 12)
        file.write(bytes(16))
