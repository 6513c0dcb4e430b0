"""The reference image on the hardware of other platforms: no virtio device at all, no host channel, its own bootloader.

One chassis shows it all: a controller with a SATA disk and a configuration CD (as OpenStack attaches it), a card with a SCSI
disk on VMware's adapter, behind a configuration disk; NICs of Intel's and of VMware's kind, mixed.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import store
from tests.machines.config_drive import cd, fat_disk
from tests.machines.reference_vm import MAC, Hardware, Vm

from .test_reference_image import FRAMES, PASSWORD, ethernet

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]

TAGGED = {
    **{name: FRAMES[name] for name in ("lldp", "lacp", "stp", "mpls", "isis", "foreign")},
    "vlan": ethernet("52:00:00:00:77:77", 0x8100, bytes.fromhex("0064 88b5") + bytes(80)),
    "priority": ethernet("52:00:00:00:77:77", 0x8100, bytes.fromhex("e000 88b5") + bytes(80)),
    "qinq": ethernet("52:00:00:00:77:77", 0x88A8, bytes.fromhex("0064 8100 000a 88b5") + bytes(80)),
}
"""Frames that QEMU's own vmxnet3 lets pass: it drops jumbo frames, and tagged ones whose IP header is none."""

SATA = Hardware(
    nics=("e1000", "vmxnet3"),
    disk="-device ich9-ahci,id=sata -device ide-hd,drive=disk0,bus=sata.0",
    others="-device VGA -drive if=none,id=config,format=raw,media=cdrom,readonly=on,file={config}"
    " -device ide-cd,drive=config,bus=sata.1",
)
SCSI = Hardware(
    nics=("vmxnet3", "e1000", "e1000", "vmxnet3"),
    disk="-device pvscsi,id=scsi -device scsi-hd,drive=disk0,bus=scsi.0,scsi-id=1,bootindex=0",
    others="-drive if=none,id=config,format=raw,file={config} -device scsi-hd,drive=config,bus=scsi.0,scsi-id=0",
)


def identity(role: str, slot: int | None, hostname: str, labels: list[str], nics: list[tuple[str, str]]) -> dict[str, object]:
    named = zip(labels, nics, strict=True)
    listed = [{"index": index, "mac": mac, "label": label} for index, (label, (_, mac)) in enumerate(named)]
    return {"role": role, "slot": slot, "hostname": hostname, "nics": listed}


class Chassis:
    """A controller and card 0 with two ports. The far ends of the wires are sockets of this test."""

    def __init__(self, folder: Path) -> None:
        image = store.find(settings.load().images, "reference")
        self.wires: list[socket.socket] = []
        nics = [("hubport,hubid=9", MAC.format(4, 0, 0)), (self.pair(folder, "vcp", "vfp"), MAC.format(4, 0, 1))]
        config = cd(folder / "vcp.iso", identity("controller", None, "solo", ["fxp0", "int"], nics))
        self.controller = Vm(folder, "solo", image, nics, direct=False, channel=False, hardware=given(SATA, config))
        nics = [("hubport,hubid=9", MAC.format(4, 1, 0)), (self.pair(folder, "vfp", "vcp"), MAC.format(4, 1, 1))]
        for port in (0, 1):
            wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            wire.bind(str(folder / f"far{port}"))
            wire.settimeout(5)
            self.wires.append(wire)
            nics.append((self.pair(folder, f"near{port}", f"far{port}"), MAC.format(4, 1, 2 + port)))
        labels = ["mgmt0", "int", "ge-0/0/0", "ge-0/0/1"]
        config = fat_disk(folder / "vfp.img", identity("card", 0, "solo-vfp0", labels, nics))
        self.card = Vm(folder, "solo-vfp0", image, nics, memory=160, direct=False, channel=False, hardware=given(SCSI, config))
        self.folder = folder

    @staticmethod
    def pair(folder: Path, here: str, there: str) -> str:
        return f"dgram,local.type=unix,local.path={folder / here},remote.type=unix,remote.path={folder / there}"

    def passes(self, frame: bytes, here: int, there: int) -> bool:
        """The frame comes out at the other wire; others before it are let pass."""
        self.wires[here].sendto(frame, str(self.folder / f"near{here}"))
        try:
            return any(self.wires[there].recv(20000) == frame for _ in range(50))
        except TimeoutError:
            return False


def given(hardware: Hardware, config: Path) -> Hardware:
    return Hardware(nics=hardware.nics, disk=hardware.disk, others=hardware.others.format(config=config))


@pytest.fixture(scope="module")
def chassis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chassis]:
    chassis = Chassis(tmp_path_factory.mktemp("h"))
    try:
        chassis.controller.start()
        chassis.card.start()
        yield chassis
    finally:
        chassis.controller.kill()
        chassis.card.kill()
        for wire in chassis.wires:
            wire.close()


def test_the_same_disk_boots_on_other_hardware_and_is_what_its_configuration_drive_says(chassis: Chassis) -> None:
    chassis.controller.log_in()  # its prompt has the host name of the drive
    controller = chassis.controller.shell("mount; dmesg; ps -e")
    assert re.search(r"/dev/sd[a-z]2 on / type ext4", controller)
    assert "this machine is controller" in controller
    assert re.search(r"(?m)^0\r?$", chassis.controller.shell("ls /sys/bus/virtio/devices | wc -l"))
    assert "sshd" not in controller
    assert "snmpd" not in controller
    assert "tty1" in controller, "there is a screen, and a login on it"
    chassis.card.log_in()
    card = chassis.card.shell("mount; dmesg; ip -o link show; ip -o -4 addr show")
    assert re.search(r"/dev/sd[ab]2 on / type ext4", card)
    assert "this machine is card 0" in card
    assert "128.0.0.16/16" in card


def test_the_cards_ports_show_on_the_controller_and_pass_frames(chassis: Chassis) -> None:
    vcp = chassis.controller
    for port in (0, 1):
        vcp.wait_for("ip -o link", rf"ge-0-0-{port}: .*LOWER_UP.*{MAC.format(4, 1, 2 + port)}", 60)
    password = f'set system root-authentication encrypted-password "{PASSWORD}"'
    # VMware's NIC carries 9000 bytes, of which a tunnel inside the router takes 50.
    ports = [f"set interfaces ge-0/0/{port} mtu 8964" for port in (0, 1)]
    told = vcp.shell("cli -c '" + "; ".join(["configure", password, *ports, "commit and-quit"]) + "'", 60)
    assert "commit complete" in told, told
    for here, there in ((0, 1), (1, 0)):
        vcp.shell(f"tc qdisc replace dev ge-0-0-{here} ingress")
        vcp.shell(
            f"tc filter replace dev ge-0-0-{here} parent ffff: protocol all prio 1 handle 1 matchall"
            f" action mirred egress redirect dev ge-0-0-{there}"
        )
        chassis.card.wait_for(f"cat /sys/class/net/p{here}/mtu", r"(?m)^8950\r?$", 20)
    # A NIC may start anew when its MTU changes: what is sent meanwhile is lost.
    for here in (0, 1):
        assert any(chassis.passes(FRAMES["foreign"], here, 1 - here) for _ in range(10))
    lost = [(name, here) for name, frame in TAGGED.items() for here in (0, 1) if not chassis.passes(frame, here, 1 - here)]
    assert lost == []
