"""The provider contract: eight verbs, all safe to repeat, absent is success.

Every verb may be called again after a crash at any point and reaches the same end. What `owned` returns is asked of the
place itself by its ownership mark, never of our database. Only what carries the mark is ever removed. Every verb
raises `ProviderError` (or a child) with the reason and the way out, and none waits without a deadline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from rackless.model.calendar import Amounts
from rackless.model.errors import Problem
from rackless.model.plan import DiskSpec, MachineSpec, Plan, PortRef, SegmentSpec

Spec = DiskSpec | SegmentSpec | MachineSpec


class RefKind(StrEnum):
    DISK = "disk"
    SEGMENT = "segment"
    MACHINE = "machine"
    PROCESS = "process"
    """A process that carries the sandbox's mark and is no machine (a DHCP server, a capture)."""
    INTERFACE = "interface"
    FILE = "file"
    PLACE = "place"
    """A whole place, of which nothing is known; never something that a provider has."""


class Power(StrEnum):
    ON = "on"
    OFF = "off"
    """At once, as pulling the cord."""
    RESET = "reset"


@dataclass(frozen=True, kw_only=True, order=True)
class Ref:
    """Something that exists at the provider and carries the mark of `sandbox`.

    `running` is meaningful for machines. `endpoints` maps a service (ssh, netconf, snmp, console) to "host:port" or a
    path as this machine can reach it. `since` is when a running machine was started, as seconds since the epoch. `uuid` is what
    the place itself calls a machine. `place`: where it is; set by what knows of several places, empty otherwise.
    """

    kind: RefKind
    sandbox: str
    name: str
    running: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict, compare=False)
    since: float = field(default=0.0, compare=False)
    detail: str = field(default="", compare=False)
    uuid: str = field(default="", compare=False)
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderInfo:
    """Abilities as data."""

    name: str
    live_rewire: bool
    """A wire can be moved behind a running machine without a reboot."""
    carrier: bool
    """The guest's carrier can be switched (`Carrier`)."""
    capture: bool
    host_channel: bool
    """A byte channel into the guest beside the console (`Channel`)."""
    management: str
    """How fxp0 is reached: "address" (its own, from this machine) or "forwarded" (ports of this machine)."""
    pretended: bool = False
    """Its guests are stand-ins, which all take their identity over the host channel, whatever their family."""
    accelerator: str = ""
    notes: tuple[str, ...] = ()
    rewiring: str = "live"
    """How a port comes to a segment: "live" (nothing of the guest's changes), or one of model/places.py's `Rewiring`."""
    most_nics: int | None = None
    """That a machine can have, with those for management and the internal network; None: no limit of the place's own."""
    numbered: bool = False
    """Every segment takes a number (VLAN id, VNI) out of the place's `numbers`, if the site gives it some."""
    segment_most_mtu: int | None = None
    """Octets of IP that a segment carries whole; None: whatever a guest's NIC can."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact about a place. `ok` False means that labs will not run there, or run badly, until `hint` is followed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class Stream(Protocol):
    """A byte stream. `read` returns b"" at the end; neither call blocks past its own await's cancellation."""

    async def read(self, most: int = 65536) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...


class Provider(Protocol):
    """Eight verbs and the abilities."""

    @property
    def info(self) -> ProviderInfo: ...

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        """What would stop this plan here: no image, too little memory or disk, an address in use. Changes nothing."""
        ...

    async def ensure(self, spec: Spec) -> Ref:
        """Make `spec` if it is not there. A machine comes into being switched off; a machine that exists is left as it is,
        running or not. Disks before the machine that has them, segments before the ports that join them."""
        ...

    async def power(self, machine: Ref, to: Power) -> None:
        """ON for a running machine and OFF for a stopped one are no-ops. A machine starts with no carrier
        on its unattached traffic NICs, and with the carrier and segments of the attached ones as they were."""
        ...

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        """Join the port to the segment, live if the machine runs; carrier comes up. A port on another segment leaves it first."""
        ...

    async def detach(self, port: PortRef) -> None:
        """The port leaves its segment; carrier goes down. Never raises for an absent machine, port or segment."""
        ...

    async def console(self, machine: Ref) -> Stream:
        """The serial line of a running machine, after making sure that the other end is this machine and no other."""
        ...

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        """All that carries the sandbox's mark (None: the site's mark), asked of the place itself; order: machines first."""
        ...

    async def remove(self, ref: Ref) -> None:
        """Take it away, a running machine too. Absent is success. What does not carry the mark is refused."""
        ...


