"""A client of etcd's version 3, over its JSON gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/), both sides
certified by the fabric. Keys and values are text here, base64 on the wire; revisions come as decimal text.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from rackless.model.errors import ProviderError, StateError

ANSWERS = 2.0
"""Seconds for one server to answer. A server without a leader waits longer by itself (--election-timeout), and is no use then."""
HINT = "More than half of the voting nodes must run and reach each other: `rackless fabric status` names those that do not."


@dataclass(frozen=True, kw_only=True)
class Entry:
    key: str
    value: str
    revision: int
    """Of its last change."""
    lease: int = 0
    """With which it ends; 0: with none."""


@dataclass(frozen=True, kw_only=True)
class Member:
    id: int
    name: str
    """Empty until it has started once."""
    peer: str
    learner: bool = False
    """It follows, and has no vote yet."""


@dataclass(frozen=True, kw_only=True)
class Status:
    member: int
    leader: int
    """0: it knows of none."""
    term: int
    revision: int
    size: int
    """Bytes of its database."""


class Etcd:
    """Use as a context. One server after the other is asked, the one that answered last first."""

    def __init__(self, endpoints: Sequence[str], tls: ssl.SSLContext | None, *, answers: float = ANSWERS) -> None:
        self._endpoints = list(endpoints)
        self._client = httpx.AsyncClient(verify=tls if tls is not None else True, trust_env=False, timeout=answers)

    async def __aenter__(self) -> Etcd:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._client.aclose()

    def use(self, endpoints: Sequence[str]) -> None:
        """These from now on."""
        if set(endpoints) != set(self._endpoints):
            self._endpoints = list(endpoints)

    # Keys

    async def get(self, key: str) -> Entry | None:
        found = _entries(await self._asked("kv/range", {"key": _coded(key)}))
        return found[0] if found else None

    async def under(self, prefix: str) -> list[Entry]:
        """All whose keys begin so, by key."""
        return _entries(await self._asked("kv/range", {"key": _coded(prefix), "range_end": _coded(_after(prefix))}))

    async def one_and_under(self, key: str, prefix: str) -> tuple[Entry | None, list[Entry]]:
        """A key, and all that begin so, as they were at one moment."""
        ranges = [{"key": _coded(key)}, {"key": _coded(prefix), "range_end": _coded(_after(prefix))}]
        answer = await self._asked("kv/txn", {"success": [{"request_range": one} for one in ranges]})
        first, others = (_entries(one["response_range"]) for one in answer["responses"])
        return (first[0] if first else None), others

    async def swap(
        self,
        key: str,
        revision: int,
        value: str,
        *,
        holding: tuple[str, int] | None = None,
        unchanged: Mapping[str, int] | None = None,
    ) -> bool:
        """Set it if it was last changed at that revision (0: there is none). False when it was not: read it again.

        Args:
            holding: a key, and the revision at which it was made: only while that very one is there.
            unchanged: other keys that must have been changed last at these revisions, too.
        """
        compare = [
            {"key": _coded(one), "target": "MOD", "result": "EQUAL", "mod_revision": str(at)}
            for one, at in {**(unchanged or {}), key: revision}.items()
        ]
        if holding is not None:
            made = {"key": _coded(holding[0]), "target": "CREATE", "result": "EQUAL", "create_revision": str(holding[1])}
            compare.append(made)
        put = {"request_put": {"key": _coded(key), "value": _coded(value)}}
        return bool((await self._asked("kv/txn", {"compare": compare, "success": [put]})).get("succeeded"))

    async def put(self, key: str, value: str, *, lease: int = 0) -> None:
        await self._asked("kv/put", {"key": _coded(key), "value": _coded(value), "lease": str(lease)})

    async def claim(self, key: str, value: str, lease: int) -> int:
        """Make a key that ends with a lease, if nobody has it. Returns the revision at which it was made, by whoever has it, and
        as a negative number if that is another."""
        compare = {"key": _coded(key), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
        put = {"request_put": {"key": _coded(key), "value": _coded(value), "lease": str(lease)}}
        get = {"request_range": {"key": _coded(key)}}
        answer = await self._asked("kv/txn", {"compare": [compare], "success": [put, get], "failure": [get]})
        kept = answer["responses"][-1]["response_range"]["kvs"][0]
        mine = int(kept.get("lease", 0)) == lease
        return int(kept["create_revision"]) * (1 if mine else -1)

    async def remove(self, key: str) -> None:
        await self._asked("kv/deleterange", {"key": _coded(key)})

    # Leases

    async def lease(self, seconds: int) -> int:
        return int((await self._asked("lease/grant", {"TTL": str(seconds)}))["ID"])

    async def renew(self, lease: int) -> bool:
        """False when it has ended already."""
        answer = await self._asked("lease/keepalive", {"ID": str(lease)})
        return int(answer.get("result", {}).get("TTL", 0)) > 0

    async def left(self, lease: int) -> int:
        """Seconds until it ends, if it is not renewed; -1: it has ended."""
        return int((await self._asked("lease/timetolive", {"ID": str(lease)})).get("TTL", -1))

    async def revoke(self, lease: int) -> None:
        await self._asked("lease/revoke", {"ID": str(lease)})

    # Members

    async def members(self) -> list[Member]:
        return _members(await self._asked("cluster/member/list", {}))

    async def members_now(self) -> list[Member]:
        """As the majority has them. Each server answers with what it knows itself, and a read before makes that be of now
        (https://etcd.io/docs/v3.4/learning/api_guarantees/, linearizability)."""
        for endpoint in tuple(self._endpoints):
            with contextlib.suppress(_AwayError):
                await self._post(endpoint, "kv/range", {"key": _coded("/")})
                return _members(await self._post(endpoint, "cluster/member/list", {}))
        raise ProviderError("No node that votes says who does.", hint=HINT)

    async def add_learner(self, peer: str) -> None:
        """It follows from when it is started, and counts for no majority before it is promoted: nothing waits for it."""
        await self._asked("cluster/member/add", {"peerURLs": [peer], "isLearner": True})

    async def promote(self, id: int) -> None:
        """Raises ProviderError while it has not caught up."""
        await self._asked("cluster/member/promote", {"ID": str(id)})

    async def remove_member(self, id: int) -> None:
        if any(one.id == id for one in await self.members()):
            await self._asked("cluster/member/remove", {"ID": str(id)})

    async def status(self, endpoint: str) -> Status:
        """Of one server."""
        found = await self._post(endpoint, "maintenance/status", {})
        return Status(
            member=int(found["header"]["member_id"]),
            leader=int(found.get("leader", 0)),
            term=int(found.get("raftTerm", 0)),
            revision=int(found["header"].get("revision", 0)),
            size=int(found.get("dbSize", 0)),
        )

    async def lead(self, endpoint: str, member: int) -> None:
        """Let the leader, whose endpoint it is, hand over to another member."""
        await self._post(endpoint, "maintenance/transfer-leadership", {"targetID": str(member)})

    # The wire

    async def _asked(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        failed: ProviderError | None = None
        for endpoint in tuple(self._endpoints):
            try:
                answer = await self._post(endpoint, path, body)
            except _AwayError as error:
                failed = error
                if endpoint in self._endpoints:  # by now it may be none: `use`
                    self._endpoints.remove(endpoint)
                    self._endpoints.append(endpoint)
                continue
            return answer
        raise failed or ProviderError("There is no node that votes.", hint=HINT)

    async def _post(self, endpoint: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.post(f"{endpoint}/v3/{path}", json=body)
            found = answer.json()
        except ValueError as error:
            raise _AwayError(f"etcd at {endpoint} answers no JSON ({answer.status_code}).", hint=HINT) from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise _AwayError(f"etcd at {endpoint} does not answer: {reason}.", hint=HINT) from error
        if answer.status_code != 200 or "error" in found:
            text = found.get("error", found) if isinstance(found, dict) else found
            text = text.get("message", text) if isinstance(text, dict) else text
            raise _AwayError(f"etcd at {endpoint} refused: {text}.", hint=HINT)
        return dict(found)


class _AwayError(ProviderError):
    """This server is no use now; another may be."""


async def changed(etcd: Etcd, key: str, change: Callable[[str], str], *, tries: int = 20) -> str:
    """Read, change, compare and swap, until nobody came between. `change` gets the text that there is, empty for none, and may
    raise to leave it so; equal text is not written.

    Raises:
        StateError: others were faster each time.
    """
    for _ in range(tries):
        found = await etcd.get(key)
        old = found.value if found is not None else ""
        new = change(old)
        if new == old or await etcd.swap(key, found.revision if found is not None else 0, new):
            return new
    raise StateError("The fabric's state changes too fast to be changed.", hint="Try again.")


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _entries(answer: Mapping[str, Any]) -> list[Entry]:
    return [
        Entry(
            key=base64.b64decode(one["key"]).decode(),
            value=base64.b64decode(one.get("value", "")).decode(),
            revision=int(one["mod_revision"]),
            lease=int(one.get("lease", 0)),
        )
        for one in answer.get("kvs", ())
    ]


def _members(answer: Mapping[str, Any]) -> list[Member]:
    return [
        Member(
            id=int(one["ID"]),
            name=one.get("name", ""),
            peer=(one.get("peerURLs") or [""])[0],
            learner=bool(one.get("isLearner")),
        )
        for one in answer["members"]
    ]


def _after(prefix: str) -> str:
    """The first key that does not begin so (etcd's range_end)."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
