"""A router on a VM host, at its own console: it asks its host why both were last started, after each was started anew.

The agent is the real program with a real guest; only the host's own reboot is played: a `systemctl` that notes what it was told,
another boot id in the agent's mount namespace, and the guest's process ended as a reboot ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rackless import settings
from rackless.images import store
from tests.machines.reference_vm import Lines, Vm

pytestmark = [
    pytest.mark.machines,
    pytest.mark.root,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root"),
]
NAME = "west"
PATIENCE = 300.0
"""Seconds for anything that the guest does: a busy machine emulates slowly."""
GUEST = 'cli -c "show chassis routing-engine 0 | match \\"Last reboot reason\\""'
HOST = 'cli -c "show vmhost uptime re0 | match \\"Vmhost last reboot reason\\""'
CONFIGURATION = """\
state: {top}/state
run: {top}/run
accelerator: tcg
guests:
  - name: west
    administrative: true
    memory: 256
    images:
      current: {image}
    nics:
      - internal: true
      - internal: true
  - name: other
    memory: 64
    channel: false
    watchdog: false
    images:
      current: {top}/other.raw
"""
OTHER = bytes.fromhex("baf803b04feeb04beefaf4ebfc").ljust(510, b"\0") + b"\x55\xaa"
"""A system of one sector: mov dx, 3f8h; mov al, 'O'; out dx, al; mov al, 'K'; out dx, al; cli; hlt; jmp $-2."""
SYSTEMCTL = """#!/bin/sh
echo "$@" >>{}/told
"""


class Seen(Vm):
    """The guest's console, whoever runs its machine."""

    def __init__(self, path: Path) -> None:
        self.name = NAME
        self.console = Lines(path)

    def log_in(self) -> None:
        self.console.until(rf"{self.name} login: ", PATIENCE)
        self.console.send(b"root\n")
        self.console.until(r"# $", PATIENCE)

    def shell(self, command: str, deadline: float = PATIENCE) -> str:
        return super().shell(command, deadline)


