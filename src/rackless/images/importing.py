"""Disks of other people's machines into the store: OVA, qcow2, VMDK, raw, and the archives that vendors pack them in.

Everything is written beside the store first, looked at by its contents, converted, and only then given its name; what is
interrupted leaves nothing that could be used. One file may hold several images: they come all or none.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rackless.images import formats, ovf, signatures, store, transfer, unpacking, vmdk
from rackless.images.converting import convert
from rackless.images.formats import Format
from rackless.images.naming import Target, named
from rackless.images.unpacking import Budget
from rackless.model.errors import InputError
from rackless.model.family import Family
from rackless.running import run

DRAFTS = ".import-"
"""First part of the name of a folder in which something is being imported."""
LOCK = ".lock"
MOST_DISK = 4 << 40
"""Bytes of a disk as its guest sees it."""
MOST_DEPTH = 3
"""Archives within archives: a zip with a tarball with OVAs."""

KNOWN = "An image is an OVA, a disk in qcow2, VMDK or raw, or a vendor's archive of those."
AGAIN = "Fetch it again."

Tell = Callable[[str, int | None], None]
"""Is told what is being done, and what percentage of it is, where that is known."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the one who imports says about it; "" and None: what the contents and their names say. `file`: the file's name."""

    file: str
    family: str = ""
    role: str = ""
    name: str = ""
    current: bool = True


@dataclass(frozen=True, kw_only=True)
class Found:
    """A disk that was found. `about`: what the store keeps of where it came from."""

    path: Path
    format: Format
    target: Target
    about: dict[str, object] = field(default_factory=dict)


async def receive(
    images: Path,
    pieces: AsyncIterator[bytes],
    wish: Wish,
    families: Sequence[Family],
    *,
    sha256: str = "",
    tell: Tell = lambda *_: None,
) -> list[Path]:
    """Take in all images of a file, and return the folders of their builds. The same file again changes nothing.

    Raises:
        InputError: the checksum or the content is wrong, or nobody says what the image is.
        CapacityError: the disk is full.
        StateError: one of the images is being built now.
    """
    async with draft(images) as folder:
        came = folder / "came"
        digest = await transfer.written(came, pieces)
        if sha256 and digest != sha256.lower():
            raise InputError(f"The content has the SHA-256 {digest}, not {sha256.lower()}.", hint="Send it again.")
        importer = _Importer(folder, wish, families, tell)
        disks = await importer.look(came, wish.file, {})
        if not disks:
            raise InputError(
                f"{wish.file} holds no disk of a machine.", hint="Import the disk itself: qcow2, VMDK, raw or an OVA."
            )
        _distinct(disks)
        built = [(found, *await importer.build(found)) for found in disks]
        return [
            await asyncio.to_thread(
                transfer.kept, images, found.target.image, key, whole, {"append": ""}, current=wish.current, about=found.about
            )
            for found, key, whole in built
        ]


@asynccontextmanager
async def draft(images: Path) -> AsyncIterator[Path]:
    """A folder for what is not a build yet, that is gone afterwards; what a crash leaves of it goes with the next prune."""
    made = images / f"{DRAFTS}{secrets.token_hex(4)}"
    await asyncio.to_thread(made.mkdir, parents=True, mode=0o700)
    try:
        with _held(made):
            yield made
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, made, ignore_errors=True))


