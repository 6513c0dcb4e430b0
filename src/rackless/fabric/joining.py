"""How this machine begins a fabric, or becomes a node of one. What fails leaves nothing behind, here or there."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import httpx

from rackless.deadline import Deadline
from rackless.fabric import certifying, changing, facts, health, placing, supervision, truth
from rackless.fabric.administering import administer, as_error
from rackless.fabric.admitting import Admitted, Asked, Examined
from rackless.fabric.applying import Applying
from rackless.fabric.authority import Purpose, Subject, fingerprint, new_request
from rackless.fabric.engines import etcd, haproxy, patroni
from rackless.fabric.node import FOUNDER
from rackless.fabric.places import JOIN_PORT, PEER_PORT, Places, Self, find
from rackless.fabric.tokens import Token
from rackless.fabric.truth import Truth
from rackless.model.errors import InputError, NotFoundError, ProviderError, RacklessError, StateError
from rackless.model.fabric import JoinRequest, Layout, NodeRole, Refusal
from rackless.release import release

ASKING = 30.0
OFTEN = 3
"""Looks at the difference of two clocks."""
READY = 300.0
"""Seconds for the next step to all that a node does: a copy of the database is the longest."""
PORTS = (
    PEER_PORT,
    JOIN_PORT,
    etcd.CLIENT_PORT,
    etcd.PEER_PORT,
    patroni.PORT,
    patroni.REST_PORT,
    haproxy.APPLICATION_PORT,
)
Say = Callable[[str], None]


async def init(
    places: Places,
    *,
    name: str,
    node: str,
    address: str,
    virtual_address: str,
    time_sources: Sequence[str],
    say: Say,
) -> None:
    """Begin a fabric with this machine as its first node.

    Raises:
        StateError: it is a node already.
        InputError: an address is none of this machine's, or the virtual one does not fit.
    """
    if _again(places, node, address):
        await _begin(places, say)
        return
    await undone(places)  # what a cut left behind
    request = await examined(places, name=node, address=address, role=NodeRole.FULL, time_sources=time_sources)
    if request.addresses_in_use:
        raise InputError(f"Something else listens on {', '.join(request.addresses_in_use)}.", hint="End it first.")
    fabric = f"f-{secrets.token_hex(6)}"
    if virtual_address and not placing.fits(address, virtual_address):
        raise InputError(
            f"The virtual address {virtual_address} is not in the subnet of {address} ({request.network}).",
            hint="It has to be: when it moves to another node, packets for it go to the same segment.",
        )
    begun = changing.begin(
        Layout(fabric=fabric, name=name, virtual_address=virtual_address, time_sources=tuple(time_sources), version=1),
        request,
        time.time(),
    )
    try:
        say(f"The fabric {name} ({fabric}) has an authority of its own.")
        places.make()
        places.authority.make(fabric)
        for purpose in Purpose:
            key, text = new_request(Subject(fabric=fabric, purpose=purpose, name=request.id))
            signed = certifying.sign(places, begun.layout, text, purpose, id=request.id, address=address)
            certifying.keep(places, purpose, key, signed)
        places.own.write(FOUNDER, "")
        _be(places, request, begun)
        await _begin(places, say)
    except (RacklessError, OSError, asyncio.CancelledError):
        await undone(places)
        raise


async def join(
    places: Places, token: Token, *, node: str, address: str, role: NodeRole, time_sources: Sequence[str], say: Say
) -> None:
    """Become a node of the token's fabric.

    Raises:
        StateError: this machine is a node already.
        UnauthorizedError: the token is not good.
        InputError: something is not as it has to be: all of it, each with the way out.
        ProviderError: no node of the fabric answers.
    """
    if _again(places, node or token.name, address):
        await _begin(places, say)
        return
    await undone(places)
    if token.name and node and token.name != node:
        raise InputError(f"The token is for {token.name}, not for {node}.", hint="Leave `--name` out.")
    name = node or token.name or socket.gethostname()
    request = await examined(places, name=name, address=address, role=role, time_sources=time_sources)
    asked = Asked(secret=token.secret, request=request, now=time.time())
    keys: dict[Purpose, bytes] = {}
    requests: dict[str, str] = {}
    for purpose in Purpose:
        keys[purpose], requests[purpose.value] = new_request(Subject(fabric=token.fabric, purpose=purpose, name=request.id))
    async with await _listening(address):
        found: Examined = await _ask(token, "examine", asked, Examined)
        reached = {id: await health.reaches(there, PEER_PORT) for id, there in found.members.items()}
        looks = []
        for _ in range(OFTEN):
            before = time.time()
            seen: Examined = await _ask(token, "examine", replace(asked, now=before), Examined)
            looks.append((before, seen.now, time.time()))
        request = replace(request, reached=reached, clock_offset=apart(looks))
        asked = replace(asked, request=request, now=time.time())
        found = await _ask(token, "examine", asked, Examined)
        if found.refusals:
            raise refused(request.name, found.refusals)
        say(f"{request.name} is as the fabric {found.name} needs it.")
        admitted: Admitted = await _ask(token, "join", replace(asked, requests=requests, now=time.time()), Admitted)
    try:
        places.make()
        places.own.write("ca.crt", admitted.authority)
        for purpose in Purpose:
            certifying.keep(places, purpose, keys[purpose], admitted.certificates[purpose.value])
        say("It has certificates, and the others make room for it.")
        _be(places, request, admitted.truth)
        await _begin(places, say)
    except (RacklessError, OSError, asyncio.CancelledError):
        await _leave(places, token)
        await undone(places)
        raise


def apart(looks: Sequence[tuple[float, float, float]]) -> float:
    """How far this clock is ahead of another at least, seconds; 0 when they may well be the same.

    Args:
        looks: this clock before, the other one's answer, this clock after. The answer was given some time in between, and an
            examination may take seconds, so no look says more than that (F. Cristian, Probabilistic clock synchronization, 1989).
    """
    least, most = max(before - there for before, there, _ in looks), min(after - there for _, there, after in looks)
    return least if least > 0 else min(0.0, most)


def refused(name: str, refusals: Sequence[Refusal]) -> InputError:
    """All reasons at once."""
    reasons = " ".join(one.reason for one in refusals)
    return InputError(f"{name} cannot join: {reasons}", hint=" ".join(dict.fromkeys(one.hint for one in refusals)))


async def examined(places: Places, *, name: str, address: str, role: NodeRole, time_sources: Sequence[str]) -> JoinRequest:
    """What this machine says of itself."""
    interface = await facts.interface(address)
    there = next(path for path in (places.top, *places.top.parents) if path.exists())
    filesystem = facts.filesystem(there)
    offset = await facts.measured_offset(time_sources) if time_sources else (await facts.clock(None)).offset
    total, _ = facts.memory()
    return JoinRequest(
        id=f"n-{secrets.token_hex(4)}",
        name=name,
        address=address,
        role=role,
        network=interface.network,
        machine=facts.machine(interface),
        release=release(),
        processors=facts.processors(),
        memory=total,
        disk=filesystem.size,
        disk_used=filesystem.percent,
        clock_synchronised=offset is not None,
        time_sources=tuple(time_sources),
        addresses_in_use=facts.in_use(address, PORTS),
    )


def _again(places: Places, name: str, address: str) -> bool:
    """This machine is that very node: what was cut off is gone on with.

    Raises:
        StateError: it is another.
    """
    known = find(places)
    if known is None:
        return False
    if (known.name, known.address) == (name, address):
        return True
    raise StateError(
        f"This machine is the node {known.name} ({known.address}) of the fabric {known.fabric} already.",
        hint="`rackless fabric forget` ends that, once the fabric has removed it.",
    )


def _be(places: Places, request: JoinRequest, known: Truth) -> None:
    """From now on this machine is a node."""
    me = Self(id=request.id, name=request.name, fabric=known.layout.fabric, address=request.address, machine=request.machine)
    places.own.write(places.truth_file.name, truth.as_text(known))
    places.own.write(places.node_file.name, json.dumps(asdict(me)))


async def _begin(places: Places, say: Say) -> None:
    """Start the daemon, which starts the rest; wait until all is there, and say what is still waited for."""
    runner = supervision.here(places)
    await runner.begin()
    if await _lacking(places) is None:
        await runner.have([Applying(places, runner).daemon()])
    deadline, said, last = Deadline(READY), set[str](), ""
    while True:
        lacks = await _lacking(places)
        if lacks is None:
            lacks = ["its daemon"]
        if not lacks:
            break
        now = f"Waiting for {', '.join(lacks)}."
        if now not in said:  # another step was taken; going back to one that was is none
            deadline = Deadline(READY)
        if now != last:
            say(now)
        said.add(now)
        last = now
        if deadline.over:
            raise deadline.missed(", ".join(lacks), hint=f"The logs in {places.log} say why.")
        await deadline.pause(0.5)
    say("Ready.")


async def _lacking(places: Places) -> list[str] | None:
    """What is still waited for; None: the daemon does not answer."""
    try:
        return list((await administer(places, "GET", "ready"))["lacks"])
    except ProviderError:
        return None


async def undone(places: Places) -> None:
    """Nothing of a fabric is on this machine."""
    runner = supervision.here(places)
    if places.own.path.joinpath("supervisord.conf").exists() or isinstance(runner, supervision.Systemd):
        await runner.end()
    if places.top.exists():
        for path in places.top.iterdir():
            if path != places.log:
                shutil.rmtree(path, ignore_errors=True)


async def _leave(places: Places, token: Token) -> None:
    """The fabric forgets that it made room. It does so by itself too, when nobody comes."""
    for address in token.addresses:
        try:
            async with health.asked(places, answers=ASKING) as client:
                await client.post(f"https://{address.rpartition(':')[0]}:{PEER_PORT}/v1/leave")
                return
        except (httpx.HTTPError, OSError, RacklessError):
            continue


async def adopt(places: Places) -> None:
    """The hardware that is here now is the node's."""
    me = find(places)
    if me is None:
        raise NotFoundError("This machine is no node of a fabric.", hint="`rackless fabric join` joins one.")
    there = replace(me, machine=facts.machine(await facts.interface(me.address)))
    places.own.write(places.node_file.name, json.dumps(asdict(there)))


