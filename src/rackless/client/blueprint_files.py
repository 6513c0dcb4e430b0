"""A blueprint's text, and the files next to it that the server asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rackless.model.errors import InputError

MOST = 1 << 20
"""Bytes of a file that goes along; a configuration of a router is far smaller."""


def text_of(file: str) -> str:
    """`file` - is standard input.

    Raises:
        InputError: it can't be read.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            f"{file} cannot be read: {reason}.", hint="Name a blueprint file, for example examples/back-to-back.yaml."
        ) from error


def around(file: str, names: Iterable[str]) -> dict[str, str]:
    """Those that can be read, and lie next to the blueprint or below; the server names the others with their line."""
    top = Path(file).parent if file != "-" else Path()
    found = {}
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue
        try:
            path = top / name
            if path.stat().st_size <= MOST:
                found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return found
