"""A provider in memory: machines with power, NICs, carrier and marks, and guests that answer (fake_guest.py).

`FakeCloud` is the place, `FakeProvider` a connection to it: throw the provider away, make another one, and the cloud is as
it was. With a path the cloud is in a JSON file, written atomically at every change, so that it survives `kill -9` too.
Faults are injected with `FakeCloud.fail`. SSH and SNMP are not faked.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from rackless.model.calendar import UNLIMITED, Amounts
from rackless.model.errors import AbsentError, Problem, ProviderError
from rackless.model.family import NicRole
from rackless.model.plan import DiskSpec, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.providers.contract import Power, ProviderInfo, Ref, RefKind, Spec, Stream
from rackless.providers.fake_guest import Guest, Terminal, View, answer_line

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
"""File header of the classic pcap format, link type Ethernet (https://www.tcpdump.org/manpages/pcap-savefile.5.html)."""


@dataclass(kw_only=True)
class FakeMachine:
    spec: MachineSpec
    running: bool = False
    since: float = 0.0
    boots: int = 0
    attached: dict[int, str] = field(default_factory=dict)
    """NIC index -> segment."""
    down: set[int] = field(default_factory=set)
    """NICs whose carrier was taken down by `carrier`, though attached."""
    forced_up: set[int] = field(default_factory=set)
    """NICs whose carrier was put up by `carrier`, though not attached."""
    guest: Guest = field(default_factory=Guest)

    @property
    def carrier(self) -> frozenset[int]:
        return frozenset((set(self.attached) - self.down) | self.forced_up)


@dataclass(kw_only=True)
class Fault:
    """The next `times` calls of `verb` (on `name`, if given) raise. With `after` the deed is done first: a lost answer."""

    verb: str
    times: int
    name: str | None = None
    after: bool = False
    message: str = ""


@dataclass(kw_only=True)
class CloudState:
    disks: dict[str, DiskSpec] = field(default_factory=dict)
    segments: dict[str, SegmentSpec] = field(default_factory=dict)
    machines: dict[str, FakeMachine] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    """"kind/sandbox/name" of things of others: they never show in `owned` and can not be removed."""
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Every verb called: "verb name", in order."""


_STATE: TypeAdapter[CloudState] = TypeAdapter(CloudState)


def _key(sandbox: str, name: str) -> str:
    return f"{sandbox}/{name}"


class FakeCloud:
    """The place. `memory` is what its machines may have together, in MiB; `images` None means that it has every image."""

    def __init__(self, path: Path | None = None, *, memory: int = 1 << 20, images: frozenset[str] | None = None) -> None:
        self.path = path
        self.memory = memory
        self.images = images
        self.state = _STATE.validate_json(path.read_bytes()) if path is not None and path.exists() else CloudState()
        self.wakers: dict[str, list[FakeStream]] = {}

    def save(self) -> None:
        """Write the file, whole or not at all."""
        if self.path is None:
            return
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fresh.write_bytes(_STATE.dump_json(self.state))
        fresh.replace(self.path)

    def fail(self, verb: str, times: int = 1, *, name: str | None = None, after: bool = False, message: str = "") -> None:
        """Inject a fault. `verb` is a verb of the contract ("ensure", "power", "attach", ...), "carrier", "capture" or
        "channel"; or what a guest does: "boot" (stuck at the boot menu), "card" (the card never gets ready in that
        boot), "commit" (the commit fails). `name` is the machine's (or disk's, segment's) name; None means any."""
        self.state.faults.append(Fault(verb=verb, times=times, name=name, after=after, message=message))
        self.save()

    def plant_foreign(self, kind: RefKind, sandbox: str, name: str) -> Ref:
        """Something that is not ours, under a name that could be."""
        self.state.foreign.add(f"{kind.value}/{sandbox}/{name}")
        self.save()
        return Ref(kind=kind, sandbox=sandbox, name=name)

    def kill(self, sandbox: str, machine: str) -> None:
        """The machine dies by itself, as a crashed process does."""
        found = self.state.machines[_key(sandbox, machine)]
        found.running, found.since = False, 0.0
        found.guest.power_off()
        self.hang_up(_key(sandbox, machine))
        self.save()

    def hang_up(self, key: str) -> None:
        """End all streams to a machine."""
        for stream in self.wakers.pop(key, []):
            stream.end()

    def take_fault(self, verb: str, name: str, *, after: bool = False) -> Fault | None:
        """Use up one fault for this call, if there is one."""
        for fault in self.state.faults:
            if fault.verb == verb and fault.after is after and fault.times > 0 and fault.name in (None, name):
                fault.times -= 1
                return fault
        return None


class FakeStream:
    """One end of a byte stream; what is written is answered by `react`."""

    def __init__(self, cloud: FakeCloud, key: str) -> None:
        self._cloud = cloud
        self._key = key
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = False
        self._rest = b""
        cloud.wakers.setdefault(key, []).append(self)

    def _react(self, data: bytes) -> bytes:
        raise NotImplementedError

    def say(self, data: bytes) -> None:
        if data:
            self._queue.put_nowait(data)

    def end(self) -> None:
        self._ended = True
        self._queue.put_nowait(b"")

    async def read(self, most: int = 65536) -> bytes:
        if not self._rest:
            if self._ended and self._queue.empty():
                return b""
            self._rest = await self._queue.get()
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken

    async def write(self, data: bytes) -> None:
        if self._ended:
            raise ProviderError("The stream has ended.", hint="Open it again.")
        self.say(self._react(data))
        self._cloud.save()

    async def close(self) -> None:
        if self in self._cloud.wakers.get(self._key, []):
            self._cloud.wakers[self._key].remove(self)
        self.end()


class FakeConsole(FakeStream):
    def __init__(self, cloud: FakeCloud, machine: FakeMachine) -> None:
        super().__init__(cloud, _key(machine.spec.sandbox, machine.spec.name))
        name = machine.spec.name
        self._terminal = Terminal(machine.guest, machine.spec, lambda: cloud.take_fault("commit", name) is not None)
        self.say(self._terminal.opened())

    def _react(self, data: bytes) -> bytes:
        return self._terminal.feed(data)


class FakeChannel(FakeStream):
    def __init__(self, cloud: FakeCloud, machine: FakeMachine) -> None:
        super().__init__(cloud, _key(machine.spec.sandbox, machine.spec.name))
        self._machine = machine
        self._line = b""

    def _react(self, data: bytes) -> bytes:
        *lines, self._line = (self._line + data).split(b"\n")
        answers = [answer_line(self._machine.guest, self._view(), line) for line in lines]
        if any(b'"power-off"' in line for line in lines):
            asyncio.get_running_loop().call_soon(self._cloud.kill, self._machine.spec.sandbox, self._machine.spec.name)
        return b"".join(answers)

    def _view(self) -> View:
        mine = self._machine.spec
        cards = (
            (other.spec, other.guest, other.carrier)
            for other in self._cloud.state.machines.values()
            if other.running and other.spec.sandbox == mine.sandbox and other.spec.owner == mine.owner and other.spec != mine
        )
        return View(spec=mine, cards=tuple(cards), carrier=self._machine.carrier)


class FakeProvider:
    """A connection to a `FakeCloud`. Holds nothing itself."""

    def __init__(self, cloud: FakeCloud | None = None, *, management: str = "forwarded") -> None:
        self.cloud = cloud or FakeCloud()
        self._management = management

    @property
    def info(self) -> ProviderInfo:
        return ProviderInfo(
            name="fake",
            live_rewire=True,
            carrier=True,
            capture=True,
            host_channel=True,
            management=self._management,
            accelerator="fake",
            notes=("Machines are pretended, in memory.",),
        )

    def capacity(self) -> Amounts:
        return replace(UNLIMITED, memory=self.cloud.memory)

    def wanted(self, plan: Plan) -> Amounts:
        return Amounts(memory=plan.memory, processors=sum(machine.vcpus for machine in plan.machines))

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        self._begin("check", plan.sandbox)
        problems = []
        used = sum(machine.spec.memory for machine in self.cloud.state.machines.values() if machine.spec.sandbox != plan.sandbox)
        if used + plan.memory > self.cloud.memory:
            problems.append(
                Problem(
                    message=f"The lab needs {plan.memory} MiB of memory; {self.cloud.memory - used} MiB are free.",
                    hint="End another lab, or ask for less memory.",
                )
            )
        for image in sorted({disk.image for machine in plan.machines for disk in machine.disks}):
            if self.cloud.images is not None and image not in self.cloud.images:
                problems.append(Problem(message=f"There is no image {image}.", hint="Build it, or name another family."))
        self._end("check", plan.sandbox)
        return tuple(problems)

    async def ensure(self, spec: Spec) -> Ref:
        self._begin("ensure", spec.name)
        state, key = self.cloud.state, _key(spec.sandbox, spec.name)
        if isinstance(spec, DiskSpec):
            if self.cloud.images is not None and spec.image not in self.cloud.images:
                raise AbsentError(f"There is no image {spec.image}.", hint="Build it first.")
            state.disks.setdefault(key, spec)
            ref = Ref(kind=RefKind.DISK, sandbox=spec.sandbox, name=spec.name)
        elif isinstance(spec, SegmentSpec):
            state.segments[key] = spec
            ref = Ref(kind=RefKind.SEGMENT, sandbox=spec.sandbox, name=spec.name)
        else:
            self._ensure_machine(key, spec)
            ref = self._ref(state.machines[key])
        self._end("ensure", spec.name)
        return ref

    def _ensure_machine(self, key: str, spec: MachineSpec) -> None:
        state = self.cloud.state
        if key in state.machines:
            return
        for disk in spec.disks:
            if _key(disk.sandbox, disk.name) not in state.disks:
                raise AbsentError(f"Machine {spec.name} needs the disk {disk.name}, which is not there.", hint="Make it first.")
        wired = {nic.index: nic.segment for nic in spec.nics if nic.segment is not None and nic.role is NicRole.INTERNAL}
        for segment in wired.values():
            if _key(spec.sandbox, segment) not in state.segments:
                raise AbsentError(f"Machine {spec.name} needs the segment {segment}, which is not there.", hint="Make it first.")
        state.machines[key] = FakeMachine(spec=spec, attached=wired)

    async def power(self, machine: Ref, to: Power) -> None:
        self._begin("power", machine.name)
        found = self._machine(machine.sandbox, machine.name)
        key = _key(machine.sandbox, machine.name)
        if to is Power.OFF or (to is Power.RESET and found.running):
            found.running, found.since = False, 0.0
            found.guest.power_off()
            self.cloud.hang_up(key)
        if to is not Power.OFF and not found.running:
            found.running, found.since = True, time.time()
            found.boots += 1
            menu = self.cloud.take_fault("boot", machine.name) is not None
            found.guest.power_on(menu=menu, dead=self.cloud.take_fault("card", machine.name) is not None)
        self._end("power", machine.name)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        self._begin("attach", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        if _key(segment.sandbox, segment.name) not in self.cloud.state.segments:
            raise AbsentError(f"There is no segment {segment.name} in {segment.sandbox}.", hint="Make it first.")
        if all(nic.index != port.nic for nic in machine.spec.nics):
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic}.", hint="Ask `rackless show` for its ports.")
        if port not in segment.ports:
            raise ProviderError(f"Port {port} is not one of segment {segment.name}'s ports.", hint="Ensure the segment anew.")
        machine.attached[port.nic] = segment.name
        machine.down.discard(port.nic)
        machine.forced_up.discard(port.nic)
        self._end("attach", port.machine)

    async def detach(self, port: PortRef) -> None:
        self._begin("detach", port.machine)
        machine = self.cloud.state.machines.get(_key(port.sandbox, port.machine))
        if machine is not None:
            machine.attached.pop(port.nic, None)
            machine.down.discard(port.nic)
            machine.forced_up.discard(port.nic)
        self._end("detach", port.machine)

    async def carrier(self, port: PortRef, up: bool) -> None:
        self._begin("carrier", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        (machine.down.discard if up else machine.down.add)(port.nic)
        (machine.forced_up.add if up else machine.forced_up.discard)(port.nic)
        self._end("carrier", port.machine)

    async def console(self, machine: Ref) -> Stream:
        self._begin("console", machine.name)
        found = self._running(machine)
        stream = FakeConsole(self.cloud, found)
        self._end("console", machine.name)
        return stream

    async def channel(self, machine: Ref) -> Stream:
        self._begin("channel", machine.name)
        found = self._running(machine)
        stream = FakeChannel(self.cloud, found)
        self._end("channel", machine.name)
        return stream

    async def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        """The file header and no frame: nothing flows here. Ends when the machine does."""
        self._begin("capture", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        if not machine.running:
            raise AbsentError(
                f"Machine {port.machine} is not running.", hint=f"`rackless restart {port.sandbox} {port.machine}` starts it."
            )
        stream = FakeStream(self.cloud, _key(port.sandbox, port.machine))
        stream.say(PCAP_HEADER)
        try:
            while data := await stream.read():
                yield data
        finally:
            await stream.close()

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        self._begin("owned", sandbox or "")
        state = self.cloud.state
        refs = [self._ref(machine) for machine in state.machines.values()]
        refs += [Ref(kind=RefKind.DISK, sandbox=disk.sandbox, name=disk.name) for disk in state.disks.values()]
        refs += [Ref(kind=RefKind.SEGMENT, sandbox=each.sandbox, name=each.name) for each in state.segments.values()]
        self._end("owned", sandbox or "")
        return tuple(ref for ref in refs if sandbox is None or ref.sandbox == sandbox)

    async def remove(self, ref: Ref) -> None:
        self._begin("remove", ref.name)
        state, key = self.cloud.state, _key(ref.sandbox, ref.name)
        if f"{ref.kind.value}/{ref.sandbox}/{ref.name}" in state.foreign:
            raise ProviderError(f"{ref.kind.value} {ref.name} does not carry our mark.", hint="Remove it with its owner's tools.")
        if ref.kind is RefKind.MACHINE:
            state.machines.pop(key, None)
            self.cloud.hang_up(key)
        elif ref.kind is RefKind.DISK:
            users = [
                each.spec.name for each in state.machines.values() if any(_key(d.sandbox, d.name) == key for d in each.spec.disks)
            ]
            if users:
                raise ProviderError(f"Disk {ref.name} belongs to machine {users[0]}.", hint="Remove the machine first.")
            state.disks.pop(key, None)
        elif ref.kind is RefKind.SEGMENT:
            state.segments.pop(key, None)
            for machine in state.machines.values():
                if machine.spec.sandbox == ref.sandbox:
                    machine.attached = {nic: name for nic, name in machine.attached.items() if name != ref.name}
        self._end("remove", ref.name)

    def _begin(self, verb: str, name: str) -> None:
        self.cloud.state.calls.append(f"{verb} {name}".strip())
        self._raise(verb, name, after=False)

    def _end(self, verb: str, name: str) -> None:
        self.cloud.save()
        self._raise(verb, name, after=True)

    def _raise(self, verb: str, name: str, *, after: bool) -> None:
        fault = self.cloud.take_fault(verb, name, after=after)
        if fault is not None:
            self.cloud.save()
            raise ProviderError(fault.message or f"The fake provider was told to fail {verb} {name}.", hint="Try again.")

    def _machine(self, sandbox: str, name: str) -> FakeMachine:
        found = self.cloud.state.machines.get(_key(sandbox, name))
        if found is None:
            raise AbsentError(f"There is no machine {name} in {sandbox}.", hint="Make it first.")
        return found

    def _running(self, ref: Ref) -> FakeMachine:
        found = self._machine(ref.sandbox, ref.name)
        if not found.running:
            raise AbsentError(
                f"Machine {ref.name} is not running.", hint=f"`rackless restart {ref.sandbox} {ref.name}` starts it."
            )
        return found

    def _ref(self, machine: FakeMachine) -> Ref:
        spec = machine.spec
        endpoints = {forward.service: f"127.0.0.1:{forward.host_port}" for forward in spec.forwards}
        if spec.console_port is not None:
            endpoints["console"] = f"fake:{spec.console_port}"
        return Ref(
            kind=RefKind.MACHINE,
            sandbox=spec.sandbox,
            name=spec.name,
            running=machine.running,
            endpoints=endpoints if machine.running else {},
            since=machine.since,
        )
