"""The management daemon on a real kernel with real FRR: two routers, each in its own namespaces and root overlay, one wire.

Needs root, overlayfs, and Debian's `frr` and `iputils-ping`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guest.router import GUEST, Router, wait

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not Path("/usr/lib/frr/zebra").exists(), reason="needs Debian's package frr"),
]

CONFIGURATION = """configure
set system host-name {name}
set system root-authentication plain-text-password-value Passw0rd
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.{own}/30
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::{own}/64
set interfaces lo0 unit 0 family inet address 192.168.0.{own}/32
set interfaces lo0 unit 0 family iso address 49.0001.1921.6800.000{own}.00
set protocols ospf area 0 interface ge-0/0/0 interface-type p2p hello-interval 1 dead-interval 4
set protocols ospf area 0 interface lo0 passive
set protocols ospf3 area 0 interface ge-0/0/0 interface-type p2p hello-interval 1 dead-interval 4
set protocols isis interface ge-0/0/0 point-to-point
set protocols isis interface lo0
set protocols bgp group other type external peer-as 6500{other} neighbor 10.0.0.{other}
set routing-options autonomous-system 6500{own} router-id 192.168.0.{own}
set routing-options static route 172.16.{own}.0/24 discard
commit
"""


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Router, Router]]:
    folder = tmp_path_factory.mktemp("routers")
    made: list[Router] = []
    try:
        for name in ("west", "east"):
            made.append(Router(folder, name))
        west, east = made
        wire(west, east)
        west.cli(CONFIGURATION.format(name="west", own=1, other=2))
        east.cli(CONFIGURATION.format(name="east", own=2, other=1))
        yield west, east
    finally:
        for router in made:
            router.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wire(west: Router, east: Router) -> None:
    """A veth pair between them, as ge-0-0-0 of both; made inside a router, so that it goes with it."""
    made = ["ip", "link", "add", "ge-0-0-0", "type", "veth", "peer", "name", "ge-0-0-0", "netns", f"/proc/{east.pid}/ns/net"]
    enter = ["nsenter", f"--net=/proc/{west.pid}/ns/net"]
    subprocess.run([*enter, *made], check=True, timeout=10)


def test_protocols_come_up(routers: tuple[Router, Router]) -> None:
    west, east = routers
    assert "192.168.0.2" in west.shows("show ospf neighbor", r"10\.0\.0\.2 +ge-0/0/0\.0 +Full")
    west.shows("show ospf3 neighbor", r"192\.168\.0\.2 +ge-0/0/0\.0 +Full")
    west.shows("show isis adjacency", r"ge-0/0/0\.0 +east +\S+ +Up")
    west.shows("show bgp summary", r"10\.0\.0\.2 +65002.*Establ")
    assert "to 10.0.0.2 via ge-0/0/0.0" in west.shows("show route 192.168.0.2", r"\*\[OSPF/10\]")
    east.shows("show route 192.168.0.1", r"\*\[OSPF/10\]")
    assert " 0% packet loss" in west.cli("ping 192.168.0.2 count 1 source 192.168.0.1")


def test_snmp_tells_of_bgp_and_ospf(routers: tuple[Router, Router]) -> None:
    """By an ordinary client, from a real snmpd with the guest's sub-agent, as RFC 4273 and RFC 4750 have it."""
    west, _ = routers
    part = west.root / "usr/lib/rackless-router/snmp/snmpd.conf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes((GUEST / "snmp/snmpd.conf.part").read_bytes())
    west.shows("show ospf neighbor", "Full")
    west.shows("show bgp summary", "Establ")
    west.cli("configure\nset snmp community public\ncommit\n")
    code = "from snmp.subagent import run; run('/run/agentx.sock', '/run/none', print)"
    enter = ["nsenter", "-t", str(west.pid), "--mount", "--uts", "--net", "--pid", "--root", "--wd=/"]
    subagent = subprocess.Popen([*enter, "env", "PYTHONPATH=/guest", sys.executable, "-c", code])

    def walk(oid: str) -> dict[str, str]:
        told = west.inside("snmpwalk", "-v2c", "-m", "", "-OnQ", "-c", "public", "127.0.0.1", oid).stdout
        lines = [line.split(" = ", 1) for line in told.splitlines() if line.startswith(f"{oid}.")]
        return {name.removeprefix(f"{oid}."): value.strip('"') for name, value in lines}

    try:
        bgp = wait(lambda: walk(".1.3.6.1.2.1.15"), "BGP4-MIB")
        assert (bgp["2.0"], bgp["4.0"]) == ("65001", "192.168.0.1")
        peer = {column: bgp[f"3.1.{column}.10.0.0.2"] for column in (1, 2, 3, 4, 5, 7, 9, 15, 18)}
        assert peer == {1: "192.168.0.2", 2: "6", 3: "2", 4: "4", 5: "10.0.0.1", 7: "10.0.0.2", 9: "65002", 15: "1", 18: "90"}
        assert int(bgp["3.1.12.10.0.0.2"]) >= 2, "messages"
        ospf = walk(".1.3.6.1.2.1.14")
        assert (ospf["1.1.0"], ospf["1.3.0"], ospf["2.1.1.0.0.0.0"]) == ("192.168.0.1", "2", "0.0.0.0")
        assert int(ospf["2.1.7.0.0.0.0"]) == 2, "a router LSA of each"
        port = [ospf[f"7.1.{column}.10.0.0.1.0"] for column in (3, 4, 9, 10, 12)]
        assert port == ["0.0.0.0", "3", "1", "4", "4"]
        assert ospf["7.1.12.192.168.0.1.0"] == "2", "the loopback"
        assert ospf["8.1.4.10.0.0.1.0.0"] == "1"
        assert [ospf[f"10.1.{column}.10.0.0.2.0"] for column in (3, 6)] == ["192.168.0.2", "8"]
    finally:
        subagent.terminate()
        subagent.wait(60)
        west.cli("configure\ndelete snmp\ncommit\n")


