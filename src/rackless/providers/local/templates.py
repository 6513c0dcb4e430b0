"""Warm templates: memory, devices and disk of a guest that has booted and that nobody has told yet who it is.

STATE/warm/<key>.<serial>/template.json   of what kind it is, and when it was made
                          memory          the guest's memory; machines map it copy-on-write
                          state           its devices
                          disk.qcow2      what it wrote to its disk, an overlay of the image's

A finished folder never changes: machines have its memory mapped and its disk below theirs. It holds nothing of anybody: what it
was made of is a machine without name, addresses or MACs of any lab.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from rackless.images.store import MANIFEST
from rackless.model.errors import StateError
from rackless.model.family import NicRole, Resumes, RoleFacts
from rackless.model.naming import digest
from rackless.model.plan import MachineSpec, NicSpec
from rackless.providers.local.layout import Layout, write_whole
from rackless.providers.local.records import Boot, Start
from rackless.qemu import disks
from rackless.qemu.command import MACHINE, Memory, Places, Virtualization, arguments

FILES = ("memory", "state", "disk.qcow2")
DRAFT = ".draft-"
NOT_YET = "there is no template of it yet"
OFF = "warm starts are turned off"
MAC = "52:ff:ff:ff:ff:{:02x}"
"""Of the NICs of what a template is made of. No machine keeps them: its NICs are found anew when it is told who it is."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """All that has to be the same for a machine to start from a template. Memory in MiB. `devices`: digest of the command line,
    but for names, paths and MACs. `processor`: the host's, where guests see it."""

    image: str
    qemu: str
    machine: str
    accelerator: str
    processor: str
    role: str
    nics: int
    memory: int
    devices: str

    @property
    def key(self) -> str:
        return digest(json.dumps(asdict(self), sort_keys=True), 16)

    @property
    def title(self) -> str:
        """For people: what it is a template of."""
        return f"{self.image} {self.role}, {self.nics} NICs, {self.memory} MiB"


@dataclass(frozen=True, kw_only=True)
class Template:
    folder: Path
    kind: Kind
    made: float

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def memory(self) -> Path:
        return self.folder / "memory"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """A template as it takes space: `size` in bytes on the disk, `used` seconds since the epoch, `labs` that stand on its disk.
    `template`: None for what is left of one: a disk that labs stand on still."""

    folder: Path
    title: str
    size: int
    used: float
    labs: tuple[str, ...]
    template: Template | None = None


@dataclass(frozen=True, kw_only=True)
class _File:
    kind: Kind
    made: float


_TEMPLATE = TypeAdapter(_File)


def generic(spec: MachineSpec) -> MachineSpec:
    """What a template for this machine is made of: the same devices, and nothing by which one could tell whose.

    Behind its NICs is nothing: a network of QEMU's own would be part of the state, and could not become another one.
    """
    nics = tuple(
        NicSpec(index=nic.index, role=NicRole.TRAFFIC, mac=MAC.format(nic.index), label=f"nic{nic.index}") for nic in spec.nics
    )
    first = tuple(replace(disk, sandbox="template", name=f"disk{number}", place="") for number, disk in enumerate(spec.disks))
    return replace(
        spec,
        sandbox="template",
        name=spec.role.value,
        owner="template",
        nics=nics,
        disks=first,
        slot=None,
        console_port=None,
        forwards=(),
        place="",
    )


def kind_of(spec: MachineSpec, *, build: Path, boot: Boot, how: Virtualization, qemu: str, processor: str) -> Kind:
    """`build`: the image's folder in its store; `qemu`: its version. Pure."""
    here = Path("/")
    paths = tuple(here / f"disk{number}" for number in range(len(spec.disks)))
    places = Places(monitor=here / "monitor", console=here / "console", channel=here / "channel", log=here / "log", disks=paths)
    memory = Memory(file=here / "memory", shared=True)
    started = Boot(kernel=boot.kernel and here / "kernel", initrd=boot.initrd and here / "initrd", append=boot.append)
    words = arguments(generic(spec), mark="template", places=places, boot=started, how=how, memory=memory)
    return Kind(
        image=f"{build.parent.name}/{build.name}",
        qemu=qemu,
        machine=MACHINE,
        accelerator=f"{how.name} {how.cpu}",
        processor=processor if how.name == "kvm" else "",
        role=spec.role.value,
        nics=len(spec.nics),
        memory=spec.memory,
        devices=digest("\0".join(words), 16),
    )


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Digest of this host's processor: its model, its microcode and what it can."""
    wanted = ("vendor_id", "cpu family", "model", "stepping", "microcode", "flags")
    lines = {line for line in cpuinfo.read_text().splitlines() if line.partition("\t")[0].strip() in wanted}
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def never_warm(spec: MachineSpec, facts: RoleFacts | None) -> str:
    """Why no template would do for this machine, whatever there is; "" when one would. Pure."""
    if facts is None or facts.resumes is not Resumes.CLONES:
        return f"a {spec.role.value} of the family {spec.family} reads who it is at its boot"
    if spec.config_drive:
        return "it reads who it is off a configuration drive, at its boot"
    if len(spec.disks) != 1:
        return f"it has {len(spec.disks)} disks, and templates have one"
    return ""


