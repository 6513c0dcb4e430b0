"""The descriptor of an OVA: OVF 1.0, 1.1 and 2.0 (DMTF DSP0243). Pure: texts in, facts out.

The parser knows no document types and no entities, so that none can be expanded or fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from rackless.model.errors import InputError

MOST_TEXT = 4 << 20
MOST_ELEMENTS = 50_000
MOST_DEPTH = 60
SPACES = ("http://schemas.dmtf.org/ovf/envelope/1", "http://schemas.dmtf.org/ovf/envelope/2")
PROCESSOR, MEMORY, ETHERNET, DISK = "3", "4", "10", "17"
"""CIM_ResourceAllocationSettingData.ResourceType."""
BUSES = {"5": "ide", "6": "scsi", "20": "sata"}
HASHES = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}
_DIGEST = re.compile(r"(SHA1|SHA256|SHA512)\s*\(([^()/\\]{1,255})\)\s*=\s*([0-9a-fA-F]{40,1024})\s*\Z")
_UNITS = re.compile(r"byte(?:\s*\*\s*(\d{1,6})(?:\s*\^\s*(\d{1,2}))?)?\Z")
_OLD_UNITS = {"KiloBytes": 1 << 10, "MegaBytes": 1 << 20, "GigaBytes": 1 << 30, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True, kw_only=True)
class OvfDisk:
    """`file`: in the package. `size` of the file in bytes, None when it is not told; `bus`: ide, scsi, sata or ""."""

    file: str
    size: int | None
    gzipped: bool
    bus: str = ""


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """`memory` in MiB, 0 when it is not told; `nics`: kinds of the adapters in order (E1000, VmxNet3)."""

    name: str
    version: str
    memory: int
    vcpus: int
    nics: tuple[str, ...]
    disks: tuple[OvfDisk, ...]
    files: tuple[str, ...]


def parsed(text: bytes) -> Element:
    """A tree of elements without namespaces in their attributes.

    Raises:
        InputError: it is no XML, or has what could be used against a parser.
    """
    if len(text) > MOST_TEXT:
        raise InputError("The OVF descriptor is larger than any machine's.")
    builder, depth, count = TreeBuilder(), 0, 0
    parser = expat.ParserCreate(namespace_separator="}")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MOST_DEPTH or count > MOST_ELEMENTS:
            raise InputError("The OVF descriptor is nested deeper, or larger, than any machine's.")
        builder.start(tag, {key.rpartition("}")[2]: value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> int:
        raise InputError("The OVF descriptor declares a document type or entities, which no machine needs.")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise InputError(f"The OVF descriptor is broken: {error}.", hint="Fetch the file again.") from error
    return builder.close()


def read(text: bytes) -> Descriptor:
    """Raises InputError: it is none, or of a machine that cannot be imported."""
    root = parsed(text)
    space, _, name = root.tag.rpartition("}")
    if name != "Envelope" or space not in SPACES:
        raise InputError(
            f"The descriptor is {name} of {space or 'no namespace'}, and no OVF 1.x or 2.0 envelope.",
            hint="Export the machine anew with a current tool (ovftool converts older ones).",
        )
    systems = [element for element in root.iter() if _local(element) == "VirtualSystem"]
    if len(systems) != 1:
        raise InputError(f"The OVF describes {len(systems)} machines; one can be imported.", hint="Export each by itself.")
    system = systems[0]
    items = [_values(item) for item in system.iter() if _local(item) in {"Item", "StorageItem", "EthernetPortItem"}]
    by_type = [(item.get("ResourceType", ""), item) for item in items]
    references = {each.get("id", ""): each for each in _all(root, "File")}
    return Descriptor(
        name=_text(system, "Name") or system.get("id", ""),
        version=_text(system, "Version") or _text(system, "FullVersion"),
        memory=next((_mebibytes(item) for kind, item in by_type if kind == MEMORY), 0),
        vcpus=next((_whole(item.get("VirtualQuantity", "0")) for kind, item in by_type if kind == PROCESSOR), 0),
        nics=tuple(item.get("ResourceSubType", "") for kind, item in by_type if kind == ETHERNET),
        disks=tuple(_disks(root, references, items)),
        files=tuple(_file(each) for each in references.values()),
    )


def _disks(root: Element, references: dict[str, Element], items: list[dict[str, str]]) -> Iterator[OvfDisk]:
    known = {each.get("diskId", ""): each for each in _all(root, "Disk")}
    controllers = {item.get("InstanceID", ""): BUSES.get(item.get("ResourceType", ""), "") for item in items}
    wanted: list[tuple[str, str]] = []
    for item in items:
        host = item.get("HostResource", "")
        if item.get("ResourceType") == DISK and "/disk/" in host:
            wanted.append((host.rpartition("/")[2], controllers.get(item.get("Parent", ""), "")))
    for key, bus in wanted or [(key, "") for key in known]:
        disk = known.get(key)
        if disk is None:
            raise InputError(f"The OVF's machine has the disk {key!r}, which the OVF does not describe.")
        reference = references.get(disk.get("fileRef", ""))
        if reference is None:
            continue  # an empty disk, which is made and not brought
        if disk.get("parentRef"):
            raise InputError(f"Disk {key!r} of the OVF stands on another disk.", hint="Export the machine without snapshots.")
        if reference.get("chunkSize"):
            raise InputError(f"Disk {key!r} of the OVF is cut into pieces.", hint="Export the machine as one OVA.")
        size = reference.get("size")
        yield OvfDisk(
            file=_file(reference), size=_whole(size) if size else None, gzipped=reference.get("compression") == "gzip", bus=bus
        )


def _file(reference: Element) -> str:
    """A file's name. Raises InputError when it is elsewhere (DSP0243 allows URLs)."""
    href = reference.get("href", "")
    if not href or "/" in href or "\\" in href or href.startswith("."):
        raise InputError(f"The OVF refers to {href[:100]!r}, which is not in the package.", hint="Export the machine as one OVA.")
    return href


