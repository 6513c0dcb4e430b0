"""`show version`, `show system`, `show chassis`, `show arp` and the like."""

from __future__ import annotations

import json
import time

from .show_interfaces import links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]
    Card = dict[str, str | int]

RELEASE = "/usr/lib/rackless-router/version"
"""File of one line that the image's builder writes."""
CHASSIS = "/run/chassisd.json"
"""What the daemon that hears the cards knows of them."""


def version(session: Session, given: Given, operations: Operations) -> None:
    world = session.datastore.world
    release = (world.read(RELEASE) or "0.1.0").strip().splitlines()[0]
    kernel = world.run(["uname", "-sr"]).out.strip()
    session.out(f"Hostname: {session.host_name or 'router'}")
    session.out("Model: rackless-reference")
    session.out(f"Software release: Rackless reference router {release}")
    if kernel:
        session.out(f"Kernel: {kernel}")


def host(session: Session, given: Given, operations: Operations) -> None:
    session.out(session.host_name)


def uptime(session: Session, given: Given, operations: Operations) -> None:
    text = session.datastore.world.read("/proc/uptime") or "0 0"
    up = float(text.split()[0])
    now = time.time()
    session.out(f"Current time: {time.strftime('%Y-%m-%d %H:%M:%S %Z', time.localtime(now))}")
    session.out(f"System booted: {time.strftime('%Y-%m-%d %H:%M:%S %Z', time.localtime(now - up))} ({_ago(up)} ago)")
    loaded = session.datastore.loaded
    if loaded:
        when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(loaded))
        session.out(f"Last configured: {when} ({_ago(now - loaded)} ago)")


def _ago(seconds: float) -> str:
    days, rest = divmod(max(0, int(seconds)), 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def users(session: Session, given: Given, operations: Operations) -> None:
    for number, other in sorted(session.datastore.sessions.items()):
        mode = "configuration" if other.configuring else "operational"
        session.out(f"{other.user:<16} {other.terminal or '-':<12} session {number}, {mode} mode")


def processes(session: Session, given: Given, operations: Operations) -> None:
    session.out(f"{'Daemon':<12} State")
    for name in session.datastore.daemons():
        session.out(f"{name:<12} running")


def cli(session: Session, given: Given, operations: Operations) -> None:
    names = {0: "none", 1: "read-only", 2: "operator", 3: "super-user"}
    session.out(f"CLI screen length set to {'the terminal' if session.screen_length < 0 else session.screen_length}")
    session.out(f"CLI screen width set to {'the terminal' if session.screen_width < 0 else session.screen_width}")
    session.out(f"CLI user {session.user}, class {names[session.level]}")


def fpc(session: Session, given: Given, operations: Operations) -> None:
    """Cards, told by the daemon that speaks with them; else by the ports that are there."""
    session.out(f"{'Slot':>4} {'State':<12} {'Ports':>5}  Boot")
    for slot, card in sorted(_cards(session).items()):
        session.out(f"{slot:>4} {card['state']:<12} {card['ports']:>5}  {card['boot'] or '-'}")


def _cards(session: Session) -> dict[int, Card]:
    """Slot -> state, ports and boot: what the daemon that hears the cards has written, or the ports that are there."""
    text = session.datastore.world.read(CHASSIS)
    found: dict[int, Card] = {}
    if text:
        for card in json.loads(text)["cards"]:
            found[int(card["slot"])] = {"state": "Online", "ports": len(card["ports"]), "boot": str(card.get("boot", ""))}
        return found
    for name in links(session):
        if name.startswith("ge-"):
            slot = found.setdefault(int(name[3:].split("/")[0]), {"state": "Online", "ports": 0, "boot": ""})
            slot["ports"] = int(slot["ports"]) + 1
    return found


def hardware(session: Session, given: Given, operations: Operations) -> None:
    session.out(f"{'Item':<18} Description")
    session.out(f"{'Chassis':<18} Rackless reference router")
    session.out(f"{'Routing Engine 0':<18} Virtual controller (VCP)")
    for slot, card in sorted(_cards(session).items()):
        session.out(f"{f'FPC {slot}':<18} Virtual card (VFP)")
        session.out(f"{'  PIC 0':<18} {card['ports']}x 1GE")


def _neighbor_rows(session: Session, family: str) -> list[dict[str, str]]:
    done = session.datastore.world.run(["ip", "-j", family, "neighbor", "show"])
    return [row for row in json.loads(done.out or "[]") if row.get("lladdr")]


def _interface(name: str) -> str:
    from ..devices import logical_name

    return logical_name(name)


def arp(session: Session, given: Given, operations: Operations) -> None:
    rows = _neighbor_rows(session, "-4")
    session.out(f"{'MAC Address':<18} {'Address':<16} {'Interface':<16} Flags")
    for row in rows:
        session.out(f"{row['lladdr']:<18} {row['dst']:<16} {_interface(row['dev']):<16} none")
    session.out(f"Total entries: {len(rows)}")


def neighbors(session: Session, given: Given, operations: Operations) -> None:
    session.out(f"{'IPv6 Address':<40} {'Linklayer Address':<18} {'State':<11} Interface")
    for row in _neighbor_rows(session, "-6"):
        state = row.get("state", [""])[0].lower()
        session.out(f"{row['dst']:<40} {row['lladdr']:<18} {state:<11} {_interface(row['dev'])}")


def ntp(session: Session, given: Given, operations: Operations) -> None:
    if "chronyd" not in session.datastore.daemons():
        session.out("NTP is not running")
        return
    done = session.datastore.world.run(["chronyc", "-n", "sources"], deadline=10.0)
    session.out(done.out if done.code == 0 else f"chrony does not answer: {done.err.strip() or done.out.strip()}")


def snmp(session: Session, given: Given, operations: Operations) -> None:
    running = "snmpd" in session.datastore.daemons()
    session.out(f"SNMP agent: {'running' if running else 'not running'}")
