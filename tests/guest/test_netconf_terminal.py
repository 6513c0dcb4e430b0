"""NETCONF typed at a terminal: PyEZ in console mode, unmodified, behind a TCP port; and what is typed in pieces."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jnpr import junos
from jnpr.junos.utils.config import Config

from mgmt.netconf.typed import END, HELLO, Typed

from .test_mgmt_stories import ENVIRONMENT, GUEST, client, prepare, wait_for

SECRET = "$6$saltsalt$abcdefghijklmnop"
PROGRAM = f"""#!{sys.executable} -SEs
import sys

sys.path[:0] = ["{GUEST}"]
from mgmt.netconf.pipe import main

sys.exit(main())
"""


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("mark", [b"", b"\n]]>]]>\n"])
def test_messages_end_where_their_xml_does(step: int, mark: bytes) -> None:
    typed = Typed()
    text = b"\n<rpc><get-x/></rpc>" + mark + b"  <rpc><get-y/></rpc>" + mark
    said = b"".join(typed.feed(text[at : at + step]) for at in range(0, len(text), step))
    assert said == HELLO + b"<rpc><get-x/></rpc>" + END + b"<rpc><get-y/></rpc>" + END


def test_a_clients_own_hello_is_taken() -> None:
    assert Typed().feed(b'<hello xmlns="x"/><hello></hello><rpc></rpc>').count(b"base:1.0") == 0


def test_a_session_left_open_is_freed() -> None:
    assert Typed().feed(b"<close-session/>\n") == HELLO + b"<rpc><close-session/></rpc>" + END


def test_a_message_without_an_end_is_refused() -> None:
    typed = Typed()
    for _ in range(4):
        assert typed.feed(b"<rpc>" + b"x" * 1024 * 1000) == b""
    with pytest.raises(ValueError, match="without an end"):
        typed.feed(b"x" * 1024 * 1000)


class Line:
    """A serial line: one program in a pseudo-terminal, and one TCP client of it at a time."""

    def __init__(self, root: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mgmt.cli"], stdin=slave, stdout=slave, stderr=slave, cwd=root, start_new_session=True,
            env={**ENVIRONMENT, "MGD_SOCKET": str(root / "run/mgd.sock"), "TERM": "vt100"},
        )  # fmt: skip
        os.close(slave)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer:
            while True:
                ready, _, _ = select.select([peer, self.master], [], [])
                try:
                    if peer in ready:
                        data = peer.recv(4096)
                        if not data:
                            return
                        os.write(self.master, data)
                    if self.master in ready:
                        peer.sendall(os.read(self.master, 4096))
                except OSError:
                    return

    def close(self) -> None:
        self.process.kill()
        self.process.wait(60)
        self._thread.join(60)
        os.close(self.master)
        self._listener.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    root = tmp_path / "root"
    prepare(root, None)
    program = root / "usr/lib/rackless-router/netconf"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)
    daemon = subprocess.Popen([sys.executable, "-m", "mgmt.daemon", "--root", str(root)], env=ENVIRONMENT)
    wait_for(root / "run/mgd.sock", daemon)
    first = f'configure; set system root-authentication encrypted-password "{SECRET}"; commit'
    assert "commit complete" in client(root, "-c", first).stdout
    found = Line(root)
    yield found
    found.close()
    daemon.terminate()
    daemon.wait(60)


def test_pyez_over_a_serial_line(line: Line) -> None:
    device = junos.Device(
        host="127.0.0.1", port=line.port, mode="telnet", user="root", password="", ssh_config="/dev/null", baud=0
    )
    device.open(gather_facts=False)
    config = Config(device)
    config.load("set system host-name by-console", format="set")
    assert "by-console" in config.diff()
    assert config.commit()
    assert device.rpc.get_software_information().findtext(".//host-name") == "by-console"
    device.close()
    assert line.process.wait(20) == 0  # it has left the command line as well
