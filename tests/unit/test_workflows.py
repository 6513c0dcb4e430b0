"""Deploy, rewire, restart and take down on the `fake` provider, in one process, with faults injected into the place."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.api_client import BLUEPRINT, FILES, Client

from rackless.providers.contract import RefKind
from rackless.store import pools, secrets
from rackless.store.database import Database
from rackless.workflows.driving import Spot
from rackless.workflows.pretended import PretendedDriver


async def boots(client: Client, machine: str, count: int = 1) -> None:
    """Wait until the machine was switched on that often."""
    async with asyncio.timeout(20):
        while True:
            found = client.cloud.machines.get(f"lab/{machine}")
            if found is not None and found.boots == count:
                return
            await asyncio.sleep(0.01)


def ready_ports(lab: dict[str, Any]) -> int:
    return sum(port["ready"] for port in lab["ports"])


async def test_a_lab_comes_up_with_every_port_and_goes_without_a_trace(client: Client) -> None:
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], ready_ports(lab), len(lab["ports"])) == ("ready", 7, 7)
    assert {port["name"] for port in lab["ports"] if port["up"]} == {
        "west:ge-0/0/0", "east:ge-0/0/0", "west:ge-1/0/0", "pc1:eth1",
    }  # fmt: skip
    assert all(port["mac"] == port["planned_mac"] for port in lab["ports"])
    await client.down()
    assert await client.world.provider.owned() == ()
    assert await client.world.database.run(pools.count) == {}
    assert await client.items("/labs") == []
    assert list(client.world.transcripts.glob("*")) == []
    await client.down()  # again is fine
    assert (await client.ask("GET", "/labs/lab", status=404))["code"] == "not-found"


async def test_up_again_brings_back_what_stopped_and_reboots_nothing_else(client: Client) -> None:
    await client.up()
    client.cloud.kill("lab", "west-vfp1")
    boots = {key: machine.boots for key, machine in client.cloud.machines.items()}
    lab = await client.ask("GET", "/labs/lab")
    assert lab["note"].startswith("Stopped: west-vfp1.")
    started = await client.up()
    assert (started["kind"], started["was"]) == ("again", "ready")
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["note"], ready_ports(lab)) == ("ready", "", 7)
    after = {key: machine.boots for key, machine in client.cloud.machines.items()}
    assert after == {**boots, "lab/west-vfp1": boots["lab/west-vfp1"] + 1}


async def test_a_reboot_of_this_machine_is_told_and_up_mends_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.up()
    for key in client.cloud.machines:
        client.cloud.kill(*key.split("/"))
    monkeypatch.setattr("rackless.api.lab.boot_id", lambda: "another boot")
    monkeypatch.setattr("rackless.workflows.deploy.boot_id", lambda: "another boot")
    assert "This machine rebooted at" in (await client.ask("GET", "/labs/lab"))["note"]
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["note"], ready_ports(lab)) == ("ready", "", 7)


async def test_a_missing_card_is_restarted_and_the_first_try_leaks_nothing(client: Client) -> None:
    client.cloud.fail("card", name="west-vfp1")
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], ready_ports(lab)) == ("ready", 7)
    assert client.cloud.machines["lab/west-vfp1"].boots == 2
    assert client.cloud.machines["lab/west-vfp0"].boots == 1
    assert sum(ref.kind is RefKind.MACHINE for ref in await client.world.provider.owned("lab")) == 6


async def test_a_card_that_dies_while_it_boots_is_started_at_once(client: Client) -> None:
    client.cloud.fail("card", name="west-vfp1")  # silent in this boot, so that it can be caught there
    started = await client.ask("POST", "/labs", client.blueprint())
    await boots(client, "west-vfp1")
    client.cloud.kill("lab", "west-vfp1")
    job = await client.end_of(started["job"])
    lab = await client.ask("GET", "/labs/lab")
    assert (job["state"], lab["state"], ready_ports(lab)) == ("succeeded", "ready", 7)
    # Started once more by its own step, and nothing else was: its ports were not waited for in vain first.
    assert {key: machine.boots for key, machine in client.cloud.machines.items()} == {
        **dict.fromkeys(client.cloud.machines, 1), "lab/west-vfp1": 2,
    }  # fmt: skip
    said = await client.text(f"/jobs/{started['job']}/events")
    assert "starting west-vfp1 once more" in said
    assert "restarting west-vfp1, whose ports did not come" not in said
    assert sum(ref.kind is RefKind.MACHINE for ref in await client.world.provider.owned("lab")) == 6


async def test_a_card_that_died_is_seen_during_the_wait_for_ports(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card dies while its router waits for its ports, and that wait itself would never end."""
    monkeypatch.setattr("rackless.workflows.deaths.LOOK", 0.02)
    await client.up()
    whole = PretendedDriver.ports
    waits = 0

    async def ports(driver: PretendedDriver, spot: Spot, *words: Any, **more: Any) -> dict[str, str]:
        nonlocal waits
        waits += 1
        if waits == 1:
            client.cloud.kill("lab", "west-vfp1")
            await asyncio.Event().wait()
        return await whole(driver, spot, *words, **more)

    monkeypatch.setattr(PretendedDriver, "ports", ports)
    started = await client.ask("POST", "/labs/lab/machines/west-vfp1/restart")
    job = await asyncio.wait_for(client.end_of(started["job"]), 20)
    assert (job["state"], waits) == ("succeeded", 2)
    # Up, restarted as was asked for, and once more because it had died; nothing else was touched.
    assert {key: machine.boots for key, machine in client.cloud.machines.items()} == {
        **dict.fromkeys(client.cloud.machines, 1), "lab/west-vfp1": 3,
    }  # fmt: skip
    said = await client.text(f"/jobs/{started['job']}/events")
    assert "west-vfp1 is not running any more." in said
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["note"], ready_ports(lab)) == ("", 7)