@contextmanager
def _held(draft: Path) -> Iterator[None]:
    """As long as it is, nobody takes the folder for the remains of a crash."""
    with (draft / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def abandoned(draft: Path) -> bool:
    """Whether nobody imports into that folder any more."""
    try:
        with (draft / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _distinct(disks: Sequence[Found]) -> None:
    names = [found.target.image for found in disks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InputError(
            f"The file holds two disks that would both be the image {twice}.", hint="Import each by itself, with --name."
        )


class _Importer:
    """One file's way; its folder, and what may still be written."""

    def __init__(self, draft: Path, wish: Wish, families: Sequence[Family], tell: Tell) -> None:
        self._draft = draft
        self._wish = wish
        self._families = families
        self._tell = tell
        self._budget = Budget(draft)
        self._folders = 0

    def _folder(self) -> Path:
        self._folders += 1
        made = self._draft / f"part{self._folders}"
        made.mkdir(mode=0o700)
        return made

    # -- what it is

    async def look(self, path: Path, name: str, about: Mapping[str, object], depth: int = 0) -> list[Found]:
        """The disks in a file called `name`."""
        kind = await asyncio.to_thread(formats.format_of, path)
        if depth > MOST_DEPTH:
            raise InputError(f"{self._wish.file} is packed more often than any image.", hint="Is it a hostile archive?")
        if kind in formats.DISKS:
            target = named(name, self._families, family=self._wish.family, role=self._wish.role, name=self._wish.name)
            return [Found(path=path, format=kind, target=target, about={"source": name, "format": kind.value, **about})]
        if kind is Format.GZIP and not await asyncio.to_thread(unpacking.is_tar, path):
            plain = self._folder() / "plain"
            await asyncio.to_thread(unpacking.gunzip, path, plain, self._budget)
            return await self.look(plain, name.removesuffix(".gz"), about, depth + 1)
        if kind in {Format.TAR, Format.GZIP, Format.ZIP}:
            return await self._archive(path, name, depth)
        raise InputError(
            _no_disk(name, kind), hint="An image is an OVA, a disk in qcow2, VMDK or raw, or a vendor's archive of those."
        )

    async def _archive(self, path: Path, name: str, depth: int) -> list[Found]:
        """A vendor's archive: the members whose names are an image's, and others only if they are all there is."""
        members = await asyncio.to_thread(unpacking.names, path)
        if {store.MANIFEST, store.FILES["disk"]} <= set(members):
            raise InputError(f"{name} is a build of another installation.", hint="Take it in with `rackless image upload`.")
        known = {member for member in members if named(member, self._families, sure=True) is not None}
        wanted = known or {member for member in members if _looks_like_a_disk(member)}
        if any(member.endswith(".ovf") for member in members) and not known:
            return await self._ova(path, name)
        self._tell(f"unpacking {len(wanted)} of {len(members)} files", None)
        folder = self._folder()
        numbers: dict[str, str] = {}

        def target(member: str) -> str | None:
            return numbers.setdefault(member, f"{len(numbers)}") if member in wanted or f"./{member}" in wanted else None

        found = await asyncio.to_thread(unpacking.unpack, path, folder, target, self._budget, strict=False)
        titles = {number: member for member, number in numbers.items()}
        disks: list[Found] = []
        for number in found:
            disks += await self.look(folder / number, titles[number], {"archive": name}, depth + 1)
        return disks

    async def _ova(self, path: Path, name: str) -> list[Found]:
        """Everything of it, as its manifest says, in the names that the descriptor knows."""
        folder = self._folder()
        self._tell("unpacking", None)

        def target(member: str) -> str | None:
            if "/" in member:
                raise InputError(f"The OVA holds {member!r}; its files are not in folders.")
            return member

        members = await asyncio.to_thread(unpacking.unpack, path, folder, target, self._budget)
        descriptors = [member for member in members if member.endswith(".ovf")]
        if len(descriptors) != 1:
            raise InputError(f"The OVA holds {len(descriptors)} descriptors; one is right.")
        machine = ovf.read((folder / descriptors[0]).read_bytes())
        signed = await asyncio.to_thread(self._verify, folder, descriptors[0], members, machine)
        disks: list[Found] = []
        first = named(name, self._families, family=self._wish.family, role=self._wish.role, name=self._wish.name)
        for number, disk in enumerate(machine.disks):
            if disk.file not in members:
                raise InputError(f"The OVA lacks the disk {disk.file}, which its descriptor names.", hint=AGAIN)
            if disk.size is not None and (folder / disk.file).stat().st_size != disk.size:
                raise InputError(f"{disk.file} in the OVA has another size than its descriptor says.", hint=AGAIN)
            facts = {"memory": machine.memory, "vcpus": machine.vcpus, "nics": list(machine.nics), "bus": disk.bus}
            about = {"ova": name, "system": machine.name, "version": machine.version, "signed": signed, **facts}
            # The OVA's own name says more than that of the disk in it.
            further = named(disk.file, self._families, sure=True) or replace(first, image=f"{first.image}-disk{number}")
            image = first if number == 0 else further
            disks.append(await self._ova_disk(folder / disk.file, disk, image, about))
        return disks

    async def _ova_disk(self, path: Path, disk: ovf.OvfDisk, target: Target, about: dict[str, object]) -> Found:
        if disk.gzipped:
            plain = self._folder() / "plain"
            await asyncio.to_thread(unpacking.gunzip, path, plain, self._budget)
            path = plain
        kind = await asyncio.to_thread(formats.format_of, path)
        if kind not in formats.DISKS:
            raise InputError(_no_disk(disk.file, kind), hint=KNOWN)
        return Found(path=path, format=kind, target=target, about={"source": disk.file, "format": kind.value, **about})

    def _verify(self, folder: Path, descriptor: str, members: Sequence[str], machine: ovf.Descriptor) -> str:
        """Every file against the manifest, and the manifest against its signature. Returns who signed it, "" for nobody."""
        base = descriptor.removesuffix(".ovf")
        for member in members:
            if member.endswith((".mf", ".cert")) and member.rpartition(".")[0] != base:
                raise InputError(f"The OVA holds {member}, which is not of its descriptor {descriptor}.")
        if f"{base}.mf" not in members:
            if f"{base}.cert" in members:
                raise InputError("The OVA has a signature and no manifest that it could be of.", hint=AGAIN)
            return ""
        text = (folder / f"{base}.mf").read_bytes()
        listed = ovf.manifest(text)
        for file in (descriptor, *machine.files):
            if file not in listed:
                raise InputError(f"The OVA's manifest does not list {file}.", hint="Export the machine anew.")
        for file, (hashed, digest) in listed.items():
            if file not in members:
                raise InputError(f"The OVA lacks {file}, which its manifest lists.", hint=AGAIN)
            self._tell(f"checking {file}", None)
            with (folder / file).open("rb") as source:
                if hashlib.file_digest(source, hashed).hexdigest() != digest:
                    raise InputError(
                        f"{file} in the OVA is damaged: its {hashed.upper()} is not the manifest's.", hint="Fetch it again."
                    )
        if f"{base}.cert" not in members:
            return ""
        return signatures.signer((folder / f"{base}.cert").read_bytes(), f"{base}.mf", text)

    # -- what it becomes

    async def build(self, found: Found) -> tuple[str, Path]:
        """(key, folder) of a finished build."""
        whole = self._folder()
        disk = whole / store.FILES["disk"]
        key = (await asyncio.to_thread(_sha256, found.path))[:16]
        if found.format is Format.QCOW2:
            await transfer.check_disk(found.path)
        elif found.format is Format.VMDK:
            await asyncio.to_thread(vmdk.check, found.path)
        form = "vmdk" if found.format is Format.VMDK else found.format.value
        done = await run(["qemu-img", "info", "--output=json", "-f", form, found.path], deadline=60, check=False)
        if done.code:
            raise InputError(f"QEMU cannot read {found.about['source']}: {done.err.decode(errors='replace').strip()[-200:]}.")
        if int(json.loads(done.out)["virtual-size"]) > MOST_DISK:
            raise InputError(f"The disk {found.about['source']} is larger than {MOST_DISK >> 40} TiB.")
        if found.format is Format.QCOW2:
            await asyncio.to_thread(found.path.rename, disk)
        else:
            doing = f"converting {found.about['source']}"
            done = await convert(
                found.path, disk, to="qcow2", form=form, tell=lambda percent: self._tell(doing, percent), check=False
            )
            if done.code:
                said = done.err.decode(errors="replace").strip()[-200:]
                raise InputError(f"QEMU cannot convert {found.about['source']}: {said}.", hint="Is the file whole?")
            await asyncio.to_thread(found.path.unlink)
        return key, whole


def _looks_like_a_disk(member: str) -> bool:
    return member.lower().endswith((".qcow2", ".vmdk", ".img", ".raw", ".ova", ".qcow", ".tgz", ".tar.gz"))


def _no_disk(name: str, kind: Format) -> str:
    if kind is Format.VMDK_TEXT:
        return f"{name} is the text of a VMDK, whose data are in other files."
    if kind is Format.OVF:
        return f"{name} is a descriptor without its disks; pack them together: tar cf machine.ova {name} *.mf *.vmdk."
    if kind is Format.ISO:
        return f"{name} is a CD, from which one installs, and no disk of a machine."
    return f"{name} is nothing that has a machine's disk in it, by its contents."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
