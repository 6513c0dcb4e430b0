"""`show bfd session`, from bfdd. Times in seconds, as the dialect prints them."""

from __future__ import annotations

from ..devices import instances, vrf_name
from ..routing.exterior import peers
from ..xmltree import Element
from .frr import ask, logical
from .reply import information
from .system import ago
from .table import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]


def _seconds(milliseconds: Any) -> str:
    return f"{int(milliseconds or 0) / 1000:.3f}"


def _transmission(row: Any) -> int:
    """RFC 5880, 6.8.7: not oftener than we want to, and than the neighbor wants to hear."""
    return max(int(row.get("transmit-interval", 0)), int(row.get("remote-receive-interval", 0)))


def _detection(row: Any) -> int:
    """RFC 5880, 6.8.4: the neighbor's multiplier, times what was agreed for its direction."""
    agreed = max(int(row.get("receive-interval", 0)), int(row.get("remote-transmit-interval", 0)))
    return agreed * int(row.get("remote-detect-multiplier") or row.get("detect-multiplier") or 1)


STATES = {"up": "Up", "down": "Down", "init": "Init", "shutdown": "AdminDown"}
SESSION = Table(
    "bfd-session",
    ("session-neighbor", "peer", "Address", 24),
    ("session-state", lambda row: STATES.get(row.get("status", ""), row.get("status")), "State", 9),
    ("session-interface", "interface-name", "Interface", 14),
    ("session-detection-time", lambda row: _seconds(_detection(row)), "Time", -8),
    ("session-transmission-interval", lambda row: _seconds(_transmission(row)), "Interval", -9),
    ("session-adaptive-multiplier", lambda row: row.get("detect-multiplier", 3), "Multiplier", -10),
)
EXTENSIVE = (
    ("session-up-time", lambda row: ago(row["uptime"]) if "uptime" in row else None, "", 0),
    ("session-down-time", lambda row: ago(row["downtime"]) if "downtime" in row else None, "", 0),
    ("local-diagnostic", lambda row: _diagnostic(row.get("diagnostic")), "", 0),
    ("remote-diagnostic", lambda row: _diagnostic(row.get("remote-diagnostic")), "", 0),
    ("remote-state", lambda row: "Up" if row.get("status") == "up" else "Down", "", 0),
    ("session-version", lambda _: 1, "", 0),
    ("session-type", lambda row: "Multi hop BFD" if row.get("multihop") else "Single hop BFD", "", 0),
    ("minimum-asynchronous-interval", lambda row: _seconds(row.get("transmit-interval")), "", 0),
    ("minimum-slow-interval", lambda row: _seconds(max(1000, int(row.get("transmit-interval", 0)))), "", 0),
    ("adaptive-asynchronous-transmission-interval", lambda row: _seconds(row.get("transmit-interval")), "", 0),
    ("adaptive-reception-interval", lambda row: _seconds(row.get("receive-interval")), "", 0),
    ("minimum-transmission-interval", lambda row: _seconds(row.get("transmit-interval")), "", 0),
    ("minimum-reception-interval", lambda row: _seconds(row.get("receive-interval")), "", 0),
    ("detection-multiplier", lambda row: row.get("detect-multiplier", 3), "", 0),
    ("neighbor-minimum-transmission-interval", lambda row: _seconds(row.get("remote-transmit-interval")), "", 0),
    ("neighbor-minimum-reception-interval", lambda row: _seconds(row.get("remote-receive-interval")), "", 0),
    ("neighbor-session-multiplier", lambda row: row.get("remote-detect-multiplier", 0), "", 0),
    ("local-discriminator", lambda row: row.get("id", 0), "", 0),
    ("remote-discriminator", lambda row: row.get("remote-id", 0), "", 0),
    ("echo-mode-desired", lambda _: "disabled", "", 0),
    ("echo-mode-state", lambda _: "inactive", "", 0),
)


def _diagnostic(word: Any) -> str:
    return "None" if word in (None, "ok") else str(word)


