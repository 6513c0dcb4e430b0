"""The programs of docs/reference/client.md, as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from tests.stories.shell import ROOT, Shell

PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/reference/client.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("at", "says"), [(0, ["mine ready local", "west is pretended and would run: uptime", "not-found"]), (1, ["['other']"])]
)
def test_it_runs(shell: Shell, at: int, says: list[str]) -> None:
    for file in (ROOT / "examples").iterdir():
        shutil.copy(file, shell.top)
    command = [sys.executable, "-c", PROGRAMS[at]]
    done = subprocess.run(command, env=shell.env, cwd=shell.top, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    for text in says:
        assert text in done.stdout
    assert shell.json("list") == []


def test_there_is_no_other_program() -> None:
    assert len(PROGRAMS) == 2
