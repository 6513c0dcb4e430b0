"""Whatever goes wrong at whichever call: done again, a lab comes up; and taken down, nothing of it is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable

import pytest
from tests.conformance import specs
from tests.vsphere import vcenter

from rackless.model.errors import AbsentError, CapacityError, ProviderError, RacklessError
from rackless.model.plan import MachineSpec, PortRef
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.vsphere.provider import VsphereProvider
from rackless.workflows.teardown import remove_owned

pytestmark = pytest.mark.vsphere


async def bring_up(provider: VsphereProvider, port: int) -> None:
    """A router of two machines with a wire between them, as a deployment makes it; every step may have been done before."""
    await provider.ensure(specs.internal("lab", "west"))
    wire = specs.wire("lab", "wire-1", *(PortRef(sandbox="lab", machine=name, nic=2) for name in ("west-vcp", "west-vfp0")))
    for name in ("west-vcp", "west-vfp0"):
        spec = specs.machine("lab", name, console=port if name == "west-vcp" else None)
        await provider.ensure(spec.disks[0])
        await provider.ensure(spec)
        await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name=name), Power.ON)
    await provider.ensure(wire)
    for end in wire.ports:
        await provider.attach(end, wire)


def left_behind(venue) -> list[str]:
    """What of ours is in the inventory, whoever says that it is ours."""
    with venue.server.admin() as content:
        network = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/network")
        folder = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/rackless")
        cluster = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/host/{vcenter.CLUSTER}")
        named = [one.name for one in network.childEntity if one.name.startswith("rackless")]
        named += [one.name for one in (folder.childEntity if folder is not None else [])]
        return named + [one.name for one in cluster.configurationEx.rule]


async def failure(work: Awaitable[object]) -> RacklessError | None:
    try:
        await work
    except RacklessError as error:
        return error
    return None


async def take_down(venue) -> None:
    """As a teardown does it, on a new connection."""
    provider = venue.provider(anti_affinity=True)
    assert await remove_owned(provider, "lab") == []
    for ref in await provider.owned():  # As an audit does: what is no lab's.
        assert ref.sandbox == ""
        await provider.remove(ref)
    assert await provider.owned() == ()
    assert await asyncio.to_thread(left_behind, venue) == []


async def calls_of(venue, port: int) -> list[str]:
    """Every call of a deployment in its order."""
    venue.server.clear()
    provider = venue.provider(anti_affinity=True)
    await bring_up(provider, port)
    sent = [one.method for one in venue.server.sent()]
    await provider.close()
    await take_down(venue)
    return sent


READS = ("Retrieve", "Find")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "fault"), [("fault", "SystemError"), ("drop", ""), ("lost", ""), ("task", "GenericVmConfigFault")]
)
async def test_at_each_call_in_turn(venue, kind: str, fault: str) -> None:
    port = venue.free_port()
    sent = await calls_of(venue, port)
    for at, method in enumerate(sent):
        if (kind == "task" and not method.endswith("_Task")) or (
            kind in {"drop", "lost"} and method.startswith(READS) and at % 5
        ):
            continue  # What reads is done again in one place, whatever it reads.
        venue.server.clear()
        venue.server.fault(kind, skip=at, fault=fault)
        provider = venue.provider(anti_affinity=True)
        error = await failure(bring_up(provider, port))
        # A broken connection is got over without anybody's help; a fault is told, with the way out.
        assert error is None or (error.hint and kind in {"fault", "task"}), f"call {at}, {method}: {error}"
        venue.server.clear()
        if at % 2:
            await bring_up(provider, port)
            running = {ref.name for ref in await provider.owned("lab") if ref.running}
            assert running == {"west-vcp", "west-vfp0"}, f"call {at}, {method}"
        await provider.close()
        await take_down(venue)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [1, 3])
async def test_answers_of_before_make_nothing_twice(venue, times: int) -> None:
    """What is read, at each place in turn (`times`: and what is read after it), is as it was when that was asked last."""
    port = venue.free_port()
    sent = await calls_of(venue, port)
    for at in [at for at, method in enumerate(sent) if method.startswith(READS)][::times]:
        venue.server.clear()
        venue.server.fault("stale", skip=at, times=times)
        provider = venue.provider(anti_affinity=True)
        error = None
        for _ in range(3):  # as a job does
            error = await failure(bring_up(provider, port))
            if error is None:
                break
        assert error is None, f"call {at}: {error}"
        venue.server.clear()
        refs = await provider.owned("lab")
        assert {ref.name for ref in refs if ref.running} == {"west-vcp", "west-vfp0"}, f"call {at}"
        assert len({(ref.kind, ref.name) for ref in refs}) == len(refs), f"call {at}"
        await provider.close()
        await take_down(venue)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "fault"), [("fault", "SystemError"), ("lost", "")])
async def test_at_each_call_of_the_teardown(venue, kind: str, fault: str) -> None:
    port = venue.free_port()
    await bring_up(venue.provider(anti_affinity=True), port)
    venue.server.clear()
    await take_down(venue)
    calls = len(venue.server.sent())
    for at in range(0, calls, 2):
        venue.server.clear()
        await bring_up(venue.provider(anti_affinity=True), port)
        venue.server.clear()
        venue.server.fault(kind, skip=at, fault=fault)
        provider = venue.provider(anti_affinity=True)
        error = await failure(remove_owned(provider, "lab"))
        assert error is None or error.hint
        venue.server.clear()
        await provider.close()
        await take_down(venue)


async def built(venue, **changed) -> tuple[VsphereProvider, MachineSpec, Ref]:
    provider = venue.provider(**changed)
    await provider.ensure(specs.internal("lab", "west"))
    spec = specs.machine("lab", "west-vcp", console=venue.free_port())
    await provider.ensure(spec.disks[0])
    await provider.ensure(spec)
    return provider, spec, Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")


async def test_a_machine_that_vanishes(venue) -> None:
    provider, spec, ref = await built(venue)
    wire = specs.wire("lab", "wire-1", specs.port(spec, 2))
    await provider.ensure(wire)
    with venue.server.admin() as content:
        path = f"{vcenter.DATACENTER}/vm/rackless/lab.{provider.site}/west-vcp.lab"
        content.searchIndex.FindByInventoryPath(path).Destroy_Task()
    for verb in (provider.power(ref, Power.ON), provider.attach(wire.ports[0], wire), provider.console(ref)):
        with pytest.raises(AbsentError, match="west-vcp"):
            await verb
    await provider.detach(wire.ports[0])
    await provider.remove(ref)
    assert [one.kind for one in await provider.owned("lab")] == [RefKind.SEGMENT, RefKind.SEGMENT, RefKind.FILE]
    await provider.ensure(spec.disks[0])
    await provider.ensure(spec)
    await provider.power(ref, Power.ON)
    await provider.attach(wire.ports[0], wire)


async def test_a_machine_that_vanishes_between_two_calls(venue) -> None:
    provider, spec, ref = await built(venue)
    gone = f'<obj type="VirtualMachine">{(await provider.machines.need("lab", "west-vcp")).entity._moId}</obj>'
    for method, verb in (
        ("PowerOnVM_Task", lambda: provider.power(ref, Power.ON)),
        ("ReconfigVM_Task", lambda: provider.carrier(specs.port(spec, 2), True)),
    ):
        venue.server.fault("fault", method, fault="ManagedObjectNotFound", inner=gone)
        with pytest.raises(AbsentError, match="gone"):
            await verb()
    venue.server.fault("fault", "ReconfigVM_Task", fault="ManagedObjectNotFound", inner=gone)
    await provider.remove(ref)


async def test_a_segment_that_vanishes(venue) -> None:
    provider, spec, _ = await built(venue)
    wire = specs.wire("lab", "wire-1", specs.port(spec, 2))
    await provider.ensure(wire)
    with venue.server.admin() as content:
        content.searchIndex.FindByInventoryPath(
            f"{vcenter.DATACENTER}/network/rackless.{provider.site}.lab.wire-1"
        ).Destroy_Task()
    assert "wire-1" not in {ref.name for ref in await provider.owned("lab")}
    await provider.ensure(wire)
    await provider.attach(wire.ports[0], wire)


async def test_a_name_that_somebody_else_has(venue) -> None:
    foreign = venue.plant_foreign("lab", "west-vcp-disk0")
    with pytest.raises(ProviderError, match=r"west-vcp-disk0\.lab' already exists"):
        await venue.provider().ensure(specs.disk("lab", "west-vcp"))
    assert venue.foreign_lives(foreign)


async def test_a_disk_that_another_made_at_the_same_moment(venue) -> None:
    provider = venue.provider()
    await provider.ensure(specs.disk("lab", "west-vcp"))
    other = venue.provider()
    venue.server.clear()
    await asyncio.gather(*(each.ensure(specs.disk("lab", "west-vfp0")) for each in (provider, other)))
    assert [ref.name for ref in await provider.owned("lab")] == ["west-vcp-disk0", "west-vfp0-disk0"]


async def test_a_console_port_in_use_is_found_before_the_machine_starts(venue) -> None:
    provider, spec, ref = await built(venue)
    host = provider.inventory.known_host((await provider.machines.need("lab", "west-vcp")).host)
    with socket.create_server((host, spec.console_port)):
        with pytest.raises(ProviderError, match=f"port {spec.console_port} of west-vcp is in use on {host}"):
            await provider.power(ref, Power.ON)
        assert not (await provider.owned("lab"))[0].running
    await provider.power(ref, Power.ON)
    assert (await provider.owned("lab"))[0].running


@pytest.mark.parametrize(
    ("method", "fault", "kind"),
    [
        ("PowerOnVM_Task", "InsufficientMemoryResourcesFault", CapacityError),
        ("CloneVM_Task", "NoDiskSpace", CapacityError),
        ("CloneVM_Task", "InvalidDatastore", ProviderError),
    ],
)
async def test_what_there_is_too_little_of_is_told_with_a_way_out(venue, method: str, fault: str, kind: type) -> None:
    provider, _, ref = await built(venue)
    venue.server.fault("task", method, fault=fault)
    verb = provider.power(ref, Power.ON) if method == "PowerOnVM_Task" else provider.ensure(specs.disk("lab", "west-vfp0"))
    with pytest.raises(kind, match=fault) as caught:
        await verb
    assert caught.value.hint


async def test_a_privilege_that_is_missing_is_named(venue) -> None:
    inner = '<object type="Folder">group-v3</object><privilegeId>VirtualMachine.Provisioning.Clone</privilegeId>'
    venue.server.fault("fault", "CloneVM_Task", fault="NoPermission", inner=inner)
    with pytest.raises(ProviderError, match=r"VirtualMachine\.Provisioning\.Clone.*group-v3") as caught:
        await venue.provider().ensure(specs.disk("lab", "west-vfp0"))
    assert "privilege" in caught.value.hint


@pytest.mark.parametrize("fault", ["TaskInProgress", "ConcurrentAccess"])
async def test_what_passes_by_itself_is_waited_for(venue, fault: str) -> None:
    provider, _, ref = await built(venue)
    venue.server.fault("task", "PowerOnVM_Task", fault=fault, times=2)
    await provider.power(ref, Power.ON)
    assert (await provider.owned("lab"))[0].running


async def test_a_segment_still_used_is_let_go_by_its_machines_first(venue) -> None:
    provider, spec, ref = await built(venue)
    wire = specs.wire("lab", "wire-1", specs.port(spec, 2))
    await provider.ensure(wire)
    await provider.power(ref, Power.ON)
    await provider.attach(wire.ports[0], wire)
    venue.server.clear()
    await venue.provider().remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="wire-1"))
    methods = [one.method for one in venue.server.sent()]
    assert methods.index("ReconfigVM_Task") < methods.index("Destroy_Task")
    assert (await provider.owned("lab"))[0].running
