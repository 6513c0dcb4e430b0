"""The server's certificate: given as two files, or made and kept in the state directory, self-signed (RFC 5280).

One that was made is renewed before it expires, and when the server gets another name or address. Who can't verify a self-signed
one by an authority does so by its fingerprint: the SHA-256 of its DER form, as browsers show it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rackless.model.errors import InputError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LASTS = timedelta(days=397)
"""What browsers bear (CA/Browser Forum, Baseline Requirements 6.3.2)."""
RENEWED = timedelta(days=30)
"""Before its end."""
BACKDATED = timedelta(hours=1)
"""For clients whose clocks are behind."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Files in PEM form: the certificate with those that lead to its authority, and its key."""

    certificate: Path
    key: Path

    def load(self, context: ssl.SSLContext) -> None:
        """Use it for the connections that come from now on.

        Raises:
            InputError: a file can't be read, is no PEM, or the two do not belong together.
        """
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise InputError(
                f"The certificate {self.certificate} with the key {self.key} cannot be used: {_reason(error)}.",
                hint="Both must be PEM files of this user's, the key without a password and the one of the certificate.",
            ) from error

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as AA:BB:..."""
        text = self.certificate.read_text(encoding="ascii", errors="replace")
        end = "-----END CERTIFICATE-----"
        first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(end) + len(end)]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).digest().hex(":").upper()


def _no_password() -> str:
    raise ValueError("it has a password")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)


def context(pair: Pair) -> ssl.SSLContext:
    """TLS 1.2 and newer, with the ciphers that Python chooses.

    Raises:
        InputError: the pair can't be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    pair.load(made)
    return made


def demand(made: ssl.SSLContext, authority: Path | None) -> None:
    """Let in only who shows a certificate of this authority (PEM).

    Raises:
        InputError: the file can't be used.
    """
    try:
        made.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"The authority {authority} cannot be used: {_reason(error)}.", hint="It is a PEM file.") from error
    made.verify_mode = ssl.CERT_REQUIRED


def own(state: Path, names: Iterable[str]) -> Pair:
    """The self-signed one of this state directory, made or renewed where needed.

    Args:
        names: host names and addresses that it is for, beside this machine's own.
    """
    pair = Pair(certificate=state / "certificate.pem", key=state / "certificate.key")
    wanted = frozenset(_canonical(name) for name in (*names, *here()))
    if not _good(pair, wanted):
        _make(pair, wanted)
    return pair


def here() -> frozenset[str]:
    """What this machine is called from within."""
    return frozenset({"localhost", "127.0.0.1", "::1", socket.gethostname().lower()})


def _canonical(name: str) -> str:
    """As it stands in a certificate."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().encode("idna").decode("ascii")


def _good(pair: Pair, wanted: frozenset[str]) -> bool:
    from cryptography import x509  # slow to import, and needed by servers with TLS only

    try:
        found = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        _key(pair.key)
    except (OSError, ValueError):
        return False
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = {str(name.value) for name in named}
    return wanted <= names and found.not_valid_after_utc - RENEWED > datetime.now(UTC)


def _make(pair: Pair, names: frozenset[str]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = _key(pair.key)  # who pinned the key need not do it again
    except (OSError, ValueError):
        key = ec.generate_private_key(ec.SECP256R1())
        form = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        _write(pair.key, text)
    _write(pair.certificate, _signed(key, names).public_bytes(serialization.Encoding.PEM))


def _key(path: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise ValueError(path)


def _signed(key: EllipticCurvePrivateKey, names: frozenset[str]) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Rackless on {socket.gethostname()}"[:64])])
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=False,  # who trusts it trusts this server, and nothing that it might sign
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, for its owner only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
