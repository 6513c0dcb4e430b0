"""Clients that others wrote, unmodified, on one running router of two cards. Each is a program of its own in `clients/`, run in
the Python environment that holds them (packaging/clients.lock); docs/reference/clients.md says what was tried."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .cli import REPOSITORY, Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]
PYTHON = REPOSITORY / ".venv-clients/bin/python"


@pytest.fixture(scope="module")
def lab() -> Iterator[Installation]:
    here = Installation.make(RACKLESS_MANAGEMENT="forwarded")
    try:
        here.run("up", "tests/machines/clients.yaml")
        yield here
    finally:
        here.down_all()
        here.close()


@pytest.fixture
def login(lab: Installation) -> dict[str, Any]:
    """How clients come in; also the port of SNMP, the MAC of each port, and the release that `show version` tells."""
    (secret,) = lab.json("credentials", "clients")
    host, _, port = secret["ssh"].rpartition(":")
    return {
        "host": host,
        "port": int(port),
        "user": secret["user"],
        "password": secret["password"],
        "snmp_port": int(secret["snmp"].rpartition(":")[2]),
        "release": lab.on("clients", "r", "show version | match ^Junos:").split()[-1],
        "macs": {name.partition(":")[2]: port["mac"] for name, port in lab.ports("clients").items()},
    }


def run(script: str, login: dict[str, Any]) -> None:
    command = [PYTHON, Path(__file__).parent / "clients" / script]
    done = subprocess.run(command, input=json.dumps(login), capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout[-5:]) == (0, "done\n"), done.stdout[-2000:] + done.stderr[-6000:]


@pytest.mark.parametrize("script", ["command_line.py", "napalm_junos.py", "quali.py", "ansible_playbook.py"])
def test_client(script: str, login: dict[str, Any]) -> None:
    run(script, login)


def test_pyez_over_the_serial_line(lab: Installation, login: dict[str, Any]) -> None:
    relay = lab.start("console", "clients", "r", "--listen", "0")
    assert relay.stdout is not None
    try:
        said = relay.stdout.readline().decode()
        run("console.py", {**login, "port": int(said.partition("127.0.0.1 ")[2].partition(";")[0])})
    finally:
        relay.send_signal(signal.SIGINT)
        assert relay.wait(20) == 0
    assert "by-console" in lab.on("clients", "r", "show interfaces descriptions")
