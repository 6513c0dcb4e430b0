"""Somebody else's OVA is imported and runs; what is not imported, or cannot run here, is told before anything is made.

The OVA is of the reference image's own disk, as a stream-optimized VMDK: no other machine's is free to be given out.
"""

from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import store
from tests.unit.test_image_import import descriptor

from .cli import Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    images = tmp_path_factory.mktemp("images")
    made = Installation.make(RACKLESS_MANAGEMENT="forwarded", RACKLESS_IMAGES=str(images))
    try:
        yield made
    finally:
        made.down_all()
        made.close()


@pytest.fixture(scope="module")
def ova(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ova")
    disk, vmdk = store.find(settings.load().images, "reference").disk, folder / "router-disk1.vmdk"
    command = ["qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run([*command, disk, vmdk], check=True)
    ovf = descriptor(vmdk.name, vmdk.stat().st_size)
    sums = {"router.ovf": hashlib.sha256(ovf).hexdigest(), vmdk.name: hashlib.sha256(vmdk.read_bytes()).hexdigest()}
    manifest = "".join(f"SHA256({name})= {digest}\n" for name, digest in sums.items()).encode()
    with tarfile.open(folder / "router.ova", "w") as archive:
        for name, text in (("router.ovf", ovf), ("router.mf", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        archive.add(vmdk, vmdk.name)
    return folder / "router.ova"


def images(here: Installation) -> list[str]:
    folder = Path(here.environ["RACKLESS_IMAGES"])
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "lock" not in path.name)


def test_what_is_missing_is_told_before_anything_is_made(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("name: lab\nrouters:\n  west: {family: vmx, cards: 2}\n  east: {family: vjunos-switch}\n")
    ran = here.run("up", str(file), check=False)
    assert ran.code != 0
    for said in (
        "There is no image vmx-vcp in",
        "There is no image vmx-vfp-card1 in",
        "There is no image vjunos-switch in",
        "rackless image import FILE --name vmx-vcp",
        "rackless image prepare vmx-vfp --slot 1",
        "east (vjunos-switch) needs nested",
    ):
        assert said in " ".join((ran.out + ran.err).split()), ran.out + ran.err
    assert here.json("list") == []


def test_an_interrupted_import_leaves_nothing(here: Installation, ova: Path) -> None:
    here.run("list")  # the server runs
    process = here.start("image", "import", str(ova), "--name", "frr")
    folder = Path(here.environ["RACKLESS_IMAGES"])
    while not list(folder.glob(".import-*/came")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    limit = time.monotonic() + 30
    while images(here) or list(folder.glob(".import-*")):
        assert time.monotonic() < limit, images(here)
        time.sleep(0.1)


def test_an_imported_machine_runs_with_a_configuration_drive(here: Installation, ova: Path, tmp_path: Path) -> None:
    [found] = here.json("image", "import", str(ova), "--name", "frr")
    assert (found["name"], found["current"], found["about"]["memory"]) == ("frr", True, 2048)
    file = tmp_path / "lab.yaml"
    file.write_text(
        "name: lab\nhosts:\n  one: {family: frr, memory: 256, addresses: {eth1: 192.0.2.1/24}}\n"
        "  two: {family: frr, memory: 256}\nwires:\n  - [one:eth1, two:eth1]\n"
    )
    here.run("up", str(file))
    lab = here.json("show", "lab")
    assert lab["state"] == "ready"
    assert [(machine["name"], machine["running"]) for machine in lab["machines"]] == [("one", True), ("two", True)]
    assert {machine["reason"] for machine in lab["machines"]} == {"a login prompt stands on its serial line"}
    assert {port["name"] for port in lab["ports"] if port["ready"] and port["up"]} == {"one:eth1", "two:eth1"}
    drive = next(here.state.rglob("one/config.iso")).read_bytes()
    assert b'"ip_address":"192.0.2.1"' in drive
    transcript = next(here.state.glob("transcripts/lab/one.log")).read_text()
    assert "login:" in transcript
    here.run("down", "lab")
    assert here.json("list") == []