def not_now(start: Start, disk: Path) -> str:
    """Why this machine has to boot now, though its kind could start from a template; "" when it has not to."""
    if not start.begun and start.cold:
        return start.cold
    if start.begun:
        return "it was started before, and goes on with its own disk"
    if not disks.untouched(disk):
        return "something has been written to its disk"
    return ""


def build_of(disk: Path) -> Path | None:
    """The build of an image that a new disk stands on, if that is in a store."""
    below = disks.backing(disk)
    return below.parent if below is not None and (below.parent / MANIFEST).is_file() else None


class Shelf:
    """The templates of an installation. `most`: MiB that they may take on the disk."""

    def __init__(self, layout: Layout, *, most: int) -> None:
        self._layout = layout
        self._most = most
        self._busy: Counter[str] = Counter()

    @property
    def most(self) -> int:
        return self._most

    def find(self, kind: Kind) -> Template | None:
        """The newest whole one of that kind."""
        found = [template for folder in self._layout.warm.glob(f"{kind.key}.*") if (template := _read(folder)) is not None]
        return max((each for each in found if each.kind == kind), key=lambda each: each.made, default=None)

    @contextmanager
    def using(self, template: Template) -> Iterator[None]:
        """It stays meanwhile, and counts as used now."""
        self._busy[template.name] += 1
        try:
            now = time.time_ns()  # the kernel's own stamps are as coarse as its ticks
            os.utime(template.folder, ns=(now, now))
            yield
        finally:
            self._busy[template.name] -= 1

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty folder for a new template, that is gone at the end. One is made at a time.

        Raises:
            StateError: another is being made.
        """
        self._layout.warm.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._layout.warm / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError("Another template is being made.", hint="Wait until it is there.") from error
            for left in self._layout.warm.glob(f"{DRAFT}*"):
                shutil.rmtree(left)
            draft = self._layout.warm / f"{DRAFT}{secrets.token_hex(4)}"
            draft.mkdir(mode=0o700)
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def add(self, kind: Kind, draft: Path) -> Template:
        """Give a finished draft its name, all of it on the disk before. Others make room, the longest unused first."""
        for name in FILES:
            with (draft / name).open("rb") as file:
                os.fsync(file.fileno())
        made = time.time()
        write_whole(draft / "template.json", _TEMPLATE.dump_json(_File(kind=kind, made=made)))
        folder = self._layout.warm / f"{kind.key}.{secrets.token_hex(4)}"
        draft.rename(folder)
        self.spare(keep=folder.name)
        return Template(folder=folder, kind=kind, made=made)

    def items(self) -> list[Shelved]:
        """What there is, the longest unused first."""
        labs = self._labs()
        found = []
        folders = self._layout.warm.iterdir() if self._layout.warm.is_dir() else ()
        for folder in (each for each in folders if each.is_dir() and not each.name.startswith(".")):
            template = _read(folder)
            title = template.kind.title if template is not None else f"disk of {folder.name}"
            used = tuple(sorted(labs.get(folder / "disk.qcow2", ())))
            found.append(
                Shelved(folder=folder, title=title, size=_size(folder), used=folder.stat().st_mtime, labs=used, template=template)
            )
        return sorted(found, key=lambda each: each.used)

    def spare(self, *, keep: str = "") -> list[Shelved]:
        """Keep to the limit: what was not used for longest goes first, `keep` last. Returns what went."""
        items = self.items()
        over = sum(item.size for item in items) - (self._most << 20)
        gone = []
        for item in sorted(items, key=lambda each: each.folder.name == keep):
            if over <= 0:
                break
            freed = self.drop(item)
            over -= freed
            gone += [item] if freed else []
        return gone

    def drop(self, item: Shelved) -> int:
        """Take a template away: its disk too, unless labs stand on that. Returns the bytes that are free now; 0 for one that a
        machine is being started from."""
        if self._busy[item.folder.name]:
            return 0
        if not item.labs:
            aside = item.folder.with_name(f"{DRAFT}{secrets.token_hex(4)}")
            item.folder.rename(aside)
            shutil.rmtree(aside)
            return item.size
        for name in ("template.json", "memory", "state"):
            (item.folder / name).unlink(missing_ok=True)
        return item.size - _size(item.folder)

    def builds(self) -> set[str]:
        """The builds of images that templates are of, as name/digest."""
        return {item.template.kind.image for item in self.items() if item.template is not None}

    def _labs(self) -> dict[Path, set[str]]:
        """The labs that stand on each disk."""
        found: dict[Path, set[str]] = {}
        for path in self._layout.labs.glob("*/disks/*.qcow2"):
            below = disks.backing(path)
            if below is not None:
                found.setdefault(below, set()).add(path.parent.parent.name)
        return found


def _read(folder: Path) -> Template | None:
    """None for one that lacks something."""
    try:
        kept = _TEMPLATE.validate_json((folder / "template.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not all((folder / name).is_file() for name in FILES):
        return None
    return Template(folder=folder, kind=kept.kind, made=kept.made)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.iterdir())


def titles(kinds: Iterable[Kind]) -> str:
    return "; ".join(sorted(kind.title for kind in kinds))
