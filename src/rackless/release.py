"""Which Rackless this is: the package's version, and a digest of its sources: a checkout's version stays while they change."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
KINDS = (".py", ".json")


def release() -> str:
    """The package's version."""
    try:
        return version("rackless")
    except PackageNotFoundError:
        return "unpackaged"


def build(sources: Path = SOURCES) -> str:
    """The version and a digest of the sources, as `0.1.0+3f2a9c01d7e4`. Takes 20 ms for 600 files: each command does this, so
    paths are words here."""
    total = hashlib.sha256()
    top = len(str(sources)) + 1
    found: list[str] = []
    for folder, folders, names in os.walk(sources):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [f"{folder}/{name}" for name in names if name.endswith(KINDS)]
    for path in sorted(found):
        with open(path, "rb", buffering=0) as file:
            content = hashlib.sha256(file.read()).hexdigest()
        total.update(f"{path[top:]}\0{content}\n".encode())
    return f"{release()}+{total.hexdigest()[:12]}"
