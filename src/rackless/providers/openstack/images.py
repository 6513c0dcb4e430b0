"""Images and records at a cloud's image service.

A build of the catalogue is uploaded once. A disk is a linked clone of it that the hypervisor makes with the server and that ends
with it; until then, and for `owned`, it is a *record*: an image without data, with our tags, that names the build it stands on.
A machine is such a record too, with its plan: its server exists from the first power-on, because a cloud has no way to make one
that is switched off.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from rackless.model.errors import ProviderError
from rackless.model.plan import DiskSpec, MachineSpec
from rackless.providers.contract import Kept, RefKind
from rackless.providers.openstack.cloud import Cloud, project
from rackless.providers.openstack.marks import Marks

UPLOAD_SECONDS = 3600.0
_SPEC: TypeAdapter[MachineSpec] = TypeAdapter(MachineSpec)
_FORMATS = {".qcow2": "qcow2", ".vmdk": "vmdk", ".raw": "raw", ".img": "raw", ".vhd": "vpc", ".vdi": "vdi"}


TRAITS = {
    "ssse3": "HW_CPU_X86_SSSE3",
    "sse4_1": "HW_CPU_X86_SSE41",
    "sse4_2": "HW_CPU_X86_SSE42",
    "aes": "HW_CPU_X86_AESNI",
    "avx": "HW_CPU_X86_AVX",
    "avx2": "HW_CPU_X86_AVX2",
    "vmx": "HW_CPU_X86_VMX",
    "svm": "HW_CPU_X86_SVM",
}
"""What placement calls the flags of a processor (os-traits, hw/cpu/x86)."""


class DiskImage(Protocol):
    """What the catalogue gives for a name."""

    @property
    def disk(self) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """A disk or a machine. `base`: the image that a disk stands on. `spec`: of a machine."""

    id: str
    kind: RefKind
    sandbox: str
    name: str
    base: str = ""
    spec: MachineSpec | None = None


class Images:
    def __init__(self, cloud: Cloud, marks: Marks, find: Callable[[str], DiskImage]) -> None:
        self._cloud = cloud
        self._marks = marks
        self._find = find
        self._uploading = asyncio.Lock()
        self.coming = 0
        """Disks whose build is looked for, and that have no record yet."""
        self._digests: dict[tuple[str, float], str] = {}

    async def records(self, sandbox: str | None = None) -> list[Record]:
        """Of one sandbox or of all; asked by tag."""
        tags = [self._marks.tag] + ([self._marks.lab(sandbox)] if sandbox is not None else [])

        def listed(cloud: Any) -> list[Any]:
            return _images(cloud, tag=tags)

        found = await self._cloud.call("listing images", listed)
        records = [_record(image) for image in found if "rackless_kind" in (image.properties or {})]
        return sorted(records, key=lambda record: (record.kind.value, record.name, record.id))

    async def unended(self) -> list[tuple[str, str]]:
        """Name and id of uploads that came to no end and can come to none any more, whoever began them."""

        def listed(cloud: Any) -> list[Any]:
            return _images(cloud, tag=[self._marks.tag])

        found = [one for one in await self._cloud.call("listing images", listed) if "rackless_build" in (one.properties or {})]
        now = datetime.now(UTC)
        return sorted((str(one.name), str(one.id)) for one in found if one.status != "active" and _age(one, now) > UPLOAD_SECONDS)

    async def record(self, sandbox: str, kind: RefKind, name: str) -> Record | None:
        """By its computed name, so that one that is not ours is seen too.

        Raises:
            ProviderError: it does not carry our mark.
        """
        title = self._title(sandbox, kind, name)

        def named(cloud: Any) -> list[Any]:
            return _images(cloud, name=title)

        for image in sorted(await self._cloud.call(f"looking for {kind.value} {name}", named), key=lambda image: str(image.id)):
            if self._marks.tag not in (image.tags or []):
                raise ProviderError(
                    f"{kind.value.capitalize()} {name} of {sandbox} at {self._cloud.place.name} does not carry our mark.",
                    hint=f"Look whose the image {title} is, and rename or remove it with its owner's tools.",
                )
            return _record(image)
        return None

    async def keep(self, spec: DiskSpec | MachineSpec, base: str = "") -> None:
        """Make the record. Whoever calls has looked whether it is there."""
        kind = RefKind.DISK if isinstance(spec, DiskSpec) else RefKind.MACHINE
        title = self._title(spec.sandbox, kind, spec.name)
        more = {"rackless_kind": kind.value, "rackless_lab": spec.sandbox, "rackless_name": spec.name}
        if isinstance(spec, MachineSpec):
            more["rackless_spec"] = _SPEC.dump_json(spec).decode()
        else:
            more["rackless_base"] = base
        tags = [self._marks.tag, self._marks.lab(spec.sandbox)]

        def make(cloud: Any) -> None:
            if not _images(cloud, name=title):
                cloud.image.create_image(
                    name=title, tags=tags, visibility="private", disk_format="qcow2", container_format="bare",
                    allow_duplicates=True, **more,
                )  # fmt: skip

        await self._cloud.call(f"keeping {kind.value} {spec.name}", make)

    async def forget(self, record: Record) -> None:
        await self._cloud.call(f"removing {record.kind.value} {record.name}", lambda cloud: cloud.image.delete_image(record.id))

    async def base(self, name: str) -> str:
        """The id of the uploaded build of the image called `name`; uploads it if it is not there.

        Raises:
            NotFoundError: the catalogue has none.
        """
        image = self._find(name)
        build = await asyncio.to_thread(self._digest, image)
        title = self._marks.image(name, build)
        from openstack import exceptions

        async with self._uploading:

            def upload(cloud: Any) -> str:
                for there in sorted(_images(cloud, name=title, tag=[self._marks.tag]), key=lambda one: str(one.id)):
                    if there.status == "active":
                        return str(there.id)
                    cloud.image.delete_image(there.id)  # A try of ours that did not come to its end.
                made = cloud.image.create_image(
                    name=title, tags=[self._marks.tag], visibility="private", container_format="bare",
                    disk_format=_FORMATS.get(image.disk.suffix, "qcow2"), min_disk=_gibibytes(image.disk), allow_duplicates=True,
                    os_shutdown_timeout="0", rackless_build=build,
                )  # fmt: skip
                with image.disk.open("rb") as file:
                    answer = cloud.image.put(
                        f"/images/{made.id}/file", data=file, headers={"Content-Type": "application/octet-stream"}
                    )
                exceptions.raise_from_response(answer)
                return str(made.id)

            return await self._cloud.call(f"uploading the image {name}", upload, seconds=UPLOAD_SECONDS)

    async def kept(self) -> tuple[Kept, ...]:
        """The uploaded builds, and which labs' disks stand on each."""

        def listed(cloud: Any) -> list[Any]:
            return _images(cloud, tag=[self._marks.tag])

        found = await self._cloud.call("listing images", listed)
        records = [_record(image) for image in found if "rackless_kind" in (image.properties or {})]
        users: dict[str, set[str]] = {}
        for record in records:
            users.setdefault(record.base, set()).add(record.sandbox)
        builds = [image for image in found if "rackless_build" in (image.properties or {})]
        # A disk whose record is on its way has its build already.
        coming = "a disk that is being made" if self.coming else ""
        return tuple(
            Kept(
                kind="image", name=str(image.name), id=str(image.id), size=int(image.size or 0),
                used=", ".join(sorted(users.get(str(image.id), ()))) or coming,
            )
            for image in sorted(builds, key=lambda image: str(image.name))
        )  # fmt: skip

    async def drop(self, image: str) -> None:
        await self._cloud.call("removing an image", lambda cloud: cloud.image.delete_image(image))

    async def trial(self) -> None:
        """Make an image without data, and remove it; one that an earlier trial left goes too."""
        title = self._marks.name("", "check")

        def make(cloud: Any) -> None:
            cloud.image.create_image(
                name=title, tags=[self._marks.tag], visibility="private", disk_format="qcow2", container_format="bare",
                allow_duplicates=True,
            )  # fmt: skip
            for one in _images(cloud, name=title, tag=[self._marks.tag]):
                cloud.image.delete_image(one.id)

        await self._cloud.call("making an image", make)

    async def suit(self, base: str, spec: MachineSpec) -> None:
        """Devices belong to the image in Nova, and so does what a hypervisor has to have. Virtio is every libvirt's default; what
        needs another gets it."""
        wanted = {"hw_vif_model": spec.nic_model.value, "hw_disk_bus": spec.disk_bus.value}
        if set(wanted.values()) == {"virtio"}:
            wanted = {}
        wanted |= {f"trait:{TRAITS[flag]}": "required" for flag in spec.cpu_flags if flag in TRAITS}
        if wanted:
            await self._cloud.call(f"devices of {spec.image}", lambda cloud: cloud.image.update_image(base, **wanted))

    def _digest(self, image: DiskImage) -> str:
        digest = getattr(image, "digest", "")
        if digest:
            return str(digest)
        key = (str(image.disk), image.disk.stat().st_mtime)
        if key not in self._digests:
            with image.disk.open("rb") as file:
                self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[key]

    def _title(self, sandbox: str, kind: RefKind, name: str) -> str:
        return self._marks.name(sandbox, f"{kind.value}-{name}")


