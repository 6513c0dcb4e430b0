"""The site's own authority, which says who its VM hosts and who its server are (X.509, RFC 5280). The server
makes it at first need.

STATE/hosts/ca.pem, ca.key            signs nothing but these two kinds
STATE/hosts/server.pem, server.key    the server's, as a client of its hosts

A host is known by a name that its enrolment made up and no other ever has (`identity`): forgetting it is what revokes it, for the
server connects to no other. A host's certificate is good for serving only, so that no host is taken for the server by another.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rackless.certificate import Pair
from rackless.model.errors import InputError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_LASTS = timedelta(days=3650)
LASTS = timedelta(days=1825)
BACKDATED = timedelta(hours=1)
"""For hosts whose clocks are behind."""
DOMAIN = "rackless-host.invalid"
"""Of host identities: a domain that can't be anybody's (RFC 2606)."""


class Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._server = Pair(certificate=folder / "server.pem", key=folder / "server.key")

    @property
    def there(self) -> bool:
        return self.certificate.exists()

    def make(self) -> None:
        """Authority and server's certificate, unless they are there."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.certificate.exists():
            key = _new_key()
            write_private(self._key, _pem(key))
            write_private(self.certificate, _authority(key))
        if not self._server.certificate.exists():
            key = _new_key()
            write_private(self._server.key, _pem(key))
            write_private(self._server.certificate, self._sign(key.public_key(), "server", serving=False))

    def client(self) -> ssl.SSLContext:
        """What the server speaks to its hosts with: TLS 1.3, both sides certified by this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(self.certificate)
        self._server.load(context)
        return context

    def signed(self, request: str, identity: str) -> str:
        """The certificate of a host whose key made this request; of all that it says only the key is taken.

        Raises:
            InputError: it is no certificate request (RFC 2986), or not signed by its key.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            found = x509.load_pem_x509_csr(request.encode())
            good = found.is_signature_valid
        except ValueError as error:
            raise InputError("This is no certificate request.", hint="`rackless-vmhost enroll` makes one.") from error
        key = found.public_key()
        if not good or not isinstance(key, ec.EllipticCurvePublicKey):
            raise InputError("The certificate request is not signed by its key.", hint="`rackless-vmhost enroll` makes one.")
        return self._sign(key, identity, serving=True).decode()

    def _sign(self, key: object, name: str, *, serving: bool) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signing = serialization.load_pem_private_key(self._key.read_bytes(), None)
        use = ExtendedKeyUsageOID.SERVER_AUTH if serving else ExtendedKeyUsageOID.CLIENT_AUTH
        names = [x509.DNSName(host_name(name))] if serving else [x509.DNSName(f"{name}.{DOMAIN}")]
        built = (
            _builder(name, authority.subject, key, LASTS)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)  # type: ignore[arg-type]
        )
        return built.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)  # type: ignore[arg-type]


def host_name(identity: str) -> str:
    """As TLS has it (SNI, subject alternative name)."""
    return f"{identity}.{DOMAIN}"


def write_private(path: Path, data: bytes) -> None:
    """All of it or nothing, for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _authority(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = _name("hosts of a Rackless site")
    built = (
        _builder("hosts of a Rackless site", name, key.public_key(), AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(subject: str, issuer: x509.Name, key: object, lasts: timedelta) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lasts)
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
