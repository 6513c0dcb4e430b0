"""Waiting for many tasks: one request for all, and nobody waits for what no one looks at any more."""

from __future__ import annotations

import asyncio

import pytest
from tests.conformance import specs

from rackless.model.errors import DeadlineError, ProviderError

pytestmark = pytest.mark.vsphere


async def test_all_tasks_are_asked_of_in_one_request(venue) -> None:
    provider = venue.provider()
    await provider.ensure(specs.internal("lab", "west"))
    venue.server.clear()
    await asyncio.gather(*(provider.ensure(specs.disk("lab", f"west-vfp{slot}")) for slot in range(8)))
    clones, reads = (len(venue.server.sent(method)) for method in ("CloneVM_Task", "RetrievePropertiesEx"))
    assert clones == 8
    assert reads < 12  # One for the image, and those of the tasks, which come in heaps.


async def test_when_the_looking_fails_all_that_wait_are_told(venue, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = venue.provider()
    await provider.owned()

    async def broken(_: object) -> bool:
        raise ProviderError("It can't be asked.", hint="Try again.")

    monkeypatch.setattr(provider.tasks, "_ask", broken)
    ends = await asyncio.gather(
        *(provider.ensure(specs.disk("lab", f"west-vfp{slot}")) for slot in range(3)), return_exceptions=True
    )
    assert [str(end).splitlines()[0] for end in ends] == ["It can't be asked."] * 3


async def test_a_task_that_does_not_end_has_a_deadline(venue, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = venue.provider()
    await provider.owned()

    async def never(_: object) -> bool:
        return False

    monkeypatch.setattr(provider.tasks, "_ask", never)
    monkeypatch.setattr("rackless.providers.vsphere.provider.CLONE", 0.2)
    with pytest.raises(DeadlineError, match=r"clone tiny as west-vcp-disk0\.lab") as caught:
        await provider.ensure(specs.disk("lab", "west-vcp"))
    assert "goes on" in caught.value.hint
