"""The servers that one has logged in to: client.toml in the configuration directory, its owner's only.

default = "https://labs.example.net:8443"

[servers."https://labs.example.net:8443"]
token = "rkl_..."
ca = "/home/una/labs-ca.pem"     # where its certificate is not signed by one that this machine trusts
label = "login-laptop"           # of a token that `rackless login` made, and `rackless logout` revokes
user = "una"
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rackless.model.errors import InputError

PARTS = ("token", "ca", "label", "user")


@dataclass(frozen=True, kw_only=True)
class Login:
    token: str = field(default="", repr=False)
    ca: str = ""
    label: str = ""
    user: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`default`: the server that commands go to when none is named; "" for this machine's."""

    default: str = ""
    servers: Mapping[str, Login] = field(default_factory=dict)


def path(environ: Mapping[str, str]) -> Path:
    """$XDG_CONFIG_HOME/rackless/client.toml (XDG Base Directory Specification)."""
    top = environ.get("XDG_CONFIG_HOME") or ""
    base = Path(top) if Path(top).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".config"
    return base / "rackless/client.toml"


def read(file: Path) -> Kept:
    """What is kept; nothing when there is no file.

    Raises:
        InputError: others may read it, or it is not what this writes.
    """
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode & 0o777
            if mode & 0o077:
                raise InputError(f"{file} holds tokens and has mode {mode:04o}.", hint=f"Run `chmod 600 {file}`.")
            body = tomllib.load(opened)
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not TOML: {error}.", hint="Remove it, and run `rackless login URL` again.") from error
    try:
        servers = {url: _login(one) for url, one in body.get("servers", {}).items()}
    except (AttributeError, TypeError) as error:
        raise InputError(f"{file} is not what `rackless login` writes.", hint="Remove it, and log in again.") from error
    return Kept(default=str(body.get("default", "")), servers=servers)


def _login(body: Any) -> Login:
    return Login(**{part: str(body[part]) for part in PARTS if part in body})


def write(file: Path, kept: Kept) -> None:
    """Whole or not at all, and never readable by others.

    Raises:
        InputError: the directory can't be written.
    """
    # A JSON string without control characters is a TOML basic string (TOML 1.0); json.dumps escapes the others as \uXXXX.
    lines = [f"default = {json.dumps(kept.default)}"] if kept.default else []
    for url, login in kept.servers.items():
        lines += ["", f"[servers.{json.dumps(url)}]"]
        lines += [f"{part} = {json.dumps(value)}" for part in PARTS if (value := getattr(login, part))]
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
            opened.write("\n".join(lines) + "\n")
        fresh.replace(file)
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror}.", hint="Set XDG_CONFIG_HOME to a directory of yours."
        ) from error
