"""Policies as route maps, filters as nftables rules, changes of a running daemon: what is rendered, without the daemons."""

from __future__ import annotations

import re

import pytest

from mgmt import aspath, effect, parse, rights
from mgmt.check import check
from mgmt.devices import device, logical_name
from mgmt.render import firewall, frr, interfaces, lldp, ntp, resolver, snmp, ssh, syslog
from mgmt.routing.filters import Compiler, Use
from mgmt.schema import ROOT
from mgmt.world import Folder
from system.ports import router_name

START = 'set system root-authentication encrypted-password "$6$saltsalt$abcdefghijklmnop"\n'


def tree_of(lines: str) -> dict:
    found: dict = {}
    parse.load_set(START + lines, found, ROOT)
    return found


def route_map(lines: str, use: Use, chain: tuple[str, ...] = ("p",)) -> list[str]:
    compiler = Compiler(tree_of(lines), use)
    compiler.compile(list(chain))
    made = compiler.lines()
    return [*made.pop(()), *(f"{block[0]}: {'; '.join(inner)}" for block, inner in made.items())]


def test_the_longest_prefix_decides_as_in_the_dialect() -> None:
    lines = """
set policy-options policy-statement p term a from route-filter 10.0.0.0/8 orlonger
set policy-options policy-statement p term a from route-filter 10.1.0.0/16 exact
set policy-options policy-statement p term a from route-filter 10.2.0.0/16 prefix-length-range /24-/28
set policy-options policy-statement p term a then accept
"""
    made = route_map(lines, Use("m", "inet", protocol="static"))
    assert [line.split(" seq ")[1] for line in made if "prefix-list m" in line and " seq " in line] == [
        "5 permit 10.1.0.0/16",
        "10 deny 10.1.0.0/16 le 32",
        "15 permit 10.2.0.0/16 ge 24 le 28",
        "20 deny 10.2.0.0/16 le 32",
        "25 permit 10.0.0.0/8 le 32",
    ]
    assert made[-2:] == ["route-map m permit 10: match ip address prefix-list m-1", "route-map m deny 20: "]


def test_terms_of_another_protocol_or_family_are_not_there() -> None:
    lines = """
set policy-options policy-statement p term a from protocol static
set policy-options policy-statement p term a from route-filter 2001:db8::/32 orlonger
set policy-options policy-statement p term a then accept
"""
    assert route_map(lines, Use("m", "inet", protocol="static")) == ["route-map m deny 10: "]
    assert route_map(lines, Use("m", "inet6", protocol="direct")) == ["route-map m deny 10: "]
    assert "route-map m permit 10" in route_map(lines, Use("m", "inet6", protocol="static"))[1]


def test_next_term_next_policy_and_defaults_are_jumps() -> None:
    lines = """
set policy-options policy-statement p term a then metric 5
set policy-options policy-statement p term b from metric 7
set policy-options policy-statement p term b then next policy
set policy-options policy-statement p term c then reject
set policy-options policy-statement q then local-preference 200
set policy-options policy-statement q then accept
"""
    assert route_map(lines, Use("m", "inet", protocol="bgp", bgp=True, default=True), ("p", "q")) == [
        "route-map m permit 10: set metric 5; on-match next",
        "route-map m permit 20: match metric 7; on-match goto 40",
        "route-map m deny 30: ",
        "route-map m permit 40: set local-preference 200",
        "route-map m permit 50: ",
    ]


