"""SNMP v2c bulk walks of several columns at once. The only file that imports pysnmp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch.asyncio import CommunityData, SnmpDispatcher, Udp6TransportTarget, UdpTransportTarget, bulk_cmd, get_cmd
from pysnmp.proto.rfc1902 import Null, ObjectIdentifier
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError, GuestError

Oid = tuple[int, ...]
Column = dict[Oid, Any]
"""Values by index: the numbers after the column's own."""

WIDTH = 6
"""Columns asked in one request: with REPEAT rows the answer stays below one frame of 1500 bytes."""
REPEAT = 8
UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
"""sysUpTime.0 (RFC 3418), which every agent has."""
QUICK = 0.25
"""Seconds after which an agent that may not have started yet is asked again, GROWTH times as long each time up to PATIENCE."""
GROWTH = 1.25
PATIENCE = 3.0
"""Seconds for one answer; an agent that starts its programs under emulation is slow at first."""
RETRIES = 3
_NOTHING = (NoSuchObject, NoSuchInstance, EndOfMibView)


def as_bytes(value: object) -> bytes:
    return bytes(value)  # type: ignore[call-overload,no-any-return]  # pysnmp's OctetString has no types


def as_text(value: object) -> str:
    return as_bytes(value).decode("utf-8", "replace").strip("\0 \r\n")


def _transport(address: tuple[str, int]) -> Any:
    return Udp6TransportTarget if ":" in address[0] else UdpTransportTarget


class Walker:
    """One agent. Use `agent`."""

    def __init__(self, address: tuple[str, int], dispatcher: Any, community: str, target: Any) -> None:
        self._address = address
        self._name = f"{address[0]}:{address[1]}"
        self._dispatcher = dispatcher
        self._auth = CommunityData(community, mpModel=1)  # noqa: S508 - v2c is what blueprints ask for, on an isolated management network
        self._target = target

    async def answers(self, *, deadline: Deadline) -> None:
        """Wait until the agent is there at all: asked often at first, since a datagram before its start is lost.

        Raises:
            AbsentError: it was silent until the deadline.
        """
        patience = QUICK
        while True:
            target = await _transport(self._address).create(self._address, timeout=patience, retries=0)
            question = get_cmd(self._dispatcher, self._auth, target, (ObjectIdentifier(UPTIME), Null("")))
            try:
                await self._ask(question, deadline)
            except (AbsentError, DeadlineError) as error:
                if deadline.over:
                    raise AbsentError(error.message, hint=error.hint) from error
                patience = min(GROWTH * patience, PATIENCE)
            else:
                return

    async def get(self, oids: Sequence[Oid], *, deadline: Deadline) -> list[Any]:
        """One value each, None for what the agent does not have."""
        pairs = [(ObjectIdentifier(oid), Null("")) for oid in oids]
        answer = await self._ask(get_cmd(self._dispatcher, self._auth, self._target, *pairs), deadline)
        return [None if isinstance(value, _NOTHING) else value for _, value in answer]

    async def columns(self, oids: Sequence[Oid], *, deadline: Deadline) -> list[Column]:
        """Each column whole, in the order asked; empty for one that the agent does not have."""
        found: dict[Oid, Column] = {oid: {} for oid in oids}
        for at in range(0, len(oids), WIDTH):
            await self._walk(found, {oid: oid for oid in oids[at : at + WIDTH]}, deadline)
        return [found[oid] for oid in oids]

    async def _walk(self, found: dict[Oid, Column], last: dict[Oid, Oid], deadline: Deadline) -> None:
        """`last`: the columns still walked, and where each stands."""
        while last:
            roots = list(last)
            pairs = [(ObjectIdentifier(last[root]), Null("")) for root in roots]
            answer = await self._ask(bulk_cmd(self._dispatcher, self._auth, self._target, 0, REPEAT, *pairs), deadline)
            before = dict(last)
            for at, (name, value) in enumerate(answer):
                root, oid = roots[at % len(roots)], tuple(name)
                if root not in last:
                    continue
                if isinstance(value, _NOTHING) or oid[: len(root)] != root or oid <= last[root]:
                    # The column's end, or an agent that does not count up, which would be asked for ever.
                    del last[root]
                    continue
                found[root][oid[len(root) :]] = value
                last[root] = oid
            if before == last:
                raise GuestError(f"The SNMP agent at {self._name} answers with nothing to a walk.")

    async def _ask(self, question: Any, deadline: Deadline) -> Sequence[tuple[Any, Any]]:
        try:
            failure, status, index, answer = await deadline.wait(question, f"SNMP from {self._name}")
        except PySnmpError as error:
            raise GuestError(f"SNMP with {self._name} failed: {error}.") from error
        if failure:
            raise AbsentError(
                f"No SNMP answer from {self._name}: {failure}.",
                hint="Is the community right, and the SNMP agent started? A wrong community is answered by silence.",
            )
        if status:
            raise GuestError(f"The SNMP agent at {self._name} answers {status.prettyPrint()} to variable {int(index)}.")
        return list(answer)


@asynccontextmanager
async def agent(host: str, port: int, community: str) -> AsyncIterator[Walker]:
    dispatcher = SnmpDispatcher()
    try:
        target = await _transport((host, port)).create((host, port), timeout=PATIENCE, retries=RETRIES)
        yield Walker((host, port), dispatcher, community, target)
    finally:
        # Not dispatcher.close(): with a question still open it fails in pysnmp 7.1.30 (it calls back with too few arguments).
        dispatcher.transport_dispatcher.close_dispatcher()
