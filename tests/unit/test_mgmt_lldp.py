"""Which ports lldpd is told of, when they come while it starts."""

from __future__ import annotations

import threading
from typing import Any, cast

from mgmt.render import lldp
from mgmt.render.part import Engine, Part


class Machine:
    """Ports that come, and what lldpd was told; the first to tell is held up."""

    live = True

    def __init__(self) -> None:
        self.ports = ["fxp0"]
        self.told: list[str] = []

    def names(self, _: str) -> list[str]:
        return self.ports

    def run(self, _: list[str], stdin: str) -> None:
        self.told.append(stdin.splitlines()[0].split()[-1])


class Starting:
    """lldpd is ready once `ready` is set; who asked first is told last."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.asked: list[threading.Event] = []

    def wait_ready(self, _: str, deadline: float) -> bool:
        before, mine = list(self.asked), threading.Event()
        self.asked.append(mine)
        assert self.ready.wait(deadline)
        if before:
            mine.set()
        else:
            assert self.asked[1].wait(deadline)
        return True


def test_the_last_word_has_every_port() -> None:
    machine, starting = Machine(), Starting()

    class Both:
        world, supervisor = machine, starting

    engine, part = cast("Engine", Both()), Part(data={"chosen": None, "without": set(), "texts": {}})
    lldp.refresh(engine, part)
    while not starting.asked:
        pass
    machine.ports = ["fxp0", "ge-0-0-0"]
    lldp.refresh(engine, part)
    while len(starting.asked) < 2:
        pass
    starting.ready.set()
    for thread in list_of_lldp():
        thread.join(20)
    assert len(machine.told) == 2
    assert machine.told[-1] == "fxp0,ge-0-0-0"


def list_of_lldp() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread.name == "lldp"]
