"""What labs have at a VM host is made anew at the others of its group: because the host is to be worked on, or has died.

One that does not answer is *given up*: nothing of it is waited for any more, and should it come back, what it still has of labs
that went elsewhere is taken away before it gets anything new (keepers/hosts.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from rackless.model.errors import InputError, NotFoundError, RacklessError
from rackless.providers.contract import RefKind, at
from rackless.providers.host.provider import HostProvider
from rackless.sandboxes import changing
from rackless.store import blueprints, history, sandboxes
from rackless.workflows.starting import start
from rackless.workflows.world import World


@dataclass(frozen=True, kw_only=True)
class Moved:
    """`job` makes it anew elsewhere; "" where `why` says that nothing does."""

    lab: str
    job: str
    owners: tuple[str, ...] = ()
    why: str = ""


async def evacuate(world: World, name: str, *, who: str = history.SELF) -> list[Moved]:
    """Begin to make anew elsewhere all that labs have at this host.

    Raises:
        NotFoundError, InputError: there is no such place, or it is no VM host.
    """
    if world.site.place(name) is None:
        raise NotFoundError(f"There is no place named {name}.", hint="`rackless site list` shows those there are.")
    provider = at(world.provider, name)
    if not isinstance(provider, HostProvider):
        raise InputError(f"The place {name} is no VM host.", hint="Write another `place`, and `rackless apply --replace`.")
    try:
        await provider.hello()
    except RacklessError:
        host = provider.enrolments.find(name)
        if host is not None:
            provider.enrolments.keep(replace(host, left=True))
    labs = await world.database.read(_labs, name)
    return [await _move(world, row, name, who) for row in labs]


def _labs(db: sa.Connection, place: str) -> list[sandboxes.SandboxRow]:
    return [row for row in sandboxes.live(db) if any(row.plan.place_of(spec) == place for spec in row.plan.machines)]


async def _move(world: World, row: sandboxes.SandboxRow, name: str, who: str) -> Moved:
    owners = tuple(sorted({spec.owner for spec in row.plan.machines if row.plan.place_of(spec) == name}))
    try:
        refs = await world.provider.owned(row.name)
        runs = {ref.name for ref in refs if ref.kind is RefKind.MACHINE and ref.running}
        gone = frozenset(spec.name for spec in row.plan.machines if spec.name not in runs)

        def book(db: sa.Connection) -> changing.Applied:
            kept = blueprints.find(db, row.id)
            written = kept if kept is not None else blueprints.Written(text="", file="", files={})
            asked = changing.Asked(
                blueprint=row.plan.blueprint,
                place=world.place,
                wanted=world.wanted,
                terms=changing.Terms(anew=True, who=who),
                written=written,  # not used: the lab keeps its blueprint
                gone=gone,
            )
            history.add(db, row.id, "evacuated", f"{', '.join(owners)} go elsewhere from the host {name}", who=who)
            return changing.book_move(db, row.name, name, asked)

        applied = await world.database.run(book)
        if applied.booking.job:
            await start(world, applied.booking.job)
    except RacklessError as error:
        return Moved(lab=row.name, job="", owners=owners, why=error.message)
    return Moved(lab=row.name, job=applied.booking.job, owners=owners)
