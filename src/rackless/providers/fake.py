"""A provider in memory: machines with power, NICs, carrier and marks, and guests that answer (fake_guest.py).

`FakeCloud` (fake_cloud.py) is the place, `FakeProvider` a connection to it: throw the provider away, make another one, and the
cloud is as it was. SSH and SNMP are not faked.
"""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from rackless.model.calendar import UNLIMITED, Amounts
from rackless.model.errors import AbsentError, Problem, ProviderError, StateError
from rackless.model.family import NicRole
from rackless.model.impairment import Impairment
from rackless.model.places import FakePlace
from rackless.model.plan import DiskSpec, MachineSpec, Plan, PortRef, SegmentSpec
from rackless.providers.contract import Finding, Likeness, Power, ProviderInfo, Ref, RefKind, Spec, Stream
from rackless.providers.fake_cloud import FakeCloud, FakeLab, FakeMachine
from rackless.providers.fake_guest import Guest, Terminal, View, answer_line
from rackless.providers.impairing import Impaired

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
"""File header of the classic pcap format, link type Ethernet (https://www.tcpdump.org/manpages/pcap-savefile.5.html)."""


_GUEST: TypeAdapter[Guest] = TypeAdapter(Guest)


class FakeStream:
    """One end of a byte stream; what is written is answered by `react`."""

    def __init__(self, cloud: FakeCloud, sandbox: str, machine: str) -> None:
        self._cloud = cloud
        self._sandbox = sandbox
        self._key = f"{sandbox}/{machine}"
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = False
        self._rest = b""
        cloud.wakers.setdefault(self._key, []).append(self)

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
        self._cloud.save(self._sandbox)

    async def close(self) -> None:
        if self in self._cloud.wakers.get(self._key, []):
            self._cloud.wakers[self._key].remove(self)
        self.end()


class FakeConsole(FakeStream):
    def __init__(self, cloud: FakeCloud, machine: FakeMachine) -> None:
        super().__init__(cloud, machine.spec.sandbox, machine.spec.name)
        name = machine.spec.name
        self._terminal = Terminal(machine.guest, machine.spec, lambda: cloud.take_fault("commit", name) is not None)
        self.say(self._terminal.opened())

    def _react(self, data: bytes) -> bytes:
        return self._terminal.feed(data)


class FakeChannel(FakeStream):
    def __init__(self, cloud: FakeCloud, machine: FakeMachine) -> None:
        super().__init__(cloud, machine.spec.sandbox, machine.spec.name)
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
            for other in self._cloud.lab(mine.sandbox).machines.values()
            if other.running and other.spec.owner == mine.owner and other.spec != mine
        )
        return View(spec=mine, cards=tuple(cards), carrier=self._machine.carrier)