def sessions(session: Session, given: Given) -> Element:
    root = information("bfd-session-information", "bfd")
    rows = [row for vrf in _vrfs(session) for row in ask(session, "bfdd", f"show bfd {vrf}peers json") or ()]
    long = "detail" in given or "extensive" in given
    rows = [row for row in rows if given.get("address", row.get("peer")) == row.get("peer")]
    for row in rows:
        kept = {**row, "interface-name": logical(session, row["interface"]) if row.get("interface") else ""}
        one = SESSION.add(root, kept)
        if long:
            for client in _clients(session, kept):
                made = one.add("bfd-client")
                made.add("client-name", client)
                made.add("client-transmission-interval", _seconds(row.get("transmit-interval")))
                made.add("client-reception-interval", _seconds(row.get("receive-interval")))
            fill(one, kept, *EXTENSIVE)
    shown = root.all("bfd-session")
    root.add("sessions", len(shown))
    root.add("clients", sum(len(_clients(session, row)) for row in rows))
    for name, way in (("transmission", _transmission), ("reception", _reception)):
        rate = sum(1000 / way(row) for row in rows if row.get("status") == "up" and way(row))
        root.add(f"cumulative-{name}-rate", f"{rate:.1f}")
    return root


def _reception(row: Any) -> int:
    return max(int(row.get("receive-interval", 0)), int(row.get("remote-transmit-interval", 0)))


def _vrfs(session: Session) -> list[str]:
    return ["", *(f"vrf {vrf_name(name)} " for name in instances(session.datastore.running))]


def _clients(session: Session, row: Any) -> list[str]:
    """The protocols that asked for a session, by the configuration: bfdd does not tell."""
    running = session.datastore.running
    here = next((one for name, one in instances(running).items() if vrf_name(name) == row.get("vrf")), running)
    protocols = here.get("protocols", {})
    found = []
    for peer in peers(protocols.get("bgp", {}), ""):
        if row.get("peer") == peer.address and "bfd-liveness-detection" in peer.options:
            found.append("BGP")
    name = logical(session, row["interface"]) if row.get("interface") else ""
    for area in protocols.get("ospf", {}).get("area", {}).values():
        if "bfd-liveness-detection" in _interface(area, name):
            found.append("OSPF")
    if "bfd-liveness-detection" in _interface(protocols.get("isis", {}), name):
        found.append("ISIS")
    return found


def _interface(tree: Any, name: str) -> Any:
    listed = tree.get("interface", {})
    return listed.get(name, listed.get(name.removesuffix(".0"), {}))


HEAD = f"{'':<50}{'Detect':>7} {'Transmit':>9}\n"


def sessions_text(root: Element, given: Given) -> str:
    lines = [HEAD, SESSION.head()]
    for one in root.all("bfd-session"):
        lines.append(SESSION.line(one))
        for client in one.all("bfd-client"):
            lines.append(f" Client {client.value('client-name')}, TX interval {client.value('client-transmission-interval')}, "
                         f"RX interval {client.value('client-reception-interval')}\n")  # fmt: skip
        if one.find("session-version") is not None:
            lines += _long_lines(one, extensive="extensive" in given)
    lines.append(f"\n{root.value('sessions')} sessions, {root.value('clients')} clients\n")
    lines.append(f"Cumulative transmit rate {root.value('cumulative-transmission-rate')} pps, "
                 f"cumulative receive rate {root.value('cumulative-reception-rate')} pps\n")  # fmt: skip
    return "".join(lines)


def _long_lines(one: Element, *, extensive: bool) -> list[str]:
    since = "up" if one.find("session-up-time") is not None else "down"
    lines = [
        f" Session {since} time {one.value(f'session-{since}-time')}\n",
        f" Local diagnostic {one.value('local-diagnostic')}, remote diagnostic {one.value('remote-diagnostic')}\n",
        f" Remote state {one.value('remote-state')}, version {one.value('session-version')}\n",
        f" Session type: {one.value('session-type')}\n",
    ]
    if extensive:
        lines += [
            f" Min async interval {one.value('minimum-asynchronous-interval')}, "
            f"min slow interval {one.value('minimum-slow-interval')}\n",
            f" Adaptive async TX interval {one.value('adaptive-asynchronous-transmission-interval')}, "
            f"RX interval {one.value('adaptive-reception-interval')}\n",
            f" Local min TX interval {one.value('minimum-transmission-interval')}, "
            f"minimum RX interval {one.value('minimum-reception-interval')}, multiplier {one.value('detection-multiplier')}\n",
            f" Remote min TX interval {one.value('neighbor-minimum-transmission-interval')}, "
            f"min RX interval {one.value('neighbor-minimum-reception-interval')}, "
            f"multiplier {one.value('neighbor-session-multiplier')}\n",
            f" Local discriminator {one.value('local-discriminator')}, "
            f"remote discriminator {one.value('remote-discriminator')}\n",
            f" Echo mode {one.value('echo-mode-desired')}/{one.value('echo-mode-state')}\n",
        ]
    return lines
