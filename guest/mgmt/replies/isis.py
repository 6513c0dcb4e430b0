"""`show isis`, from FRR's text: its JSON keeps one level only of an interface that has both."""

from __future__ import annotations

import re

from ..xmltree import Element
from .frr import Protocol
from .reply import information
from .table import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from .frr import Speaker

    Given = dict[str, str]

ISIS = Protocol("isis", "IS-IS", "isisd")


# ---- adjacency


ADJACENCY = Table(
    "isis-adjacency",
    ("interface-name", "interface", "Interface", 22),
    ("system-name", "system", "System", 15),
    ("level", "level", "L", 3),
    ("adjacency-state", "state", "State", 10),
    ("holdtime", "hold", "Hold (secs)", -11),
    ("snpa", lambda row: row.get("snpa"), "", 0),
)
ADJACENCY_LONG = (
    ("circuit-type", lambda row: _both(row.get("Circuit type", "")) or None, "", 0),
    ("transition-count", lambda row: row.get("Adjacency flaps"), "", 0),
    ("last-transition-time", lambda row: row.get("Last", "").removesuffix(" ago") or None, "", 0),
    ("snpa", lambda row: row.get("SNPA"), "", 0),
    ("ip-address", lambda row: row.get("address"), "", 0),
)


def _both(levels: str) -> str:
    """FRR's L1, L2 or L1L2 as the dialect counts: 1, 2, 3."""
    return {"L1L2": "3"}.get(levels, levels.removeprefix("L"))


def adjacency(session: Session, given: Given) -> Element:
    speaker = ISIS.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("isis-adjacency-information", "routing")
    root.attributes["junos:style"] = next((word for word in ("extensive", "detail") if word in given), "brief")
    if root.attributes["junos:style"] != "brief":
        for row in _detailed(speaker):
            fill(ADJACENCY.add(root, row), row, *ADJACENCY_LONG)
        return root
    for line in speaker.say("show isis {vrf}neighbor").splitlines():
        words = line.split()
        if len(words) == 6 and words[2].isdigit():
            system, kernel, level, state, hold, snpa = words
            ADJACENCY.add(root, {"interface": speaker.logical(kernel), "system": system, "level": level, "state": state,
                                 "hold": hold, "snpa": snpa})  # fmt: skip
    return root


def _detailed(speaker: Speaker) -> list[dict[str, str]]:
    """The neighbors of `show isis neighbor detail`: a name, below it lines of `Name: value, Name: value`."""
    found: list[dict[str, str]] = []
    title = ""
    for line in speaker.say("show isis {vrf}neighbor detail").splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 1:
            found.append({"system": line.strip()})
        elif found and indent == 4:
            title = line.strip()
            for part in line.strip().split(", "):
                name, _, value = part.partition(": ")
                found[-1][name] = value
        elif found and indent == 6 and "address" not in found[-1] and title.startswith(("IPv4 Address", "IPv6 Address")):
            found[-1]["address"] = line.strip()
    for row in found:
        hold = next((name for name in row if name.startswith("Expires in ")), "Expires in 0s")
        row |= {"interface": speaker.logical(row.get("Interface", "")), "level": row.get("Level", ""),
                "state": row.get("State", ""), "hold": hold.removeprefix("Expires in ").removesuffix("s")}  # fmt: skip
    return found


def adjacency_text(root: Element, given: Given) -> str:
    if root.attributes["junos:style"] == "brief":
        return ADJACENCY.text(root.children)
    lines = []
    for one in root.children:
        lines += [
            f"{one.value('system-name')}\n",
            f"  Interface: {one.value('interface-name')}, Level: {one.value('level')}, State: {one.value('adjacency-state')}, "
            f"Expires in {one.value('holdtime')} secs\n",
            f"  Up/Down transitions: {one.value('transition-count')}, Last transition: {one.value('last-transition-time')} ago\n",
            f"  Circuit type: {one.value('circuit-type')}, Mac address: {one.value('snpa')}\n",
            f"  IP addresses: {one.value('ip-address')}\n\n",
        ]
    return "".join(lines)


# ---- interface


