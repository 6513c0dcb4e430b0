"""The places that the one suite runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from rackless.providers.contract import Provider, Ref, RefKind
from rackless.providers.fake import FakeCloud, FakeProvider


class Place(Protocol):
    """Somewhere machines are made. `provider()` gives a new provider object each time: nothing may hang on the old one."""

    def provider(self) -> Provider: ...

    def other_site(self) -> Provider:
        """A provider of another installation on the same host."""
        ...

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A machine that is not ours under a name that could be; it must survive."""
        ...

    def foreign_lives(self, ref: Ref) -> bool: ...

    def free_port(self) -> int: ...


class FakePlace:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "cloud.json"
        self._other = folder / "other.json"
        self._ports = 20000

    def provider(self) -> Provider:
        return FakeProvider(FakeCloud(self._file))

    def other_site(self) -> Provider:
        return FakeProvider(FakeCloud(self._other))

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        return FakeCloud(self._file).plant_foreign(RefKind.MACHINE, sandbox, name)

    def foreign_lives(self, ref: Ref) -> bool:
        return f"{ref.kind.value}/{ref.sandbox}/{ref.name}" in FakeCloud(self._file).state.foreign

    def free_port(self) -> int:
        self._ports += 1
        return self._ports


@pytest.fixture(params=["fake"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return FakePlace(tmp_path)
