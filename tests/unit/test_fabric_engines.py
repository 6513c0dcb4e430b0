"""Texts of the engines' configurations, as pure functions of the layout: what nodes and roles have in them, and that nothing
in them is a password or plain HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rackless.fabric import placing
from rackless.fabric.engines import application, chrony, etcd, haproxy, keepalived, patroni
from rackless.fabric.places import Folder, Places
from rackless.fabric.supervision import Program, section, unit, unit_folder
from rackless.model.fabric import Function, Layout, Node, NodeRole

PLACES = Places(Path("/srv/fabric"))


def layout(count: int = 4, *, roles: dict[int, NodeRole] | None = None) -> Layout:
    nodes = tuple(
        Node(id=f"n-{n}", name=f"n{n}", address=f"10.0.0.{10 + n}", number=n, role=(roles or {}).get(n, NodeRole.FULL))
        for n in range(1, count + 1)
    )
    return placing.assign(
        Layout(fabric="f-1", name="lab", virtual_address="10.0.0.10/24", time_sources=("10.0.0.1",), nodes=nodes, version=1)
    )


def test_every_engine_of_every_node_speaks_tls_and_has_no_password() -> None:
    whole = layout(5, roles={5: NodeRole.APP})
    for node in whole.nodes:
        texts = [
            etcd.configuration(whole, node, Folder(Path("/e")), {}),
            patroni.configuration(whole, node, Folder(Path("/p")), binaries=Path("/usr/lib/postgresql/15/bin")),
            haproxy.configuration(whole, node, Folder(Path("/h"))),
            application.database_url(Folder(Path("/a"))),
        ]
        for text in texts:
            assert "http://" not in text
            assert not re.search(r'password"?\s*[:=]\s*"?\w', text)
            assert not re.search(r"\b(?:trust|md5)\b", text)


def test_the_first_etcd_begins_a_cluster_and_the_next_ones_come_to_it() -> None:
    whole = layout()
    first, second = whole.nodes[:2]
    begins = json.loads(etcd.configuration(whole, first, PLACES.own, {}))
    assert begins["initial-cluster-state"] == "new"
    assert begins["initial-cluster"] == "n-1=https://10.0.0.11:2380"
    comes = json.loads(etcd.configuration(whole, second, PLACES.own, {"n-1": "https://10.0.0.11:2380"}))
    assert comes["initial-cluster-state"] == "existing"
    assert comes["initial-cluster"] == "n-1=https://10.0.0.11:2380,n-2=https://10.0.0.12:2380"
    for text in (begins, comes):
        assert text["pre-vote"] is True
        assert text["peer-transport-security"]["client-cert-auth"] is True
        assert text["client-transport-security"]["client-cert-auth"] is True


def test_who_cannot_reach_etcd_gives_the_primary_up_long_before_its_lease_ends() -> None:
    dcs = patroni.history(layout())
    assert dcs["ttl"] >= 20  # what Patroni bears
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]
    assert dcs["synchronous_mode"] is True


def test_a_replica_never_becomes_primary_nor_is_waited_for() -> None:
    whole = layout(5)
    assert [node.has(Function.DATABASE) for node in whole.nodes] == [True, True, True, False, False]
    text = json.loads(patroni.configuration(whole, whole.nodes[3], Folder(Path("/p")), binaries=Path("/b")))
    assert text["tags"] == {"nofailover": True, "nosync": True}
    assert [host.split(":")[0] for host in text["etcd3"]["hosts"]] == ["10.0.0.11", "10.0.0.12", "10.0.0.13"]


def test_only_certificates_of_this_fabric_open_the_database() -> None:
    lines = patroni.identities(layout())
    patterns = {line.split('"')[1].removeprefix("/"): line.split('"')[2].strip() for line in lines if '"' in line}
    node = "CN=n-1,OU=node,O=f-1"
    found = {role for pattern, role in patterns.items() if re.search(pattern, "CN=n-1,OU=application,O=f-1")}
    assert found == {patroni.APPLICATION}
    for stranger in ("CN=n-1,OU=application,O=f-2", "CN=n-1,OU=web,O=f-1", "CN=x,OU=web,CN=n-1,OU=node,O=f-10"):
        assert not [role for pattern, role in patterns.items() if re.search(pattern, stranger)]
    assert any(re.search(pattern, node) for pattern in patterns)
    assert all("cert" in line or "peer" in line for line in patroni.access())


def test_haproxy_makes_no_unsafe_request_again_and_leads_to_candidates_only() -> None:
    whole = layout(5)
    text = haproxy.configuration(whole, whole.nodes[0], Folder(Path("/h")))
    primary, web = text.split("listen web")
    assert re.findall(r"  server (\S+) ", primary) == ["n-1", "n-2", "n-3"]
    assert re.findall(r"  server (\S+) ", web) == ["n-1", "n-2", "n-3", "n-4", "n-5"]
    assert "disable-l7-retry if !{ method GET HEAD OPTIONS }" in web
    assert "on-marked-down shutdown-sessions" in primary
    assert f"hard-stop-after {haproxy.HARD_STOP}s" in text


def test_a_server_that_is_added_live_is_checked_as_those_in_the_file() -> None:
    whole = layout(4)
    text = haproxy.configuration(whole, whole.nodes[0], Folder(Path("/h")))
    added = haproxy.added(whole.nodes[3], Folder(Path("/h")))[0]
    default = text.split("listen web")[1].split("default-server ")[1].splitlines()[0]
    assert default in added
    assert added.endswith("verifyhost n-4")


def test_nodes_that_may_hold_the_address_know_each_other_and_the_fourth_is_none() -> None:
    whole = layout(4)
    text = keepalived.configuration(whole, whole.nodes[0], Folder(Path("/k")), "eth0")
    assert "10.0.0.12" in text
    assert "10.0.0.13" in text
    assert "10.0.0.14" not in text
    assert "nopreempt" in text
    assert keepalived.clearing(whole, "eth0") == ["ip", "address", "delete", "10.0.0.10/24", "dev", "eth0"]
    assert 1 <= keepalived.router_id(whole) <= 255


def test_who_is_alone_gives_the_address_up_for_nobody() -> None:
    def text(count: int) -> str:
        whole = layout(count)
        return keepalived.configuration(whole, whole.nodes[0], Folder(Path("/k")), "eth0")

    assert "track_script" not in text(1)
    assert "  track_script {\n    ready\n  }\n}\n" in text(3)


def test_all_nodes_follow_the_sources_of_the_first() -> None:
    assert "server 10.0.0.1 iburst" in chrony.configuration(layout(), Folder(Path("/c")))


@pytest.mark.parametrize("ends", ["unit", "section"])
def test_what_a_program_leaves_is_taken_away_before_it_starts(ends: str) -> None:
    program = Program(name="keepalived", command=("/usr/sbin/keepalived", "-n"), before=("/sbin/ip", "address", "delete", "x"))
    if ends == "unit":
        text = unit(program)
        assert "ExecStartPre=-/sbin/ip address delete x" in text
        assert "ExecStopPost=-/sbin/ip address delete x" in text
        assert "Restart=always" in text
    else:
        text = section(program, Path("/log"))
        assert "ip address delete x" in text
        assert "exec /usr/sbin/keepalived -n" in text
        assert "autorestart=true" in text


def test_only_the_daemon_is_started_with_the_machine() -> None:
    """It knows whether the rest may run: on a copy of a node's disk, and beside one that took over, nothing may."""
    engine = Program(name="etcd", command=("etcd",))
    assert "autostart=false" in section(engine, Path("/log"))
    assert "autorestart=true" in section(engine, Path("/log"))
    assert "autostart=true" in section(Program(name="node", command=("node",), first=True), Path("/log"))


