"""Two routers over real wires: BGP, IS-IS and OSPF through policies, a filter, LLDP, SNMP, an aggregate that loses a port, a VLAN
in a routing instance, a bridge domain."""

from __future__ import annotations

import base64
import json
import re
import subprocess

import pytest

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
LAB = "protocols"
LINK_DOWN, LINK_UP = (bytes.fromhex(f"2b06010603010105{number:02}") for number in (3, 4))
"""snmpTraps.3 and .4 (IF-MIB) as BER has them."""
RECEIVER = """import socket
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("", 16162))
while True:
    open("/tmp/traps", "ab").write(line.recv(65536))"""


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
    operational(here)
    snmp(here)
    guard(here)
    aggregate(here)
    bridging(here)


def filters(here: Installation) -> None:
    assert " 0% packet loss" in here.on(LAB, "west", "ping 10.0.0.2 count 1")
    assert "100% packet loss" in shell(here, "west", "ping -c 2 -W 3 -s 600 10.0.0.2")
    assert " 0% packet loss" in shell(here, "west", "ping -c 1 -W 3 -s 600 10.0.1.2"), "the other wire has no filter"
    assert re.search(r"big-pings +1256 +2\n", here.on(LAB, "east", "show firewall filter edge"))
    here.on(LAB, "east", "clear firewall all")
    assert re.search(r"big-pings +0 +0\n", here.on(LAB, "east", "show firewall"))


def guard(here: Installation) -> None:
    """What only a card may say to a controller is dropped when it comes in by a port, with or without a filter."""
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(60), ('{}', 4789))"
    for router, other in (("west", "10.0.0.2"), ("east", "10.0.0.1")):
        shell(here, router, f'python3 -c "{send.format(other)}"')
        assert "packets 1 " in shell(here, "east" if router == "west" else "west", "nft list counters table inet rackless-guard")


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
    await_that("both members", lambda: set(walk(".1.2.840.10006.300.43.1.2.1.1.13").values()), lambda s: s == {names["ae0"]})
    attached, partners = (walk(f".1.2.840.10006.300.43.1.2.1.1.{column}") for column in (13, 9))
    assert attached.keys() == partners.keys() == {names["ge-0/0/1"], names["ge-0/0/2"]}
    assert walk(".1.2.840.10006.300.43.1.1.1.1.8") == {names["ae0"]: partners[names["ge-0/0/1"]]}
    assert walk(".1.3.6.1.2.1.4.34.1.3")["1.4.10.0.7.1"] == names["ge-0/0/3.7"], "an address in a routing instance"
    ends = {index.split(".")[1]: port for index, port in walk(".1.0.8802.1.1.2.1.4.1.1.7").items()}
    assert ends == {names[port]: port for port in (f"ge-0/0/{number}" for number in range(4))}
    assert set(walk(".1.0.8802.1.1.2.1.4.1.1.9").values()) == {"east"}
    assert walk(".1.3.6.1.2.1.15.3.1.2") == {"10.0.0.2": "6"}, "established"
    assert walk(".1.3.6.1.2.1.14.10.1.6") == {"10.0.1.2.0": "8"}, "full; the instance's neighbour is not the main one's"
    assert walk(".1.3.6.1.2.1.14.7.1.20")["10.0.1.1.0"] == "2", "MD5"
    assert {"9.1.0.0", "7.1.0.0", "8.1.1.0"} == walk(".1.3.6.1.4.1.2636.3.1.13.1.6").keys()


def instance(here: Installation) -> None:
    await_that(
        "the instance's route", lambda: shell(here, "west", "ip route show vrf red"), lambda text: "10.7.0.2 " in text, 180
    )
    assert "10.7.0.2" not in shell(here, "west", "ip route show")
    assert " 0% packet loss" in here.on(LAB, "west", "ping 10.7.0.2 routing-instance red count 1")
    for command, pattern in (
        ("ospf neighbor", r"10\.0\.7\.2 +ge-0/0/3\.7 +Full"),
        ("ospf3 neighbor", r"ge-0/0/3\.7 +Full"),
        ("isis adjacency", r"ge-0/0/3\.7 +east +\d +Up"),
        ("bgp summary", r"10\.0\.7\.2 .* Establ"),
    ):
        await_that(
            f"{command} of the instance",
            lambda c=command: here.on(LAB, "west", f"show {c} instance red"),
            lambda text, p=pattern: re.search(p, text),
        )
    assert re.search(r"lo0\.7 +DRother", here.on(LAB, "west", "show ospf interface instance red"))
    tables = re.findall(r"^(\S+): \d+ destinations", here.on(LAB, "west", "show route"), re.MULTILINE)
    assert tables == ["inet.0", "red.inet.0", "red.inet6.0"]
    assert re.search(r"10\.7\.0\.2/32 +\*\[OSPF/10\]", here.on(LAB, "west", "show route table red.inet.0"))