class _Listening:
    """The nodes' port, open while one is examined: so the others can see whether they reach it."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


async def _listening(address: str) -> _Listening:
    try:
        return _Listening(await asyncio.start_server(lambda _, writer: writer.close(), address, PEER_PORT))
    except OSError as error:
        raise InputError(f"Port {PEER_PORT} of {address} cannot be had: {error.strerror}.") from error


async def _ask(token: Token, verb: str, asked: Asked, kind: type[Any]) -> Any:
    """Of the first node that answers. Nothing is told to one whose authority is not the token's."""
    failed: RacklessError | None = None
    for address in token.addresses:
        host, _, port = address.rpartition(":")
        try:
            trusted = await asyncio.to_thread(_trusting, host.strip("[]"), int(port), token.authority)
            async with httpx.AsyncClient(verify=trusted, trust_env=False, timeout=ASKING) as client:
                answer = await client.post(f"https://{address}/v1/{verb}", content=truth.as_text(asked))
        except (httpx.HTTPError, OSError) as error:
            failed = ProviderError(f"No node answers at {address}: {error}.", hint="Is it this machine's way there?")
            continue
        if answer.status_code != 200:
            raise as_error(answer)
        return truth.from_text(kind, answer.text)
    raise failed or InputError("The token names no node.", hint="`rackless fabric add NODE` prints another.")


def _trusting(host: str, port: int, authority: str) -> ssl.SSLContext:
    """What trusts the authority of that fingerprint, which the server sends along with its own certificate."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), ASKING) as plain, blind.wrap_socket(plain) as end:
        chain = end._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public as of Python 3.13
    from _ssl import ENCODING_DER

    for one in chain:
        der = one.public_bytes(ENCODING_DER)
        if fingerprint(der) == authority:
            trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trusted.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(der))
            return trusted
    raise ProviderError(
        f"Who answers at {host} is not of the fabric of this token: its authority is another.",
        hint="Nothing was told to it. Ask for another token.",
    )
