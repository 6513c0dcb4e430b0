"""Letting go of what one machine alone may have before its state becomes a template of many, and taking up what is one's own.

Between the two, the machine has no NIC, no name, no key, and no number that a second one must not have too.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from system import links
from system.becoming import MODULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PCI = Path("/sys/bus/pci")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
OWN_BOOT_ID = Path("/run/rackless/boot_id")
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
"""linux/random.h."""
MS_BIND = 4096
EARLY, EARLY_READY = Path("/run/rackless/early"), Path("/run/rackless/early.ready")
"""The role whose programs are started before it is known (rootfs: `as`), and the sign that they are in memory (mgmt.early)."""
EARLY_SECONDS = 120.0
READ_BEFORE = {
    "controller": "frr/zebra frr/mgmtd frr/staticd frr/ospfd x86_64-linux-gnu/frr/libfrr.so.0",
    "card": "",
    "host": "",
}
"""What the role runs when it knows who it is, below /usr/lib: in memory already, all machines of a template share it."""
PROGRAMS = ("/usr/sbin/ip", "/usr/sbin/tc", "/usr/sbin/nft", "/usr/sbin/sshd", "/usr/sbin/snmpd", "/usr/bin/ssh-keygen")


def network_cards() -> list[str]:
    """PCI addresses of the NICs (class 02, Ethernet), in the order of the bus."""
    return sorted(path.parent.name for path in PCI.glob("devices/*/class") if _read(path).startswith("0x0200"))


def let_go(role: str, daemons: tuple[str, ...], wake: Callable[[], None]) -> None:
    """Ready to be any machine of this role. Nothing is written down that another boot would find. `wake`: has what waits for the
    role look again.

    A NIC keeps the MAC it was found with, so none may be found yet: leaving its PCI driver, it is reset when it is taken up.
    """
    subprocess.run(["/sbin/modprobe", "-abq", *MODULES[role]], check=False, timeout=60)
    for module in daemons:
        import_module(module)
    if role == "controller":
        _start_early(wake)
    for program in [*PROGRAMS, *(f"/usr/lib/{name}" for name in READ_BEFORE[role].split())]:
        with contextlib.suppress(OSError):
            Path(program).read_bytes()
    for address in network_cards():
        driver = PCI / "devices" / address / "driver"
        if driver.exists():
            (driver / "unbind").write_text(address)
    os.sync()


def _start_early(wake: Callable[[], None]) -> None:
    """Have the management daemon in memory. It waits for the role like whatever else belongs to one."""
    EARLY.write_text("controller\n")
    wake()
    patience = time.monotonic() + EARLY_SECONDS
    while not EARLY_READY.exists() and time.monotonic() < patience:
        time.sleep(0.1)


def take_up(entropy: str) -> None:
    """Numbers and NICs of one's own. `entropy`: hexadecimal digits of the host's; what the kernel draws is unlike any
    other's after this, also where the machine has no way of telling it that it was copied."""
    stir(entropy)
    _new_boot_id()
    if "random" in sys.modules:
        sys.modules["random"].seed()
    for address in network_cards():
        if not (PCI / "devices" / address / "driver").exists():
            (PCI / "drivers_probe").write_text(address)


def stir(digits: str) -> None:
    """Mix random numbers of the host's into the kernel's, given as hexadecimal digits, and have it use them at once."""
    import fcntl
    import struct

    entropy = bytes.fromhex(digits)
    with open("/dev/urandom", "wb") as device:
        fcntl.ioctl(device, RNDADDENTROPY, struct.pack(f"ii{len(entropy)}s", 8 * len(entropy), len(entropy), entropy))
        fcntl.ioctl(device, RNDRESEEDCRNG)


def _new_boot_id() -> None:
    """The kernel draws its own once; cards and controllers know each other's boots by it."""
    import ctypes

    octets = bytearray(os.urandom(16))
    octets[6], octets[8] = octets[6] & 0x0F | 0x40, octets[8] & 0x3F | 0x80  # RFC 4122, version 4
    text = octets.hex()
    OWN_BOOT_ID.write_text(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}\n")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(OWN_BOOT_ID), os.fsencode(BOOT_ID), None, MS_BIND, None):
        links.say(f"this boot has no id of its own: {os.strerror(ctypes.get_errno())}")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
