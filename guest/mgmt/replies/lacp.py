"""`show lacp interfaces`: of the aggregates, from the kernel's bonding driver (/proc/net/bonding)."""

from __future__ import annotations

from system.ports import router_name

from ..xmltree import Element
from .ports import ports
from .reply import fail, information
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from .table import Row

    Given = dict[str, str]


def _yes(row: Row, bit: int) -> str:
    """One bit of a port's state, IEEE 802.1AX 6.4.2.3."""
    return "Yes" if row["state"] & bit else "No"


STATE = Table(
    "lag-lacp-state",
    ("name", "name", "LACP state:", 16),
    ("lacp-role", "role", "Role", -7),
    ("lacp-expired", lambda row: _yes(row, 128), "Exp", -5),
    ("lacp-defaulted", lambda row: _yes(row, 64), "Def", -4),
    ("lacp-distributing", lambda row: _yes(row, 32), "Dist", -5),
    ("lacp-collecting", lambda row: _yes(row, 16), "Col", -4),
    ("lacp-synchronization", lambda row: _yes(row, 8), "Syn", -4),
    ("lacp-aggregation", lambda row: _yes(row, 4), "Aggr", -5),
    ("lacp-timeout", lambda row: "Fast" if row["state"] & 2 else "Slow", "Timeout", -8),
    ("lacp-activity", lambda row: "Active" if row["state"] & 1 else "Passive", "Activity", -9),
)
PROTOCOL = Table(
    "lag-lacp-protocol",
    ("name", "name", "LACP protocol:", 16),
    ("lacp-receive-state", "receive", "Receive State", -15),
    ("lacp-transmit-state", "transmit", "Transmit State", -19),
    ("lacp-mux-state", "mux", "         Mux State", 0),
)


def interfaces(session: Session, given: Given) -> Element:
    root = Element("lacp-interface-information-list", attributes=information("", "lacpd").attributes)
    wanted = given.get("interface-name")
    found = {name: port for name, port in ports(session).items() if name.startswith("ae")}
    if wanted is not None and wanted not in found:
        raise fail(f"error: interface {wanted} not found")
    for name, port in found.items():
        if wanted not in (None, name) or "lacp" not in port.tree.get("aggregated-ether-options", {}):
            continue
        made = root.add("lacp-interface-information")
        made.add("lag-lacp-header").add("aggregate-name", name)
        members = _members(session.datastore.world.read(f"/proc/net/bonding/{name}") or "")
        for member, states in members.items():
            for role in ("actor", "partner"):
                STATE.add(made, {"name": member, "role": role.capitalize(), "state": states[role]})
        for member, states in members.items():
            PROTOCOL.add(made, {"name": member, **_machines(states)})
    return root


def _members(text: str) -> dict[str, dict[str, int]]:
    """Member -> the state bits of `actor` and `partner`, and whether its link is `up`."""
    found: dict[str, dict[str, int]] = {}
    here: dict[str, int] = {}
    role = ""
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if name == "Slave Interface":
            here = found.setdefault(router_name(value.strip()) or value.strip(), {"actor": 0, "partner": 0, "up": 0})
        elif name == "MII Status":
            here["up"] = int(value.strip() == "up")
        elif name in ("details actor lacp pdu", "details partner lacp pdu"):
            role = name.split()[1]
        elif name == "port state":
            here[role] = int(value)
    return found


def _machines(states: dict[str, int]) -> dict[str, str]:
    """The states of the protocol's machines (IEEE 802.1AX 6.4.12 to 6.4.16), as the bits of the actor tell them."""
    actor = states["actor"]
    up = "Expired" if actor & 128 else "Defaulted" if actor & 64 else "Current"
    receive = up if states["up"] else "Port disabled"
    transmit = "No periodic" if not states["up"] else "Fast periodic" if states["partner"] & 2 else "Slow periodic"
    mux = "Detached"
    if actor & 16:
        mux = "Collecting distributing" if actor & 32 else "Collecting"
    elif actor & 8:
        mux = "Attached"
    return {"receive": receive, "transmit": transmit, "mux": mux}


def interfaces_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        lines.append(f"Aggregated interface: {one.value('lag-lacp-header/aggregate-name')}\n")
        for table in (STATE, PROTOCOL):
            lines += ["    " + line + "\n" for line in table.text(one.all(table.tag)).splitlines()]
    return "".join(lines)
