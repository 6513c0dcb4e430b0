"""PyEZ, unmodified, on a running router: what it finds out, configures, reads and does in a shell. One boot proves it all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jnpr import junos
from jnpr.junos.op.ethport import EthPortTable
from jnpr.junos.op.fpc import FpcInfoTable
from jnpr.junos.op.routes import RouteTable
from jnpr.junos.utils.config import Config
from jnpr.junos.utils.start_shell import StartShell

from .cli import Installation

pytestmark = [pytest.mark.machines, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def login() -> Iterator[dict[str, Any]]:
    """How PyEZ logs in at the SSH port of a running router of one card."""
    here = Installation.make(RACKLESS_MANAGEMENT="forwarded")
    try:
        here.run("up", "tests/machines/small.yaml")
        (secret,) = here.json("credentials", "small")
        host, _, port = secret["ssh"].rpartition(":")
        yield {"host": host, "port": int(port), "user": secret["user"], "password": secret["password"], "ssh_config": "/dev/null"}
    finally:
        here.down_all()
        here.close()


def test_pyez_on_a_running_router(login: dict[str, Any]) -> None:
    with junos.Device(**login) as device:
        device.timeout = 120
        assert (device.facts["model"], device.facts["personality"], device.facts["hostname"]) == ("VMX", "MX", "r")
        assert device.facts["current_re"] == ["master", "re0"]
        assert device.facts["serialnumber"].startswith("RR52")
        config = Config(device)
        config.load("set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/30", format="set")
        assert "10.0.0.1/30" in config.diff()
        assert config.commit_check()
        assert config.commit(confirm=5)
        assert config.commit(comment="confirmed")
        assert [(port.name, port.oper) for port in EthPortTable(device).get()] == [("ge-0/0/0", "up"), ("ge-0/0/1", "up")]
        assert [(card.name, card.state) for card in FpcInfoTable(device).get()] == [("0", "Online")]
        assert {"10.0.0.0/30", "10.0.0.1/32"} <= {route.name for route in RouteTable(device).get()}
        config.rollback(2)
        assert "-" in config.diff()
        config.commit()
        with StartShell(device) as shell:
            ok, said = shell.run("echo $((20+22)); id -un")
        assert ok
        assert "42" in said
        assert login["user"] in said
