"""Installations of Rackless for the stories on real guests. One lab of six machines proves most of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cli import Installation


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    installation = Installation.make()
    try:
        yield installation
    finally:
        installation.down_all()
        installation.close()
