"""One vCenter for the session; a lab on it that takes away what it made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parent))

import vcenter  # type: ignore[import-not-found]
import vsphere_place  # type: ignore[import-not-found]


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    made = vcenter.VCenter()
    made.image("rackless-images/tiny")
    made.image("rackless-images/vmx/vcp", snapshots=("ready",), nics=2)
    made.image("rackless-images/vmx/vfp", snapshots=("ss1", "ss2", "card0", "card1"), nics=4)
    made.image("rackless-images/bare", snapshots=())
    made.image("rackless-images/golden", snapshots=(), template=True)
    yield made
    made.end()


@pytest.fixture
def venue(server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("rackless.providers.vsphere.repeating.PAUSES", (0.01, 0.02))
    made = vsphere_place.VsphereVenue(server)
    yield made
    made.end()
