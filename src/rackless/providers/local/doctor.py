"""What this machine can and can not do, found by trying it, with the way out."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from rackless.ether import links
from rackless.model.errors import RacklessError
from rackless.model.site import Site
from rackless.providers.contract import Finding
from rackless.providers.local import admission
from rackless.providers.local.layout import SOCKET_PATH_MOST, Layout
from rackless.providers.local.management import ADDRESS, choose
from rackless.providers.local.pressure import EASY, Pressure
from rackless.qemu import wireprobe
from rackless.qemu.accelerator import Accelerator, version
from rackless.qemu.command import TCG, BootImage
from rackless.settings import Settings

LEAST_MEMORY = 1024
"""MiB available: a router of two cards and its overhead."""
LEAST_DISK = 1024
"""MiB free: an image and a few overlays."""
KSM = Path("/sys/kernel/mm/ksm")


async def examine(
    settings: Settings, site: Site, find: Callable[[str], BootImage], images: tuple[str, ...] = ("reference",)
) -> AsyncIterator[Finding]:
    """All findings, in the order in which to mend things. Boots a tiny guest to try the accelerator (10 s at most)."""
    layout = Layout(settings)
    qemu = await _qemu()
    yield qemu
    for finding in _programs():
        yield finding
    kernel = None
    for name in images:
        finding, found = await asyncio.to_thread(_image, name, find)
        yield finding
        kernel = kernel or found
    if qemu.ok:
        yield await _accelerator(settings, kernel)
        yield await _wires()
    for finding in await asyncio.to_thread(_management, layout, site):
        yield finding
    for finding in (*_room(layout), _pressure(), _sharing()):
        yield finding


async def _qemu() -> Finding:
    try:
        return Finding(name="qemu", ok=True, detail=await version())
    except RacklessError as error:
        return Finding(name="qemu", ok=False, detail=error.message, hint=error.hint)


def _programs() -> list[Finding]:
    path = shutil.which("qemu-img")
    hint = "" if path else "Install the package qemu-utils."
    return [Finding(name="qemu-img", ok=path is not None, detail=path or "not installed", hint=hint)]


def _image(name: str, find: Callable[[str], BootImage]) -> tuple[Finding, Path | None]:
    try:
        image = find(name)
    except RacklessError as error:
        return Finding(name=f"image {name}", ok=False, detail=error.message, hint=error.hint), None
    return Finding(name=f"image {name}", ok=True, detail=str(image.disk)), image.kernel


async def _accelerator(settings: Settings, kernel: Path | None) -> Finding:
    wanted = os.environ.get("RACKLESS_ACCELERATOR", "auto")
    try:
        found = await Accelerator(settings.state / "accelerator.json", wanted).find(kernel)
    except RacklessError as error:
        return Finding(name="accelerator", ok=False, detail=error.message, hint=error.hint)
    slow = found.how.name == TCG.name
    hint = "Labs work, slower; a machine (or nested virtualisation) with a working /dev/kvm makes them fast." if slow else ""
    return Finding(name="accelerator", ok=True, detail=f"{found.how.name}: {found.why}", hint=hint)


async def _wires() -> Finding:
    """What a wire bears here, and what QEMU's other kinds would."""
    found = await wireprobe.measure()
    hint = (
        "Wires are datagram sockets whatever carries more: their ends come and go in any order, so a machine is started anew "
        "without its neighbours."
    )
    carries = not found[0].why
    return Finding(
        name="wires",
        ok=carries,
        detail=wireprobe.told(found),
        hint="" if carries and max(each.frames for each in found) == found[0].frames else hint,
    )


def _management(layout: Layout, site: Site) -> list[Finding]:
    user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    may = links.may_administer()
    hint = "" if may else "As root every fxp0 gets an address of its own; without, ports of this machine lead to it."
    found = [Finding(name="privilege", ok=True, detail=f"{user}, {'may' if may else 'may not'} make interfaces", hint=hint)]
    try:
        bridge = links.interface_name("rl-", layout.alias("", ""))
        choice = choose(site.management_network, bridge)
    except RacklessError as error:
        return [*found, Finding(name="management", ok=False, detail=error.message, hint=error.hint)]
    ok = choice.mode != ADDRESS or (may and shutil.which("dnsmasq") is not None)
    way_out = "" if ok else "Unset RACKLESS_MANAGEMENT, or run as root with dnsmasq-base installed."
    return [*found, Finding(name="management", ok=ok, detail=f"{choice.mode}: {choice.why}", hint=way_out)]


def _room(layout: Layout) -> list[Finding]:
    memory = admission.available_memory()
    disk = shutil.disk_usage(layout.state).free >> 20
    path = layout.longest_socket("x" * 32)
    return [
        Finding(
            name="memory",
            ok=memory >= LEAST_MEMORY,
            detail=f"{memory} MiB available",
            hint="" if memory >= LEAST_MEMORY else f"A small lab needs {LEAST_MEMORY} MiB.",
        ),
        Finding(
            name="disk",
            ok=disk >= LEAST_DISK,
            detail=f"{disk} MiB free in {layout.state}",
            hint="" if disk >= LEAST_DISK else "Free some space, or set RACKLESS_STATE to a larger file system.",
        ),
        Finding(
            name="socket paths",
            ok=path <= SOCKET_PATH_MOST,
            detail=f"at most {path} of {SOCKET_PATH_MOST} bytes in {layout.run}",
            hint="" if path <= SOCKET_PATH_MOST else "Set RACKLESS_RUN to a shorter directory.",
        ),
    ]


def _pressure() -> Finding:
    """What lets machines boot beside each other (pressure.py)."""
    processors = max(2, len(os.sched_getaffinity(0)))
    if Pressure("cpu").there:
        detail = (
            f"the kernel tells it: beyond {processors} machines, one more boots while less than {EASY:.0%} of the time is waited"
        )
        return Finding(name="pressure", ok=True, detail=detail, hint="")
    hint = "A kernel with CONFIG_PSI that was started with psi=1 lets more boot at once where there is room."
    return Finding(
        name="pressure",
        ok=True,
        detail=f"the kernel does not tell it (no PSI): {processors} machines boot at once, as many as processors",
        hint=hint,
    )


def _sharing(folder: Path = KSM) -> Finding:
    """Pages that several machines have together. Those from one warm template share its file in any case."""
    try:
        on = (folder / "run").read_text(encoding="ascii").strip() == "1"
        shared = int((folder / "pages_sharing").read_text(encoding="ascii")) * os.sysconf("SC_PAGE_SIZE") >> 20
    except OSError:
        on, shared, detail = False, 0, "the kernel does not look for equal pages (no KSM)"
    else:
        detail = f"the kernel looks for equal pages (KSM): {shared} MiB saved" if on else "KSM is off"
    hint = (
        "" if on else f"`echo 1 > {folder}/run` saves memory for processor time; what it finds equal, other guests can find out."
    )
    return Finding(
        name="page sharing",
        ok=True,
        detail=f"{detail}; machines from one warm template share what they have not written",
        hint=hint,
    )
