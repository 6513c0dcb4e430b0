"""zebra knows every address of the ports.

It hears of links on one socket and of addresses on another (FRR 8.4: zebra/kernel_netlink.c, dplane_netlink.c). On a busy machine
an address can be read before its link, and is passed over: a port that was made anew then has its address in the kernel, and no
routing protocol runs on it. So zebra is asked, and what it lacks is announced once more.
"""

from __future__ import annotations

import threading
import time

from system.ports import router_name
from system.vty import FOLDER, ask

from .part import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEADLINE = 120.0
"""Seconds until both know the same, after the last change; zebra needs up to 8 s to start under emulation."""
PAUSE = 0.5
"""Seconds between two looks; each is a question of 10 ms to zebra."""
_wake = threading.Event()
_lock = threading.Lock()
_serves = threading.Event()


def announce(engine: Engine) -> None:
    """Addresses, or zebra, have just come: look until it knows them all. Returns at once."""
    if not engine.world.live:
        return
    with _lock:
        _wake.set()
        if not _serves.is_set():
            _serves.set()
            threading.Thread(target=_serve, args=(engine,), name="announce", daemon=True).start()


def _serve(engine: Engine) -> None:
    while True:
        _wake.wait()
        _wake.clear()
        end = time.monotonic() + DEADLINE
        while engine.supervisor.running("zebra") and time.monotonic() < end and not settle(engine):
            if _wake.wait(PAUSE):
                _wake.clear()
                end = time.monotonic() + DEADLINE


def settle(engine: Engine, folder: str = FOLDER) -> bool:
    """Announce what zebra lacks. True when it lacked nothing."""
    known = ask("zebra", "show interface vrf all json", folder)
    if not known:
        return False
    try:
        there = engine.world.links()
    except OSError:
        return False
    lines = lacking(there, known)
    if lines:
        engine.log(f"zebra: {len(lines)} addresses are announced once more: {lines[0]}")
        engine.world.run(["ip", "-force", "-batch", "-"], "\n".join(lines) + "\n")
    return not lines


def lacking(there: list[dict[str, Any]], known: dict[str, Any]) -> list[str]:
    """`ip` commands that announce again the addresses of ports that the kernel has and zebra does not. Pure.

    Args:
        there: as `ip -j addr` has them.
        known: zebra's answer.
    """
    lines = []
    for link in there:
        name = link["ifname"]
        if router_name(name) in (None, "lo0", "em1", "fxp0"):
            continue
        has = {one.get("address") for one in known.get(name, {}).get("ipAddresses", ())}
        for one in link.get("addr_info", ()):
            address = f"{one['local']}/{one['prefixlen']}"
            if address not in has:
                lines.append(f"addr replace {address} dev {name}" + (" scope link" if one.get("scope") == "link" else ""))
    return lines
