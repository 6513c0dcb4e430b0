"""What the appliance's builder takes from this machine is here; modules of the initial RAM disk come with late devices."""

from __future__ import annotations

import importlib.metadata
import io
import json
import tarfile
from pathlib import Path

import pytest

from rackless.appliance import root
from rackless.images.tree import read_list
from rackless.model.errors import InputError
from rackless.vmhost.linux import installer, modules


@pytest.mark.parametrize("name", read_list(root.FILES / "distributions"))
def test_the_agents_python_packages_are_installed(name: str) -> None:
    assert importlib.metadata.distribution(name).files


async def test_modules_are_loaded_for_devices_that_come_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = {
        "always": ["ext4"],
        "needs": {"ext4": ["jbd2.ko", "ext4.ko"], "usb_storage": ["usb-storage.ko"]},
        "aliases": ["usb:v*p*ic08isc06ip50in* usb_storage"],
    }
    (tmp_path / "index.json").write_text(json.dumps(about))
    there: list[str] = []
    inserted: list[list[str]] = []

    async def run(words: list[str | Path], **_: object) -> None:
        inserted.append([Path(word).name for word in words[4:]])

    monkeypatch.setattr(modules, "devices", lambda: list(there))
    monkeypatch.setattr(modules, "run", run)
    loading = modules.Modules(tmp_path)
    await loading.load()
    await loading.load()
    assert inserted == [["jbd2.ko", "ext4.ko"]]
    there.append("usb:v46F4p0001d0000dc00dsc00dp00ic08isc06ip50in00")
    await loading.load()
    assert inserted[1:] == [["usb-storage.ko"]]


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_a_guest_image_that_was_fetched_is_plain_files(tmp_path: Path) -> None:
    assert installer.unpacked(packed(tmp_path / "none.tar"), tmp_path / "none") is None
    some = packed(
        tmp_path / "some.tar", (tarfile.TarInfo("manifest.json"), b"{}"), (tarfile.TarInfo("root.qcow2"), b"x" * 3_000_000)
    )
    folder = installer.unpacked(some, tmp_path / "some")
    assert folder is not None
    assert {file.name: file.stat().st_size for file in folder.iterdir()} == {"manifest.json": 2, "root.qcow2": 3_000_000}


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "folder/file", ".hidden"])
def test_what_is_no_file_of_a_guest_image_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no file of a guest image"):
        installer.unpacked(packed(tmp_path / "bad.tar", (tarfile.TarInfo(name), b"x")), tmp_path / "bad")
    assert not (tmp_path / "outside").exists()
