"""A hypervisor shows a card's NICs in another order than planned: labels and wires are where the MACs are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api_client import BLUEPRINT, FILES, Client

from rackless import blueprints, planning
from rackless.model.family import NicRole
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.planning.relabelling import kept, moves, relabelled
from rackless.routers.families import FAMILIES
from rackless.workflows.pretended import PretendedDriver

SITE = Site(families=FAMILIES)
TEXT = BLUEPRINT.replace("ports_per_card: 2", "ports_per_card: 4", 1)


def planned(text: str = TEXT) -> Plan:
    return planning.plan(blueprints.load(text, file="lab.yaml", families=FAMILIES, files=FILES), SITE)


def labels(plan: Plan, router: str) -> dict[str, str]:
    return {nic.label: nic.mac for spec in plan.machines_of(router) for nic in spec.nics if nic.role is NicRole.TRAFFIC}


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_whatever_the_order_the_labels_are_where_the_router_says(first: list[int], second: list[int]) -> None:
    plan = planned()
    before = labels(plan, "west")
    orders = enumerate((first, second))
    seen = {f"ge-{card}/0/{port}": before[f"ge-{card}/0/{order[port]}"] for card, order in orders for port in range(4)}
    after = relabelled(plan, moves(plan, "west", seen))
    assert labels(after, "west") == seen
    assert labels(after, "east") == labels(plan, "east")
    assert moves(after, "west", seen) == {}
    for wire in after.wires:
        for end, port in zip(wire.wire.ends, wire.ports, strict=True):
            spec = after.machine(port.machine)
            assert spec is not None
            assert next(nic.label for nic in spec.nics if nic.index == port.nic) == end.port
        assert set(wire.ports) == set(next(segment.ports for segment in after.segments if segment.name == wire.segment))
    # Planned anew, with it there, all is as it is.
    assert planning.plan(plan.blueprint, SITE, there=after) == after
    assert all(kept(spec, None) == spec for spec in plan.machines)


def test_another_routers_macs_are_no_other_order() -> None:
    plan = planned()
    seen = labels(plan, "west") | {"ge-0/0/0": labels(plan, "east")["ge-0/0/0"]}
    assert moves(plan, "west", seen) == {}
    across = labels(plan, "west")
    across["ge-0/0/0"], across["ge-1/0/0"] = across["ge-1/0/0"], across["ge-0/0/0"]
    assert moves(plan, "west", across) == {}
    assert moves(plan, "west", {}) == {}


async def test_wires_follow_and_stay_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PretendedDriver.ports

    async def turned(self: PretendedDriver, spot: Any, expected: Any, **more: Any) -> dict[str, str]:
        found = await whole(self, spot, expected, **more)
        if spot.router == "west":
            found["ge-0/0/0"], found["ge-0/0/1"] = macs["ge-0/0/1"], macs["ge-0/0/0"]
        return found

    macs = labels(planned(BLUEPRINT), "west")
    monkeypatch.setattr(PretendedDriver, "ports", turned)
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert lab["state"] == "ready"
    mine = {port["name"]: port for port in lab["ports"] if port["machine"] == "west-vfp0"}
    assert {name: (port["nic"], port["mac"]) for name, port in mine.items()} == {
        "west:ge-0/0/0": (3, macs["ge-0/0/1"]),
        "west:ge-0/0/1": (2, macs["ge-0/0/0"]),
    }
    assert all(port["ready"] and port["mac"] == port["planned_mac"] for port in mine.values())
    assert mine["west:ge-0/0/0"]["up"]
    attached = client.cloud.machines["lab/west-vfp0"].attached
    assert (2 in attached, 3 in attached) == (False, True)
    boots = {key: machine.boots for key, machine in client.cloud.machines.items()}

    # Live wires and a second `up` find the same order.
    started = await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"})
    await client.end_of(started["job"])
    assert set(client.cloud.machines["lab/west-vfp0"].attached) >= {2, 3}
    again = await client.ask("POST", "/labs", client.blueprint())
    if again.get("job"):
        await client.end_of(again["job"])
    assert {key: machine.boots for key, machine in client.cloud.machines.items()} == boots
    assert set(client.cloud.machines["lab/west-vfp0"].attached) >= {2, 3}
    await client.down()
    assert await client.world.provider.owned() == ()
