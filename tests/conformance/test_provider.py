"""The contract's promises, on every provider. Each verb is called on a new provider object: only the place remembers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from rackless.model.errors import AbsentError, ProviderError
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Capture, Carrier, Channel, Power, Ref, RefKind

sys.path.insert(0, str(Path(__file__).parent))

import specs  # type: ignore[import-not-found]  # beside this file, which is no package

SANDBOX = "lab"


async def build(place, sandbox: str = SANDBOX) -> tuple[MachineSpec, MachineSpec]:
    """A controller and a card with their internal segment, switched off. Every verb with a new provider."""
    made = []
    await place.provider().ensure(specs.internal(sandbox, "west"))
    for number, name in enumerate(("west-vcp", "west-vfp0")):
        spec = specs.machine(
            sandbox,
            name,
            number=number,
            console=place.free_port() if number == 0 else None,
            forward=place.free_port() if number == 0 else None,
        )
        await place.provider().ensure(spec.disks[0])
        await place.provider().ensure(spec)
        made.append(spec)
    return made[0], made[1]


async def find(place, name: str, sandbox: str | None = SANDBOX) -> Ref | None:
    refs = await place.provider().owned(sandbox)
    return next((ref for ref in refs if ref.kind is RefKind.MACHINE and ref.name == name), None)


async def running(place, spec: MachineSpec) -> Ref:
    ref = await find(place, spec.name, spec.sandbox)
    assert ref is not None
    await place.provider().power(ref, Power.ON)
    ref = await find(place, spec.name, spec.sandbox)
    assert ref is not None
    assert ref.running
    return ref


async def test_ensure_twice_makes_one_of_each(place) -> None:
    await build(place)
    once = await place.provider().owned(SANDBOX)
    vcp = specs.machine(SANDBOX, "west-vcp", console=place.free_port())
    await place.provider().ensure(specs.internal(SANDBOX, "west"))
    await place.provider().ensure(vcp.disks[0])
    await place.provider().ensure(vcp)
    assert sorted(await place.provider().owned(SANDBOX)) == sorted(once)


async def test_owned_names_everything_made_machines_first(place) -> None:
    await build(place)
    refs = await place.provider().owned(SANDBOX)
    assert {(ref.kind, ref.name) for ref in refs} == {
        (RefKind.MACHINE, "west-vcp"),
        (RefKind.MACHINE, "west-vfp0"),
        (RefKind.DISK, "west-vcp-disk0"),
        (RefKind.DISK, "west-vfp0-disk0"),
        (RefKind.SEGMENT, "west-internal"),
    }
    kinds = [ref.kind for ref in refs]
    assert kinds[:2] == [RefKind.MACHINE, RefKind.MACHINE]
    assert {ref.sandbox for ref in refs} == {SANDBOX}


async def test_a_machine_comes_into_being_switched_off(place) -> None:
    await build(place)
    ref = await find(place, "west-vcp")
    assert ref is not None
    assert not ref.running


async def test_a_machine_without_its_disk_or_segment_is_refused(place) -> None:
    spec = specs.machine(SANDBOX, "west-vcp", console=place.free_port())
    await place.provider().ensure(specs.internal(SANDBOX, "west"))
    with pytest.raises(AbsentError, match="west-vcp-disk0"):
        await place.provider().ensure(spec)
    await place.provider().ensure(spec.disks[0])
    await place.provider().remove(Ref(kind=RefKind.SEGMENT, sandbox=SANDBOX, name="west-internal"))
    with pytest.raises(AbsentError, match="west-internal"):
        await place.provider().ensure(spec)
    assert await find(place, "west-vcp") is None


async def test_power_on_twice_starts_once(place) -> None:
    vcp, _ = await build(place)
    first = await running(place, vcp)
    second = await running(place, vcp)
    assert first.since == second.since > 0
    assert first.endpoints == second.endpoints
    assert "console" in first.endpoints
    assert "ssh" in first.endpoints


async def test_ensure_leaves_a_running_machine_running(place) -> None:
    vcp, _ = await build(place)
    before = await running(place, vcp)
    after = await place.provider().ensure(vcp)
    assert after.running
    assert after.since == before.since


async def test_power_off_twice_and_on_again(place) -> None:
    vcp, _ = await build(place)
    ref = await running(place, vcp)
    for _ in range(2):
        await place.provider().power(ref, Power.OFF)
        off = await find(place, vcp.name)
        assert off is not None
        assert not off.running
    again = await running(place, vcp)
    assert again.since > ref.since


async def test_reset_keeps_a_machine_running_and_starts_a_stopped_one(place) -> None:
    vcp, _ = await build(place)
    ref = await running(place, vcp)
    await place.provider().power(ref, Power.RESET)
    after = await find(place, vcp.name)
    assert after is not None
    assert after.running
    await place.provider().power(ref, Power.OFF)
    await place.provider().power(ref, Power.RESET)
    after = await find(place, vcp.name)
    assert after is not None
    assert after.running


async def test_power_of_an_absent_machine_says_so(place) -> None:
    with pytest.raises(AbsentError, match="ghost"):
        await place.provider().power(Ref(kind=RefKind.MACHINE, sandbox=SANDBOX, name="ghost"), Power.ON)


@pytest.mark.parametrize("when", ["off", "on", "between"])
async def test_attach_and_detach_repeated(place, when: str) -> None:
    vcp, vfp = await build(place)
    wire = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await place.provider().ensure(wire)
    if when == "on":
        await running(place, vcp)
        await running(place, vfp)
    for _ in range(2):
        for port in wire.ports:
            await place.provider().attach(port, wire)
    if when == "between":
        await running(place, vcp)
        await running(place, vfp)
    for _ in range(2):
        for port in wire.ports:
            await place.provider().detach(port)
            await place.provider().detach(port)
            await place.provider().attach(port, wire)
            await place.provider().attach(port, wire)


async def test_attach_moves_a_port_from_another_segment(place) -> None:
    vcp, vfp = await build(place)
    one = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    two = specs.wire(SANDBOX, "wire-2", specs.port(vcp, 2), specs.port(vfp, 3))
    await running(place, vcp)
    for wire in (one, two, one):
        await place.provider().ensure(wire)
        await place.provider().attach(wire.ports[0], wire)
    await place.provider().remove(Ref(kind=RefKind.SEGMENT, sandbox=SANDBOX, name="wire-1"))
    await place.provider().attach(two.ports[0], two)


async def test_attach_in_the_wrong_order_says_what_is_absent(place) -> None:
    vcp, vfp = await build(place)
    wire = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    with pytest.raises(AbsentError, match="wire-1"):
        await place.provider().attach(wire.ports[0], wire)
    await place.provider().ensure(wire)
    ghost = specs.machine(SANDBOX, "ghost-vcp")
    with pytest.raises(AbsentError, match="ghost-vcp"):
        await place.provider().attach(specs.port(ghost, 2), wire)
    with pytest.raises(AbsentError, match="NIC 9"):
        await place.provider().attach(specs.port(vcp, 9), wire)
    with pytest.raises(ProviderError, match="not one of"):
        await place.provider().attach(specs.port(vcp, 3), wire)


async def test_detach_of_what_is_absent_is_success(place) -> None:
    vcp, _ = await build(place)
    await place.provider().detach(specs.port(vcp, 2))
    await place.provider().detach(specs.port(vcp, 9))
    await place.provider().detach(specs.port(specs.machine("nowhere", "ghost-vcp"), 2))


async def test_carrier_is_switched_and_repeated(place) -> None:
    vcp, vfp = await build(place)
    wire = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await place.provider().ensure(wire)
    await running(place, vcp)
    await place.provider().attach(wire.ports[0], wire)
    provider = place.provider()
    if not provider.info.carrier:
        return
    assert isinstance(provider, Carrier)
    for up in (False, False, True, True, False):
        await provider.carrier(wire.ports[0], up)
    ghost = specs.port(specs.machine(SANDBOX, "ghost-vcp"), 2)
    with pytest.raises(AbsentError, match="ghost-vcp"):
        await provider.carrier(ghost, True)


async def test_console_of_a_stopped_or_absent_machine_says_so(place) -> None:
    vcp, _ = await build(place)
    ref = await find(place, vcp.name)
    assert ref is not None
    for dead in (ref, Ref(kind=RefKind.MACHINE, sandbox=SANDBOX, name="ghost")):
        with pytest.raises(AbsentError, match=dead.name):
            await place.provider().console(dead)


async def test_console_opens_again_and_ends_with_its_machine(place) -> None:
    vcp, _ = await build(place)
    ref = await running(place, vcp)
    provider = place.provider()
    for _ in range(2):
        stream = await provider.console(ref)
        await stream.write(b"\r")
        assert await asyncio.wait_for(stream.read(1), 20)
        await stream.close()
    stream = await provider.console(ref)
    await provider.power(ref, Power.OFF)

    async def to_the_end() -> None:
        while await stream.read():
            pass

    await asyncio.wait_for(to_the_end(), 20)
    await stream.close()


async def test_channel_opens_only_to_a_running_machine(place) -> None:
    vcp, _ = await build(place)
    provider = place.provider()
    if not provider.info.host_channel:
        return
    assert isinstance(provider, Channel)
    ref = await find(place, vcp.name)
    assert ref is not None
    with pytest.raises(AbsentError, match="west-vcp"):
        await provider.channel(ref)
    ref = await running(place, vcp)
    provider = place.provider()
    for _ in range(2):
        stream = await provider.channel(ref)
        await stream.close()


async def test_capture_starts_with_a_pcap_header_and_leaves_nothing(place) -> None:
    if not place.provider().info.capture:
        return
    vcp, vfp = await build(place)
    wire = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await place.provider().ensure(wire)
    await running(place, vcp)
    await place.provider().attach(wire.ports[0], wire)
    before = sorted(await place.provider().owned())
    provider = place.provider()
    assert isinstance(provider, Capture)
    for _ in range(2):
        frames = provider.capture(wire.ports[0])
        head = b""
        while len(head) < 24:
            head += await asyncio.wait_for(anext(frames), 20)
        assert head[:4] == b"\xd4\xc3\xb2\xa1"
        await frames.aclose()
    assert sorted(await place.provider().owned()) == before


async def test_two_sandboxes_see_only_their_own(place) -> None:
    await build(place, "lab")
    await build(place, "other")
    mine = await place.provider().owned("lab")
    assert {ref.sandbox for ref in mine} == {"lab"}
    both = await place.provider().owned()
    assert {ref.sandbox for ref in both} == {"lab", "other"}
    for ref in mine:
        await place.provider().remove(ref)
    assert await place.provider().owned("lab") == ()
    assert len(await place.provider().owned("other")) == len(mine)


async def test_two_sites_do_not_see_each_other(place) -> None:
    vcp, _ = await build(place)
    await running(place, vcp)
    assert await place.other_site().owned() == ()
    await place.other_site().remove(Ref(kind=RefKind.MACHINE, sandbox=SANDBOX, name=vcp.name))
    still = await find(place, vcp.name)
    assert still is not None
    assert still.running


async def test_remove_takes_a_running_machine_and_repeats(place) -> None:
    vcp, vfp = await build(place)
    wire = specs.wire(SANDBOX, "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await place.provider().ensure(wire)
    await running(place, vcp)
    await running(place, vfp)
    for port in wire.ports:
        await place.provider().attach(port, wire)
    refs = await place.provider().owned(SANDBOX)
    for _ in range(2):
        for ref in refs:
            await place.provider().remove(ref)
    assert await place.provider().owned(SANDBOX) == ()


async def test_a_disk_in_use_is_not_removed(place) -> None:
    vcp, _ = await build(place)
    disk = Ref(kind=RefKind.DISK, sandbox=SANDBOX, name=vcp.disks[0].name)
    with pytest.raises(ProviderError, match="belongs to machine west-vcp"):
        await place.provider().remove(disk)
    await place.provider().remove(Ref(kind=RefKind.MACHINE, sandbox=SANDBOX, name=vcp.name))
    await place.provider().remove(disk)
    assert disk not in await place.provider().owned(SANDBOX)


async def test_remove_of_what_never_was_is_success(place) -> None:
    for kind in (RefKind.MACHINE, RefKind.DISK, RefKind.SEGMENT):
        await place.provider().remove(Ref(kind=kind, sandbox="nowhere", name="ghost"))


async def test_remove_refuses_what_is_not_ours(place) -> None:
    foreign = place.plant_foreign(SANDBOX, "stranger")
    assert all(ref.name != "stranger" for ref in await place.provider().owned())
    with pytest.raises(ProviderError, match="mark"):
        await place.provider().remove(foreign)
    assert place.foreign_lives(foreign)


async def test_many_machines_start_and_end_in_parallel(place) -> None:
    vcp, vfp = await build(place)
    provider = place.provider()
    refs = [await find(place, spec.name) for spec in (vcp, vfp)]
    await asyncio.gather(*(provider.power(ref, Power.ON) for ref in refs for _ in range(2)))
    assert [ref.running for ref in await provider.owned(SANDBOX) if ref.kind is RefKind.MACHINE] == [True, True]
    await asyncio.gather(*(provider.remove(ref) for ref in refs for _ in range(2)))
    assert all(ref.kind is not RefKind.MACHINE for ref in await provider.owned(SANDBOX))


async def test_info_says_what_it_can(place) -> None:
    provider = place.provider()
    info = provider.info
    assert info.management in {"address", "forwarded"}
    assert info.carrier == isinstance(provider, Carrier)
    assert info.capture == isinstance(provider, Capture)
    assert info.host_channel == isinstance(provider, Channel)
