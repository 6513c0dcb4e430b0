"""The fabric's own authority (X.509, RFC 5280): all parts of all nodes know each other by its certificates, and by nothing else.

    subject O=<fabric id>, OU=node,        CN=<node id>    between nodes: etcd, Patroni, replication, HAProxy, the nodes' daemons
    subject O=<fabric id>, OU=application, CN=<node id>    a node's application: server to HAProxy, client to PostgreSQL
    subject O=<fabric id>, OU=web,         CN=<name>       what browsers see at the virtual address

Whoever holds the authority's key can make a node; so it is on the nodes that vote, and nowhere else.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rackless.certificate import Pair
from rackless.model.errors import InputError
from rackless.providers.host.authority import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

AUTHORITY_LASTS = timedelta(days=7300)
LASTS = timedelta(days=397)
"""What browsers bear (CA/Browser Forum, Baseline Requirements 6.3.2); the others are made anew with it."""
RENEWED = timedelta(days=60)
"""Before its end."""
BACKDATED = timedelta(hours=1)
"""For nodes whose clocks are behind."""
PRIMARY = "primary.rackless.internal"
"""A node's certificate is good for this name too: by it applications know a database of the fabric, wherever HAProxy led them."""


class Purpose(StrEnum):
    NODE = "node"
    APPLICATION = "application"
    WEB = "web"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose a certificate is."""

    fabric: str
    purpose: Purpose
    name: str

    @property
    def rfc2253(self) -> str:
        """As PostgreSQL compares it (pg_hba.conf, clientname=DN)."""
        return f"CN={self.name},OU={self.purpose},O={self.fabric}"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a certificate says."""

    subject: Subject
    begins: datetime
    ends: datetime
    serial: int

    def refused(self, fabric: str, now: datetime) -> str:
        """Why it is not good for this fabric now; empty when it is."""
        if self.subject.fabric != fabric:
            return f"The certificate of {self.subject.name} is of the fabric {self.subject.fabric}, not of {fabric}."
        if now > self.ends:
            return f"The certificate of {self.subject.name} ended on {self.ends:%Y-%m-%d %H:%M} UTC."
        if now < self.begins:
            return f"The certificate of {self.subject.name} begins on {self.begins:%Y-%m-%d %H:%M} UTC: is the clock right?"
        return ""


class Authority:
    """ca.crt and ca.key in a folder."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "ca.crt"
        self.key = folder / "ca.key"

    @property
    def signs(self) -> bool:
        """Its key is here."""
        return self.key.exists()

    def make(self, fabric: str) -> None:
        """Unless it is there."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        if self.certificate.exists() and self.key.exists():
            return
        key = _new_key()
        name = _name(fabric, "authority", "Rackless fabric")
        built = (
            _builder(name, name, key.public_key(), datetime.now(UTC) - BACKDATED, AUTHORITY_LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        write_private(self.key, private_pem(key))
        write_private(self.certificate, _pem(built.sign(key, hashes.SHA256())))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, as AA:BB:..."""
        return Pair(certificate=self.certificate, key=self.key).fingerprint

    def sign(
        self, request: str, subject: Subject, names: Iterable[str], *, begins: datetime | None = None, lasts: timedelta = LASTS
    ) -> str:
        """A certificate in PEM form for the key of a request (RFC 2986); of all else that the request says nothing is taken.

        Args:
            names: host names and addresses where its owner is reached.
            begins: now, or an hour ago where nothing is given.

        Raises:
            InputError: it is no certificate request, or not signed by its key.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signing = serialization.load_pem_private_key(self.key.read_bytes(), None)
        uses = [ExtendedKeyUsageOID.SERVER_AUTH]
        if subject.purpose is not Purpose.WEB:
            uses.append(ExtendedKeyUsageOID.CLIENT_AUTH)  # etcd's gateway uses its server's certificate as a client's, too
        built = (
            _builder(
                _name(subject.fabric, subject.purpose, subject.name),
                authority.subject,
                _requested_key(request),
                begins if begins is not None else datetime.now(UTC) - BACKDATED,
                lasts,
            )
            .add_extension(x509.SubjectAlternativeName([_general(one) for one in dict.fromkeys(names)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)  # type: ignore[arg-type]
        )
        return _pem(built.sign(signing, hashes.SHA256())).decode()  # type: ignore[arg-type]


def names_of(subject: Subject, address: str) -> tuple[str, ...]:
    """What the certificate of a node's part is good for."""
    return (subject.name, f"{subject.name}.rackless.internal", address, *([PRIMARY] if subject.purpose is Purpose.NODE else []))


def new_request(subject: Subject) -> tuple[bytes, str]:
    """A new key and a certificate request of it, both in PEM form."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = _new_key()
    name = _name(subject.fabric, subject.purpose, subject.name)
    return private_pem(key), _pem(x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())).decode()


def shown(text: str | bytes) -> Shown:
    """What a certificate in PEM form says. Raises InputError when it is none of a fabric's."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(text.encode() if isinstance(text, str) else text)
        fabric, purpose, name = (
            str(found.subject.get_attributes_for_oid(oid)[0].value)
            for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
        )
        subject = Subject(fabric=fabric, purpose=Purpose(purpose), name=name)
    except (ValueError, IndexError) as error:
        raise InputError("This is no certificate of a fabric.", hint="`rackless fabric join` gets one.") from error
    return Shown(subject=subject, begins=found.not_valid_before_utc, ends=found.not_valid_after_utc, serial=found.serial_number)


def subject_of_peer(certificate: object) -> Subject | None:
    """Who is at the other end, of what `ssl.SSLSocket.getpeercert` gives; None for nobody of a fabric."""
    if not isinstance(certificate, dict):
        return None
    found = {key: value for part in certificate.get("subject", ()) for key, value in part}
    try:
        return Subject(
            fabric=found["organizationName"], purpose=Purpose(found["organizationalUnitName"]), name=found["commonName"]
        )
    except (KeyError, ValueError):
        return None


def server_context(authority: Path, pair: Pair, *, ask: bool = True) -> ssl.SSLContext:
    """TLS 1.3. With `ask`, nobody comes in without a certificate of the fabric."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    if ask:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(authority)
    made.set_alpn_protocols(["http/1.1"])
    pair.load(made)
    return made


def client_context(authority: Path, pair: Pair | None) -> ssl.SSLContext:
    """TLS 1.2 and newer (etcd 3.4 has no more), with both sides certified."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_verify_locations(authority)
    if pair is not None:
        pair.load(made)
    return made


def fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).digest().hex(":").upper()


def _requested_key(request: str) -> EllipticCurvePublicKey:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    hint = "`rackless fabric join` makes one."
    try:
        found = x509.load_pem_x509_csr(request.encode())
        good = found.is_signature_valid
    except ValueError as error:
        raise InputError("This is no certificate request.", hint=hint) from error
    key = found.public_key()
    if not good or not isinstance(key, ec.EllipticCurvePublicKey):
        raise InputError("The certificate request is not signed by its key.", hint=hint)
    return key


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _pem(made: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return made.public_bytes(serialization.Encoding.PEM)


def _name(fabric: str, unit: str, common: str) -> x509.Name:
    """In this order, so that RFC 2253, which turns it around, begins with the common name."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, fabric),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey, begins: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lasts)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    names: Sequence[str] = (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **dict.fromkeys(names, False))
