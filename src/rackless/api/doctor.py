"""What this machine can and can't do for Rackless, and the way out of each shortage."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.web import ports
from rackless.providers.contract import Checkable, at
from rackless.store import pools

router = APIRouter(tags=["server"], responses=RESPONSES)

FEW = 10
"""A small lab takes so many ports of a pool."""


class Finding(BaseModel):
    """`ok` false: labs will not run, or run badly, until `hint` is followed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


@router.get("/doctor")
async def doctor(here: Here, request: Request, asked: Pages) -> Page[Finding]:
    """Look at everything; changes nothing (an accelerator is found by booting a tiny guest with it)."""
    info = here.provider.info
    findings = [Finding(name="provider", ok=True, detail=" ".join([f"{info.name}.", *info.notes]))]
    for place in here.site.everywhere:
        provider = at(here.provider, place.name)
        if place.provider == "local" and isinstance(provider, Checkable):
            findings += [Finding(**asdict(one)) async for one in provider.examine()]
    taken = await here.database.read(pools.count)
    for pool, numbers in (("console", here.site.console_ports), ("forward", here.site.forward_ports)):
        free = len(numbers) - taken.get(pool, 0)
        detail = f"{free} of {len(numbers)} ports ({numbers.first} to {numbers.last}) are free"
        hint = "" if free >= FEW else "Take labs down, or widen the range in site.yaml."
        findings.append(Finding(name=f"{pool} ports", ok=free >= FEW, detail=detail, hint=hint))
    for port in ports(request).listening():
        how = f"certificate SHA-256 {port.fingerprint}" if port.fingerprint else "without TLS"
        findings.append(Finding(name=f"port {port.port}", ok=True, detail=f"{port.url} on {port.host}, {how}"))
    return asked.of_all(enumerate(findings), lambda one: (one[0],), lambda one: one[1], int)