def manifest(text: bytes) -> dict[str, tuple[str, str]]:
    """{file: (name of the hash as hashlib has it, hexadecimal digest)}.

    Raises:
        InputError: a line is none of a manifest.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in _lines(text):
        match = _DIGEST.match(line)
        if match is None:
            raise InputError(f"The OVF's manifest has a line that is none: {line[:100]!r}.")
        found[match[2]] = (HASHES[match[1]], match[3].lower())
    return found


def signature(text: bytes) -> tuple[str, str, bytes, bytes]:
    """Of a certificate file: (manifest's name, hash, signature, certificates in PEM).

    Raises:
        InputError: it is none.
    """
    head, mark, tail = text.partition(b"-----BEGIN CERTIFICATE-----")
    lines = list(_lines(head))
    match = _DIGEST.match(lines[0]) if lines else None
    if match is None or not mark:
        raise InputError("The OVF's certificate file has no signature, or no certificate.")
    return match[2], HASHES[match[1]], bytes.fromhex(match[3]), mark + tail


def _lines(text: bytes) -> Iterator[str]:
    if len(text) > MOST_TEXT:
        raise InputError("The OVF's manifest is larger than any machine's.")
    return (line for line in map(str.strip, text.decode("utf-8", errors="replace").splitlines()) if line)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if _local(element) == name)


def _text(element: Element, name: str) -> str:
    found = next(_all(element, name), None)
    return (found.text or "").strip() if found is not None else ""


def _values(item: Element) -> dict[str, str]:
    return {_local(child): (child.text or "").strip() for child in item}


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise InputError(f"The OVF has {text[:40]!r} where a number belongs.")
    return int(text)


def _mebibytes(item: dict[str, str]) -> int:
    units = item.get("AllocationUnits") or "byte * 2^20"
    match = _UNITS.match(units)
    factor = _OLD_UNITS.get(units)
    if match is not None:
        factor = int(match[1] or 1) ** min(int(match[2] or 1), 60)
    if factor is None:
        raise InputError(f"The OVF counts memory in {units[:40]!r}.")
    return _whole(item.get("VirtualQuantity", "0")) * factor >> 20
