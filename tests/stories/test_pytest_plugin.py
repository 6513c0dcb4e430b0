"""The pytest plugin in runs of pytest of its own, against a real server on the `fake` provider."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.stories.shell import ROOT, Shell

pytest_plugins = ["pytester"]

LOADED = [] if list(entry_points(group="pytest11", name="rackless")) else ["-p", "rackless.testing.plugin"]
"""Where the package is installed, pytest finds the plugin by itself."""
EXAMPLES = ROOT / "examples"


class Suite:
    """Somebody's tests, in a directory with a blueprint."""

    def __init__(self, pytester: pytest.Pytester, shell: Shell) -> None:
        self.pytester = pytester
        self.shell = shell
        for file in EXAMPLES.iterdir():
            shutil.copy(file, pytester.path)
        self.timeout = 240

    def run(self, *words: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*LOADED, *words, timeout=self.timeout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", *LOADED, *words]
        return self.pytester.popen(command, stdin=subprocess.DEVNULL)

    def labs(self) -> list[str]:
        return [lab["name"] for lab in self.shell.json("list")]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    made = Shell(tmp_path_factory.mktemp("c"))
    yield made
    made.run("stop", code=0 if (made.top / "r/api.sock").exists() else 4)


@pytest.fixture
def suite(pytester: pytest.Pytester, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name, value in shell.env.items():
        if name.startswith("RACKLESS_") or name == "PYTHONPATH":
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Suite(pytester, shell)


MARKED = 'import pytest\npytestmark = pytest.mark.lab("back-to-back.yaml")\n'


def test_a_run_without_a_lab_loads_nothing_of_it(suite: Suite) -> None:
    suite.pytester.makepyfile(
        "import sys\ndef test_nothing():\n"
        "    assert {name for name in sys.modules if name.startswith('rackless')} <= "
        "{'rackless', 'rackless.testing', 'rackless.testing.plugin'}\n"
    )
    suite.run().assert_outcomes(passed=1)


def test_tests_of_a_file_share_a_lab_that_is_gone_afterwards(suite: Suite) -> None:
    suite.pytester.makepyfile(
        MARKED
        + """
NAMES = set()

def test_routers_and_hosts(lab):
    NAMES.add(lab.name)
    assert set(lab.routers) == {"west", "east"}
    assert "would run: show version" in lab.routers["west"].run("show version")
    assert "set system services" in lab.routers["west"].configure("set system services ssh")
    assert lab.routers["west"].ssh[1] > 0
    assert lab.routers["west"].credentials.user

def test_wires(lab):
    NAMES.add(lab.name)
    up = lambda: {port.name for port in lab.show().ports if port.up}
    with lab.wires.broken("west:ge-1/0/0"):
        assert not {"west:ge-1/0/0", "east:ge-1/0/0"} & up()
    with lab.wires.connected("west:ge-0/0/1", "east:ge-1/0/1"):
        assert {"west:ge-1/0/0", "west:ge-0/0/1"} <= up()
        assert len(list(lab.wires)) == 3
    assert len(list(lab.wires)) == 2

def test_a_console_and_a_failure(lab, lab_client):
    NAMES.add(lab.name)
    lab.restart("west-vfp0")
    assert lab.transcript("west-vcp")
    with lab_client.console(lab.name, "west-vcp") as line:
        line.write(b"typed\\r")
        line.read_until(b"typed", 30)
    assert False, "on purpose"

def test_one_lab(labs, request):
    assert NAMES == {labs("back-to-back.yaml").name}
    assert len(NAMES) == 1 and NAMES.pop().startswith("pytest-back-to-back-")
"""
    )
    result = suite.run()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["rackless: lab pytest-back-to-back-* is up after * s"])
    result.stdout.fnmatch_lines(["rackless: *bootstrapping west over its serial line*"])
    assert suite.labs() == []


@pytest.mark.parametrize("words", [["--lab", "router-with-hosts.yaml"], ["-c", "other.ini"]])
def test_the_blueprint_by_option_and_by_ini_file(suite: Suite, words: list[str]) -> None:
    suite.pytester.makefile(".ini", other="[pytest]\nrackless_lab = router-with-hosts.yaml\nrackless_lab_for = 10m\n")
    suite.pytester.makepyfile(
        "import time\ndef test_hosts(lab):\n    assert lab.hosts\n    host = next(iter(lab.hosts.values()))\n"
        "    assert host.run('true') is not None\n"
        "    left = lab.show().ends - time.time()\n    assert (left < 601) == lab_for_ten\n"
        f"lab_for_ten = {words[0] == '-c'}\n"
    )
    suite.run(*words).assert_outcomes(passed=1)
    assert suite.labs() == []


def test_a_lab_that_is_kept_is_used_again_and_replaced_when_its_blueprint_changed(suite: Suite) -> None:
    suite.pytester.makepyfile(MARKED + "def test_it(lab):\n    print('HERE', lab.name, lab.show().created)\n")
    first = suite.run("--keep-lab", "-s")
    first.assert_outcomes(passed=1)
    (name,) = suite.labs()
    first.stdout.fnmatch_lines([f"{name}: rackless show {name}; rackless down {name}"])
    again = suite.run("--keep-lab", "-s")
    here = re.compile(r"HERE \S+ \S+")
    assert here.findall(first.stdout.str()) == here.findall(again.stdout.str())
    text = (suite.pytester.path / "back-to-back.yaml").read_text()
    (suite.pytester.path / "back-to-back.yaml").write_text(text.replace("  - [west:ge-1/0/0, east:ge-1/0/0]\n", ""))
    changed = suite.run("--keep-lab", "-s", "-v")
    changed.stdout.fnmatch_lines([f"rackless: lab {name} was kept from another back-to-back.yaml, and is taken down"])
    assert len(suite.shell.json("show", name)["wires"]) == 1
    used = suite.run("--use-lab", name)
    used.assert_outcomes(passed=1)
    assert suite.labs() == [name]
    suite.shell.run("down", name)


def test_ctrl_c_takes_a_lab_down_that_is_half_up(suite: Suite) -> None:
    suite.pytester.makepyfile(MARKED + "def test_it(lab):\n    pass\n")
    running = suite.start("-v")
    assert running.stdout is not None
    while b"comes up" not in (line := running.stdout.readline()):
        assert line, "it ended"
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=120)
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert b"is taken down" in rest, rest.decode()
    assert suite.labs() == []


