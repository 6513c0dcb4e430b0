"""The `rackless` program as its user runs it: a real server process started on first use, on the `fake` provider."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time

import pytest
from tests.stories.shell import EXAMPLE, ROOT, Shell


def test_the_main_job_from_up_to_down(shell: Shell) -> None:
    up = shell.run("up", EXAMPLE)
    assert "Lab back-to-back is ready: 6 machines, 16 ports ready, 2 wires." in up.stdout
    assert "bootstrapping west over its serial line" in up.stderr
    assert [(lab["name"], lab["state"], lab["running"]) for lab in shell.json("list")] == [("back-to-back", "ready", 6)]

    socket = shell.top / "r/api.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700

    shell.run("connect", "back-to-back", "west:ge-0/0/1", "east:ge-1/0/1")
    shown = shell.run("show", "back-to-back").stdout
    assert "west:ge-0/0/1  east:ge-1/0/1  connected" in shown
    wire = ("link", "back-to-back", "west:ge-0/0/1")
    said = shell.run(*wire, "--delay", "20ms", "--jitter", "2ms", "--loss", "1%", "--rate", "10m").stdout
    assert said == "The wire at west:ge-0/0/1 has delay 20ms, jitter 2ms, loss 1%, rate 10m.\n"
    assert "delay 20ms, jitter 2ms, loss 1%, rate 10m" in shell.run("show", "back-to-back").stdout
    assert shell.json(*wire, "--loss", "5%")["impairment"] == {"loss": "5%"}
    wrong = shell.run(*wire, "--loss", "2", code=2).stderr
    assert "Error: The loss '2' is no share of the frames." in wrong
    assert "Hint: Write for example 1% or 0.5%." in wrong
    assert shell.run(*wire, "--clear").stdout == "The wire at west:ge-0/0/1 is not impaired.\n"
    shell.run("disconnect", "back-to-back", "west:ge-0/0/1", "east:ge-1/0/1")
    assert len(shell.json("show", "back-to-back")["wires"]) == 2

    assert "west is pretended and would run: show version" in shell.run("ssh", "back-to-back", "west", "show version").stdout
    saved = shell.json("save", "back-to-back", "--to", "configs")["saved"]
    assert [entry["router"] for entry in saved] == ["west", "east"]
    assert (shell.top / "configs/west.set").read_text() == (ROOT / "examples/west.set").read_text()
    assert stat.S_IMODE((shell.top / "configs/west.set").stat().st_mode) == 0o600

    again = shell.run("up", EXAMPLE)
    assert "Lab back-to-back is up already; making sure of every part of it" in again.stderr
    assert "is gone" in shell.run("down", "back-to-back").stdout
    assert "was gone already" in shell.run("down", "back-to-back").stdout
    assert shell.json("list") == []
    assert shell.made() == {}


def test_one_up_goes_on_through_deaths_of_the_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    shell = Shell(tmp_path_factory.mktemp("c"), RACKLESS_CRASH_AFTER_STEP="7")
    up = shell.run("up", EXAMPLE)
    assert "The server went away; starting it again." in up.stderr
    assert "Lab back-to-back is ready: 6 machines, 16 ports ready, 2 wires." in up.stdout
    assert shell.json("logs", "back-to-back")[0]["resumed"] >= 1
    # The server that lives now would die at its seventh step too; the next one has no such order.
    os.kill(shell.server(), signal.SIGKILL)
    del shell.env["RACKLESS_CRASH_AFTER_STEP"]
    shell.run("down", "back-to-back")
    shell.run("stop")


def test_a_killed_server_is_started_again_by_the_next_command(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    before = shell.json("show", "back-to-back")
    os.kill(shell.server(), signal.SIGKILL)
    after = shell.json("show", "back-to-back")
    assert after == before
    shell.run("down", "back-to-back")


def test_ctrl_c_takes_away_what_this_up_made(shell: Shell) -> None:
    shell.faults({"verb": "card", "name": "west-vfp1"})
    process = shell.start("up", EXAMPLE)
    assert process.stderr is not None
    for line in process.stderr:
        if "waiting for west-vfp1" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Lab back-to-back is gone." in err
    assert shell.made() == {}
    assert shell.json("list") == []


def test_a_console_has_many_watchers_and_one_writer(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    writer = shell.start("console", "back-to-back", "west", stdin=subprocess.PIPE)
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("hello\n")
    writer.stdin.flush()
    seen = ""
    while "hello" not in seen:
        seen += writer.stdout.readline()
    second = shell.start("console", "back-to-back", "west-vcp", stdin=subprocess.PIPE)
    assert second.stdin is not None
    assert second.stdout is not None
    assert second.stderr is not None
    seen = ""
    while "hello" not in seen:
        seen += second.stdout.readline()
    while "You watch only" not in second.stderr.readline():
        pass
    second.stdin.write("\x1d")
    second.stdin.flush()
    second.communicate(timeout=30)
    assert second.returncode == 0
    writer.stdin.write("\x1d")
    writer.stdin.flush()
    writer.communicate(timeout=30)
    assert writer.returncode == 0
    assert "hello" in shell.run("console", "back-to-back", "west", "--transcript").stdout
    shell.run("down", "back-to-back")


def test_a_capture_goes_to_a_file_that_starts_as_pcap(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    target = shell.top / "x.pcap"
    process = shell.start("capture", "back-to-back", "west:ge-0/0/0", "-w", str(target))
    end = time.monotonic() + 30
    while not (target.exists() and target.stat().st_size >= 24):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert target.read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
    shell.run("down", "back-to-back")


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["show", "nope"], 3, "Error: There is no lab named nope.", "Hint: `rackless list` shows the labs."),
        (["up", "missing.yaml"], 2, "Error: missing.yaml cannot be read: No such file or directory.", "Hint: Name a blueprint"),
        (["up", EXAMPLE, "--name", "Bad Name"], 2, "Error: 'Bad Name' cannot be the name of a lab.", "Hint: Use at most 32"),
        (["console", "nope", "x"], 3, "Error: There is no lab named nope.", "Hint:"),
        (["link", "nope", "west:ge-0/0/0"], 2, "say --down or --up", ""),
    ],
)
def test_bad_input_gets_a_sentence_a_hint_and_an_exit_code(
    shell: Shell, words: list[str], code: int, message: str, hint: str
) -> None:
    err = shell.run(*words, code=code).stderr
    assert message in err
    assert hint in err
    assert "Traceback" not in err


def test_a_bad_blueprint_is_told_with_its_places(shell: Shell) -> None:
    (shell.top / "bad.yaml").write_text("name: bad\nrouters:\n  west: {cards: 99}\n  east: {colour: red}\n")
    err = shell.run("up", "bad.yaml", code=2).stderr
    assert "bad.yaml:3:" in err
    assert "bad.yaml:4:" in err
    assert "Error: The blueprint has 2 problems." in err
    found = json.loads(shell.run("up", "bad.yaml", "--json", code=2).stdout)
    assert [problem["line"] for problem in found["error"]["problems"]] == [3, 4]
    assert shell.json("list") == []


def test_only_one_server_runs_on_a_state_directory(shell: Shell) -> None:
    shell.run("list")
    err = shell.run("serve", code=4).stderr
    assert f"A server is running already on {shell.top / 's'} (process {shell.server()})." in err


def test_a_server_that_cannot_start_says_why(tmp_path_factory: pytest.TempPathFactory) -> None:
    shell = Shell(tmp_path_factory.mktemp("c"), RACKLESS_PROVIDER="nowhere")
    err = shell.run("list", code=1).stderr
    assert "The server ended at its start: There is no provider nowhere." in err
    assert "server.log" in err


def test_the_same_blueprint_gives_the_same_plan(shell: Shell) -> None:
    first = shell.json("plan", EXAMPLE)
    assert shell.json("plan", EXAMPLE) == first
    assert [machine["name"] for machine in first["machines"]][:3] == ["west-vcp", "west-vfp0", "west-vfp1"]
    assert "west-vfp1" in shell.run("plan", EXAMPLE).stdout
    assert shell.json("list") == []


def test_every_command_has_help_with_an_example(shell: Shell) -> None:
    names = [
        "plan",
        "up",
        "list",
        "show",
        "down",
        "connect",
        "disconnect",
        "link",
        "capture",
        "restart",
        "console",
        "ssh",
        "save",
        "logs",
        "calendar",
        "extend",
        "history",
        "audit",
        "credentials",
        "doctor",
        "serve",
        "stop",
    ]
    for name in names:
        assert "Example: rackless" in shell.run(name, "--help").stdout, name
