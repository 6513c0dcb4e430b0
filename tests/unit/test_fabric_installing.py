"""How a release comes onto a node: what runs, what it came to, and that a failed one is tried again when that is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.stories.fabric.simulated import first

from rackless.fabric import actions, installing, upgrading
from rackless.fabric.places import Places
from rackless.fabric.truth import Upgrade
from rackless.fabric.upgrading import Stage
from rackless.model.errors import InputError
from rackless.model.fabric import NodeRole
from rackless.release import release


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "fabric")
    made.make()
    return made


async def ended(places: Places, wanted: str, how: str) -> dict[str, str]:
    """Asked as a decider asks: again and again until it is known."""
    end = time.monotonic() + 60
    while True:
        found = await installing.asked(places, [], wanted, how)
        if found["state"] != installing.RUNS:
            return found
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_a_node_that_has_it_installs_nothing(places: Places, tmp_path: Path) -> None:
    assert await installing.asked(places, [], release(), f"run touch {tmp_path}/ran") == {"state": "done", "why": ""}
    assert not (tmp_path / "ran").exists()


async def test_a_command_that_fails_is_told_with_its_last_words_and_run_again_only_when_asked(
    places: Places, tmp_path: Path
) -> None:
    how = f"run echo x >> {tmp_path}/ran; echo no room >&2; exit 3"
    found = await ended(places, "9.9", how)
    assert found == {"state": "failed", "why": "It ended with status 3: no room"}
    assert (tmp_path / "ran").read_text() == "x\n"
    await ended(places, "9.9", how)
    assert (tmp_path / "ran").read_text() == "x\nx\n"


async def test_the_daemon_starts_again_once_and_says_when_that_changed_nothing(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(os, "kill", lambda *what: told.append(what))
    found = await ended(places, "9.9", "run echo $RACKLESS_RELEASE > " + str(tmp_path / "ran"))
    assert (tmp_path / "ran").read_text() == "9.9\n"
    assert told == [(os.getpid(), signal.SIGTERM)]
    assert found == {"state": "failed", "why": f"The release is {release()} after it, not 9.9."}


async def test_an_installation_that_lost_its_power_is_none(places: Places) -> None:
    await installing.asked(places, [], "9.9", "run sleep 600")
    pid = int(installing._kept(places)["pid"])
    os.killpg(pid, signal.SIGKILL)
    assert (await ended(places, "9.9", "run sleep 600"))["why"] == "It was cut off."


async def test_a_package_is_known_by_its_digest_and_no_node_makes_one_up(places: Places, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    (stage / "DEBIAN").mkdir(parents=True)
    control = "Package: rackless\nVersion: 9.9\nArchitecture: all\nMaintainer: nobody <n@localhost>\nDescription: none\n"
    (stage / "DEBIAN/control").write_text(control)
    file = tmp_path / "rackless.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", stage, file], check=True, capture_output=True)
    found, digest = await installing.offered(places, file)
    assert found == "9.9"
    assert installing.package(places, digest).read_bytes() == file.read_bytes()
    for wrong in ("0" * 64, "../own/ca.key", ""):
        with pytest.raises(InputError):
            installing.package(places, wrong)
    (stage / "DEBIAN/control").write_text(control.replace("rackless", "hello"))
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", stage, file], check=True, capture_output=True)
    with pytest.raises(InputError, match="no Debian package of Rackless"):
        await installing.offered(places, file)
    assert (await installing.asked(places, [], "9.9", f"package {'0' * 64}"))["state"] == "failed"


def test_a_failed_installation_stops_the_upgrade_and_is_asked_for_again_by_resume() -> None:
    truth = first(dict.fromkeys("abc", NodeRole.FULL))
    id = truth.layout.nodes[0].id
    truth = replace(truth, upgrade=Upgrade(release="9.9", how="run x", order=(id,), node=id, stage=Stage.INSTALLING))
    stopped = upgrading.failed(truth, id, "It ended with status 3: no room")
    assert stopped.upgrade is not None
    assert stopped.upgrade.stopped.endswith("did not get 9.9. It ended with status 3: no room")
    assert upgrading.failed(truth, "another", "why") == truth
    again = upgrading.resume(stopped, 1.0)
    assert [(task.kind, task.node, task.text) for task in again.tasks] == [(actions.INSTALL, id, "9.9")]
    assert upgrading.resume(replace(again, upgrade=stopped.upgrade), 1.0).tasks == again.tasks
