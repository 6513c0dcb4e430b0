"""The appliance as OVF or OVA (DMTF DSP0243): descriptor, manifest with SHA-256, signature if there is a key, disk.

Disks go in as stream-optimised VMDKs, which qemu-img writes. So does the data disk, though it is empty and the standard would
let the importer make it: not every importer does (govmomi's simulator ends there).
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rackless.appliance import descriptor, sizes
from rackless.appliance.descriptor import Drive, Machine
from rackless.model.errors import InputError
from rackless.running import run

PIECE = 1 << 20
HINT = "Install the package qemu-utils."


@dataclass(frozen=True, kw_only=True)
class Signer:
    """PEM files: a certificate (its chain may follow it) and its RSA key."""

    certificate: Path
    key: Path


def digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(PIECE):
            total.update(data)
    return total.hexdigest()


def manifest(digests: dict[str, str]) -> bytes:
    """Of files and their SHA-256, in this order."""
    return "".join(f"SHA256({name})= {value}\n" for name, value in digests.items()).encode()


def sign(name: str, text: bytes, signer: Signer) -> bytes:
    """The certificate file of a manifest `name` (DSP0243, 5.1): RSA, PKCS 1, SHA-256.

    Raises:
        InputError: key and certificate are not a pair, or no RSA.
    """
    try:
        chain = signer.certificate.read_bytes()
        certificate = x509.load_pem_x509_certificates(chain)[0]
        key = serialization.load_pem_private_key(signer.key.read_bytes(), None)
    except (OSError, ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
        raise InputError(f"The OVA cannot be signed: {error}.", hint="Give a certificate and its key, both in PEM.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError("The OVA cannot be signed: OVF signs with RSA, and the key is none.", hint="Use an RSA key.")
    if key.public_key() != certificate.public_key():
        raise InputError(f"The key {signer.key} is not that of the certificate {signer.certificate}.", hint="Give a pair.")
    signature = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    return f"SHA256({name})= {signature.hex()}\n".encode() + chain


async def image_facts(path: Path) -> tuple[str, int, int]:
    """Format, capacity and bytes in use of a disk image."""
    done = await run(["qemu-img", "info", "--output=json", path], deadline=120, hint=HINT)
    about = json.loads(done.out)
    return str(about["format"]), int(about["virtual-size"]), int(about.get("actual-size", 0))


async def stream(source: Path, target: Path) -> None:
    """A disk image as a stream-optimised VMDK (VMware, Virtual Disk Format 5.0), for an LSI Logic controller."""
    form, _, _ = await image_facts(source)
    options = "subformat=streamOptimized,adapter_type=lsilogic"
    await run(["qemu-img", "convert", "-f", form, "-O", "vmdk", "-o", options, source, target], deadline=3600, hint=HINT)


def pack(folder: Path, names: list[str], target: Path) -> None:
    """A tar (POSIX.1-1988, as DSP0243 asks) of these files in this order; equal files give an equal archive."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            path = folder / name
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)


async def files(
    disk: Path, name: str, version: str, folder: Path, *, data: int = sizes.DATA, signer: Signer | None = None
) -> list[str]:
    """Descriptor, manifest, signature and disk into a folder; their names in the order of an OVA.

    Args:
        disk: the system disk, in any format of qemu-img.
        data: bytes of the second disk, which is empty; 0 for none.
    """
    drives = [await _drive(disk, f"{name}-disk1.vmdk", folder, id="system", about="System")]
    if data:
        blank = folder / "blank.qcow2"
        await run(["qemu-img", "create", "-q", "-f", "qcow2", blank, str(data)], deadline=60, hint=HINT)
        about = "Data: may be enlarged, and others added"
        drives.append(await _drive(blank, f"{name}-disk2.vmdk", folder, id="data", about=about))
        blank.unlink()
    given = sizes.GIVEN
    machine = Machine(name=name, version=version, vcpus=given.processors, memory=given.memory >> 20, drives=tuple(drives))
    (folder / f"{name}.ovf").write_bytes(descriptor.text(machine))
    disks = [drive.file for drive in drives]
    sums = {each: digest(folder / each) for each in (f"{name}.ovf", *disks)}
    (folder / f"{name}.mf").write_bytes(manifest(sums))
    names = [f"{name}.ovf", f"{name}.mf"]
    if signer is not None:
        (folder / f"{name}.cert").write_bytes(sign(f"{name}.mf", (folder / f"{name}.mf").read_bytes(), signer))
        names.append(f"{name}.cert")
    return [*names, *disks]


async def _drive(source: Path, name: str, folder: Path, *, id: str, about: str) -> Drive:
    _, capacity, used = await image_facts(source)
    await stream(source, folder / name)
    size = (folder / name).stat().st_size
    return Drive(id=id, about=about, capacity=capacity, file=name, size=size, used=used)


async def make(
    disk: Path, target: Path, version: str, work: Path, *, data: int = sizes.DATA, signer: Signer | None = None
) -> None:
    """`target` ending in .ova: one archive. Otherwise a folder with the OVF's files.

    Raises:
        InputError: what is there already, or cannot be signed.
    """
    if target.exists():
        raise InputError(f"{target} is there already.", hint="Remove it, or name another.")
    made = work / "ova"
    made.mkdir()
    names = await files(disk, target.name.removesuffix(".ova"), version, made, data=data, signer=signer)
    if target.suffix == ".ova":
        draft = target.with_name(target.name + ".new")
        pack(made, names, draft)
        draft.rename(target)
    else:
        target.mkdir()
        for name in names:
            shutil.move(made / name, target / name)


async def convert(disk: Path, target: Path, form: str) -> None:
    """The system disk as qcow2 (compressed) or raw, for QEMU and clouds."""
    if target.exists():
        raise InputError(f"{target} is there already.", hint="Remove it, or name another.")
    source, _, _ = await image_facts(disk)
    more = ["-c"] if form == "qcow2" else []
    draft = target.with_name(target.name + ".new")
    await run(["qemu-img", "convert", "-f", source, "-O", form, *more, disk, draft], deadline=3600, hint=HINT)
    draft.rename(target)


def environment(values: dict[str, str]) -> bytes:
    """The OVF environment document (DSP0243, 9; DSP8027) with these properties, as an importer hands it over."""
    space = "http://schemas.dmtf.org/ovf/environment/1"
    from xml.sax.saxutils import quoteattr

    out = io.StringIO()
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Environment xmlns="{space}" xmlns:oe="{space}" oe:id="">\n')
    out.write("  <PropertySection>\n")
    for key, value in values.items():
        out.write(f"    <Property oe:key={quoteattr(f'{descriptor.CLASS}.{key}')} oe:value={quoteattr(value)}/>\n")
    out.write("  </PropertySection>\n</Environment>\n")
    return out.getvalue().encode()
