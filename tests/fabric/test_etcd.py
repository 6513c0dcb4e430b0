"""The client against a real etcd: what a compare-and-swap compares."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fabric.nodes import wait

from rackless.fabric.etcd import Etcd
from rackless.fabric.supervision import program_path

pytestmark = [pytest.mark.fabric]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    client, peer = (f"http://127.0.0.1:{port}" for port in ports)
    words = ["--data-dir", str(tmp_path / "data"), "--listen-client-urls", client, "--advertise-client-urls", client]
    words += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program_path("etcd"), *words], stdout=log, stderr=log)
    try:
        wait(lambda: not socket.socket().connect_ex(("127.0.0.1", ports[0])), "etcd to listen", 60)
        yield client
    finally:
        process.kill()
        process.wait()


async def test_another_key_that_was_changed_or_made_meanwhile_keeps_a_value_from_being_set(endpoint: str) -> None:
    async with Etcd([endpoint], None, answers=20.0) as etcd:
        await etcd.put("beat", "1")
        (beat,) = await etcd.under("beat")
        assert await etcd.swap("truth", 0, "one", unchanged={"beat": beat.revision, "never": 0})
        truth = await etcd.get("truth")
        assert truth is not None
        await etcd.put("beat", "2")
        assert not await etcd.swap("truth", truth.revision, "two", unchanged={"beat": beat.revision})
        await etcd.put("never", "1")
        assert not await etcd.swap("truth", truth.revision, "two", unchanged={"never": 0})
        assert not await etcd.swap("truth", 0, "two")
        assert await etcd.swap("truth", truth.revision, "two")
        kept = await etcd.get("truth")
        assert kept is not None
        assert kept.value == "two"
