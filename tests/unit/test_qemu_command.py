"""The command line: a pure function of the spec; nothing needless; what must not be missing is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))

import specs  # type: ignore[import-not-found]  # of the conformance suite, which is no package

from rackless.model.plan import Forward, MachineSpec
from rackless.qemu.command import KVM, TCG, Places, Virtualization, arguments


@dataclass(frozen=True)
class Boot:
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


def command(spec: MachineSpec, boot: Boot = Boot(), tap: str | None = None, how: Virtualization = TCG) -> list[str]:
    run = Path("/run/r")
    places = Places(
        monitor=run / "m", console=run / "9300", channel=run / "c", log=run / "log", disks=(Path("/d/with,comma.qcow2"),)
    )
    return arguments(spec, mark="site/lab/machine/west-vcp", places=places, boot=boot, how=how, tap=tap)


SPEC = specs.machine("lab", "west-vcp", console=9300, forward=23022)


def test_the_same_spec_gives_the_same_line_and_no_secret_or_default_device() -> None:
    assert command(SPEC) == command(replace(SPEC))
    assert "-nodefaults" in command(SPEC)
    assert "-S" in command(SPEC)


def test_every_mac_is_on_the_line_in_the_order_of_the_nics() -> None:
    devices = [word for word in command(SPEC) if word.startswith("virtio-net-pci")]
    assert [word.split("mac=")[1][:17] for word in devices] == [nic.mac for nic in SPEC.nics]


def test_a_nic_that_is_wired_live_has_a_sink_from_the_start() -> None:
    line = command(SPEC)
    for index in (1, 2, 3):
        assert f"hubport,id=n{index},hubid={index}" in line
        assert f"hubport,id=sink{index},hubid={index}" in line


def test_forwarded_ports_lead_from_loopback_to_the_planned_address_and_the_guest_gets_nowhere() -> None:
    user = next(word for word in command(SPEC) if word.startswith("user,"))
    assert "restrict=on" in user
    assert "dhcpstart=172.29.0.10" in user
    assert "hostfwd=tcp:127.0.0.1:23022-172.29.0.10:22" in user


def test_a_forwarded_udp_port_lifts_the_restriction_that_would_silence_its_answers() -> None:
    snmp = Forward(service="snmp", proto="udp", host_port=23161, guest_port=161)
    user = next(word for word in command(replace(SPEC, forwards=(*SPEC.forwards, snmp))) if word.startswith("user,"))
    assert "restrict=off" in user


@pytest.mark.parametrize(
    "address", ["192.0.2.1/24", "192.0.2.254/24", "192.0.2.2/24", "192.0.2.3/24", "10.9.8.6/30", "10.9.8.254/31"]
)
def test_a_static_address_never_collides_with_this_end_or_the_name_server(address: str) -> None:
    nic = replace(SPEC.nics[0], address=address)
    user = next(word for word in command(replace(SPEC, nics=(nic, *SPEC.nics[1:]))) if word.startswith("user,"))
    options = dict(part.split("=", 1) for part in user.split(",")[1:] if "=" in part)
    assert len({options["host"], options["dns"], options["dhcpstart"]}) == 3


def test_commas_in_paths_are_doubled() -> None:
    assert any("file=/d/with,,comma.qcow2" in word for word in command(SPEC))


def test_a_kernel_is_booted_directly_and_without_one_the_disk() -> None:
    direct = command(SPEC, Boot(kernel=Path("/i/kernel"), initrd=Path("/i/initrd"), append="quiet"))
    assert direct[direct.index("-kernel") + 1] == "/i/kernel"
    assert direct[direct.index("-append") + 1].split()[0] == "quiet"
    assert not any("bootindex" in word for word in direct)
    assert any("bootindex=0" in word for word in command(SPEC))


def test_only_emulated_guests_keep_libraries_in_one_place() -> None:
    """QEMU translates code anew for each address at which it lies; where the processor runs it, nothing is gained by it."""
    boot = Boot(kernel=Path("/i/kernel"), initrd=Path("/i/initrd"), append="quiet")
    told = {how.name: command(SPEC, boot, how=how) for how in (TCG, KVM)}
    assert {name: words[words.index("-append") + 1] for name, words in told.items()} == {
        "tcg": "quiet norandmaps",
        "kvm": "quiet",
    }


def test_a_tap_carries_no_offload_header() -> None:
    assert "tap,id=n0,ifname=rlt1,script=no,downscript=no,vnet_hdr=off" in command(SPEC, tap="rlt1")
