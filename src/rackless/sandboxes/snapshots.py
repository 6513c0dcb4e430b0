"""Snapshots of labs, on the disk.

STATE/snapshots/<lab>/<name>/snapshot.json   what the lab was; with its secrets: the guests have these passwords
                             builds          the builds of images that it needs, so that they stay
                             *.state, *.qcow2    of each machine (providers/local/snapshots.py)

A folder gets its name when all of it is there. One file of all of them goes to another installation.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets as randomness
import shutil
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from rackless.images import qcow2, transfer
from rackless.model import naming
from rackless.model.errors import InputError, NotFoundError, StateError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Likeness

FORM = 1
MANIFEST, BUILDS = "snapshot.json", "builds"
DRAFT = ".draft-"


@dataclass(frozen=True, kw_only=True)
class KeptMachine:
    """What the store knows of a machine, and what has to be the same where it is taken up."""

    host_keys: tuple[str, ...]
    likeness: Likeness


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """`taken`: seconds since the epoch. `keep`: it stays when its lab goes. `wires`: ends and state of each. `ports`: by owner,
    the MAC of each label. `secrets`: by holder and kind. `sums`: SHA-256 of the files."""

    form: int = FORM
    lab: str
    name: str
    taken: float
    release: str
    keep: bool
    plan: Plan
    machines: Mapping[str, KeptMachine]
    wires: tuple[tuple[str, str, str], ...]
    ports: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, str]] = field(repr=False)
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """`size`: bytes on the disk."""

    snapshot: Snapshot
    folder: Path
    size: int


_SNAPSHOT = TypeAdapter(Snapshot)


def top(state: Path) -> Path:
    return state / "snapshots"


def folder_of(state: Path, lab: str, name: str) -> Path:
    """Raises InputError when one of the names is none."""
    for text in (lab, name):
        if not naming.is_name(text):
            raise InputError(f"'{text}' cannot be a name.", hint="Use lower-case letters, digits and single hyphens.")
    return top(state) / lab / name


def find(state: Path, lab: str, name: str) -> Snapshot:
    """Raises NotFoundError."""
    try:
        return _read(folder_of(state, lab, name))
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no snapshot {name} of lab {lab}.", hint="`rackless snapshot list` shows them.") from error


def listed(state: Path, lab: str = "") -> list[Listed]:
    """Those of a lab, or all, by lab and time."""
    found = []
    for manifest in top(state).glob(f"{lab or '*'}/*/{MANIFEST}"):
        if not manifest.parent.name.startswith("."):
            size = sum(path.stat().st_blocks * 512 for path in manifest.parent.iterdir())
            found.append(Listed(snapshot=_read(manifest.parent), folder=manifest.parent, size=size))
    return sorted(found, key=lambda each: (each.snapshot.lab, each.snapshot.taken))


def drafted(state: Path, lab: str, name: str) -> Path:
    """An empty folder for a snapshot that is being taken; the same for each try of it.

    Raises:
        StateError: there is one of that name.
    """
    folder = folder_of(state, lab, name)
    if folder.exists():
        raise StateError(f"Lab {lab} has a snapshot {name} already.", hint=f"`rackless snapshot remove {lab} {name}` first.")
    draft = folder.with_name(f"{DRAFT}{name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    return draft


def finish(state: Path, draft: Path, snapshot: Snapshot) -> Path:
    """Write down what it is, and give it its name."""
    images = sorted({each.likeness.facts["its image"] for each in snapshot.machines.values()})
    _private(draft / BUILDS, "".join(f"/{image}/\n" for image in images).encode())
    _private(draft / MANIFEST, _SNAPSHOT.dump_json(snapshot))
    folder = folder_of(state, snapshot.lab, snapshot.name)
    draft.rename(folder)
    return folder


def remove(state: Path, lab: str, name: str) -> None:
    """Absent is success."""
    folder = folder_of(state, lab, name)
    if folder.exists():
        gone = folder.with_name(f"{DRAFT}gone-{randomness.token_hex(4)}")
        folder.rename(gone)
        shutil.rmtree(gone)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def remove_of(state: Path, lab: str) -> None:
    """Those of a lab that ends, but for what is to be kept."""
    for one in listed(state, lab):
        if not one.snapshot.keep:
            remove(state, lab, one.snapshot.name)
    for left in top(state).glob(f"{lab}/{DRAFT}*"):
        shutil.rmtree(left, ignore_errors=True)
    if (top(state) / lab).is_dir() and not any((top(state) / lab).iterdir()):
        (top(state) / lab).rmdir()


def unlike(snapshot: Snapshot, plan: Plan, here: Mapping[str, Likeness]) -> tuple[str, ...]:
    """Why the machines of this plan can't be taken up from the snapshot: what differs, as sentences. Pure."""
    if snapshot.form != FORM:
        return (f"The snapshot has the form {snapshot.form}, and this release reads {FORM}.",)
    was, now = {spec.name: spec for spec in snapshot.plan.machines}, {spec.name: spec for spec in plan.machines}
    found = [f"Machine {name} was there then, and is not now." for name in was if name not in now]
    found += [f"Machine {name} is there now, and was not then." for name in now if name not in was]
    for name in (name for name in was if name in now):
        found += _unlike_machine(was[name], now[name])
        if name in here and name in snapshot.machines:
            found += [f"{name}: {text}." for text in snapshot.machines[name].likeness.unlike(here[name])]
    return tuple(found)


