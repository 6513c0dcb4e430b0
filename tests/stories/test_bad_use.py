"""Bad input of every kind, output that goes nowhere, and Ctrl-C: one sentence, the way out, the right exit code, nothing left."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.shell import EXAMPLE, Shell, until

LAB = "back-to-back"
WEST, EAST = ("west:ge-0/0/1", "east:ge-0/0/1")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A lab that is up, and things that are in the way. No story below changes it."""
    shell = Shell(tmp_path_factory.mktemp("c"))
    shell.run("up", EXAMPLE)
    (shell.top / "folder").mkdir()
    (shell.top / "file").write_text("x\n")
    (shell.top / "binary.yaml").write_bytes(b"\xff\xfe")
    before = shell.json("show", LAB)
    yield shell
    assert shell.json("show", LAB)["wires"] == before["wires"]
    shell.run("down", LAB)
    shell.run("stop")


CASES = [
    ("up folder", 2, "folder cannot be read: Is a directory."),
    ("plan nosuch.yaml", 2, "nosuch.yaml cannot be read: No such file or directory."),
    ("plan binary.yaml", 2, "binary.yaml cannot be read: it is not UTF-8 text."),
    (f"plan {EXAMPLE} --name ''", 2, "'' cannot be the name of a lab."),
    *((f"{verb} nosuch", 3, "There is no lab named nosuch.") for verb in ("show", "down", "logs", "credentials", "save")),
    ("show ''", 2, "'' cannot be the name of anything here."),
    ("show ../labs", 2, "'../labs' cannot be the name of anything here."),
    ("down a/b", 2, "'a/b' cannot be the name of anything here."),
    (f"restart {LAB} nosuch", 3, f"Lab {LAB} has no machine named nosuch."),
    (f"restart {LAB} x/y", 2, "'x/y' cannot be the name of anything here."),
    (f"console {LAB} nosuch", 3, f"Lab {LAB} has no machine named nosuch."),
    (f"ssh {LAB} nosuch ls", 3, f"Lab {LAB} has no router named nosuch."),
    (f"ssh -l bob {LAB} west ls", 2, "Router west has no user bob that Rackless knows."),
    (f"save {LAB} nosuch", 3, f"Lab {LAB} has no router named nosuch."),
    (f"save {LAB} --to file", 2, "file/west.set cannot be written: File exists."),
    (f"save {LAB} --to /proc/nosuch", 2, "/proc/nosuch/west.set cannot be written: No such file or directory."),
    (f"connect {LAB} west:ge0 {EAST}", 3, "'west' has no port 'ge0'."),
    (f"connect {LAB} west east", 2, "'west' is not the end of a wire."),
    (f"connect {LAB} {WEST} {WEST}", 2, f"{WEST} cannot be wired to itself."),
    (f"connect {LAB} west:ge-0/0/0 {EAST}", 4, "west:ge-0/0/0 is already wired to east:ge-0/0/0."),
    (f"disconnect {LAB} {WEST} {EAST}", 3, f"Lab {LAB} has no wire between {WEST} and {EAST}."),
    (f"disconnect {LAB} west:ge-0/0/0 west:ge-0/0/0", 2, "west:ge-0/0/0 cannot be both ends of a wire."),
    (f"link {LAB} {WEST} --down", 3, f"Lab {LAB} has no wire at {WEST}."),
    (f"capture {LAB} west:ge-0/0/9 -w x.pcap", 3, "'west' has no port 'ge-0/0/9'."),
    (f"capture {LAB} {WEST} -w folder", 2, "folder cannot be written: Is a directory."),
    (f"capture {LAB} {WEST} -w nosuch/x.pcap", 2, "nosuch/x.pcap cannot be written: No such file or directory."),
    (f"capture {LAB} {WEST} -w /dev/full", 1, "/dev/full cannot be written: No space left on device."),
]


@pytest.mark.parametrize(("words", "code", "message"), CASES, ids=[case[0].replace(EXAMPLE, "FILE") for case in CASES])
def test_it_is_told_in_one_sentence_with_the_way_out(lab: Shell, words: str, code: int, message: str) -> None:
    files = sorted(lab.top.iterdir())
    done = lab.run(*[word.strip("'") for word in words.split()], code=code)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("[", "Capturing"))]
    assert lines[0] == f"Error: {message}"
    assert [line.startswith("Hint: ") for line in lines[1:]] == [True]
    assert done.stdout == ""
    assert sorted(lab.top.iterdir()) == files


@pytest.mark.parametrize(
    "words", ["--help", "list", f"show {LAB} --json", f"logs {LAB}", f"plan {EXAMPLE}", f"ssh {LAB} west ls"]
)
@pytest.mark.parametrize(
    ("where", "code", "said"),
    [("| head -c 1", 0, ""), (">&-", 0, ""), (">/dev/full", 1, "Error: The output cannot be written")],
    ids=["a reader that goes", "closed", "full"],
)
def test_output_that_goes_nowhere_is_no_traceback(lab: Shell, words: str, where: str, code: int, said: str) -> None:
    command = f"{sys.executable} -m rackless.cli.main {words} 2>said {where}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=lab.env, cwd=lab.top, stdout=subprocess.PIPE, check=False, timeout=60)
    err = (lab.top / "said").read_text()
    assert done.returncode == code, err
    assert "Traceback" not in err
    assert err.startswith(said)
    assert bool(err) == bool(said)


def interrupted(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return err


def test_ctrl_c_ends_what_looks_and_leaves_what_works(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    console = shell.start("console", LAB, "west", stdin=subprocess.PIPE)
    until(console, "Serial line")
    interrupted(console)
    shell.faults({"verb": "card", "name": "west-vfp1"})
    restart = shell.start("restart", LAB, "west-vfp1")
    until(restart, "starting west-vfp1")
    assert f"goes on. Follow it with `rackless logs {LAB} --follow`." in interrupted(restart)
    shell.env["PYTHONUNBUFFERED"] = "1"
    logs = shell.start("logs", LAB, "--follow")
    assert logs.stdout is not None
    assert "(restart): running" in logs.stdout.readline()
    interrupted(logs)
    (job,) = shell.json("logs", LAB)
    assert (job["verb"], job["state"]) == ("restart", "running")
    assert "stopping job" in shell.run("down", LAB).stderr
    assert shell.made() == {}


@pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_server_that_is_told_to_stop_by_a_signal_leaves_no_socket(
    tmp_path_factory: pytest.TempPathFactory, told: signal.Signals, code: int
) -> None:
    shell = Shell(tmp_path_factory.mktemp("c"))
    server = shell.start("serve")
    until(server, "server ")
    shell.run("list")
    server.send_signal(told)
    server.communicate(timeout=60)
    assert server.returncode == code
    assert [path.name for path in Path(shell.top / "r").iterdir() if path.is_socket() or path.name == "server.pid"] == []
    assert shell.made() == {}