def test_a_change_keeps_the_neighbours(routers: tuple[Router, Router]) -> None:
    west, _ = routers
    west.shows("show ospf neighbor", "Full")
    daemons = west.inside("pgrep", "-x", "ospfd").stdout
    west.cli("configure\nset protocols ospf area 0 interface ge-0/0/0 metric 77\ndelete protocols bgp\ncommit\n")
    assert "OSPF/10] " in west.shows("show route 192.168.0.2", "metric 77")
    assert west.inside("pgrep", "-x", "ospfd").stdout == daemons
    assert west.inside("pgrep", "-x", "bgpd").stdout == ""
    west.cli("configure\nrollback 1\ncommit\n")
    west.shows("show bgp summary", "Establ")
    west.shows("show route 192.168.0.2", r"OSPF/10\].*metric 1\b")


def test_daemon_that_dies_comes_back(routers: tuple[Router, Router]) -> None:
    west, _ = routers
    west.shows("show ospf neighbor", "Full")
    before = west.inside("pgrep", "-x", "ospfd").stdout.strip()
    west.inside("kill", "-KILL", before)
    wait(lambda: west.inside("pgrep", "-x", "ospfd").stdout.strip() not in ("", before), "another ospfd")
    west.shows("show ospf neighbor", "Full")


def test_restarted_management_keeps_the_routing(routers: tuple[Router, Router]) -> None:
    west, _ = routers
    west.shows("show ospf neighbor", "Full")
    routing = west.inside("pgrep", "-x", "ospfd").stdout
    old = west.daemon()
    west.inside("kill", f"-{signal.SIGKILL.value}", str(old))
    wait(lambda: "mgmt.daemon" in west.inside("pgrep", "-af", "mgmt.daemon$").stdout and west.daemon() != old, "another daemon")
    assert "host-name west;" in west.cli("show configuration system")
    assert west.inside("pgrep", "-x", "ospfd").stdout == routing
    west.cli("configure\nset protocols ospf area 0 interface ge-0/0/0 metric 5\ncommit\nrollback 1\ncommit\n")


def test_port_that_comes_back_is_configured_again(routers: tuple[Router, Router]) -> None:
    west, east = routers
    west.cli("configure\nset interfaces ge-0/0/0 mtu 9000\ncommit\n")
    west.inside("ip", "link", "del", "ge-0-0-0")
    assert (
        "not found"
        in west.inside("env", "PYTHONPATH=/guest", sys.executable, "-m", "mgmt.cli", "-c", "show interfaces ge-0/0/0").stdout
    )
    wire(west, east)
    assert "10.0.0.1/30" in west.shows("show interfaces terse ge-0/0/0", r"inet6 +2001:db8::1/64")
    assert "MTU: 9000" in west.shows("show interfaces ge-0/0/0", r"MTU: 9000")
    west.cli("configure\nset interfaces ge-0/0/0 disable\ncommit\n")
    assert re.search(r"ge-0/0/0 +down", west.cli("show interfaces terse"))
    west.cli("configure\ndelete interfaces ge-0/0/0 disable\ndelete interfaces ge-0/0/0 mtu\ncommit\n")
    west.shows("show ospf neighbor", "Full")