def _unlike_machine(was: MachineSpec, now: MachineSpec) -> Iterator[str]:
    if [nic.mac for nic in was.nics] != [nic.mac for nic in now.nics]:
        yield f"{was.name}: its NICs had other MACs."
    for old, new in zip(was.nics, now.nics, strict=False):
        if old.role is NicRole.MANAGEMENT and old.address != new.address:
            yield f"{was.name}: its management address was {old.address}, and would be {new.address} now."


def export(state: Path, lab: str, name: str) -> tuple[int, Iterator[bytes]]:
    """The snapshot as one file: its length, and its bytes. Raises NotFoundError."""
    find(state, lab, name)
    folder = folder_of(state, lab, name)
    names = [MANIFEST, *sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)]
    files = [(file, (folder / file).open("rb"), (folder / file).stat().st_size) for file in names]
    return transfer.archive_length(files), transfer.archived(files)


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of what machines are taken up from."""
    found = {}
    for path in sorted([*folder.glob("*.state"), *folder.glob("*.qcow2")]):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


async def receive(state: Path, pieces: AsyncIterator[bytes]) -> Snapshot:
    """Take in what `export` gave. It is kept until it is removed.

    Raises:
        InputError: it is broken, or no snapshot.
        StateError: there is one of that name.
    """
    draft = top(state) / f"{DRAFT}{randomness.token_hex(4)}"
    whole = draft / "whole"
    await asyncio.to_thread(whole.mkdir, parents=True, mode=0o700)
    try:
        await transfer.written(draft / "came", pieces)
        return await asyncio.to_thread(_unpacked, state, draft / "came", whole)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)


def _unpacked(state: Path, came: Path, whole: Path) -> Snapshot:
    try:
        with tarfile.open(came, "r:") as archive:
            for member in archive:
                if not member.isfile() or "/" in member.name or member.name.startswith("."):
                    raise InputError(f"The file holds {member.name!r}, which is no part of a snapshot.")
                source = archive.extractfile(member)
                assert source is not None
                with (whole / member.name).open("wb") as target:
                    (whole / member.name).chmod(0o600)
                    shutil.copyfileobj(source, target, 1 << 20)
        found = _read(whole)
    except (tarfile.TarError, OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"This is no whole snapshot: {why}.", hint="Make it with `rackless snapshot export`.") from error
    if sums(whole) != dict(found.sums):
        raise InputError("A file of the snapshot is damaged or missing: checksums differ.", hint="Transfer it again.")
    for disk in whole.glob("*.qcow2"):
        qcow2.check(disk)
    folder = folder_of(state, found.lab, found.name)
    if folder.exists():
        raise StateError(
            f"There is a snapshot {found.name} of lab {found.lab} already.",
            hint=f"`rackless snapshot remove {found.lab} {found.name}` first.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _private(whole / MANIFEST, _SNAPSHOT.dump_json(found))
    whole.rename(folder)
    return found


def _read(folder: Path) -> Snapshot:
    return _SNAPSHOT.validate_json((folder / MANIFEST).read_bytes())


def _private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
