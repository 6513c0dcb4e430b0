"""Two reference routers back to back: every routing protocol, who may come in and how, the command line as one types at it.

The lab is deployed once; the tests use it in their order, and the last ones restart its machines.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .cli import Installation, await_that
from .terminal import Terminal

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
LAB = "features"
VIEWERS = "Look-0nly"
"""Password of the users in features-west.set."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Installation]:
    here = Installation.make()
    try:
        here.run("up", "tests/machines/features.yaml")
        yield here
    finally:
        here.down_all()
        here.close()


def configure(lab: Installation, router: str, *statements: str) -> None:
    done = lab.on(LAB, router, "; ".join(["configure", *statements, "commit and-quit"]))
    assert "commit complete" in done, done


@dataclass(frozen=True, kw_only=True)
class Access:
    """How a router is reached over its management network."""

    ssh: tuple[str, int]
    snmp: tuple[str, int]
    user: str
    password: str
    root_password: str
    community: str


@pytest.fixture(scope="module")
def access(lab: Installation) -> dict[str, Access]:
    secrets = {row["router"]: row for row in lab.json("credentials", LAB)}
    found = {}
    for router in lab.json("show", LAB)["routers"]:
        ends = {name: text.rpartition(":") for name, text in router["management"]["services"].items()}
        keys = {key: secrets[router["name"]][key] for key in ("user", "password", "root_password", "community")}
        found[router["name"]] = Access(**{name: (ends[name][0], int(ends[name][2])) for name in ("ssh", "snmp")}, **keys)
    return found


