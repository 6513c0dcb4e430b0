"""Keep the store of a release, so that every later one proves that it can take it over: tests/store/FORM.sql.

    .venv/bin/python tests/store/keep.py              of these sources, into a file named by the form of their tables
    .venv/bin/python tests/store/keep.py OTHER/src    of another tree's (an older release's)

Run it when a release is made, and commit the file. It has real rows: the program of that release makes labs on the `fake`
provider (one that is ready, one that has ended, one that failed, one that is booked), users, tokens and a share.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).parent
LAB = """name: {name}
routers:
  west: {{cards: 1, ports_per_card: 2, startup: west.set}}
  east: {{cards: 1, ports_per_card: 1}}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""


class Installation:
    def __init__(self, top: Path, sources: Path) -> None:
        self.top = top
        self._env = {
            **os.environ,
            "PYTHONPATH": str(sources),
            "RACKLESS_PROVIDER": "fake",
            "RACKLESS_STATE": str(top / "s"),
            "RACKLESS_RUN": str(top / "r"),
        }
        (top / "west.set").write_text("set system time-zone UTC\n")
        for name in ("one", "two", "three", "four"):
            (top / f"{name}.yaml").write_text(LAB.format(name=name))

    def run(self, *words: str) -> bool:
        """False when this release has no such command, or it failed."""
        done = subprocess.run(
            [sys.executable, "-m", "rackless.cli.main", *words],
            cwd=self.top,
            env=self._env,
            capture_output=True,
            timeout=120,
            check=False,
        )
        print(f"{' '.join(words)}: {done.returncode}", file=sys.stderr)
        return done.returncode == 0


def fill(place: Installation) -> None:
    assert place.run("up", "one.yaml")
    assert place.run("up", "two.yaml")
    assert place.run("down", "two")
    place.run("link", "one", "west:ge-0/0/0", "--down")
    if place.run("user", "add", "una", "--role", "user"):
        place.run("user", "add", "olga", "--role", "operator")
        place.run("token", "add", "una", "ci", "--for", "30d")
        place.run("share", "one", "una")
        place.run("up", "four.yaml", "--from", "2040-01-01", "--for", "2h")
        place.run("extend", "one", "2h")
    place.run("stop")
    cloud = place.top / "s/fake-cloud"
    if cloud.is_dir():  # the first release's place took no faults from outside
        (cloud / "faults").write_text(json.dumps([{"verb": "check", "times": 99}]))
        assert not place.run("up", "three.yaml")
        assert place.run("stop")


def main() -> None:
    sources = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "src").absolute()
    with tempfile.TemporaryDirectory() as folder:
        place = Installation(Path(folder), sources)
        fill(place)
        with closing(sqlite3.connect(place.top / "s/rackless.sqlite")) as database:
            form = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            text = "\n".join(database.iterdump()) + "\n"
    file = HERE / f"{form}.sql"
    file.write_text(text.replace(folder, "/var/lib/rackless-kept"), encoding="utf-8")
    print(f"{file}: {len(text)} characters", file=sys.stderr)


if __name__ == "__main__":
    main()