async def test_a_controller_that_dies_in_its_dialogue_fails_the_lab_and_up_mends_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rackless.workflows.deaths.LOOK", 0.02)

    async def dies(driver: PretendedDriver, spot: Spot, *_: object, **__: object) -> tuple[str, ...]:
        client.cloud.kill("lab", spot.controller)
        await asyncio.Event().wait()
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(PretendedDriver, "bootstrap", dies)
        started = await client.up()
    error = (await client.ask("GET", f"/jobs/{started['job']}"))["error"]
    assert re.fullmatch(r"(west|east)-vcp is not running any more\.", error["message"])
    assert "rackless up" in error["hint"]
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], ready_ports(lab)) == ("ready", 7)


async def test_a_machine_stuck_at_its_boot_menu_is_reset(client: Client) -> None:
    client.cloud.fail("boot", times=2, name="west-vcp")
    await client.up()
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    assert client.cloud.machines["lab/west-vcp"].boots == 3


async def test_a_place_that_fails_for_good_leaves_a_lab_that_up_mends(client: Client) -> None:
    client.cloud.fail("attach", times=50, message="the switch is on fire")
    started = await client.up()
    job = await client.ask("GET", f"/jobs/{started['job']}")
    assert job["error"]["message"] == "the switch is on fire"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], lab["reason"]) == ("failed", "the switch is on fire")
    client.cloud.faults.clear()
    assert (await client.up())["was"] == "failed"
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"


async def test_a_fault_that_passes_is_tried_again(client: Client) -> None:
    client.cloud.fail("ensure", times=1, name="west-vcp")
    client.cloud.fail("attach", times=1, after=True)
    await client.up()
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"


async def test_a_teardown_goes_on_after_an_error_and_names_what_is_left(client: Client) -> None:
    await client.up()
    client.cloud.fail("remove", times=500, name="west-vfp0", message="it clings")
    error = await client.ask("DELETE", "/labs/lab", wait=30, status=502)
    assert "machine west-vfp0 (it clings)" in error["detail"]
    left = {ref.name for ref in await client.world.provider.owned("lab")}
    assert "east-vcp" not in left
    assert "west-vfp0" in left
    client.cloud.faults.clear()
    await client.down()
    assert await client.world.provider.owned() == ()


