"""`show bgp`, from FRR's JSON."""

from __future__ import annotations

from ..xmltree import Element
from .frr import Protocol
from .reply import information, output
from .table import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from .frr import Speaker

    Given = dict[str, str]

BGP = Protocol("bgp", "BGP", "bgpd")
RIBS = {"ipv4Unicast": "inet.0", "ipv6Unicast": "inet6.0"}
UP = "Established"

PEER = Table(
    "bgp-peer",
    ("peer-address", "address", "Peer", 24),
    ("peer-as", "remoteAs", "AS", -10),
    ("input-messages", "msgRcvd", "InPkt", -10),
    ("output-messages", "msgSent", "OutPkt", -10),
    ("route-queue-count", "outq", "OutQ", -7),
    ("flap-count", "connectionsDropped", "Flaps", -7),
    ("elapsed-time", "peerUptime", "Last Up/Dwn", -12),
    ("peer-state", "state", "State|#Active/Received/Accepted/Damped...", 0),
)


def summary(session: Session, given: Given) -> Element:
    speakers = BGP.speakers(session, given)
    absent = speakers[0].absent() if speakers else output(f"{BGP.title} instance is not running\n")
    if absent is not None:
        return absent
    root = information("bgp-information", "routing")
    root.add("group-count", sum(len(speaker.configuration().get("group", {})) for speaker in speakers))
    found = [peer for speaker in speakers for peer in _peers(speaker).items()]
    root.add("peer-count", len(found))
    root.add("down-peer-count", sum(rows[0][1].get("state") != UP for _, rows in found))
    for address, rows in found:
        row = rows[0][1]
        one = PEER.add(root, {**row, "address": address})
        one.attributes["junos:style"] = "terse"
        uptime = one.find("elapsed-time")
        if uptime is not None:
            uptime.attributes["junos:seconds"] = str(int(row.get("peerUptimeMsec", 0)) // 1000)
        for rib, counts in rows:
            if row.get("state") == UP:
                _rib(one, rib, counts.get("pfxRcd", 0), counts.get("pfxSnt"))
    return root


def _peers(speaker: Speaker) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Address -> (table, counts) of each family."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for family, rows in speaker.ask("show bgp {vrf}summary json").items():
        for name, row in rows.get("peers", {}).items() if isinstance(rows, dict) else ():
            found.setdefault(name, []).append((speaker.table(RIBS.get(family, family)), row))
    return found


def _rib(peer: Element, name: str, received: int, sent: int | None) -> Element:
    rib = peer.add("bgp-rib", junos_style="terse")
    rib.add("name", name)
    rib.add("active-prefix-count", received)
    rib.add("received-prefix-count", received)
    rib.add("accepted-prefix-count", received)
    rib.add("suppressed-prefix-count", 0)
    if sent is not None:
        rib.add("advertised-prefix-count", sent)
    return rib


def summary_text(root: Element, given: Given) -> str:
    lines = [
        f"Groups: {root.value('group-count')} Peers: {root.value('peer-count')} Down peers: {root.value('down-peer-count')}\n",
        PEER.head(),
    ]
    for one in root.all("bgp-peer"):
        ribs = one.all("bgp-rib")
        line = PEER.line(one).rstrip()
        lines.append((line.removesuffix(one.value("peer-state")) + "Establ" if ribs else line) + "\n")
        for rib in ribs:
            counts = "/".join(rib.value(f"{name}-prefix-count") for name in ("active", "received", "accepted", "suppressed"))
            lines.append(f"  {rib.value('name')}: {counts}\n")
    return "".join(lines)


NEIGHBOR = (
    ("local-as", "localAs", "", 0),
    ("description", lambda row: row.get("nbrDesc"), "", 0),
    ("peer-group", "group", "", 0),
    ("peer-cfg-rti", "instance", "", 0),
    ("peer-fwd-rti", "instance", "", 0),
    ("peer-type", lambda row: "Internal" if row.get("remoteAs") == row.get("localAs") else "External", "", 0),
    ("peer-state", "bgpState", "", 0),
    ("flap-count", "connectionsDropped", "", 0),
    ("last-error", lambda row: row.get("lastResetDueTo", "None") if row.get("bgpState") != UP else "None", "", 0),
    ("peer-id", "remoteRouterId", "", 0),
    ("local-id", "localRouterId", "", 0),
    ("active-holdtime", lambda row: int(row.get("bgpTimerHoldTimeMsecs", 0)) // 1000, "", 0),
    ("keepalive-interval", lambda row: int(row.get("bgpTimerKeepAliveIntervalMsecs", 0)) // 1000, "", 0),
    ("bfd-configuration-state", lambda row: "enabled" if row.get("peerBfdInfo") else None, "", 0),
    (
        "bfd-operational-state",
        lambda row: row["peerBfdInfo"].get("status", "").lower() if row.get("peerBfdInfo") else None,
        "",
        0,
    ),
    ("input-messages", lambda row: row.get("messageStats", {}).get("totalRecv"), "", 0),
    ("input-updates", lambda row: row.get("messageStats", {}).get("updatesRecv"), "", 0),
    ("output-messages", lambda row: row.get("messageStats", {}).get("totalSent"), "", 0),
    ("output-updates", lambda row: row.get("messageStats", {}).get("updatesSent"), "", 0),
)


def neighbor(session: Session, given: Given) -> Element:
    speakers = BGP.speakers(session, given)
    absent = speakers[0].absent() if speakers else output(f"{BGP.title} instance is not running\n")
    if absent is not None:
        return absent
    root = information("bgp-information", "routing")
    for speaker in speakers:
        for name, row in speaker.ask("show bgp {vrf}neighbors json").items():
            if isinstance(row, dict) and given.get("neighbor-address", name) == name:
                root.append(_neighbor(speaker, name, row))
    return root


def _neighbor(speaker: Speaker, name: str, row: dict[str, Any]) -> Element:
    one = Element("bgp-peer", attributes={"junos:style": "detail"})
    up = row.get("bgpState") == UP
    local, remote = str(row.get("hostLocal", "")), str(row.get("hostForeign", name))
    one.add("peer-address", f"{remote}+{row.get('portForeign', 179)}" if up else remote)
    one.add("peer-as", row.get("remoteAs", 0))
    if local:
        one.add("local-address", f"{local}+{row.get('portLocal', 179)}" if up else local)
    groups = speaker.configuration().get("group", {})
    group = next((title for title, entry in groups.items() if name in entry.get("neighbor", {})), row.get("peerGroup", ""))
    fill(one, {**row, "group": group, "instance": speaker.instance}, *NEIGHBOR)
    settings = [groups.get(group, {}).get("neighbor", {}).get(name, {}), groups.get(group, {}), speaker.configuration()]
    for word in ("export", "import"):
        policies = next((entry[word] for entry in settings if word in entry), None)
        if policies:
            options = one.find("bgp-option-information") or one.add("bgp-option-information")
            options.add(f"{word}-policy", " ".join(policies))
    for family, counts in row.get("addressFamilyInfo", {}).items():
        if up:
            rib = _rib(one, speaker.table(RIBS.get(family, family)), counts.get("acceptedPrefixCounter", 0),
                       counts.get("sentPrefixCounter"))  # fmt: skip
            rib.add("send-state", "in sync")
    return one


def neighbor_text(root: Element, given: Given) -> str:
    return "\n".join(_neighbor_lines(one) for one in root.children)


def _neighbor_lines(one: Element) -> str:
    lines = [
        f"Peer: {one.value('peer-address')} AS {one.value('peer-as')} "
        f"Local: {one.value('local-address')} AS {one.value('local-as')}\n",
        *([f"  Description: {one.value('description')}\n"] if one.find("description") is not None else []),
        f"  Group: {one.value('peer-group'):<21} Routing-Instance: {one.value('peer-cfg-rti')}\n",
        f"  Forwarding routing-instance: {one.value('peer-fwd-rti')}\n",
        f"  Type: {one.value('peer-type'):<11} State: {one.value('peer-state')}\n",
        f"  Last Error: {one.value('last-error')}\n",
    ]
    for word in ("export", "import"):
        policies = one.value(f"bgp-option-information/{word}-policy")
        if policies:
            lines.append(f"  {word.capitalize()}: [ {policies} ]\n")
    lines += [
        f"  Number of flaps: {one.value('flap-count')}\n",
        f"  Peer ID: {one.value('peer-id'):<15} Local ID: {one.value('local-id'):<17} "
        f"Active Holdtime: {one.value('active-holdtime')}\n",
        f"  Keepalive Interval: {one.value('keepalive-interval')}\n",
    ]
    if one.find("bfd-configuration-state") is not None:
        lines.append(f"  BFD: {one.value('bfd-configuration-state')}, {one.value('bfd-operational-state')}\n")
    for rib in one.all("bgp-rib"):
        lines.append(f"  Table {rib.value('name')}\n    Send state: {rib.value('send-state')}\n")
        for title in ("Active", "Received", "Accepted", "Advertised"):
            lines.append(f"    {title + ' prefixes:':<27} {rib.value(f'{title.lower()}-prefix-count'):>4}\n")
    if one.find("input-messages") is not None:
        for word in ("Input", "Output"):
            total, updates = (one.value(f"{word.lower()}-{what}") for what in ("messages", "updates"))
            lines.append(f"  {word + ' messages:':<17} Total {total:<6} Updates {updates}\n")
    return "".join(lines)