class PlayedHost:
    """A machine with an agent on it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.boots = 0
        (top / "state").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900m,mode=700", "state", top / "state"], check=True, timeout=30)
        self.agent: subprocess.Popen[bytes] | None = None
        image = store.find(settings.load().images, "reference")
        (top / "bin").mkdir()
        (top / "bin/systemctl").write_text(SYSTEMCTL.format(top))
        (top / "bin/systemctl").chmod(0o755)
        (top / "other.raw").write_bytes(OTHER.ljust(1 << 20, b"\0"))
        (top / "vmhost.yaml").write_text(CONFIGURATION.format(top=top, image=image.disk.parent))

    def boots_up(self) -> Seen:
        """The host comes up: its agent is started, and starts its guest. The guest's console, with somebody logged in."""
        self.boots += 1
        mark = self.top / "boot_id"
        mark.write_text(f"00000000-0000-4000-8000-{self.boots:012}\n")
        agent = (
            f'mount --bind {mark} /proc/sys/kernel/random/boot_id && exec "$0" -m rackless.vmhost.main run --configuration "$1"'
        )
        words = ["unshare", "--mount", "sh", "-c", agent, sys.executable, str(self.top / "vmhost.yaml")]
        env = {**os.environ, "PATH": f"{self.top}/bin:{os.environ['PATH']}"}
        with (self.top / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while not (self.top / f"run/{NAME}.console").exists():
            assert self.agent.poll() is None, (self.top / "agent.log").read_text()
            assert time.monotonic() < end, (self.top / "agent.log").read_text()
            time.sleep(0.1)
        guest = Seen(self.top / f"run/{NAME}.console")
        guest.log_in()
        return guest

    def goes_down(self) -> None:
        """What a machine does to all that runs on it."""
        try:
            if self.agent is not None:
                self.agent.send_signal(signal.SIGTERM)
                self.agent.wait(60)
        finally:
            if self.agent is not None:
                self.agent.kill()
            for name in (NAME, "other"):
                self._ends_guest(name)

    def _ends_guest(self, name: str) -> None:
        path = self.top / f"run/{name}.monitor"
        if path.exists():
            try:
                monitor = Lines(path)
                monitor.until(r"QMP.*\n", 20)
                monitor.send(b'{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n')
                monitor.until(r'"SHUTDOWN"', 20)
            except (OSError, TimeoutError):
                pass
            for kind in ("monitor", "serial", "events", "channel", "vmhost"):
                (self.top / f"run/{name}.{kind}").unlink(missing_ok=True)

    def fills_up(self) -> None:
        """The disk with the host's state."""
        with contextlib.suppress(OSError), (self.top / "state/fill").open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)):
                pass

    def has_room(self) -> None:
        (self.top / "state/fill").unlink()

    def alarmed(self, name: str) -> Any:
        """The host's status once it has this alarm, and no other; "" for none at all."""
        end = time.monotonic() + PATIENCE
        while True:
            status = json.loads(self.operator("show", "status", "--json"))
            if [one["name"] for one in status["alarms"]] == [name] * bool(name):
                return status
            assert time.monotonic() < end, status["alarms"]
            time.sleep(0.5)

    def operator(self, *words: str) -> str:
        """`rackless vmhost ...` on the host itself."""
        env = {**os.environ, "RACKLESS_VMHOST_SOCKET": str(self.top / "run/operator.sock")}
        command = [sys.executable, "-m", "rackless.cli.main", "vmhost", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def host() -> Iterator[PlayedHost]:
    top = Path(tempfile.mkdtemp(prefix="vmh", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    made = PlayedHost(top)
    try:
        yield made
    finally:
        made.goes_down()
        subprocess.run(["umount", "--lazy", top / "state"], check=True, timeout=30)
        shutil.rmtree(top)


def told(guest: Seen, command: str) -> str:
    """The last line of what the command line says."""
    lines = [line for line in guest.shell(command).splitlines() if "eboot reason" in line and "cli -c" not in line]
    return lines[-1].strip() if lines else ""


def test_reasons_at_the_guests_own_console(host: PlayedHost) -> None:
    guest = host.boots_up()
    guest.wait_for("cli -c 'show vmhost status'", r"west\s+Running", PATIENCE)
    guest.wait_for("cli -c 'show vmhost status'", r"other\s+Running", PATIENCE)
    assert (host.top / "state/guests/other/console.log").read_bytes().endswith(b"OK"), "another system beside it"
    host.fills_up()
    status = host.alarmed("disk1-var-full")
    assert {one["state"] for one in status["guests"]} == {"running"}, "an alarm, and all goes on"
    assert "var on disk1 is full" in guest.shell("cli -c 'show vmhost status'")
    host.has_room()
    host.alarmed("")
    first = told(guest, HOST)
    assert first.startswith("Vmhost last reboot reason: 0x")

    guest.console.send(b"cli -c 'request system reboot'\n")
    guest.log_in()
    guest.wait_for(GUEST, "0x4000", PATIENCE)
    assert told(guest, GUEST) == "Last reboot reason             0x4000:VJUNOS reboot"
    assert told(guest, HOST) == first, "the host stayed up"

    said = guest.shell("cli -c 'request vmhost reboot'")
    assert "Reboot of the VM host at" in said
    end = time.monotonic() + PATIENCE
    while not (host.top / "told").exists():
        assert time.monotonic() < end, (host.top / "agent.log").read_text()
        time.sleep(0.1)
    assert (host.top / "told").read_text() == "reboot\n"
    host.goes_down()
    guest = host.boots_up()
    guest.wait_for(HOST, "0x2000", PATIENCE)
    assert told(guest, GUEST) == "Last reboot reason             0x2000:hypervisor reboot"
    assert told(guest, HOST) == "Vmhost last reboot reason: 0x2000:hypervisor reboot"

    shown = json.loads(host.operator("show", "uptime", "--json"))
    assert shown["boots"][0]["reason"] == "0x2000:hypervisor reboot"
    assert shown["guest_boot"]["reason"] == "0x2000:hypervisor reboot"
    assert re.search(r"Count: [1-9]\d* lines", guest.shell("cli -c 'show vmhost processes | count'"))
    assert "commit complete" in guest.shell(f"cli -c 'configure; {ROOT}; set vmhost no-auto-recovery; commit'")
    assert json.loads(host.operator("show", "status", "--json"))["auto_recovery"] is False
    logged = (host.top / "agent.log").read_text()
    assert "vmhost reboot device= after=0.0 by root (super-user, guest/west): done" in logged


ROOT = (
    "set system root-authentication encrypted-password "
    "$6$salt$egUxKNxDs8kPfh8iPMNcosMhb2eWah6d3R44JDm5Rj/j/XWR5E33QPd0YmHXoDHOIDR6kL5D3JcQcz0O8FHE00"
)
