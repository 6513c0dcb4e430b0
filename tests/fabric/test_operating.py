"""What operators do to a fabric of three, in this order on one: done, or refused with a reason, and nothing lost."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.fabric.nodes import CLIENT, VIRTUAL, Net, Node, sh, wait

pytestmark = [pytest.mark.fabric, pytest.mark.root]

LATE = """
import sys, time
real = time.time
time.time = lambda: real() + 3600
from rackless.fabric.program import main
sys.exit(main(sys.argv[1:]))
"""
"""A node's program on a machine whose clock is an hour off."""
INSTALL = """
set -e
name=$(hostname)
test ! -e {top}/broken-$name || {{ echo "the disk of $name is read-only" >&2; exit 3; }}
rm -rf {top}/plus-$name/*
folder={top}/plus-$name/rackless-$RACKLESS_RELEASE.dist-info
mkdir -p $folder
printf 'Metadata-Version: 2.1\\nName: rackless\\nVersion: %s\\n' $RACKLESS_RELEASE > $folder/METADATA
"""
"""Another release of the same sources: what Python says of a package is its metadata, by the first on its path."""


EXPIRE = """
import asyncio, json, sys, time
from rackless.fabric import places
from rackless.fabric.authority import client_context
from rackless.fabric.etcd import Etcd
from rackless.fabric.node import TOKENS

async def main():
    own = places.load().own
    async with Etcd([sys.argv[1]], client_context(own.authority, own.pair)) as etcd:
        for one in await etcd.under(TOKENS):
            await etcd.put(one.key, json.dumps(json.loads(one.value) | {"ends": time.time() - 5}))

asyncio.run(main())
"""
"""What a quarter of an hour does to the fabric's notes of its tokens."""


def said(net: Net) -> set[int]:
    words = ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", net.nodes[0].top / "own/ca.crt", f"https://{VIRTUAL}/all"]
    return {int(number) for number, _ in json.loads(sh(*net.entered(*words)))["found"]}


def say(net: Net, number: int) -> bool:
    words = ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", net.nodes[0].top / "own/ca.crt"]
    found = sh(*net.entered(*words, "-X", "POST", "-d", "", f"https://{VIRTUAL}/said/{number}"), check=False)
    return '"node"' in found


def engines(node: Node) -> set[str]:
    names = {"etcd", "postgres", "haproxy", "keepalived"}
    return names & set(node.inside("ps", "-eo", "comm=", check=False).split())


def primary(net: Net) -> Node:
    return wait(lambda: next((node for node in net.nodes if node.outer.poll() is None and node.is_primary()), None), "a primary")


def remade(token: str, **other: str) -> str:
    """A token of which something is another."""
    head, _, body = token.strip().partition(".")
    found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}." + base64.urlsafe_b64encode(json.dumps(found | other).encode()).decode().rstrip("=")


def untouched(net: Net, node: Node) -> None:
    """The machine is as it was, and the fabric too."""
    assert not (node.top / "own/node.json").exists()
    assert not engines(node)
    assert node.name not in {one["name"] for one in net.nodes[0].status()["layout"]["nodes"]}


def lasting(node: Node) -> dict[int, str]:
    """Processes of a node but those that come and go: its daemon, and programs that answer for a moment."""
    found = {}
    for pid in node.pids():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(Path(word).name in {"etcd", "haproxy", "keepalived", "chronyd", "patroni"} for word in words[:2]):
                found[pid] = words[0]
    return found


def test_who_begins_again_changes_nothing(fabric: Net) -> None:
    first = fabric.nodes[0]
    before = lasting(first)
    assert len(before) >= 5
    line = first.fabric("init", "--address", first.address, "--virtual-address", f"{VIRTUAL}/24", "--ntp", CLIENT)
    assert line.splitlines()[-1] == "Ready."
    assert lasting(first).keys() >= before.keys()


