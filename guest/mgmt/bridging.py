"""Bridge domains as Linux bridges: which there are, and which Unix interfaces are their ports. Pure.

A domain with a routing interface is the Unix interface of that one (`irb.10`), others have a name of their own. A logical
interface is in the domain that names it; a port of family bridge is in the domain of its VLAN: an access port as it is, a
trunk with one VLAN interface (`ge-0-0-1v10`) for each domain.
"""

from __future__ import annotations

from .devices import device, kernel_name, logicals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree

ADD = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"


def domains(tree: Tree) -> Tree:
    found: Tree = tree.get("bridge-domains", {}).get("domain", {})
    return found


def bridge_name(name: str, domain: Tree) -> str:
    """The Unix name of a domain's bridge."""
    from zlib import crc32

    return str(domain.get("routing-interface") or f"bd-{crc32(name.encode()):08x}")


def bridges(tree: Tree) -> list[str]:
    """Unix names of all bridges; a routing interface that no domain uses is a bridge without ports."""
    names = [bridge_name(name, domain) for name, domain in domains(tree).items()]
    return names + [logical for logical, _, _ in logicals(tree) if logical.startswith("irb.") and logical not in names]


def vlans(unit: Tree) -> list[int]:
    """VLANs of a trunk: of `vlan-id-list`, with its ranges."""
    found: list[int] = []
    for word in unit.get("family", {}).get("bridge", {}).get("vlan-id-list", ()):
        first, _, last = word.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def member_ports(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """(Unix interface, its bridge, VLAN interface to be made of it or '')."""
    by_vlan = {}
    for name, domain in domains(tree).items():
        for logical in domain.get("interface", {}):
            yield device(tree, logical), bridge_name(name, domain), ""
        if domain.get("vlan-id", "none") != "none":
            by_vlan[int(domain["vlan-id"])] = bridge_name(name, domain)
    for logical, _, unit in logicals(tree):
        family = unit.get("family", {}).get("bridge", {})
        kernel = kernel_name(logical)
        mode = family.get("interface-mode")
        if mode == "access" and int(family.get("vlan-id", "0")) in by_vlan:
            yield kernel, by_vlan[int(family["vlan-id"])], ""
        elif mode == "trunk":
            for vlan in vlans(unit):
                if vlan in by_vlan:
                    yield f"{kernel}v{vlan}", by_vlan[vlan], f"link {kernel} type vlan id {vlan}"
