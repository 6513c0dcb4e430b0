"""Two nodes and no third voice: nothing is taken over by itself, and by an operator only when the other is off."""

from __future__ import annotations

import json
import sys

import pytest
from tests.fabric import conftest
from tests.fabric.nodes import VIRTUAL, Net, Node, sh, wait

pytestmark = [pytest.mark.fabric, pytest.mark.root]


def said(net: Net) -> set[int]:
    """Numbers in the database, asked at the web address."""
    words = ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", net.nodes[0].top / "own/ca.crt", f"https://{VIRTUAL}/all"]
    found = json.loads(sh(*net.entered(*words)))
    return {int(number) for number, _ in found["found"]}


def say(net: Net, number: int) -> bool:
    words = ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", net.nodes[0].top / "own/ca.crt"]
    found = sh(*net.entered(*words, "-X", "POST", "-d", "", f"https://{VIRTUAL}/said/{number}"), check=False)
    return '"node"' in found


def engines(node: Node) -> set[str]:
    """Of the fabric's engines, those that run on a node."""
    names = {"etcd", "postgres", "haproxy", "keepalived"}
    return names & set(node.inside("ps", "-eo", "comm=", check=False).split())


def test_only_an_operator_takes_over_and_only_when_the_other_is_off(net: Net) -> None:
    one, two = conftest.begun(net, 2).nodes
    wait(lambda: say(net, 1), "a write")
    replicated = "select pg_last_wal_replay_lsn() is not null and count(*) = 1 from said"
    wait(lambda: _asked(two, replicated) == "t", "the copy of it")

    # Both are well: neither of them is taken over.
    assert "answers (" in two.refused("takeover", "--other-is-off", "--yes")
    assert "has the primary already" in one.refused("takeover", "--other-is-off", "--yes")
    assert "Nobody confirms it" in two.refused("takeover", "--other-is-off")

    # The first is off. That it does not answer is not enough; the second stays what it is.
    one.power_off()
    wait(lambda: "does not say that it is off" in two.refused("takeover"), "its ways to be silent", 60, 2.0)
    assert not two.is_primary()
    assert not two.holds()
    told = json.loads(two.fabric("takeover", "--other-is-off", "--yes", "--json"))
    assert told == {"node": "n2", "other": "n1", "generation": 2}
    assert "has the primary already" in two.refused("takeover", "--other-is-off", "--yes")
    wait(two.is_primary, "the copy to be the primary")
    wait(lambda: say(net, 2), "a write on it")
    assert said(net) == {1, 2}
    assert (two.top / "own/ca.key").exists()

    # The old one comes back: it starts nothing before it has heard the other, and is its copy then.
    one.start()
    one.cut()
    one.boot()
    wait(lambda: "may have taken over" in (one.top / "log/node.log").read_text(), "it to wait")
    assert not engines(one)
    one.heal()
    wait(lambda: "postgres" in engines(one), "its database")
    wait(lambda: _asked(one, "select pg_is_in_recovery() and count(*) = 2 from said") == "t", "its copy", 180)
    assert not one.is_primary()
    assert not one.holds()
    assert "etcd" not in engines(one)
    assert (one.top / "postgresql/aside/PG_VERSION").exists()
    wait(lambda: say(net, 3), "a write after that")
    wait(lambda: _asked(one, "select count(*) = 3 from said") == "t", "its copy")
    status = net.settled()
    functions = {node["name"]: set(node["functions"]) for node in status["layout"]["nodes"]}
    assert "vote" in functions["n2"]
    assert "vote" not in functions["n1"]

    # Both lose their power, and only the one that took over comes back: it waits for a word, and gets it.
    one.power_off()
    two.power_off()
    two.start()
    two.boot()
    wait(lambda: "waits: n1 does not answer" in (two.top / "log/node.log").read_text(), "it to wait")
    assert not engines(two)
    two.fabric("takeover", "--other-is-off", "--yes")
    wait(lambda: say(net, 4), "a write after all")
    assert said(net) == {1, 2, 3, 4}


def _asked(node: Node, query: str) -> str:
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "psql", "-h", node.top / "postgresql/run"]
    return node.inside(*words, "-Atc", query, "rackless", check=False).strip()


def test_help_has_an_example() -> None:
    out = sh(sys.executable, "-m", "rackless.fabric", "takeover", "--help")
    assert "Example: rackless fabric takeover --other-is-off" in out
