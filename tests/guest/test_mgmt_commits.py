"""Commits: confirmed ones, several editors, and power that goes away in the middle."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.guest.mgmt_router import START, User, boot, prepare

from mgmt import groups, store  # isort: skip
from mgmt.datastore import Refused  # isort: skip
from mgmt.schema import ROOT  # isort: skip
from mgmt.world import Folder  # isort: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepare(tmp_path)


def wait_for_name(datastore: Any, name: str) -> None:
    end = time.monotonic() + 60
    while datastore.running["system"]["host-name"] != name:
        assert time.monotonic() < end, datastore.running["system"]["host-name"]
        time.sleep(0.01)


def expire(datastore: Any) -> None:
    """Let the time of the pending confirmed commit be over."""
    confirm = datastore._confirm
    confirm.deadline = 0
    datastore._await_confirmation(confirm)


# ---- commit confirmed


def test_unconfirmed_commit_goes_back_and_everybody_is_told(root: Path) -> None:
    datastore = boot(root, START)
    user = User(datastore)
    other = User(datastore, "bob", "an answer makes a terminal")
    datastore.sessions = {1: user.session, 2: other.session}
    assert "rolled back in 7 minutes" in user.says("configure", "set system host-name east", "commit confirmed 7")
    assert user.session.banner() == "# commit confirmed will be rolled back in 7 minutes\n[edit]"
    user.says("set system services ssh")
    expire(datastore)
    wait_for_name(datastore, "west")
    assert (root / "etc/hostname").read_text() == "west\n"
    assert user.says("show | compare") == "[edit system]\n+   services {\n+       ssh;\n+   }\n", "edits in between are kept"
    assert user.session.banner() == "[edit]"
    for expected in (1, 0):
        assert other.says("show cli").count("Commit was not confirmed; automatic rollback complete.") == expected


@pytest.mark.parametrize("how", ["commit", "commit check", "commit comment yes"])
def test_confirmed_commit_stays(root: Path, how: str) -> None:
    datastore = boot(root, START)
    user = User(datastore)
    user.says("configure", "set system host-name east", "commit confirmed 5", how)
    assert datastore.unconfirmed is None
    again = boot(root)
    assert again.unconfirmed is None
    assert again.running["system"]["host-name"] == "east"


def test_failed_commit_does_not_confirm(root: Path) -> None:
    datastore = boot(root, START)
    user = User(datastore)
    user.says("configure", "set system host-name east", "commit confirmed 5")
    assert "error" in user.says("delete system root-authentication", "commit")
    assert datastore.unconfirmed is not None


def test_restart_goes_on_waiting_or_goes_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datastore = boot(root, START)
    User(datastore).says(
        "configure", "set system host-name one", "commit confirmed 5", "set system host-name two", "commit confirmed 3"
    )
    datastore._await_confirmation(None)  # this daemon is gone
    again = boot(root)
    assert again.running["system"]["host-name"] == "two"
    assert 0 < (again.unconfirmed or 0) <= 180
    again._await_confirmation(None)
    later = time.time() + 181
    monkeypatch.setattr(time, "time", lambda: later)
    after = boot(root)
    assert after.running["system"]["host-name"] == "west", "back to what was there before the first of the two"
    assert after.candidate == after.active
    assert boot(root).running["system"]["host-name"] == "west"


def test_first_commit_of_all_goes_back_to_nothing(root: Path) -> None:
    datastore = boot(root)
    user = User(datastore, "root")
    user.says("configure", *START.strip().splitlines(), "commit confirmed")
    expire(datastore)
    end = time.monotonic() + 60
    while datastore.running:
        assert time.monotonic() < end
        time.sleep(0.01)


# ---- several editors


def test_exclusive_keeps_others_out_and_says_who(root: Path) -> None:
    datastore = boot(root, START)
    ann, bob = User(datastore, "ann"), User(datastore, "bob")
    ann.says("configure exclusive", "set system host-name east")
    assert "error: configuration database locked by:\n  ann terminal pts/0" in bob.says("configure", "set system services ssh")
    assert "exclusive [edit]" in bob.screen.shown
    assert "locked by" in bob.says("commit")
    assert "locked by" in bob.says("rollback 0")
    bob.says("exit")
    assert "locked by" in bob.says("configure private")
    ann.session.close()
    assert datastore.candidate == datastore.active, "what was not committed goes with the lock"
    assert bob.says("configure exclusive", "set system host-name bobs", "commit") == "commit complete\n"


def test_modified_candidate_refuses_exclusive_and_private(root: Path) -> None:
    datastore = boot(root, START)
    User(datastore).says("configure", "set system host-name east")
    for mode in ("exclusive", "private"):
        assert User(datastore, "bob").says(f"configure {mode}") == "error: shared configuration database modified\n"


def test_private_candidates_are_merged(root: Path) -> None:
    datastore = boot(root, START)
    ann, bob = User(datastore, "ann"), User(datastore, "bob")
    ann.says("configure private", "set interfaces ge-0/0/0 mtu 2000", "delete system login user bob")
    bob.says("configure private", "set interfaces ge-0/0/0 description bobs", "set system services ssh")
    assert "private edits in use" in User(datastore, "root").says("configure")
    assert ann.says("show | compare") != bob.says("show | compare")
    assert ann.says("commit") == "commit complete\n"
    assert datastore.active["interfaces"]["interface"]["ge-0/0/0"] == {"mtu": "2000"}
    bob.session.user = "root"
    assert bob.says("commit") == "commit complete\n"
    assert datastore.active["interfaces"]["interface"]["ge-0/0/0"] == {"mtu": "2000", "description": "bobs"}
    assert list(datastore.active["system"]["login"]["user"]) == ["ann"]
    ann.says("set system host-name lost")
    ann.session.close()
    assert datastore.candidate == datastore.active


def test_private_conflict_is_told_and_update_solves_it(root: Path) -> None:
    datastore = boot(root, START)
    ann, bob = User(datastore, "ann"), User(datastore, "bob")
    ann.says("configure private", "set system host-name anns")
    bob.says("configure private", "set system host-name bobs", "set system services ssh")
    ann.says("commit")
    said = bob.says("commit")
    assert "[edit system host-name]" in said
    assert "error: conflict" in said
    assert datastore.running["system"]["host-name"] == "anns"
    assert "[edit system host-name]" in bob.says("update")
    assert (
        bob.says("show | compare")
        == "[edit system]\n-  host-name anns;\n+  host-name bobs;\n+   services {\n+       ssh;\n+   }\n"
    )
    assert bob.says("commit") == "commit complete\n"
    assert datastore.running["system"]["host-name"] == "bobs"


def test_leaving_with_changes_is_asked(root: Path) -> None:
    datastore = boot(root, START)
    ann = User(datastore, "ann", "no", "yes")
    said = ann.says("configure exclusive", "set system host-name east", "exit")
    assert "warning: uncommitted changes will be discarded on exit\nEntering configuration mode\n" in said
    assert ann.session.configuring
    assert "Discard uncommitted changes? [yes,no] (yes)" in ann.says("exit")
    assert not ann.session.configuring
    assert not datastore.changed()


# ---- power that goes away


class PowerLost(BaseException):
    """Nothing after this happens."""


OPERATIONS = ("open", "write", "fsync", "rename", "link", "unlink", "close", "fchmod")


def power_lost_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the power go away in the file operation `count` (from 0): a write is half done, all others don't happen. The list
    has the operations that were seen, also when there were fewer."""
    seen: list[str] = []
    dead = [False]

    def guarded(name: str, real: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            if dead[0]:
                raise PowerLost
            seen.append(name)
            if len(seen) - 1 == count:
                dead[0] = True
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise PowerLost
            return real(*arguments, **more)

        return call

    for name in OPERATIONS:
        monkeypatch.setattr(os, name, guarded(name, getattr(os, name)))
    return seen


def names_after(root: Path) -> list[str]:
    """What a restart finds: the active host name, and those that can be rolled back to."""
    datastore = boot(root)
    found = [datastore.running["system"]["host-name"]]
    for number, commit in store.history(Folder(str(root))):
        if number:
            assert commit.text.endswith("}\n")
            found.append(groups.effective(datastore.committed(number), ROOT)["system"]["host-name"])
    return found


@pytest.mark.parametrize("what", ["commit", "confirmed", "confirm"])
def test_power_loss_leaves_the_old_or_the_new_configuration(tmp_path: Path, what: str) -> None:
    seen: list[str] = []
    for count in range(400):
        root = prepare(tmp_path / f"{what}-{count}")
        datastore = boot(root, START)
        user = User(datastore)
        user.says("configure")
        for name in ("one", "two"):
            user.says(f"set system host-name {name}", "commit")
        if what == "confirm":
            user.says("set system host-name three", "commit confirmed 5")
            line = "commit"
        else:
            user.says("set system host-name three")
            line = "commit" if what == "commit" else "commit confirmed 5"
        with pytest.MonkeyPatch.context() as patch:
            seen = power_lost_after(count, patch)
            try:
                user.says(line)
                complete = True
            except PowerLost:
                complete = False
        datastore._await_confirmation(None)
        names = names_after(root)
        assert names[0] == "three" if complete or what == "confirm" else names[0] in ("two", "three"), (count, seen[-1], names)
        assert {"one", "west"} <= set(names), (count, seen[-1], names)
        # And the next commit works, whatever was left lying about.
        again = boot(root)
        again._await_confirmation(None)
        User(again).says("configure", "set system host-name four", "commit")
        assert names_after(root)[:2] == ["four", names[0]], (count, seen[-1])
        if complete:
            break
    assert count == len(seen) > 5, "every point was tried"


def test_disk_that_is_full_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datastore = boot(root, START)
    real = os.rename

    def full(source: str, target: str) -> None:
        if target.endswith("rackless.conf.gz"):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "rename", full)
    datastore.edit(lambda tree: tree["system"].update({"host-name": "east"}))
    with pytest.raises(Refused, match="No space left"):
        datastore.commit(user="root", via="cli")
    assert (root / "etc/hostname").read_text() == "west\n"
    monkeypatch.setattr(os, "rename", real)
    assert boot(root).running["system"]["host-name"] == "west"