def ssh(there: Access, folder: Path, user: str, password: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """OpenSSH's own client, with a password and nothing else; `more`: its options."""
    host, port = there.ssh
    answer = folder / "askpass"
    answer.write_text('#!/bin/sh\nprintf "%s\\n" "$ANSWER"\n')
    answer.chmod(0o700)
    settings = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "PubkeyAuthentication": "no",
        "NumberOfPasswordPrompts": "1",
        "LogLevel": "ERROR",
        **more,
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    return subprocess.run(
        ["ssh", "-F", "none", "-p", str(port), *options, f"{user}@{host}", *words],
        env={**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force", "ANSWER": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PROTOCOLS = {
    "show ospf neighbor": ("10.0.0.2", "ge-0/0/0.0", "Full"),
    "show ospf3 neighbor": ("192.0.2.2", "ge-0/0/0.0", "Full"),
    "show isis adjacency": ("ge-0/0/0.0", "east", "2   Up"),
    "show bgp summary": ("192.0.2.2", "65000", "Establ"),
    "show route 203.0.113.0/24": ("*[Static/5]", "to 10.0.0.2 via ge-0/0/0.0"),
    "show route protocol static": ("0.0.0.0/0", "to 172.29.0.1 via fxp0.0"),
    "show route protocol ospf": ("192.0.2.2/32", "*[OSPF/10]", "to 10.0.0.2 via ge-0/0/0.0"),
    "show route protocol isis": ("2001:db8:f::2/128", "*[IS-IS/18]", "via ge-0/0/0.0"),
    "ping inet6 2001:db8:f::2 count 2": (" 0% packet loss",),
}
"""What west shows once every protocol runs over the wire between two card ports."""


def test_every_protocol_runs_over_a_card_port(lab: Installation) -> None:
    def shown() -> dict[str, str]:
        """What each command says; `-e` shows the commands, `-k` goes on after a ping that fails."""
        words = ["ssh", LAB, "west", "cli", "-k", "-e", "-c", f'"{"; ".join(PROTOCOLS)}"']
        parts = lab.run(*words, check=False).out.split("root@west> ")[1:]
        return {command: said for command, _, said in (part.partition("\n") for part in parts)}

    def lacking(said: dict[str, str]) -> list[str]:
        return [f"{command}: {text}" for command, texts in PROTOCOLS.items() for text in texts if text not in said[command]]

    said = await_that("every protocol", shown, lambda said: not lacking(said))
    assert "1   Up" not in said["show isis adjacency"], "level 1 is disabled"


def test_a_route_arrives_by_bgp_and_goes_again(lab: Installation) -> None:
    """The command line has no policies to export by yet, so east's BGP daemon is told at its own prompt."""

    def announce(verb: str) -> None:
        network = f"{verb} network 198.51.100.0/24".strip()
        words = ["configure terminal", "router bgp 65000", "no bgp network import-check", "address-family ipv4 unicast", network]
        lab.run("ssh", LAB, "east", "vtysh -d bgpd " + " ".join(f"-c '{line}'" for line in words))

    def routes() -> str:
        return lab.on(LAB, "west", "show route protocol bgp")

    announce("")
    learnt = await_that("the route", routes, lambda out: "198.51.100.0/24" in out)
    assert "*[BGP/170]" in learnt
    assert "via ge-0/0/0.0" in learnt
    assert "inet.0: 1/1/1/0" in lab.on(LAB, "west", "show bgp summary")
    announce("no")
    await_that("the route to go", routes, lambda out: "198.51.100.0/24" not in out)


def test_a_login_class_is_what_a_user_may_do(access: dict[str, Access], tmp_path: Path) -> None:
    west = access["west"]
    shown = ssh(west, tmp_path, west.user, west.password, "configure; show system login; exit")
    assert (shown.returncode, "class super-user" in shown.stdout) == (0, True), shown

    seen = ssh(west, tmp_path, "viewer", VIEWERS, "show interfaces terse ge-0/0/0; show configuration system")
    assert (seen.returncode, "10.0.0.1/30" in seen.stdout, "class read-only" in seen.stdout) == (0, True, True), seen
    assert "$6$" not in seen.stdout
    for refused in ("configure", "start shell", "ping 10.0.0.2 count 1", "/bin/sh -c id"):
        tried = ssh(west, tmp_path, "viewer", VIEWERS, refused)
        assert tried.returncode == 1, (refused, tried)
        assert "^" in tried.stdout, tried
        assert "uid=" not in tried.stdout, tried

    allowed = ssh(west, tmp_path, "helper", VIEWERS, "ping 10.0.0.2 count 1; request system reboot")
    assert (allowed.returncode, " 0% packet loss" in allowed.stdout, "^" in allowed.stdout) == (1, True, True), allowed


def test_nobody_comes_in_over_the_network_without_a_password(
    lab: Installation, access: dict[str, Access], tmp_path: Path
) -> None:
    for user in ("root", access["west"].user, "nobody"):
        tried = ssh(access["west"], tmp_path, user, "", "id", PreferredAuthentications="none,password,keyboard-interactive")
        assert tried.returncode == 255
        assert "Permission denied" in tried.stderr
    listening = lab.run("ssh", LAB, "west", "ss", "-Hlnt").out
    ports = {line.split()[3].rpartition(":")[2] for line in listening.splitlines()}
    assert ports == {"22", "179"}, "what isn't configured doesn't listen"


def snmp_answers(there: Access, community: str) -> bool:
    """An SNMP v2c get of sysName (RFC 3416) is answered; silence is what follows a wrong community, or nobody listening."""
    variable = bytes.fromhex("300e 300c 0608 2b06010201010500 0500")
    request = bytes.fromhex("020401020304 020100 020100") + variable
    inner = bytes.fromhex("020101") + bytes([4, len(community)]) + community.encode() + bytes([0xA0, len(request)]) + request
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(there.snmp)
        asking.settimeout(3)
        try:
            asking.send(bytes([0x30, len(inner)]) + inner)
            return b"east" in asking.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return False


def test_snmp_is_silent_without_the_community(lab: Installation, access: dict[str, Access]) -> None:
    east = access["east"]
    await_that("SNMP", lambda: snmp_answers(east, east.community), lambda answers: answers)
    assert not snmp_answers(east, "public")
    configure(lab, "east", "delete snmp")
    assert not snmp_answers(east, east.community)
    assert ":161" not in lab.run("ssh", LAB, "east", "ss -Hlnu").out
    configure(lab, "east", "rollback 1")
    await_that("SNMP back", lambda: snmp_answers(east, east.community), lambda answers: answers)


@pytest.fixture
def cli(lab: Installation) -> Iterator[Terminal]:
    """A terminal in west's command line."""
    terminal = Terminal(lab, "ssh", LAB, "west")
    terminal.until("# ")
    terminal.ask("cli\r", "root@west> ")
    yield terminal
    terminal.type("\x1d")
    terminal.code()


def test_the_command_line_completes_and_helps(cli: Terminal) -> None:
    assert "show version" in cli.ask("sh\tver\t", "version ")
    assert "Rackless reference router" in cli.ask("\r", "root@west> ")
    helped = cli.ask("show os?", "root@west> show os")
    assert "Show Open Shortest Path First information" in helped
    assert "Show system information" not in helped
    assert "neighbor" in cli.ask("\x15show ospf ?", "root@west> show ospf ")
    assert "Full" in cli.ask("n\t\r", "root@west> ")
    assert "Count: 1 lines" in cli.ask("show ospf neighbor | match Full | count\r", "root@west> ")
    shown = cli.ask("show configuration protocols isis | display set | except lo0 | no-more\r", "root@west> ")
    assert "set protocols isis level 1 disable" in shown
    assert "interface lo0.0" not in shown
    # More than a screen stops, and goes on when asked to.
    cli.ask("show configuration | display set\r", "---(more)---")
    cli.ask("q", "root@west> ")


def test_a_candidate_that_is_wrong_changes_nothing(cli: Terminal, lab: Installation) -> None:
    before = lab.on(LAB, "west", "show configuration | display set")
    cli.ask("configure\r", "root@west# ")
    refused = cli.ask("set interfaces ge-0/0/0 mtu 70000\r", "root@west# ").splitlines()
    caret = next(line for line in refused if line.strip() == "^")
    assert caret.index("^") == len("root@west# set interfaces ge-0/0/0 mtu ")
    assert any("not within range (256..9192)" in line for line in refused)

    cli.ask("set interfaces ge-0/0/0 mtu 1000\r", "root@west# ")
    cli.ask("set system host-name other\r", "root@west# ")
    for verb in ("commit check", "commit"):
        assert "IPv6 needs an MTU of at least 1294" in cli.ask(f"{verb}\r", "root@west# ")
    # This one passes the check, and routing refuses it when the other parts are at work already.
    cli.ask("delete interfaces ge-0/0/0 mtu\r", "root@west# ")
    cli.ask("delete protocols ospf3\r", "root@west# ")
    cli.ask("set protocols bgp group internal neighbor 10.0.0.1\r", "root@west# ")
    assert "configuration check succeeds" in cli.ask("commit check\r", "root@west# ")
    assert "the configuration is as before" in cli.ask("commit\r", "root@west# ")
    compared = [line.split() for line in cli.ask("show | compare\r", "root@west# ").splitlines()]
    assert ["+", "host-name", "other;"] in compared
    assert ["+", "neighbor", "10.0.0.1;"] in compared
    cli.ask("rollback 0\r", "root@west# ")
    assert "host-name" not in cli.ask("show | compare\r", "root@west# ")
    assert lab.on(LAB, "west", "show configuration | display set") == before
    assert "Full" in lab.on(LAB, "west", "show ospf3 neighbor")
    assert lab.run("ssh", LAB, "west", "hostname").out.strip() == "west"


def test_rollback_brings_the_former_configuration_back(cli: Terminal, lab: Installation) -> None:
    cli.ask("configure\r", "root@west# ")
    cli.ask("set routing-options static route 198.18.0.0/15 discard\r", "root@west# ")
    assert "commit complete" in cli.ask("commit\r", "root@west# ", 90)
    await_that("the route", lambda: lab.on(LAB, "west", "show route 198.18.0.0/15"), lambda out: "Discard" in out)
    cli.ask("rollback 1\r", "root@west# ")
    assert re.search(r"(?m)^- +route 198\.18\.0\.0/15", cli.ask("show | compare\r", "root@west# "))
    assert "commit complete" in cli.ask("commit and-quit\r", "root@west> ", 90)
    await_that("the route gone", lambda: lab.on(LAB, "west", "show route 198.18.0.0/15"), lambda out: "Discard" not in out)


def test_the_clock_is_set_by_ntp(lab: Installation) -> None:
    """East's own chrony is the server, over the wire."""

    def clock(router: str) -> int:
        return int(lab.run("ssh", LAB, router, "date", "+%s").out)

    serve = "printf 'local stratum 3\\nallow 10.0.0.0/30\\ncmdport 0\\n' >/tmp/ntp.conf; chronyd -f /tmp/ntp.conf"
    lab.run("ssh", LAB, "east", serve)
    lab.run("ssh", LAB, "west", "date", "-s", "@1000000000")
    assert clock("east") - clock("west") > 86400
    configure(lab, "west", "set system ntp server 10.0.0.2")
    await_that("the clock to be set", lambda: clock("east") - clock("west"), lambda behind: abs(behind) < 60)
    assert "*10.0.0.2 " in lab.on(LAB, "west", "show ntp associations")
    configure(lab, "west", "delete system ntp")
    assert lab.on(LAB, "west", "show ntp associations").strip() == "NTP is not running"


def test_a_disabled_port_takes_its_neighbours_along_at_once(lab: Installation) -> None:
    def full() -> str:
        return lab.on(LAB, "west", "show ospf neighbor")

    configure(lab, "west", "set interfaces ge-0/0/0 disable")
    # Not by the dead interval, which is 40 s.
    await_that("the neighbour to go", full, lambda out: "Full" not in out, 20)
    row = next(line for line in lab.on(LAB, "west", "show interfaces terse").splitlines() if line.startswith("ge-0/0/0 "))
    assert row.split()[1:] == ["down", "down"]
    assert "10.0.0.0/30" not in lab.on(LAB, "west", "show route")
    configure(lab, "west", "delete interfaces ge-0/0/0 disable")
    await_that("the neighbour to come back", full, lambda out: "Full" in out)


def test_a_restarted_card_brings_the_same_ports_back(lab: Installation) -> None:
    before = {name: port["mac"] for name, port in lab.ports(LAB).items()}
    lab.run("restart", LAB, "east-vfp0")
    await_that("east's port", lambda: lab.on(LAB, "east", "show interfaces terse"), lambda out: "10.0.0.2/30" in out)
    await_that("OSPF", lambda: lab.on(LAB, "east", "show ospf neighbor"), lambda out: "Full" in out)
    for port in ("0", "1"):
        kept = lab.run("ssh", LAB, "east", f"cat /sys/class/net/ge-0-0-{port}/address").out.strip()
        assert kept == before[f"east:ge-0/0/{port}"]
    assert {name: port["mac"] for name, port in lab.ports(LAB).items()} == before


def test_a_rebooted_controller_keeps_its_configuration_and_asks_for_the_password(
    lab: Installation, access: dict[str, Access]
) -> None:
    before = lab.on(LAB, "west", "show configuration | display set")
    boot = lab.run("ssh", LAB, "west", "cat", "/proc/sys/kernel/random/boot_id").out
    serial = Terminal(lab, "console", LAB, "west")
    serial.until("leaves")
    serial.ask("\r", "west login: ")
    before_boot = len(serial.seen)
    lab.run("ssh", LAB, "west", "cli", "-c", "'request system reboot'", check=False)  # it may take the connection along
    serial.until("Restarting system", 120, after=before_boot)
    serial.until("west login: ", 120, after=serial.seen.rindex("Restarting system"))
    assert "Password:" in serial.ask("root\r", "assword: ")
    assert "# " not in serial.ask("not-the-password\r", "login: ")
    serial.ask("root\r", "assword: ")
    serial.ask(access["west"].root_password + "\r", "root@west:~ # ")
    serial.type("exit\r\x1d")
    assert serial.code() == 0

    def again() -> str:
        return lab.run("ssh", LAB, "west", "cat", "/proc/sys/kernel/random/boot_id", check=False).out

    await_that("west over SSH at its address", again, lambda out: out not in ("", boot))
    mounted = lab.run("ssh", LAB, "west", "dmesg | grep EXT4-fs").out
    assert "mounted filesystem" in mounted
    assert "recovery" not in mounted, "it went down in order"
    assert lab.on(LAB, "west", "show configuration | display set") == before
    await_that("the default route", lambda: lab.on(LAB, "west", "show route 0.0.0.0/0 exact"), lambda out: "172.29.0.1" in out)
    await_that("OSPF", lambda: lab.on(LAB, "west", "show ospf neighbor"), lambda out: "Full" in out)
    await_that("BGP", lambda: lab.on(LAB, "west", "show bgp summary"), lambda out: "Establ" in out)
    for port in ("0", "1"):
        kept = lab.run("ssh", LAB, "west", f"cat /sys/class/net/ge-0-0-{port}/address").out.strip()
        assert kept == lab.ports(LAB)[f"west:ge-0/0/{port}"]["mac"]
