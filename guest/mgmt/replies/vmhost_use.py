"""`show vmhost`: what runs on the host, what it uses, its network and its files."""

from __future__ import annotations

from ..vmhost import line_of, printable
from ..xmltree import Element
from .reply import columns, fail, information
from .vmhost import MEGABYTE, ask, clock, put, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Facts = dict[str, Any]

SHOWN = 256 * 1024
"""Bytes of a log that are shown: its end."""


def _listed(session: Session, verb: str, root: str, entry: str) -> Element:
    made = information(root, "vmhost")
    for one in ask(session, verb):
        put(made.add(entry), one)
    return made


# ---- processes and resources


def processes(session: Session, given: Given) -> Element:
    return _listed(session, "processes", "vmhost-process-information", "process")


def processes_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("PID", "User", "S", "%CPU", "%MEM", "RSS", "Time", "Command")]
    for one in root.children:
        rows.append((one.value("pid"), one.value("user"), one.value("state"), one.value("cpu"), one.value("memory"),
                     f"{int(one.value('resident', '0')) // 1024}K", clock(float(one.value("seconds", "0"))),
                     one.value("command")))  # fmt: skip
    return columns(rows, (-7, 10, 1, -5, -5, -9, -9, 0))


def resources(session: Session, given: Given) -> Element:
    return put(information("vmhost-resource-usage-information", "vmhost"), ask(session, "resources"))


def _mega(one: Element, tag: str) -> str:
    return f"{int(one.value(tag, '0')) // MEGABYTE} MB"


def resources_text(root: Element, given: Given) -> str:
    lines = [
        "CPU utilization:\n",
        *(
            f"  {kind.capitalize():<10} {float(root.value('cpu-' + kind, '0')):5.1f} percent\n"
            for kind in ("user", "system", "idle")
        ),
        "Memory utilization:\n",
        f"  {'Memory':<10} {_mega(root, 'memory-used')} of {_mega(root, 'memory')}\n",
        f"  {'Swap':<10} {_mega(root, 'swap-used')} of {_mega(root, 'swap')}\n",
        "Disk utilization:\n",
    ]
    rows: list[tuple[str, ...]] = [("  Filesystem", "Size", "Used", "Capacity", "Mounted on")]
    for one in root.all("filesystem"):
        whole = int(one.value("size", "0"))
        share = f"{100 * int(one.value('used', '0')) // whole if whole else 0}%"
        mount = one.value("mount") + (" (read-only)" if one.value("read-only") == "true" else "")
        rows.append(("  " + one.value("device"), _mega(one, "size"), _mega(one, "used"), share, mount))
    lines.append(columns(rows, (22, -10, -10, -9, 0)))
    lines.append("Guests:\n")
    rows = [("  Name", "CPU", "Memory")]
    rows += [
        ("  " + one.value("name"), f"{float(one.value('cpu', '0')):.1f}%", _mega(one, "memory")) for one in root.all("guest")
    ]
    lines.append(columns(rows, (22, -10, -10)))
    return "".join(lines)


# ---- network


def netstat(session: Session, given: Given) -> Element:
    return put(information("vmhost-netstat-information", "vmhost"), ask(session, "netstat"))


def netstat_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address", "State")]
    for one in root.all("socket"):
        rows.append(tuple(one.value(tag) for tag in ("protocol", "received", "sent", "local", "remote", "state")))
    counters: list[tuple[str, ...]] = [("Iface", "MTU", "RX-OK", "RX-ERR", "TX-OK", "TX-ERR")]
    tags = ("name", "mtu", "packets-received", "errors-received", "packets-sent", "errors-sent")
    counters += [tuple(one.value(tag) for tag in tags) for one in root.all("interface")]
    return (
        "Active Internet connections\n"
        + columns(rows, (5, -6, -6, 28, 28, 0))
        + "\nKernel Interface table\n"
        + columns(counters, (14, -6, -12, -8, -12, -8))
    )


def bridges(session: Session, given: Given) -> Element:
    return _listed(session, "bridges", "vmhost-bridge-information", "bridge")


def bridges_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Bridge name", "Bridge ID", "STP enabled", "Interfaces")]
    for one in root.children:
        names = [member.text for member in one.all("member")] or [""]
        enabled = "yes" if one.value("spanning-tree") == "true" else "no"
        rows.append((one.value("name"), one.value("identifier"), enabled, names[0]))
        rows += [("", "", "", name) for name in names[1:]]
    return columns(rows, (16, 20, 12, 0))


def management(session: Session, given: Given) -> Element:
    return _listed(session, "management", "vmhost-management-if-information", "interface")


def management_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        up = "UP" if one.value("up") == "true" else "DOWN"
        link = "link up" if one.value("carrier") == "true" else "no link"
        speed = f", {one.value('speed')} Mbps" if one.value("speed", "0") != "0" else ""
        lines.append(f"{one.value('name')}: {up}, {link}{speed}, MTU {one.value('mtu')}, driver {one.value('driver') or '?'}\n")
        lines.append(f"    Hardware address: {one.value('mac')}\n")
        lines += [f"    Address: {address.text}\n" for address in one.all("address")]
        for way, tag in (("RX", "received"), ("TX", "sent")):
            packets, octets, errors = one.value(f"packets-{tag}"), one.value(tag), one.value(f"errors-{tag}")
            lines.append(f"    {way} packets: {packets}, bytes: {octets}, errors: {errors}\n")
    return "".join(lines)


# ---- files


def logs(session: Session, given: Given) -> Element:
    """The host's logs, or with a name the end of one."""
    return _files(session, given, "log")


def crashes(session: Session, given: Given) -> Element:
    return _files(session, given, "crash")


def _files(session: Session, given: Given, kind: str) -> Element:
    root = information(f"vmhost-{kind}-information", "vmhost")
    name = given.get("filename", "")
    if not name:
        for one in ask(session, "files", {"kind": kind}):
            made = root.add("file-information")
            made.add("file-name", printable(one["name"]))
            made.add("file-size", one["size"])
            made.add("file-date", when(one["changed_at"]), junos_seconds=str(int(one["changed_at"])))
        return root
    if kind != "log":
        raise fail("error: a crash dump is no text; use 'request vmhost file-copy crash'")
    pieces = line_of(session.datastore.world).read(session.user, session.level, {"kind": kind, "name": name, "last": SHOWN})
    text = b"".join(pieces).decode("utf-8", "replace")
    root.add("file-content", "".join(character for character in text if character.isprintable() or character in "\n\t"))
    return root


def logs_text(root: Element, given: Given) -> str:
    content = root.find("file-content")
    if content is not None:
        return content.text
    if not root.children:
        return "No files\n"
    rows: list[tuple[str, ...]] = []
    for one in root.children:
        rows.append((one.value("file-size"), one.value("file-date"), one.value("file-name")))
    return columns(rows, (-12, 12, 0))


def crashes_text(root: Element, given: Given) -> str:
    return logs_text(root, given)
