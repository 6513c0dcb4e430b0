"""`show vmhost`: what the host below this router tells of itself, with the dialect's words."""

from __future__ import annotations

import time

from ..vmhost import line_of, printable
from ..xmltree import Element
from .reply import columns, information
from .system import ago, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Facts = dict[str, Any]

CLUSTER, NODE = "rackless-re-cc", "rackless-re-cn"
SETS = {"a": "p", "b": "b"}
"""The dialect's letters of the two sets."""
DISKS = {"primary": "Primary", "backup": "Secondary"}
GIGABYTE, MEGABYTE = 1_000_000_000, 1 << 20


def ask(session: Session, verb: str, values: Facts | None = None) -> Any:
    return line_of(session.datastore.world).ask(session.user, session.level, verb, values)


def put(above: Element, facts: Facts) -> Element:
    """Every fact as an element of its name; lists as an element an entry, without their plural's s. Truths are the words."""
    for name, value in facts.items():
        tag = str(name).replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            single = _single(tag) if isinstance(value, list) else tag
            if isinstance(one, dict):
                put(above.add(single), one)
            elif isinstance(one, bool):
                above.add(single, "true" if one else "false")
            elif one is not None:
                above.add(single, printable(str(one)))
    return above


def _single(tag: str) -> str:
    return tag[:-2] if tag.endswith("sses") else tag.removesuffix("s")


def stamp(above: Element, tag: str, seconds: float) -> None:
    if seconds:
        above.add(tag, moment(seconds), junos_seconds=str(int(seconds)))


def size(octets: float) -> str:
    """As disks are sold."""
    return f"{octets / GIGABYTE:.1f} GB" if octets >= GIGABYTE else f"{octets / 1_000_000:.1f} MB"


# ---- version and snapshot


def _set(above: Element, one: Facts) -> None:
    made = above.add("set-disk-info")
    made.add("set-disk-name", f"set {SETS.get(one['name'], one['name'])}")
    made.add("set-vmhost-version", one["host_version"])
    made.add("set-vmhost-root", one["host_root"])
    made.add("set-vmhost-core", f"vmhost-core-{one['release']}")
    made.add("set-kernel", one["kernel"])
    made.add("set-junos-version", one["guest_image"] or one["release"])
    made.add("set-state", "bad" if not one["good"] else "confirmed" if one["confirmed"] else "unconfirmed")
    if one["attempts"]:
        made.add("set-attempts", one["attempts"])


def _sets_text(root: Element) -> str:
    lines = []
    for one in root.all("set-disk-info"):
        lines.append(
            f"\nVersion: {one.value('set-disk-name')}\n"
            f"VMHost Version: {one.value('set-vmhost-version')}\n"
            f"VMHost Root: {one.value('set-vmhost-root')}\n"
            f"VMHost Core: {one.value('set-vmhost-core')}\n"
            f"kernel: {one.value('set-kernel')}\n"
            f"Junos Disk: {one.value('set-junos-version')}\n"
        )
        if one.value("set-state") == "unconfirmed":
            lines.append(f"Not confirmed, boots left: {one.value('set-attempts', '0')}\n")
        elif one.value("set-state") == "bad":
            lines.append("Damaged\n")
    return "".join(lines)


def version(session: Session, given: Given) -> Element:
    facts = ask(session, "version")
    root = information("vmhost-version-information", "vmhost")
    root.add("current-device", facts["device"])
    root.add("current-label", facts["label"])
    root.add("current-partition", facts["partition"])
    root.add("current-boot-disk", DISKS[facts["boot_disk"]])
    root.add("current-root-set", SETS[facts["current"]])
    if facts["next_set"] != facts["current"]:
        root.add("next-root-set", SETS[facts["next_set"]])
    root.add("firmware-kind", "UEFI" if facts["boot_mode"] == "uefi" else "BIOS")
    root.add("firmware-version", facts["firmware"])
    root.add("disk-name", DISKS[facts["boot_disk"]])
    stamp(root, "upgrade-time", facts["upgraded_at"])
    for one in facts["sets"]:
        _set(root, one)
    return root


def version_text(root: Element, given: Given) -> str:
    text = (
        f"Current root details,           Device {root.value('current-device')}, Label: {root.value('current-label')}, "
        f"Partition: {root.value('current-partition')}\n"
        f"Current boot disk: {root.value('current-boot-disk')}\n"
        f"Current root set: {root.value('current-root-set')}\n"
    )
    if root.find("next-root-set") is not None:
        text += f"Next root set: {root.value('next-root-set')}\n"
    text += f"{root.value('firmware-kind'):<7} Version: {root.value('firmware-version')}\n"
    when = root.value("upgrade-time")
    return text + f"\n{root.value('disk-name')} Disk{f', Upgrade Time: {when}' if when else ''}\n" + _sets_text(root)


