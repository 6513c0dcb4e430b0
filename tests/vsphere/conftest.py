"""One vCenter for the session; a lab on it that takes away what it made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.vsphere_place import VsphereVenue
from tests.vsphere.vcenter import VCenter


@pytest.fixture(scope="session")
def server() -> Iterator[VCenter]:
    made = VCenter()
    made.image("rackless-images/tiny")
    made.image("rackless-images/vmx/vcp", snapshots=("ready",), nics=2)
    made.image("rackless-images/vmx/vfp", snapshots=("ss1", "ss2", "card0", "card1"), nics=4)
    made.image("rackless-images/bare", snapshots=())
    made.image("rackless-images/golden", snapshots=(), template=True)
    yield made
    made.end()


@pytest.fixture
def venue(server: VCenter, monkeypatch: pytest.MonkeyPatch) -> Iterator[VsphereVenue]:
    monkeypatch.setattr("rackless.providers.vsphere.repeating.PAUSES", (0.01, 0.02))
    made = VsphereVenue(server)
    yield made
    made.end()