def test_the_primary_is_switched_over(fabric: Net) -> None:
    wait(lambda: say(fabric, 1), "a write")
    old = primary(fabric)
    to = next(node for node in fabric.nodes if node is not old)
    assert f"{to.name} has the primary." in fabric.nodes[0].fabric("switchover", "--to", to.name)
    assert primary(fabric) is to
    assert f"{to.name} has the primary." in old.fabric("switchover", "--to", to.name), "once more changes nothing"
    assert "There is no node n9" in old.refused("switchover", "--to", "n9")
    wait(lambda: say(fabric, 2), "a write on the new one")
    fabric.settled()


def test_a_node_in_maintenance_serves_nobody(fabric: Net) -> None:
    node = primary(fabric)
    other = next(one for one in fabric.nodes if one is not node)
    other.fabric("maintenance", node.name, "on")
    wait(lambda: primary(fabric) is not node, "the primary to leave it")
    wait(lambda: not node.holds(), "the web address to leave it")
    wait(lambda: "keepalived" not in engines(node), "what serves to end on it")
    wait(lambda: say(fabric, 3), "a write without it")
    assert {one["name"] for one in other.status()["layout"]["nodes"] if one["maintenance"]} == {node.name}
    other.fabric("maintenance", node.name, "off")
    fabric.settled()
    assert "There is no node n9" in other.refused("maintenance", "n9", "on")


def test_who_may_not_join_changes_nothing(fabric: Net) -> None:
    one = fabric.nodes[0]
    node = fabric.node()
    ask = ("join", "--address", node.address, "--ntp", CLIENT)
    try:
        assert "This is no join token." in node.refused(*ask, stdin="rlfabric2.abc\n")
        token = one.fabric("add", node.name)
        assert "is not known to the fabric" in node.refused(*ask, stdin=remade(token, secret="another"))
        assert "its authority is another" in node.refused(*ask, stdin=remade(token, authority="0" * 64))
        assert f"The token is for {node.name}, not for other" in node.refused(*ask, "--name", "other", stdin=token)
        late = node.entered(sys.executable, "-c", LATE, *ask)
        refused = _fails(late, token)
        assert "clock" in refused, refused
        assert "no external source of time" in node.refused(*ask[:3], stdin=token)
        one.inside(sys.executable, "-c", EXPIRE, f"https://{one.address}:2379")
        assert "This token ended" in node.refused(*ask, stdin=token)
        untouched(fabric, node)
    finally:
        node.power_off()
        fabric.nodes.remove(node)


def _fails(line: list[str], stdin: str) -> str:
    done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode, done.stdout
    return done.stderr


def test_a_node_of_another_fabric_is_nobody(fabric: Net) -> None:
    one = fabric.nodes[0]
    stranger = fabric.node()
    try:
        stranger.fabric("init", "--address", stranger.address, "--ntp", CLIENT, "--name", "another")
        token = one.fabric("add", "n8")
        refused = stranger.refused("join", "--address", stranger.address, "--ntp", CLIENT, "--name", "n8", stdin=token)
        assert f"is the node {stranger.name}" in refused
        assert "already" in refused
        own = stranger.top / "own"
        shown = ["--cacert", one.top / "own/ca.crt", "--cert", own / "node.crt", "--key", own / "node.key"]
        for port in (9444, 2379, 8008):
            url = f"https://{one.address}:{port}/v1/hello"
            line = stranger.entered("curl", "-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", *shown, url)
            done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode or done.stdout in {"401", "403"}, (port, done.stdout, done.stderr)
        assert {node["name"] for node in one.status()["layout"]["nodes"]} == {"n1", "n2", "n3"}
        stranger.fabric("forget")
        assert not (stranger.top / "own/node.json").exists()
        assert not engines(stranger)
    finally:
        stranger.power_off()
        fabric.nodes.remove(stranger)


