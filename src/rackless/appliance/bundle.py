"""Signed bundles of one set: host root and guest image, for RAUC. And the authority that signs them, where there is no other."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import InputError
from rackless.running import run
from rackless.vmhost import setimage
from rackless.vmhost.linux import sets
from rackless.vmhost.linux.disks import area, look

DAYS = 3650
"""For which an authority of our own making signs."""
HOOK = """#!/bin/sh
# Called by RAUC on the host, once the root is written.
PYTHONPATH=/usr/lib/rackless exec python3 -S -m rackless.vmhost.linux.taking "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """`certificate` is what hosts trust; `key` signs, and belongs nowhere but on the machine that builds."""

    certificate: Path
    key: Path


async def authority(folder: Path) -> Authority:
    """The one in a folder, made when there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = Authority(certificate=folder / "ca.pem", key=folder / "ca.key")
    if found.certificate.is_file() and found.key.is_file():
        return found
    draft = folder / "ca.key.new"
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    words: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:3072",
        "-noenc",
        "-keyout",
        draft,
        "-out",
        found.certificate,
    ]
    await run(
        [*words, "-days", str(DAYS), "-subj", "/CN=Rackless VM host bundles"], deadline=120, hint="Install the package openssl."
    )
    draft.rename(found.key)
    return found


def manifest(version: str, platform: str, form: str = "verity") -> str:
    """Of a bundle (RAUC reference, "Manifest"). Format `verity`: every block is compared with the signed hash as it is read."""
    return (
        f"[update]\ncompatible={platform}\nversion={version}\n\n[bundle]\nformat={form}\n\n[hooks]\nfilename=hook\n\n"
        "[image.rootfs]\nfilename=rootfs.img\nhooks=post-install\n"
    )


async def make(
    root: Path,
    guest: Path | None,
    signer: Authority,
    target: Path,
    work: Path,
    *,
    form: str = "verity",
    hook: str = HOOK,
) -> Path:
    """
    Args:
        root: a sealed root image.
        guest: folder of a guest image, with its manifest.
        work: an empty folder on the disk of `root`.
        form: RAUC's format. Hosts take `verity` only, for which a kernel needs device mapper.
        hook: what RAUC calls on the host when the root is written.

    Raises:
        InputError: the root has no seal, or the guest image is damaged.
    """
    with area(look(root)) as place:
        seal = sets.seal_of(place)
        bad = setimage.damaged(place.read, seal) if seal else ()
    if seal is None or bad:
        raise InputError(f"{root} is no sealed root image, or a damaged one.", hint="Build it: rackless appliance build")
    wrong = sets.check_guest(guest) if guest else ""
    if wrong:
        raise InputError(f"The guest image in {guest} is damaged: {wrong}.", hint="Build or import it again.")
    inside = work / "bundle"
    inside.mkdir()
    (inside / "manifest.raucm").write_text(manifest(seal.version, seal.platform, form))
    (inside / "hook").write_text(hook)
    (inside / "hook").chmod(0o755)
    os.link(root, inside / "rootfs.img")
    if guest is not None:
        (inside / "guest").mkdir()
        for name in (*json.loads((guest / sets.MANIFEST).read_text())["files"], sets.MANIFEST):
            shutil.copyfile(guest / name, inside / "guest" / name)
    draft = target.with_name(target.name + ".new")
    draft.unlink(missing_ok=True)
    packing = "--mksquashfs-args=-comp zstd -Xcompression-level 3 -no-progress -quiet"
    words: list[str | Path] = ["rauc", f"--cert={signer.certificate}", f"--key={signer.key}", "bundle", packing, inside, draft]
    await run(words, deadline=1800, hint="Install the packages rauc and squashfs-tools.")
    draft.rename(target)
    shutil.rmtree(inside)
    return target
