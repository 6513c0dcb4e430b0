"""Join tokens: good once, for a quarter of an hour, for one name. The fabric keeps only their hash.

What an operator carries to the new node says where the fabric is, how to know it (SHA-256 of its authority's certificate), and
the secret. It reads `rlfabric1.` and base64url of JSON, on one line.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rackless.model.errors import InputError

LASTS = 900.0
"""Seconds."""
PREFIX = "rlfabric1."


@dataclass(frozen=True, kw_only=True)
class Token:
    """`addresses`: HOST:PORT of nodes where one joins. `name`: the node that may join with it; empty: any."""

    fabric: str
    addresses: tuple[str, ...]
    authority: str
    name: str = ""
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return PREFIX + base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the fabric knows of a token. `ends`: seconds since the epoch. `used`: by which node; empty: by none."""

    hash: str
    name: str
    ends: float
    used: str = ""

    def refusal(self, now: float) -> str:
        """Why it is not good any more; empty when it is."""
        if self.used:
            return f"This token was used already, by {self.used}."
        if now > self.ends:
            return f"This token ended {now - self.ends:.0f} s ago."
        return ""


def new(fabric: str, addresses: Sequence[str], authority: str, name: str, now: float) -> tuple[Token, Kept]:
    secret = secrets.token_urlsafe(32)
    token = Token(fabric=fabric, addresses=tuple(addresses), authority=authority, name=name, secret=secret)
    return token, Kept(hash=hashed(secret), name=name, ends=now + LASTS)


def hashed(secret: str) -> str:
    """SHA-256: a secret of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(kept: Kept, secret: str) -> bool:
    return hmac.compare_digest(kept.hash, hashed(secret))


def read(text: str) -> Token:
    """Raises InputError when it is none."""
    hint = "`rackless fabric add NODE` on a node of the fabric prints one, whole on a line."
    kept = text.strip()
    if not kept.startswith(PREFIX):
        raise InputError("This is no join token.", hint=hint)
    try:
        body = kept.removeprefix(PREFIX)
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        addresses = tuple(str(one) for one in found["addresses"])
        return Token(addresses=addresses, **{key: str(found[key]) for key in ("fabric", "authority", "name", "secret")})
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InputError("This is no join token.", hint=hint) from error
