"""`show chassis`: controller and cards, as chassisd knows them."""

from __future__ import annotations

import json
import time

from system.product import TITLE

from ..xmltree import Element
from .ports import ports
from .reply import columns, fail, information
from .system import boot_time, cpu, load, memory, moment, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Card = dict[str, Any]

CHASSIS = "/run/chassisd.json"
"""What the daemon that hears the cards knows of them (docs/reference/internal-protocol.md)."""
ENGINE = "Virtual controller (VCP)"
ENGINE_MODEL = "RE-VMX"
CARD = "Virtual card (VFP)"


def cards(session: Session) -> dict[int, Card]:
    """Slot -> card: what chassisd has written, or, where it has not, the ports that are there."""
    text = session.datastore.world.read(CHASSIS)
    found: dict[int, Card] = {}
    if text:
        for card in json.loads(text)["cards"]:
            found[int(card["slot"])] = card
        return dict(sorted(found.items()))
    for name in ports(session):
        if name.startswith("ge-"):
            slot, _, port = name[3:].split("/")
            found.setdefault(int(slot), {"slot": int(slot), "ports": []})["ports"].append({"port": int(port)})
    return found


def serial_number(session: Session) -> str:
    """`RR` and the MAC of fxp0, as SNMP has it."""
    management = ports(session).get("fxp0")
    mac = str(management.link.get("address", "")) if management is not None else ""
    return "RR" + mac.replace(":", "").upper() if mac else ""


def hardware(session: Session, given: Given) -> Element:
    root = information("chassis-inventory", "chassis")
    chassis = root.add("chassis", junos_style="inventory")
    chassis.add("name", "Chassis")
    chassis.add("serial-number", serial_number(session))
    chassis.add("description", TITLE)
    _module(chassis, "chassis-module", "Midplane", "", "")
    _module(chassis, "chassis-module", "Routing Engine 0", ENGINE, ENGINE_MODEL)
    for slot, card in cards(session).items():
        module = _module(chassis, "chassis-module", f"FPC {slot}", CARD, "")
        _module(module, "chassis-sub-module", "CPU", "", "")
        ports = card["ports"]
        _module(module, "chassis-sub-module", "PIC 0", f"{len(ports)}x 1GE", "")
    return root


def _module(above: Element, kind: str, name: str, description: str, model: str) -> Element:
    made = above.add(kind)
    made.add("name", name)
    if name.startswith("PIC"):
        made.add("part-number", "BUILTIN")
        made.add("serial-number", "BUILTIN")
    if description:
        made.add("description", description)
    if model:
        made.add("model-number", model)
    return made


def hardware_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Item", "Version", "Part number", "Serial number", "Description")]

    def row(one: Element, margin: str) -> None:
        rows.append((margin + one.value("name"), one.value("version"), one.value("part-number"),
                     one.value("serial-number"), one.value("description")))  # fmt: skip
        for child in one.children:
            if child.tag == "chassis-module":
                row(child, margin)
            elif child.tag.startswith("chassis-"):
                row(child, margin + "  ")

    for chassis in root.children:
        row(chassis, "")
    return "Hardware inventory:\n" + columns(rows, (16, 8, 12, 17, 0))


def fpc(session: Session, given: Given) -> Element:
    root = information("fpc-information", "chassis")
    root.attributes["junos:style"] = "brief"
    found = cards(session)
    wanted = given.get("fpc-slot")
    if wanted is not None and int(wanted) not in found:
        raise fail(f"error: FPC {wanted} is not installed")
    for slot, card in found.items():
        if wanted is not None and int(wanted) != slot:
            continue
        made = root.add("fpc")
        made.add("slot", slot)
        made.add("state", "Online")
        if "detail" in given and card.get("since"):
            _since(made, float(card["since"]))
    return root


def _since(made: Element, since: float) -> None:
    made.add("start-time", moment(since), junos_seconds=str(int(since)))
    made.add("up-time", span(time.time() - since), junos_seconds=str(int(time.time() - since)))


def fpc_text(root: Element, given: Given) -> str:
    if "detail" in given:
        lines = []
        for one in root.children:
            lines.append(f"Slot {one.value('slot')} information:\n  State                               {one.value('state')}\n")
            if one.find("start-time") is not None:
                lines.append(f"  Start time:                         {one.value('start-time')}\n")
                lines.append(f"  Uptime:                             {one.value('up-time')}\n")
        return "".join(lines)
    head = (
        "                     Temp  CPU Utilization (%)   CPU Utilization (%)  Memory    Utilization (%)\n"
        "Slot State            (C)  Total  Interrupt      1min   5min   15min  DRAM (MB) Heap     Buffer\n"
    )
    return head + "".join(f"{one.value('slot'):>3}  {one.value('state')}\n" for one in root.children)


