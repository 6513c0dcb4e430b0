"""May this node join? Of facts about it and of the fabric, every reason why not, each with the way out. Pure.

Asked before anything is changed on either side, so that a refused node is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rackless.fabric import placing
from rackless.fabric.ailments import CLOCK
from rackless.model.fabric import DISK_ALARM, NEEDS, SYSTEM, JoinRequest, Layout, Life, Needs, NodeRole, Refusal

STEP = CLOCK[-1][0]
"""Seconds by which its clock may differ: from there on it would be an alarm."""
TOLERANCE = 0.9
"""What of a need has to be there: a machine that was given 2 GiB shows a little less, and so does a formatted disk."""
NEAR = 2
"""The first so many nodes are those that a single failure must not hit together, and that hold the virtual address."""


def refusals(
    layout: Layout, request: JoinRequest, *, lives: Mapping[str, Life] | None = None, needs: Mapping[NodeRole, Needs] = NEEDS
) -> tuple[Refusal, ...]:
    """() if it may join. `lives`: what is held of each member, by id; those that are dead need not be reached."""
    alive = {each.id for each in layout.nodes if (lives or {}).get(each.id, Life.ALIVE) in {Life.ALIVE, Life.SUSPECT}}
    return tuple(
        [
            *_identity(layout, request),
            *_release(layout, request),
            *_time(layout, request),
            *_size(request, needs),
            *_network(layout, request, alive),
            *_place(layout, request),
        ]
    )


def _identity(layout: Layout, request: JoinRequest) -> Iterator[Refusal]:
    if request.fabric and request.fabric != layout.fabric:
        yield Refusal(
            name="other-fabric",
            reason=f"{request.name} is a node of another fabric ({request.fabric}; this one is {layout.fabric}).",
            hint="Take it out of that one first: `rackless fabric remove` there, then `rackless fabric forget` on it.",
        )
    copied = next((each for each in layout.nodes if request.machine and each.machine == request.machine), None)
    if copied is not None and copied.id != request.id:
        yield Refusal(
            name="clone",
            reason=f"{request.name} is the same machine as {copied.name}, or a copy of its disk (machine id and disk are equal).",
            hint="Give the copy an identity of its own (remove /etc/machine-id, run `systemd-machine-id-setup`) and try again.",
        )
    for node in layout.nodes:
        if node.id == request.id:
            shared = "" if node.machine == request.machine else "id"  # the same node may ask again
        else:
            shared = "name" if node.name == request.name else "address" if node.address == request.address else ""
        if shared:
            yield Refusal(
                name=f"{shared}-taken",
                reason=f"The {shared} {getattr(request, shared)} is that of the member {node.name}.",
                hint=f"`rackless fabric remove {node.name}` if that one is gone for good; else choose another {shared}.",
            )
    if request.role is NodeRole.WITNESS and any(each.role is NodeRole.WITNESS for each in layout.nodes):
        yield Refusal(
            name="second-witness",
            reason="The fabric has a witness already.",
            hint="Join as a full node, or remove the other witness first.",
        )
    if layout.virtual_address and layout.virtual_address.partition("/")[0] == request.address:
        yield Refusal(
            name="address-virtual",
            reason=f"{request.address} is the fabric's virtual address.",
            hint="Give the node an address of its own in the same subnet.",
        )


def _release(layout: Layout, request: JoinRequest) -> Iterator[Refusal]:
    wanted = next((each.release for each in layout.nodes if each.release), "")
    if wanted and request.release != wanted:
        yield Refusal(
            name="release",
            reason=f"{request.name} has release {request.release or '(unknown)'}, the fabric has {wanted}.",
            hint=f"Install {wanted} on it, or upgrade the fabric first.",
        )


def _time(layout: Layout, request: JoinRequest) -> Iterator[Refusal]:
    if not request.time_sources:
        yield Refusal(
            name="no-time-source",
            reason=f"{request.name} has no external source of time.",
            hint=f"Give it that of the first node: {', '.join(layout.time_sources) or 'none is set there either'}.",
        )
    elif layout.time_sources and set(request.time_sources) != set(layout.time_sources):
        yield Refusal(
            name="other-time-source",
            reason=f"{request.name} takes time from {', '.join(request.time_sources)}, the first node from "
            f"{', '.join(layout.time_sources)}.",
            hint="All nodes need the same external source, so that they stay in step when the first one is gone.",
        )
    if not request.clock_synchronised:
        yield Refusal(
            name="clock-alone",
            reason=f"The clock of {request.name} does not follow its source (yet).",
            hint="`chronyc tracking` on it says why; right after a start it takes a minute.",
        )
    if request.clock_offset is None:
        yield Refusal(
            name="clock-unknown",
            reason=f"How far the clock of {request.name} is off could not be measured.",
            hint="Try again; chrony has to run on both.",
        )
    elif abs(request.clock_offset) > STEP:
        yield Refusal(
            name="clock-offset",
            reason=f"The clock of {request.name} is off by {request.clock_offset:+.3f} s; {STEP} s are borne.",
            hint="`chronyc makestep` on the one that is wrong sets it.",
        )


def _size(request: JoinRequest, needs: Mapping[NodeRole, Needs]) -> Iterator[Refusal]:
    wanted = needs[request.role]
    if request.processors < wanted.processors:
        yield Refusal(
            name="processors",
            reason=f"{request.name} has {request.processors} processors; a {request.role} node needs {wanted.processors}.",
            hint="Give it more.",
        )
    if request.memory < wanted.memory * TOLERANCE:
        yield Refusal(
            name="memory",
            reason=f"{request.name} has {request.memory / 2**30:.1f} GiB of memory; a {request.role} node needs "
            f"{wanted.memory / 2**30:.1f}.",
            hint="Give it more.",
        )
    disk = max(0, wanted.disk - SYSTEM)
    if request.disk < disk * TOLERANCE:
        yield Refusal(
            name="disk",
            reason=f"The disk of {request.name} for data has {request.disk / 1e9:.0f} GB; a {request.role} node needs "
            f"{disk / 1e9:.0f}.",
            hint="Enlarge it, or add a second one of 40 GB, then `rackless appliance grow` on it.",
        )
    if request.disk_used >= DISK_ALARM:
        yield Refusal(
            name="disk-full",
            reason=f"The disk of {request.name} is {request.disk_used:.0f} % full; from {DISK_ALARM:.0f} % on that is an alarm.",
            hint="Make room on it, or enlarge it.",
        )


def _network(layout: Layout, request: JoinRequest, alive: set[str]) -> Iterator[Refusal]:
    for node in layout.nodes:
        if node.id not in alive or node.id == request.id:
            continue
        there, back = request.reached.get(node.id, "it was not tried"), request.reached_by.get(node.id, "it was not tried")
        if there:
            yield Refusal(
                name="unreachable",
                reason=f"{request.name} does not reach {node.name} at {node.address}: {there}.",
                hint="Open the ports of the fabric between them, both ways (docs/reference/fabric.md lists them).",
            )
        if back:
            yield Refusal(
                name="unreached",
                reason=f"{node.name} does not reach {request.name} at {request.address}: {back}.",
                hint="Open the ports of the fabric between them, both ways (docs/reference/fabric.md lists them).",
            )
    if request.addresses_in_use:
        yield Refusal(
            name="ports",
            reason=f"Something else listens on {', '.join(request.addresses_in_use)} of {request.name}.",
            hint="Stop it: `ss -ltnp` says what it is.",
        )


def _place(layout: Layout, request: JoinRequest) -> Iterator[Refusal]:
    full = sorted(
        (each for each in layout.nodes if each.role is NodeRole.FULL and each.id != request.id), key=lambda each: each.number
    )
    if request.role is not NodeRole.FULL or len(full) >= NEAR:
        return
    if layout.virtual_address and not placing.fits(request.address, layout.virtual_address):
        yield Refusal(
            name="subnet",
            reason=f"{request.address} is not in the subnet of the virtual address {layout.virtual_address}.",
            hint="The first and the second node hold that address in turn, and only in its own subnet do packets follow it: "
            "give this node an address there, or join a node of that subnet first.",
        )
    same = next((each for each in full if request.hypervisor and each.hypervisor == request.hypervisor), None)
    if same is not None:
        yield Refusal(
            name="same-hypervisor",
            reason=f"{request.name} runs on the same hypervisor host as {same.name} ({request.hypervisor}).",
            hint="Move one of the two: the loss of that host would take both. `--same-host` joins nevertheless.",
            waivable=True,
        )
