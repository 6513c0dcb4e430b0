"""Jobs that nobody works on although they have no end."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.api_client import Client
from tests.unit.test_hooks import SMALL, database_url

from rackless.keepers import stranding
from rackless.model.lifecycle import JobState
from rackless.sandboxes import booking
from rackless.store import jobs

__all__ = ["database_url"]


async def test_a_job_that_was_booked_and_never_begun_is_begun(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for it went away between the booking and the begin."""
    await client.up(SMALL)
    monkeypatch.setattr(stranding, "LOOK", 0.01)
    booked = await client.world.database.run(booking.book_job, "lab", "save", {"routers": ["west"]})
    given_up: list[bool] = []
    keeping = asyncio.create_task(stranding.keep(client.world, give_up=lambda: given_up.append(True)))
    try:
        await client.end_of(booked.job)
    finally:
        keeping.cancel()
    assert (await client.world.database.read(jobs.get, booked.job)).state is JobState.SUCCEEDED
    assert not given_up
