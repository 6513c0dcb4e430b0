"""The provider contract: eight verbs, all safe to repeat, absent is success.

Every verb may be called again after a crash at any point and reaches the same end. What `owned` returns is asked of the
place itself by its ownership mark, never of our database. Only what carries the mark is ever removed. Every verb
raises `ProviderError` (or a child) with the reason and the way out, and none waits without a deadline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
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


def served(address: str, port: int) -> str:
    """An end point: "192.0.2.7:22", "[2001:db8::7]:22"."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Power(StrEnum):
    ON = "on"
    OFF = "off"
    """At once, as pulling the cord."""
    RESET = "reset"


@dataclass(frozen=True, kw_only=True, order=True)
class Ref:
    """Something that exists at the provider and carries the mark of `sandbox`.

    `running` is meaningful for machines. `endpoints` maps a service (ssh, netconf, snmp, console) to "host:port" or a
    path as this machine can reach it, and "management" to the address of fxp0 where that is another than planned. `since` is
    when a running machine was started, as seconds since the epoch. `uuid` is what the place itself calls a machine. `place`:
    where it is; set by what knows of several places, empty otherwise.
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
    management_ipv6: bool = False
    """fxp0 may have an IPv6 address and be reached by it."""
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
    smbios: bool = True
    """A machine's description (SMBIOS type 1) is as its spec has it."""


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
class Standing(Protocol):
    """A provider whose place may be gone for a while, so that nothing new is put there meanwhile."""

    def unready(self) -> str:
        """Why nothing new can be made there, as far as is known without asking; "" when something can."""
        ...

    def processors(self) -> float:
        """That its machines share; infinity when that is not known."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """A provider that can examine its place: reachable, let in, with all that labs need there."""

    def examine(self) -> AsyncIterator[Finding]:
        """Each finding as soon as it is known, in the order in which to mend things. What it makes for that, it takes away again,
        also when the iterator is closed early. A thing that can't be found out is a finding that is not ok, never an
        exception; each try has a deadline. Names are short and stable: "reachable", "credentials", "quota"."""
        ...


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Something that the installation has at a place for all its labs: an uploaded image, a flavor, a network. `size` in bytes, 0
    where it takes none. `used`: by whom or what, so that it stays; "" for nothing."""

    kind: str
    name: str
    id: str
    size: int = 0
    used: str = ""


@runtime_checkable
class Cleanable(Protocol):
    """A provider that leaves things at its place when labs go, because the next needs them, and can take them away."""

    async def kept(self) -> tuple[Kept, ...]: ...

    async def drop(self, one: Kept) -> None:
        """Absent is success. What a lab needs after all, it makes anew."""
        ...


@dataclass(frozen=True, kw_only=True)
class Begun:
    """How a machine was started last. `why`: the reason for which it was booted, and not begun from a warm template."""

    warm: bool
    why: str = ""


@runtime_checkable
class Warming(Protocol):
    """A provider that can start machines from templates: as one that has booted already, and is told only who it is."""

    async def stay_cold(self, machine: Ref, why: str) -> None:
        """Have the first start of a machine be a boot. No harm to one that was started."""
        ...

    async def begun(self, machine: Ref) -> Begun: ...

    async def wanting(self) -> None:
        """Wait until a machine was booted for which a template could be made."""
        ...

    async def make_next(self) -> str:
        """Make a template that was wanted, with processor time that nobody else needs. Returns what it is of; "" when none is."""
        ...

    async def make_ready(self, plan: Plan) -> tuple[str, ...]:
        """Make all templates that the machines of this plan can start from. Returns what those are of that were not there.

        Raises:
            RacklessError: one can't be made.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What has to be the same for a machine to be taken up again from its state: facts by what people call them."""

    facts: Mapping[str, str]

    def unlike(self, here: Likeness) -> tuple[str, ...]:
        """Each fact that is another here, as part of a sentence."""
        return tuple(
            f"{name} was {was}, and is {here.facts.get(name, 'not known')} here"
            for name, was in self.facts.items()
            if here.facts.get(name) != was
        )


@runtime_checkable
class Snapshotting(Protocol):
    """A provider that can save the state of running machines, all at one moment, and take them up again from it."""

    async def likenesses(self, plan: Plan) -> Mapping[str, Likeness]:
        """Of each machine, as it is here or would be.

        Raises:
            StateError: the state of one can't be saved, whatever it is.
        """
        ...

    async def save_state(self, plan: Plan, folder: Path) -> None:
        """Stop all machines, write memory, devices and disks into the folder, and let them go on. They are stopped meanwhile, and
        nothing that was on its way between them is in the folder.

        Raises:
            StateError: one does not run.
        """
        ...

    async def take_up(self, plan: Plan, folder: Path) -> None:
        """Power all machines off, and have them go on from what is in the folder, all at once. What their disks had is lost."""
        ...


@runtime_checkable
class Receiving(Protocol):
    """A provider that takes images into its place directly, as their vendor packed them."""

    async def receive(self, file: Path, name: str, tell: Callable[[str, int], None]) -> None:
        """`tell`: is told what is being done ("converting", "sending"), and what percentage of it is. One of that name that is
        there is left as it is."""
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
class Reached(Protocol):
    """A provider some of whose machines are reached at another address than that of their own (a floating one)."""

    async def reached(self, machine: Ref) -> str:
        """The address of its management interface as seen from here; "" where it is the machine's own."""
        ...


@runtime_checkable
class Several(Protocol):
    """A provider that is several places, and leads each verb to the right one."""

    def at(self, place: str) -> Provider:
        """The provider of one place, for what it can do. Raises AbsentError when there is no such place."""
        ...

    async def survey(self, sandbox: str | None = None) -> Survey: ...

    async def survey_running(self, sandboxes: Collection[str]) -> tuple[Mapping[str, frozenset[str]], Survey]:
        """`running`, as last seen of the places that do not answer at once; the survey has no refs, and names those of which
        nothing is known."""
        ...

    async def refresh_running(self, sandboxes: Collection[str]) -> None:
        """Look again what runs, if somebody asks for it these days."""
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
