"""Another machine's QEMU as a provider: each verb is asked of the `rackless-vmhost` there, which has a local provider.

What it bears and which boot of it this is, it says in its hello; the last one is kept, for `capacity` asks nobody.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace

from rackless.images.store import Image
from rackless.model.calendar import UNLIMITED, Amounts
from rackless.model.errors import InputError, Problem, ProviderError, RacklessError
from rackless.model.places import HostPlace
from rackless.model.plan import DiskSpec, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.model.site import Site
from rackless.providers.contract import Finding, Power, ProviderInfo, Ref, RefKind, Spec, Stream
from rackless.providers.host import mtu, wire
from rackless.providers.host.authority import write_private
from rackless.providers.host.calling import Line
from rackless.providers.host.enrolment import Enrolments
from rackless.providers.host.forwarding import Forwarding
from rackless.providers.host.images import Images
from rackless.providers.local import admission
from rackless.settings import Settings

HELLO = 5.0
"""Seconds for a hello: somebody may wait for it."""
KNOWN = 60.0
"""Seconds for which it is known what fits through between two hosts."""
INFO = ProviderInfo(
    name="host", live_rewire=True, carrier=True, capture=True, host_channel=True, management="forwarded", numbered=True
)
"""Until it has said hello: whatever runs there, it is the local provider."""


class HostProvider:
    """`find` gives the server's own image of a name, or raises."""

    def __init__(self, place: HostPlace, settings: Settings, site: Site, find: Callable[[str], Image]) -> None:
        self._place = place
        self._site = site
        self.enrolments = Enrolments(settings.state)
        self._line = Line(place, self.enrolments)
        self._images = Images(settings.images, find, self._line)
        self._forwarding = Forwarding()
        self._kept = settings.state / "hosts" / f"{place.name}.hello"
        self._hello = self._last_hello()
        self._through: dict[str, tuple[float, int]] = {}
        self.since_silent = 0.0
        """Since when it has not answered to `hello`, seconds since the epoch; 0: it does, or nobody asked."""

    # What it is

    @property
    def info(self) -> ProviderInfo:
        notes = []
        if self._hello is not None:
            notes = [f"{self._hello.processors} processors, {self._hello.free_memory:.0f} MiB available", *self._hello.info.notes]
        notes += [f"The image {name} is being sent: {share:.0%}." for name, share in self._images.progress.items()]
        if why := self.unready():
            notes = [why]
        accelerator = self._hello.info.accelerator if self._hello is not None else ""
        return replace(INFO, accelerator=accelerator, notes=tuple(notes))

    def unready(self) -> str:
        """Why nothing new can be made there; "" when something can, as far as is known."""
        host = self.enrolments.find(self._place.name)
        if host is None or not host.identity:
            return f"The host {self._place.name} is not enrolled."
        if host.left:
            return f"The host {self._place.name} was given up while it did not answer."
        if self.since_silent:
            since = time.strftime("%H:%M:%S", time.localtime(self.since_silent))
            return f"The host {self._place.name} does not answer since {since}."
        return ""

    def processors(self) -> float:
        return self._hello.processors if self._hello is not None else math.inf

    async def hello(self) -> wire.Hello:
        """Ask how it is. Raises ProviderError when it does not answer."""
        try:
            found = await self._line.ask("hello", None, wire.Hello, seconds=HELLO)
        except RacklessError:
            self.since_silent = self.since_silent or time.time()
            raise
        if found.version != wire.VERSION:
            raise ProviderError(
                f"The host {self._place.name} speaks version {found.version} of the protocol, this server {wire.VERSION}.",
                hint="Install the same release of Rackless at both.",
            )
        if self._hello is None or self._hello.boot != found.boot:
            self._images.forget()
        self._hello, self.since_silent = found, 0.0
        write_private(self._kept, wire.written(found))
        return found

    async def withdraw(self) -> None:
        """It serves nobody from now on."""
        await self._line.tell("withdraw", wire.OwnedAsked(sandbox=None))

    def met_anew(self) -> None:
        """Another enrolment: nothing is known of it."""
        self._line.drop()
        self._images.forget()
        self.since_silent = 0.0

    def _last_hello(self) -> wire.Hello | None:
        """What it said to an earlier server here."""
        try:
            return wire.read(wire.Hello, self._kept.read_bytes())
        except (OSError, RacklessError):
            return None

    def capacity(self) -> Amounts:
        if self._hello is None:
            return UNLIMITED
        return replace(UNLIMITED, memory=self._hello.memory, disk=self._hello.disk)

    def wanted(self, plan: Plan) -> Amounts:
        return Amounts(
            memory=sum(map(admission.memory_of, plan.machines)),
            processors=sum(machine.vcpus for machine in plan.machines),
            disk=sum(admission.DISK_MIB for machine in plan.machines for _ in machine.disks),
        )

    async def examine(self) -> AsyncIterator[Finding]:
        """Enrolled, reachable, what it says of itself, and how wide the way is to each other host of its fabric."""
        name = self._place.name
        host = self.enrolments.find(name)
        if host is None or not host.identity:
            hint = f"`rackless host add {name}` prints what to run there."
            yield Finding(name="enrolled", ok=False, detail=f"No host is enrolled as {name}.", hint=hint)
            return
        yield Finding(name="enrolled", ok=True, detail=f"since {time.strftime('%Y-%m-%d %H:%M', time.localtime(host.enrolled))}")
        try:
            hello = await self.hello()
        except RacklessError as error:
            yield Finding(name="reachable", ok=False, detail=error.message, hint=error.hint)
            return
        yield Finding(name="reachable", ok=True, detail=f"release {hello.release}, boot {hello.boot[:8]}")
        try:
            for one in (await self._line.ask("examine", wire.OwnedAsked(sandbox=None), wire.Findings)).found:
                yield one
        except RacklessError as error:
            yield Finding(name="examination", ok=False, detail=error.message, hint=error.hint)
        for other in self._others():
            yield await self._way_to(other)

    def _others(self) -> list[HostPlace]:
        mine = self._place
        return [
            one
            for one in self._site.everywhere
            if isinstance(one, HostPlace) and one.name != mine.name and mine.fabric and one.fabric == mine.fabric
        ]

    async def _way_to(self, other: HostPlace) -> Finding:
        needed = mtu.needed(min(self._place.wire_mtu, other.wire_mtu), self._place.wire_end[0])
        try:
            found = await self._octets_to(other)
        except RacklessError as error:
            return Finding(name=f"wires to {other.name}", ok=False, detail=error.message, hint=error.hint)
        detail = f"packets of {found} octets come through, {needed} are needed"
        hint = "" if found >= needed else mtu.way_out(needed, found, self._place.wire_end[0])
        return Finding(name=f"wires to {other.name}", ok=found >= needed, detail=detail, hint=hint)

    # The verbs

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        images = {disk.image for machine in plan.machines for disk in machine.disks}
        missing = [error for name in sorted(images) if (error := self._images.lacking(name)) is not None]
        if missing:
            return tuple(Problem(message=error.message, hint=error.hint) for error in missing)
        await self.hello()
        narrow = await self._narrow(plan.segments)
        for name in sorted(images):
            await self._images.bring(name)  # what is lacking there is no problem, and the making of disks need not wait for it
        found = await self._line.ask("check", wire.CheckAsked(plan=wire.bare(plan)), tuple[Problem, ...])
        return (*narrow, *found)

    async def _narrow(self, segments: Collection[SegmentSpec]) -> tuple[Problem, ...]:
        """Wires to other hosts that would lose their longest packets."""
        problems: dict[str, Problem] = {}
        for segment in segments:
            for name in segment.beyond:
                problem = await self._too_narrow(segment, name)
                if problem is not None:
                    problems[name] = problem
        return tuple(problems.values())

    async def _too_narrow(self, segment: SegmentSpec, name: str) -> Problem | None:
        other = self._host(name)
        address = self._place.wire_end[0]
        needed, found = mtu.needed(segment.mtu, address), await self._octets_to(other)
        if found >= needed:
            return None
        message = (
            f"Wires between {self._place.name} and {name} carry packets of {segment.mtu} octets, for which the network between "
            f"them has to carry {needed}; it carries {found}."
        )
        return Problem(message=message, hint=mtu.way_out(needed, found, address))

    def _host(self, name: str) -> HostPlace:
        other = self._site.place(name)
        if not isinstance(other, HostPlace):
            raise InputError(f"The place {name} is no VM host, so no wire goes there.", hint="Put both ends at one place.")
        return other

    async def _octets_to(self, other: HostPlace) -> int:
        """Of the longest IP packet that comes through to the other host and back, asked at most once a minute."""
        known = self._through.get(other.name)
        now = time.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        nonce = secrets.token_hex(16)
        most = mtu.needed(min(self._place.wire_mtu, other.wire_mtu), self._place.wire_end[0])
        await Line(other, self.enrolments).tell("probe/allow", wire.ProbeAsked(nonce=nonce))
        asked = wire.ProbeAsked(nonce=nonce, remote=_end(other), octets=most)
        found = (await self._line.ask("probe", asked, wire.Probed)).octets
        self._through[other.name] = (now + (KNOWN if found >= most else 0.0), found)
        return found

    async def ensure(self, spec: Spec) -> Ref:
        answer: wire.There
        if isinstance(spec, SegmentSpec):
            asked = wire.SegmentAsked(spec=spec)
            if spec.beyond:
                if (problem := await self._too_narrow(spec, spec.beyond[0])) is not None:
                    raise ProviderError(problem.message, hint=problem.hint)
                asked = replace(asked, remote=_end(self._host(spec.beyond[0])))
            answer = await self._line.ask("ensure/segment", asked, wire.There)
        elif isinstance(spec, DiskSpec):
            digest = await self._images.bring(spec.image)
            answer = await self._line.ask("ensure/disk", wire.DiskAsked(spec=spec, digest=digest), wire.There)
        else:
            assert isinstance(spec, MachineSpec)
            digest = await self._images.bring(spec.image)
            answer = await self._line.ask("ensure/machine", wire.MachineAsked(spec=spec, digest=digest), wire.There)
        return await self._mine(answer)

    async def power(self, machine: Ref, to: Power) -> None:
        there = await self._line.ask("power", wire.PowerAsked(machine=machine, to=to), wire.There)
        await self._mine(there)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        await self._line.tell("attach", wire.AttachAsked(port=port, segment=segment))

    async def detach(self, port: PortRef) -> None:
        if not self._given_up():
            await self._line.tell("detach", wire.PortAsked(port=port))

    async def console(self, machine: Ref) -> Stream:
        return await self._line.stream("console", sandbox=machine.sandbox, machine=machine.name)

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        if self._given_up():
            return ()  # what it has is nobody's any more; `sweep` takes it away
        return await self.owned_there(sandbox)

    async def owned_there(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        """Also of a host that was given up."""
        found = await self._line.ask("owned", wire.OwnedAsked(sandbox=sandbox), wire.Found)
        return tuple([await self._mine(there) for there in found.there])

    async def remove(self, ref: Ref) -> None:
        self._forwarding.drop((ref.sandbox, ref.name))  # also of a host that is given up: its ports lead elsewhere soon
        if not self._given_up():
            await self.remove_there(ref)

    async def remove_there(self, ref: Ref) -> None:
        """Also at a host that was given up; it may have gone elsewhere meanwhile, and be reached there."""
        await self._line.tell("remove", wire.RefAsked(ref=ref))

    def _given_up(self) -> bool:
        host = self.enrolments.find(self._place.name)
        return host is not None and host.left

    # The abilities

    async def carrier(self, port: PortRef, up: bool) -> None:
        await self._line.tell("carrier", wire.PortAsked(port=port, up=up))

    async def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        stream = await self._line.stream("capture", sandbox=port.sandbox, machine=port.machine, nic=port.nic)
        try:
            while data := await stream.read():
                yield data
        finally:
            await stream.close()

    async def channel(self, machine: Ref) -> Stream:
        return await self._line.stream("channel", sandbox=machine.sandbox, machine=machine.name)

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        if self._given_up():
            return {}
        asked = wire.RunningAsked(sandboxes=tuple(sandboxes))
        found = await self._line.ask("running", asked, wire.Ran, seconds=HELLO)
        return {name: frozenset(runs) for name, runs in found.machines.items()}

    async def _mine(self, there: wire.There) -> Ref:
        """What is there, with the ports of this machine that lead into it, which are opened."""
        ref = there.ref
        if ref.kind is not RefKind.MACHINE:
            return ref
        key = (ref.sandbox, ref.name)
        if not ref.running:
            self._forwarding.drop(key)
            return ref

        async def open_(service: str):  # type: ignore[no-untyped-def]
            return await self._line.stream("tunnel", sandbox=ref.sandbox, machine=ref.name, service=service)

        await self._forwarding.keep(key, there.forwards, open_)
        console = {"console": f"{self._place.name}:{ref.endpoints['console']}"} if "console" in ref.endpoints else {}
        return replace(ref, endpoints={**ref.endpoints, **console})


def _end(place: HostPlace) -> str:
    address, port = place.wire_end
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
