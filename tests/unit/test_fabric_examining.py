"""What the doctor says of a node and its fabric."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rackless.fabric import examining
from rackless.model.fabric import (
    Alarm,
    Filesystem,
    Function,
    Health,
    Layout,
    Life,
    Membership,
    Node,
    Severity,
    Status,
)

NOW = 1_800_000_000.0
FULL = frozenset({Function.VOTE, Function.DATABASE, Function.BALANCER, Function.ADDRESS, Function.APPLICATION})


def status(**changed: object) -> dict[str, object]:
    nodes = tuple(Node(id=f"n-{number}", name=f"n{number}", address=f"10.0.0.1{number}", functions=FULL) for number in (1, 2, 3))
    values: dict[str, object] = {
        "layout": Layout(fabric="f", name="lab", virtual_address="10.0.0.10/24", nodes=nodes, version=7),
        "members": tuple(Membership(node=node.id, life=Life.ALIVE) for node in nodes),
        "health": tuple(Health(node=node.id, clock_offset=0.001, certificate_until=NOW + 9e6) for node in nodes),
        "primary": "n-1",
        "holder": "n-2",
    }
    made = asdict(Status(**{**values, **changed}))  # type: ignore[arg-type]
    return json.loads(json.dumps(made, default=sorted))


def bad(**changed: object) -> dict[str, str]:
    return {one.name: one.detail for one in examining.findings(status(**changed), NOW) if not one.ok}


def test_of_a_healthy_fabric_all_is_well_and_every_node_is_named() -> None:
    found = examining.findings(status(), NOW)
    assert all(one.ok for one in found)
    assert [one.name for one in found] == ["fabric", "fabric primary", "fabric address", "node n1", "node n2", "node n3"]
    assert found[2].detail == "10.0.0.10/24 is at n2"


def test_a_fabric_without_primary_or_address_is_not_well() -> None:
    assert set(bad(primary="", holder="")) == {"fabric primary", "fabric address"}


def test_a_node_that_is_dead_is_told_with_the_reason() -> None:
    members = (Membership(node="n-1", life=Life.ALIVE), Membership(node="n-2", life=Life.DEAD, why="silent for 12 s"))
    found = bad(members=members)
    assert "silent for 12 s" in found["node n2"]
    assert "it is unknown" in found["node n3"]


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (Health(node="n-1", engines_down=("etcd",)), "down: etcd"),
        (Health(node="n-1", filesystems=(Filesystem(path="/data", size=100, used=85),)), "/data is 85 % full"),
        (Health(node="n-1", clock_offset=-2.5), "its clock is -2.50 s off"),
        (Health(node="n-1", time_sources=("10.0.0.3",)), "its clock follows no source"),
        (Health(node="n-1", certificate_until=NOW + 3 * 86400), "a certificate ends in 3 day(s)"),
    ],
)
def test_what_ails_a_node_is_told(health: Health, said: str) -> None:
    assert said in bad(health=(health,))["node n1"]


def test_alarms_are_findings_until_they_are_cleared() -> None:
    values = {"severity": Severity.MAJOR, "since": NOW, "cause": "The disk is full.", "hint": "Grow it."}
    alarms = (Alarm(name="disk-full", node="n-3", **values), Alarm(name="gone", cleared_at=NOW, **values))
    assert bad(alarms=alarms) == {"alarm disk-full n3": "The disk is full."}


def test_programs_that_a_function_needs_and_that_are_not_here(tmp_path: Path) -> None:
    program = tmp_path / "etcd"
    program.write_text("")
    program.chmod(0o755)
    found = {one.name: one.hint for one in examining.lacking(["vote", "balancer", "application"], str(tmp_path))}
    assert found == {"program haproxy": "apt-get install haproxy"}


async def test_a_machine_that_is_no_node_has_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKLESS_FABRIC", str(tmp_path))
    assert await examining.of_this_machine(NOW) == ()


async def test_a_node_is_asked_by_its_own_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKLESS_FABRIC", str(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/node.json").write_text('{"id": "n-1"}')
    (tmp_path / "status.json").write_text(json.dumps(status(primary="")))
    program = tmp_path / "rackless-fabric"
    program.write_text(f"#!/bin/sh\n[ \"$*\" = 'status --json' ] && cat {tmp_path}/status.json\n")
    program.chmod(0o755)
    found = await examining.of_this_machine(NOW, [str(program)])
    assert "fabric primary" in {one.name for one in found if not one.ok}
    program.write_text("#!/bin/sh\necho 'Error: no daemon' >&2; exit 1\n")
    (silent,) = await examining.of_this_machine(NOW, [str(program)])
    assert (silent.name, silent.ok) == ("node", False)
    assert "no daemon" in silent.detail
