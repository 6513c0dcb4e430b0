"""Two routers over real wires: BGP, IS-IS and OSPF through policies, a filter, LLDP, SNMP, an aggregate that loses a port, a VLAN
in a routing instance."""

from __future__ import annotations

import json
import subprocess

import pytest

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
LAB = "protocols"


def shell(here: Installation, router: str, command: str) -> str:
    return here.run("ssh", LAB, router, command, check=False).out


def test_two_routers_over_real_wires(here: Installation) -> None:
    here.run("up", f"tests/machines/{LAB}.yaml")
    for protocol, prefix in (("bgp", "172.16.2.0/24"), ("ospf", "172.17.2.0/24"), ("isis", "172.18.2.0/24")):
        await_that(
            f"{protocol}'s route", lambda p=protocol: here.on(LAB, "west", f"show route protocol {p}"), lambda s, p=prefix: p in s
        )
    shown = here.on(LAB, "west", "show route")
    assert "172.19.2.0/24" not in shown, "no policy lets this one out"
    for protocol, prefix in (("bgp", "172.17.2.0/24"), ("ospf", "172.16.2.0/24"), ("isis", "172.16.2.0/24")):
        assert prefix not in here.on(LAB, "west", f"show route protocol {protocol}")
    filters(here)
    neighbours(here)
    instance(here)
    snmp(here)
    aggregate(here)


def filters(here: Installation) -> None:
    assert " 0% packet loss" in here.on(LAB, "west", "ping 10.0.0.2 count 1")
    assert "100% packet loss" in shell(here, "west", "ping -c 2 -W 3 -s 600 10.0.0.2")
    assert " 0% packet loss" in shell(here, "west", "ping -c 1 -W 3 -s 600 10.0.1.2"), "the other wire has no filter"
    assert "packets 2" in shell(here, "east", "nft list counters table inet rackless")


def neighbours(here: Installation) -> None:
    told = await_that(
        "all neighbours", lambda: here.on(LAB, "west", "show lldp neighbors"), lambda text: text.count(" east") == 4
    )
    for port, parent in enumerate(("-", "ae0", "ae0", "-")):
        line = next(line.split() for line in told.splitlines() if line.startswith(f"ge-0/0/{port} "))
        assert [line[1], *line[3:]] == [parent, f"ge-0/0/{port}", "east"]


def snmp(here: Installation) -> None:
    """The tables say what the command line says: interfaces by the same numbers, and the same neighbours."""
    logins = next(one for one in here.json("credentials", LAB) if one["router"] == "west")

    def walk(oid: str) -> dict[str, str]:
        words = ["snmpbulkwalk", "-v2c", "-m", "", "-OnQ", "-t", "5", "-r", "1", "-c", logins["community"], logins["snmp"], oid]
        out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        pairs = [line.split(" = ", 1) for line in out.splitlines()]
        return {name.removeprefix(oid + "."): value.strip('"') for name, value in pairs if not value.startswith("No Such")}

    listed = here.on(LAB, "west", "show interfaces terse").splitlines()
    shown = {line.split()[0] for line in listed if line[:1].isalpha() and line.split()[0].startswith(("ge-", "ae"))}
    names = {name: index for index, name in walk(".1.3.6.1.2.1.31.1.1.1.1").items() if name.startswith(("ge-", "ae"))}
    assert {"ge-0/0/3.7", "ae0", "ae0.0"} <= names.keys() == shown
    for name in ("ge-0/0/3", "ae0"):
        assert f"SNMP ifIndex: {names[name]}\n" in here.on(LAB, "west", f"show interfaces {name}")
    stack = walk(".1.3.6.1.2.1.31.1.2.1.3")
    assert {f"{names['ae0']}.{names[member]}" for member in ("ge-0/0/1", "ge-0/0/2")} <= stack.keys()
    assert f"{names['ge-0/0/3.7']}.{names['ge-0/0/3']}" in stack
    assert walk(".1.3.6.1.2.1.4.34.1.3")["1.4.10.0.7.1"] == names["ge-0/0/3.7"], "an address in a routing instance"
    ends = {index.split(".")[1]: port for index, port in walk(".1.0.8802.1.1.2.1.4.1.1.7").items()}
    assert ends == {names[port]: port for port in (f"ge-0/0/{number}" for number in range(4))}
    assert set(walk(".1.0.8802.1.1.2.1.4.1.1.9").values()) == {"east"}
    assert {"9.1.0.0", "7.1.0.0", "8.1.1.0"} == walk(".1.3.6.1.4.1.2636.3.1.13.1.6").keys()


def instance(here: Installation) -> None:
    await_that(
        "the instance's route", lambda: shell(here, "west", "ip route show vrf red"), lambda text: "10.7.0.2 " in text, 180
    )
    assert "10.7.0.2" not in shell(here, "west", "ip route show")
    assert " 0% packet loss" in shell(here, "west", "ping -c 1 -W 5 -I red 10.7.0.2")


def aggregate(here: Installation) -> None:
    def members() -> list[str]:
        """Ports that LACP has put into use."""
        text = shell(here, "west", "cat /proc/net/bonding/ae0")
        ids = [line.split()[-1] for line in text.splitlines() if "Aggregator ID:" in line]
        return [one for one in ids[1:] if one == ids[0]]

    await_that("both members", members, lambda found: len(found) == 2)
    before = shell(here, "west", "pgrep -x ospfd")
    here.run("link", LAB, "west:ge-0/0/1", "--down")
    await_that(
        "the loss of a member", lambda: shell(here, "west", "cat /proc/net/bonding/ae0"), lambda s: "MII Status: down" in s
    )
    assert " 0% packet loss" in shell(here, "west", "ping -c 3 -W 5 10.0.1.2")
    assert "Full" in here.on(LAB, "west", "show ospf neighbor")
    assert "172.17.2.0/24" in here.on(LAB, "west", "show route protocol ospf")
    assert shell(here, "west", "pgrep -x ospfd") == before
    here.run("link", LAB, "west:ge-0/0/1", "--up")
    await_that("both members again", members, lambda found: len(found) == 2)
    assert json.loads(shell(here, "west", "ip -j link show ae0"))[0]["operstate"] == "UP"