def test_a_copy_of_a_nodes_disk_starts_nothing_and_the_node_itself_is_adopted(fabric: Net) -> None:
    wait(lambda: say(fabric, 7), "a write")
    node = next(one for one in fabric.nodes if one is not primary(fabric) and one is not fabric.nodes[0])
    node.power_off()
    # The same disk and the same address, on another machine: its card is another.
    node.start()
    node.inside("ip", "link", "set", "eth0", "address", "02:99:00:00:0f:0f")
    log = node.top / "log/node.log"
    size = log.stat().st_size
    node.boot()
    wait(lambda: "This is not the machine that joined" in log.read_bytes()[size:].decode(), "the copy to refuse")
    time.sleep(3)
    assert not engines(node)
    said_of = node.fabric("adopt")
    assert "This machine is the node" in said_of
    wait(lambda: engines(node) >= {"etcd", "postgres"}, "its engines")
    fabric.settled()
    assert 7 in said(fabric)


def test_a_removed_node_forgets_and_joins_again(fabric: Net) -> None:
    node = fabric.nodes[2]
    fabric.nodes[0].fabric("remove", node.name)
    assert node.name not in {one["name"] for one in fabric.nodes[0].status()["layout"]["nodes"]}
    wait(lambda: not engines(node), "its engines to end")
    assert not node.holds()
    wait(lambda: say(fabric, 4), "a write without it")
    fabric.settled()
    # Of two nodes one votes: both other votes have been taken, and etcd keeps nothing of them that could come back.
    for other in fabric.nodes[1:]:
        wait(lambda other=other: not (other.top / "etcd/data").exists(), f"the vote of {other.name} to be gone")
    token = fabric.nodes[0].fabric("add", node.name)
    ask = ("join", "--address", node.address, "--ntp", CLIENT)
    node.fabric("forget")
    assert not (node.top / "own/node.json").exists()
    node.fabric(*ask, stdin=token)
    status = fabric.settled()
    assert sum("vote" in one["functions"] for one in status["layout"]["nodes"]) == 3
    other = fabric.node()
    try:
        refused = other.refused("join", "--address", other.address, "--ntp", CLIENT, "--name", node.name, stdin=token)
        assert "was used already" in refused
        untouched_but = {one["name"] for one in fabric.nodes[0].status()["layout"]["nodes"]}
        assert untouched_but == {"n1", "n2", "n3"}
    finally:
        other.power_off()
        fabric.nodes.remove(other)


def test_a_rolling_upgrade_goes_node_by_node_and_stops_by_itself(fabric: Net) -> None:
    top, one = fabric.folder, fabric.nodes[0]
    command = INSTALL.format(top=top)
    before = one.status()["health"][0]["release"]
    assert "go together" in one.refused("upgrade", "--run", "true")
    assert "No upgrade is stopped" in one.refused("upgrade", "--resume")

    # The second in turn cannot be installed: it stops there, and the fabric goes on.
    wait(lambda: say(fabric, 5), "a write")
    (top / "broken-n2").touch()
    refused = one.refused("upgrade", "--run", command, "--release", "9.9", "--wait", timeout=900)
    assert "the disk of n2 is read-only" in refused
    assert "did not get 9.9" in refused
    assert primary(fabric)
    wait(lambda: say(fabric, 6), "a write while it stands")
    found = json.loads(one.fabric("upgrade", "--status", "--json"))
    assert found["upgrade"]["node"] == "n2"
    assert "n2" not in found["upgrade"]["done"]
    assert "An upgrade to 9.9 runs already" in one.refused("upgrade", "--run", command, "--release", "9.10")
    (top / "broken-n2").unlink()
    print(one.fabric("upgrade", "--resume", "--wait", timeout=900))
    status = fabric.settled()
    assert {has["release"] for has in status["health"]} == {"9.9"} != {before}
    assert {node["release"] for node in status["layout"]["nodes"]} == {"9.9"}
    assert not any(node["maintenance"] for node in status["layout"]["nodes"])
    assert json.loads(one.fabric("upgrade", "--status", "--json"))["upgrade"] is None
    assert said(fabric) >= {5, 6}