def test_an_export_tells_where_routes_are_from() -> None:
    lines = """
set policy-options policy-statement p term a from protocol bgp
set policy-options policy-statement p term a then metric 1
set policy-options policy-statement p term b from protocol static
set policy-options policy-statement p term b then accept
"""
    made = route_map(lines, Use("m", "inet", mixed=("static",), bgp=True, default=True))
    assert made == [
        "route-map m permit 10: match tag 4294900002; on-match goto 30",
        "route-map m permit 20: set metric 1; on-match next",
        "route-map m permit 30: match tag 4294900002",
        "route-map m deny 40: match tag 4294900002",
        "route-map m permit 50: ",
    ]


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("65000 .*", ("65000", "65000 1 2"), ("650001", "1 65000")),
        (".* 65000", ("65000", "1 65000"), ("65000 1",)),
        ("()", ("",), ("1",)),
        ("(65000|65001)+ 7", ("65000 65001 7",), ("7",)),
        (". 65000{2}", ("1 65000 65000",), ("1 65000",)),
    ],
)
def test_as_path_expressions(expression: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    posix = aspath.posix(expression)
    assert all(re.search(posix, path) for path in yes)
    assert not any(re.search(posix, path) for path in no)


def test_a_changed_neighbour_is_not_lost() -> None:
    block = ("router bgp 1",)
    old = {block: ["neighbor 10.0.0.1 remote-as 2", "neighbor 10.0.0.1 description a", "neighbor 10.0.0.9 remote-as 9",
                   "neighbor 10.0.0.9 description b"],
           (*block, "address-family ipv4 unicast"): ["neighbor 10.0.0.1 activate", "neighbor 10.0.0.9 activate"]}  # fmt: skip
    new = {block: ["neighbor 10.0.0.1 remote-as 3", "neighbor 10.0.0.1 description a"],
           (*block, "address-family ipv4 unicast"): ["neighbor 10.0.0.1 activate"]}  # fmt: skip
    assert frr.delta(old, new) == [
        "router bgp 1",
        "no neighbor 10.0.0.9",
        "exit",
        "router bgp 1",
        "neighbor 10.0.0.1 remote-as 3",
        "exit",
    ]
    entry = {("route-map m permit 10",): ["match metric 1", "set metric 2"]}
    assert frr.delta(entry, {("route-map m permit 10",): ["set metric 2"]}) == [
        "no route-map m permit 10", "route-map m permit 10", "set metric 2", "exit"]  # fmt: skip


FILTER = """
set interfaces ge-0/0/0 unit 0 family inet filter input f
set interfaces lo0 unit 0 family inet filter input f
set firewall policer slow if-exceeding bandwidth-limit 8k burst-size-limit 2k
set firewall policer slow then discard
"""


def rules(lines: str, tmp_path) -> list[str]:
    part = firewall.render(tree_of(FILTER + lines), Folder(str(tmp_path)))
    text = part.files[firewall.RULES][0]
    return [line.strip() for line in text.partition("chain inet-f {")[2].partition("}\n")[0].splitlines() if line.strip()]


def test_filters_decide_as_in_the_dialect(tmp_path) -> None:
    lines = """
set firewall family inet filter f term b from source-address 10.0.0.0/8
set firewall family inet filter f term b from source-address 10.128.0.0/9 except
set firewall family inet filter f term b from protocol tcp
set firewall family inet filter f term b from destination-port [ 80-90 ssh 85-100 ]
set firewall family inet filter f term b then count hits
set firewall family inet filter f term a from port domain
set firewall family inet filter f term a then next term
set firewall family inet filter f term a then log
set firewall family inet filter f term c then policer slow
"""
    found = rules(lines, tmp_path)
    assert found[0] == "ip saddr 10.0.0.0/9 meta l4proto 6 th dport { 22, 80-100 } counter name inet-f/hits accept"
    assert found[1].startswith("meta l4proto { tcp, udp, sctp } th sport 53 log prefix")
    assert not found[1].endswith(("accept", "drop")), "next term goes on"
    assert found[3:] == ["limit rate over 1000 bytes/second burst 2000 bytes drop", "accept", "drop"]


def test_a_filter_of_the_router_itself_spares_the_internal_network(tmp_path) -> None:
    part = firewall.render(tree_of(FILTER + "set firewall family inet filter f term a then discard\n"), Folder(str(tmp_path)))
    text = part.files[firewall.RULES][0]
    hook = text.partition("chain to-self {")[2]
    assert hook.index('iifname { "lo", "int" } accept') < hook.index("jump inet-f")


def test_a_filter_without_its_prefixes_matches_nothing(tmp_path) -> None:
    lines = """
set firewall family inet filter f term a from source-address 2001:db8::/32
set firewall family inet filter f term a then accept
"""
    assert rules(lines, tmp_path) == ["drop"]


def test_tagged_units_aggregates_and_instances_in_the_kernel(tmp_path) -> None:
    fresh = tree_of("""set chassis aggregated-devices ethernet device-count 1
set interfaces ge-0/0/0 vlan-tagging
set interfaces ge-0/0/0 unit 100 vlan-id 7 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 gigether-options 802.3ad ae0
set interfaces ae0 mtu 9014 aggregated-ether-options lacp active
set interfaces lo0 unit 1 family inet address 10.9.9.9/32
set routing-instances red instance-type virtual-router
set routing-instances red interface ge-0/0/0.100
set routing-instances red interface lo0.1
""")
    assert check(fresh, ROOT) == []
    assert device(fresh, "ge-0/0/0.100") == "ge-0-0-0.100"
    assert device(fresh, "lo0.1") == "red"
    assert (router_name("ge-0-0-0.100"), logical_name("ge-0-0-0.100"), logical_name("ae0")) == (
        "ge-0/0/0.100", "ge-0/0/0.100", "ae0.0")  # fmt: skip
    wanted = interfaces.render(fresh, Folder(str(tmp_path))).data
    there = {name: {"ifname": name, "mtu": 1500, "flags": ["UP"], "addr_info": []} for name in ("ge-0-0-0", "ge-0-0-1", "lo")}
    lines = interfaces.creations(there, wanted)
    lines += [line for name, link in there.items() for line in interfaces.commands(link, wanted[name])]
    assert lines.index("link add link ge-0-0-0 name ge-0-0-0.100 type vlan id 7") < lines.index(
        "link set dev ge-0-0-0.100 master red"
    )
    assert any(line.startswith("link add name red type vrf table ") for line in lines)
    member = [line for line in lines if " ge-0-0-1 " in line]
    assert member == ["link set dev ge-0-0-1 down", "link set dev ge-0-0-1 master ae0", "link set dev ge-0-0-1 mtu 9000",
                      "link set dev ge-0-0-1 up"]  # fmt: skip
    assert "addr add 10.9.9.9/32 dev red" in lines
    assert "link add name ae0 type bond mode 802.3ad lacp_rate fast lacp_active on miimon 100" in "\n".join(lines)


def test_statements_without_effect_are_told() -> None:
    fresh = tree_of("set system archival configuration transfer-on-commit\nset interfaces ge-0/0/0 speed 1g\n")
    told = [line for warning in effect.without_effect(fresh, ROOT) for line in warning.lines()]
    assert told == ["[edit system]", "  'archival'", "    warning: statement has no effect on this router",
                    "[edit interfaces ge-0/0/0]", "  'speed'", "    warning: statement has no effect on this router"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("set protocols bgp group g type internal neighbor 10.0.0.1\nset routing-options autonomous-system 1\n"
         "set protocols bgp group g export x", "policy 'x' referenced but not defined"),
        ("set policy-options policy-statement p from community c", "community 'c' referenced but not defined"),
        ("set interfaces ge-0/0/0 unit 0 family inet filter input f", "Referenced filter 'f' is not defined"),
        ("set interfaces ge-0/0/0 unit 5 family inet", "needs 'vlan-tagging'"),
        ("set interfaces ae0 unit 0 family inet", "the chassis has 0 aggregates"),
        ("set system login user bob class nothing", "login class 'nothing' is not defined"),
        ("set routing-instances r instance-type vrf interface ge-0/0/0.3", "this interface is not configured"),
        ("set snmp community c view v", "view 'v' is not defined"),
        ("set protocols ospf area 0 stub", "the backbone can't be a stub area"),
    ],
)  # fmt: skip
def test_cross_references(lines: str, told: str) -> None:
    assert [problem.reason for problem in check(tree_of(lines), ROOT) if told in problem.reason]


