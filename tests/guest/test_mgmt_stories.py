"""Stories of the router's command line: tests/stories/cli/<case>/cmdlist run by the real client against the real daemon.

A case may hold `answers.json` (what programs such as `ip` and `vtysh` answer), `files/` (put below the router's root), and
`commands` (what the daemon must have run, one a line; only listed lines are looked for, in order). To accept what the
command line now says: UPDATE_STORIES=1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
GUEST = HERE.parent / "guest"
CASES = sorted(path.parent for path in (HERE / "stories" / "cli").glob("*/cmdlist"))
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(GUEST), "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}


def prepare(root: Path, case: Path | None) -> None:
    """A router's root folder as the image has it, with what the case adds."""
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\nbin:x:2:2:bin:/bin:/usr/sbin/nologin\n")
    (root / "etc/shadow").write_text("root::20000:0:99999:7:::\nbin:*:20000:0:99999:7:::\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/hostname").write_text("\n")
    answers = {"ip -j addr show": "[]", "ip -j -s addr show": "[]", "uname -sr": "Linux 6.1.0"}
    if case is not None and (case / "files").is_dir():
        shutil.copytree(case / "files", root, dirs_exist_ok=True)
    if case is not None and (case / "answers.json").exists():
        answers |= json.loads((case / "answers.json").read_text())
    (root / "answers.json").write_text(json.dumps(answers))


@pytest.fixture
def router(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Root folder of a router whose daemon runs; the socket is run/mgd.sock in it."""
    case = getattr(request, "param", None)
    root = tmp_path / "root"
    prepare(root, case)
    command = [sys.executable, "-m", "mgmt.daemon", "--root", str(root)]
    with (tmp_path / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        wait_for(root / "run/mgd.sock", daemon)
        yield root
    finally:
        daemon.terminate()
        daemon.wait(60)
    assert (tmp_path / "daemon.log").read_text() == ""


def wait_for(path: Path, daemon: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert daemon.poll() is None, "the daemon ended"
        assert time.monotonic() < end, "the daemon's socket did not come"
        time.sleep(0.01)


def client(root: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mgmt.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**ENVIRONMENT, "MGD_SOCKET": str(root / "run/mgd.sock")},
        cwd=root,
        check=False,
    )


def settled(text: str) -> str:
    """The transcript without what differs from run to run: times and the salt of hashes."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+", "<time>", text)
    text = re.sub(r"\(\d\d:\d\d:\d\d ago\)", "(<ago>)", text)
    return re.sub(r"\$6\$[^\"\s]+", "<hash>", text)


def transcript(root: Path, commands: str) -> str:
    """Every command, run in one session, with what it said."""
    done = client(root, "-k", "-e", stdin=commands)
    assert done.stderr == ""
    return settled(done.stdout) + f"exit status {done.returncode}\n"


@pytest.mark.parametrize(
    ("router", "case"), [(case, case) for case in CASES], ids=[case.name for case in CASES], indirect=["router"]
)
def test_story(router: Path, case: Path) -> None:
    said = transcript(router, (case / "cmdlist").read_text())
    expect = case / "expect"
    if os.environ.get("UPDATE_STORIES"):
        expect.write_text(said)
    assert said == expect.read_text()
    if (case / "commands").exists():
        log = (router / "commands.log").read_text().splitlines()
        for line in (case / "commands").read_text().splitlines():
            assert line in log, f"not run (or not in this order): {line}"
            log = log[log.index(line) + 1 :]
