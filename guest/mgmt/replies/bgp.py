"""`show bgp`, from FRR's JSON."""

from __future__ import annotations

from ..xmltree import Element
from .frr import ask, not_running
from .reply import information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]

RIBS = {"ipv4Unicast": "inet.0", "ipv6Unicast": "inet6.0"}


def summary(session: Session, given: Given) -> Element:
    absent = not_running(session, "BGP", "bgpd")
    if absent is not None:
        return absent
    answer: dict[str, Any] = ask(session, "bgpd", "show bgp summary json") or {}
    peers: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for family, found in answer.items():
        if isinstance(found, dict):
            for name, row in found.get("peers", {}).items():
                peers.setdefault(name, []).append((RIBS.get(family, family), row))
    root = information("bgp-information", "routing")
    root.add("group-count", len(session.datastore.running.get("protocols", {}).get("bgp", {}).get("group", {})))
    root.add("peer-count", len(peers))
    root.add("down-peer-count", sum(rows[0][1].get("state") != "Established" for rows in peers.values()))
    for name, rows in peers.items():
        row = rows[0][1]
        one = root.add("bgp-peer", junos_style="terse")
        one.add("peer-address", name)
        one.add("peer-as", row.get("remoteAs", 0))
        one.add("input-messages", row.get("msgRcvd", 0))
        one.add("output-messages", row.get("msgSent", 0))
        one.add("route-queue-count", row.get("outq", 0))
        one.add("flap-count", row.get("connectionsDropped", 0))
        one.add("elapsed-time", row.get("peerUptime", ""), junos_seconds=str(int(row.get("peerUptimeMsec", 0)) // 1000))
        one.add("peer-state", row.get("state", ""))
        for rib, counts in rows:
            if row.get("state") == "Established":
                _rib(one, rib, int(counts.get("pfxRcd", 0)))
    return root


def _rib(peer: Element, name: str, received: int) -> None:
    rib = peer.add("bgp-rib", junos_style="terse")
    rib.add("name", name)
    rib.add("active-prefix-count", received)
    rib.add("received-prefix-count", received)
    rib.add("accepted-prefix-count", received)
    rib.add("suppressed-prefix-count", 0)


def summary_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = [
        f"Groups: {root.value('group-count')} Peers: {root.value('peer-count')} Down peers: {root.value('down-peer-count')}\n",
        f"{'Peer':<24} {'AS':>10} {'InPkt':>10} {'OutPkt':>10} {'OutQ':>7} {'Flaps':>7} {'Last Up/Dwn':>12} State|#Received\n",
    ]
    for one in root.all("bgp-peer"):
        rib = one.find("bgp-rib")
        state = f"Establ {rib.value('received-prefix-count')}" if rib is not None else one.value("peer-state")
        lines.append(
            f"{one.value('peer-address'):<24} {one.value('peer-as'):>10} {one.value('input-messages'):>10} "
            f"{one.value('output-messages'):>10} {one.value('route-queue-count'):>7} {one.value('flap-count'):>7} "
            f"{one.value('elapsed-time'):>12} {state}\n"
        )
    return "".join(lines)


def neighbor(session: Session, given: Given) -> Element:
    absent = not_running(session, "BGP", "bgpd")
    if absent is not None:
        return absent
    answer: dict[str, Any] = ask(session, "bgpd", "show bgp neighbors json") or {}
    root = information("bgp-information", "routing")
    for name, row in answer.items():
        if not isinstance(row, dict) or given.get("neighbor-address", name) != name:
            continue
        one = root.add("bgp-peer", junos_style="detail")
        up = row.get("bgpState") == "Established"
        local, remote = str(row.get("hostLocal", "")), str(row.get("hostForeign", name))
        one.add("peer-address", f"{remote}+{row.get('portForeign', 179)}" if up else remote)
        one.add("peer-as", row.get("remoteAs", 0))
        if local:
            one.add("local-address", f"{local}+{row.get('portLocal', 179)}" if up else local)
        one.add("local-as", row.get("localAs", 0))
        if row.get("nbrDesc"):
            one.add("description", row["nbrDesc"])
        one.add("peer-group", row.get("peerGroup", ""))
        one.add("peer-type", "Internal" if row.get("remoteAs") == row.get("localAs") else "External")
        one.add("peer-state", row.get("bgpState", ""))
        one.add("flap-count", row.get("connectionsDropped", 0))
        one.add("last-error", row.get("lastResetDueTo", "None") if not up else "None")
        one.add("peer-id", row.get("remoteRouterId", ""))
        one.add("local-id", row.get("localRouterId", ""))
        one.add("active-holdtime", int(row.get("bgpTimerHoldTimeMsecs", 0)) // 1000)
        one.add("keepalive-interval", int(row.get("bgpTimerKeepAliveIntervalMsecs", 0)) // 1000)
        for family, counts in row.get("addressFamilyInfo", {}).items():
            if up:
                _rib(one, RIBS.get(family, family), int(counts.get("acceptedPrefixCounter", 0)))
    return root


def neighbor_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = []
    for one in root.children:
        lines += [
            f"Peer: {one.value('peer-address')} AS {one.value('peer-as')}   "
            f"Local: {one.value('local-address')} AS {one.value('local-as')}\n",
            f"  Group: {one.value('peer-group'):<22} Description: {one.value('description')}\n",
            f"  Type: {one.value('peer-type'):<11} State: {one.value('peer-state'):<14} Flaps: {one.value('flap-count')}\n",
            f"  Last Error: {one.value('last-error')}\n",
            f"  Peer ID: {one.value('peer-id'):<16} Local ID: {one.value('local-id'):<16} "
            f"Active Holdtime: {one.value('active-holdtime')}\n",
            f"  Keepalive Interval: {one.value('keepalive-interval')}\n",
        ]
        for rib in one.all("bgp-rib"):
            lines.append(f"  Table {rib.value('name')}\n    Received prefixes: {rib.value('received-prefix-count')}\n")
        lines.append("\n")
    return "".join(lines)