def snapshot(session: Session, given: Given) -> Element:
    facts = ask(session, "snapshot")
    root = information("vmhost-snapshot-information", "vmhost")
    if facts is None:
        return root
    root.add("disk-name", "Secondary")
    root.add("snapshot-kind", "recovery" if facts["recovery"] else "software")
    stamp(root, "snapshot-time", facts["taken_at"])
    root.add("bootable", "true" if facts["bootable"] else "false")
    for one in facts["sets"]:
        _set(root, one)
    return root


def snapshot_text(root: Element, given: Given) -> str:
    if not root.children:
        return "No snapshot on the secondary disk\n"
    kind = "Recovery Snapshot" if root.value("snapshot-kind") == "recovery" else "Snapshot"
    whole = "" if root.value("bootable") == "true" else "\nThe disk can't be booted\n"
    return f"{root.value('disk-name')} Disk, {kind} Time: {root.value('snapshot-time')}\n{whole}" + _sets_text(root)


# ---- uptime and status


def uptime(session: Session, given: Given) -> Element:
    facts = ask(session, "uptime")
    root = information("vmhost-uptime-information", "vmhost")
    stamp(root, "vmhost-current-time", facts["now"])
    root.add("vmhost-time-zone", facts["time_zone"])
    stamp(root, "vmhost-start-time", facts["booted_at"])
    up = facts["now"] - facts["booted_at"]
    root.add("vmhost-uptime", ago(up), junos_seconds=str(int(up)))
    root.add("vmhost-users", facts["users"])
    for name, average in zip(("one", "five", "fifteen"), facts["load"], strict=True):
        root.add(f"load-average-{name}", f"{average:.2f}")
    boots = facts["boots"]
    root.add("vmhost-last-reboot-reason", printable(boots[0]["reason"] if boots else "0x0:unknown"))
    for one in boots[1:]:
        before = root.add("vmhost-earlier-boot")
        stamp(before, "boot-time", one["at"])
        before.add("reboot-reason", printable(one["reason"]))
    return root


def uptime_text(root: Element, given: Given) -> str:
    averages = ", ".join(root.value(f"load-average-{name}") for name in ("one", "five", "fifteen"))
    users = root.value("vmhost-users")
    return (
        f"Vmhost Current time: {root.value('vmhost-current-time')}\n"
        f"Vmhost Uptime: up {root.value('vmhost-uptime')}, {users} user{'' if users == '1' else 's'}, load average: {averages}\n"
        f"Vmhost last reboot reason: {root.value('vmhost-last-reboot-reason')}\n"
    )


def status(session: Session, given: Given) -> Element:
    facts = ask(session, "status")
    root = information("vmhost-status-information", "vmhost")
    root.add("compute-cluster", CLUSTER)
    root.add("compute-node", NODE)
    root.add("compute-node-state", "Online" if facts["online"] else "Offline")
    for one in facts["guests"]:
        made = root.add("virtual-machine")
        made.add("name", one["name"])
        made.add("state", one["state"].capitalize())
        made.add("role", "administrative" if one["administrative"] else "guest")
        made.add("image", one["image"])
        made.add("booted-from", one["booted_from"])
        made.add("processors", one["processors"])
        made.add("memory", f"{one['memory'] // MEGABYTE} MB")
        if one["boots"]:
            stamp(made, "start-time", one["boots"][0]["at"])
            made.add("last-reboot-reason", printable(one["boots"][0]["reason"]))
    root.add("auto-recovery", "enabled" if facts["auto_recovery"] else "disabled")
    if facts["busy"]:
        root.add("busy", printable(facts["busy"]))
    if facts["scheduled"]:
        made = root.add("scheduled")
        made.add("action", facts["scheduled"]["action"])
        stamp(made, "time", facts["scheduled"]["at"])
        made.add("device", facts["scheduled"]["device"] or "")
        made.add("user", printable(facts["scheduled"]["by"]))
    for one in facts["alarms"]:
        made = root.add("alarm")
        stamp(made, "alarm-time", one["since"])
        made.add("alarm-class", one["severity"].capitalize())
        made.add("alarm-type", one["name"])
        made.add("alarm-description", printable(one["text"]))
    for one in facts["decisions"]:
        made = root.add("recovery")
        stamp(made, "recovery-time", one["at"])
        for name in ("found", "done", "kept"):
            made.add(name, printable(one[name]))
    return root


