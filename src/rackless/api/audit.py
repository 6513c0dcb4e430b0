"""What the place has against what the store says."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.providers.contract import Ref
from rackless.workflows import audit

router = APIRouter(tags=["audit"], responses=RESPONSES)


class AuditFinding(BaseModel):
    """`difference`: leftover (no lab has it), stopped or missing (a machine of a lab that is up), returned (runs again), silent
    (a place that does not answer: `name`, of no lab). `place`: where it is, with several places. `reason`: why it is silent, or
    a leftover could not be removed."""

    difference: audit.Difference
    kind: str
    lab: str
    name: str
    running: bool
    reason: str = ""
    place: str = ""


class Removed(BaseModel):
    """`left`: what could not be removed, with the reasons."""

    removed: list[AuditFinding]
    left: list[AuditFinding]


def _finding(difference: audit.Difference, ref: Ref, reason: str = "") -> AuditFinding:
    return AuditFinding(
        difference=difference,
        kind=ref.kind.value,
        lab=ref.sandbox,
        name=ref.name,
        running=ref.running,
        reason=reason,
        place=ref.place,
    )


def _key(one: audit.Finding) -> tuple[str, str, str, str, str]:
    return one.ref.sandbox, one.ref.kind.value, one.ref.name, one.difference.value, one.ref.place


@router.get("/audit")
async def show_audit(here: Here, asked: Pages) -> Page[AuditFinding]:
    """Every difference, by lab, kind and name. Changes nothing."""
    found = await audit.audit(here)
    return asked.of_all(found, _key, lambda one: _finding(one.difference, one.ref, one.reason), str, str, str, str, str)


@router.post("/audit/remove")
async def remove_leftovers(here: Here) -> Removed:
    """Take away what carries our mark and no lab has."""
    gone, left = await audit.remove_leftovers(here)
    kind = audit.Difference.LEFTOVER
    return Removed(removed=[_finding(kind, ref) for ref in gone], left=[_finding(kind, ref, why) for ref, why in left.items()])
