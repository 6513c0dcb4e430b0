"""What a Linux host is made of and what goes on in it: out of /proc, /sys and, for sockets, /proc/net (proc(5)). Only reads."""

from __future__ import annotations

import ipaddress
import os
import platform
import pwd
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rackless.model.vmhost import (
    Bridge,
    DiskFacts,
    Filesystem,
    GuestUse,
    Hardware,
    HardwareItem,
    Interface,
    Netstat,
    Process,
    ResourceUse,
    Socket,
)

PROC, SYS = Path("/proc"), Path("/sys")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
REAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "squashfs", "overlay", "erofs", "f2fs"}
TCP = (
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
"""By their number, from 1 (Linux, include/net/tcp_states.h)."""
MOST_PROCESSES = 2000


def text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def number(path: Path) -> int:
    try:
        return int(text(path) or 0)
    except ValueError:
        return 0


# ---- hardware


def hardware(disks: tuple[DiskFacts, ...] = ()) -> Hardware:
    """`disks`: DiskFacts, from whoever knows which disk is which."""
    model = next(
        (line.partition(":")[2].strip() for line in text(PROC / "cpuinfo").splitlines() if line.startswith("model name")), ""
    )
    items = [_nic(folder) for folder in sorted((SYS / "class/net").glob("*")) if (folder / "device").exists()]
    items += [
        HardwareItem(name=folder.name, description=text(folder / "identity"))
        for folder in sorted((SYS / "class/watchdog").glob("watchdog*"))
    ]
    return Hardware(
        processor=model or platform.machine(),
        processors=os.cpu_count() or 1,
        memory=meminfo().get("MemTotal", 0),
        disks=disks,
        items=tuple(items),
    )


def _nic(folder: Path) -> HardwareItem:
    speed = number(folder / "speed") if text(folder / "operstate") == "up" else 0
    driver = (folder / "device/driver").resolve().name if (folder / "device/driver").exists() else ""
    return HardwareItem(
        name=folder.name, capacity=f"{speed} Mbps" if speed > 0 else "", serial=text(folder / "address"), description=driver
    )


def identity(name: str) -> str:
    """A field of the system's description (SMBIOS), as the kernel gives it."""
    return text(SYS / "class/dmi/id" / name)


def operating_system() -> str:
    lines = dict(line.split("=", 1) for line in text(Path("/etc/os-release")).splitlines() if "=" in line)
    return lines.get("PRETTY_NAME", "Linux").strip('"')


def meminfo() -> Mapping[str, int]:
    """Bytes."""
    rows = (line.split() for line in text(PROC / "meminfo").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 1}


# ---- processes


def processes(uptime: float | None = None) -> tuple[Process, ...]:
    up = uptime if uptime is not None else float(text(PROC / "uptime").split()[0])
    memory = meminfo().get("MemTotal", 1)
    found = [one for entry in PROC.iterdir() if entry.name.isdigit() and (one := _process(entry, up, memory)) is not None]
    return tuple(sorted(found, key=lambda each: each.pid)[:MOST_PROCESSES])


def _process(folder: Path, up: float, memory: int) -> Process | None:
    try:
        stat, owner = (folder / "stat").read_text(), folder.stat().st_uid
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    name, fields = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    seconds, resident = (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE
    lived = max(0.01, up - int(fields[19]) / TICKS)
    return Process(
        pid=int(folder.name),
        user=_user(owner),
        state=fields[0],
        cpu=round(100 * seconds / lived, 1),
        memory=round(100 * resident / memory, 1),
        resident=resident,
        seconds=round(seconds, 2),
        command=words[:200] or f"[{name}]",
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


# ---- use


def times() -> tuple[int, ...]:
    """Ticks of all processors, by what they did (user, nice, system, idle, ...)."""
    return tuple(int(word) for word in text(PROC / "stat").splitlines()[0].split()[1:])


def resources(before: tuple[int, ...], after: tuple[int, ...], guests: tuple[GuestUse, ...] = ()) -> ResourceUse:
    """Between two readings of `times`."""
    spent = [new - old for old, new in zip(before, after, strict=True)]
    total = max(1, sum(spent))
    memory = meminfo()
    user, idle = 100 * (spent[0] + spent[1]) / total, 100 * (spent[3] + spent[4]) / total
    return ResourceUse(
        cpu_user=round(user, 1),
        cpu_idle=round(idle, 1),
        cpu_system=round(max(0.0, 100 - user - idle), 1),
        memory=memory.get("MemTotal", 0),
        memory_used=memory.get("MemTotal", 0) - memory.get("MemAvailable", 0),
        swap=memory.get("SwapTotal", 0),
        swap_used=memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        filesystems=filesystems(),
        guests=guests,
    )


def filesystems() -> tuple[Filesystem, ...]:
    found: dict[str, Filesystem] = {}
    for line in text(PROC / "mounts").splitlines():
        device, mount, kind, options = line.split()[:4]
        mount = mount.replace("\\040", " ")
        if kind not in REAL or device in found:
            continue
        try:
            sizes = os.statvfs(mount)
        except OSError:
            continue
        size = sizes.f_blocks * sizes.f_frsize
        found[device] = Filesystem(
            device=device,
            mount=mount,
            size=size,
            used=size - sizes.f_bfree * sizes.f_frsize,
            read_only="ro" in options.split(","),
        )
    return tuple(found.values())


def load() -> tuple[float, float, float]:
    return os.getloadavg()


def booted_at() -> float:
    return time.time() - float(text(PROC / "uptime").split()[0])


# ---- network


def netstat() -> Netstat:
    sockets = [one for name in ("tcp", "tcp6", "udp", "udp6") for one in _sockets(name)]
    return Netstat(sockets=tuple(sockets), interfaces=interfaces())


def _sockets(name: str) -> Iterator[Socket]:
    for line in text(PROC / "net" / name).splitlines()[1:]:
        words = line.split()
        state, queues = int(words[3], 16), words[4].split(":")
        yield Socket(
            protocol=name,
            received=int(queues[1], 16),
            sent=int(queues[0], 16),
            local=_ending(words[1]),
            remote=_ending(words[2]),
            state=TCP[state - 1] if name.startswith("tcp") and 0 < state <= len(TCP) else "",
        )


def _ending(written: str) -> str:
    """`0100007F:0016`: the address in words of the machine's byte order, the port in hexadecimal."""
    host, port = written.split(":")
    data = b"".join(bytes.fromhex(host[place : place + 8])[::-1] for place in range(0, len(host), 8))
    return f"{ipaddress.ip_address(data)}:{int(port, 16) or '*'}"


def interfaces(names: Iterable[str] | None = None) -> tuple[Interface, ...]:
    addresses = _addresses()
    folders = sorted((SYS / "class/net").glob("*"))
    return tuple(_interface(each, addresses.get(each.name, ())) for each in folders if names is None or each.name in names)


def _interface(folder: Path, addresses: tuple[str, ...]) -> Interface:
    counted, flags = folder / "statistics", int(text(folder / "flags") or "0", 16)
    driver = (folder / "device/driver").resolve().name if (folder / "device/driver").exists() else ""
    return Interface(
        name=folder.name,
        mac=text(folder / "address"),
        mtu=number(folder / "mtu"),
        up=bool(flags & 1),
        carrier=bool(flags & 1) and number(folder / "carrier") == 1,
        addresses=addresses,
        received=number(counted / "rx_bytes"),
        sent=number(counted / "tx_bytes"),
        packets_received=number(counted / "rx_packets"),
        packets_sent=number(counted / "tx_packets"),
        errors_received=number(counted / "rx_errors"),
        errors_sent=number(counted / "tx_errors"),
        driver=driver,
        speed=max(0, number(folder / "speed")) if flags & 1 else 0,
    )


def _addresses() -> dict[str, tuple[str, ...]]:
    """IPv6 of /proc/net/if_inet6; IPv4 of the local addresses that the kernel's forwarding table has."""
    found: dict[str, list[str]] = {}
    for line in text(PROC / "net/if_inet6").splitlines():
        words = line.split()
        address = ipaddress.IPv6Address(bytes.fromhex(words[0]))
        found.setdefault(words[5], []).append(f"{address}/{int(words[2], 16)}")
    for name in socket.if_nameindex():
        address4 = _ipv4(name[1])
        if address4:
            found.setdefault(name[1], []).insert(0, address4)
    return {name: tuple(each) for name, each in found.items()}


def _ipv4(name: str) -> str:
    """With its prefix length (netdevice(7): SIOCGIFADDR and SIOCGIFNETMASK)."""
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        asked = struct.pack("16s24x", name.encode()[:15])
        try:
            address, mask = (fcntl.ioctl(end, number, asked)[20:24] for number in (0x8915, 0x891B))
        except OSError:
            return ""
    return f"{socket.inet_ntoa(address)}/{bin(int.from_bytes(mask, 'big')).count('1')}"


def default_interfaces() -> tuple[str, ...]:
    """Those that a default route goes out of: what the host is administered by."""
    lines = [line.split() for line in text(PROC / "net/route").splitlines()[1:]]
    return tuple(dict.fromkeys(words[0] for words in lines if words[1] == "00000000" and words[7] == "00000000"))


def bridges() -> tuple[Bridge, ...]:
    return tuple(
        Bridge(
            name=folder.name,
            identifier=text(folder / "bridge/bridge_id"),
            spanning_tree=number(folder / "bridge/stp_state") > 0,
            members=tuple(sorted(each.name for each in (folder / "brif").glob("*"))),
        )
        for folder in sorted((SYS / "class/net").glob("*"))
        if (folder / "bridge").is_dir()
    )
