"""A card's image that knows its slot before it is in a lab: written, booted once, halted. With the reference image's disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import inside, store
from rackless.model.errors import InputError, NotFoundError
from rackless.qemu.accelerator import Accelerator
from rackless.routers import preparing
from rackless.routers.families import FAMILIES
from rackless.routers.preparing import Preparation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]

PLACE = "/var/jnx/card/local/slot"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A store whose image `vmx-vfp` is the reference image's disk, with its own bootloader only, as a vendor's image has it."""
    found = store.find(settings.load().images, "reference")
    built = tmp_path / "images/vmx-vfp/.build"
    built.mkdir(parents=True)
    shutil.copyfile(found.disk, built / "root.qcow2")
    store.put(tmp_path / "images", "vmx-vfp", "0123", built, append="")
    store.make_current(tmp_path / "images", "vmx-vfp", "0123")
    return tmp_path / "images"


def raw_of(build: Path) -> Path:
    raw = build.parents[2] / "seen.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", build / "root.qcow2", raw], check=True)
    return raw


async def test_the_number_is_in_it_and_it_has_booted_and_halted(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = next(family for family in FAMILIES if family.name == "vmx")
    monkeypatch.setattr(preparing, "facts_of", lambda *_: _small(family))
    how = (await Accelerator(images / "accelerator.json", os.environ.get("RACKLESS_ACCELERATOR", "auto")).find(None)).how
    told: list[str] = []
    before = raw_of(images / "vmx-vfp/0123")
    assert await inside.read(before, PLACE, 2) == ""
    assert await inside.read(before, "/etc/ssh/ssh_host_ed25519_key.pub", 2) == ""
    build = await preparing.prepare(images, Preparation(image="vmx-vfp", slot=3), FAMILIES, how, tell=told.append)
    assert store.find(images, "vmx-vfp-card3").disk.parent == build
    after = raw_of(build)
    assert await inside.read(after, PLACE, 2) == "3\n"
    # Its first boot is behind it, and its file system was put away in order.
    assert (await inside.read(after, "/etc/ssh/ssh_host_ed25519_key.pub", 2)).startswith("ssh-ed25519 ")
    checked = subprocess.run(["e2fsck", "-fn", f"{after}?offset={33 << 20}"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "recovering journal" not in checked.stdout
    about = json.loads((build / store.MANIFEST).read_text())["about"]
    assert about == {"prepared": "vmx-vfp", "of": "0123", "slot": 3, "file": PLACE, "partition": 2}
    assert told == ["copying vmx-vfp", f"writing 3 into {PLACE}", "booting it once", "halting it"]
    assert list(images.glob(".import-*")) == []


def _small(family: object) -> object:
    """The card's facts with the memory that this disk needs."""
    from dataclasses import replace

    from rackless.model.family import Family, Role

    assert isinstance(family, Family)
    return replace(family.facts(Role.CARD), default_memory=192, vcpus=1, login=("root", ""))


async def test_what_cannot_be_prepared_leaves_nothing(images: Path) -> None:
    how = (await Accelerator(images / "accelerator.json", "tcg").find(None)).how
    with pytest.raises(NotFoundError, match="no image nothing"):
        await preparing.prepare(images, Preparation(image="nothing", slot=0), FAMILIES, how)
    with pytest.raises(InputError, match="that has the folder nowhere"):
        await preparing.prepare(images, Preparation(image="vmx-vfp", slot=0, slot_file="/nowhere/slot"), FAMILIES, how)
    with pytest.raises(InputError, match="partition 1 of the disk"):
        await preparing.prepare(images, Preparation(image="vmx-vfp", slot=0, partition=1), FAMILIES, how)
    assert sorted(path.name for path in images.iterdir() if path.is_dir()) == ["vmx-vfp"]
