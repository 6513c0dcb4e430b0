"""Sixty machines at once on a small host: all come up, none fails, and nothing of them is left.

It wants 19 GB of free memory, by the count that never lets a host run short; the machines take a third of that. Prints what it
saw: seconds, memory of their own, and how long somebody waited for a processor. Deadlines are for two emulated processors.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackless.providers.local import admission
from rackless.providers.local.pressure import Pressure

from .cli import Installation

pytestmark = [pytest.mark.scale, pytest.mark.timeout(3600)]
ROUTERS, HOSTS = 6, 48
PATIENCE = 3000.0
NEED = ROUTERS * (admission.memory_with(192) + admission.memory_with(128)) + HOSTS * admission.memory_with(128)
"""MiB."""


@pytest.fixture
def warm() -> Iterator[Installation]:
    free = admission.available_memory()
    if free < NEED:
        pytest.skip(f"{ROUTERS * 2 + HOSTS} machines need {NEED} MiB of free memory, and there are {free}")
    installation = Installation.make(RACKLESS_WARM="yes", RACKLESS_MANAGEMENT="forwarded")
    try:
        yield installation
    finally:
        installation.down_all()
        installation.close()


def blueprint() -> str:
    lines = ["name: many", "routers:"]
    lines += [
        f"  r{number}: {{cards: 1, ports_per_card: 2, memory: {{controller: 192M, card: 128M}}}}" for number in range(ROUTERS)
    ]
    lines += ["hosts:", *(f"  h{number}: {{nics: 1, memory: 128M}}" for number in range(HOSTS)), "wires:"]
    lines += [f"  - [h{number}:eth1, h{number + 1}:eth1]" for number in range(0, HOSTS, 2)]
    lines += [f"  - [r{number}:ge-0/0/0, r{number + 1}:ge-0/0/1]" for number in range(ROUTERS - 1)]
    return "\n".join([*lines, ""])


def test_sixty_machines_come_up_without_one_failure_and_go_without_a_leftover(warm: Installation, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(blueprint())
    warm.run("image", "warm", str(file), deadline=PATIENCE)
    pressure, before = Pressure("cpu"), time.monotonic()
    found = warm.run("up", str(file), "--json", deadline=PATIENCE).json()
    up = time.monotonic() - before
    waited = pressure.share()
    machines = found["machines"]
    assert len(machines) == ROUTERS * 2 + HOSTS == 60
    assert {machine["state"] for machine in machines} == {"running"}
    assert all("started from a warm template" in machine["reason"] for machine in machines), machines
    assert all(port["ready"] for port in found["ports"])
    assert {wire["state"] for wire in found["wires"]} == {"connected"}
    (job,) = [job for job in warm.json("logs", "many") if job["verb"] == "deploy"]
    assert [event for event in job["events"] if event["kind"] == "failed"] == []
    private = [machine["private"] for machine in warm.json("show", "many")["machines"]]
    assert all(private), "each has some memory of its own"
    assert max(private) < admission.memory_with(256)
    before = time.monotonic()
    warm.run("down", "many", deadline=PATIENCE)
    down = time.monotonic() - before
    assert warm.leftovers() == []
    seen = {
        "up_s": up,
        "down_s": down,
        "private_mib": statistics.median(private),
        "private_sum_mib": sum(private),
        "waited": waited,
    }
    print(json.dumps(seen))
