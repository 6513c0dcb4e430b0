"""The blueprint of a lab: what it was made from, what is there now as one, and another one that it is to become (apply)."""

from __future__ import annotations

import time
from collections.abc import Mapping

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here, Started, Wait, started
from rackless.api.plans import BlueprintSource
from rackless.blueprints import without_secrets, written
from rackless.model.changes import Difference, Effect, Verb
from rackless.model.errors import RacklessError
from rackless.model.impairment import Impairment
from rackless.model.lifecycle import JobState
from rackless.model.people import Role
from rackless.providers.contract import RefKind
from rackless.providers.impairing import impaired_at
from rackless.sandboxes import changing
from rackless.store import blueprints, machines, sandboxes
from rackless.workflows.world import World

router = APIRouter(tags=["labs"], responses=RESPONSES, prefix="/labs/{name}")


class ApplyWish(BlueprintSource):
    """A blueprint that a lab is to become one of."""

    replace: bool = Field(False, description="Machines may be switched off and made anew, where the change needs it")
    prune: bool = Field(False, description="Wires that were drawn live and are not in the blueprint go")
    dry_run: bool = Field(False, description="Answer what would change, and change nothing")


class ChangeRow(BaseModel):
    """`kind`: router, host or wire. `effect`: none, live (behind running machines), restart (machines go off and come back with
    their disks), anew (from their image: what was configured since is lost). `machines`: those that come, go off or go; `stops`:
    those of them that are there. `allowed` false: it needs `replace`, which was not given."""

    verb: Verb
    kind: str
    name: str
    reason: str
    effect: Effect
    machines: list[str]
    stops: list[str]
    allowed: bool


class Applied(Started):
    """`kind`: changed, unchanged, booked, waiting, followed, or dry-run. `changes` in the blueprint's order."""

    changes: list[ChangeRow]


class LabBlueprint(BaseModel):
    """`text` as it was written, or (`live`) what is there now. `file`: its own name; `files`: content of those it names. `since`:
    when it was sent, `who` did."""

    lab: str
    text: str
    file: str
    files: dict[str, str]
    live: bool
    since: float
    who: str


@router.get("/blueprint", responses={200: {"content": {"text/plain": {}}}}, response_model=LabBlueprint)
async def show_blueprint(name: str, request: Request, here: Here, who: Who, *, live: bool = False) -> Response | LabBlueprint:
    """What the lab was made from, as it was written; or what is there now, as a blueprint that makes the same. Text alone for who
    accepts text/plain. Viewers see no passwords, and no files."""
    impaired = {}
    if live:
        lab = await here.database.read(sandboxes.get, name)
        impaired = {segment: each.how for segment, each in (await impaired_at(here.provider, lab.plan)).items()}
    found = await here.database.read(_written, name, live, impaired)
    if not who.has(Role.USER):
        found = found.model_copy(update={"text": without_secrets(found.text), "files": {}})
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(found.text)
    return found


def _written(db: sa.Connection, name: str, live: bool, impaired: Mapping[str, Impairment]) -> LabBlueprint:
    row = sandboxes.get(db, name)
    kept = None if live else blueprints.find(db, row.id)
    if kept is not None:
        return LabBlueprint(
            lab=name, text=kept.text, file=kept.file, files=kept.files, live=False, since=kept.since, who=kept.who
        )
    now, notes = changing.as_it_is(db, row, impaired)
    files = dict(now.files)
    return LabBlueprint(
        lab=name, text=written(now, notes), file=f"{name}.yaml", files=files, live=True, since=time.time(), who=row.owner
    )


@router.put("/blueprint", status_code=202)
async def apply(name: str, body: ApplyWish, here: Here, who: Who, *, response: Response, wait: Wait = 0) -> Applied:
    """Let a lab become one of this blueprint: what is new is made, what is gone is removed, what is equal is not touched."""
    blueprint = await body.blueprint(here)
    terms = changing.Terms(anew=body.replace, prune=body.prune, who=who.name)
    gone = await _gone(here, name)
    if body.dry_run:
        found = await here.database.read(sandboxes.get, name)
        what = await here.database.read(changing.compare, found, blueprint, here.place, gone=gone, prune=body.prune)
        response.status_code = 200
        made = found.state not in changing.UNMADE
        return Applied(
            job="",
            lab=name,
            kind="dry-run",
            was=found.state.value,
            state=JobState.SUCCEEDED,
            changes=_rows(what, terms, made=made),
        )
    asked = changing.Asked(
        blueprint=blueprint, place=here.place, wanted=here.wanted, terms=terms, written=body.written(), gone=gone
    )
    applied = await here.database.run(changing.book_change, name, asked)
    here.changed.set()
    begun = await started(here, who, name, applied.booking, wait)
    if not begun.job:
        response.status_code = 200
    return Applied(**begun.model_dump(), changes=_rows(applied.difference, terms, made=True))


async def _gone(here: World, name: str) -> frozenset[str]:
    """Machines of the lab that do not run, as the place says; none when it does not answer."""

    def known(db: sa.Connection) -> frozenset[str]:
        row = sandboxes.get(db, name)
        return frozenset(machine.name for machine in machines.of(db, row.id))

    try:
        refs = await here.provider.owned(name)
    except RacklessError:
        return frozenset()
    return await here.database.read(known) - {ref.name for ref in refs if ref.kind is RefKind.MACHINE and ref.running}


def _rows(what: Difference, terms: changing.Terms, *, made: bool) -> list[ChangeRow]:
    return [
        ChangeRow(
            verb=each.verb,
            kind=each.kind,
            name=each.name,
            reason=each.reason,
            effect=each.effect,
            machines=list(each.machines),
            stops=list(each.stops),
            allowed=not made or terms.anew or each not in what.disruptive,
        )
        for each in what.changes
    ]
