"""Snapshots of labs through the API, on the `fake` provider; and what is refused, as data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.api_client import Client

from rackless.model.errors import InputError, StateError
from rackless.providers.contract import Likeness
from rackless.sandboxes import snapshots
from rackless.sandboxes.snapshots import KeptMachine, Snapshot
from rackless.store import machines, sandboxes, secrets

LAB = "name: lab\nrouters:\n  west: {cards: 1, ports_per_card: 2}\nhosts: {pc: {nics: 1}}\nwires:\n  - [west:ge-0/0/0, pc:eth1]\n"


async def up(client: Client, text: str = LAB) -> None:
    started = await client.ask("POST", "/labs", client.blueprint(text))
    assert (await client.end_of(started["job"]))["state"] == "succeeded"


async def done(client: Client, method: str, path: str, body: object = None) -> None:
    started = await client.ask(method, path, body)
    ended = await client.end_of(started["job"])
    assert ended["state"] == "succeeded", ended


async def passwords(client: Client) -> dict[str, str]:
    row = await client.world.database.read(sandboxes.get, "lab")
    return await client.world.database.read(secrets.of, row.id, "west")


async def test_a_lab_goes_on_from_its_snapshot_with_what_its_guests_had(client: Client) -> None:
    await up(client)
    cloud = client.cloud
    guest = cloud.machines["lab/west-vcp"].guest
    await done(client, "POST", "/labs/lab/snapshots", {"name": "one"})
    before = await passwords(client)
    guest.power_off()
    cloud.machines["lab/pc"].running = False
    row = await client.world.database.read(sandboxes.get, "lab")
    await client.world.database.run(secrets.put, row.id, "west", "root", "another")
    await done(client, "POST", "/labs/lab/snapshots/one/restore")
    assert all(machine.running for machine in cloud.machines.values())
    assert await passwords(client) == before
    rows = await client.world.database.read(machines.of, row.id)
    assert {machine.reason for machine in rows} == {"it went on from the snapshot one"}
    shown = await client.ask("GET", "/labs/lab")
    assert shown["state"] == "ready"


async def test_snapshots_are_listed_and_go_with_their_lab_unless_they_are_kept(client: Client) -> None:
    await up(client)
    await done(client, "POST", "/labs/lab/snapshots", {"name": "one"})
    await done(client, "POST", "/labs/lab/snapshots", {"name": "two", "keep": True})
    found = (await client.ask("GET", "/labs/lab/snapshots"))["items"]
    assert [(one["name"], one["keep"], one["machines"]) for one in found] == [("one", False, 3), ("two", True, 3)]
    await client.ask("POST", "/labs/lab/snapshots", {"name": "one"}, status=409)
    await done(client, "DELETE", "/labs/lab")
    found = (await client.ask("GET", "/snapshots"))["items"]
    assert [(one["lab"], one["name"]) for one in found] == [("lab", "two")]


async def test_a_lab_that_has_ended_is_made_anew_from_a_kept_snapshot(client: Client) -> None:
    await up(client)
    before = await passwords(client)
    shown = await client.ask("GET", "/labs/lab")
    await done(client, "POST", "/labs/lab/snapshots", {"name": "one", "keep": True})
    await done(client, "DELETE", "/labs/lab")
    await done(client, "POST", "/snapshots/lab/one/restore")
    assert await passwords(client) == before
    again = await client.ask("GET", "/labs/lab")
    assert [(port["name"], port["mac"], port["ready"]) for port in again["ports"]] == [
        (port["name"], port["mac"], port["ready"]) for port in shown["ports"]
    ]
    assert [wire["state"] for wire in again["wires"]] == ["connected"]
    cloud = client.cloud
    assert {machine.boots for machine in cloud.machines.values()} == {0}
    await client.ask("POST", "/snapshots/lab/one/restore", status=409)


async def test_one_file_carries_a_snapshot_and_a_damaged_one_is_refused(client: Client) -> None:
    await up(client)
    await done(client, "POST", "/labs/lab/snapshots", {"name": "one", "keep": True})
    state: Path = client.world.settings.state
    length, pieces = snapshots.export(state, "lab", "one")
    whole = b"".join(pieces)
    assert len(whole) == length
    await client.ask("DELETE", "/labs/lab/snapshots/one", status=204)

    async def sent(content: bytes) -> AsyncIterator[bytes]:
        yield content

    guest = whole.index(b'"', whole.rindex(b"west-vcp.state"))
    with pytest.raises(InputError, match="damaged"):
        await snapshots.receive(state, sent(whole[:guest] + b"'" + whole[guest + 1 :]))
    with pytest.raises(InputError, match="no whole snapshot"):
        await snapshots.receive(state, sent(whole[: len(whole) // 3]))
    assert snapshots.listed(state) == []
    found = await snapshots.receive(state, sent(whole))
    assert (found.lab, found.name) == ("lab", "one")
    with pytest.raises(StateError, match="already"):
        await snapshots.receive(state, sent(whole))
    folder = snapshots.folder_of(state, "lab", "one")
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.iterdir()]} == {0}
    await done(client, "POST", "/labs/lab/snapshots/one/restore")


async def taken(client: Client) -> Snapshot:
    await up(client)
    await done(client, "POST", "/labs/lab/snapshots", {"name": "one"})
    return snapshots.find(client.world.settings.state, "lab", "one")


async def test_every_difference_is_named_before_anything_is_touched(client: Client) -> None:
    found = await taken(client)
    plan = found.plan
    like = {name: kept.likeness for name, kept in found.machines.items()}
    assert snapshots.unlike(found, plan, like) == ()
    other = {**like, "pc": Likeness(facts={**like["pc"].facts, "its image": "reference/0000"})}
    assert snapshots.unlike(found, plan, other) == ("pc: its image was reference, and is reference/0000 here.",)
    fewer = replace(plan, machines=tuple(spec for spec in plan.machines if spec.name != "pc"))
    assert snapshots.unlike(found, fewer, like) == ("Machine pc was there then, and is not now.",)
    nics = tuple(replace(nic, mac="52:00:00:00:00:01", address="172.29.9.9/16") for nic in plan.machines[0].nics)
    moved = replace(plan, machines=(replace(plan.machines[0], nics=nics), *plan.machines[1:]))
    texts = snapshots.unlike(found, moved, like)
    assert texts[0] == "west-vcp: its NICs had other MACs."
    assert "management address was" in texts[1]
    assert "form 9" in snapshots.unlike(replace(found, form=9), plan, like)[0]


async def test_a_host_of_another_kind_is_refused_by_the_api(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await taken(client)
    older = {
        name: KeptMachine(host_keys=kept.host_keys, likeness=Likeness(facts={**kept.likeness.facts, "QEMU": "6.0"}))
        for name, kept in found.machines.items()
    }
    monkeypatch.setattr(snapshots, "find", lambda *_: replace(found, machines=older))
    refused = await client.ask("POST", "/labs/lab/snapshots/one/restore", status=409)
    assert "QEMU was 6.0, and is not known here" in str(refused)
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"


def test_names_lead_out_of_no_folder(tmp_path: Path) -> None:
    for name in ("..", "a/b", ".draft-x", ""):
        with pytest.raises(InputError):
            snapshots.folder_of(tmp_path, "lab", name)
