"""Other people's machines come into the store as they are packed, and what is broken, foreign or hostile changes nothing."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from tests.unit.api_client import Client

from rackless.api.telling import Telling
from rackless.images import importing, ovf, pruning, store
from rackless.model.errors import InputError
from rackless.routers.families import FAMILIES

SIZE = 2 << 20
OVF1 = "http://schemas.dmtf.org/ovf/envelope/1"
OVF2 = "http://schemas.dmtf.org/ovf/envelope/2"


def raw(text: bytes = b"a disk") -> bytes:
    return (text.ljust(510, b"\1")[:510] + b"\x55\xaa").ljust(4096, b"\2").ljust(SIZE, b"\0")


def disk(folder: Path, form: str, *options: str, text: bytes = b"a disk") -> bytes:
    """A disk in another format, made by qemu-img."""
    source, target = folder / "source.raw", folder / f"made.{form}"
    source.write_bytes(raw(text))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, source, target], check=True)
    content = target.read_bytes()
    target.unlink()
    return content


def content_of(path: Path) -> bytes:
    """What a guest would see."""
    plain = path.with_name("seen.raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, plain], check=True)
    seen = plain.read_bytes()
    plain.unlink()
    return seen


def descriptor(file: str, size: int, *, space: str = OVF1, reference: str = "", more: str = "", disk: str = "") -> bytes:
    """As ovftool writes one (2.0 has items of their own for disks and NICs)."""
    version = "1" if space == OVF1 else "2"
    storage, port = ("Item", "Item") if version == "1" else ("StorageItem", "EthernetPortItem")
    sasd, epasd = ("rasd", "rasd") if version == "1" else ("sasd", "epasd")
    cim = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"
    return f"""<?xml version="1.0" encoding="UTF-8"?>{more}
<Envelope xmlns="{space}" xmlns:ovf="{space}" xmlns:rasd="{cim}/CIM_ResourceAllocationSettingData"
 xmlns:sasd="{cim}/CIM_StorageAllocationSettingData.xsd" xmlns:epasd="{cim}/CIM_EthernetPortAllocationSettingData.xsd">
 <References><File ovf:href="{file}" ovf:id="file1" ovf:size="{size}" {reference}/></References>
 <DiskSection><Info>Disks</Info><Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="2" {disk}/></DiskSection>
 <VirtualSystem ovf:id="vm"><Info>A machine</Info><Name>router</Name>
  <ProductSection><Info>p</Info><Version>17.1R1.8</Version></ProductSection>
  <VirtualHardwareSection><Info>h</Info>
   <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>
    <rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
   <Item><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>
    <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item>
   <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>5</rasd:ResourceType></Item>
   <{storage}><{sasd}:InstanceID>4</{sasd}:InstanceID><{sasd}:Parent>3</{sasd}:Parent>
    <{sasd}:ResourceType>17</{sasd}:ResourceType><{sasd}:HostResource>ovf:/disk/vmdisk1</{sasd}:HostResource></{storage}>
   <{port}><{epasd}:InstanceID>5</{epasd}:InstanceID><{epasd}:ResourceType>10</{epasd}:ResourceType>
    <{epasd}:ResourceSubType>E1000</{epasd}:ResourceSubType></{port}>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>
