"""Network interfaces of this Linux: what they are (sysfs), their changes (netlink), and changing them (`ip`, `tc`)."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from system.netlink import RTMGRP_LINK

SYSFS = Path("/sys/class/net")
IFF_UP = 0x1
MOST_EVERYWHERE = 9000
"""MTU that vmxnet3 and most clouds' NICs stop at (VMXNET3_MAX_MTU in Linux' vmxnet3_defs.h)."""


@dataclass(frozen=True, kw_only=True)
class Link:
    name: str
    mac: str
    mtu: int
    up: bool
    carrier: bool
    """False too for an interface that is down: the kernel doesn't tell then."""


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def read(name: str) -> Link | None:
    """The interface as it is now, None when there is none of that name."""
    base = SYSFS / name
    flags = _text(base / "flags")
    if not flags:
        return None
    return Link(
        name=name,
        # A member of an aggregate shows the aggregate's, and its own in its bond's data.
        mac=_text(base / "bonding_slave/perm_hwaddr") or _text(base / "address"),
        mtu=int(_text(base / "mtu") or 0),
        up=bool(int(flags, 16) & IFF_UP),
        carrier=_text(base / "carrier") == "1",
    )


def index(name: str) -> str:
    """The kernel's number of an interface, which it never gives twice; "" when there is none of that name."""
    return _text(SYSFS / name / "ifindex")


def names() -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in SYSFS.iterdir()))


def physical() -> tuple[str, ...]:
    """NICs in the order of their bus addresses, which is the order of the host's device list whatever they are called."""
    found = [(os.path.realpath(SYSFS / name / "device"), name) for name in names() if (SYSFS / name / "device").exists()]
    return tuple(name for _, name in sorted(found))


def monitor() -> socket.socket:
    """A non-blocking socket that becomes readable when any link changes; `drain` it and read the links anew."""
    watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    watch.bind((0, RTMGRP_LINK))
    return watch


def drain(watch: socket.socket) -> None:
    """Throw away what waits in the socket. An overrun (ENOBUFS) only means that more has changed."""
    while True:
        try:
            watch.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            say(f"netlink: {error}")


def say(text: str) -> None:
    """One line into the kernel's log, where `dmesg` and a console with loglevel 7 show it."""
    try:
        with open("/dev/kmsg", "w") as log:
            log.write(f"<6>rackless: {text}\n")
    except OSError:
        os.write(2, f"{text}\n".encode())


def mtu_lines(name: str, mtu: int) -> list[str]:
    """Lines for a batch with `force`: a NIC that can't have that MTU gets the most that every kind of NIC can have."""
    return [*([f"link set {name} mtu {MOST_EVERYWHERE}"] if mtu > MOST_EVERYWHERE else []), f"link set {name} mtu {mtu}"]


def batch(program: str, lines: Iterable[str], *, force: bool = False, deadline: float = 30) -> str:
    """Run `ip -batch` or `tc -batch` over all lines in one process. `force` goes on after a line that fails.

    Returns:
        What it complained about, "" when nothing.
    """
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        return ""
    command = [f"/usr/sbin/{program}", *(["-force"] if force else []), "-batch", "-"]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=deadline, check=False)
    except subprocess.TimeoutExpired:
        return f"{program} did not end within {deadline:g} s"
    if done.returncode and not force:
        say(f"{program} batch failed: {done.stderr.strip()}")
    return done.stderr.strip() if done.returncode else ""
