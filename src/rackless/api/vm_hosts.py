"""VM hosts: their enrolment by a token, and what labs have at one made anew elsewhere."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.api.web import Listening, ports
from rackless.model.errors import InputError, NotFoundError, RacklessError, StateError
from rackless.model.places import HostPlace
from rackless.model.suggestions import did_you_mean
from rackless.providers.contract import at
from rackless.providers.host.enrolment import TOKEN_LASTS, Enrolments
from rackless.providers.host.provider import HostProvider
from rackless.store import sandboxes
from rackless.workflows import evacuating
from rackless.workflows.world import World

router = APIRouter(tags=["site"], responses=RESPONSES, prefix="/vm-hosts")


class VmHost(BaseModel):
    """A place of the kind `host`. `state`: ready, silent, given-up or not-enrolled; `since`: of its enrolment, seconds since the
    epoch; `why`: it is not ready; `labs` that have something there."""

    name: str
    address: str
    group: str
    state: str
    since: float | None
    why: str
    labs: list[str]


class Invitation(BaseModel):
    """`url`: where the host reaches this server, if a proxy stands before it (whose certificate the host verifies by the
    authorities that it trusts); empty: where it listens. `seconds`: how long the token is good."""

    url: str = ""
    seconds: float = Field(TOKEN_LASTS, gt=0, le=86400)


class Invited(BaseModel):
    """`token`: good once, until `ends` (seconds since the epoch). `command`: what to run at the host, with the token at its
    standard input."""

    name: str
    token: str
    ends: float
    command: str


class EnrolWish(BaseModel):
    """`request`: a certificate request (PEM) for the host's key."""

    name: str
    secret: str
    request: str = Field(max_length=20000)


class Enrolled(BaseModel):
    """Both in PEM form."""

    certificate: str
    authority: str


class MovedRow(BaseModel):
    """`job` makes `owners` of the lab anew elsewhere; "" where `why` says that nothing does."""

    lab: str
    job: str
    owners: list[str]
    why: str


@router.get("")
async def list_vm_hosts(here: Here, asked: Pages) -> Page[VmHost]:
    """The VM hosts, by name."""
    rows = await here.database.read(sandboxes.live)
    places = [place for place in here.site.everywhere if isinstance(place, HostPlace)]
    return asked.of_all(places, lambda place: (place.name,), lambda place: _row(here, place, rows), str)


def _row(here: World, place: HostPlace, rows: list[sandboxes.SandboxRow]) -> VmHost:
    provider = at(here.provider, place.name)
    assert isinstance(provider, HostProvider)
    host = provider.enrolments.find(place.name)
    state = "ready"
    if host is None or not host.identity:
        state = "not-enrolled"
    elif host.left:
        state = "given-up"
    elif provider.since_silent:
        state = "silent"
    return VmHost(
        name=place.name,
        address=place.address,
        group=place.group,
        state=state,
        since=host.enrolled if host is not None and host.identity else None,
        why=provider.unready(),
        labs=sorted(row.name for row in rows if place.name in row.plan.places),
    )


@router.post("/enroll")
async def enroll_vm_host(body: EnrolWish, here: Here) -> Enrolled:
    """A host comes with its token, and gets its certificate."""
    await here.sharing.look()
    enrolments = Enrolments(here.settings.state)
    host, certificate = enrolments.enrol(body.name, body.secret, body.request)
    provider = at(here.provider, host.name)
    if isinstance(provider, HostProvider):
        provider.met_anew()
    await here.sharing.look()
    return Enrolled(certificate=certificate, authority=enrolments.authority.certificate.read_text(encoding="ascii"))


@router.post("/{place}/token")
async def invite_vm_host(place: str, body: Invitation, here: Here, request: Request) -> Invited:
    """A token with which that machine becomes the host of this name."""
    found = _host(here, place)
    url, fingerprint = (body.url, "") if body.url else _way_here(ports(request).listening(), found)
    if not url.startswith("https://"):
        raise InputError(f"{url} has no TLS.", hint="Write https://HOST:PORT.")
    await here.sharing.look()  # the authority is one for all servers
    token, ends = Enrolments(here.settings.state).invite(place, url, fingerprint, body.seconds)
    await here.sharing.look()
    command = f"rackless-vmhost enroll --listen {found.address}"
    if found.wires:
        command += f" --wires {found.wires}"
    return Invited(name=place, token=str(token), ends=ends, command=command)


def _way_here(listening: Iterable[Listening], host: HostPlace) -> tuple[str, str]:
    """Where a host reaches this server, and the mark of its certificate."""
    open_ = [one for one in listening if one.fingerprint]
    if not open_:
        raise StateError(
            "This server listens on no port with TLS, so no host can reach it.",
            hint="Let it listen where the hosts are: `rackless serve --tcp ADDRESS:PORT`.",
        )
    best = min(open_, key=lambda one: ipaddress.ip_address(one.host).is_loopback)
    address = best.host
    if ipaddress.ip_address(address).is_unspecified:
        with socket.socket(socket.AF_INET6 if ":" in host.ending[0] else socket.AF_INET, socket.SOCK_DGRAM) as end:
            try:
                end.connect(host.ending)  # sends nothing: it chooses the way there
                address = str(end.getsockname()[0])
            except OSError as error:
                message = f"No way leads to {host.address}: {error.strerror}."
                raise StateError(message, hint="Say with `--url` where the host reaches this server.") from error
    return f"https://{f'[{address}]' if ':' in address else address}:{best.port}", best.fingerprint


@router.delete("/{place}", status_code=204)
async def remove_vm_host(place: str, here: Here, force: bool = False) -> Response:
    """End its enrolment: this server speaks to it no more, and it is told to serve nobody. Not while labs have something there,
    but with `force`."""
    provider = at(here.provider, _host(here, place).name)
    assert isinstance(provider, HostProvider)
    rows = await here.database.read(sandboxes.live)
    labs = sorted(row.name for row in rows if place in row.plan.places)
    if labs and not force:
        raise StateError(
            f"The host {place} has something of {', '.join(labs)}.", hint=f"`rackless evacuate {place}` first, or `--force`."
        )
    with suppress(RacklessError):  # it is silent, or was never there; to this server it is nobody all the same
        await provider.withdraw()
    provider.enrolments.forget(place)
    provider.met_anew()
    await here.sharing.look()
    return Response(status_code=204)


@router.post("/{place}/evacuate")
async def evacuate_vm_host(place: str, here: Here, who: Who) -> list[MovedRow]:
    """Begin to make anew elsewhere in its group all that labs have at this host; one that does not answer is given up."""
    found = await evacuating.evacuate(here, _host(here, place).name, who=who.name)
    return [MovedRow(lab=one.lab, job=one.job, owners=list(one.owners), why=one.why) for one in found]


def _host(here: World, name: str) -> HostPlace:
    found = here.site.place(name)
    if isinstance(found, HostPlace):
        return found
    known = [place.name for place in here.site.everywhere if isinstance(place, HostPlace)]
    if found is not None:
        raise InputError(f"The place {name} is no VM host.", hint=did_you_mean(name, known, "VM hosts"))
    raise NotFoundError(
        f"There is no VM host named {name} in site.yaml.",
        hint=f"Write `places: {{{name}: {{provider: host, address: ADDRESS}}}}`, and start the server anew.",
    )