def operational(here: Installation) -> None:
    """What the command line tells of running daemons."""
    for command, pattern in (
        ("show bfd session extensive", r"10\.0\.0\.2 +Up +ge-0/0/0\.0 +3\.000 +1\.000 +3\n Client BGP"),
        ("show route protocol isis", r"172\.18\.2\.0/24 +\*\[IS-IS/18\]"),
        ("show route 172.16.2.0/24", r"AS path: 65002 \?"),
        ("show route advertising-protocol bgp 10.0.0.2", r"\* 172\.16\.1\.0/24 +Self"),
        ("show route receive-protocol bgp 10.0.0.2", r"\* 172\.16\.2\.0/24 +10\.0\.0\.2"),
        ("show bgp neighbor 10.0.0.2", r"Export: \[ bgp-out \]"),
        ("show isis interface", r"ge-0/0/0\.0 +2 +\w+ Disabled +Point to Point"),
        ("show lldp local-information", r"System name +: west\n"),
        ("show lldp neighbors interface ge-0/0/1", r"Parent Interface +: ae0\n(.*\n)*System name +: east\n"),
        ("show lldp statistics interface ge-0/0/0", r"ge-0/0/0 +- +[1-9]"),
        ("show policy bgp-out", r"172\.16\.1\.0/24 exact"),
        ("clear interfaces statistics ge-0/0/3", r""),
    ):
        said = here.on(LAB, "west", command)
        assert re.search(pattern, said), f"{command}: {said}"


def aggregate(here: Installation) -> None:
    def members() -> list[str]:
        """Ports that LACP has put into use."""
        text = shell(here, "west", "cat /proc/net/bonding/ae0")
        ids = [line.split()[-1] for line in text.splitlines() if "Aggregator ID:" in line]
        return [one for one in ids[1:] if one == ids[0]]

    await_that("both members", members, lambda found: len(found) == 2)
    shell(here, "east", f"setsid python3 -c '{RECEIVER}' </dev/null >/dev/null 2>&1 &")
    await_that("the trap receiver", lambda: shell(here, "east", "ss -lun"), lambda text: ":16162 " in text)
    assert here.on(LAB, "west", "show lacp interfaces ae0").count("Collecting distributing") == 2
    before = shell(here, "west", "pgrep -x ospfd")

    def heard() -> bytes:
        return base64.b64decode(shell(here, "east", "base64 -w0 /tmp/traps"))

    here.run("link", LAB, "west:ge-0/0/1", "--down")
    await_that(
        "the loss of a member", lambda: shell(here, "west", "cat /proc/net/bonding/ae0"), lambda s: "MII Status: down" in s
    )
    await_that("linkDown", heard, lambda octets: LINK_DOWN in octets and b"ge-0/0/1" in octets)
    await_that(
        "what LACP says of it",
        lambda: here.on(LAB, "west", "show lacp interfaces"),
        lambda text: re.search(r"ge-0/0/1 +Port disabled", text) and text.count("Collecting distributing") == 1,
    )
    assert " 0% packet loss" in shell(here, "west", "ping -c 3 -W 5 10.0.1.2")
    assert "Full" in here.on(LAB, "west", "show ospf neighbor")
    assert "172.17.2.0/24" in here.on(LAB, "west", "show route protocol ospf")
    assert shell(here, "west", "pgrep -x ospfd") == before
    here.run("link", LAB, "west:ge-0/0/1", "--up")
    await_that("linkUp", heard, lambda octets: LINK_UP in octets)
    await_that("both members again", members, lambda found: len(found) == 2)
    assert json.loads(shell(here, "west", "ip -j link show ae0"))[0]["operstate"] == "UP"


