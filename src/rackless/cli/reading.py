"""Send a blueprint: its text, and the files next to it that the server asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rackless.model.errors import FilesNeededError, InputError

if TYPE_CHECKING:
    from rackless.client.api import Api

MOST = 1 << 20
"""Bytes of a file that goes along; a configuration of a router is far smaller."""


def send(api: Api, path: str, file: str, *, name: str | None, **more: Any) -> Any:
    """Post the blueprint, with more keys if the path takes them; again with its files when the server asks for them."""
    text = _text(file)
    body: dict[str, Any] = {"text": text, "file": file if file != "-" else "standard input", "name": name, **more}
    try:
        return api.ask("POST", path, body=body)
    except FilesNeededError as error:
        around = Path(file).parent if file != "-" else Path()
        body |= {"files": _files(around, error.names), "complete": True}
    return api.ask("POST", path, body=body)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            f"{file} cannot be read: {reason}.", hint="Name a blueprint file, for example examples/back-to-back.yaml."
        ) from error


def _files(around: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Those that can be read, and lie next to the blueprint or below; the server names the others with their line."""
    found = {}
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue
        try:
            path = around / name
            if path.stat().st_size <= MOST:
                found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return found
