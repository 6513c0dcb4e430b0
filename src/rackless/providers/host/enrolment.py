"""Which VM hosts are enrolled: by a token that is good once and for a short time, until they are forgotten.

STATE/hosts/<place>.json: the token's SHA-256 and its end, and the host's identity once it has one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from rackless.model.errors import InputError, NotFoundError, StateError, UnauthorizedError
from rackless.providers.host.authority import Authority, write_private

TOKEN_LASTS = 900.0
"""Seconds."""
PREFIX = "rlhost1."


@dataclass(frozen=True, kw_only=True)
class Host:
    """What is known of an enrolled host, or of one that is about to be. Times are seconds since the epoch.

    `boot`: which boot of it was seen last. `left`: it was given up while it did not answer; what it has of labs that have gone
    elsewhere is to be taken away when it comes back.
    """

    name: str
    identity: str = ""
    token: str = field(default="", repr=False)
    token_ends: float = 0.0
    enrolled: float = 0.0
    boot: str = ""
    left: bool = False


_HOST = TypeAdapter(Host)


@dataclass(frozen=True, kw_only=True)
class Token:
    """What a host needs to enrol: where the server is, how to know it (SHA-256 of its certificate; empty: by the authorities that
    the host trusts), and the secret."""

    url: str
    fingerprint: str
    name: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return PREFIX + base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")


def read_token(text: str) -> Token:
    """Raises InputError when it is none."""
    try:
        kept = text.strip().removeprefix(PREFIX)
        found = json.loads(base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)))
        return Token(**{key: str(found[key]) for key in ("url", "fingerprint", "name", "secret")})
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InputError("This is no token of a host.", hint="`rackless host add NAME` prints one, whole on a line.") from error


class Enrolments:
    def __init__(self, state: Path) -> None:
        self._folder = state / "hosts"
        self.authority = Authority(self._folder)

    def find(self, name: str) -> Host | None:
        try:
            return _HOST.validate_json(self._file(name).read_bytes())
        except FileNotFoundError:
            return None

    def need(self, name: str) -> Host:
        """Raises StateError when no host is enrolled as that."""
        found = self.find(name)
        if found is None or not found.identity:
            raise StateError(f"The host {name} is not enrolled.", hint=f"`rackless host add {name}` prints how it is done.")
        return found

    def invite(self, name: str, url: str, fingerprint: str, lasts: float = TOKEN_LASTS) -> tuple[Token, float]:
        """A new token, and its end. One that was given before is good no more; an enrolment stays until the token is used."""
        self.authority.make()
        secret = secrets.token_urlsafe(32)
        host = self.find(name) or Host(name=name)
        host = replace(host, token=_digest(secret), token_ends=time.time() + lasts)
        self.keep(host)
        return Token(url=url, fingerprint=fingerprint, name=name, secret=secret), host.token_ends

    def enrol(self, name: str, secret: str, request: str) -> tuple[Host, str]:
        """A host comes with its token and its certificate request. Returns its certificate too.

        Raises:
            UnauthorizedError: the token is not good, or not any more; nothing says which.
            InputError: the request is none.
        """
        host = self.find(name)
        good = host is not None and host.token != "" and hmac.compare_digest(host.token, _digest(secret))
        if host is None or not good or host.token_ends < time.time():
            raise UnauthorizedError(
                "This token is not good, or not any more.", hint="`rackless host add NAME` prints another one."
            )
        identity = f"{name}-{secrets.token_hex(6)}"
        certificate = self.authority.signed(request, identity)
        host = Host(name=name, identity=identity, enrolled=time.time(), left=host.left)
        self.keep(host)
        return host, certificate

    def forget(self, name: str) -> Host:
        """From now on the server speaks to no host of that name. Raises NotFoundError when there is none."""
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"There is no host named {name}.", hint="`rackless host list` shows those there are.")
        self._file(name).unlink(missing_ok=True)
        return found

    def keep(self, host: Host) -> None:
        write_private(self._file(host.name), _HOST.dump_json(host))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