BRIDGE = """delete interfaces ge-0/0/0 unit 0
delete interfaces ge-0/0/2 gigether-options
delete interfaces ge-0/0/3 unit 7
delete interfaces lo0 unit 7
delete protocols
delete routing-instances
"""
WEST = """set interfaces ge-0/0/0 unit 0 family bridge interface-mode access vlan-id 10
set interfaces ge-0/0/2 unit 0 family bridge interface-mode trunk vlan-id-list [ 10 20-29 ]
set interfaces ge-0/0/3 encapsulation extended-vlan-bridge
set interfaces ge-0/0/3 unit 7 vlan-id 70
set interfaces irb unit 10 family inet address 10.50.0.1/24
set interfaces irb unit 10 family inet6 address 2001:db8:50::1/64
set bridge-domains ten vlan-id 10 interface ge-0/0/3.7
set bridge-domains ten routing-interface irb.10
set bridge-domains twenty vlan-id 20
"""
EAST = """set interfaces ge-0/0/0 unit 0 family inet address 10.50.0.2/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:50::2/64
set interfaces ge-0/0/2 vlan-tagging unit 10 vlan-id 10 family inet address 10.50.0.3/24
set interfaces ge-0/0/3 unit 7 vlan-id 70 family inet address 10.50.0.4/24
set routing-instances green instance-type virtual-router interface ge-0/0/0.0
set routing-instances blue instance-type virtual-router interface ge-0/0/2.10
set routing-instances red instance-type virtual-router interface ge-0/0/3.7
"""


def bridging(here: Installation) -> None:
    """East is three stations: at an access port, a trunk, and a unit with another VLAN, all in one bridge domain of west."""
    for router, lines in (("east", BRIDGE + EAST), ("west", BRIDGE + WEST)):
        commands = "; ".join(["configure", *lines.strip().splitlines(), "commit"])
        assert "commit complete" in here.on(LAB, router, commands)

    def lost() -> dict[str, str]:
        """What a ping does not reach."""
        pings = {
            "access to trunk": "-I green 10.50.0.3",
            "access to unit": "-I green 10.50.0.4",
            "trunk to unit": "-I blue 10.50.0.4",
            "access to irb": "-I green 10.50.0.1",
            "trunk to irb": "-I blue 10.50.0.1",
            "irb by IPv6": "-I green 2001:db8:50::1",
        }
        said = {name: shell(here, "east", f"ping -c 1 -W 3 {words}") for name, words in pings.items()}
        return {name: text for name, text in said.items() if " 0% packet loss" not in text}

    await_that("all stations of the domain", lost, lambda found: not found)
    assert " 0% packet loss" in here.on(LAB, "west", "ping 10.50.0.4 count 1")
    at = {"ge-0-0-0": "ge-0/0/0.0", "ge-0-0-2": "ge-0/0/2.0", "ge-0-0-3": "ge-0/0/3.7"}
    macs = {json.loads(shell(here, "east", f"ip -j link show {port}"))[0]["address"]: logical for port, logical in at.items()}
    table = here.on(LAB, "west", "show bridge mac-table bridge-domain ten")
    rows = {line.split()[0]: line.split()[2] for line in table.splitlines() if line.count(":") == 5}
    assert macs.items() <= rows.items()
    shown = here.on(LAB, "west", "show bridge domain").split()
    assert shown[shown.index("10") :][:5] == ["10", "ge-0/0/0.0", "ge-0/0/2.0", "ge-0/0/3.7", "default-switch"]
    terse = {line.split()[0]: line.split()[1:] for line in here.on(LAB, "west", "show interfaces terse").splitlines()}
    assert terse["irb.10"][:4] == ["up", "up", "inet", "10.50.0.1/24"]
    assert terse["ge-0/0/3.7"] == ["up", "up", "bridge"]
    # A tagged frame at the access port is of no VLAN: not even of the domain's own. The kernel is asked without that, for proof.
    inner = (("ge-0-0-0", "t10", "green", "10.60.0.1/24"), ("ge-0-0-3.7", "q10", "red", "10.60.0.2/24"))
    made = [
        f"ip link add link {port} name {name} type vlan id 10; ip link set {name} master {vrf} up; ip addr add {own} dev {name}"
        for port, name, vrf, own in inner
    ]
    assert "100% packet loss" in shell(here, "east", "; ".join([*made, "ping -c 2 -W 2 -I green 10.60.0.2"]))
    shell(here, "west", "ip link set irb.10 type bridge vlan_filtering 0")
    assert " 0% packet loss" in shell(here, "east", "ping -c 2 -W 5 -I green 10.60.0.2")