def _images(cloud: Any, **asked: object) -> list[Any]:
    """Of the connection's own project: Glance calls it the owner."""
    return list(cloud.image.images(owner=project(cloud)["project_id"], **asked))


def _age(image: Any, now: datetime) -> float:
    """Seconds since it was begun, by the cloud's clock; 0 when it does not say."""
    if not image.created_at:
        return 0.0
    return (now - datetime.fromisoformat(str(image.created_at).replace("Z", "+00:00"))).total_seconds()


def _record(image: Any) -> Record:
    properties: Mapping[str, str] = image.properties
    spec = properties.get("rackless_spec")
    return Record(
        id=str(image.id),
        kind=RefKind(properties["rackless_kind"]),
        sandbox=properties["rackless_lab"],
        name=properties["rackless_name"],
        base=properties.get("rackless_base", ""),
        spec=_SPEC.validate_json(spec) if spec else None,
    )


def _gibibytes(disk: Path) -> int:
    """The least size of a root disk. A qcow2's is in its header (QEMU, docs/interop/qcow2.txt: bytes 24 to 31, big-endian)."""
    with disk.open("rb") as file:
        head = file.read(32)
    size = struct.unpack(">Q", head[24:32])[0] if head[:4] == b"QFI\xfb" else disk.stat().st_size
    return max(1, -(-int(size) // (1 << 30)))
