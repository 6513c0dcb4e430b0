"""What server and VM host say to each other: JSON over HTTPS, docs/reference/host-protocol.md. Both sides read and write it here.

Every verb of the contract is a POST to /v1/<verb>; streams are web sockets. An error is {"error": {"code", "message", "hint"}}.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rackless.model.blueprint import Blueprint
from rackless.model.errors import Code, MalformedError, RacklessError, remade
from rackless.model.plan import DiskSpec, Forward, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.providers.contract import Finding, Power, ProviderInfo, Ref

VERSION = 1
"""Of the protocol; a host of another one is refused by its number."""

END = "end"
"""The text by which a stream's client asks for its end; the host closes when all that the stream made is gone."""

Shape = TypeVar("Shape")


@dataclass(frozen=True, kw_only=True)
class Hello:
    """`boot`: which boot of the host this is. `memory` and `disk`: MiB that its machines may have in all;
    `free_memory`: MiB that are available now."""

    version: int
    release: str
    name: str
    boot: str
    info: ProviderInfo
    memory: float
    disk: float
    free_memory: float
    processors: int
    load: float
    """Processes that wanted a processor in the last minute (proc(5), loadavg)."""


@dataclass(frozen=True, kw_only=True)
class CheckAsked:
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class DiskAsked:
    """`digest`: the build of its image."""

    spec: DiskSpec
    digest: str


@dataclass(frozen=True, kw_only=True)
class MachineAsked:
    spec: MachineSpec
    digest: str


@dataclass(frozen=True, kw_only=True)
class SegmentAsked:
    """`remote`: the VXLAN end ("10.0.0.3:4789") where the segment goes on; empty: it is here alone."""

    spec: SegmentSpec
    remote: str = ""


@dataclass(frozen=True, kw_only=True)
class PowerAsked:
    machine: Ref
    to: Power


@dataclass(frozen=True, kw_only=True)
class AttachAsked:
    port: PortRef
    segment: SegmentSpec


@dataclass(frozen=True, kw_only=True)
class PortAsked:
    port: PortRef
    up: bool = True


@dataclass(frozen=True, kw_only=True)
class OwnedAsked:
    sandbox: str | None


@dataclass(frozen=True, kw_only=True)
class RunningAsked:
    sandboxes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RefAsked:
    ref: Ref


@dataclass(frozen=True, kw_only=True)
class ProbeAsked:
    """`nonce`: 32 hexadecimal digits, which the other host was told to answer to. `octets`: of the longest IP packet to try."""

    nonce: str
    remote: str = ""
    octets: int = 0


@dataclass(frozen=True, kw_only=True)
class There:
    """Something that is at the host, and the loopback ports there that lead into it."""

    ref: Ref
    forwards: tuple[Forward, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    there: tuple[There, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ran:
    machines: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Findings:
    found: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Probed:
    """Octets of the longest IP packet that came back whole, 0 for none."""

    octets: int


_shapes: dict[Any, TypeAdapter[Any]] = {}


def shape(of: type[Shape]) -> TypeAdapter[Shape]:
    if of not in _shapes:
        _shapes[of] = TypeAdapter(of)
    return _shapes[of]


def written(value: object) -> bytes:
    return shape(type(value)).dump_json(value)


def read(of: type[Shape], data: bytes) -> Shape:
    """Raises MalformedError when it is not of that shape."""
    try:
        return shape(of).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MalformedError(f"{where or 'It'}: {first['msg']}.", hint="Host and server are of other releases.") from error


def bare(plan: Plan) -> Plan:
    """What a host has to know of a plan: no blueprint, no wires."""
    return replace(plan, blueprint=Blueprint(name=plan.sandbox), wires=())


def of_error(error: RacklessError) -> dict[str, Any]:
    return {"error": {"code": error.code.value, "message": error.message, "hint": error.hint}}


def error_of(body: Any) -> RacklessError:
    """Raises nothing: what is no error of ours is told as it is."""
    kept = body.get("error") if isinstance(body, dict) else None
    if not isinstance(kept, dict):
        return RacklessError(f"The host answered what is no answer: {str(body)[:200]}.")
    code = str(kept.get("code", Code.ERROR))
    return remade(code, str(kept.get("message", "")), hint=str(kept.get("hint", "")))