class FakeProvider:
    """A connection to a `FakeCloud`. Holds nothing itself."""

    def __init__(self, cloud: FakeCloud | None = None, *, management: str = "forwarded", place: FakePlace | None = None) -> None:
        self.cloud = cloud or FakeCloud()
        self._management = management
        self._place = place or FakePlace(name="fake")

    @property
    def info(self) -> ProviderInfo:
        return ProviderInfo(
            name="fake",
            live_rewire=True,
            carrier=True,
            capture=True,
            host_channel=True,
            management=self._management,
            management_ipv6=True,
            pretended=True,
            accelerator="fake",
            notes=("Machines are pretended, in memory.",),
            most_nics=self._place.most_nics,
            numbered=self._place.numbers is not None,
            segment_most_mtu=self._place.segment_most_mtu,
        )

    def capacity(self) -> Amounts:
        return replace(UNLIMITED, memory=self.cloud.memory)

    def wanted(self, plan: Plan) -> Amounts:
        return Amounts(memory=plan.memory, processors=sum(machine.vcpus for machine in plan.machines))

    async def examine(self) -> AsyncIterator[Finding]:
        """A fault of "examine" is a finding that is not ok."""
        fault = self.cloud.take_fault("examine", "")
        hint = "Take the fault away." if fault else ""
        yield Finding(name="reachable", ok=fault is None, detail=(fault.message if fault else "") or "in memory", hint=hint)
        free = self.cloud.memory - self.cloud.used(but="")
        yield Finding(name="memory", ok=free > 0, detail=f"{free} MiB are free", hint="" if free > 0 else "End a lab.")

    async def check(self, plan: Plan) -> tuple[Problem, ...]:
        self._begin("check", plan.sandbox)
        problems = []
        used = self.cloud.used(but=plan.sandbox)
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
        lab = self.cloud.lab(spec.sandbox)
        if isinstance(spec, DiskSpec):
            if self.cloud.images is not None and spec.image not in self.cloud.images:
                raise AbsentError(f"There is no image {spec.image}.", hint="Build it first.")
            lab.disks.setdefault(spec.name, spec)
            ref = Ref(kind=RefKind.DISK, sandbox=spec.sandbox, name=spec.name)
        elif isinstance(spec, SegmentSpec):
            lab.segments[spec.name] = spec
            ref = Ref(kind=RefKind.SEGMENT, sandbox=spec.sandbox, name=spec.name)
        else:
            self._ensure_machine(lab, spec)
            ref = self._ref(lab.machines[spec.name])
        self._end("ensure", spec.name, spec.sandbox)
        return ref

    def _ensure_machine(self, lab: FakeLab, spec: MachineSpec) -> None:
        if spec.name in lab.machines:
            return
        for disk in spec.disks:
            if disk.name not in lab.disks:
                raise AbsentError(f"Machine {spec.name} needs the disk {disk.name}, which is not there.", hint="Make it first.")
        wired = {nic.index: nic.segment for nic in spec.nics if nic.segment is not None and nic.role is NicRole.INTERNAL}
        for segment in wired.values():
            if segment not in lab.segments:
                raise AbsentError(f"Machine {spec.name} needs the segment {segment}, which is not there.", hint="Make it first.")
        lab.machines[spec.name] = FakeMachine(spec=spec, attached=wired)

    async def power(self, machine: Ref, to: Power) -> None:
        self._begin("power", machine.name)
        found = self._machine(machine.sandbox, machine.name)
        if to is Power.OFF or (to is Power.RESET and found.running):
            found.running, found.since = False, 0.0
            found.guest.power_off()
            self.cloud.hang_up(machine.sandbox, machine.name)
        if to is not Power.OFF and not found.running:
            found.running, found.since = True, time.time()
            found.boots += 1
            menu = self.cloud.take_fault("boot", machine.name) is not None
            found.guest.power_on(menu=menu, dead=self.cloud.take_fault("card", machine.name) is not None)
        self._end("power", machine.name, machine.sandbox)

    async def likenesses(self, plan: Plan) -> Mapping[str, Likeness]:
        return {
            spec.name: Likeness(facts={"its image": spec.image, "its memory": f"{spec.memory} MiB"}) for spec in plan.machines
        }

    async def save_state(self, plan: Plan, folder: Path) -> None:
        self._begin("save-state", plan.sandbox)
        found = self.cloud.lab(plan.sandbox).machines
        for spec in plan.machines:
            if spec.name not in found or not found[spec.name].running:
                raise StateError(f"Not running: {spec.name}.", hint="Start it first.")
            (folder / f"{spec.name}.state").write_bytes(_GUEST.dump_json(found[spec.name].guest))
        self._end("save-state", plan.sandbox, plan.sandbox)

    async def take_up(self, plan: Plan, folder: Path) -> None:
        self._begin("take-up", plan.sandbox)
        for spec in plan.machines:
            found = self._machine(plan.sandbox, spec.name)
            self.cloud.hang_up(plan.sandbox, spec.name)
            found.guest = _GUEST.validate_json((folder / f"{spec.name}.state").read_bytes())
            found.running, found.since = True, time.time()
        self._end("take-up", plan.sandbox, plan.sandbox)

    async def attach(self, port: PortRef, segment: SegmentSpec) -> None:
        self._begin("attach", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        if segment.name not in self.cloud.lab(segment.sandbox).segments:
            raise AbsentError(f"There is no segment {segment.name} in {segment.sandbox}.", hint="Make it first.")
        if all(nic.index != port.nic for nic in machine.spec.nics):
            raise AbsentError(f"Machine {port.machine} has no NIC {port.nic}.", hint="Ask `rackless show` for its ports.")
        if port not in segment.ports:
            raise ProviderError(f"Port {port} is not one of segment {segment.name}'s ports.", hint="Ensure the segment anew.")
        machine.attached[port.nic] = segment.name
        machine.down.discard(port.nic)
        machine.forced_up.discard(port.nic)
        self._end("attach", port.machine, port.sandbox)

    async def detach(self, port: PortRef) -> None:
        self._begin("detach", port.machine)
        machine = self.cloud.lab(port.sandbox).machines.get(port.machine)
        if machine is not None:
            machine.attached.pop(port.nic, None)
            machine.down.discard(port.nic)
            machine.forced_up.discard(port.nic)
        self._end("detach", port.machine, port.sandbox)

    async def carrier(self, port: PortRef, up: bool) -> None:
        self._begin("carrier", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        (machine.down.discard if up else machine.down.add)(port.nic)
        (machine.forced_up.add if up else machine.forced_up.discard)(port.nic)
        self._end("carrier", port.machine, port.sandbox)

    async def impair(self, sandbox: str, segment: str, how: Impairment | None) -> None:
        self._begin("impair", segment)
        lab = self.cloud.lab(sandbox)
        if segment not in lab.segments:
            raise AbsentError(f"There is no segment {segment} in {sandbox}.", hint="Connect the wire first.")
        lab.impaired.pop(segment, None)
        lab.silent.discard(segment)
        if how is not None:
            lab.impaired[segment] = how
        self._end("impair", segment, sandbox)

    async def impaired(self, sandbox: str) -> Mapping[str, Impaired]:
        lab = self.cloud.lab(sandbox)
        why = {name: "its relay does not run" for name in lab.silent}
        return {name: Impaired(how=how, why=why.get(name, "")) for name, how in lab.impaired.items() if name in lab.segments}

    async def console(self, machine: Ref) -> Stream:
        self._begin("console", machine.name)
        found = self._running(machine)
        greeted = found.guest.greeting  # opening the line changes nothing else
        stream = FakeConsole(self.cloud, found)
        self._end("console", machine.name, machine.sandbox if greeted else None)
        return stream

    async def channel(self, machine: Ref) -> Stream:
        self._begin("channel", machine.name)
        found = self._running(machine)
        stream = FakeChannel(self.cloud, found)
        self._end("channel", machine.name, machine.sandbox)
        return stream

    async def capture(self, port: PortRef) -> AsyncIterator[bytes]:
        """The file header and no frame: nothing flows here. Ends when the machine does."""
        self._begin("capture", port.machine)
        machine = self._machine(port.sandbox, port.machine)
        if not machine.running:
            raise AbsentError(
                f"Machine {port.machine} is not running.", hint=f"`rackless restart {port.sandbox} {port.machine}` starts it."
            )
        stream = FakeStream(self.cloud, port.sandbox, port.machine)
        stream.say(PCAP_HEADER)
        try:
            while data := await stream.read():
                yield data
        finally:
            await stream.close()

    async def owned(self, sandbox: str | None = None) -> tuple[Ref, ...]:
        self._begin("owned", sandbox or "")
        refs: list[Ref] = []
        labs = []
        for name in self.cloud.labs() if sandbox is None else [sandbox]:
            labs.append(self.cloud.lab(name))
            await asyncio.sleep(0)  # thousands of labs may have to be read
        refs += [self._ref(machine) for lab in labs for machine in lab.machines.values()]
        refs += [Ref(kind=RefKind.DISK, sandbox=disk.sandbox, name=disk.name) for lab in labs for disk in lab.disks.values()]
        refs += [Ref(kind=RefKind.SEGMENT, sandbox=one.sandbox, name=one.name) for lab in labs for one in lab.segments.values()]
        self._end("owned", sandbox or "")
        return tuple(refs)

    async def running(self, sandboxes: Collection[str]) -> Mapping[str, frozenset[str]]:
        self._begin("owned", "")
        labs = {name: self.cloud.lab(name) for name in sandboxes}
        found = {name: frozenset(one.spec.name for one in lab.machines.values() if one.running) for name, lab in labs.items()}
        self._end("owned", "")
        return found

    async def remove(self, ref: Ref) -> None:
        self._begin("remove", ref.name)
        lab = self.cloud.lab(ref.sandbox)
        if f"{ref.kind.value}/{ref.name}" in lab.foreign:
            raise ProviderError(f"{ref.kind.value} {ref.name} does not carry our mark.", hint="Remove it with its owner's tools.")
        if ref.kind is RefKind.MACHINE:
            lab.machines.pop(ref.name, None)
            self.cloud.hang_up(ref.sandbox, ref.name)
        elif ref.kind is RefKind.DISK:
            users = [one.spec.name for one in lab.machines.values() if any(disk.name == ref.name for disk in one.spec.disks)]
            if users:
                raise ProviderError(f"Disk {ref.name} belongs to machine {users[0]}.", hint="Remove the machine first.")
            lab.disks.pop(ref.name, None)
        elif ref.kind is RefKind.SEGMENT:
            lab.segments.pop(ref.name, None)
            for machine in lab.machines.values():
                machine.attached = {nic: name for nic, name in machine.attached.items() if name != ref.name}
        self._end("remove", ref.name, ref.sandbox)

    def _begin(self, verb: str, name: str) -> None:
        self.cloud.calls.append(f"{verb} {name}".strip())
        self._raise(verb, name, after=False)

    def _end(self, verb: str, name: str, changed: str | None = None) -> None:
        """`changed`: the sandbox that may be another now."""
        if changed is not None:
            self.cloud.save(changed)
        self._raise(verb, name, after=True)

    def _raise(self, verb: str, name: str, *, after: bool) -> None:
        fault = self.cloud.take_fault(verb, name, after=after)
        if fault is not None:
            raise ProviderError(fault.message or f"The fake provider was told to fail {verb} {name}.", hint="Try again.")

    def _machine(self, sandbox: str, name: str) -> FakeMachine:
        found = self.cloud.lab(sandbox).machines.get(name)
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
            uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"fake:{spec.sandbox}/{spec.name}")),
        )
