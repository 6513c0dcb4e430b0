"""The QEMU command line of a machine: a pure function of its spec, its paths and what this host can do."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rackless.model.family import DiskBus, NicModel, NicRole
from rackless.model.naming import digest
from rackless.model.plan import MachineSpec, NicSpec

MACHINE = "pc,usb=off,vmport=off,graphics=off"
"""Type and properties of every machine, as -machine has them."""
RAM = "pc.ram"
"""What QEMU calls the memory of a machine of that type."""
CHANNEL_NAME = "org.rackless.channel.0"
"""Name of the virtio-serial port of the host channel (docs/reference/host-channel.md)."""


class Booted(Protocol):
    """What direct kernel boot needs. Without a kernel the disk boots from its own bootloader."""

    @property
    def kernel(self) -> Path | None: ...
    @property
    def initrd(self) -> Path | None: ...
    @property
    def append(self) -> str: ...


class BootImage(Booted, Protocol):
    """What the provider needs of an image; `disk` is what the overlays stand on."""

    @property
    def disk(self) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where one machine's sockets and disks are."""

    monitor: Path
    console: Path
    channel: Path
    log: Path
    disks: tuple[Path, ...]
    config: Path | None = None
    """A configuration drive."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A guest's memory as a file. `shared`: what the guest writes goes into it; else the file stays as it is, and every machine
    that has it has a copy of its own of what it writes to."""

    file: Path
    shared: bool


@dataclass(frozen=True, kw_only=True)
class Virtualization:
    """How guests run here: accelerator and processor, as QEMU names them."""

    name: str
    cpu: str
    append: str = ""
    """What a Linux guest's command line says because of it, when its kernel is booted directly."""

    def arguments(self, memory: int) -> list[str]:
        """The accelerator's part of the command line of a guest with `memory` MiB."""
        cache = f",tb-size={translation_cache(memory)}" if self.name == "tcg" else ""
        return ["-accel", self.name + cache, "-cpu", self.cpu]


TCG = Virtualization(name="tcg", cpu="qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+rdrand", append="norandmaps")
"""Emulation. This CPU boots the reference image with 8 to 10 % less work than `max` (4.5 against 4.9 CPU-seconds).

QEMU keeps translated code by its virtual address: with each program's libraries at a place of their own it translates the same
code again for each program that uses them. Measured on a controller of two cards that was set up, with room for all of it:
217 MiB of translated code, 150 with `norandmaps`; on a card 113 and 98.
"""
KVM = Virtualization(name="kvm", cpu="host")


