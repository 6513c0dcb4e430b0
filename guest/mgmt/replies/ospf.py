"""`show ospf` and `show ospf3`, from FRR."""

from __future__ import annotations

import re

from ..xmltree import Element
from .frr import Protocol
from .reply import information
from .table import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from .frr import Speaker
    from .table import Row

    Given = dict[str, str]

OSPF = Protocol("ospf", "OSPF", "ospfd")
OSPF3 = Protocol("ospf3", "OSPF3", "ospf6d")


def _long(given: Given) -> bool:
    return "extensive" in given or "detail" in given


def _area(row: Row, key: str) -> str:
    return str(row.get(key, "")).partition(" ")[0]


# ---- neighbors


NEIGHBOR = Table(
    "ospf-neighbor",
    ("neighbor-address", "ifaceAddress", "Address", 16),
    ("interface-name", "interface", "Interface", 22),
    ("ospf-neighbor-state", lambda row: str(row.get("nbrState", "")).partition("/")[0], "State", 9),
    ("neighbor-id", "identity", "ID", 15),
    ("neighbor-priority", "nbrPriority", "Pri", -4),
    ("activity-timer", lambda row: int(row.get("routerDeadIntervalTimerDueMsec", 0)) // 1000, "Dead", -5),
)
NEIGHBOR_LONG = (
    ("ospf-area", lambda row: _area(row, "areaId"), "", 0),
    ("options", lambda row: f"0x{row.get('optionsCounter', 0):x}", "", 0),
    ("dr-address", lambda row: row.get("routerDesignatedId", "0.0.0.0"), "", 0),
    ("bdr-address", lambda row: row.get("routerDesignatedBackupId", "0.0.0.0"), "", 0),
    ("neighbor-up-time", lambda row: _clock(row.get("lastPrgrsvChangeMsec", 0)), "", 0),
    ("neighbor-adjacency-time", lambda row: _clock(row.get("lastPrgrsvChangeMsec", 0)), "", 0),
)


def _clock(milliseconds: Any) -> str:
    """FRR keeps the time of the last step forward; there is none for the first hello."""
    from .system import ago

    return ago(int(milliseconds) / 1000)


def neighbor(session: Session, given: Given) -> Element:
    speaker = OSPF.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    answer = speaker.ask(f"show ip ospf {{vrf}}neighbor{' detail' if _long(given) else ''} json")
    root = information("ospf-neighbor-information", "routing")
    for identity, rows in answer.get("neighbors", {}).items():
        for row in rows:
            kept = {**row, "identity": identity, "interface": speaker.logical(str(row.get("ifaceName", "")))}
            if given.get("neighbor", identity) not in (identity, row.get("ifaceAddress")):
                continue
            one = NEIGHBOR.add(root, kept)
            if _long(given):
                fill(one, kept, *NEIGHBOR_LONG)
    return root


def neighbor_text(root: Element, given: Given) -> str:
    lines = [NEIGHBOR.head()]
    for one in root.children:
        lines.append(NEIGHBOR.line(one))
        if one.find("ospf-area") is not None:
            lines.append(f"  Area {one.value('ospf-area')}, opt {one.value('options')}, "
                         f"DR {one.value('dr-address')}, BDR {one.value('bdr-address')}\n")  # fmt: skip
            lines.append(f"  Up {one.value('neighbor-up-time')}, adjacent {one.value('neighbor-adjacency-time')}\n")
    return "".join(lines)


NEIGHBOR3 = Table(
    "ospf3-neighbor",
    ("neighbor-id", "neighborId", "ID", 16),
    ("interface-name", "interface", "Interface", 22),
    ("ospf-neighbor-state", "state", "State", 9),
    ("neighbor-priority", "priority", "Pri", -4),
    ("activity-timer", "deadTime", "Dead", -8),
)


def neighbor3(session: Session, given: Given) -> Element:
    speaker = OSPF3.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("ospf3-neighbor-information", "routing")
    for row in speaker.ask("show ipv6 ospf6 {vrf}neighbor json").get("neighbors", ()):
        NEIGHBOR3.add(root, {**row, "interface": speaker.logical(row.get("interfaceName", ""))})
    return root


def neighbor3_text(root: Element, given: Given) -> str:
    return NEIGHBOR3.text(root.children)


# ---- interfaces


STATES = {
    "DR": "DR",
    "Backup": "BDR",
    "BDR": "BDR",
    "DROther": "DRother",
    "Point-To-Point": "PtToPt",
    "PointToPoint": "PtToPt",
    "Loopback": "DRother",
    "Waiting": "Waiting",
    "Down": "Down",
}
INTERFACE = Table(
    "ospf-interface",
    ("interface-name", "interface", "Interface", 19),
    ("ospf-interface-state", lambda row: STATES.get(row.get("state", "Down"), row.get("state")), "State", 7),
    ("ospf-area", lambda row: _area(row, "area"), "Area", 15),
    ("dr-id", lambda row: row.get("drId", "0.0.0.0"), "DR ID", 15),
    ("bdr-id", lambda row: row.get("bdrId", "0.0.0.0"), "BDR ID", 15),
    ("neighbor-count", lambda row: row.get("nbrCount", 0), "Nbrs", -4),
)
TYPES = {"POINTOPOINT": "P2P", "LOOPBACK": "LAN", "BROADCAST": "LAN", "NBMA": "NBMA", "POINTOMULTIPOINT": "P2MP"}
INTERFACE_LONG = (
    ("interface-type", lambda row: TYPES.get(row.get("networkType", ""), "LAN"), "", 0),
    ("interface-address", lambda row: row.get("ipAddress"), "", 0),
    ("address-mask", lambda row: _mask(row.get("ipAddressPrefixlen", 32)), "", 0),
    ("mtu", lambda row: row.get("mtuBytes"), "", 0),
    ("interface-cost", lambda row: row.get("cost"), "", 0),
    ("adj-count", lambda row: row.get("nbrAdjacentCount"), "", 0),
    ("hello-interval", lambda row: int(row.get("timerMsecs", 10000)) // 1000, "", 0),
    ("dead-interval", lambda row: row.get("timerDeadSecs"), "", 0),
    ("retransmit-interval", lambda row: row.get("timerRetransmitSecs"), "", 0),
    ("passive", lambda row: "Passive" if row.get("timerPassiveIface") else None, "", 0),
)


def _mask(length: int) -> str:
    import ipaddress

    return str(ipaddress.ip_network(f"0.0.0.0/{length}").netmask)


def interface(session: Session, given: Given) -> Element:
    speaker = OSPF.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    return _interfaces(speaker, given, "ospf", speaker.ask("show ip ospf {vrf}interface json").get("interfaces", {}))


def interface3(session: Session, given: Given) -> Element:
    speaker = OSPF3.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    rows = {
        name: {"state": row.get("ospf6InterfaceState", "Down"), "area": row["areaId"], "drId": row.get("dr", "0.0.0.0"),
               "bdrId": row.get("bdr", "0.0.0.0"), "cost": row.get("cost"), "nbrCount": row.get("numberOfNeighbors", 0)}
        for name, row in speaker.ask("show ipv6 ospf6 {vrf}interface json").items() if row.get("attachedToArea")
    }  # fmt: skip
    for row in speaker.ask("show ipv6 ospf6 {vrf}neighbor json").get("neighbors", ()):
        if row.get("interfaceName") in rows:
            rows[row["interfaceName"]]["nbrCount"] += 1
    return _interfaces(speaker, given, "ospf3", rows)


def _interfaces(speaker: Speaker, given: Given, kind: str, rows: dict[str, Any]) -> Element:
    root = information(f"{kind}-interface-information", "routing")
    for kernel, row in rows.items():
        name = speaker.logical(kernel)
        if given.get("interface", name) not in (name, name.removesuffix(".0")):
            continue
        one = INTERFACE.add(root, {**row, "interface": name})
        one.tag = f"{kind}-interface"
        if _long(given) and kind == "ospf":
            fill(one, row, *INTERFACE_LONG)
    return root


def interface_text(root: Element, given: Given) -> str:
    lines = [INTERFACE.head()]
    for one in root.children:
        lines.append(INTERFACE.line(one))
        if one.find("interface-type") is not None:
            lines.append(f"  Type: {one.value('interface-type')}, Address: {one.value('interface-address')}, "
                         f"Mask: {one.value('address-mask')}, MTU: {one.value('mtu')}, "
                         f"Cost: {one.value('interface-cost')}\n")  # fmt: skip
            lines.append(f"  Adj count: {one.value('adj-count')}{', Passive' if one.find('passive') is not None else ''}\n")
            lines.append(f"  Hello: {one.value('hello-interval')}, Dead: {one.value('dead-interval')}, "
                         f"ReXmit: {one.value('retransmit-interval')}\n")  # fmt: skip
    return "".join(lines)


interface3_text = interface_text


# ---- database


KINDS = {
    "Router": "Router",
    "Net": "Network",
    "Summary": "Summary",
    "ASBR-Summary": "ASBRSum",
    "AS External": "Extern",
    "NSSA-external": "NSSA",
    "Link-Local Opaque-LSA": "OpaqLoca",
    "Area-Local Opaque-LSA": "OpaqArea",
    "AS-Global Opaque-LSA": "OpaqAS",
}
DATABASE = Table(
    "ospf-database",
    ("lsa-type", "kind", " Type", 9),
    ("lsa-id", "id", "ID", 16),
    ("advertising-router", "router", "Adv Rtr", 16),
    ("sequence-number", "sequence", "Seq", 12),
    ("age", "age", "Age", -4),
    ("checksum", lambda row: row.get("checksum"), " Cksum", 0),
)


def database(session: Session, given: Given) -> Element:
    """The heads of all link-state advertisements."""
    speaker = OSPF.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("ospf-database-information", "routing")
    kind = area = ""
    for line in speaker.say("show ip ospf {vrf}database").splitlines():
        title = re.match(r"\s+(\S.*?) (?:Link )?States(?: \(Area ([0-9.]+))?", line)
        if title:
            kind = KINDS.get(title[1].removesuffix(" Link"), title[1])
            if title[2] and title[2] != area:
                area = title[2]
                root.add("ospf-area-header").add("ospf-area", area)
            continue
        words = line.split()
        if len(words) >= 5 and re.fullmatch(r"[0-9.]+", words[0]) and words[3].startswith("0x"):
            DATABASE.add(root, {"kind": kind, "id": words[0], "router": words[1], "age": words[2], "sequence": words[3],
                                "checksum": words[4]})  # fmt: skip
    return root


KINDS3 = {"Rtr": "Router", "Net": "Network", "IAP": "InterArPfx", "IAR": "InterArRtr", "ASE": "Extern", "NSSA": "NSSA",
          "Lnk": "Link", "INP": "IntraArPfx"}  # fmt: skip


def database3(session: Session, given: Given) -> Element:
    speaker = OSPF3.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("ospf3-database-information", "routing")
    seen: set[tuple[str, ...]] = set()  # what belongs to a link stands there once for each area and interface
    for line in speaker.say("show ipv6 ospf6 {vrf}database").splitlines():
        area = re.search(r"\(Area ([0-9.]+)\)", line)
        if area:
            root.add("ospf3-area-header").add("ospf-area", area[1])
        words = line.split()
        if len(words) >= 5 and words[0] in KINDS3 and words[3].isdigit() and tuple(words[:3]) not in seen:
            seen.add(tuple(words[:3]))
            one = DATABASE.add(root, {"kind": KINDS3[words[0]], "id": words[1], "router": words[2], "age": words[3],
                                      "sequence": f"0x{words[4]}", "checksum": None})  # fmt: skip
            one.tag = "ospf3-database"
    return root


def database_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        if one.tag.endswith("-area-header"):
            lines.append(f"\n    {one.tag.split('-')[0].upper()} database, Area {one.value('ospf-area')}\n{DATABASE.head()}")
        else:
            lines.append(DATABASE.line(one))
    return "".join(lines)


database3_text = database_text


# ---- overview


def overview(session: Session, given: Given) -> Element:
    speaker = OSPF.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    answer = speaker.ask("show ip ospf {vrf}json")
    root = information("ospf-overview-information", "routing")
    one = root.add("ospf-overview")
    one.add("instance-name", speaker.instance)
    one.add("ospf-router-id", answer.get("routerId", ""))
    for name, row in answer.get("areas", {}).items():
        area = one.add("ospf-area-overview")
        area.add("ospf-area", str(name).partition(" ")[0])
        area.add("ospf-nbr-overview").add("ospf-nbr-up-count", row.get("nbrFullAdjacentCounter", 0))
    return root


def overview_text(root: Element, given: Given) -> str:
    one = root.children[0]
    lines = [f"Instance: {one.value('instance-name')}\n  Router ID: {one.value('ospf-router-id')}\n"]
    for area in one.all("ospf-area-overview"):
        count = area.value("ospf-nbr-overview/ospf-nbr-up-count")
        lines.append(f"  Area: {area.value('ospf-area')}\n    Neighbors\n      Up (in full state): {count}\n")
    return "".join(lines)