async def test_the_same_name_twice_at_once_is_told_clearly(client: Client) -> None:
    first, second = await asyncio.gather(
        client.http.post("/labs", json=client.blueprint()), client.http.post("/labs", json=client.blueprint())
    )
    answers = sorted((first, second), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [202, 409]
    body = answers[1].json()
    assert body["detail"].startswith("Lab lab is already being deployed (job lab-deploy-")
    assert "rackless logs lab --follow" in body["hint"]
    await client.end_of(answers[0].json()["job"])


async def test_another_blueprint_under_a_taken_name_is_refused(client: Client) -> None:
    await client.up()
    error = await client.ask(
        "POST",
        "/labs",
        client.blueprint(
            BLUEPRINT.replace("cards: 2", "cards: 1").replace("ge-1", "ge-0").replace("ge-0/0/0, pc1", "ge-0/0/1, pc1")
        ),
        status=409,
    )
    assert "different blueprint" in error["detail"]
    assert "--name" in error["hint"]


async def test_two_labs_side_by_side_share_nothing(client: Client) -> None:
    await asyncio.gather(client.up(), client.up(name="other"))
    labs = [await client.ask("GET", f"/labs/{name}") for name in ("lab", "other")]
    assert [lab["state"] for lab in labs] == ["ready", "ready"]
    for pick in (
        lambda lab: {port["mac"] for port in lab["ports"]},
        lambda lab: {machine["console_port"] for machine in lab["machines"]},
        lambda lab: {where for router in lab["routers"] for where in router["management"]["services"].values()},
        lambda lab: {router["management"]["address"] for router in lab["routers"]},
    ):
        assert not pick(labs[0]) & pick(labs[1])
    await client.down()
    assert ready_ports(await client.ask("GET", "/labs/other")) == 7


async def test_a_wire_moves_and_its_neighbours_stay(client: Client) -> None:
    await client.up()
    await client.ask("DELETE", "/labs/lab/wires", a="east:ge-0/0/0", b="west:ge-0/0/0", wait=10)
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-1/0/1", "b": "east:ge-0/0/0"}, wait=10)
    lab = await client.ask("GET", "/labs/lab")
    assert {tuple(wire["ends"]) for wire in lab["wires"]} == {
        ("west:ge-1/0/1", "east:ge-0/0/0"), ("west:ge-1/0/0", "pc1:eth1"),
    }  # fmt: skip
    attached = {key: set(machine.attached.values()) for key, machine in client.cloud.machines.items()}
    assert len(attached["lab/west-vfp0"]) == 1  # the internal network only
    assert len(attached["lab/west-vfp1"]) == 3
    assert all(machine.boots == 1 for machine in client.cloud.machines.values())
    # A wire that was made later survives `up` and a restart.
    await client.up()
    restarted = await client.ask("POST", "/labs/lab/machines/west-vfp1/restart", wait=30)
    assert restarted["state"] == "succeeded"
    assert attached == {key: set(machine.attached.values()) for key, machine in client.cloud.machines.items()}


@pytest.mark.parametrize(
    ("a", "b", "status", "message"),
    [
        ("west:ge-0/0/0", "east:ge-0/0/1", 409, "west:ge-0/0/0 is already wired to east:ge-0/0/0."),
        ("west:ge-9/0/0", "east:ge-0/0/1", 404, "'west' has no port 'ge-9/0/0'."),
        ("north:ge-0/0/0", "east:ge-0/0/1", 404, "Lab 'lab' has no router or host 'north'."),
        ("east:ge-0/0/1", "east:ge-0/0/1", 422, "east:ge-0/0/1 cannot be wired to itself."),
    ],
)
async def test_a_wire_that_cannot_be_is_refused(client: Client, a: str, b: str, status: int, message: str) -> None:
    await client.up()
    error = await client.ask("POST", "/labs/lab/wires", {"a": a, "b": b}, status=status)
    assert error["detail"] == message
    assert error["hint"]
    assert len((await client.ask("GET", "/labs/lab"))["wires"]) == 2


async def test_a_wire_that_fails_holds_neither_port(client: Client) -> None:
    await client.up()
    client.cloud.fail("attach", times=9, message="no")
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10, status=502)
    client.cloud.faults.clear()
    await client.ask("POST", "/labs/lab/wires", {"a": "west:ge-0/0/1", "b": "east:ge-0/0/1"}, wait=10)
    assert len((await client.ask("GET", "/labs/lab"))["wires"]) == 3


