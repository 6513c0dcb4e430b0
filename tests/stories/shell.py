"""A user at a shell: the `rackless` program against a state directory of its own, on the `fake` provider."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.stories.databases import database_of

from rackless.store.database import Database

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples/back-to-back.yaml")


class Shell:
    """`sources`: the tree whose program is run; another one is another version of it."""

    def __init__(self, top: Path, *, sources: Path = ROOT / "src", **env: str) -> None:
        self.top = top
        self.env = {
            **os.environ,
            "PYTHONPATH": str(sources),
            "RACKLESS_PROVIDER": "fake",
            "RACKLESS_STATE": str(top / "s"),
            "RACKLESS_RUN": str(top / "r"),
            "RACKLESS_DATABASE": database_of(top / "s"),
            **env,
        }

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rackless.cli.main", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **more}
        return subprocess.Popen(command, env=self.env, cwd=self.top, text=True, **pipes)

    def run(self, *words: str, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(words, code, out, err)

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def server(self) -> int:
        return int((self.top / "r/server.pid").read_text())

    def kill_server(self) -> None:
        os.kill(self.server(), signal.SIGKILL)

    def change_store(self, statement: str) -> int:
        """Behind the server's back; how many rows that changed."""
        database = Database(self.env["RACKLESS_DATABASE"] or f"sqlite:///{self.top / 's/rackless.sqlite'}")
        try:
            with database.engine.begin() as db:
                return db.execute(sa.text(statement)).rowcount
        finally:
            database.close()

    @property
    def cloud(self) -> Path:
        """The pretended place: a file a lab, and the faults that it was told."""
        return self.top / "s/fake-cloud"

    def made(self) -> dict[str, Any]:
        """The machines that the place has, by name."""
        labs = [json.loads(path.read_text()) for path in self.cloud.glob("*.json")]
        return {name: machine for lab in labs for name, machine in lab["machines"].items()}

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let the place fail. Ends the server, which has its faults in memory."""
        self.run("list")
        self.run("stop")
        (self.cloud / "faults").write_text(json.dumps([{"times": 99, **fault} for fault in faults]))


def until(process: subprocess.Popen[str], text: str) -> str:
    """Read the program's standard error until this is in a line; what was said up to there."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    raise AssertionError(f"{text!r} did not come:\n{said}")
