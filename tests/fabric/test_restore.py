"""A backup goes into a new fabric, row for row: of a fabric that is lost, and of an installation on SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fabric import conftest
from tests.fabric.nodes import CLIENT, VIRTUAL, Net, Node, wait
from tests.fabric.test_labs import Web, rackless, share, top_of, whole
from tests.stories.shell import Shell

from rackless.fabric.engines import application
from rackless.fabric.places import Folder

pytestmark = [pytest.mark.fabric, pytest.mark.root]

ROWS = """
import json, sys
from rackless.store import snapshot
from rackless.store.database import Database
database, found = Database(sys.argv[1]), {}
with database.engine.connect() as db:
    for table in snapshot.tables(db):
        found[table.name] = sorted(([value for value in row] for row in db.execute(table.select())), key=repr)
print(json.dumps(found, default=repr))
"""
LIVING = {"servers"}
"""Tables of who serves now, which no backup brings back."""
LAB = """\
name: {name}
routers: {{a: {{cards: 1}}, b: {{cards: 1}}}}
wires: [["a:ge-0/0/0", "b:ge-0/0/0"]]
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    if os.geteuid():
        pytest.skip("nodes are namespaces: needs root")
    top = tmp_path_factory.mktemp("restore")
    top.chmod(0o755)
    (top / "hooks").mkdir()
    (top / "cloud").mkdir()
    held = top / "hooks/held"
    held.write_text("#!/bin/sh\n")
    held.chmod(0o755)
    (top / "site.yaml").write_text(f"hooks: {{executables: {top}/hooks}}\nprovider: fake\n")
    with Net(application=(), RACKLESS_SITE=str(top / "site.yaml")) as found, conftest.timed(found):
        found.top = top  # type: ignore[attr-defined]
        yield found


def rows(node: Node) -> dict[str, list[object]]:
    """All that the fabric's store has, asked with the server's own certificate."""
    url = application.database_url(Folder(node.top / "application"))
    return _kept(json.loads(node.inside(sys.executable, "-c", ROWS, url)))


def _kept(found: dict[str, list[object]]) -> dict[str, list[object]]:
    return {name: rows for name, rows in found.items() if name not in LIVING}


def begun(net: Net) -> Node:
    node = net.node()
    node.fabric("init", "--address", node.address, "--virtual-address", f"{VIRTUAL}/24", "--ntp", CLIENT)
    share(net, node)
    return node


def same(there: dict[str, list[object]], before: dict[str, list[object]]) -> None:
    """Each row is there. What the new server wrote since is only more: that it began, and looked."""
    assert there.keys() == before.keys()
    lost = {name: [row for row in rows if row not in there[name]] for name, rows in before.items()}
    assert not {name: rows for name, rows in lost.items() if rows}
    more = {name: len(there[name]) - len(rows) for name, rows in before.items() if len(there[name]) != len(rows)}
    assert set(more) <= {"events", "access_log"}, more


def test_a_lost_fabric_goes_on_in_a_new_one(net: Net) -> None:
    old = begun(net)
    rackless(old, "user", "add", "una", "--role", "admin")
    token = json.loads(rackless(old, "token", "add", "una", "test", "--json"))["token"]
    web = Web(net, token)
    web.deploy("first")
    whole(web, "first")
    file = top_of(net) / "rackless.backup"
    before = rows(old)  # what the backup itself leaves, in the log of who asked for what, is not in it
    rackless(old, "backup", str(file))
    assert before["sandboxes"]
    old.power_off()

    new = begun(net)
    assert "There is no file" in new.refused("restore", "/nowhere")
    wrong = top_of(net) / "wrong.backup"
    wrong.write_bytes(file.read_bytes()[:-100])
    assert f"{wrong} is no whole backup" in new.refused("restore", str(wrong))
    wait(lambda: json.loads(rackless(new, "list", "--json", check=False) or "null") == [], "its server, as empty as before")
    done = json.loads(new.fabric("restore", str(file), "--json"))
    assert done["labs"] == ["first"]
    same(rows(new), before)
    assert not (new.top / "application/restore.backup").exists()

    # It goes on: who had a token has it still, and the lab is what it was.
    there = Web(net, token)
    there.authority = new.top / "own/ca.crt"
    whole(there, "first")
    there.deploy("second")
    whole(there, "second")

    # A store with something in it is nobody's to write over by mistake.
    assert "The state is not empty" in new.refused("restore", str(file))
    line = new.entered(sys.executable, "-m", "rackless.cli.main", "restore", str(file))
    refused = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert "The store of this node is its fabric's." in refused.stderr
    assert {lab["name"] for lab in json.loads(rackless(new, "list", "--json"))} == {"first", "second"}


def test_an_installation_on_sqlite_goes_into_it(net: Net, tmp_path: Path) -> None:
    shell = Shell(tmp_path, RACKLESS_PROVIDER="fake", RACKLESS_DATABASE="")
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "s/fake-cloud").symlink_to(top_of(net) / "cloud")
    (tmp_path / "lab.yaml").write_text(LAB.format(name="small"))
    shell.run("up", str(tmp_path / "lab.yaml"))
    shell.run("user", "add", "ann")
    file = tmp_path / "small.backup"
    words = [sys.executable, "-c", ROWS, f"sqlite:///{tmp_path}/s/rackless.sqlite"]
    before = _kept(json.loads(subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout))
    shell.run("backup", str(file))
    shell.run("stop")
    assert before["sandboxes"]

    node = net.nodes[-1]
    done = json.loads(node.fabric("restore", str(file), "--replace", "--json"))
    assert done["labs"] == ["small"]
    assert done["aside"].startswith("schema before_restore_")
    same(rows(node), before)
    assert [user["name"] for user in json.loads(rackless(node, "user", "list", "--json"))] == ["ann"]