def pic_status(session: Session, given: Given) -> Element:
    root = information("fpc-information", "chassis")
    root.attributes["junos:style"] = "pic-style"
    wanted = given.get("fpc-slot")
    for slot, card in cards(session).items():
        if wanted is not None and int(wanted) != slot:
            continue
        made = root.add("fpc")
        made.add("slot", slot)
        made.add("state", "Online")
        made.add("description", CARD)
        pic = made.add("pic")
        pic.add("pic-slot", 0)
        pic.add("pic-state", "Online")
        pic.add("pic-type", f"{len(card['ports'])}x 1GE")
    return root


def pic_status_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        lines.append(f"Slot {one.value('slot'):<3} {one.value('state'):<8} {one.value('description')}\n")
        for pic in one.all("pic"):
            lines.append(f"  PIC {pic.value('pic-slot'):<2} {pic.value('pic-state'):<8} {pic.value('pic-type')}\n")
    return "".join(lines)


def routing_engine(session: Session, given: Given) -> Element:
    root = information("route-engine-information", "chassis")
    made = root.add("route-engine")
    made.add("slot", 0)
    made.add("mastership-state", "Master")
    made.add("mastership-priority", "Master (default)")
    made.add("status", "OK")
    total, used = memory(session)
    made.add("memory-dram-size", f"{total >> 20} MB")
    made.add("memory-installed-size", f"({total >> 20} MB installed)")
    made.add("memory-buffer-utilization", 100 * used // total if total else 0)
    for name, value in cpu(session).items():
        made.add(f"cpu-{name}", value)
    made.add("model", ENGINE_MODEL)
    made.add("serial-number", serial_number(session))
    started, up = boot_time(session)
    made.add("start-time", moment(started), junos_seconds=str(int(started)))
    made.add("up-time", span(up), junos_seconds=str(int(up)))
    made.add("last-reboot-reason", _reboot_reason(session))
    for name, average in zip(("one", "five", "fifteen"), load(session), strict=True):
        made.add(f"load-average-{name}", average)
    return root


def _reboot_reason(session: Session) -> str:
    """As the VM host saw it, where there is one."""
    from ..hostport import find_port

    if find_port(session.datastore.world) is not None:
        from .vmhost import last_reboot_reason

        told = last_reboot_reason(session)
        if told:
            return told
    return "Router rebooted after a normal shutdown."


ENGINE_ROWS = (
    ("Current state", "mastership-state"),
    ("Election priority", "mastership-priority"),
    ("DRAM", "memory-dram-size"),
    ("Memory utilization", "memory-buffer-utilization"),
    ("User", "cpu-user"),
    ("Background", "cpu-background"),
    ("Kernel", "cpu-system"),
    ("Interrupt", "cpu-interrupt"),
    ("Idle", "cpu-idle"),
    ("Model", "model"),
    ("Serial ID", "serial-number"),
    ("Start time", "start-time"),
    ("Uptime", "up-time"),
    ("Last reboot reason", "last-reboot-reason"),
)


def routing_engine_text(root: Element, given: Given) -> str:
    lines = ["Routing Engine status:\n"]
    for one in root.children:
        lines.append(f"  Slot {one.value('slot')}:\n")
        for title, name in ENGINE_ROWS:
            inner = name.startswith("cpu-")
            if name == "cpu-user":
                lines.append("    CPU utilization:\n")
            percent = " percent" if inner or name == "memory-buffer-utilization" else ""
            lines.append(f"    {'  ' if inner else ''}{title:<{28 if inner else 30}} {one.value(name)}{percent}\n")
        averages = "       ".join(one.value(f"load-average-{name}") for name in ("one", "five", "fifteen"))
        lines.append(f"    {'Load averages:':<30} 1 minute   5 minute  15 minute\n    {'':<30}     {averages}\n")
    return "".join(lines)


def alarms(session: Session, given: Given) -> Element:
    root = information("alarm-information", "alarm")
    root.add("alarm-summary").add("no-active-alarms")
    return root


def alarms_text(root: Element, given: Given) -> str:
    return "No alarms currently active\n"


def environment(session: Session, given: Given) -> Element:
    root = information("environment-information", "chassis")
    for name in ["Routing Engine 0", *(f"FPC {slot}" for slot in cards(session))]:
        item = root.add("environment-item")
        item.add("name", name)
        item.add("class", "Temp")
        item.add("status", "OK")
    return root


def environment_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Class", "Item", "Status", "Measurement")]
    rows += [
        (one.value("class") if index == 0 else "", one.value("name"), one.value("status"), "")
        for index, one in enumerate(root.children)
    ]
    return columns(rows, (5, 30, 10, 0))


def temperatures(session: Session, given: Given) -> Element:
    """Nothing of a virtual chassis has a temperature."""
    return information("temperature-threshold-information", "chassis")


def temperatures_text(root: Element, given: Given) -> str:
    return ""
