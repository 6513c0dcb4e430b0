"""Two hundred labs of several owners, booked, run and ended, in a place that fails, on a server that is killed: nothing is left,
nothing was given twice, and the history of each says why it ended as it did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from rackless.model.lifecycle import SANDBOX, SandboxState
from tests.kills.matrix import ROOT
from tests.postgresql import EVERYWHERE, shared

COUNT = 200
STATES = {state.value for state in SandboxState}
SEED = int(os.environ.get("RACKLESS_SEED", "1"))


@pytest.mark.timeout(600)
def test_two_hundred_labs_leave_nothing_and_share_nothing(top: Path) -> None:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "tests.kills.two_hundred", str(top), str(SEED), str(COUNT)]
    env = {"RACKLESS_DATABASE": shared().ready()} if EVERYWHERE else {}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path, **env}, check=False
    )
    assert done.returncode == 0, (top / "log").read_text()[-4000:]
    found = json.loads(done.stdout)
    failed = [why for history in found["histories"].values() for _, what, why in history if what == "failed"]
    print(f"{found['kills']} kills, {found['looks']} looks, {found['jobs']}, {len(failed)} failures, at most {found['most']} MiB")
    assert found["problems"] == []  # of the looks from outside: nothing twice, never more than there is; no defect
    assert (found["left"], found["audit"], found["pools"], found["place"]) == ({}, [], {}, [])
    assert (len(found["histories"]), found["kills"]) == (COUNT, 9)
    for name, history in found["histories"].items():
        states = [SandboxState(what) for _, what, _ in history if what in STATES]
        assert states[-1] is SandboxState.ENDED, (name, history)
        assert all(new in SANDBOX[old] for old, new in pairwise(states)), (name, history)
        assert all(why for _, _, why in history), (name, history)
    assert any("was told to fail" in why for why in failed)  # the place did fail, and not only where a second try mends it
    assert found["jobs"]["deploy succeeded"] > COUNT / 10  # those without an end, a fifth, had time enough
