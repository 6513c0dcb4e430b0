"""What goes wrong at a cloud: each request in turn, and what real services do rarely. All that was made is found, and taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.openstack.http_cloud import HttpCloud, lost, status

from rackless.model.blueprint import Blueprint
from rackless.model.errors import CapacityError, DeadlineError, ProviderError, RacklessError
from rackless.model.family import DiskBus
from rackless.model.places import OpenStackPlace, Rewiring
from rackless.model.plan import ConfigFile, Forward, Plan
from rackless.model.site import Site
from rackless.providers.contract import Finding, Power, Ref, RefKind
from rackless.providers.openstack import cloud as calls
from rackless.providers.openstack.provider import OpenStackProvider
from rackless.settings import Settings
from rackless.workflows.teardown import remove_owned

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

import specs  # type: ignore[import-not-found]  # beside the suite, which is no package

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(600)]


class Image:
    def __init__(self, disk: Path) -> None:
        self.disk = disk


class Place:
    """A cloud that speaks HTTP, and a provider of it."""

    def __init__(self, cloud: HttpCloud, place: OpenStackPlace, top: Path) -> None:
        self.cloud = cloud
        self.place = place
        disk = top / "tiny.raw"
        disk.write_bytes(b"disk")
        self._image = Image(disk)
        self._settings = Settings(state=top / "s", run=top / "r", images=top / "i", site_file=top / "site.yaml")

    def provider(self, **changed: object) -> OpenStackProvider:
        return OpenStackProvider(replace(self.place, **changed), self._settings, Site(), lambda _: self._image)  # type: ignore[arg-type]

    async def build(self, **changed: object) -> None:
        """A machine that runs, with a wire; what a deployment does of every verb."""
        provider = self.provider(**changed)
        vcp, vfp = (specs.machine("lab", name) for name in ("west-vcp", "west-vfp0"))
        wire = specs.wire("lab", "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
        for spec in (specs.internal("lab", "west"), vcp.disks[0], vcp, wire):
            await provider.ensure(spec)
        await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
        await provider.attach(wire.ports[0], wire)
        await provider.detach(wire.ports[0])
        await provider.attach(wire.ports[0], wire)

    async def refusal(self) -> str | None:
        """What a deployment says that is refused; None of one that is not."""
        try:
            await self.build()
        except RacklessError as error:
            return str(error)
        return None

    async def clear(self) -> None:
        provider = self.provider()
        for ref in await provider.owned("lab"):
            await provider.remove(ref)
        assert await provider.owned() == ()
        assert self.cloud.left() == []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(calls, "PAUSE_SECONDS", 0.01)
    cloud = HttpCloud()
    with cloud.serving(tmp_path) as served:
        yield Place(cloud, served, tmp_path)


async def count(place: Place) -> int:
    await place.build()
    total = len(place.cloud.asked)
    await place.clear()
    return total


async def test_a_refusal_at_each_request_in_turn_leaves_nothing_that_is_not_found(place: Place) -> None:
    total = await count(place)
    refused = 0
    for number in range(total):
        place.cloud.asked.clear()
        place.cloud.faults = {number: status(400)}
        said = await place.refusal()
        if said is not None:
            refused += 1
            assert "mock" in said
            assert "Hint: " in said
        place.cloud.faults = {}
        await place.clear()
    assert refused > total / 2


async def test_every_request_that_fails_once_is_made_again(place: Place) -> None:
    total = await count(place)
    for kind in (status(503), status(500), status(429, **{"Retry-After": "0"}), lost):
        place.cloud.asked.clear()
        place.cloud.faults = dict.fromkeys(range(0, total * 2, 9), kind)
        await place.build()
        place.cloud.faults = {}
        refs = await place.provider().owned("lab")
        assert [ref.kind for ref in refs].count(RefKind.MACHINE) == 1
        await place.clear()


async def test_an_answer_that_is_lost_makes_nothing_twice(place: Place) -> None:
    total = await count(place)
    for number in range(total):
        place.cloud.asked.clear()
        place.cloud.after = {number}
        await place.build()
        place.cloud.after = set()
        refs = await place.provider().owned("lab")
        names = [(ref.kind, ref.name) for ref in refs]
        assert sorted(names) == sorted(set(names)), place.cloud.asked[number]
        assert len(place.cloud.things["servers"]) == 1, place.cloud.asked[number]
        await place.clear()


@pytest.mark.parametrize("width", [1, 3])
async def test_lists_that_are_of_before_the_last_change_make_nothing_twice(place: Place, width: int) -> None:
    """The list at each place in turn, alone or with the two after it."""
    await place.build()
    await clear_as_a_lab(place)
    total = len(place.cloud.asked)
    for number in sorted(set(place.cloud.lists))[::width]:
        place.cloud.asked.clear()
        place.cloud.stale = {number + more for more in range(width)}
        for _ in range(3):  # as a job does
            said = await place.refusal()
            if said is None:
                break
        assert said is None, (number, said)
        what = place.cloud.asked[number] if number < len(place.cloud.asked) else ""
        refs = [(ref.kind, ref.name) for ref in await place.provider().owned("lab")]
        assert sorted(refs) == sorted(set(refs)), what
        assert len(place.cloud.things["servers"]) == 1, what
        wired = [port for port in place.cloud.things["ports"].values() if port["name"].endswith("nic2")]
        assert len({port["network_id"] for port in wired}) == len(wired) == 2, what  # the trunk's own, and the wire's
        await clear_as_a_lab(place)
    assert total > 50


async def clear_as_a_lab(place: Place) -> None:
    """A lab is gone when its place says twice that nothing is left; what is said of what has gone is no error."""
    for _ in range(5):
        if not await remove_owned(place.provider(), "lab") and await place.provider().owned("lab") == ():
            break
    assert place.cloud.left() == []


async def test_a_cloud_that_only_says_later_is_waited_for_until_the_deadline(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "CALL_SECONDS", 3.0)
    place.cloud.faults = dict.fromkeys(range(1000), status(503))
    with pytest.raises(ProviderError, match="injected 503"):
        await place.provider().owned("lab")
    place.cloud.faults = dict.fromkeys(range(1000), lost)
    with pytest.raises(DeadlineError):
        await place.provider().owned("lab")


async def test_many_calls_at_once_have_their_deadline_from_their_turn_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only eight are made at once; who waits for his turn does not wait for the cloud."""
    provider = place.provider()
    await provider.owned()
    monkeypatch.setattr(calls, "CALL_SECONDS", 2.0)
    running, most = 0, 0

    def slow(_: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.5)
        running -= 1

    await asyncio.gather(*(provider.cloud.call("waiting", slow) for _ in range(8 * 6)))
    assert most == 8


