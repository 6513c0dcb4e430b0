"""What the stories at a shell share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.stories.shell import Shell


@pytest.fixture
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    # Short: socket paths are limited to 107 bytes.
    made = Shell(tmp_path_factory.mktemp("c"))
    yield made
    made.run("stop", code=0 if (made.top / "r/api.sock").exists() else 4)
