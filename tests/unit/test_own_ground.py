"""Several servers on one store, and a place that is each one's own machine: nothing is made there, and nothing is missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.postgresql import Cluster
from tests.unit.api_client import Client, serving

from rackless.keepers import reconcile
from rackless.store import machines, sandboxes, servers
from rackless.workflows import own_ground
from rackless.workflows.audit import Difference, audit


@pytest.fixture
async def client(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """On a PostgreSQL; its place is taken for its own machine."""
    monkeypatch.setenv("RACKLESS_PROVIDER", "fake")
    monkeypatch.setattr(own_ground, "KIND", "fake")
    async with serving(tmp_path, cluster.ready(), monkeypatch) as served:
        yield served


async def test_an_own_machine_is_a_place_for_one_server_only(client: Client) -> None:
    await client.up()
    checked = (await client.http.post("/places/fake/check?quick=true")).text
    assert '"name": "one server", "ok": true' in checked
    await client.world.database.run(servers.beat, "other-1", "elsewhere", 1)

    # Its machines are gone from here: they are at the other server, perhaps.
    client.cloud.lab("lab").machines.clear()
    client.cloud.save("lab")
    found = await audit(client.world)
    assert [one.difference for one in found] == [Difference.SILENT]
    assert await client.world.database.run(reconcile.settle, found, heal=True) == []

    def states(db: sa.Connection) -> set[str]:
        return {row.state.value for row in machines.of(db, sandboxes.get(db, "lab").id)}

    assert await client.world.database.read(states) == {"running"}

    checked = (await client.http.post("/places/fake/check?quick=true")).text
    assert '"name": "one server", "ok": false' in checked
    assert "other-1 on elsewhere" in checked
    assert "rackless host add NAME" in checked
    started = await client.ask("POST", "/labs", client.blueprint(name="second"))
    ended = await client.end_of(started["job"])
    assert ended["error"]["code"] == "state"
    assert ended["error"]["message"].startswith(
        "At fake nothing is made: other servers work on this store (other-1 on elsewhere)"
    )
