"""PyEZ's own tables of protocols, on what real daemons answered: the router of tests/stories/cli/two-routers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from jnpr import junos
from jnpr.junos.op.bfd import BfdSessionTable
from jnpr.junos.op.isis import IsisAdjacencyTable
from jnpr.junos.op.lacp import LacpPortTable
from jnpr.junos.op.lldp import LLDPNeighborTable
from jnpr.junos.op.ospf import OspfInterfaceTable, OspfNeighborTable
from jnpr.junos.op.routes import RouteSummaryTable, RouteTable

from .test_mgmt_stories import ENVIRONMENT, HERE, client, prepare, wait_for
from .test_netconf_clients import Server

CASE = HERE / "stories/cli/two-routers"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    top = tmp_path_factory.mktemp("tables")
    root, key = top / "root", top / "key"
    prepare(root, CASE)
    for name in ("run", "root"):
        (root / name).mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    daemon = subprocess.Popen([sys.executable, "-m", "mgmt.daemon", "--root", str(root)], env=ENVIRONMENT)
    try:
        wait_for(root / "run/mgd.sock", daemon)
        commands = (CASE / "cmdlist").read_text()
        first = commands[: commands.index("commit and-quit")] + "commit\n"
        assert "commit complete" in client(root, stdin=first).stdout
        server = Server(root, key)
        where = {"host": "127.0.0.1", "port": server.port, "user": "root", "ssh_private_key_file": str(key)}
        with junos.Device(**where, gather_facts=False) as opened:
            yield opened
        server.close()
    finally:
        daemon.terminate()
        daemon.wait(60)


def test_bfd(device: Any) -> None:
    (session,) = BfdSessionTable(device).get()
    assert (session.neighbor, session.state, session.interface) == ("10.0.0.2", "Up", "ge-0/0/0.0")
    assert (session.detection_time, session.transmission_interval, session.detection_multiplier) == ("3.000", "1.000", "3")
    assert [one.client_name for one in session.bfd_client] == ["BGP"]


def test_lacp(device: Any) -> None:
    aggregate = LacpPortTable(device).get()["ae0"]
    assert set(aggregate.state.keys()) == {(port, role) for port in ("ge-0/0/1", "ge-0/0/2") for role in ("Actor", "Partner")}
    assert all(one.distributing and one.sync and not one.expired for one in aggregate.state)
    assert [one.mx_state for one in aggregate.proto] == ["Collecting distributing"] * 2


def test_lldp(device: Any) -> None:
    found = {one.local_int: one for one in LLDPNeighborTable(device).get()}
    assert {name: (one.local_parent, one.remote_sysname, one.remote_port_id) for name, one in found.items()} == {
        f"ge-0/0/{port}": (parent, "east", f"ge-0/0/{port}") for port, parent in enumerate(("-", "ae0", "ae0", "-"))
    }
    for rpc, name in (
        ("get_lldp_interface_neighbors", "interface_device"),
        ("get_lldp_interface_neighbors_information", "interface_name"),
    ):
        told = getattr(device.rpc, rpc)(**{name: "ge-0/0/1"})
        assert [one.text for one in told.iter("lldp-remote-management-address")] == ["192.168.0.2"]
    assert device.rpc.get_lldp_local_info().findtext("lldp-local-chassis-id") == "52:38:ef:f9:e9:80"


def test_interior_protocols(device: Any) -> None:
    (adjacency,) = IsisAdjacencyTable(device).get()
    assert (adjacency.system_name, adjacency.level, adjacency.adjacency_state, adjacency.ip_address) == (
        "east",
        "2",
        "Up",
        "10.0.0.2",
    )
    (neighbor,) = OspfNeighborTable(device).get()
    assert (neighbor.neighbor_address, neighbor.ospf_neighbor_state, neighbor.ospf_area) == ("10.0.1.2", "Full", "0.0.0.0")
    assert [one.interface_name for one in OspfInterfaceTable(device).get()] == ["ae0.0", "lo0.0"]
    told = device.rpc.get_ospf_neighbor_information(instance="red")
    assert told.findtext("ospf-neighbor/interface-name") == "ge-0/0/3.7"


def test_routes(device: Any) -> None:
    assert [table.name for table in RouteSummaryTable(device).get()] == ["inet.0", "red.inet.0"]
    route = RouteTable(device).get("172.16.2.0/24")["172.16.2.0/24"]
    assert (route.protocol, route.nexthop, route.via) == ("BGP", "10.0.0.2", "ge-0/0/0.0")
    told = device.rpc.get_route_information(table="red.inet.0", protocol="ospf")
    assert [one.text for one in told.iter("rt-destination")] == ["10.0.7.0/30", "10.7.0.1/32", "10.7.0.2/32"]
    told = device.rpc.get_route_information(advertising_protocol_name="bgp", neighbor="10.0.0.2")
    assert [(one.findtext("rt-destination"), one.findtext("rt-entry/nh/to")) for one in told.iter("rt")] == [
        ("172.16.1.0/24", "Self"),
        ("172.16.2.0/24", "Self"),
    ]


def test_filters(device: Any) -> None:
    told = device.rpc.get_firewall_filter_information(filtername="edge")
    assert [(one.findtext("counter-name"), one.findtext("packet-count")) for one in told.iter("counter")] == [("big-pings", "2")]
    device.rpc.clear_firewall_counters(filter="edge")
