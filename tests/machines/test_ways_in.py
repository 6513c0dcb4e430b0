"""The ways into a lab on a real terminal: the console's one writer and many watchers, SSH with a window, Ctrl-C during `up`;
a card that dies while it boots; and SNMP, which outlives its sub-agent."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from .cli import Installation, await_that
from .terminal import Terminal

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]
SMALL = "tests/machines/small.yaml"


def test_a_terminal_that_ends_too_early_fails_with_what_was_seen(here: Installation) -> None:
    wrong = Terminal(here, "no-such-command")
    with pytest.raises(AssertionError, match=r"(?s)ended before 'never'; there was:.*No such command"):
        wrong.until("never")


def test_ctrl_c_during_up_takes_everything_away(here: Installation) -> None:
    up = Terminal(here, "up", SMALL)
    up.until("bootstrapping r")
    up.type("\x03")
    assert up.code() == 130
    assert "Lab small is gone." in up.seen
    assert here.json("list") == []
    assert here.leftovers() == []


def test_a_card_killed_while_it_boots_is_started_again(here: Installation) -> None:
    up = Terminal(here, "up", SMALL)
    up.until("waiting for r-vfp0 to boot")
    os.kill(here.qemu("small", "r-vfp0"), signal.SIGKILL)
    assert up.code() == 0, up.seen
    assert "starting r-vfp0 once more" in up.seen
    assert all(port["ready"] for port in here.ports("small").values())


def kill_and_await(here: Installation, daemon: str) -> None:
    """Kill a daemon of the router, which has one of that name, and wait until it has another."""

    def ask() -> list[str]:
        return here.run("ssh", "small", "r", f"pgrep -x {daemon}", check=False).out.split()

    old = ask()
    assert len(old) == 1
    here.run("ssh", "small", "r", f"kill -9 {old[0]}")
    await_that(f"a new {daemon}", ask, lambda new: new not in ([], old))


def test_snmp_follows_the_router_and_outlives_its_subagent_and_snmpd(here: Installation) -> None:
    (logins,) = here.json("credentials", "small")

    def walk(oid: str) -> str:
        words = ["snmpbulkwalk", "-v2c", "-m", "", "-Onq", "-t", "3", "-r", "1", "-c", logins["community"], logins["snmp"], oid]
        return subprocess.run(words, check=False, capture_output=True, text=True).stdout

    names, addresses = ".1.3.6.1.2.1.31.1.1.1.1", ".1.3.6.1.2.1.4.20.1.2"
    commit = "configure; set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.9/30; commit and-quit"
    assert "commit complete" in here.on("small", "r", commit)
    await_that("the new address", lambda: walk(addresses), lambda out: f"{addresses}.198.51.100.9 10501" in out, deadline=20)
    assert "128.0.0.1" not in walk(addresses)
    before = walk(names)
    assert '"ge-0/0/1.0"' in before
    for daemon in ("snmp.subagent", "snmpd"):
        kill_and_await(here, daemon)
        await_that(f"the tables, after {daemon} was killed", lambda: walk(names), lambda out: out == before, deadline=30)
    assert here.run("ssh", "small", "r", "cat /var/log/snmpd.log").out == ""


def test_a_console_has_one_writer_and_says_so_to_the_second(here: Installation) -> None:
    writer = Terminal(here, "console", "small", "r")
    writer.until("leaves")
    writer.type("\r")
    writer.until("login: ")
    second = Terminal(here, "console", "small", "r-vcp")
    watcher = Terminal(here, "console", "small", "r", "--watch")
    second.until("You watch only")
    watcher.until("login: ")
    writer.type("nobody-here\r")
    for terminal in (writer, second, watcher):
        terminal.until("nobody-here")
        terminal.type("\x1d")
        assert terminal.code() == 0


def test_ssh_follows_the_size_of_the_terminal(here: Installation) -> None:
    session = Terminal(here, "ssh", "small", "r")
    session.until("# ")
    session.type("stty size\r")
    session.until("33 101")
    session.size(44, 90)
    session.type("while ! stty size | grep 44; do sleep 0.2; done\r")
    session.until("44 90")
    session.type("exit 7\r")
    session.code()
