"""Client of the host channel (docs/reference/host-channel.md): JSON lines over a byte stream, one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rackless.deadline import Deadline
from rackless.model.errors import DefectError, GuestError, InputError
from rackless.model.family import NicRole, Role
from rackless.model.plan import MachineSpec
from rackless.streams import ByteStream

MOST_LINE = 64 * 1024
ENTROPY = 32
"""Octets of random numbers that a guest is given, of which it may be one of many copies."""
ASK_AGAIN = 2.0
"""Seconds after which an unanswered ping is sent again: a guest that was not there yet lost the first."""


@dataclass(frozen=True, kw_only=True)
class Alive:
    version: int
    uptime: float
    boot_id: str


@dataclass(frozen=True, kw_only=True)
class GuestPort:
    label: str
    mac: str
    mtu: int
    carrier: bool


@dataclass(frozen=True, kw_only=True)
class GuestStatus:
    """`ready`: the role's daemons are up. Uptime in seconds."""

    role: str | None
    slot: int | None
    ready: bool
    uptime: float
    boot_id: str
    ports: tuple[GuestPort, ...] = ()
    time: float | None = None
    """Of the guest's clock; None of a guest that does not say."""
    time_zone: str = ""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a guest is; see `identity` for the one of a planned machine."""

    role: Role
    slot: int | None
    hostname: str
    nics: tuple[Mapping[str, object], ...]
    addresses: tuple[tuple[str, str], ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    authorized_key: str | None = field(default=None, repr=False)


def identity(
    machine: MachineSpec,
    *,
    hostname: str,
    addresses: Sequence[tuple[str, str]] = (),
    routes: Sequence[tuple[str, str]] = (),
    authorized_key: str | None = None,
) -> Identity:
    """The identity of a planned machine. Addresses and routes are for hosts only."""
    nics = tuple({"index": nic.index, "mac": nic.mac, "label": nic.label} for nic in machine.nics)
    if machine.role is not Role.HOST and (addresses or routes or authorized_key):
        raise DefectError(f"Machine {machine.name} is a {machine.role.value}; only hosts take addresses, routes and keys.")
    return Identity(
        role=machine.role,
        slot=machine.slot,
        hostname=hostname,
        nics=nics,
        addresses=tuple(addresses),
        routes=tuple(routes),
        authorized_key=authorized_key,
    )


def traffic_labels(machine: MachineSpec) -> tuple[str, ...]:
    return tuple(nic.label for nic in machine.nics if nic.role is NicRole.TRAFFIC)


class HostChannel:
    """Over an open stream (provider.channel of the machine `name`)."""

    def __init__(self, name: str, stream: ByteStream) -> None:
        self.name = name
        self._stream = stream
        self._pending = b""
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        await self._stream.close()

    async def ping(self, *, deadline: Deadline) -> Alive:
        """Wait until the guest answers; sends again every 2 s, because a guest still booting may lose a request."""
        while True:
            limit = deadline.within(ASK_AGAIN)
            try:
                answer = await self._ask("ping", {}, limit)
            except TimeoutError:
                if deadline.over:
                    raise deadline.missed(
                        f"{self.name} to answer on its host channel", hint=f"`rackless console` shows what {self.name} is doing."
                    ) from None
                continue
            return Alive(version=int(answer["version"]), uptime=float(answer["uptime"]), boot_id=str(answer["boot_id"]))

    async def identify(self, who: Identity, *, deadline: Deadline) -> tuple[str, ...]:
        """Give the guest its identity and the time; returns its SSH host keys. Repeating the same one changes nothing."""
        request: dict[str, object] = {
            "role": who.role.value,
            "slot": who.slot,
            "hostname": who.hostname,
            "time": time.time(),
            "nics": list(who.nics),
            "entropy": secrets.token_hex(ENTROPY),
        }
        if who.role is Role.HOST:
            request["addresses"] = [{"label": label, "address": address} for label, address in who.addresses]
            request["routes"] = [{"to": to, "via": via} for to, via in who.routes]
            if who.authorized_key:
                request["authorized_key"] = who.authorized_key
        answer = await self._request("identify", request, deadline)
        return tuple(str(key) for key in answer.get("host_keys", ()) if str(key).strip())

    async def prepare(self, role: Role, *, deadline: Deadline) -> None:
        """Have a guest without an identity be a template of machines of that role: all that is one machine's own it takes up
        when it is identified. Raises GuestError when it does not know how."""
        await self._request("prepare", {"role": role.value}, deadline)

    async def status(self, *, deadline: Deadline) -> GuestStatus:
        answer = await self._request("status", {}, deadline)
        return GuestStatus(
            role=answer.get("role"),
            slot=answer.get("slot"),
            ready=bool(answer.get("ready")),
            uptime=float(answer.get("uptime", 0)),
            boot_id=str(answer.get("boot_id", "")),
            time=float(answer["time"]) if "time" in answer else None,
            time_zone=str(answer.get("time_zone", "")),
            ports=tuple(
                GuestPort(label=port["label"], mac=port["mac"], mtu=int(port["mtu"]), carrier=bool(port["carrier"]))
                for port in answer.get("ports", ())
            ),
        )

    async def run(self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline) -> tuple[int, str, str]:
        """(exit status, output, errors) of a command in a card or host. The guest kills it at the deadline."""
        request = {"argv": list(argv), "stdin": stdin, "deadline": round(deadline.left, 3)}
        answer = await self._request("run", request, deadline)
        return int(answer["code"]), str(answer["out"]), str(answer["err"])

    async def power_off(self, *, deadline: Deadline) -> None:
        """Ask for an orderly shutdown; the machine is off some time later."""
        await self._request("power-off", {}, deadline)

    async def _request(self, verb: str, request: Mapping[str, object], deadline: Deadline) -> dict[str, Any]:
        try:
            return await self._ask(verb, request, deadline)
        except TimeoutError:
            raise deadline.missed(f"{self.name} to answer {verb!r} on its host channel") from None

    async def _ask(self, verb: str, request: Mapping[str, object], deadline: Deadline) -> dict[str, Any]:
        """One request and its answer. TimeoutError at the deadline; a late answer is skipped by its token."""
        token = secrets.token_hex(8)
        line = json.dumps({"id": token, "do": verb, **request}).encode() + b"\n"
        if len(line) > MOST_LINE:
            raise InputError(f"The request {verb!r} to {self.name} has {len(line)} bytes; at most {MOST_LINE} are allowed.")
        async with asyncio.timeout(deadline.left), self._turn:
            # The guest skips what is not JSON: an empty line first ends a request that an earlier host left half sent.
            with contextlib.suppress(ConnectionError):  # reading will tell
                await self._stream.write(b"\n" + line)
            while True:
                answer = await self._answer()
                if answer.get("id") == token:
                    break
        if answer.get("ok") is not True:
            raise GuestError(f"{self.name} refused {verb!r}: {answer.get('error', 'no reason given')}")
        return answer

    async def _answer(self) -> dict[str, Any]:
        """The next JSON object that comes; what is none is skipped."""
        while True:
            while b"\n" not in self._pending:
                data = b""
                with contextlib.suppress(ConnectionError):
                    data = await self._stream.read()
                if not data:
                    raise GuestError(f"The host channel of {self.name} was closed.", hint="Is the machine still running?")
                self._pending += data
                if len(self._pending) > 2 * MOST_LINE and b"\n" not in self._pending:
                    self._pending = b""
            line, _, self._pending = self._pending.partition(b"\n")
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict):
                return answer
