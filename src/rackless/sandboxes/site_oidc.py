"""`oidc` of site.yaml -> the OpenID providers by which one may log in.

oidc:
  - name: example
    title: Example Inc.
    issuer: https://id.example.net
    client_id: rackless
    client_secret_file: /etc/rackless/oidc.secret
    scopes: openid profile email groups
    user_claim: preferred_username
    groups_claim: groups
    roles: {lab-admins: admin, lab-users: user}
    default_role: viewer
    groups: {network-core: core}
    domains: example.net example.org
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rackless.identity.mapping import NAME
from rackless.identity.openid import safe
from rackless.model.errors import InputError
from rackless.model.openid import OpenId
from rackless.model.people import Role

NEEDED = ("name", "issuer", "client_id")


def read(file: Path, value: object) -> tuple[OpenId, ...]:
    """Raises InputError at the first thing that is wrong."""
    if not isinstance(value, list):
        raise InputError(f"{file}: oidc must be a list of providers.", hint="docs/reference/users.md shows one.")
    found = tuple(_provider(file, entry) for entry in value)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise InputError(f"{file}: oidc has two providers of one name.", hint="Give each a name of its own.")
    return found


def _provider(file: Path, entry: object) -> OpenId:
    if not isinstance(entry, dict):
        raise InputError(f"{file}: a provider in oidc must be a mapping.", hint=f"It needs {', '.join(NEEDED)}.")
    for key in entry:
        if key not in _KEYS:
            raise InputError(f"{file}: oidc has the key '{key}', which is not known.", hint=f"Known keys: {', '.join(_KEYS)}.")
    if missing := [key for key in NEEDED if key not in entry]:
        raise InputError(f"{file}: a provider in oidc has no {missing[0]}.", hint=f"It needs {', '.join(NEEDED)}.")
    values: dict[str, Any] = {"title": str(entry["name"])}
    for key, given in entry.items():
        name, reader, wanted = _KEYS[key]
        try:
            values[name] = reader(given)
        except (ValueError, TypeError) as error:
            raise InputError(f"{file}: {key} of a provider in oidc is '{given}'.", hint=f"Write {wanted}.") from error
    return OpenId(**values)


def _matching(pattern: str) -> Callable[[object], str]:
    def read_(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(value)
        return value

    return read_


def _issuer(value: object) -> str:
    if not isinstance(value, str) or not safe(value):
        raise ValueError(value)
    return value


def _file(value: object) -> Path:
    path = Path(str(value))
    if not path.is_absolute():
        raise ValueError(value)
    return path


def _words(value: object) -> tuple[str, ...]:
    words = tuple(value.split()) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()
    if not words:
        raise ValueError(value)
    return words


def _scopes(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("openid", *_words(value))))


def _roles(value: object) -> dict[str, Role]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {str(group): Role(role) for group, role in value.items()}


def _groups(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(ours, str) and NAME.fullmatch(ours) for ours in value.values()):
        raise ValueError(value)
    return {str(theirs): ours for theirs, ours in value.items()}


_TEXT, _A_TEXT = _matching(r"[^\x00-\x1f]{1,200}"), "a text"
_KEYS: dict[str, tuple[str, Callable[[object], object], str]] = {
    "name": ("name", _matching(r"[a-z][a-z0-9-]{0,31}"), "small letters, digits and hyphens"),
    "title": ("title", _TEXT, _A_TEXT),
    "issuer": ("issuer", _issuer, "the provider's URL, which begins with https://"),
    "client_id": ("client", _TEXT, _A_TEXT),
    "client_secret_file": ("secret", _file, "the absolute path of a file"),
    "scopes": ("scopes", _scopes, "words, such as openid profile email"),
    "user_claim": ("user_claim", _TEXT, "the name of a claim"),
    "groups_claim": ("groups_claim", _TEXT, "the name of a claim"),
    "roles": ("roles", _roles, "a mapping of the provider's groups to viewer, user, operator or admin"),
    "default_role": ("role", lambda value: Role(str(value)), "viewer, user, operator or admin"),
    "groups": ("groups", _groups, "a mapping of the provider's groups to groups of this server"),
    "domains": ("domains", lambda value: frozenset(word.lower() for word in _words(value)), "domains, a space between two"),
}