@pytest.mark.parametrize("kind", ["servers", "ports", "networks"])
async def test_a_quota_is_told_with_its_reason_and_nothing_is_left(place: Place, kind: str) -> None:
    place.cloud.quota = {kind: 0}
    with pytest.raises(CapacityError, match="Quota exceeded") as caught:
        await place.build()
    assert "quota" in caught.value.hint
    await place.clear()


async def test_no_valid_host_is_told_and_its_server_removed(place: Place) -> None:
    place.cloud.no_host = True
    with pytest.raises(CapacityError, match="No valid host was found"):
        await place.build()
    assert place.cloud.things["servers"] == {}
    place.cloud.no_host = False
    await place.build()
    await place.clear()


async def test_a_server_that_vanished_is_made_again(place: Place) -> None:
    await place.build()
    for server in list(place.cloud.things["servers"].values()):
        place.cloud._delete("servers", server)
    (machine,) = [ref for ref in await place.provider().owned("lab") if ref.kind is RefKind.MACHINE]
    assert not machine.running
    await place.provider().power(machine, Power.ON)
    (machine,) = [ref for ref in await place.provider().owned("lab") if ref.kind is RefKind.MACHINE]
    assert machine.running
    await place.clear()


async def test_a_network_under_1500_octets_is_refused_with_the_numbers(place: Place) -> None:
    provider = place.provider(internal_mtu=9001)
    with pytest.raises(ProviderError, match="MTU of 9000 at mock, and the internal network of a router needs 9001"):
        await provider.ensure(specs.internal("lab", "west"))
    await place.clear()