def translation_cache(memory: int) -> int:
    """MiB for translated code, of which QEMU's own default is a part of the host's memory. A cache that is full is emptied and
    filled anew, so it has room for what a machine translates until it is set up: 150 MiB in a controller of 256 MiB, 98 in a card
    of 160 (measured)."""
    return min(max(96, memory * 3 // 4), 256)


def machine_uuid(mark: str) -> str:
    """The machine's UUID, computed from its ownership mark."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"rackless:{mark}"))


def nic_device(index: int) -> str:
    """Device id of a NIC, as `set_link` takes it."""
    return f"nic{index}"


def nic_port(index: int) -> str:
    """Id of the hub port right behind a NIC; capture listens here."""
    return f"n{index}"


def peer_ids(nic: int, segment: str, peer: str) -> tuple[str, str]:
    """Ids of the datagram end and of its hub port, for one peer of a NIC on a segment."""
    tail = digest(f"{segment}|{peer}", 10)
    return f"u{nic}-{tail}", f"h{nic}-{tail}"


def arguments(
    spec: MachineSpec,
    *,
    mark: str,
    places: Places,
    boot: Booted,
    how: Virtualization,
    tap: str | None = None,
    alone: bool = False,
    memory: Memory | None = None,
    waiting: bool = False,
) -> list[str]:
    """Everything after the program's name. The machine starts paused (-S), and daemonizes when it listens.

    Args:
        tap: name of the interface for the management NIC; None: user-mode network with forwarded ports.
        memory: a file for its memory; None: memory of its own. The machine is the same either way.
        waiting: for a state to be read in (qemu.state), instead of beginning with its boot.
        alone: in the foreground and at once, without a host channel, and not again after a reboot.
    """
    words = ["-name", f"guest={spec.sandbox}.{spec.name},process=rackless-vm", "-uuid", machine_uuid(mark)]
    words += ["-nodefaults", "-no-user-config", "-display", "none", *(["-no-reboot"] if alone else ["-S", "-daemonize"])]
    backend = f",memory-backend={RAM}" if memory is not None else ""
    words += ["-machine", MACHINE + backend, *how.arguments(spec.memory)]
    words += _memory(spec, memory) + (["-incoming", "defer"] if waiting else [])
    words += ["-smp", str(spec.vcpus), "-m", f"{spec.memory}M", "-rtc", "base=utc", "-D", str(places.log)]
    if boot.kernel is not None:
        words += ["-kernel", str(boot.kernel), "-append", f"{boot.append} {how.append}".strip()]
        if boot.initrd is not None:
            words += ["-initrd", str(boot.initrd)]
    # One that has a configuration drive has no host channel: its guest would wait there for who it is.
    words += _characters(places, channel=not alone and not spec.config_drive)
    words += [*_smbios(spec), *_disks(spec, places, boot)]
    for nic in spec.nics:
        words += _nic(spec, nic, tap)
    words += ["-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"]
    words += ["-device", "vmgenid,guid=auto"]
    return words


def _memory(spec: MachineSpec, memory: Memory | None) -> list[str]:
    """QEMU's own memory has this name without more; so has a file then (QEMU, hw/core/machine.c: create_default_memdev), and a
    state that was saved with the one can be read in with the other."""
    if memory is None:
        return []
    share = "on" if memory.shared else "off"
    text = f"memory-backend-file,id={RAM},size={spec.memory}M,mem-path={_comma(memory.file)},share={share}"
    return ["-object", f"{text},x-use-canonical-path-for-ramblock-id=off"]


def _smbios(spec: MachineSpec) -> list[str]:
    if not spec.smbios:
        return []
    return ["-smbios", ",".join(["type=1", *(f"{key}={value.replace(',', ',,')}" for key, value in spec.smbios)])]


DISKS = {
    DiskBus.VIRTIO: "virtio-blk-pci,drive={disk}",
    DiskBus.IDE: "ide-hd,drive={disk}",
    DiskBus.SATA: "ide-hd,drive={disk},bus=sata.{place}",
    DiskBus.SCSI: "scsi-hd,drive={disk}",
    DiskBus.USB: "usb-storage,drive={disk}",
}
CONTROLLERS = {DiskBus.SATA: "ich9-ahci,id=sata", DiskBus.SCSI: "virtio-scsi-pci,id=scsi", DiskBus.USB: "piix3-usb-uhci,id=usb"}
NICS = {NicModel.VIRTIO: "virtio-net-pci", NicModel.E1000: "e1000", NicModel.VMXNET3: "vmxnet3"}


def _disks(spec: MachineSpec, places: Places, boot: Booted) -> list[str]:
    buses = [disk.bus or spec.disk_bus for disk in spec.disks]
    words = [word for bus, device in CONTROLLERS.items() if bus in buses for word in ("-device", device)]
    for number, (path, bus) in enumerate(zip(places.disks, buses, strict=True)):
        words += ["-drive", f"if=none,id=disk{number},file={_comma(path)},format=qcow2,discard=unmap"]
        device = DISKS[bus].format(disk=f"disk{number}", place=number)
        # With a kernel, the first place in the boot order is that kernel's.
        words += ["-device", device + (f",bootindex={number}" if boot.kernel is None else "")]
    if places.config is not None:
        words += ["-drive", f"if=none,id=config,file={_comma(places.config)},format=raw,media=cdrom,readonly=on"]
        words += ["-device", "ide-cd,drive=config"]
    return words


def _characters(places: Places, *, channel: bool) -> list[str]:
    words: list[str] = []
    lines = {"monitor": places.monitor, "console": places.console} | ({"channel": places.channel} if channel else {})
    for name, path in lines.items():
        words += ["-chardev", f"socket,id={name},path={_comma(path)},server=on,wait=off"]
    words += ["-mon", "chardev=monitor,mode=control", "-serial", "chardev:console"]
    if channel:
        words += ["-device", "virtio-serial-pci", "-device", f"virtserialport,chardev=channel,name={CHANNEL_NAME}"]
    return words


def _nic(spec: MachineSpec, nic: NicSpec, tap: str | None) -> list[str]:
    port = nic_port(nic.index)
    device = f"{NICS[spec.nic_model]},id={nic_device(nic.index)},netdev={port},mac={nic.mac},romfile="
    if nic.role is NicRole.MANAGEMENT:
        backend = f"tap,id={port},ifname={tap},script=no,downscript=no,vnet_hdr=off" if tap else _user(spec, nic)
        return ["-netdev", backend, "-device", device]
    # The second hub port has no peer for ever: without it the first frame sent while unplugged stalls the NIC's transmit.
    hub, sink = f"hubport,id={port},hubid={nic.index}", f"hubport,id=sink{nic.index},hubid={nic.index}"
    return ["-netdev", hub, "-device", device, "-netdev", sink]


def _user(spec: MachineSpec, nic: NicSpec) -> str:
    """User-mode network whose only lease is the planned address. The guest reaches nothing by itself (restrict), unless a
    UDP port is forwarded: the restriction drops the guest's answers to those too, and SNMP would be silent."""
    restrict = "off" if any(forward.proto == "udp" for forward in spec.forwards) else "on"
    text = f"user,id={nic_port(nic.index)},ipv6=off,restrict={restrict}"
    if nic.address is None:
        return text
    address = ipaddress.IPv4Interface(nic.address)
    # The forwarder wants three addresses; of a smaller network it takes the surrounding /24, with its own end inside.
    network = address.network if address.network.prefixlen <= 24 else address.network.supernet(new_prefix=24)
    ours = next((each for each in address.network.hosts() if each != address.ip), network[1])
    name_server = next(each for each in (network[-2], network[-3], network[-4]) if each not in (address.ip, ours))
    text += f",net={network},host={ours},dns={name_server},dhcpstart={address.ip}"
    for forward in spec.forwards:
        text += f",hostfwd={forward.proto}:127.0.0.1:{forward.host_port}-{address.ip}:{forward.guest_port}"
    return text


def _comma(path: Path) -> str:
    """QEMU's option syntax doubles commas in values."""
    return str(path).replace(",", ",,")