INTERFACE = Table(
    "isis-interface",
    ("interface-name", "interface", "Interface", 21),
    ("circuit-type", "type", "L", -1),
    ("circuit-id", "circuit", "CirID", -5),
    ("isis-interface-state-one", "one", "Level 1 DR", 17),
    ("isis-interface-state-two", "two", "Level 2 DR", 17),
    ("metric-one", "metric-one", "", 0),
    ("metric-two", "metric-two", "", 0),
    ("metrics", lambda row: None, "L1/L2 Metric", -12),
)


def interface(session: Session, given: Given) -> Element:
    speaker = ISIS.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("isis-interface-information", "routing")
    root.attributes["junos:style"] = "brief"
    parts = re.split(r"^ +Interface: ", speaker.say("show isis {vrf}interface detail"), flags=re.MULTILINE)
    for part in parts[1:]:
        name = speaker.logical(part.partition(",")[0])
        if given.get("interface-name", name) in (name, name.removesuffix(".0")):
            INTERFACE.add(root, _interface(session, name, part))
    return root


def _interface(session: Session, name: str, part: str) -> dict[str, str]:
    """A row of what `show isis interface detail` says of one."""

    def told(pattern: str, text: str = part) -> str:
        match = re.search(pattern, text)
        return match[1] if match else ""

    levels = told(r"Level: (\S+)")
    row = {"interface": name, "type": _both(levels), "circuit": told(r"Circuit Id: (\w+)") or "0x0"}
    kind, head = told(r"Type: (\w+)"), part.partition("\n")[0]
    for level, word in (("1", "one"), ("2", "two")):
        about = part.partition(f"Level-{level} Information:")[2].partition("Level-")[0]
        row[f"metric-{word}"] = told(r"Metric: (\d+)", about) or "0"
        if level not in levels:
            row[word] = "Disabled"
        elif "Passive" in head or kind == "loopback":
            row[word] = "Passive"
        elif "State: Up" not in head:
            row[word] = "Down"
        elif kind == "p2p":
            row[word] = "Point to Point"
        else:
            own = re.search(r"\bis DIS", about) is not None
            row[word] = f"{session.host_name}.{int(row['circuit'], 16):02x}" if own else "(not this router)"
    return row


def interface_text(root: Element, given: Given) -> str:
    lines = ["IS-IS interface database:\n", INTERFACE.head()]
    for one in root.children:
        lines.append(f"{INTERFACE.line(one)[:-1]:<63} {one.value('metric-one') + '/' + one.value('metric-two'):>14}\n")
    return "".join(lines)


# ---- database


ENTRY = Table(
    "isis-database-entry",
    ("lsp-id", "id", "LSP ID", 22),
    ("sequence-number", "sequence", "Sequence", -10),
    ("checksum", "checksum", "Checksum", -8),
    ("remaining-lifetime", "lifetime", "Lifetime", -8),
)


def database(session: Session, given: Given) -> Element:
    speaker = ISIS.speaker(session, given)
    absent = speaker.absent()
    if absent is not None:
        return absent
    root = information("isis-database-information", "routing")
    level = root
    for line in speaker.say("show isis {vrf}database").splitlines():
        title = re.match(r"IS-IS Level-(\d)", line)
        if title:
            level = root.add("isis-database")
            level.add("level", title[1])
            continue
        # LSP ID, an asterisk on our own, PDU length, sequence number, checksum, hold time, flags
        words = line.replace("*", " ").split()
        if len(words) >= 5 and words[2].startswith("0x"):
            ENTRY.add(level, {"id": words[0], "sequence": words[2], "checksum": words[3], "lifetime": words[4].strip("()")})
    return root


def database_text(root: Element, given: Given) -> str:
    lines = []
    for level in root.children:
        entries = level.all("isis-database-entry")
        lines.append(f"IS-IS level {level.value('level')} link-state database:\n{ENTRY.text(entries)}  {len(entries)} LSPs\n\n")
    return "".join(lines)


# ---- for the routing tables


def levels(speaker: Speaker) -> dict[str, int]:
    """The level of each prefix in isisd's own tables; level 1 wins where it is in both."""
    found: dict[str, int] = {}
    level = 0
    for line in speaker.say("show isis {vrf}route").splitlines():
        title = re.match(r"IS-IS L([12]) ", line)
        if title:
            level = int(title[1])
        elif "/" in line and level:
            prefix = line.split()[0]
            found[prefix] = min(level, found.get(prefix, level))
    return found
