"""Cards that start late: on a busy server with hundreds of others before them, or in a guest that answers slowly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.api_client import Client

from rackless.model.family import Role
from rackless.model.lifecycle import MachineState
from rackless.store import machines, sandboxes
from rackless.workflows import deploy, routers
from rackless.workflows.machines import late
from rackless.workflows.pretended import PretendedDriver


async def test_a_card_that_was_not_started_yet_is_waited_for_and_not_restarted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = deploy.start
    asked: list[str] = []

    async def slow(world: Any, row: Any, spec: Any, tell: Any, **more: Any) -> None:
        if spec.role is Role.CARD:
            await asyncio.sleep(1.5)
        await at_once(world, row, spec, tell, **more)

    whole = PretendedDriver.ports

    async def ports(self: PretendedDriver, spot: Any, expected: Any, **more: Any) -> dict[str, str]:
        asked.append(spot.router)
        return await whole(self, spot, expected, **more)

    monkeypatch.setattr(routers, "QUIET", 0.2)
    monkeypatch.setattr(routers, "LOOK", 0.1)
    monkeypatch.setattr(routers, "PORTS", (0.5, 0.5, 0.5))
    monkeypatch.setattr(deploy, "start", slow)
    monkeypatch.setattr(PretendedDriver, "ports", ports)
    await client.up()
    lab = await client.ask("GET", "/labs/lab")
    assert lab["state"] == "ready"
    assert {machine["state"] for machine in lab["machines"]} == {"running"}
    assert all(machine.boots == 1 for machine in client.cloud.machines.values())
    assert sorted(asked) == ["east", "west"]


async def test_a_card_that_answered_late_and_has_its_ports_is_running(client: Client) -> None:
    await client.up()
    row = await client.world.database.read(sandboxes.get, "lab")

    def look(db: sa.Connection) -> list[str]:
        for name in ("west-vfp0", "west-vcp"):
            machines.move(db, row.id, name, MachineState.STARTING, "power on")
        return late(db, row.id, row.plan)

    assert await client.world.database.run(look) == ["west-vcp"]
    assert (await client.world.database.read(machines.get, row.id, "west-vfp0")).state is MachineState.RUNNING
