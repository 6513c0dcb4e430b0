"""One fabric of three nodes for all tests of a module."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.fabric.nodes import CLIENT, VIRTUAL, Net


@pytest.fixture(scope="module")
def net(request: pytest.FixtureRequest) -> Iterator[Net]:
    """The switch with its time server, and no node. DISK of the test's module: bytes of each node's disk for its database."""
    if os.geteuid():
        pytest.skip("nodes are namespaces: needs root")
    with Net(disk=getattr(request.module, "DISK", 0)) as found, timed(found):
        yield found


@contextlib.contextmanager
def timed(net: Net) -> Iterator[None]:
    """With a time server at the switch."""
    words = ["chronyd", "-n", "-x", "-u", "root", "local stratum 8", "allow all", "cmdport 0"]
    words += [f"pidfile {net.folder}/time.pid", f"bindcmdaddress {net.folder}/time.sock"]
    clock = subprocess.Popen(net.entered(*words))
    try:
        yield
    finally:
        clock.kill()
        clock.wait()


def begun(net: Net, count: int) -> Net:
    """So many nodes, by the documented commands."""
    first = net.node()
    print(first.fabric("init", "--address", first.address, "--virtual-address", f"{VIRTUAL}/24", "--ntp", CLIENT))
    for _ in range(count - 1):
        joined(net)
    net.settled()
    return net


def joined(net: Net) -> None:
    """One node more."""
    node = net.node()
    token = net.nodes[0].fabric("add", node.name)
    print(node.fabric("join", "--address", node.address, "--ntp", CLIENT, stdin=token))


@pytest.fixture(scope="module")
def fabric(net: Net) -> Net:
    return begun(net, 3)
