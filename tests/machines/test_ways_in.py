"""The ways into a lab on a real terminal: the console's one writer and many watchers, SSH with a window, Ctrl-C during `up`;
and a card that dies while it boots."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from .cli import Installation
from .terminal import Terminal

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]
SMALL = "tests/machines/small.yaml"


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    installation = Installation.make()
    try:
        yield installation
    finally:
        installation.down_all()
        installation.close()


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
