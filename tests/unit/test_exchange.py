"""Topologies in, exports out, CloudShell's requests, counters: over the API of a server on the `fake` provider."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML
from tests.unit.api_client import Client, client

__all__ = ["client"]

CLIENTS = Path(__file__).parents[2] / ".venv-clients/bin/python"

TOPOLOGY = """
name: My_Lab
mgmt: {network: fixed}
topology:
  defaults: {kind: juniper_vmx}
  kinds:
    juniper_vmx: {image: "vrnetlab/vr-vmx:20.2R1.10"}
  groups:
    edge: {kind: linux, image: "alpine:3"}
  nodes:
    R1: {startup-config: r1.cfg, mgmt-ipv4: 172.20.20.2}
    r2:
    pc:
      group: edge
      exec: ["ip addr add 10.0.0.1/24 dev eth1", "ip route add default via 10.0.0.2", "touch /x"]
    srl: {kind: nokia_srlinux}
  links:
    - endpoints: ["R1:eth1", "r2:ge-0/0/3"]
    - endpoints: ["R1:eth2", "pc:eth1"]
    - endpoints: ["R1:eth3", "srl:e1-1"]
    - type: veth
      endpoints: [{node: r2, interface: eth1}, {node: R1, interface: ge-0/0/7}]
    - {type: host, endpoint: {node: r2, interface: eth9}, host-interface: x}