def test_a_number_of_before_the_boot_is_nobodys(tmp_path: Path) -> None:
    """keepalived and chronyd do not start while a process has the number in their file, whoever it is."""
    running = subprocess.Popen(["sleep", "60"])
    stale, own = tmp_path / "stale.pid", tmp_path / "own.pid"
    stale.write_text(f"{os.getpid()}\n")
    own.write_text(f"{running.pid}\n")
    program = Program(name="x", command=("/bin/sleep", "0"), pid_files=(stale, tmp_path / "none.pid", own))
    try:
        line = next(line for line in section(program, Path("/log")).splitlines() if line.startswith("command="))
        done = subprocess.run(["/bin/bash", "-c", line.partition("=")[2].replace("%%", "%")], capture_output=True, check=True)
    finally:
        running.kill()
        running.wait()
    assert not stale.exists()
    assert own.exists()
    assert done.stderr == b""
    assert 'ExecStartPre=-/bin/sh -c "for f in' in unit(program)
    assert "$$(cat $$f)" in unit(program)


def test_the_end_of_patroni_is_not_that_of_postgresql() -> None:
    program = Program(name="patroni", command=("patroni", "50%.json"), user="postgres", group=False)
    assert "KillMode=process" in unit(program)
    text = section(program, Path("/log"))
    assert "killasgroup=false" in text
    assert "50%%.json" in text  # else supervisor takes it for an expansion


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a root that is never written")
def test_a_unit_says_what_comes_first_where_processors_are_short() -> None:
    program = Program(name="etcd", command=("/bin/true",))
    assert "Nice" not in unit(program)
    assert "\nNice=-10\n" in unit(replace(program, nice=-10))


def test_units_go_where_they_can_be_written(tmp_path: Path) -> None:
    etc, run = tmp_path / "etc", tmp_path / "run"
    etc.mkdir()
    run.mkdir()
    assert unit_folder((etc, run)) == etc
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", etc], check=True)
    try:
        assert unit_folder((etc, run)) == run
    finally:
        subprocess.run(["umount", etc], check=True)
