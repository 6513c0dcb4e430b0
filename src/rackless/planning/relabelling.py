"""A router that calls its NICs otherwise than planned: a hypervisor may show a card's NICs in an order of its own. Pure.

What counts is the MAC. The labels move to the NICs that have them, and with them the wires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, Plan, PortRef, SegmentSpec


def moves(plan: Plan, router: str, seen: Mapping[str, str]) -> dict[PortRef, PortRef]:
    """Where each label's NIC was planned -> where it is; those only that are elsewhere. `seen`: MAC by label, as the router says.

    A card counts when all of its ports were seen with all of its MACs; whatever else differs is no other order.
    """
    found: dict[PortRef, PortRef] = {}
    for spec in plan.machines_of(router):
        nics = {nic.label: nic for nic in spec.nics if nic.role is NicRole.TRAFFIC}
        by_mac = {nic.mac: nic for nic in nics.values()}
        if {seen.get(label, "").lower() for label in nics} != set(by_mac):
            continue
        real = {label: by_mac[seen[label].lower()] for label in nics}
        found |= {spec.port(nic): spec.port(real[label]) for label, nic in nics.items() if real[label] is not nic}
    return found


def relabelled(plan: Plan, moved: Mapping[PortRef, PortRef]) -> Plan:
    """The plan with the labels where they are, and with the wires of those labels."""

    def machine(spec: MachineSpec) -> MachineSpec:
        labels = {moved[port].nic: nic.label for nic in spec.nics if (port := spec.port(nic)) in moved}
        return replace(spec, nics=tuple(replace(nic, label=labels.get(nic.index, nic.label)) for nic in spec.nics))

    def segment_of(segment: SegmentSpec) -> SegmentSpec:
        return replace(segment, ports=tuple(moved.get(port, port) for port in segment.ports))

    return replace(
        plan,
        machines=tuple(map(machine, plan.machines)),
        segments=tuple(
            replace(segment, ports=tuple(moved.get(port, port) for port in segment.ports)) for segment in plan.segments
        ),
        wires=tuple(
            replace(wire, ports=(moved.get(wire.ports[0], wire.ports[0]), moved.get(wire.ports[1], wire.ports[1])))
            for wire in plan.wires
        ),
    )


def kept(spec: MachineSpec, there: Plan | None) -> MachineSpec:
    """The machine with the labels that its NICs have in the plan of what is there."""
    old = there.machine(spec.name) if there is not None else None
    labels = {nic.mac: nic.label for nic in old.nics} if old is not None else {}
    if {nic.label for nic in spec.nics} != {labels.get(nic.mac) for nic in spec.nics}:
        return spec
    return replace(spec, nics=tuple(replace(nic, label=labels[nic.mac]) for nic in spec.nics))
