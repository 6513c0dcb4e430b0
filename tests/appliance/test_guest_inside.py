"""The appliance with a real router in it: its agent, and the reference guest, emulated inside an emulated host.

One host lives through all of it: a start of such a guest takes minutes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rackless import settings
from rackless.appliance import media
from rackless.images import store
from tests.appliance import booting
from tests.appliance.booting import Machine

pytestmark = [
    pytest.mark.appliance,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.timeout(7200),
]
PATIENCE = 3600.0
"""Seconds that a guest may take to come up. A deadline, never a measure."""
GUEST = 'show chassis routing-engine 0 | match "Last reboot reason"'
HOST = 'show vmhost uptime re0 | match "Vmhost last reboot reason"'
ERST = 64 << 10


async def reasons(machine: Machine) -> list[str]:
    """Why the host came up, as it tells its operator after a start: the last first."""
    await machine.comes(r"Rackless: set 1a \(current\)")
    await machine.logged_in()
    await machine.does("until rackless vmhost show 2>/dev/null | grep -q 'online  *yes'; do sleep 2; done")
    said = await machine.does("rackless vmhost show uptime --json")
    return [boot["reason"] for boot in json.loads(said[said.index("{") :])["boots"]]


async def up(machine: Machine) -> None:
    """An administrative guest has been up long enough for its set to be confirmed."""
    confirmed = "vmhost-appliance show | grep -q '\"a\": \"good\"' && rackless vmhost show | grep -q 'vrouter  running'"
    await machine.does(f"until {confirmed}; do sleep 5; done", patience=PATIENCE)


async def at_the_guest(machine: Machine) -> None:
    """The guest's own console, on that of its host: root's prompt."""
    machine.types("rackless vmhost console")
    await machine.comes(r"Ctrl-\] leaves\.")
    machine.types("")
    await machine.comes("login: ")
    machine.types("root")
    await machine.comes("~ # ")


async def asks(machine: Machine, command: str) -> str:
    """What the guest's command line says, without the spaces around it."""
    machine.types(f"cli -c '{command}'")
    found = await machine.comes(r"(?s)cli -c [^\n]*\n(.*?)\S*~ # ")
    return found[1].strip()


async def test_a_router_in_the_appliance_confirms_its_set_and_knows_why_it_and_its_host_were_started(tmp_path: Path) -> None:
    built = await booting.appliance()
    image = store.find(settings.load().images, "reference")
    disks = [tmp_path / "disk1.raw", tmp_path / "disk2.raw"]
    await media.disks(built, image.disk.parent, disks, 4 * 10**9, say=lambda text: None)
    kept = tmp_path / "erst"
    with kept.open("wb") as file:
        file.truncate(ERST)
    # Where firmware keeps a crash dump (ACPI's Error Record Serialization Table): the kernel's pstore writes there.
    store_of_dumps = ["-object", f"memory-backend-file,id=erst,mem-path={kept},size={ERST},share=on"]
    async with booting.running(tmp_path, disks, "-m", "3072", *store_of_dumps, "-device", "acpi-erst,memdev=erst") as machine:
        await machine.comes(r"Rackless: set 1a \(trial\)")
        await machine.logged_in()
        await up(machine)
        await at_the_guest(machine)
        assert await asks(machine, GUEST) == "Last reboot reason             0x1:power cycle/failure"
        assert "1.0" in await asks(machine, "show vmhost version")

        assert "Reboot of the VM host at" in await asks(machine, "request vmhost reboot")
        assert await reasons(machine) == ["0x2000:hypervisor reboot", "0x1:power cycle/failure"]

        machine.types("sync; echo c > /proc/sysrq-trigger")
        assert (await reasons(machine))[:2] == ["0x1000:reboot due to panic", "0x2000:hypervisor reboot"]
        await up(machine)
        await at_the_guest(machine)
        assert await asks(machine, GUEST) == "Last reboot reason             0x1000:reboot due to panic"
        assert await asks(machine, HOST) == "Vmhost last reboot reason: 0x1000:reboot due to panic"

        machine.line.sendall(b"\x1d")
        await machine.logged_in()
        machine.types("systemctl reboot")
        said = await reasons(machine)
        assert said[0] == "0x2000:hypervisor reboot", "what an earlier run left counts no more"