"""


async def test_a_containerlab_topology_becomes_a_blueprint_that_can_be_planned(client: Client) -> None:
    found = await client.ask("POST", "/imports/containerlab", {"text": TOPOLOGY})
    blueprint = YAML(typ="safe").load(found["text"])
    assert blueprint["routers"] == {
        "r1": {"cards": 1, "ports_per_card": 8, "startup": "r1.cfg"},
        "r2": {"cards": 1, "ports_per_card": 4},
    }
    assert blueprint["hosts"]["pc"] == {"nics": 1, "addresses": {"eth1": "10.0.0.1/24"}, "routes": {"0.0.0.0/0": "10.0.0.2"}}
    assert blueprint["wires"] == [
        ["r1:ge-0/0/0", "r2:ge-0/0/3"],
        ["r1:ge-0/0/1", "pc:eth1"],
        ["r2:ge-0/0/0", "r1:ge-0/0/7"],
    ]
    left = "\n".join(found["left"])
    for word in ("mgmt", "mgmt-ipv4", "touch /x", "nokia_srlinux", "srl:e1-1", "only links between two nodes", "became r1"):
        assert word in left, left
    plan = await client.ask("POST", "/plans", {"text": found["text"], "files": {"r1.cfg": "set system host-name r1\n"}})
    assert len(plan["wires"]) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("topology: [", "no YAML"),
        ("name: x", "topology.nodes"),
        ("- a", "no mapping"),
        ("name: x\ntopology: {nodes: {a: {kind: nokia_srlinux}}}", "None of its nodes"),
    ],
)
async def test_what_is_no_topology_is_refused_with_the_reason(client: Client, text: str, reason: str) -> None:
    answer = await client.ask("POST", "/imports/containerlab", {"text": text}, status=422)
    assert reason in json.dumps(answer)


async def test_a_lab_is_written_for_containerlab_and_read_back(client: Client) -> None:
    await client.up()
    text = await client.text("/labs/lab/export?format=containerlab")
    assert "a containerlab vMX has one card" in text
    again = await client.ask("POST", "/imports/containerlab", {"text": text})
    assert YAML(typ="safe").load(again["text"])["wires"] == [["west:ge-0/0/0", "east:ge-0/0/0"]]


async def test_an_ansible_inventory_has_every_router_and_no_password(client: Client) -> None:
    await client.up()
    text = await client.text("/labs/lab/export?format=ansible")
    hosts = YAML(typ="safe").load(text)["all"]["children"]["routers"]["hosts"]
    assert set(hosts) == {"west", "east"}
    logins = {found["router"]: found for found in await client.items("/labs/lab/credentials")}
    assert hosts["west"]["ansible_user"] == "eng"
    assert f"{hosts['west']['rackless_ssh_port']}" == logins["west"]["ssh"].rpartition(":")[2]
    assert not any(secret in text for found in logins.values() for secret in (found["password"], found["root_password"]))


@pytest.mark.parametrize("form", ["svg", "drawio"])
async def test_a_drawing_has_every_router_port_and_wire(client: Client, form: str) -> None:
    await client.up()
    text = await client.text(f"/labs/lab/export?format={form}")
    tree = ElementTree.fromstring(text)
    lab = await client.ask("GET", "/labs/lab")
    if form == "svg":
        names = {part.text for part in tree.iter("{http://www.w3.org/2000/svg}title")}
        lines = list(tree.iter("{http://www.w3.org/2000/svg}line"))
    else:
        names = {part.get("id") for part in tree.iter() if part.tag in {"object", "mxCell"}}
        lines = [part for part in tree.iter("mxCell") if part.get("edge")]
        assert all({line.get("source"), line.get("target")} <= names for line in lines)
    assert {port["name"] for port in lab["ports"]} <= names
    assert len(lines) == len(lab["wires"]) == 2


def action(
    number: int, kind: str, uuid: str, vnic: str, vlan: str = "450", interface: str = "", mode: str = "Access"
) -> dict[str, Any]:
    return {
        "connectionId": f"connection-{number}",
        "connectionParams": {
            "vlanId": vlan,
            "mode": mode,
            "vlanServiceAttributes": [
                {"attributeName": name, "attributeValue": value, "type": "vlanServiceAttribute"}
                for name, value in (("QnQ", "False"), ("CTag", ""), ("VLAN ID", vlan), ("Virtual Network", ""))
            ],
            "type": "setVlanParameter",
        },
        "connectorAttributes": [{"attributeName": "Interface", "attributeValue": interface, "type": "connectorAttribute"}],
        "actionId": f"a{number}",
        "actionTarget": {"fullName": "a card", "fullAddress": "a card", "type": "actionTarget"},
        "customActionAttributes": [
            {"attributeName": "VM_UUID", "attributeValue": uuid, "type": "customAttribute"},
            {"attributeName": "Vnic Name", "attributeValue": vnic, "type": "customAttribute"},
        ],
        "type": kind,
    }


async def changed(client: Client, *actions: dict[str, Any]) -> list[dict[str, Any]]:
    request = {"driverRequest": {"actions": list(actions)}}
    answer = await client.ask("POST", "/labs/lab/cloudshell/apply-connectivity-changes", request)
    return list(answer["driverResponse"]["actionResults"])


async def test_two_nics_in_one_vlan_are_wired_and_unwired_as_cloudshell_asks(client: Client) -> None:
    await client.up("name: lab\nrouters: {west: {ports_per_card: 10}, east: {ports_per_card: 2}}\n", files={})
    lab = await client.ask("GET", "/labs/lab")
    uuid = {machine["name"]: machine["uuid"] for machine in lab["machines"]}
    macs = {port["name"]: port["planned_mac"].upper() for port in lab["ports"]}
    adapter = {port["name"]: str(port["nic"] + 1) for port in lab["ports"]}

    high, low = adapter["west:ge-0/0/9"], adapter["west:ge-0/0/1"]
    first = await changed(
        client,
        action(1, "setVlan", uuid["west-vfp0"], high, "700"),
        action(2, "setVlan", uuid["west-vfp0"], low, "701"),
        action(3, "setVlan", uuid["west-vfp0"], "99", "702"),
    )
    # In ascending order of Vnic Name, by number; one that fails stops no other.
    assert [result["actionId"] for result in first] == ["a2", "a1", "a3"]
    assert [result["success"] for result in first] == [True, True, False]
    assert first[0]["updatedInterface"] == macs["west:ge-0/0/1"]
    assert "no NIC '99'" in first[2]["errorMessage"]
    assert (await client.ask("GET", "/labs/lab"))["wires"] == []

    second = await changed(
        client,
        action(4, "setVlan", uuid["east-vfp0"], "ge-0-0-0", "700"),
        action(5, "setVlan", uuid["east-vfp0"], "Network adapter " + adapter["east:ge-0/0/1"], "701", mode="Trunk"),
    )
    assert all(result["success"] for result in second), second
    joined = {frozenset(wire["ends"]) for wire in (await client.ask("GET", "/labs/lab"))["wires"]}
    assert joined == {frozenset({"west:ge-0/0/9", "east:ge-0/0/0"}), frozenset({"west:ge-0/0/1", "east:ge-0/0/1"})}

    again, third = await changed(
        client,
        action(6, "setVlan", uuid["east-vfp0"], "ge-0-0-0", "700"),
        action(7, "setVlan", uuid["west-vfp0"], "ge-0/0/3", "700"),
    )
    assert again["success"]
    assert "joins" in third["errorMessage"]

    (gone,) = await changed(client, action(8, "removeVlan", uuid["east-vfp0"], "", "700", macs["east:ge-0/0/0"]))
    assert gone["success"]
    (once_more,) = await changed(client, action(9, "removeVlan", uuid["east-vfp0"], "", "700", macs["east:ge-0/0/0"]))
    assert once_more["success"]
    assert [set(wire["ends"]) for wire in (await client.ask("GET", "/labs/lab"))["wires"]] == [{"west:ge-0/0/1", "east:ge-0/0/1"}]
    # Without a name it is the first NIC that is free, and the far end of VLAN 700 still waits.
    (free,) = await changed(client, action(10, "setVlan", uuid["east-vfp0"], "", "700"))
    assert free["updatedInterface"] == macs["east:ge-0/0/0"]
    assert len((await client.ask("GET", "/labs/lab"))["wires"]) == 2


@pytest.mark.skipif(not CLIENTS.exists(), reason="needs `packaging/setup.sh --test`")
async def test_qualis_own_models_read_the_answer(client: Client) -> None:
    await client.up("name: lab\nrouters: {west: {}}\n", files={})
    uuid = {machine["name"]: machine["uuid"] for machine in (await client.ask("GET", "/labs/lab"))["machines"]}
    request = {"driverRequest": {"actions": [action(1, "setVlan", uuid["west-vfp0"], "ge-0-0-0")]}}
    answer = await client.ask("POST", "/labs/lab/cloudshell/apply-connectivity-changes", request)
    script = """