@runtime_checkable
class Carrier(Protocol):
    """A provider that can switch the carrier a guest sees on a port, attached or not."""

    async def carrier(self, port: PortRef, up: bool) -> None: ...


@runtime_checkable
class Capture(Protocol):
    """A provider that can capture the frames of a port, in both directions."""

    def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        """A pcap file as a stream. Closing the iterator ends the capture and removes all it made."""
        ...


@runtime_checkable
class Bearing(Protocol):
    """A provider that knows what it bears in all. Of one that does not, only pools and the site's own limits are counted."""

    def capacity(self) -> Amounts:
        """All that its machines may have together."""
        ...

    def wanted(self, plan: Plan) -> Amounts:
        """What this plan's machines take of it; pools are not its matter."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """A provider that can examine its place: reachable, let in, with all that labs need there."""

    def examine(self) -> AsyncIterator[Finding]:
        """Each finding as soon as it is known, in the order in which to mend things. What it makes for that, it takes away again,
        also when the iterator is closed early. A thing that can't be found out is a finding that is not ok, never an
        exception; each try has a deadline. Names are short and stable: "reachable", "credentials", "quota"."""
        ...


@runtime_checkable
class Running(Protocol):
    """A provider that can say which machines run without naming all else that it has."""

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The machines that run now, by sandbox; one of which none runs may be left out."""
        ...


async def running_in(provider: Provider, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
    """The machines of these sandboxes that run now, as the place says."""
    if isinstance(provider, Running):
        return await provider.running(sandboxes)
    found: dict[str, set[str]] = {name: set() for name in sandboxes}
    for ref in await provider.owned():
        if ref.kind is RefKind.MACHINE and ref.running and ref.sandbox in found:
            found[ref.sandbox].add(ref.name)
    return {name: frozenset(runs) for name, runs in found.items()}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a provider has, as far as it could be asked. `silent`: places that do not answer, with the reason: what they have is
    not among `refs`."""

    refs: tuple[Ref, ...]
    silent: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """What is not known, "" when all is."""
        return " ".join(f"The place {name} does not answer: {why}" for name, why in sorted(self.silent.items()))


@runtime_checkable
class Several(Protocol):
    """A provider that is several places, and leads each verb to the right one."""

    def at(self, place: str) -> Provider:
        """The provider of one place, for what it can do. Raises AbsentError when there is no such place."""
        ...

    async def survey(self, sandbox: str | None = None) -> Survey: ...

    async def survey_running(self, sandboxes: Collection[str]) -> tuple[Mapping[str, frozenset[str]], Survey]:
        """`running`, as far as the places answer; the survey has no refs."""
        ...


def at(provider: Provider, place: str) -> Provider:
    """Whom to ask what can be done at this place."""
    return provider.at(place) if isinstance(provider, Several) else provider


async def survey_running(provider: Provider, sandboxes: Collection[str]) -> tuple[Mapping[str, frozenset[str]], Survey]:
    """`running_in`, where a place that does not answer hides no other."""
    if isinstance(provider, Several):
        return await provider.survey_running(sandboxes)
    return await running_in(provider, sandboxes), Survey(refs=())


async def survey(provider: Provider, sandbox: str | None = None) -> Survey:
    """`owned`, where a place that does not answer hides no other. Raises ProviderError when none answers."""
    if isinstance(provider, Several):
        return await provider.survey(sandbox)
    return Survey(refs=await provider.owned(sandbox))


@runtime_checkable
class Channel(Protocol):
    """A provider whose guests take requests over a host channel (see docs/reference/host-channel.md)."""

    async def channel(self, machine: Ref) -> Stream: ...
