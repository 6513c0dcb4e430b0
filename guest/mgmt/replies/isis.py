"""`show isis`, from FRR's text: its JSON keeps one level only of an interface that has both."""

from __future__ import annotations

import re

from ..xmltree import Element
from .frr import logical, not_running, say
from .reply import information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


def adjacency(session: Session, given: Given) -> Element:
    absent = not_running(session, "IS-IS", "isisd")
    if absent is not None:
        return absent
    root = information("isis-adjacency-information", "routing")
    root.attributes["junos:style"] = "brief"
    for line in say(session, "isisd", "show isis neighbor").splitlines():
        words = line.split()
        if len(words) == 6 and words[2].isdigit():
            one = root.add("isis-adjacency")
            one.add("interface-name", logical(words[1]))
            one.add("system-name", words[0])
            one.add("level", words[2])
            one.add("adjacency-state", words[3])
            one.add("holdtime", words[4])
            one.add("snpa", words[5])
    return root


def adjacency_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = [f"{'Interface':<22} {'System':<15} {'L':<3} {'State':<10} {'Hold (secs)':>11}\n"]
    for one in root.children:
        lines.append(
            f"{one.value('interface-name'):<22} {one.value('system-name'):<15} {one.value('level'):<3} "
            f"{one.value('adjacency-state'):<10} {one.value('holdtime'):>11}\n"
        )
    return "".join(lines)


def database(session: Session, given: Given) -> Element:
    absent = not_running(session, "IS-IS", "isisd")
    if absent is not None:
        return absent
    root = information("isis-database-information", "routing")
    level = root
    for line in say(session, "isisd", "show isis database").splitlines():
        title = re.match(r"IS-IS Level-(\d)", line)
        if title:
            level = root.add("isis-database")
            level.add("level", title[1])
            continue
        # LSP ID, an asterisk on our own, PDU length, sequence number, checksum, hold time, flags
        words = line.replace("*", " ").split()
        if len(words) >= 5 and words[2].startswith("0x"):
            one = level.add("isis-database-entry")
            one.add("lsp-id", words[0])
            one.add("sequence-number", words[2])
            one.add("checksum", words[3])
            one.add("remaining-lifetime", words[4].strip("()"))
    return root


def database_text(root: Element, given: Given) -> str:
    if root.tag == "output":
        return root.text
    lines = []
    for level in root.children:
        lines.append(f"IS-IS level {level.value('level')} link-state database:\n")
        lines.append(f"{'LSP ID':<22} {'Sequence':>10} {'Checksum':>8} {'Lifetime':>8}\n")
        entries = level.all("isis-database-entry")
        for one in entries:
            lines.append(
                f"{one.value('lsp-id'):<22} {one.value('sequence-number'):>10} {one.value('checksum'):>8} "
                f"{one.value('remaining-lifetime'):>8}\n"
            )
        lines.append(f"  {len(entries)} LSPs\n\n")
    return "".join(lines)
