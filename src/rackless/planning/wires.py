"""Wires and the segments that realise them; finding the NIC behind an end such as west:ge-0/0/1."""

from __future__ import annotations

from rackless.model import naming
from rackless.model.blueprint import End, Wire
from rackless.model.errors import InputError, NotFoundError
from rackless.model.family import Family, NicRole
from rackless.model.plan import MachineSpec, NicSpec, Plan, SegmentSpec, WireSpec
from rackless.model.suggestions import did_you_mean, nearest

DEFAULT_WIRE_MTU = Family(name="", title="", roles=()).wire_mtu


def resolve(plan: Plan, text: str) -> tuple[End, MachineSpec, NicSpec]:
    """The end that `text` ("west:ge-0/0/1", "pc1:eth1") names in the plan, with its machine and NIC.

    Raises:
        InputError: `text` is not of the form owner:port, or the port is not one for wires.
        NotFoundError: the plan has no such router or host, or it has no such port.
    """
    owner, colon, port = text.partition(":")
    if not colon or not owner or not port:
        raise InputError(
            f"'{text}' is not the end of a wire.",
            hint="Write the router or host, a colon and the port: west:ge-0/0/0 or pc1:eth1.",
        )
    return find(plan, End(owner=owner, port=port))


def find(plan: Plan, end: End) -> tuple[End, MachineSpec, NicSpec]:
    """As `resolve`, for an end that has been read already."""
    machines = plan.machines_of(end.owner)
    if not machines:
        owners = {machine.owner for machine in plan.machines}
        raise NotFoundError(
            f"Lab '{plan.sandbox}' has no router or host '{end.owner}'.",
            hint=did_you_mean(end.owner, owners, "routers and hosts"),
        )
    for machine in machines:
        nic = machine.nic(end.port)
        if nic is not None and nic.role is NicRole.TRAFFIC:
            return end, machine, nic
        if nic is not None:
            raise InputError(f"{end} is not a port that takes wires.", hint=_ports_hint(end, machines))
    raise NotFoundError(f"'{end.owner}' has no port '{end.port}'.", hint=_ports_hint(end, machines))


def has_port(plan: Plan, end: End) -> bool:
    """Whether a wire can end there."""
    return any(
        nic.label == end.port and nic.role is NicRole.TRAFFIC for machine in plan.machines_of(end.owner) for nic in machine.nics
    )


def absent(plan: Plan, wish: Wire) -> str:
    """Why a wire of the blueprint is not connected: which port is not there; "" when both are."""
    for end in wish.ends:
        if not plan.machines_of(end.owner):
            return f"there is no {end.owner} yet"
        if not has_port(plan, end):
            return f"{end.owner} has no port {end.port} yet"
    return ""


def _ports_hint(end: End, machines: tuple[MachineSpec, ...]) -> str:
    labels = [nic.label for machine in machines for nic in machine.nics if nic.role is NicRole.TRAFFIC]
    if not labels:
        return f"'{end.owner}' has no ports at all."
    near = nearest(end.port, labels) if end.port.startswith(("ge", "eth", "et", "xe")) else None
    guess = f"Did you mean '{near}'? " if near is not None else ""
    span = labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
    return f"{guess}Its ports are {span}."


def wire(plan: Plan, end_a: End, end_b: End, *, mtu: int = DEFAULT_WIRE_MTU) -> tuple[SegmentSpec, WireSpec]:
    """The segment and wire that join two ends of the plan's machines. Neither needs to be in the plan; pure.

    Raises:
        InputError, NotFoundError: as `resolve`; or both ends are the same.
    """
    if end_a == end_b:
        raise InputError(f"{end_a} cannot be wired to itself.", hint="Name two different ports.")
    found = [find(plan, end) for end in (end_a, end_b)]
    ports = (found[0][1].port(found[0][2]), found[1][1].port(found[1][2]))
    name = naming.wire_segment(str(end_a), str(end_b))
    segment = SegmentSpec(sandbox=plan.sandbox, name=name, kind="wire", ports=ports, mtu=mtu, place=found[0][1].place)
    return segment, WireSpec(wire=Wire(ends=(end_a, end_b)), segment=name, ports=ports)
