"""`show ospf` and `show ospf3`, from FRR."""

from __future__ import annotations

import re

from ..xmltree import Element
from .frr import ask, logical, not_running, say
from .reply import information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


def neighbor(session: Session, given: Given) -> Element:
    absent = not_running(session, "OSPF", "ospfd")
    if absent is not None:
        return absent
    answer = ask(session, "ospfd", f"show ip ospf neighbor{' detail' if _long(given) else ''} json") or {}
    root = information("ospf-neighbor-information", "routing")
    for identity, rows in answer.get("neighbors", answer).items():
        for row in rows if isinstance(rows, list) else [rows]:
            one = root.add("ospf-neighbor")
            one.add("neighbor-address", row.get("ifaceAddress", row.get("address", "")))
            one.add("interface-name", logical(str(row.get("ifaceName", ""))))
            one.add("ospf-neighbor-state", str(row.get("nbrState", row.get("state", ""))).partition("/")[0])
            one.add("neighbor-id", identity)
            one.add("neighbor-priority", row.get("nbrPriority", row.get("priority", 0)))
            one.add("activity-timer", int(row.get("routerDeadIntervalTimerDueMsec", row.get("deadTimeMsecs", 0))) // 1000)
            if _long(given):
                one.add("ospf-area", str(row.get("areaId", "")).partition(" ")[0])
                one.add("dr-address", row.get("routerDesignatedId", "0.0.0.0"))
                one.add("bdr-address", row.get("routerDesignatedBackupId", "0.0.0.0"))
    return root


def _long(given: Given) -> bool:
    return "extensive" in given or "detail" in given


def neighbor_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = [f"{'Address':<16} {'Interface':<22} {'State':<9} {'ID':<15} {'Pri':>4} {'Dead':>5}\n"]
    for one in root.children:
        lines.append(
            f"{one.value('neighbor-address'):<16} {one.value('interface-name'):<22} {one.value('ospf-neighbor-state'):<9} "
            f"{one.value('neighbor-id'):<15} {one.value('neighbor-priority'):>4} {one.value('activity-timer'):>5}\n"
        )
        if one.find("ospf-area") is not None:
            lines.append(f"  Area {one.value('ospf-area')}, DR {one.value('dr-address')}, BDR {one.value('bdr-address')}\n")
    return "".join(lines)


STATES = {
    "DR": "DR",
    "Backup": "BDR",
    "DROther": "DRother",
    "Point-To-Point": "PtToPt",
    "Loopback": "DRother",
    "Waiting": "Waiting",
    "Down": "Down",
}


def interface(session: Session, given: Given) -> Element:
    absent = not_running(session, "OSPF", "ospfd")
    if absent is not None:
        return absent
    answer = ask(session, "ospfd", "show ip ospf interface json") or {}
    root = information("ospf-interface-information", "routing")
    for name, row in answer.get("interfaces", {}).items():
        one = root.add("ospf-interface")
        one.add("interface-name", logical(name))
        one.add("ospf-interface-state", STATES.get(row.get("state", "Down"), row.get("state", "Down")))
        one.add("ospf-area", str(row.get("area", "")).partition(" ")[0])
        one.add("dr-id", row.get("drId", "0.0.0.0"))
        one.add("bdr-id", row.get("bdrId", "0.0.0.0"))
        one.add("neighbor-count", row.get("nbrCount", 0))
    return root


def interface_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = [f"{'Interface':<19} {'State':<7} {'Area':<15} {'DR ID':<15} {'BDR ID':<15} {'Nbrs':>4}\n"]
    for one in root.children:
        lines.append(
            f"{one.value('interface-name'):<19} {one.value('ospf-interface-state'):<7} {one.value('ospf-area'):<15} "
            f"{one.value('dr-id'):<15} {one.value('bdr-id'):<15} {one.value('neighbor-count'):>4}\n"
        )
    return "".join(lines)


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


def database(session: Session, given: Given) -> Element:
    """The heads of all link-state advertisements."""
    absent = not_running(session, "OSPF", "ospfd")
    if absent is not None:
        return absent
    root = information("ospf-database-information", "routing")
    kind = area = ""
    for line in say(session, "ospfd", "show ip ospf database").splitlines():
        title = re.match(r"\s+(\S.*?) (?:Link )?States(?: \(Area ([0-9.]+))?", line)
        if title:
            kind = KINDS.get(title[1].removesuffix(" Link"), title[1])
            if title[2] and title[2] != area:
                area = title[2]
                root.add("ospf-area-header").add("ospf-area", area)
            continue
        words = line.split()
        if len(words) >= 5 and re.fullmatch(r"[0-9.]+", words[0]) and words[3].startswith("0x"):
            one = root.add("ospf-database")
            for name, value in zip(("lsa-type", "lsa-id", "advertising-router"), (kind, words[0], words[1]), strict=True):
                one.add(name, value)
            one.add("sequence-number", words[3])
            one.add("age", words[2])
            one.add("checksum", words[4])
    return root


def database_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = []
    for one in root.children:
        if one.tag == "ospf-area-header":
            lines.append(f"\n    OSPF database, Area {one.value('ospf-area')}\n")
            lines.append(f" {'Type':<8} {'ID':<16} {'Adv Rtr':<16} {'Seq':<12} {'Age':>4}  Cksum\n")
            continue
        lines.append(
            f"{one.value('lsa-type'):<9} {one.value('lsa-id'):<16} {one.value('advertising-router'):<16} "
            f"{one.value('sequence-number'):<12} {one.value('age'):>4}  {one.value('checksum')}\n"
        )
    return "".join(lines)


def overview(session: Session, given: Given) -> Element:
    absent = not_running(session, "OSPF", "ospfd")
    if absent is not None:
        return absent
    answer = ask(session, "ospfd", "show ip ospf json") or {}
    root = information("ospf-overview-information", "routing")
    one = root.add("ospf-overview")
    one.add("instance-name", "master")
    one.add("ospf-router-id", answer.get("routerId", ""))
    for name, row in answer.get("areas", {}).items():
        area = one.add("ospf-area-overview")
        area.add("ospf-area", str(name).partition(" ")[0])
        area.add("ospf-nbr-overview").add("ospf-nbr-up-count", row.get("nbrFullAdjacentCounter", 0))
    return root


def overview_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    one = root.children[0]
    lines = [f"Instance: {one.value('instance-name')}\n  Router ID: {one.value('ospf-router-id')}\n"]
    for area in one.all("ospf-area-overview"):
        count = area.value("ospf-nbr-overview/ospf-nbr-up-count")
        lines.append(f"  Area: {area.value('ospf-area')}\n    Neighbors\n      Up (in full state): {count}\n")
    return "".join(lines)


def neighbor3(session: Session, given: Given) -> Element:
    absent = not_running(session, "OSPF3", "ospf6d")
    if absent is not None:
        return absent
    answer = ask(session, "ospf6d", "show ipv6 ospf6 neighbor json") or {}
    root = information("ospf3-neighbor-information", "routing")
    for row in answer.get("neighbors", ()):
        one = root.add("ospf3-neighbor")
        one.add("neighbor-id", row.get("neighborId", ""))
        one.add("interface-name", logical(row.get("interfaceName", "")))
        one.add("ospf-neighbor-state", row.get("state", ""))
        one.add("neighbor-priority", row.get("priority", 0))
        one.add("activity-timer", row.get("deadTime", ""))
    return root


def neighbor3_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = [f"{'ID':<16} {'Interface':<22} {'State':<9} {'Pri':>4} {'Dead':>8}\n"]
    for one in root.children:
        lines.append(
            f"{one.value('neighbor-id'):<16} {one.value('interface-name'):<22} {one.value('ospf-neighbor-state'):<9} "
            f"{one.value('neighbor-priority'):>4} {one.value('activity-timer'):>8}\n"
        )
    return "".join(lines)
