"""Who is told of alarms: `alarms.yaml` in the state folder. Read once, at the start of whoever tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rackless.model.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Email:
    """`tls`: `none`, `starttls` or `tls` (from the first byte). `password_file`: beside whose owner nobody reads it."""

    server: str
    sender: str
    to: tuple[str, ...]
    port: int = 25
    tls: str = "none"
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True, kw_only=True)
class Syslog:
    """RFC 5424; by `udp` (RFC 5426), `tcp` (RFC 6587, octets counted) or `tls` (RFC 5425). `facility`: 16 is local0."""

    server: str
    port: int = 514
    protocol: str = "udp"
    facility: int = 16


@dataclass(frozen=True, kw_only=True)
class Trap:
    """`community`: version 2c. With `user` it is version 3: SHA-256 (RFC 7860) and AES-128 (RFC 3826), passwords in files."""

    server: str
    port: int = 162
    community: str = ""
    user: str = ""
    authentication_file: str = ""
    privacy_file: str = ""
    engine: str = ""
    """Engine id of the sender, in hexadecimal: what the manager of version 3 has to know of traps. "" for one of its own."""


@dataclass(frozen=True, kw_only=True)
class Receivers:
    webhook: str = ""
    email: Email | None = None
    syslog: Syslog | None = None
    snmp: Trap | None = None


def read(file: Path) -> Receivers:
    """Nobody, where there is no such file.

    Raises:
        InputError: it is no such file; says where.
    """
    try:
        found: Any = YAML(typ="safe").load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return Receivers()
    except (OSError, YAMLError, UnicodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error
    try:
        made = TypeAdapter(Receivers).validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{file}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}.", hint="docs/reference/fabric-alarms.md."
        ) from error
    unknown = sorted(set(found) - {"webhook", "email", "syslog", "snmp"})
    if unknown:
        raise InputError(f"{file}: there is no receiver {unknown[0]}.", hint="webhook, email, syslog or snmp.")
    return made


def password(file: str) -> str:
    """Raises:
    InputError: it cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeError) as error:
        raise InputError(f"The password in {file} cannot be read: {error}.") from error
