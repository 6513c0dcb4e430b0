"""Bridge domains on real Linux bridges: one router in namespaces of its own, and stations at its ports.

Needs root, overlayfs, and Debian's `frr` and `iputils-ping`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guest.router import Router, wait

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not Path("/usr/lib/frr/zebra").exists(), reason="needs Debian's package frr"),
]

CONFIGURATION = """configure
set system root-authentication plain-text-password-value Passw0rd
set interfaces ge-0/0/0 encapsulation ethernet-bridge unit 0
set interfaces ge-0/0/1 unit 0 family bridge
set interfaces ge-1/0/0 unit 0 family bridge
set interfaces ge-1/0/1 unit 0 family bridge
set interfaces irb unit 10 family inet address 192.0.2.1/24
set interfaces irb unit 10 family inet6 address 2001:db8::1/64
set bridge-domains lan interface ge-0/0/0.0
set bridge-domains lan interface ge-0/0/1.0
set bridge-domains lan routing-interface irb.10
set bridge-domains far interface ge-1/0/0.0
set bridge-domains far interface ge-1/0/1.0
set interfaces lo0 unit 0 family inet address 192.168.0.1/32
set routing-options autonomous-system 65001
set protocols bgp group internal type internal neighbor 192.0.2.11
commit
"""
VLANS = """configure
set interfaces ge-0/0/0 unit 0 family bridge interface-mode access vlan-id 10
set interfaces ge-0/0/1 unit 0 family bridge interface-mode trunk vlan-id-list [ 10 20 ]
set interfaces ge-1/0/0 flexible-vlan-tagging encapsulation flexible-ethernet-services
set interfaces ge-1/0/0 unit 10 encapsulation vlan-bridge vlan-id 110
set interfaces ge-1/0/1 unit 0 family bridge interface-mode access vlan-id 20
set interfaces irb unit 10 family inet address 192.0.2.1/24
set bridge-domains ten vlan-id 10 interface ge-1/0/0.10
set bridge-domains ten routing-interface irb.10
set bridge-domains twenty vlan-id 20
commit
"""
FXP0 = "52:54:00:12:34:56"


class Station:
    """A network namespace with `eth0` at a port of the router."""

    def __init__(self, router: Router, port: str) -> None:
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        self.net = f"/proc/{self.holder.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        wait(lambda: os.readlink(self.net) != own, "the station's namespace")
        router.inside("ip", "link", "add", port, "type", "veth")  # in two steps: the router does not see our processes
        made = router.inside("ip", "-j", "-d", "link", "show", port).stdout
        peer = str(json.loads(made)[0]["link"])
        subprocess.run(["nsenter", f"--net=/proc/{router.pid}/ns/net", "ip", "link", "set", peer, "name", "eth0",
                        "netns", self.net], check=True, timeout=10)  # fmt: skip
        self.own = ""
        self.run("ip", "link", "set", "eth0", "up")

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["nsenter", f"--net={self.net}", *argv], capture_output=True, text=True, timeout=30, check=False)

    def address(self, address: str, vlan: int = 0) -> None:
        self.own = address
        device = f"eth0.{vlan}" if vlan else "eth0"
        if vlan:
            self.run("ip", "link", "add", "link", "eth0", "name", device, "type", "vlan", "id", str(vlan))
            self.run("ip", "link", "set", device, "up")
        assert self.run("ip", "addr", "add", address, "dev", device).returncode == 0

    def reaches(self, address: str) -> bool:
        return self.run("ping", "-c", "1", "-W", "1", address).returncode == 0

    def stop(self) -> None:
        self.holder.kill()
        self.holder.wait(60)


class Bridges:
    """The router, and stations at its ports: `a` and `b` in the domain `lan`, `c` and `d` in `far`."""

    def __init__(self, folder: Path) -> None:
        self.router = Router(folder, "west")
        self.router.inside("ip", "link", "add", "fxp0", "address", FXP0, "type", "veth")
        ports = ("ge-0-0-0", "ge-0-0-1", "ge-1-0-0", "ge-1-0-1")
        self.a, self.b, self.c, self.d = (Station(self.router, port) for port in ports)
        for number, station in enumerate((self.a, self.b, self.c, self.d), start=11):
            station.address(f"192.0.2.{number}/24")
        assert "commit complete" in self.router.cli(CONFIGURATION)

    def facts(self) -> list[tuple[str, str, str, bool, str, list[str]]]:
        """What there is: every interface with its kind, master, MAC and addresses, but not the numbers the kernel gave it."""
        shown = json.loads(self.router.inside("ip", "-j", "-d", "addr", "show").stdout)
        return sorted(
            (
                link["ifname"],
                link.get("master", ""),
                link["address"],
                "UP" in link["flags"],
                link.get("linkinfo", {}).get("info_kind", ""),
                sorted(one["local"] for one in link["addr_info"] if one["scope"] == "global"),
            )
            for link in shown
        )

    def stop(self) -> None:
        for station in (self.a, self.b, self.c, self.d):
            station.stop()
        self.router.stop()


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridges]:
    folder = tmp_path_factory.mktemp("bridges")
    made = Bridges(folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_stations_of_a_domain_reach_each_other_and_the_router(bridges: Bridges) -> None:
    assert bridges.a.reaches("192.0.2.12")
    assert bridges.c.reaches("192.0.2.14")
    assert bridges.b.reaches("192.0.2.1"), "the routing interface"
    assert " 0% packet loss" in bridges.router.cli("ping 192.0.2.11 count 1\n")
    assert re.search(r"irb\.10 +up +up +inet +192\.0\.2\.1/24", bridges.router.cli("show interfaces terse"))


def test_domains_are_apart(bridges: Bridges) -> None:
    assert not bridges.c.reaches("192.0.2.11")
    assert not bridges.c.reaches("192.0.2.1")


def test_macs_are_learned_and_forgotten(bridges: Bridges) -> None:
    assert bridges.a.reaches("192.0.2.12")
    mac = json.loads(bridges.a.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"]
    assert re.search(rf"{mac} +D +ge-0/0/0\.0", bridges.router.cli("show bridge mac-table bridge-domain lan"))
    assert mac not in bridges.router.cli("show bridge mac-table bridge-domain far")
    assert mac in bridges.router.cli("clear bridge mac-table interface ge-0/0/1.0\nshow bridge mac-table")
    assert mac not in bridges.router.cli("clear bridge mac-table interface ge-0/0/0.0\nshow bridge mac-table")
    assert bridges.a.reaches("192.0.2.12")
    assert mac not in bridges.router.cli("clear bridge mac-table\nshow bridge mac-table")


def test_a_commit_that_fails_leaves_the_bridges_as_they_were(bridges: Bridges) -> None:
    before = bridges.facts()
    said = bridges.router.inside(
        "env",
        "PYTHONPATH=/guest",
        sys.executable,
        "-m",
        "mgmt.cli",
        stdin="""configure
