"""What the place has against what the store says, on the `fake` provider."""

from __future__ import annotations

from typing import Any

from tests.unit.api_client import Client

from rackless.keepers.reconcile import settle
from rackless.model.lifecycle import MachineState
from rackless.store import machines, sandboxes
from rackless.workflows.audit import audit
from rackless.workflows.starting import start

SMALL = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"


async def differences(client: Client) -> list[tuple[str, str, str]]:
    return [(one["difference"], one["kind"], one["name"]) for one in await client.items("/audit")]


async def forget(client: Client, name: str) -> None:
    """The store loses a lab, as when an old backup is put back."""
    key = (await client.world.database.run(sandboxes.get, name)).id

    def delete(db: Any) -> None:
        db.execute(sandboxes.table.delete().where(sandboxes.table.c.id == key))

    await client.world.database.run(delete)


async def reconcile(client: Client, *, heal: bool = False) -> list[str]:
    jobs = await client.world.database.run(settle, await audit(client.world), heal=heal)
    for job in jobs:
        await start(client.world, job)
        await client.end_of(job)
    return jobs


async def test_a_lab_that_is_as_it_should_be_is_no_difference(client: Client) -> None:
    await client.up()
    assert await differences(client) == []


async def test_leftovers_are_listed_and_removed_and_nothing_else(client: Client) -> None:
    await client.up()
    await client.up(SMALL.format(name="lost"))
    await forget(client, "lost")
    found = await client.items("/audit")
    assert {one["lab"] for one in found} == {"lost"}
    assert {(one["difference"], one["kind"]) for one in found} == {
        ("leftover", "machine"),
        ("leftover", "disk"),
        ("leftover", "segment"),
    }
    done = await client.ask("POST", "/audit/remove")
    assert (len(done["removed"]), done["left"]) == (len(found), [])
    assert {ref.sandbox for ref in await client.world.provider.owned()} == {"lab"}
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"


async def test_what_can_not_be_removed_is_told_with_the_reason(client: Client) -> None:
    await client.up(SMALL.format(name="lost"))
    await forget(client, "lost")
    client.cloud.fail("remove", 9, name="west-vcp", message="the place says no")
    done = await client.ask("POST", "/audit/remove")
    left = {(one["kind"], one["name"]): one["reason"] for one in done["left"]}
    assert left["machine", "west-vcp"] == "the place says no"
    assert "belongs to machine west-vcp" in next(reason for (kind, _), reason in left.items() if kind == "disk")


async def test_what_carries_the_name_of_a_lab_that_is_only_booked_is_a_leftover(client: Client) -> None:
    await client.up(SMALL.format(name="lost"))
    await forget(client, "lost")
    await client.ask("POST", "/labs", client.blueprint(SMALL.format(name="lost"), begins=4e9))
    assert ("leftover", "machine", "west-vcp") in await differences(client)


async def test_a_machine_that_stopped_is_noted_once_and_healed_when_asked_for(client: Client) -> None:
    await client.up()
    client.cloud.kill("lab", "west-vfp1")
    assert await differences(client) == [("stopped", "machine", "west-vfp1")]
    assert await reconcile(client) == []
    assert await reconcile(client) == []
    told = [entry for entry in await client.items("/labs/lab/history") if entry["what"] == "stopped"]
    assert [entry["why"] for entry in told] == ["west-vfp1: it is not running any more"]
    assert len(await reconcile(client, heal=True)) == 1
    assert await differences(client) == []
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["note"]) == ("ready", "")


async def test_a_machine_that_is_gone_is_made_again(client: Client) -> None:
    await client.up()
    refs = {ref.name: ref for ref in await client.world.provider.owned("lab")}
    await client.world.provider.remove(refs["west-vfp1"])
    assert await differences(client) == [("missing", "machine", "west-vfp1")]
    await reconcile(client, heal=True)
    assert await differences(client) == []


async def test_a_machine_that_runs_again_is_adopted(client: Client) -> None:
    await client.up()
    key = (await client.world.database.run(sandboxes.get, "lab")).id
    await client.world.database.run(machines.move, key, "pc1", MachineState.STOPPED, "as was thought")
    assert await differences(client) == [("returned", "machine", "pc1")]
    await reconcile(client)
    assert await differences(client) == []


async def test_a_lab_at_work_is_no_surprise(client: Client) -> None:
    client.cloud.fail("card", 99, name="west-vfp1")
    await client.ask("POST", "/labs", client.blueprint())
    assert await differences(client) == []
    await client.down()
