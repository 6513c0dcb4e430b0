"""What a node can say of itself: as one that asks to join, and as one that reports its health."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import platform
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rackless.fabric.supervision import program_path
from rackless.model.errors import InputError
from rackless.model.fabric import Filesystem
from rackless.running import run

ASKING = 5.0
PRODUCT = Path("/sys/class/dmi/id/product_uuid")
MACHINE = Path("/etc/machine-id")


@dataclass(frozen=True, kw_only=True)
class Interface:
    """Where a node's address is. `network`: its subnet, as 10.0.0.0/24."""

    name: str
    mac: str
    network: str
    addresses: tuple[str, ...]


async def interface(address: str) -> Interface:
    """That has this address. Raises InputError when none has."""
    done = await run(["ip", "-j", "address", "show"], deadline=ASKING)
    for link in json.loads(done.out):
        for one in link.get("addr_info", ()):
            if one.get("local") == address:
                network = ipaddress.ip_interface(f"{address}/{one['prefixlen']}").network
                others = tuple(str(other.get("local")) for other in link["addr_info"])
                return Interface(name=link["ifname"], mac=link.get("address", ""), network=str(network), addresses=others)
    raise InputError(
        f"No interface of this machine has the address {address}.",
        hint="Give the one with which the other nodes reach it: `ip address` shows them.",
    )


def machine(found: Interface) -> str:
    """The digest of what tells this machine from a copy of its disk: the firmware's identity, which a hypervisor makes anew for a
    copy, and the address of its network card."""
    product = MACHINE
    told = [found.mac]
    for path in (PRODUCT, product):
        try:
            told.append(path.read_text(encoding="ascii").strip())
        except OSError:
            told.append("")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def memory() -> tuple[int, int]:
    """(bytes there are, bytes in use)."""
    found = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    total, free = (int(found[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    return total, total - free


def filesystem(path: Path) -> Filesystem:
    found = os.statvfs(path)
    size = (found.f_blocks - found.f_bfree + found.f_bavail) * found.f_frsize
    return Filesystem(path=str(path), size=size, used=(found.f_blocks - found.f_bfree) * found.f_frsize)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """`offset`: this clock minus its source's, seconds; None: it follows none."""

    offset: float | None = None
    source: str = ""


async def clock(control: Path | None) -> Clock:
    """As chrony says (chronyc(1), `-c tracking`). `control`: the socket of the fabric's own chronyd; None: the machine's."""
    if shutil.which("chronyc") is None:
        return Clock()
    where = ["-h", str(control)] if control is not None else []
    done = await run(["chronyc", *where, "-c", "-n", "tracking"], deadline=ASKING, check=False)
    words = done.out.decode(errors="replace").strip().split(",")
    if done.code or len(words) < 5 or words[1] in {"", "127.127.1.1"} or words[-1] == "Not synchronised":
        return Clock()
    return Clock(offset=-float(words[4]), source=words[1])


async def measured_offset(sources: Sequence[str]) -> float | None:
    """This clock minus that of the first source that answers, seconds, and it is not set. None: none answers."""
    for source in sources:
        said = await _chronyd("-Q", source, samples=1)
        found = re.search(r"System clock wrong by (-?[\d.]+) seconds", said)
        if found is not None:
            return -float(found[1])
    return None


async def set_clock(sources: Sequence[str]) -> bool:
    """Set this clock by the first source that answers. False: none does."""
    for source in sources:
        if "System clock wrong by" in await _chronyd("-q", source, samples=4):
            return True
    return False


async def _chronyd(way: str, source: str, *, samples: int) -> str:
    """What it says of a source that is asked once (chronyd(8): -q sets the clock, -Q does not)."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            f"server {source} iburst maxsamples {samples}",
            "cmdport 0",
            f"pidfile {folder}/pid",
            f"bindcmdaddress {folder}/sock",
        ]
        done = await run([program_path("chronyd"), way, "-t", "8", "-u", "root", *words], deadline=20, check=False)
    return (done.out + done.err).decode(errors="replace")


def in_use(address: str, ports: tuple[int, ...]) -> tuple[str, ...]:
    """Those of the ports that something else listens on."""
    found = []
    for port in ports:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind((address, port))
            except OSError:
                found.append(f"{address}:{port}")
    return tuple(found)


def processors() -> int:
    """Of this machine, also where who asks may use fewer: engines are not its children."""
    return os.cpu_count() or 1


def host() -> str:
    return platform.node()


def now() -> float:
    return time.time()
