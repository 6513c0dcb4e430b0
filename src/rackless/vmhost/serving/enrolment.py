"""How this host becomes one of a site's: with a token of its server it asks for a certificate, for a key that it has just made
and that never leaves it. Before that nothing listens.

STATE/serving/: host.key, host.pem, ca.pem (all 0600), serving.json: name, where it listens, where it carries wires.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rackless.certificate import Pair
from rackless.model.errors import InputError, ProviderError, RacklessError, StateError, remade
from rackless.providers.host.authority import write_private
from rackless.providers.host.enrolment import Token

ASKING = 30.0


@dataclass(frozen=True, kw_only=True)
class Serving:
    """`listen`: IP address and TCP port. `wires`: the same of VXLAN; None: no wires to other hosts."""

    name: str
    listen: tuple[str, int]
    wires: tuple[str, int] | None = None


class Enrolment:
    def __init__(self, state: Path) -> None:
        self._folder = state / "serving"
        self.pair = Pair(certificate=self._folder / "host.pem", key=self._folder / "host.key")
        self.authority = self._folder / "ca.pem"
        self._file = self._folder / "serving.json"

    def find(self) -> Serving | None:
        """None where this host is not enrolled."""
        try:
            kept = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return None
        wires = kept["wires"]
        return Serving(name=kept["name"], listen=tuple(kept["listen"]), wires=tuple(wires) if wires else None)

    def enrol(self, token: Token, listen: tuple[str, int], wires: tuple[str, int] | None, *, again: bool = False) -> Serving:
        """Ask the server for a certificate, and keep it.

        Raises:
            StateError: this host is enrolled already, and it is not to be `again`.
            UnauthorizedError: the token is not good any more.
            ProviderError: the server can't be reached, or is not the one of the token.
        """
        known = self.find()
        if known is not None and not again:
            raise StateError(
                f"This host is enrolled as {known.name}.", hint="`rackless-vmhost withdraw` ends that; or `--again`."
            )
        key, request = new_request(token.name)
        body = json.dumps({"name": token.name, "secret": token.secret, "request": request}).encode()
        status, answer = _post(token, "/v1/vm-hosts/enroll", body)
        if status != 200:
            raise _refused(answer)
        serving = Serving(name=token.name, listen=listen, wires=wires)
        self.keep(serving, key, answer["certificate"], answer["authority"])
        return serving

    def keep(self, serving: Serving, key: bytes, certificate: str, authority: str) -> None:
        """All in PEM form."""
        self.withdraw()
        write_private(self.authority, authority.encode())
        write_private(self.pair.key, key)
        write_private(self.pair.certificate, certificate.encode())
        write_private(self._file, json.dumps(asdict(serving)).encode())

    def withdraw(self) -> None:
        """From now on nobody is served; the key is gone."""
        for path in (self._file, self.pair.key, self.pair.certificate, self.authority):
            path.unlink(missing_ok=True)

    def context(self) -> ssl.SSLContext:
        """TLS 1.3, for clients with a certificate of the site's authority that is good for clients."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(self.authority)
        made.set_alpn_protocols(["http/1.1"])
        self.pair.load(made)
        return made


def new_request(name: str) -> tuple[bytes, str]:
    """A new key, and a certificate request of it (RFC 2986), in PEM form."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return pem, request.public_bytes(serialization.Encoding.PEM).decode()


def _trusting(token: Token) -> ssl.SSLContext:
    """What trusts the very certificate of the token, seen first without a word being said; or the system's authorities."""
    if not token.fingerprint:
        return ssl.create_default_context()
    parts = urlsplit(token.url)
    host, port = parts.hostname or "", parts.port or 443
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), ASKING) as plain, blind.wrap_socket(plain, server_hostname=host) as end:
            shown = end.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise ProviderError(
            f"The server cannot be reached at {token.url}: {error}.", hint="Is it this host's way there?"
        ) from error
    mark = hashlib.sha256(shown).digest().hex(":").upper()
    if mark != token.fingerprint:
        raise ProviderError(
            f"Who answers at {token.url} is not the server of this token: its certificate is {mark}, not {token.fingerprint}.",
            hint="Nothing was told to it. If the server's certificate is a new one, ask for another token.",
        )
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(shown))
    return trusting


def _post(token: Token, path: str, body: bytes) -> tuple[int, dict[str, str]]:
    import httpx

    if urlsplit(token.url).scheme != "https":
        raise InputError(
            f"The token's server {token.url} has no TLS.", hint="Let it listen with TLS: `rackless serve --tcp ...`."
        )
    try:
        with httpx.Client(verify=_trusting(token), trust_env=False, timeout=ASKING) as client:
            answer = client.post(token.url.rstrip("/") + path, content=body, headers={"content-type": "application/json"})
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(
            f"The server does not answer at {token.url}: {error}.", hint="Is it this host's way there?"
        ) from error
    return answer.status_code, found if isinstance(found, dict) else {}


def _refused(answer: dict[str, str]) -> RacklessError:
    text = answer.get("detail") or answer.get("message") or "it said no"
    return remade(answer.get("code", "error"), text, hint=answer.get("hint", ""))
