"""Builds of images go from one installation to another, over the API, and what is broken or dangerous is refused."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import httpx
import pytest
from tests.unit.api_client import Client

from rackless.images import pruning, store
from rackless.store import servers


def build(images: Path, text: bytes) -> str:
    """A build of the image `reference` whose disk is a real one."""
    work = images / "reference" / ".build-test"
    work.mkdir(parents=True)
    disk(work / "root.qcow2", text)
    (work / "kernel").write_bytes(b"a kernel")
    (work / "initrd").write_bytes(b"an initrd")
    digest = hashlib.sha256(text).hexdigest()[:16]
    store.publish(images, "reference", digest, work)
    return digest


def disk(path: Path, text: bytes, *options: str, form: str = "qcow2") -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", form, *options, path, "1M"], check=True)
    if form == "raw":
        with path.open("r+b") as file:
            file.write(text.ljust(510, b"\0")[:510] + b"\x55\xaa")


async def put(client: Client, path: str, content: bytes, **query: str) -> httpx.Response:
    return await client.http.put(path, content=content, params=query)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")
class TestTransfer:
    async def test_a_build_goes_out_and_comes_in_elsewhere(self, client: Client) -> None:
        images = client.world.settings.images
        digest = build(images, b"one")
        archive = (await client.http.get(f"/images/reference/{digest}")).content
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            assert set(tar.getnames()) == {"manifest.json", "root.qcow2", "kernel", "initrd"}
        shutil.rmtree(images / "reference")
        assert await client.items("/images") == []
        checksum = hashlib.sha256(archive).hexdigest()
        answer = await put(client, "/images/reference", archive, sha256=checksum)
        assert answer.status_code == 201, answer.text
        [line] = await client.items("/images")
        assert (line["digest"], line["current"], line["problem"]) == (digest, True, "")
        assert store.find(images, "reference").kernel.read_bytes() == b"a kernel"
        # The same again is no harm, and nothing is left beside the builds.
        assert (await put(client, "/images/reference", archive)).status_code == 201
        assert [path.name for path in (images / "reference").iterdir() if path.name.startswith(".build")] == []

    async def test_another_build_is_there_and_is_used_when_told(self, client: Client) -> None:
        images = client.world.settings.images
        first = build(images, b"one")
        archive = (await client.http.get(f"/images/reference/{first}")).content
        second = build(images, b"two")
        await put(client, "/images/reference", archive, current="false")
        assert pruning.current(images / "reference").name == second
        await client.ask("PUT", f"/images/reference/{first}/current", status=204)
        assert pruning.current(images / "reference").name == first
        await client.ask("PUT", "/images/reference/absent/current", status=404)

    @pytest.mark.parametrize("form", ["qcow2", "raw"])
    async def test_a_bare_disk_becomes_an_image(self, client: Client, tmp_path: Path, form: str) -> None:
        disk(tmp_path / "disk", b"boot", form=form)
        answer = await put(client, "/images/vendor-router", (tmp_path / "disk").read_bytes())
        assert answer.status_code == 201, answer.text
        [line] = await client.items("/images")
        assert line["name"] == "vendor-router"
        kept = Path(line["path"]) / "root.qcow2"
        shown = subprocess.run(["qemu-img", "info", kept], capture_output=True, text=True, check=True).stdout
        assert "file format: qcow2" in shown

    async def test_a_disk_that_refers_to_a_file_of_the_server_is_refused(self, client: Client, tmp_path: Path) -> None:
        disk(tmp_path / "secret", b"of the host", form="raw")
        disk(tmp_path / "evil", b"", "-b", str(tmp_path / "secret"), "-F", "raw")
        answer = await put(client, "/images/evil", (tmp_path / "evil").read_bytes())
        assert answer.status_code == 422
        assert "refers to another file" in answer.text
        assert await client.items("/images") == []

    async def test_what_was_damaged_on_the_way_is_refused(self, client: Client) -> None:
        images = client.world.settings.images
        digest = build(images, b"one")
        archive = bytearray((await client.http.get(f"/images/reference/{digest}")).content)
        wrong = await put(client, "/images/reference", bytes(archive), sha256="0" * 64)
        assert "has the SHA-256" in wrong.text
        at = archive.index(b"a kernel")
        archive[at : at + 8] = b"A KERNEL"
        damaged = await put(client, "/images/other", bytes(archive))
        assert "kernel in the archive is damaged" in damaged.text
        assert (await put(client, "/images/other", bytes(archive[:3000]))).status_code == 422
        assert [line["name"] for line in await client.items("/images")] == ["reference"]

    @pytest.mark.parametrize("member", ["../../etc/passwd", "/etc/passwd", "extra", "root.qcow2/x"])
    async def test_an_archive_with_anything_else_in_it_is_refused(self, client: Client, member: str) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(member), io.BytesIO(b""))
        answer = await put(client, "/images/reference", archive.getvalue())
        assert answer.status_code == 422
        assert "no part of a build" in answer.text

    @pytest.mark.parametrize(("name", "content"), [("Bad_Name", b"QFI\xfb"), ("good", b""), ("good", b"text of somebody")])
    async def test_what_is_no_image_is_refused(self, client: Client, name: str, content: bytes) -> None:
        assert (await put(client, f"/images/{name}", content)).status_code == 422
        assert await client.items("/images") == []


async def test_pools_tell_who_holds_what(client: Client) -> None:
    await client.up()
    pools = {pool["name"]: pool for pool in await client.items("/pools")}
    machines = (await client.ask("GET", "/labs/lab"))["machines"]
    assert pools["console"]["labs"] == {"lab": len(machines)}
    assert pools["console"]["taken"] == len(machines)
    if client.world.database.shared:  # whose servers show that they live
        await client.world.database.run(servers.beat, client.world.server, "here", 1)
    [host] = [host for host in await client.items("/hosts") if host["this"]]
    assert host["alive"]