def test_a_killed_run_leaves_a_lab_that_ends_by_itself(suite: Suite) -> None:
    suite.pytester.makepyfile(MARKED + "import os, signal\ndef test_it(lab):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    suite.run("--lab-for", "30m")
    (left,) = suite.shell.json("list")
    assert left["name"].startswith("pytest-back-to-back-")
    assert 0 < left["ends"] - time.time() <= 1800
    suite.shell.run("down", left["name"])


def test_a_lab_that_does_not_come_up_says_why_and_where_to_look(suite: Suite) -> None:
    hooks, site = suite.shell.top / "hooks", suite.shell.top / "s/site.yaml"
    hooks.mkdir()
    (hooks / "check").write_text("#!/bin/sh\necho no licence here\nexit 3\n")
    (hooks / "check").chmod(0o755)
    suite.shell.run("list")
    suite.shell.run("stop")
    site.write_text(f"hooks: {{executables: {hooks}}}\n")
    with (suite.pytester.path / "back-to-back.yaml").open("a") as blueprint:
        blueprint.write("\nhooks:\n  configuration:\n    - run: [check]\n")
    suite.pytester.makepyfile(MARKED + "def test_it(lab):\n    pass\ndef test_other(lab):\n    pass\n")
    try:
        result = suite.run()
    finally:
        site.unlink()
        suite.shell.run("stop")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*Lab pytest-back-to-back-* did not come up: *no licence here*", "Transcript: */west-vcp.log"])
    found = re.search(r"Transcript: (\S+west-vcp\.log)", result.stdout.str())
    assert found
    assert "login" in Path(found[1]).read_text()
    assert result.stdout.str().count("comes up") == 1
    assert suite.labs() == []


def test_workers_have_labs_of_their_own(suite: Suite) -> None:
    suite.pytester.makepyfile(
        MARKED + "@pytest.mark.parametrize('n', range(4))\ndef test_it(lab, n, worker_id):\n"
        "    open(f'{worker_id}.name', 'w').write(lab.name)\n"
    )
    suite.run("-n", "2", "--dist", "load").assert_outcomes(passed=4)
    names = {path.read_text() for path in suite.pytester.path.glob("*.name")}
    assert len(names) == len(list(suite.pytester.path.glob("*.name")))
    assert suite.labs() == []


def test_wrong_use(suite: Suite) -> None:
    suite.pytester.makepyfile("def test_it(lab):\n    pass\n")
    suite.run().stdout.fnmatch_lines(["There is no blueprint: use *"])
    suite.run("--lab", "nothing.yaml").stdout.fnmatch_lines(["*nothing.yaml cannot be read*"])
    suite.run("--lab", "back-to-back.yaml", "--lab-for", "soon").stdout.fnmatch_lines(["*'soon' is no span of time*"])


def test_the_example_of_the_documentation(suite: Suite) -> None:
    """On pretended routers: what needs a router that answers is run by tests/machines/test_main_job.py."""
    suite.pytester.makepyfile(test_network=example())
    suite.run("-k", "cut_wire or frames").assert_outcomes(passed=1, deselected=3)


def example() -> str:
    page = (ROOT / "docs/howto/test-in-ci.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]