def test_classes_of_the_configuration_give_rights() -> None:
    fresh = tree_of("""set system login class noc permissions [ view clear ]
set system login class noc deny-commands "(request|start) .*"
set system login class boss permissions all
set system login class none permissions floppy
set system login user a class noc
set system login user b class boss
set system login user c class none
set system login user d class read-only
""")
    assert [rights.level_of(fresh, name) for name in "abcde"] == [2, 3, 0, 1, 0]
    assert rights.denied(fresh, "a", "request system reboot")
    assert not rights.denied(fresh, "a", "show version")
    assert not rights.denied(fresh, "b", "request system reboot")


def test_files_of_the_small_services(tmp_path) -> None:
    world = Folder(str(tmp_path))
    fresh = tree_of("""set system domain-name example.net
set system name-server 192.0.2.53
set system login message "Keep out"
set system services ssh no-passwords max-sessions-per-connection 7
set system syslog file messages any warning authorization info
set system syslog host 192.0.2.9 any any
set system ntp server 192.0.2.1 key 5
set system ntp authentication-key 5 type sha1 value geheim
set protocols lldp interface all
set protocols lldp interface ge-0/0/1 disable
set snmp view all oid .1 include
set snmp community public clients 192.0.2.0/24
set snmp v3 usm local-engine user alice authentication-sha authentication-password secretsecret
set snmp v3 usm local-engine user alice privacy-aes128 privacy-password secretsecret
set snmp v3 vacm security-to-group security-model usm security-name alice group g
set snmp v3 vacm access group g default-context-prefix security-model usm security-level privacy read-view all
set snmp trap-group t targets 192.0.2.7
set snmp trap-options source-address lo0
set interfaces lo0 unit 0 family inet address 10.9.9.1/32
""")
    assert check(fresh, ROOT) == []
    assert resolver.render(fresh, world).files[resolver.CONFIG][0] == "search example.net\nnameserver 192.0.2.53\n"
    sshd = ssh.render(fresh, world).files
    assert {"PasswordAuthentication no", "MaxSessions 7", f"Banner {ssh.BANNER}"} <= set(sshd[ssh.CONFIG][0].splitlines())
    assert sshd[ssh.BANNER][0] == "Keep out\n"
    logs = syslog.render(fresh, world)
    assert "*.warning;auth,authpriv.info\t/var/log/messages" in logs.files[syslog.CONFIG][0]
    assert logs.data["hosts"] == ["192.0.2.9:514"]
    clock = ntp.render(fresh, world).files
    assert "server 192.0.2.1 iburst key 5" in clock[ntp.CONFIG][0]
    assert clock[ntp.KEYS] == ("5 SHA1 ASCII:geheim\n", 0o640)
    assert lldp.render(fresh, world).data["without"] == {"ge-0-0-1"}
    agent = snmp.render(fresh, world).files[snmp.CONFIG][0].splitlines()
    assert 'rocommunity "public" 192.0.2.0/24' in agent
    assert 'createUser alice SHA "secretsecret" AES "secretsecret"' in agent
    assert 'access g "" usm priv exact all none none' in agent
    assert {"trapsink -profile t 192.0.2.7:162 t", "trap2sink -profile t 192.0.2.7:162 t", "clientaddr 10.9.9.1"} <= set(agent)