import json, sys
from cloudshell.shell.flows.connectivity.models.connectivity_model import ConnectivityActionModel
from cloudshell.shell.flows.connectivity.models.driver_response import DriverResponseRoot
request, answer = json.load(sys.stdin)
action = ConnectivityActionModel.parse_obj(request["driverRequest"]["actions"][0])
found = DriverResponseRoot.parse_obj(answer)
print(action.action_id, action.custom_action_attrs.vnic, found.driverResponse.actionResults[0].success)
"""
    ran = subprocess.run(
        [CLIENTS, "-c", script], input=json.dumps([request, answer]), text=True, capture_output=True, check=False
    )
    assert ran.stdout.split() == ["a1", "ge-0-0-0", "True"], ran.stderr


@pytest.mark.parametrize("body", [{}, {"driverRequest": {}}, {"driverRequest": {"actions": [{"type": "setVlan"}]}}])
async def test_what_is_no_connectivity_request_is_refused(client: Client, body: dict[str, Any]) -> None:
    await client.up()
    await client.ask("POST", "/labs/lab/cloudshell/apply-connectivity-changes", body, status=422)


async def test_counters_of_ports_with_a_wire_go_up(client: Client) -> None:
    await client.up()
    seen = await client.ask("GET", "/labs/lab/counters")
    names = {port["name"] for port in seen["ports"]}
    assert {"west:ge-0/0/0", "east:ge-0/0/1", "pc1:eth1"} <= names

    async def wired() -> int:
        found = await client.ask("GET", "/labs/lab/counters")
        return min(port["in_packets"] for port in found["ports"] if port["name"] in {"west:ge-0/0/0", "pc1:eth1"})

    for _ in range(100):
        if await wired():
            break
        await asyncio.sleep(0.1)
    found = {port["name"]: port["in_packets"] for port in (await client.ask("GET", "/labs/lab/counters"))["ports"]}
    assert found["west:ge-0/0/0"] > 0
    assert found["pc1:eth1"] > 0
    assert found["west:ge-0/0/1"] == 0
