"""Impair: a wire delays, loses or slows down the frames that it carries from now on, or no more."""

from __future__ import annotations

from dataclasses import asdict

from rackless import durable
from rackless.model.impairment import Impairment
from rackless.providers.impairing import impairing
from rackless.store import wires
from rackless.workflows.disconnect import REWIRING, wire_row
from rackless.workflows.verb import Work, carried_out


def arguments(row: wires.WireRow, how: Impairment | None) -> dict[str, object]:
    """Of the job."""
    return {"segment": row.segment, "ends": list(row.ends), "how": asdict(how) if how is not None else None}


@durable.workflow("impair")
async def impair(job: str) -> None:
    await carried_out(job, _impair)


async def _impair(work: Work) -> None:
    ends, wanted = work.job.arguments["ends"], work.job.arguments["how"]
    how = Impairment(**wanted) if wanted is not None else None
    about = f"impairing the wire {ends[0]} -- {ends[1]}: {how or 'no more'}"
    await work.step("impair", lambda: _set(work, how), deadline=REWIRING, about=about, tries=2)


async def _set(work: Work, how: Impairment | None) -> None:
    row = await wire_row(work)
    if row is not None:
        await impairing(work.world.provider, work.lab.plan, row.ports).impair(work.lab.name, row.segment, how)
