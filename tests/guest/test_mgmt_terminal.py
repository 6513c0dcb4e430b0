"""The command line at a terminal: the real client in a pseudo-terminal, keys as a person types them."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_mgmt_stories import ENVIRONMENT, client, prepare, wait_for

END = r"root(@\w+)?[>#] \Z"


class Terminal:
    """A client with a terminal of 24 by 80."""

    def __init__(self, root: Path) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mgmt.cli"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**ENVIRONMENT, "MGD_SOCKET": str(root / "run/mgd.sock"), "TERM": "vt100"},
            cwd=root,
            start_new_session=True,
        )
        os.close(slave)

    def until(self, pattern: str = END, seconds: float = 20) -> str:
        text = ""
        end = time.monotonic() + seconds
        while not re.search(pattern, text):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not come: {text!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    text += os.read(self.master, 4096).decode()
                except OSError:
                    break
        return text.replace("\r\n", "\n")

    def type(self, keys: str, pattern: str = END) -> str:
        os.write(self.master, keys.encode())
        return self.until(pattern)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "root"
    prepare(folder, None)
    daemon = subprocess.Popen([sys.executable, "-m", "mgmt.daemon", "--root", str(folder)], env=ENVIRONMENT)
    wait_for(folder / "run/mgd.sock", daemon)
    yield folder
    daemon.terminate()
    daemon.wait(60)


@pytest.fixture
def terminal(root: Path) -> Iterator[Terminal]:
    found = Terminal(root)
    found.until()
    yield found
    found.process.kill()
    found.process.wait(60)
    os.close(found.master)


def test_help_comes_without_enter_and_keeps_the_line(terminal: Terminal) -> None:
    terminal.type("show ver?", r"version +Show software[\s\S]*show ver\Z")
    terminal.type("\r", r"Model: vmx[\s\S]*root> \Z")


def test_tab_and_space_complete(terminal: Terminal) -> None:
    assert "show version " in terminal.type("sho\tver\t", r"version ")
    terminal.type("\x03")
    os.write(terminal.master, b"conf")
    terminal.until(r"conf\Z")
    terminal.type(" ", r"igure ")
    assert "Entering configuration mode" in terminal.type("\r", r"\[edit\]\s+root# \Z")


def test_editing_keys(terminal: Terminal) -> None:
    shown = r"Model: vmx[\s\S]*root> \Z"
    terminal.type("xshow versio\x01\x1b[C\x08\x05n\r", shown)
    terminal.type("\x1b[A\r", shown)
    terminal.type("show nothing\x17version\r", shown)
    terminal.type("something else\x15show version\r", shown)
    terminal.type("\x12vers\r", shown)
    terminal.type("half a line\x03", r"\^C\s+root> \Z")


def test_quoted_text_takes_question_marks_and_blanks(terminal: Terminal) -> None:
    terminal.type("configure\r", r"# \Z")
    terminal.type('set interfaces ge-0/0/0 description "who? me"\r', r"root# \Z")
    assert 'description "who? me";' in terminal.type("show interfaces ge-0/0/0 | no-more\r", r"\[edit\]\s+root# \Z")


def test_passwords_are_not_echoed(terminal: Terminal) -> None:
    terminal.type("configure\r", r"# \Z")
    said = terminal.type("set system root-authentication plain-text-password\r", r"New password:\Z")
    said += terminal.type("Passw0rd\r", r"Retype new password:\Z")
    said += terminal.type("Passw0rd\r", r"root# \Z")
    assert "Passw0rd" not in said
    assert "commit complete" in terminal.type("commit\r", r"\[edit\]\s+root# \Z")


def test_long_output_is_paged_and_can_be_left(terminal: Terminal) -> None:
    terminal.type("configure\r", r"# \Z")
    for number in range(8):
        terminal.type(f"set interfaces ge-{number}/0/0 unit 0 family inet address 10.0.{number}.1/30\r", r"root# \Z")
    terminal.type("show\r", r"---\(more\)---\Z")
    terminal.type(" ", r"---\(more\)---\Z")
    assert "root# " in terminal.type("q", r"root# \Z")
    assert "---(more)---" not in terminal.type("show | no-more\r", r"\[edit\]\s+root# \Z")
    terminal.type("run set cli screen-length 0\r", r"root# \Z")
    assert "---(more)---" not in terminal.type("show\r", r"\[edit\]\s+root# \Z")
    assert "Exit with uncommitted changes" in terminal.type("exit\r", r"\(yes\) \Z")
    terminal.type("yes\r", r"root> \Z")


def test_another_editor_is_told(terminal: Terminal, root: Path) -> None:
    terminal.type("configure\r", r"# \Z")
    other = Terminal(root)
    other.until()
    assert "Users currently editing the configuration:\n  root terminal pts/" in other.type("configure\r", r"root# \Z")
    other.process.kill()
    other.process.wait(60)
    os.close(other.master)


def test_end_of_input_ends_the_session(terminal: Terminal) -> None:
    os.write(terminal.master, b"\x04")
    assert terminal.process.wait(60) == 0


def test_batch_stops_at_the_first_failure(root: Path) -> None:
    done = client(root, "-c", "configure; set system host-name bad_name; set system host-name good; commit")
    assert done.returncode == 1
    assert done.stdout.endswith("are needed\n")
    good = client(root, "-c", 'configure; set interfaces ge-0/0/0 description "a; b | c"; show | display set | match "a;"')
    assert (good.returncode, good.stdout) == (0, 'set interfaces ge-0/0/0 description "a; b | c"\n')
    assert client(root, "--nonsense").returncode == 2


def test_no_daemon_is_said_in_one_line(tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "MGD_SOCKET": str(tmp_path / "absent"), "MGD_PATIENCE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "mgmt.cli", "-c", "show version"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: the management daemon does not answer: No such file or directory\n"