""".encode()


def manifest(files: Mapping[str, bytes], name: str = "SHA256") -> bytes:
    return "".join(f"{name}({file})= {hashlib.new(name, data).hexdigest()}\n" for file, data in files.items()).encode()


def tar(files: Mapping[str, bytes], *, gz: bool = False, extra: Any = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz" if gz else "w") as archive:
        for file, data in files.items():
            member = tarfile.TarInfo(file)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if extra is not None:
            archive.addfile(extra)
    return out.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files.items():
            archive.writestr(file, data)
    return out.getvalue()


def ova(folder: Path, *, space: str = OVF1, hashed: str = "SHA256", **more: Any) -> dict[str, bytes]:
    vmdk = disk(folder, "vmdk", "-o", "subformat=streamOptimized")
    files = {"r.ovf": descriptor("r-disk1.vmdk", len(vmdk), space=space, **more), "r-disk1.vmdk": vmdk}
    return {"r.ovf": files["r.ovf"], "r.mf": manifest(files, hashed), "r-disk1.vmdk": vmdk}


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1 << 16):
        yield content[at : at + (1 << 16)]


async def take(images: Path, content: bytes, file: str, **more: Any) -> list[Path]:
    sha256 = more.pop("sha256", "")
    return await importing.receive(images, pieces(content), importing.Wish(file=file, **more), FAMILIES, sha256=sha256)


async def refused(images: Path, content: bytes, file: str, message: str, **more: Any) -> None:
    with pytest.raises(InputError, match=message):
        await take(images, content, file, **more)
    assert left(images) == []


def left(images: Path) -> list[str]:
    """All files that are there, but for the locks of images."""
    return sorted(str(path.relative_to(images)) for path in images.rglob("*") if path.is_file() and "lock" not in path.name)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


def about(build: Path) -> dict[str, Any]:
    return dict(json.loads((build / store.MANIFEST).read_text())["about"])


class TestDisks:
    @pytest.mark.parametrize(
        ("form", "options"),
        [
            ("qcow2", []),
            ("vmdk", ["-o", "subformat=monolithicSparse"]),
            ("vmdk", ["-o", "subformat=streamOptimized"]),
            ("raw", []),
        ],
    )
    async def test_each_format_is_known_by_its_contents(
        self, images: Path, tmp_path: Path, form: str, options: list[str]
    ) -> None:
        content = disk(tmp_path, form, *options)
        [build] = await take(images, content, "misleading.txt", name="mine")
        found = store.find(images, "mine")
        assert found.disk.parent == build
        assert content_of(found.disk) == raw()
        assert (found.kernel, found.append) == (None, "")
        assert about(build) == {"source": "misleading.txt", "format": form}
        assert left(images) == [f"mine/{build.name}/manifest.json", f"mine/{build.name}/root.qcow2"]
        # The same again changes nothing.
        assert await take(images, content, "misleading.txt", name="mine") == [build]

    async def test_a_gzip_of_a_disk(self, images: Path) -> None:
        await take(images, gzip.compress(raw()), "disk.img.gz", family="frr")
        assert content_of(store.find(images, "frr").disk) == raw()

    async def test_what_it_is_of_is_said_or_in_the_name(self, images: Path, tmp_path: Path) -> None:
        qcow2 = disk(tmp_path, "qcow2")
        for file, image in {
            "junos-vmx-x86-64-18.2R1.9.qcow2": "vmx-vcp",
            "vJunos-router-23.1R1.8.qcow2": "vjunos-router",
            "vJunos-switch-23.1R1.8.qcow2": "vjunos-switch",
            "junos-vsrx3-x86-64-20.1R1.11.qcow2": "vsrx",
            "media-vsrx-vmdisk-15.1X49-D60.7.qcow2": "vsrx",
            "vFPC-20180605.img": "vmx-vfp",
        }.items():
            [build] = await take(images, qcow2, file)
            assert build.parent.name == image
        [build] = await take(images, qcow2, "anything", family="vmx", role="card")
        assert build.parent.name == "vmx-vfp"

    @pytest.mark.parametrize(
        ("file", "more", "message"),
        [
            ("router.qcow2", {}, "Nothing says which image router.qcow2 is"),
            ("router.qcow2", {"family": "vmx"}, "has machines of the roles controller, card"),
            ("router.qcow2", {"family": "vmz"}, "There is no family 'vmz'"),
            ("router.qcow2", {"family": "reference", "role": "card"}, "is built here"),
            ("router.qcow2", {"name": "../x"}, "cannot be an image's name"),
            ("router.qcow2", {"name": "x", "sha256": "0" * 64}, "has the SHA-256"),
        ],
    )
    async def test_what_nobody_says_is_asked_for(
        self, images: Path, tmp_path: Path, file: str, more: dict[str, Any], message: str
    ) -> None:
        await refused(images, disk(tmp_path, "qcow2"), file, message, **more)

    async def test_a_disk_that_stands_on_others_is_refused(self, images: Path, tmp_path: Path) -> None:
        base = tmp_path / "base.qcow2"
        base.write_bytes(disk(tmp_path, "qcow2"))
        for name, command in {
            "backed": ["-f", "qcow2", "-b", str(base), "-F", "qcow2"],
            "outside": ["-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}"],
        }.items():
            path = tmp_path / f"{name}.qcow2"
            subprocess.run(["qemu-img", "create", "-q", *command, path, "2M"], check=True)
            await refused(images, path.read_bytes(), "x.qcow2", "refers to another file", name="x")

    async def test_a_vmdk_whose_data_are_elsewhere_is_refused(self, images: Path, tmp_path: Path) -> None:
        sparse = disk(tmp_path, "vmdk", "-o", "subformat=monolithicSparse")
        flat = b'# Disk DescriptorFile\nversion=1\nRW 4096 FLAT "/etc/shadow" 0\n'
        await refused(images, flat, "x.vmdk", "the text of a VMDK, whose data are in other files", name="x")
        child = sparse.replace(b"parentCID=ffffffff", b"parentCID=12345678")
        assert child != sparse
        await refused(images, child, "x.vmdk", "stands on another disk", name="x")
        foreign = sparse.replace(b'createType="monolithicSparse"', b'createType="monolithicFlat"  ')
        await refused(images, foreign, "x.vmdk", "whose data are in other files", name="x")
        twice = sparse.replace(b"RW 4096 SPARSE", b"RW 4096 FLAT  ")
        await refused(images, twice, "x.vmdk", "whose data are in other files", name="x")
        nowhere = sparse[:12] + bytes(8) + sparse[20:]  # a capacity of 0: QEMU would open what the descriptor names
        await refused(images, nowhere, "x.vmdk", "data are elsewhere", name="x")

    async def test_what_is_no_disk_is_refused(self, images: Path, tmp_path: Path) -> None:
        await refused(images, b"hello" * 1000, "x.qcow2", "nothing that has a machine's disk in it", name="x")
        await refused(images, b"", "x.qcow2", "nothing that has a machine's disk in it", name="x")
        await refused(images, bytes(0x8001) + b"CD001" + bytes(4000), "x.iso", "is a CD", name="x")
        await refused(images, disk(tmp_path, "qcow2")[:40], "x.qcow2", "no whole qcow2", name="x")
        await refused(images, disk(tmp_path, "qcow2")[:200], "x.qcow2", "is damaged", name="x")
        await refused(images, b"QFI\xfb\0\0\0\x09" + bytes(500), "x.qcow2", "qcow2 of version 9", name="x")
        # Set in the header by hand: qemu-img makes an encrypted disk only where it can measure its own time exactly.
        plain = disk(tmp_path, "qcow2")
        encrypted = plain[:32] + struct.pack(">I", 2) + plain[36:]
        await refused(images, encrypted, "x.qcow2", r"encrypted \(LUKS\)", name="x")
        await refused(images, descriptor("d.vmdk", 1), "r.ovf", "a descriptor without its disks; pack them together", name="x")
        huge = tmp_path / "huge.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", huge, "5T"], check=True)
        await refused(images, huge.read_bytes(), "x.qcow2", "larger than 4 TiB", name="x")


class TestOva:
    @pytest.mark.parametrize("space", [OVF1, OVF2])
    @pytest.mark.parametrize("hashed", ["SHA1", "SHA256", "SHA512"])
    async def test_one_comes_in_with_what_it_says_of_itself(self, images: Path, tmp_path: Path, space: str, hashed: str) -> None:
        [build] = await take(images, tar(ova(tmp_path, space=space, hashed=hashed)), "vcp_17.1R1.8.ova")
        assert content_of(store.find(images, "vmx-vcp").disk) == raw()
        assert about(build) == {
            "source": "r-disk1.vmdk", "format": "vmdk", "ova": "vcp_17.1R1.8.ova", "system": "router", "version": "17.1R1.8",
            "signed": "", "memory": 2048, "vcpus": 2, "nics": ["E1000"], "bus": "ide",
        }  # fmt: skip

    async def test_without_a_manifest_and_in_a_zip(self, images: Path, tmp_path: Path) -> None:
        files = ova(tmp_path)
        del files["r.mf"]
        await take(images, zipped(files), "r.zip", name="mine")
        assert content_of(store.find(images, "mine").disk) == raw()

    async def test_a_disk_that_is_gzipped(self, images: Path, tmp_path: Path) -> None:
        vmdk = gzip.compress(disk(tmp_path, "vmdk", "-o", "subformat=streamOptimized"))
        files = {"r.ovf": descriptor("d.vmdk.gz", len(vmdk), reference='ovf:compression="gzip"'), "d.vmdk.gz": vmdk}
        await take(images, tar(files), "r.ova", name="mine")
        assert content_of(store.find(images, "mine").disk) == raw()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"r-disk1.vmdk": b"other"}, "r-disk1.vmdk in the OVA is damaged: its SHA256 is not the manifest's"),
            ({"r-disk1.vmdk": b"other", "r.mf": None}, "another size than its descriptor says"),
            ({"r.mf": b"SHA256(r.ovf)= " + b"0" * 64}, "does not list r-disk1.vmdk"),
            ({"r.mf": b"rubbish"}, "a line that is none"),
            ({"r.mf": None, "r.cert": b"x"}, "a signature and no manifest"),
            ({"r-disk1.vmdk": None}, "lacks r-disk1.vmdk"),
            ({"s.ovf": b"<x/>"}, "holds 2 descriptors"),
            ({"s.mf": b""}, "which is not of its descriptor"),
            ({"folder/x": b""}, "not in folders"),
            ({"../x": b""}, "leads out of it"),
            ({"/etc/x": b""}, "leads out of it"),
        ],
    )
    async def test_one_that_is_not_whole_is_refused(
        self, images: Path, tmp_path: Path, change: dict[str, bytes | None], message: str
    ) -> None:
        files = {name: data for name, data in {**ova(tmp_path), **change}.items() if data is not None}
        await refused(images, tar(files), "r.ova", message, name="x")
        assert not (tmp_path / "x").exists()

    async def test_a_damaged_disk_is_told_by_the_manifest(self, images: Path, tmp_path: Path) -> None:
        files = ova(tmp_path)
        damaged = bytearray(files["r-disk1.vmdk"])
        damaged[-700] ^= 1
        await refused(
            images, tar({**files, "r-disk1.vmdk": bytes(damaged)}), "r.ova", "its SHA256 is not the manifest's", name="x"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (lambda: descriptor("d.vmdk", 1, more='<!DOCTYPE x [<!ENTITY a "b">]>'), "document type or entities"),
            (lambda: descriptor("d.vmdk", 1, more='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "document type or entities"),
            (lambda: descriptor("../../etc/passwd", 1), "is not in the package"),
            (lambda: descriptor("http://192.0.2.1/d.vmdk", 1), "is not in the package"),
            (lambda: descriptor("d.vmdk", 1, reference='ovf:chunkSize="7"'), "cut into pieces"),
            (lambda: descriptor("d.vmdk", 1, disk='ovf:parentRef="base"'), "stands on another disk"),
            (lambda: descriptor("d.vmdk", 1, space="http://www.vmware.com/schema/ovf/1/envelope"), "no OVF 1.x or 2.0"),
            (lambda: b"<Envelope" + b"<a>" * 100, "broken"),
            (lambda: b"<a>" * 100 + b"</a>" * 100, "nested deeper"),
            (lambda: descriptor("d.vmdk", 1).replace(b">2048<", b">" + b"9" * 40 + b"<"), "where a number belongs"),
            (lambda: descriptor("d.vmdk", 1).replace(b"byte * 2^20", b"byte * 99999999999^99999999"), "counts memory in"),
        ],
    )
    async def test_a_descriptor_that_is_wrong_or_hostile_is_refused(
        self, images: Path, tmp_path: Path, text: Any, message: str
    ) -> None:
        await refused(images, tar({"r.ovf": text(), "d.vmdk": b"x"}), "r.ova", message, name="x")

    async def test_a_signature_is_checked_and_told(self, images: Path, tmp_path: Path) -> None:
        files = ova(tmp_path)
        key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A Vendor")])
        start = datetime(2026, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=9999)).sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )  # fmt: skip

        def signed(by: rsa.RSAPrivateKey, text: bytes) -> bytes:
            signature = by.sign(text, padding.PKCS1v15(), hashes.SHA256())
            return f"SHA256(r.mf)= {signature.hex()}\n".encode() + certificate

        content = {"r.ovf": files["r.ovf"], "r.mf": files["r.mf"]}
        rest = {"r-disk1.vmdk": files["r-disk1.vmdk"]}
        for cert, message in {
            signed(other, files["r.mf"]): "not what was signed",
            signed(key, b"another manifest"): "not what was signed",
            b"SHA256(r.mf)= " + b"00" * 256 + b"\n": "has no signature, or no certificate",
        }.items():
            await refused(images, tar({**content, "r.cert": cert, **rest}), "r.ova", message, name="x")
        [build] = await take(images, tar({**content, "r.cert": signed(key, files["r.mf"]), **rest}), "r.ova", name="mine")
        assert about(build)["signed"] == "CN=A Vendor"


class TestArchives:
    async def test_a_vendors_bundle_becomes_its_images(self, images: Path, tmp_path: Path) -> None:
        link = tarfile.TarInfo("vmx/scripts/current")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        bundle = tar(
            {
                "vmx/vmx.sh": b"#!/bin/sh\n",
                "vmx/images/junos-vmx-x86-64-18.2R1.9.qcow2": disk(tmp_path, "qcow2", text=b"vcp"),
                "vmx/images/vFPC-20180605.img": raw(b"vfp"),
                "vmx/images/vmxhdd.img": disk(tmp_path, "qcow2", text=b"hdd"),
                "vmx/images/metadata-usb-re.img": raw(b"re"),
                "vmx/images/metadata-usb-re1.img": raw(b"re1"),
                "vmx/images/metadata-usb-fpc0.img": raw(b"fpc0"),
            },
            gz=True,
            extra=link,
        )
        builds = await take(images, bundle, "vmx-bundle-18.2R1.9.tgz")
        assert sorted(build.parent.name for build in builds) == [
            "vmx-vcp", "vmx-vcp-hdd", "vmx-vcp-metadata", "vmx-vfp", "vmx-vfp-metadata",
        ]  # fmt: skip
        assert content_of(store.find(images, "vmx-vfp").disk) == raw(b"vfp")
        assert content_of(store.find(images, "vmx-vcp-hdd").disk) == raw(b"hdd")
        [vcp] = [build for build in builds if build.parent.name == "vmx-vcp"]
        assert about(vcp)["archive"] == "vmx-bundle-18.2R1.9.tgz"

    async def test_a_bundle_of_ovas(self, images: Path, tmp_path: Path) -> None:
        bundle = tar({"vmx/ova/vcp_18.2R1.9.ova": tar(ova(tmp_path)), "vmx/ova/vfpc_18.2R1.9.ova": tar(ova(tmp_path))}, gz=True)
        builds = await take(images, bundle, "vmx-bundle-esxi-18.2R1.9.tgz")
        assert sorted(build.parent.name for build in builds) == ["vmx-vcp", "vmx-vfp"]

    async def test_all_or_none(self, images: Path, tmp_path: Path) -> None:
        bundle = tar({"junos-vmx-x86-64-1.qcow2": disk(tmp_path, "qcow2"), "vFPC-1.img": b"no disk"})
        await refused(images, bundle, "b.tar", "vFPC-1.img is nothing that has a machine's disk")

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    async def test_what_is_no_plain_file_is_refused(self, images: Path, tmp_path: Path, kind: bytes) -> None:
        special = tarfile.TarInfo("vFPC-1.img")
        special.type, special.linkname = kind, "/etc/shadow"
        await refused(images, tar({}, extra=special), "b.tar", "no plain file")
        special.name = "r-disk2.vmdk"
        await refused(images, tar(ova(tmp_path), extra=special), "r.ova", "no plain file", name="x")

    async def test_a_link_in_a_zip_is_refused(self, images: Path) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            member = zipfile.ZipInfo("vFPC-1.img")
            member.create_system, member.external_attr = 3, 0o120777 << 16
            archive.writestr(member, "/etc/shadow")
        await refused(images, out.getvalue(), "b.zip", "no plain file")

    @pytest.mark.parametrize("name", ["../vFPC-1.img", "/tmp/vFPC-1.img", "a/../../vFPC-1.img", "..\\vFPC-1.img"])
    async def test_a_name_that_leads_out_is_refused(self, images: Path, tmp_path: Path, name: str) -> None:
        await refused(images, tar({name: raw()}), "b.tar", "leads out of it")
        await refused(images, zipped({name: raw()}), "b.zip", "leads out of it")
        assert not (tmp_path / "vFPC-1.img").exists()

    async def test_what_swells_without_end_is_refused(self, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "Budget", lambda folder: importing.unpacking.Budget(folder, 8 << 20))
        bomb = bytes(16 << 20)
        await refused(images, tar({"vFPC-1.img": bomb}, gz=True), "b.tgz", "larger than any image")
        await refused(images, zipped({"vFPC-1.img": bomb}), "b.zip", "larger than any image")
        await refused(images, gzip.compress(bomb), "vFPC-1.img.gz", "larger than any image")

    async def test_a_header_that_swells_is_refused_unread(self, images: Path) -> None:
        header = tarfile.TarInfo("x")
        header.type, header.size = tarfile.XHDTYPE, 1 << 30
        await refused(images, gzip.compress(header.tobuf() + bytes(1 << 20)), "b.tgz", "a header that no image's has")

    async def test_packed_again_and_again_is_refused(self, images: Path) -> None:
        content = raw()
        for _ in range(5):
            content = gzip.compress(content)
        await refused(images, content, "vFPC-1.img" + ".gz" * 5, "packed more often")

    async def test_broken_ones_are_refused(self, images: Path, tmp_path: Path) -> None:
        whole = tar({"vFPC-1.img": os.urandom(1 << 20)}, gz=True)
        await refused(images, whole[: len(whole) // 2], "b.tgz", "broken")
        packed = zipped({"vFPC-1.img": raw()})
        await refused(images, packed[: len(packed) // 2], "b.zip", "broken")
        await refused(images, tar({"readme": b"x"}), "b.tar", "holds no disk")
        twice = io.BytesIO()
        with tarfile.open(fileobj=twice, mode="w") as archive:
            for _ in range(2):
                member = tarfile.TarInfo("vFPC-1.img")
                member.size = SIZE
                archive.addfile(member, io.BytesIO(raw()))
        await refused(images, twice.getvalue(), "b.tar", "twice")


class TestEnds:
    async def test_one_that_is_interrupted_leaves_nothing(self, images: Path, tmp_path: Path) -> None:
        content = disk(tmp_path, "qcow2")

        async def stuck() -> AsyncIterator[bytes]:
            yield content
            await asyncio.Event().wait()

        task = asyncio.create_task(importing.receive(images, stuck(), importing.Wish(file="x", name="x"), FAMILIES))
        while not list(images.glob(".import-*/.lock")):
            await asyncio.sleep(0.01)
        assert pruning.prune(images, tmp_path) == [], "what is being imported is no remains"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left(images) == []
        assert list(images.iterdir()) == []

    def test_what_a_killed_import_left_goes_with_the_next_prune(self, images: Path, tmp_path: Path) -> None:
        remains = images / f"{importing.DRAFTS}1234"
        remains.mkdir()
        (remains / ".lock").touch()
        (remains / "came").write_bytes(b"x" * 10000)
        [item] = pruning.prune(images, tmp_path, dry=True)
        assert (item.kind, item.path) == ("remains", remains)
        assert remains.exists()
        pruning.prune(images, tmp_path)
        assert not remains.exists()


def test_units_of_memory() -> None:
    for units, quantity in (("byte * 2^20", 2048), ("MegaBytes", 2048), ("byte * 2^30", 2), ("byte * 1024", 2 << 20)):
        text = descriptor("d", 1).replace(b"byte * 2^20", units.encode()).replace(b">2048<", f">{quantity}<".encode())
        assert ovf.read(text).memory == 2048


async def test_over_the_api(client: Client, tmp_path: Path) -> None:
    content = tar(ova(tmp_path))
    query = {"file": "/home/me/vcp_17.1R1.8.ova", "sha256": hashlib.sha256(content).hexdigest()}
    answer = await client.http.post("/images/import", content=content, params=query)
    assert answer.status_code == 201, answer.text
    [line] = answer.json()
    assert (line["name"], line["current"], line["about"]["ova"], line["problem"]) == ("vmx-vcp", True, "vcp_17.1R1.8.ova", "")
    assert [one["name"] for one in await client.items("/images")] == ["vmx-vcp"]
    answer = await client.http.post("/images/import", content=b"x", params={"file": "x", "name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "input")
    assert [one["name"] for one in await client.items("/images")] == ["vmx-vcp"]


async def test_over_the_api_it_is_told_how_far_it_is(client: Client, tmp_path: Path) -> None:
    content = tar(ova(tmp_path))
    asked = {"params": {"file": "vcp_17.1R1.8.ova"}, "headers": {"Accept": "application/x-ndjson"}}
    answer = await client.http.post("/images/import", content=content, **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/x-ndjson")
    *told, last = (json.loads(line) for line in answer.text.splitlines() if line)
    assert told[0] == {"doing": "unpacking", "percent": None}
    assert told[-1] == {"doing": "converting r-disk1.vmdk", "percent": 100}
    assert [one["name"] for one in last["images"]] == ["vmx-vcp"]
    damaged = tar({**ova(tmp_path), "r.mf": b"SHA256(r.ovf)= " + b"0" * 64 + b"\n"})
    answer = await client.http.post("/images/import", content=damaged, **asked)
    assert answer.status_code == 201
    assert json.loads(answer.text.splitlines()[-1])["error"]["code"] == "input"
    assert [one["name"] for one in await client.items("/images")] == ["vmx-vcp"]


async def test_one_who_hangs_up_while_a_disk_is_converted_has_changed_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(importing, "convert", endless)
    telling = Telling()
    wish = importing.Wish(file="vcp.ova", name="vcp")
    work = asyncio.create_task(importing.receive(images, pieces(tar(ova(tmp_path))), wish, FAMILIES))

    async def never(_: object) -> None:
        raise AssertionError

    answer = telling.lines(work, never)
    telling.tell(doing="converting", percent=3)
    assert json.loads(await anext(answer)) == {"doing": "converting", "percent": 3}
    await asyncio.wait_for(begun.wait(), 30)
    await answer.aclose()
    assert work.cancelled()
    assert left(images) == []
