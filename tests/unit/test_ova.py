"""The appliance's OVA: its descriptor, its manifest and signature, its disk; read again by our own importer and by qemu-img."""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.unit import ovf_structure

from rackless.appliance import answers, delivered, descriptor, ova, sizes
from rackless.appliance.descriptor import Drive, Machine
from rackless.images import ovf, signatures, vmdk
from rackless.model.errors import InputError

OVF = ovf_structure.OVF


def machine(**changed: object) -> Machine:
    values: dict[str, object] = {
        "name": "rackless-1.0",
        "version": "1.0",
        "vcpus": 4,
        "memory": 8192,
        "drives": (
            Drive(id="system", about="System", capacity=5 << 30, file="a.vmdk", size=1234, used=5000),
            Drive(id="data", about="Data", capacity=40 << 30),
        ),
    }
    return Machine(**{**values, **changed})  # type: ignore[arg-type]


def disk(folder: Path) -> Path:
    path = folder / "system.raw"
    with path.open("wb") as file:
        file.truncate(16 << 20)
        file.seek(3 << 20)
        file.write(bytes(range(256)) * 4096)
    return path


def pair(folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None) -> ova.Signer:
    key = key or rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Vendor")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    signer = ova.Signer(certificate=folder / "vendor.pem", key=folder / "vendor.key")
    signer.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signer.key.write_bytes(key.private_bytes(*pem))
    return signer


def test_the_descriptor_is_built_as_the_schema_has_it() -> None:
    text = descriptor.text(machine())
    assert ovf_structure.complaints(text) == []
    assert ovf_structure.by_schema(text) == []
    assert descriptor.text(machine()) == text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"<rasd:Parent>3</rasd:Parent>", b"<rasd:Parent>33</rasd:Parent>", "no parent 33"),
        (b' ovf:diskId="data"', b"", "Disk without diskId"),
        (b'ovf:fileRef="file-system"', b'ovf:fileRef="other"', "no file other"),
        (b"<ovf:Info>Networks</ovf:Info>", b"", "NetworkSection has"),
        (b'ovf:name="Management"', b'name="Management"', "without a namespace"),
        (b"<rasd:ResourceType>3</rasd:ResourceType>", b"", "Item lacks"),
        (b"<rasd:Address>0</rasd:Address>", b"<rasd:Zone>0</rasd:Zone>", "alphabet"),
        (b'ovf:userConfigurable="true"', b'ovf:userConfigurable="yes"', "no boolean"),
        (b"<ovf:Name>rackless-1.0</ovf:Name>", b"<ovf:Title>rackless-1.0</ovf:Title>", "VirtualSystem has"),
    ],
)
def test_the_check_of_the_structure_finds_what_is_wrong(old: bytes, new: bytes, complaint: str) -> None:
    text = descriptor.text(machine())
    assert old in text
    assert any(complaint in each for each in ovf_structure.complaints(text.replace(old, new, 1)))


def test_our_importer_reads_the_hardware_that_was_described() -> None:
    found = ovf.read(descriptor.text(machine()))
    assert (found.name, found.version, found.vcpus, found.memory, found.nics) == ("rackless-1.0", "1.0", 4, 8192, ("VmxNet3",))
    assert [(each.file, each.size, each.bus) for each in found.disks] == [("a.vmdk", 1234, "scsi")]


def test_every_question_is_a_property_and_secrets_are_passwords() -> None:
    root = ovf.parsed(descriptor.text(machine()))
    found = {each.get("key"): each for each in root.iter() if each.tag.endswith("}Property")}
    assert list(found) == [question.key for question in answers.QUESTIONS]
    assert {key for key, each in found.items() if each.get("password") == "true"} == {"token", "password"}
    assert found["role"].get("qualifiers") == 'ValueMap{"single","first","join","application","witness"}'
    assert all(each.get("userConfigurable") == "true" for each in found.values())
    assert found["password"].get("value") is None


def test_what_a_user_answers_comes_back_from_the_environment_whatever_its_characters() -> None:
    given = {"hostname": "one", "password": "a<b&\"c' ]]> ä", "token": "x=y\tz"}
    assert delivered.environment(ova.environment(given)) == given


