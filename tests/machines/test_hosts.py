"""Plain Linux hosts as end points, and management by forwarded ports: what a user without privileges gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cli import Installation, await_that

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
LAB = "router-with-hosts"


@pytest.fixture(scope="module")
def lab() -> Iterator[Installation]:
    here = Installation.make(RACKLESS_MANAGEMENT="forwarded")
    try:
        here.run("up", "examples/router-with-hosts.yaml")
        yield here
        here.down_all()
    finally:
        here.down_all()
        here.close()


def test_hosts_reach_each_other_through_the_router(lab: Installation) -> None:
    def ping() -> str:
        return lab.run("ssh", LAB, "pc1", "ping", "-c", "2", "-W", "2", "192.0.2.138", check=False).out

    await_that("pc2 to answer pc1", ping, lambda out: " 0% packet loss" in out)


def test_the_router_is_reached_and_read_by_ports_of_the_loopback_address(lab: Installation) -> None:
    shown = lab.json("show", LAB)
    core = shown["routers"][0]
    assert core["management"]["how"] == "forwarded"
    assert core["management"]["services"]["ssh"].startswith("127.0.0.1:")
    assert "Rackless" in core["system"]
    port = {port["name"]: port for port in shown["ports"]}["core:ge-0/0/0"]
    assert "192.0.2.1/25" in port["addresses"]
    assert lab.run("ssh", LAB, "core", "uname", "-n").out.strip() == "core"


def test_a_restarted_controller_keeps_its_configuration_and_its_wires(lab: Installation) -> None:
    lab.run("restart", LAB, "core")
    # The restart ends when the port is there again; its address follows within moments.
    await_that(
        "the port's address", lambda: lab.on(LAB, "core", "show interfaces terse ge-0/0/1"), lambda out: "192.0.2.129/25" in out
    )
    test_hosts_reach_each_other_through_the_router(lab)