def status_text(root: Element, given: Given) -> str:
    lines = [
        f"Compute cluster: {root.value('compute-cluster')}\n",
        f"  Compute Node: {root.value('compute-node')}, {root.value('compute-node-state')}\n",
        "\nVirtual machines:\n",
    ]
    rows: list[tuple[str, ...]] = [("  Name", "State", "Booted from", "CPUs", "Memory", "Last reboot reason")]
    for one in root.all("virtual-machine"):
        cells = ("state", "booted-from", "processors", "memory", "last-reboot-reason")
        rows.append(("  " + one.value("name"), *(one.value(name) for name in cells)))
    lines.append(columns(rows, (12, 10, 12, -5, -9, 0)))
    lines.append(f"\nAuto-recovery: {root.value('auto-recovery')}\n")
    if root.find("busy") is not None:
        lines.append(f"Running request: {root.value('busy')}\n")
    for one in root.all("scheduled"):
        device = f" from {one.value('device')}" if one.value("device") else ""
        lines.append(f"Scheduled: {one.value('action')}{device} at {one.value('time')} by {one.value('user')}\n")
    for one in root.all("alarm"):
        lines.append(f"Alarm: {one.value('alarm-time')}  {one.value('alarm-class')}  {one.value('alarm-description')}\n")
    for one in root.all("recovery"):
        kept = f" (kept: {one.value('kept')})" if one.value("kept") else ""
        lines.append(f"Recovery: {one.value('recovery-time')}  {one.value('found')}: {one.value('done')}{kept}\n")
    return "".join(lines)


def last_reboot_reason(session: Session) -> str:
    """Why this router last came up, as its host saw it; empty where there is no host, or it does not answer."""
    from ..refused import Refused

    try:
        boot = ask(session, "uptime")["guest_boot"]
    except Refused:
        return ""
    return printable(boot["reason"]) if boot else ""


# ---- hardware and information


def hardware(session: Session, given: Given) -> Element:
    facts = ask(session, "hardware")
    root = information("vmhost-hardware-information", "vmhost")
    root.add("compute-cluster", CLUSTER)
    root.add("compute-node", NODE)
    _item(root, "CPU", f"{facts['processors']} cores", "", "", facts["processor"])
    _item(root, "Memory", f"{facts['memory'] // MEGABYTE} MB", "", "", "")
    for one in facts["items"]:
        _item(root, one["name"], one["capacity"], one["part"], one["serial"], one["description"])
    for one in facts["disks"]:
        what = "missing" if not one["size"] else "failed" if not one["healthy"] else "read-only" if one["read_only"] else ""
        worn = "" if one["worn"] is None else f"{one['worn']}% worn"
        said = ", ".join(part for part in (one["model"], one["firmware"], one["role"], worn, what) if part)
        _item(root, one["slot"].capitalize(), size(one["size"]) if one["size"] else "", one["device"], one["serial"], said)
    return root


def _item(root: Element, name: str, capacity: str, part: str, serial: str, description: str) -> None:
    made = root.add("hardware-item")
    cells = {"name": name, "capacity": capacity, "part-number": part, "serial-number": serial, "description": description}
    for tag, text in cells.items():
        made.add(tag, printable(text))


def hardware_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Item", "Capacity", "Part number", "Serial number", "Description")]
    for one in root.all("hardware-item"):
        rows.append(tuple(one.value(tag) for tag in ("name", "capacity", "part-number", "serial-number", "description")))
    table = "".join("    " + line + "\n" for line in columns(rows, (16, 14, 16, 16, 0)).splitlines())
    return f"Compute cluster: {CLUSTER}\n  Compute Node: {NODE}\n  Hardware inventory:\n{table}"


INFORMATION = (
    ("Host name", "host-name"),
    ("Product", "product"),
    ("Serial number", "serial"),
    ("Firmware", "firmware"),
    ("Boot mode", "boot-mode"),
    ("Secure boot", "secure-boot"),
    ("Operating system", "operating-system"),
    ("Kernel", "kernel"),
    ("Virtualization", "virtualization"),
    ("Agent version", "agent-version"),
    ("Appliance", "appliance"),
)


def information_of(session: Session, given: Given) -> Element:
    facts = ask(session, "information")
    root = information("vmhost-information", "vmhost")
    facts["firmware"] = f"{facts.pop('firmware_vendor')} {facts.pop('firmware_version')}".strip()
    return put(root, facts)


def information_text(root: Element, given: Given) -> str:
    return "".join(f"{title + ':':<20} {root.value(tag)}\n" for title, tag in INFORMATION)


def clock(seconds: float) -> str:
    """Processor time as `ps` writes it."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def when(seconds: float) -> str:
    return time.strftime("%b %e %H:%M", time.localtime(seconds))
