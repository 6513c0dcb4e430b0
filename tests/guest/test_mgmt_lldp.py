"""Which ports lldpd is told of, when they come while it starts."""

from __future__ import annotations

import queue
import threading
from typing import cast

from mgmt.render import lldp
from mgmt.render.part import Engine, Part

PATIENCE = 20


class Machine:
    """Ports that come, and which of them lldpd was told of, one entry a time."""

    live = True

    def __init__(self) -> None:
        self.ports = ["fxp0"]
        self.told: queue.Queue[str] = queue.Queue()

    def names(self, _: str) -> list[str]:
        return self.ports

    def run(self, _: list[str], stdin: str) -> None:
        self.told.put(stdin.splitlines()[0].split()[-1])


class Starting:
    """An lldpd that becomes ready for one who waits after the other, as the test wants it."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[threading.Event] = queue.Queue()

    def wait_ready(self, _: str, deadline: float) -> bool:
        mine = threading.Event()
        self.waiting.put(mine)
        return mine.wait(deadline)


def test_the_last_word_has_every_port() -> None:
    machine, starting = Machine(), Starting()

    class Both:
        world, supervisor = machine, starting

    engine, part = cast("Engine", Both()), Part(data={"chosen": None, "without": set(), "texts": {}})
    lldp.refresh(engine, part)
    first = starting.waiting.get(timeout=PATIENCE)
    machine.ports = ["fxp0", "ge-0-0-0"]
    lldp.refresh(engine, part)
    second = starting.waiting.get(timeout=PATIENCE)
    for one in (second, first):
        one.set()
        last = machine.told.get(timeout=PATIENCE)
    assert last == "fxp0,ge-0-0-0"