def test_port_that_comes_back_while_zebra_is_busy_is_routed_again(routers: tuple[Router, Router]) -> None:
    """zebra hears of links and of addresses on two sockets: what it finds of both at once, it takes in any order."""
    west, east = routers
    west.shows("show ospf neighbor", "Full")
    for _ in range(3):
        for router in routers:
            router.inside("pkill", "-STOP", "-x", "zebra")
        west.inside("ip", "link", "del", "ge-0-0-0")
        wire(west, east)
        for router in routers:
            router.shows("show interfaces terse ge-0/0/0", r"inet +10\.0\.0\..*(\n.*)*inet6 +2001:db8::")
            router.inside("pkill", "-CONT", "-x", "zebra")
        for router in routers:
            router.shows("show ospf neighbor", r"ge-0/0/0\.0 +Full")
            router.shows("show ospf3 neighbor", r"ge-0/0/0\.0 +Full")


def test_nothing_leaks_out_of_the_routers(routers: tuple[Router, Router]) -> None:
    west, _ = routers
    assert west.inside("hostname").stdout.strip() == "west"
    assert (west.root / "etc/shadow").read_text().startswith("root:$6$")
    assert not Path("/config").exists()
    assert "ge-0-0-0" not in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout


def test_routes_go_where_policies_let_them(routers: tuple[Router, Router]) -> None:
    west, east = routers
    west.shows("show bgp summary", "Establ")
    pid = west.inside("pgrep", "-x", "bgpd").stdout
    assert "172.16.1.0/24" not in east.cli("show route"), "BGP gives away its own routes only, OSPF none, unless a policy says so"
    west.cli("""configure
set policy-options prefix-list ours 172.16.0.0/12
set policy-options community tag members 65001:7
set policy-options policy-statement out term statics from protocol static
set policy-options policy-statement out term statics from prefix-list-filter ours orlonger
set policy-options policy-statement out term statics then community add tag
set policy-options policy-statement out term statics then metric 55
set policy-options policy-statement out term statics then accept
set protocols bgp group other export out
commit
""")
    east.shows("show route protocol bgp", r"172\.16\.1\.0/24 +\*\[BGP/170\]")
    shown = json.loads(east.inside("vtysh", "-d", "bgpd", "-c", "show bgp ipv4 unicast 172.16.1.0/24 json").stdout)
    assert shown["paths"][0]["community"]["string"] == "65001:7"
    assert shown["paths"][0]["metric"] == 55
    assert "192.168.0.1/32 " not in east.cli("show route protocol bgp"), "direct routes are not in the policy"
    east.cli("""configure
set policy-options community tag members 65001:7
set policy-options policy-statement in term a from community tag
set policy-options policy-statement in term a then local-preference 300
set policy-options policy-statement in term a then next term
set policy-options policy-statement in term b from route-filter 172.16.0.0/12 prefix-length-range /25-/32
set policy-options policy-statement in term b then reject
set protocols bgp group other import in
commit
""")

    def preference() -> bool:
        told = east.inside("vtysh", "-d", "bgpd", "-c", "show bgp ipv4 unicast 172.16.1.0/24 json").stdout
        return json.loads(told)["paths"][0].get("locPrf") == 300

    wait(preference, "the local preference of the import policy", 30)
    west.cli("configure\nset routing-options static route 172.16.1.128/25 discard\ncommit\n")
    west.shows("show route protocol static", r"172\.16\.1\.128/25")
    west.cli(
        "configure\ndelete protocols bgp group other export\nset protocols ospf export out\n"
        "set protocols isis export out\ncommit\n"
    )
    east.shows("show route protocol ospf", r"172\.16\.1\.128/25 +\*?\[OSPF/150\]")
    wait(lambda: "172.16.1.0/24" not in east.cli("show route protocol bgp"), "the end of what BGP no longer gives away", 30)
    east.shows("show route protocol isis", r"172\.16\.1\.128/25 ")
    west.cli("configure\nset policy-options policy-statement out term statics then reject\ncommit\n")
    # isisd left to itself tells a change 30 s after the one before.
    wait(lambda: "172.16.1.0/24" not in east.cli("show route"), "the routes' end", 20)
    assert west.inside("pgrep", "-x", "bgpd").stdout == pid
    assert "Establ" in west.cli("show bgp summary")


def test_refused_lines_change_nothing(routers: tuple[Router, Router]) -> None:
    west, _ = routers
    west.shows("show ospf neighbor", "Full")
    before = west.cli("show configuration")
    said = west.inside("env", "PYTHONPATH=/guest", sys.executable, "-m", "mgmt.cli", stdin=(
        "configure\nset protocols bgp group other export missing\ncommit\n")).stdout  # fmt: skip
    west.cli("configure\nrollback 0\n")
    assert "policy 'missing' referenced but not defined" in said
    assert west.cli("show configuration") == before