async def test_an_ova_holds_descriptor_manifest_and_disk_in_the_order_of_the_standard(tmp_path: Path) -> None:
    target, source = tmp_path / "rackless-1.0.ova", disk(tmp_path)
    await ova.make(source, target, "1.0", tmp_path)
    with tarfile.open(target) as archive:
        names = archive.getnames()
        assert names == ["rackless-1.0.ovf", "rackless-1.0.mf", "rackless-1.0-disk1.vmdk", "rackless-1.0-disk2.vmdk"]
        archive.extractall(tmp_path / "out", filter="data")
    out = tmp_path / "out"
    sums = ovf.manifest((out / names[1]).read_bytes())
    assert sums == {name: ("sha256", hashlib.sha256((out / name).read_bytes()).hexdigest()) for name in (names[0], *names[2:])}
    assert ovf_structure.complaints((out / names[0]).read_bytes()) == []
    assert ovf_structure.by_schema((out / names[0]).read_bytes()) == []
    found = ovf.read((out / names[0]).read_bytes()).disks
    assert [each.size for each in found] == [(out / name).stat().st_size for name in names[2:]]
    assert found[1].size is not None
    assert found[1].size < 8 << 20
    vmdk.check(out / names[2])
    about = json.loads(
        subprocess.run(["qemu-img", "info", "--output=json", out / names[2]], capture_output=True, check=True).stdout
    )
    assert about["format-specific"]["data"]["create-type"] == "streamOptimized"
    subprocess.run(["qemu-img", "check", "-q", out / names[2]], check=True)
    subprocess.run(["qemu-img", "compare", "-q", source, out / names[2]], check=True)
    with target.open("rb") as file:
        file.seek(257)
        assert file.read(6) == b"ustar\0"


async def test_a_signature_is_of_the_manifest_by_the_certificate_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "rackless"
    await ova.make(disk(tmp_path), target, "1.0", tmp_path, data=0, signer=pair(tmp_path))
    assert sorted(path.name for path in target.iterdir()) == [
        "rackless-disk1.vmdk",
        "rackless.cert",
        "rackless.mf",
        "rackless.ovf",
    ]
    certificate, text = (target / "rackless.cert").read_bytes(), (target / "rackless.mf").read_bytes()
    assert signatures.signer(certificate, "rackless.mf", text) == "CN=Vendor"
    with pytest.raises(InputError, match="not what was signed"):
        signatures.signer(certificate, "rackless.mf", text.replace(b"1", b"2"))


def test_a_key_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    mixed = ova.Signer(certificate=pair(tmp_path).certificate, key=pair(other).key)
    with pytest.raises(InputError, match="is not that of the certificate"):
        ova.sign("a.mf", b"", mixed)
    with pytest.raises(InputError, match="OVF signs with RSA"):
        ova.sign("a.mf", b"", pair(tmp_path, ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(InputError, match="cannot be signed"):
        ova.sign("a.mf", b"", ova.Signer(certificate=tmp_path / "none", key=tmp_path / "none"))


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "rackless.ova"
    target.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        await ova.make(disk(tmp_path), target, "1.0", tmp_path)
    with pytest.raises(InputError, match="is there already"):
        await ova.convert(disk(tmp_path), target, "qcow2")
    assert target.read_text() == "mine"


async def test_the_same_disk_makes_a_qcow2_that_is_equal(tmp_path: Path) -> None:
    source = disk(tmp_path)
    await ova.convert(source, tmp_path / "a.qcow2", "qcow2")
    subprocess.run(["qemu-img", "compare", "-q", source, tmp_path / "a.qcow2"], check=True)
    assert (tmp_path / "a.qcow2").stat().st_size < 1 << 20


def test_the_descriptor_asks_for_no_less_than_the_largest_role_needs() -> None:
    for size in sizes.NEEDS.values():
        assert sizes.GIVEN.processors >= size.processors
        assert sizes.GIVEN.memory >= size.memory
        assert sizes.GIVEN.data >= size.data
