"""Passwords: hashed with argon2id by the parameters of RFC 9106's second recommendation, which is the library's default."""

from __future__ import annotations

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from rackless.model.errors import InputError

LEAST = 10
"""Characters; NIST SP 800-63B asks for 8."""
_hasher = PasswordHasher()


@functools.cache
def _nobody() -> str:
    """Checked where there is no user, so that an answer's time does not tell. Made at the first need: hashing is slow."""
    return _hasher.hash("nobody's password")


def hashed(password: str) -> str:
    """Raises InputError when it is too short."""
    if len(password) < LEAST:
        raise InputError(f"The password has {len(password)} characters.", hint=f"Use {LEAST} or more.")
    return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Takes the same time whether there is one kept or not."""
    try:
        return _hasher.verify(kept or _nobody(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
