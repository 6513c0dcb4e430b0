"""The place of the fake provider: machines with power, NICs, carrier and marks, in memory or in a folder with a file a lab.

A file is written atomically at every change of its lab, so the place survives `kill -9`; it is read anew when another process
wrote it, so that several servers share a place. Faults are injected with `fail`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from rackless.model.impairment import Impairment
from rackless.model.plan import DiskSpec, MachineSpec, SegmentSpec
from rackless.providers.contract import Ref, RefKind
from rackless.providers.fake_guest import Guest


class Ending(Protocol):
    """What is told when its machine is switched off."""

    def end(self) -> None: ...


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
class FakeLab:
    """What carries the mark of one sandbox, by name."""

    disks: dict[str, DiskSpec] = field(default_factory=dict)
    segments: dict[str, SegmentSpec] = field(default_factory=dict)
    machines: dict[str, FakeMachine] = field(default_factory=dict)
    impaired: dict[str, Impairment] = field(default_factory=dict)
    """By segment."""
    silent: set[str] = field(default_factory=set)
    """Segments that are impaired and carry nothing."""
    foreign: set[str] = field(default_factory=set)
    """"kind/name" of things of others: they never show in `owned` and can not be removed."""

    @property
    def empty(self) -> bool:
        return not (self.disks or self.segments or self.machines or self.foreign)

    @property
    def memory(self) -> int:
        """MiB of all its machines."""
        return sum(machine.spec.memory for machine in self.machines.values())


_LAB: TypeAdapter[FakeLab] = TypeAdapter(FakeLab)
_FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])
_Signature = tuple[int, int, int] | None


class FakeCloud:
    """The place. `memory` is what its machines may have together, in MiB; `images` None means that it has every image."""

    def __init__(self, path: Path | None = None, *, memory: int = 1 << 24, images: frozenset[str] | None = None) -> None:
        self.path = path
        self.memory = memory
        self.images = images
        self.calls: list[str] = []
        """Every verb called: "verb name", in order."""
        self.wakers: dict[str, list[Ending]] = {}
        self._labs: dict[str, FakeLab] = {}
        self._taken: dict[str, int] = {}
        """MiB of each sandbox's machines."""
        self._read: dict[str, _Signature] = {}
        self._written: dict[str, tuple[_Signature, bytes]] = {}
        """What we wrote last, as the file's signature and a digest."""
        if path is not None:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = None if path is None else path / "faults"
        self.faults: list[Fault] = _FAULTS.validate_json(kept.read_bytes()) if kept is not None and kept.exists() else []

    def lab(self, name: str) -> FakeLab:
        """What the place has of a sandbox, as the last process wrote it."""
        if self.path is not None:
            file = self._file(name)
            now = _signature(file)
            if now != self._read.get(name):
                self._labs[name] = _LAB.validate_json(file.read_bytes()) if now else FakeLab()
                self._read[name] = now
                self._count(name)
        return self._labs.setdefault(name, FakeLab())

    def labs(self) -> list[str]:
        """Of every sandbox that has something."""
        if self.path is None:
            return sorted(name for name, lab in self._labs.items() if not lab.empty)
        return sorted(entry.name.removesuffix(".json") for entry in os.scandir(self.path) if entry.name.endswith(".json"))

    def used(self, *, but: str) -> int:
        """MiB of the machines of all other sandboxes that this process knows of."""
        return sum(self._taken.values()) - self._taken.get(but, 0)

    def _count(self, name: str) -> None:
        lab = self._labs.get(name)
        if lab is None or not lab.machines:
            self._taken.pop(name, None)
        else:
            self._taken[name] = lab.memory

    @property
    def machines(self) -> dict[str, FakeMachine]:
        """Every machine, as "sandbox/name"."""
        return {f"{lab}/{name}": machine for lab in self.labs() for name, machine in self.lab(lab).machines.items()}

    def save(self, name: str) -> None:
        """Write what the sandbox has, whole or not at all; the file of one that has nothing goes."""
        lab = self._labs.get(name, FakeLab())
        self._count(name)
        if self.path is None:
            if lab.empty:
                self._labs.pop(name, None)
            return
        file = self._file(name)
        if lab.empty:
            file.unlink(missing_ok=True)
            self._labs.pop(name, None)
            self._read.pop(name, None)
            self._written.pop(name, None)
            return
        content = _LAB.dump_json(lab)
        kept = (_signature(file), hashlib.blake2b(content).digest())
        if self._written.get(name) == kept:
            return  # A question changes nothing, and replacing a file costs milliseconds.
        _write(file, content)
        self._read[name] = _signature(file)
        self._written[name] = (self._read[name], kept[1])

    def fail(self, verb: str, times: int = 1, *, name: str | None = None, after: bool = False, message: str = "") -> None:
        """Inject a fault. `verb` is a verb of the contract ("ensure", "power", "attach", ...), "carrier", "capture" or
        "channel"; or what a guest does: "boot" (stuck at the boot menu), "card" (the card never gets ready in that
        boot), "commit" (the commit fails). `name` is the machine's (or disk's, segment's) name; None means any."""
        self.faults.append(Fault(verb=verb, times=times, name=name, after=after, message=message))
        self._save_faults()

    def take_fault(self, verb: str, name: str, *, after: bool = False) -> Fault | None:
        """Use up one fault for this call, if there is one."""
        for fault in self.faults:
            if fault.verb == verb and fault.after is after and fault.times > 0 and fault.name in (None, name):
                fault.times -= 1
                self._save_faults()
                return fault
        return None

    def plant_foreign(self, kind: RefKind, sandbox: str, name: str) -> Ref:
        """Something that is not ours, under a name that could be."""
        self.lab(sandbox).foreign.add(f"{kind.value}/{name}")
        self.save(sandbox)
        return Ref(kind=kind, sandbox=sandbox, name=name)

    def kill(self, sandbox: str, machine: str) -> None:
        """The machine dies by itself, as a crashed process does."""
        found = self.lab(sandbox).machines[machine]
        found.running, found.since = False, 0.0
        found.guest.power_off()
        self.hang_up(sandbox, machine)
        self.save(sandbox)

    def hang_up(self, sandbox: str, machine: str) -> None:
        """End all streams to a machine."""
        for stream in self.wakers.pop(f"{sandbox}/{machine}", []):
            stream.end()

    def hush(self, sandbox: str, segment: str) -> None:
        """What carries the frames of an impaired wire ends."""
        self.lab(sandbox).silent.add(segment)
        self.save(sandbox)

    def _file(self, lab: str) -> Path:
        assert self.path is not None
        return self.path / f"{lab}.json"

    def _save_faults(self) -> None:
        if self.path is not None:
            _write(self.path / "faults", _FAULTS.dump_json(self.faults))


def _signature(file: Path) -> _Signature:
    """Another one after each write, None when there is no file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(file)