delete bridge-domains lan
delete bridge-domains far interface ge-1/0/0
delete interfaces ge-1/0/0
set bridge-domains near interface ge-0/0/1.0
set bridge-domains near routing-interface irb.30
set interfaces irb unit 30 family inet address 203.0.113.1/24
delete interfaces irb unit 10
set protocols bgp group internal neighbor 192.168.0.1
commit
""",
    ).stdout
    assert "the configuration is as before" in said
    bridges.router.cli("configure\nrollback 0\n")
    assert bridges.facts() == before
    assert bridges.a.reaches("192.0.2.12")
    assert bridges.a.reaches("192.0.2.1")


def test_the_routing_interface_keeps_its_mac(bridges: Bridges) -> None:
    """A bridge without one of its own takes that of a port, and another one when that port goes with its card."""
    own = bridges.router.inside("cat", "/sys/class/net/irb.10/address").stdout.strip()
    assert own == "56:54:00:12:34:56"
    bridges.router.cli("configure\nset interfaces ge-0/0/0 unit 0 disable\ncommit\n")
    assert bridges.router.inside("cat", "/sys/class/net/irb.10/address").stdout.strip() == own
    assert not bridges.a.reaches("192.0.2.1")
    bridges.router.cli("configure\nrollback 1\ncommit\n")
    assert bridges.a.reaches("192.0.2.1")


def test_a_port_that_comes_back_is_in_its_domain_again(bridges: Bridges) -> None:
    bridges.router.inside("ip", "link", "del", "ge-1-0-1")
    assert "ge-1/0/1" not in bridges.router.cli("show bridge domain far")
    bridges.d.stop()
    bridges.d = Station(bridges.router, "ge-1-0-1")
    bridges.d.address("192.0.2.14/24")
    bridges.router.shows("show bridge domain far", r"ge-1/0/1\.0")
    assert bridges.d.reaches("192.0.2.13")


def test_what_a_killed_daemon_left_is_taken_away(bridges: Bridges) -> None:
    """It was killed between the kernel's change and the configuration's, and starts with what it finds."""
    router = bridges.router
    router.inside("ip", "link", "add", "bd-00000001", "type", "bridge")
    router.inside("ip", "link", "set", "ge-0-0-1", "master", "bd-00000001")
    router.inside("kill", "-KILL", str(router.daemon()))
    wait(lambda: "bd-00000001" not in router.inside("ip", "link").stdout, "the left-over's end")
    wait(lambda: bridges.a.reaches("192.0.2.12"), "the domain as it was")


def test_nothing_is_left_without_bridge_domains(bridges: Bridges) -> None:
    bridges.router.cli("configure\ndelete bridge-domains\ndelete interfaces\ncommit\n")
    shown = bridges.facts()
    assert not [name for name, *_ in shown if re.match(r"irb|bd-|ge-.*[v.]", name)]
    assert {master for _, master, *_ in shown} == {""}


def test_vlans_meet_in_their_domain(bridges: Bridges) -> None:
    """An access port, a trunk, and a unit whose tag is another one than the domain's."""
    inside = bridges.router.inside
    made = [["ip", "link", "add", "try", "type", "bridge", "vlan_filtering", "1"],
            ["ip", "link", "add", "link", "try", "name", "try.1", "type", "vlan", "id", "1"]]  # fmt: skip
    able = all(inside(*argv).returncode == 0 for argv in made)
    inside("ip", "link", "del", "try")
    if not able:
        pytest.skip("this kernel has no VLANs; tests/machines/test_router_protocols.py shows the same on the router's own")
    for station, vlan in ((bridges.b, 10), (bridges.c, 110)):
        station.run("ip", "addr", "flush", "dev", "eth0")
        station.address(station.own, vlan)
    bridges.b.address("198.51.100.12/24", 20)
    bridges.d.address("198.51.100.14/24")
    assert "commit complete" in bridges.router.cli(VLANS)
    assert bridges.a.reaches("192.0.2.12"), "access port and trunk"
    assert bridges.a.reaches("192.0.2.13"), "a unit with another VLAN"
    assert bridges.b.reaches("192.0.2.1"), "the routing interface"
    assert bridges.d.reaches("198.51.100.12"), "the other VLAN of the trunk"
    # A tag at an access port is of no VLAN of the domain, not even the domain's own.
    bridges.a.address("203.0.113.11/24", 110)
    bridges.c.address("203.0.113.13/24", 110)
    assert not bridges.a.reaches("203.0.113.13")