async def test_names_that_others_have_are_left_alone(place: Place) -> None:
    await place.build()
    for server in place.cloud.things["servers"].values():
        server["tags"] = []
    with pytest.raises(ProviderError, match="does not carry our mark"):
        await place.provider().remove(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"))
    assert len(place.cloud.things["servers"]) == 1


@pytest.mark.parametrize("way", ["power-cycle", "hotplug"])
async def test_a_machine_runs_again_when_its_rewiring_fails(place: Place, way: str) -> None:
    await place.build(rewiring=Rewiring(way))
    wire = specs.wire(
        "lab", "wire-2", specs.port(specs.machine("lab", "west-vcp"), 2), specs.port(specs.machine("lab", "x-vcp"), 2)
    )
    provider = place.provider(rewiring=Rewiring(way))
    await provider.ensure(wire)
    place.cloud.asked.clear()
    await provider.attach(wire.ports[0], wire)
    plugs = [number for number, asked in enumerate(place.cloud.asked) if "os-interface" in asked]
    await provider.detach(wire.ports[0])
    for number in plugs:
        place.cloud.asked.clear()
        place.cloud.faults = {number: status(400)}
        with contextlib.suppress(ProviderError):
            await provider.attach(wire.ports[0], wire)
        place.cloud.faults = {}
        assert [server["status"] for server in place.cloud.things["servers"].values()] == ["ACTIVE"]
        await provider.attach(wire.ports[0], wire)
        await provider.detach(wire.ports[0])
    await provider.remove(Ref(kind=RefKind.SEGMENT, sandbox="lab", name="wire-2"))
    await place.clear()


@pytest.mark.parametrize("way", list(Rewiring))
async def test_a_port_on_no_wire_is_down_but_never_when_a_switch_first_sees_it(place: Place, way: Rewiring) -> None:
    await place.build(rewiring=way)
    provider = place.provider(rewiring=way)
    vcp = Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp")
    await provider.detach(specs.port(specs.machine("lab", "west-vcp"), 2))
    for to in (Power.OFF, Power.ON, Power.RESET):
        await provider.power(vcp, to)
    assert place.cloud.unbound == []
    (parking,) = [one["id"] for one in place.cloud.things["networks"].values() if one["name"].endswith("--parking")]
    parked = [port for port in place.cloud.things["ports"].values() if port["network_id"] == parking]
    assert [port["admin_state_up"] for port in parked] == [False, False]


async def test_machines_that_start_at_once_share_a_new_flavor(place: Place) -> None:
    provider = place.provider()
    machines = [specs.machine("lab", name, number=number) for number, name in enumerate(("west-vcp", "west-vfp0", "east-vcp"))]
    for router in ("west", "east"):
        await provider.ensure(specs.internal("lab", router))
    for machine in machines:
        await provider.ensure(machine.disks[0])
        await provider.ensure(machine)
    refs = [ref for ref in await provider.owned("lab") if ref.kind is RefKind.MACHINE]
    await asyncio.gather(*(provider.power(ref, Power.ON) for ref in refs))
    assert [ref.running for ref in await provider.owned("lab") if ref.kind is RefKind.MACHINE] == [True, True, True]
    assert len(place.cloud.things["flavors"]) == 1
    await place.clear()


async def test_a_user_without_an_administrators_rights_takes_flavors_that_are_there(place: Place) -> None:
    place.cloud.member = True
    with pytest.raises(ProviderError, match="this user may not choose the type or number of a network") as caught:
        await place.build()
    assert "Leave `segment-type` and `numbers` out" in caught.value.hint
    plain = {"segment_type": "", "physical_network": "", "numbers": None}
    with pytest.raises(ProviderError, match="has no flavor with 64 MiB, 1 processors and 1 GiB") as caught:
        await place.build(**plain)
    assert "openstack flavor create rackless-64-1-1 --ram 64" in caught.value.hint
    for name, ram in (("large", 4096), ("small", 128), ("tiny", 32)):
        place.cloud._one("flavors", {"name": name, "ram": ram, "vcpus": 1, "disk": 1})
    await place.build(**plain)
    (server,) = place.cloud.things["servers"].values()
    assert place.cloud.things["flavors"][server["flavorRef"]]["name"] == "small"
    await place.clear()


async def test_a_floating_address_is_told_after_a_restart_too_and_goes_with_its_machine(place: Place) -> None:
    place.cloud._one("networks", {"name": "public"})
    spec = replace(specs.machine("lab", "west-vcp"), forwards=(Forward(service="ssh", proto="tcp", host_port=0, guest_port=22),))

    def provider() -> OpenStackProvider:
        return place.provider(floating_network="public")

    for one in (specs.internal("lab", "west"), spec.disks[0], spec):
        await provider().ensure(one)
    await provider().power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    (machine,) = [ref for ref in await provider().owned("lab") if ref.kind is RefKind.MACHINE]
    assert machine.endpoints["ssh"] == "203.0.113.1:22"
    assert machine.endpoints["management"] == await provider().reached(machine) == "203.0.113.1"
    assert await place.provider().reached(machine) == ""
    await provider().power(machine, Power.OFF)
    await provider().power(machine, Power.ON)
    card = specs.machine("lab", "west-vfp0")
    card = replace(card, nics=tuple(replace(nic, address=None) if nic.index == 0 else nic for nic in card.nics))
    for one in (card.disks[0], card):
        await provider().ensure(one)
    await provider().power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vfp0"), Power.ON)
    assert len(place.cloud.things["floatingips"]) == 1
    for ref in await provider().owned("lab"):
        await provider().remove(ref)
    assert [one for one in place.cloud.left() if one != "public"] == []


async def test_what_a_guest_needs_of_its_processor_is_asked_of_the_cloud(place: Place) -> None:
    spec = replace(specs.machine("lab", "west-vcp"), cpu_flags=("sse4_1",), disk_bus=DiskBus.IDE)
    provider = place.provider()
    for one in (specs.internal("lab", "west"), spec.disks[0], spec):
        await provider.ensure(one)
    place.cloud.no_host = True
    with pytest.raises(CapacityError, match="a processor with sse4_1"):
        await provider.power(Ref(kind=RefKind.MACHINE, sandbox="lab", name="west-vcp"), Power.ON)
    (image,) = [one for one in place.cloud.things["images"].values() if "rackless_build" in one]
    assert (image["trait:HW_CPU_X86_SSE41"], image["hw_disk_bus"]) == ("required", "ide")
    await place.clear()


async def test_what_stays_for_the_next_lab_is_taken_away_when_no_lab_uses_it(place: Place) -> None:
    await place.build()
    provider = place.provider()
    kept = {one.kind: one for one in await provider.kept()}
    assert {kind: one.used for kind, one in kept.items()} == {"image": "lab", "flavor": "1 machines", "network": "2 ports"}
    await place.clear()
    place.cloud._one("flavors", {"name": "rackless-64-1-1", "ram": 64, "vcpus": 1, "disk": 1, "description": "somebody's"})
    for one in await provider.kept():
        assert one.used == ""
        await provider.drop(one)
        await provider.drop(one)
    assert await provider.kept() == ()
    assert [one["description"] for one in place.cloud.things["flavors"].values()] == ["somebody's"]
    assert place.cloud.things["networks"] == place.cloud.things["images"] == {}
    await place.build()  # all of it is made anew
    await place.clear()


async def test_an_upload_that_came_to_no_end_is_a_leftover_once_it_can_come_to_none(place: Place) -> None:
    await place.build()
    await place.clear()
    (image,) = place.cloud.things["images"].values()
    image["status"] = "saving"
    for begun, wanted in ((time.time(), []), (time.time() - 7200, [image["name"]])):
        image["created_at"] = datetime.fromtimestamp(begun, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert [ref.name for ref in await place.provider().owned()] == wanted
        assert await place.provider().owned("lab") == ()
    (ref,) = await place.provider().owned()
    assert (ref.kind, ref.sandbox, ref.detail) == (RefKind.FILE, "", "an upload that did not end")
    for _ in range(2):
        await place.provider().remove(ref)
    assert place.cloud.things["images"] == {}
    assert await place.provider().owned() == ()


async def test_passwords_may_be_in_a_file_beside(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    known = json.loads(file.read_text())
    password = known["clouds"]["mock"]["auth"].pop("password")
    file.write_text(json.dumps(known))
    with pytest.raises(ProviderError, match="mock: the credentials can't be used: password is a required attribute"):
        await place.provider().owned()
    (tmp_path / "secure.yaml").write_text(json.dumps({"clouds": {"mock": {"auth": {"password": password}}}}))
    assert await place.provider().owned() == ()


async def test_the_environment_may_have_the_credentials(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    known = json.loads((place.place.clouds_file or Path()).read_text())["clouds"]["mock"]
    for name, value in known["auth"].items():
        monkeypatch.setenv(f"OS_{name.upper()}", value)
    await place.build(cloud="", clouds_file=None)
    assert len(place.cloud.things["servers"]) == 1
    await place.clear()
    monkeypatch.delenv("OS_PASSWORD")
    with pytest.raises(ProviderError, match="mock: the credentials can't be used: password is a required attribute"):
        await place.provider(cloud="", clouds_file=None).owned()


async def test_a_session_that_is_lost_at_each_request_in_turn_is_begun_again(place: Place) -> None:
    await place.build()
    await place.clear()
    place.cloud.asked.clear()
    total = await count(place)  # of one that finds image, flavor and parking network
    lost_ones = 0
    for number in range(total):
        place.cloud.asked.clear()
        place.cloud.faults = {number: status(401)}
        began = place.cloud.logins
        await place.build()
        lost_ones += place.cloud.logins > began + 1  # its own, and another
        place.cloud.faults = {}
        assert len(place.cloud.things["servers"]) == 1
        await place.clear()
    assert lost_ones > total * 0.9  # requests that are made side by side are not always as many


async def test_requests_that_lose_one_session_together_begin_another(place: Place) -> None:
    """keystoneauth1 forgets a session without its lock: who is about to use it finds none, or can't forget it once more."""
    await place.build()
    provider = place.provider()
    for _ in range(20):
        asked = len(place.cloud.asked)
        place.cloud.faults = dict.fromkeys(range(asked, asked + 4), status(401))
        assert len(await provider.owned("lab")) == 4
    place.cloud.faults = {}
    await place.clear()


async def test_one_who_may_no_longer_log_in_is_told_and_what_was_made_is_found(place: Place) -> None:
    await place.build()
    place.cloud.faults = dict.fromkeys(range(10000), status(401))
    with pytest.raises(ProviderError, match="injected 401") as caught:
        await place.provider().owned("lab")
    assert "rackless site check mock" in caught.value.hint
    place.cloud.faults = {}
    await place.clear()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("POST /ports", {"NeutronError": {"type": "IpAddressAlreadyAllocated", "message": "IP address in use.", "detail": ""}}),
        ("POST /ports", {"NeutronError": {"type": "MacAddressInUse", "message": "The mac address is in use.", "detail": ""}}),
        ("POST /servers", {"conflictingRequest": {"code": 409, "message": "Port 7 is still in use."}}),
    ],
)
async def test_a_port_in_use_is_told_in_the_clouds_words_and_nothing_is_left(
    place: Place, request_: str, said: dict[str, object]
) -> None:
    place.cloud.refused = {request_: (409, said)}
    refusal = await place.refusal()
    assert refusal is not None
    assert "in use." in refusal
    assert "Hint: " in refusal
    await place.clear()
    place.cloud.refused = {}
    await place.build()
    await place.clear()


async def test_every_port_of_a_router_lets_all_frames_through(place: Place) -> None:
    await place.build()
    ports = list(place.cloud.things["ports"].values())
    assert len(ports) > 3
    assert {port["port_security_enabled"] for port in ports} == {False}
    assert [port["security_groups"] for port in ports] == [[]] * len(ports)
    await place.clear()


async def examined(place: Place, **changed: object) -> dict[str, Finding]:
    return {finding.name: finding async for finding in place.provider(**changed).examine()}


async def test_a_place_is_examined_and_nothing_is_left(place: Place) -> None:
    found = await examined(place)
    assert all(finding.ok for finding in found.values()), found
    assert list(found) == ["credentials", "services", "extensions", "mtu", "images", "quota", "flavors", "time"]
    assert place.cloud.things["networks"] == {}
    assert place.cloud.things["images"] == {}


async def test_what_a_place_lacks_is_found_with_the_way_out(place: Place) -> None:
    place.cloud.extensions = {"net-mtu"}
    found = await examined(place, internal_mtu=9100, make_flavors=False)
    assert [name for name, finding in found.items() if not finding.ok] == ["extensions", "mtu", "flavors"]
    assert "port-security, trunk" in found["extensions"].detail
    assert "9000" in found["mtu"].detail
    assert all(finding.hint for finding in found.values() if not finding.ok)


async def test_a_clock_that_is_apart_is_found(place: Place) -> None:
    place.cloud.clock = 3600.0
    found = await examined(place)
    assert not found["time"].ok
    assert "The cloud's clock and ours are 3" in found["time"].detail


async def test_trunks_are_refused_for_guests_that_are_not_told_the_tag(place: Place) -> None:
    card = specs.machine("lab", "west-vfp0")
    told = replace(card, config_drive=(ConfigFile(path="rackless.json", content="{}"),))
    blueprint = Blueprint(name="lab")
    for machine, way, wanted in ((card, "trunk", 1), (told, "trunk", 0), (card, "power-cycle", 0)):
        plan = Plan(sandbox="lab", provider="mock", blueprint=blueprint, machines=(machine,), segments=(), wires=())
        problems = await place.provider(rewiring=Rewiring(way)).check(plan)
        assert len([problem for problem in problems if "tag" in problem.message]) == wanted
