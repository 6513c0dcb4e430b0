"""Secrets of a blueprint: taken out of what is stored and shown, and generated where the blueprint gives none."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from rackless.model.blueprint import Blueprint, Login, Snmp
from rackless.model.plan import Plan

ROOT, PASSWORD, COMMUNITY = "root", "password", "community"
"""Kinds of secret: root's password on the serial line, the login user's password, the SNMP community."""

_BLUEPRINT = TypeAdapter(Blueprint)


def digest(blueprint: Blueprint) -> str:
    """Tells a blueprint from another, its files and secrets included."""
    # Keys that came after a release change no older digest.
    later: Any = dict.fromkeys((name for name in ("hooks", "locks", "place") if not getattr(blueprint, name)), True)
    for part in ("routers", "hosts"):
        nowhere = {at: {"place"} for at, wish in enumerate(getattr(blueprint, part)) if not wish.place}
        later |= {part: nowhere} if nowhere else {}
    return hashlib.sha256(_BLUEPRINT.dump_json(blueprint, exclude=later)).hexdigest()


def chosen(blueprint: Blueprint, kept: Mapping[str, Mapping[str, str]] | None = None) -> Iterable[tuple[str, str, str]]:
    """(router, kind, value) of every secret a lab needs: the blueprint's, or what the router has already (`kept`, by router and
    kind), or a fresh one of over 90 bits."""
    for router in blueprint.routers:
        mine = (kept or {}).get(router.name, {})
        password = router.login.password or mine.get(PASSWORD) or secrets.token_urlsafe(12)
        yield router.name, PASSWORD, password
        yield router.name, ROOT, password if router.login.user == "root" else mine.get(ROOT) or secrets.token_urlsafe(12)
        yield router.name, COMMUNITY, router.snmp.community or mine.get(COMMUNITY) or secrets.token_urlsafe(12)


def without(plan: Plan) -> Plan:
    """The plan with no secret in it."""
    routers = tuple(replace(router, login=Login(user=router.login.user), snmp=Snmp()) for router in plan.blueprint.routers)
    return replace(plan, blueprint=replace(plan.blueprint, routers=routers))
