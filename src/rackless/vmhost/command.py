"""QEMU's command line of a guest of a VM host: a pure function of its configuration, its paths and what this host can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rackless.model.naming import digest
from rackless.qemu.command import CHANNEL_NAME, Virtualization, machine_uuid
from rackless.vmhost.channel import arguments as administrative_port
from rackless.vmhost.configuration import Guest, Nic


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Sockets (unix, at most 107 bytes each) and files of one guest. `serial` is the agent's, which offers it as `console`."""

    monitor: Path
    events: Path
    serial: Path
    console: Path
    console_log: Path
    channel: Path
    vmhost: Path
    log: Path
    disk: Path


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """What is booted directly; without a kernel, the disk's own boot loader."""

    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


def mac_of(guest: str, index: int) -> str:
    """A locally administered address that stays the same (IEEE 802, 8.2)."""
    tail = digest(f"vmhost|{guest}|{index}", 6)
    return "52:56:00:" + ":".join(tail[place : place + 2] for place in (0, 2, 4))


def arguments(
    guest: Guest, *, mark: str, paths: Paths, boot: Kernel, how: Virtualization, vfio: Sequence[tuple[str, ...]] = ()
) -> list[str]:
    """Everything after the program's name. It daemonizes when it listens.

    A guest that panics or shuts down stays as it is, for whoever comes to see: an agent that was not there at that moment,
    too. A guest whose watchdog is not fed is reset by QEMU itself, and needs nobody for that.

    Args:
        vfio: words for the NICs that are virtual functions, in their order.
    """
    words = ["-name", f"guest={guest.name},process=rackless-vm", "-uuid", machine_uuid(mark), "-daemonize"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc,usb=off,vmport=off,graphics=off"]
    words += [*how.arguments(guest.memory), "-smp", str(guest.processors), "-m", f"{guest.memory}M", "-rtc", "base=utc"]
    words += ["-D", str(paths.log), "-action", "panic=pause,shutdown=pause,reboot=reset,watchdog=reset"]
    if boot.kernel is not None:
        words += ["-kernel", str(boot.kernel), "-append", f"{boot.append} {how.append}".strip()]
        words += ["-initrd", str(boot.initrd)] if boot.initrd is not None else []
    words += _lines(guest, paths)
    words += ["-drive", f"if=none,id=disk0,file={_comma(paths.disk)},format=raw,discard=unmap,detect-zeroes=unmap"]
    words += ["-device", "virtio-blk-pci,drive=disk0" + ("" if boot.kernel is not None else ",bootindex=0")]
    left = list(vfio)
    for index, nic in enumerate(guest.nics):
        words += left.pop(0) if nic.sriov is not None else _nic(guest, nic, index)
    words += ["-device", "i6300esb"] if guest.watchdog else []
    words += ["-device", "pvpanic-pci", "-object", "rng-random,id=rng0,filename=/dev/urandom"]
    return [*words, "-device", "virtio-rng-pci,rng=rng0", "-device", "vmgenid,guid=auto"]


def _lines(guest: Guest, paths: Paths) -> list[str]:
    words = []
    for name, path in (("monitor", paths.monitor), ("events", paths.events)):
        words += ["-chardev", f"socket,id={name},path={_comma(path)},server=on,wait=off", "-mon", f"chardev={name},mode=control"]
    log = f"logfile={_comma(paths.console_log)},logappend=on"
    words += ["-chardev", f"socket,id=console,path={_comma(paths.serial)},server=on,wait=off,{log}"]
    words += ["-serial", "chardev:console"]
    if guest.channel or guest.administrative:
        words += ["-device", "virtio-serial-pci"]
    if guest.channel:
        words += ["-chardev", f"socket,id=channel,path={_comma(paths.channel)},server=on,wait=off"]
        words += ["-device", f"virtserialport,chardev=channel,name={CHANNEL_NAME}"]
    return words + (administrative_port(paths.vmhost) if guest.administrative else [])


def _nic(guest: Guest, nic: Nic, index: int) -> list[str]:
    backends = {
        "user": f"user,id=net{index},ipv6=off,restrict=on",
        "internal": f"hubport,id=net{index},hubid={index}",
        "bridge": f"bridge,id=net{index},br={nic.on}",
        "tap": f"tap,id=net{index},ifname={nic.on},script=no,downscript=no",
    }
    mac = nic.mac or mac_of(guest.name, index)
    return ["-netdev", backends[nic.how], "-device", f"virtio-net-pci,id=nic{index},netdev=net{index},mac={mac},romfile="]


def _comma(path: Path) -> str:
    """QEMU's option syntax doubles commas in values."""
    return str(path).replace(",", ",,")