async def test_a_link_goes_down_at_both_ends_and_stays_down_over_up(client: Client) -> None:
    await client.up()
    await client.ask("PATCH", "/labs/lab/wires", {"end": "pc1:eth1", "up": False}, wait=10)
    await client.up()
    pc1, card = (client.cloud.machines[f"lab/{name}"] for name in ("pc1", "west-vfp1"))
    assert 1 not in pc1.carrier
    assert 2 not in card.carrier
    await client.ask("PATCH", "/labs/lab/wires", {"end": "west:ge-1/0/0", "up": True}, wait=10)
    assert 1 in pc1.carrier
    assert 2 in card.carrier


async def test_down_during_a_deployment_stops_it_first(client: Client) -> None:
    client.cloud.fail("card", times=99, name="west-vfp1")
    started = await client.ask("POST", "/labs", client.blueprint())
    await asyncio.wait_for(_until(client, "lab/west-vcp"), 10)
    await client.down()
    assert (await client.ask("GET", f"/jobs/{started['job']}"))["error"]["code"] == "cancelled"
    assert await client.world.provider.owned() == ()
    assert await client.items("/labs") == []


async def _until(client: Client, machine: str) -> None:
    while not (found := client.cloud.machines.get(machine)) or not found.running:
        await asyncio.sleep(0.01)


def rows_but_secrets(database: Database) -> dict[str, bytes]:
    """Every row of every table by the table's name, the library's own tables too, but for the table of secrets, and the one of
    blueprints as they were written."""
    with database.engine.connect() as connection:
        found = sa.inspect(connection)
        places = [(schema, name) for schema in found.get_schema_names() for name in found.get_table_names(schema)]
        return {
            name: repr(connection.execute(sa.text(f'SELECT * FROM "{schema}"."{name}"')).all()).encode()
            for schema, name in places
            if name not in {"secrets", "blueprints"} and schema not in {"information_schema", "pg_catalog"}
        }


async def test_no_secret_is_anywhere_but_in_its_table_and_its_answer(client: Client) -> None:
    started = await client.up()
    shown = await client.items("/labs/lab/credentials")
    west = next(router for router in shown if router["router"] == "west")
    assert (west["user"], west["password"]) == ("eng", "giv3n-by-file")
    words = {router[kind] for router in shown for kind in ("password", "root_password", "community")}
    assert len(words) == 6
    answers = [await client.text(path) for path in ("/labs", "/labs/lab", "/labs/lab/jobs", f"/jobs/{started['job']}/events")]
    answers.append(json.dumps(await client.ask("POST", "/plans", client.blueprint(name="p"))))
    state = client.world.settings.state
    files = {path.name: path.read_bytes() for path in state.rglob("*") if path.is_file() and "rackless.sqlite" not in path.name}
    files |= rows_but_secrets(client.world.database)
    assert "workflow_status" in files or "jobs.sqlite" in files
    for word in words:
        assert not any(word in answer for answer in answers)
        assert [name for name, content in files.items() if word.encode() in content] == []


async def test_a_blueprint_asks_for_its_files_and_names_the_one_that_is_missing(client: Client) -> None:
    body = {"text": BLUEPRINT, "file": "lab.yaml"}
    error = await client.ask("POST", "/labs", body, status=422)
    assert (error["code"], error["files"]) == ("files-needed", ["west.set"])
    error = await client.ask("POST", "/labs", {**body, "complete": True}, status=422)
    assert error["code"] == "blueprint"
    assert (error["problems"][0]["file"], error["problems"][0]["line"]) == ("lab.yaml", 4)
    assert await client.items("/labs") == []


async def test_what_the_place_can_not_bear_is_refused_with_nothing_booked(client: Client) -> None:
    client.cloud.memory = 100
    error = await client.ask("POST", "/labs", client.blueprint(), status=502)
    assert "MiB of memory" in error["detail"]
    assert await client.items("/labs") == []
    assert await client.world.database.run(pools.count) == {}


async def test_saved_configurations_can_be_fetched(client: Client) -> None:
    await client.up()
    done = await client.ask("POST", "/labs/lab/save", {}, wait=10)
    assert done["result"] == ["west", "east"]
    assert await client.text("/labs/lab/saved/west") == FILES["west.set"]
    assert (await client.ask("POST", "/labs/lab/save", {"routers": ["pc1"]}, status=404))["hint"] == "Its routers: west, east."


async def test_secrets_are_gone_with_their_lab(client: Client) -> None:
    await client.up()
    await client.down()
    assert await client.world.database.run(secrets.of, 1, "west") == {}
