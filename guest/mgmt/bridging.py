"""Bridge domains as Linux bridges: which there are, and which Unix interfaces are their ports. Pure.

A domain with a routing interface is the Unix interface of that one (`irb.10`), others have a name of their own (`bd-...`). A
logical interface is in the domain that names it; one with an interface mode is in the domain of its VLAN: an access port as it
is, a trunk with one VLAN interface (`ge-0-0-1v10`) for each domain.
"""

from __future__ import annotations

from system.ports import kernel_name

from .devices import device, interfaces, logical_name, logicals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree

ADD = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
UNTAGGED_ONLY = f"{ADD} vlan_filtering 1"
"""What is inside a domain with a VLAN has no tag any more: a tagged frame at an untagged port is of no VLAN of the domain."""


def domains(tree: Tree) -> Tree:
    found: Tree = tree.get("bridge-domains", {}).get("domain", {})
    return found


def bridge_name(name: str, domain: Tree) -> str:
    """The Unix name of a domain's bridge."""
    from zlib import crc32

    return str(domain.get("routing-interface") or f"bd-{crc32(name.encode()):08x}")


def bridges(tree: Tree, mac: str) -> dict[str, str]:
    """How each bridge is made, by its Unix name; a routing interface that no domain uses is a bridge without ports.

    Without a MAC of its own a bridge takes that of a port, and changes it when that port goes: neighbors would lose it.
    """
    own = f"address {mac} " if mac else ""
    found = {logical: own + ADD for logical, _, _ in logicals(tree) if logical.startswith("irb.")}
    for name, domain in domains(tree).items():
        bridge = bridge_name(name, domain)
        head = own if bridge in found else ""
        found[bridge] = head + (ADD if domain.get("vlan-id", "none") == "none" else UNTAGGED_ONLY)
    return found


def bridge_mac(management: str | None) -> str:
    """The MAC of all routing interfaces, made of that of fxp0, which no other router has; "" without one."""
    octets = (management or "").strip().split(":")
    return ":".join([f"{int(octets[0], 16) ^ 4:02x}", *octets[1:]]) if len(octets) == 6 else ""


def bridged(entry: Tree, unit: Tree) -> bool:
    """A unit that is for bridging, whether it is in a domain or not."""
    return (
        "bridge" in unit.get("family", {})
        or "encapsulation" in unit
        or entry.get("encapsulation") in ("ethernet-bridge", "extended-vlan-bridge")
    )


def mode(unit: Tree) -> str:
    """`access`, `trunk`, or "" for a unit that is in the domain which names it."""
    return str(unit.get("family", {}).get("bridge", {}).get("interface-mode", ""))


def vlans(unit: Tree) -> list[int]:
    """VLANs of an access port or a trunk, ranges resolved."""
    family = unit.get("family", {}).get("bridge", {})
    found: list[int] = []
    for word in [family["vlan-id"]] if mode(unit) == "access" and "vlan-id" in family else family.get("vlan-id-list", ()):
        first, _, last = word.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def member_ports(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """(Unix interface, its bridge, how it is made of its port or ""). A disabled unit is no port of anything."""
    by_vlan = {int(domain["vlan-id"]): bridge_name(name, domain) for name, domain in domains(tree).items()
               if domain.get("vlan-id", "none") != "none"}  # fmt: skip
    named = {
        logical: bridge_name(name, domain) for name, domain in domains(tree).items() for logical in domain.get("interface", {})
    }
    for logical, _, unit in logicals(tree):
        if "disable" in unit:
            continue
        if logical in named:
            yield device(tree, logical), named[logical], ""
        for vlan in vlans(unit) if mode(unit) else ():
            if vlan in by_vlan:
                kernel = kernel_name(logical)
                if mode(unit) == "access":
                    yield kernel, by_vlan[vlan], ""
                else:
                    yield f"{kernel}v{vlan}", by_vlan[vlan], f"link {kernel} type vlan id {vlan}"


def port_of(kernel: str) -> str:
    """The logical interface that a bridge's port is or belongs to."""
    return logical_name(kernel.partition("v")[0])


def irb(tree: Tree) -> Tree:
    found: Tree = interfaces(tree).get("irb", {})
    return found
