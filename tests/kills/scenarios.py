"""What is asked of a server that is killed: each a state to begin from, one thing asked, and when that is done.

`again` is what a client does that finds the server gone and started anew: it asks once more, if nothing is known of what it
asked; or, with `answer`, something else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rackless.store.tables import OF_A_SANDBOX
from tests.kills.api import Api

LAB = """
name: a
routers:
  west: {cards: 1, ports_per_card: 2, startup: west.set}
  east: {cards: 1, ports_per_card: 1}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
CHANGED = """
name: a
routers:
  west: {cards: 1, ports_per_card: 2, startup: west.set}
  north: {cards: 1, ports_per_card: 1}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, north:ge-0/0/0]
  - [west:ge-0/0/1, pc1:eth1]
"""
"""East is gone, north is new, and pc1 is wired."""
REMADE = """
name: a
routers:
  west: {cards: 2, ports_per_card: 2, startup: west.set}
  east: {cards: 1, ports_per_card: 1, login: {user: ops}}
hosts:
  pc1: {nics: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [west:ge-1/0/0, pc1:eth2]
"""
"""West has another card, east is made anew, pc1 gets a NIC and keeps its disk."""
ONE = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
HOOKS = "locks: [bed]\nhooks:\n" + "".join(
    f"  {phase}: [{{run: [note]}}]\n"
    for phase in (
        *("pre-provisioning", "provisioning", "post-provisioning", "connectivity", "configuration"),
        *("teardown", "cleanup"),
    )
)
WIRE = ["west:ge-0/0/1", "pc1:eth1"]


def blueprint(text: str, **more: Any) -> dict[str, Any]:
    files = {"west.set": "set system time-zone UTC\n"} if "west.set" in text else {}
    return {"text": text, "file": "b.yaml", "files": files, **more}


def up(api: Api, text: str = LAB, name: str = "a", **more: Any) -> None:
    """Deploy, and wait for it."""
    api.ask("POST", "/labs", blueprint(text, **more))
    wait(api, name, "ready")


def wait(api: Api, lab: str, state: str) -> None:
    end = time.monotonic() + 60
    while not (api.state(lab) == state and api.idle(lab)):
        assert time.monotonic() < end, (api.answer("GET", f"/labs/{lab}"), api.jobs(lab))
        time.sleep(0.03)


def _nothing(_: Api) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`before`: makes the state to begin from. `ask`: what the kills come into. `known`: whether the server knows of it.
    `done`: whether it has ended. `verbs`: whose jobs it runs. `prepare`: changes the directory while no server runs."""

    ask: Callable[[Api], Any]
    done: Callable[[Api], bool]
    known: Callable[[Api], bool]
    verbs: frozenset[str] = frozenset()
    before: Callable[[Api], Any] = _nothing
    goes_on: bool = False
    """What `before` began has no end of its own."""
    prepare: Callable[[Path], None] = field(default=lambda _: None)
    site: str = ""
    answer: Callable[[Api], Any] | None = None
    answered: Callable[[Api], bool] | None = None
    end: dict[str, Any] = field(default_factory=dict)
    """Parts of the end that are not those of the run without a kill; None for one that may be anything."""

    def again(self, api: Api) -> None:
        if self.answer is not None:
            self.answer(api)
        elif not self.known(api):
            self.ask(api)

    def finished(self, api: Api) -> bool:
        return (self.answered or self.done)(api)


def _of_job(verb: str, method: str, path: str, body: Any = None, **more: Any) -> Scenario:
    """A job on a lab that is ready."""
    return Scenario(
        before=up,
        ask=lambda api: api.ask(method, path, body),
        known=lambda api: any(kind == verb for kind, _ in api.jobs("a")),
        done=lambda api: any(kind == verb for kind, _ in api.jobs("a")) and api.idle("a"),
        verbs=frozenset({verb}),
        **more,
    )


def _deploy(text: str, **more: Any) -> Scenario:
    return Scenario(
        ask=lambda api: api.ask("POST", "/labs", blueprint(text)),
        known=lambda api: api.state("a") != "ended",
        done=lambda api: api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"deploy"}),
        **more,
    )


def _torn_down(text: str, query: str = "", **more: Any) -> Scenario:
    return Scenario(
        before=lambda api: up(api, text),
        ask=lambda api: api.ask("DELETE", f"/labs/a{query}"),
        known=lambda api: any(verb == "teardown" for verb, _ in api.jobs("a")),
        done=lambda api: api.state("a") == "ended" and api.idle("a"),
        verbs=frozenset({"teardown"}),
        **more,
    )


def _wire(api: Api) -> str:
    return next((wire["state"] for wire in api.ask("GET", "/labs/a")["wires"] if sorted(wire["ends"]) == sorted(WIRE)), "none")


def _stopped(state: Path) -> None:
    """A card of the lab has died while no server was there."""
    file = state / "fake-cloud/a.json"
    file.write_text(file.read_text().replace('"running":true', '"running":false', 1))


def _leftovers(state: Path) -> None:
    """What an unknown lab left behind."""
    file = state / "fake-cloud/a.json"
    (state / "fake-cloud/ghost.json").write_text(file.read_text().replace('"sandbox":"a"', '"sandbox":"ghost"'))


def _soon(api: Api, **more: Any) -> None:
    api.ask("POST", "/labs", blueprint(ONE.format(name="a"), begins=time.time() + 0.3, **more))


def _begin_queue(api: Api) -> None:
    up(api, ONE.format(name="a"))
    api.ask("POST", "/labs", blueprint(ONE.format(name="b"), queue=True))


def _deploying(api: Api) -> None:
    """A lab whose hook never ends."""
    api.ask("POST", "/labs", blueprint(ONE.format(name="a") + "hooks: {provisioning: [{run: [hang]}]}\n"))
    end = time.monotonic() + 30
    while api.ask("GET", "/labs/a")["machines"][0]["state"] != "running":
        assert time.monotonic() < end
        time.sleep(0.03)


def _with_snapshot(api: Api) -> None:
    up(api, ONE.format(name="a"))
    api.ask("POST", "/labs/a/snapshots?wait=60", {"name": "one", "keep": True})


def _ended_with_snapshot(api: Api) -> None:
    _with_snapshot(api)
    api.ask("DELETE", "/labs/a?wait=60")


NOTHING: dict[str, Any] = {
    **{table.name: [] for table in OF_A_SANDBOX},
    **{"secrets": [], "files": [], "place": {}},
    **dict.fromkeys(("jobs", "history", "steps", "failed", "sandboxes", "departures")),
}
"""The end of a lab that was taken down, however it got there."""
ALLOWED = "hooks: {executables: @/h}\n"
SCENARIOS: dict[str, Scenario] = {
    "deploy": _deploy(LAB),
    "deploy-with-hooks": _deploy(ONE.format(name="a") + HOOKS, site=ALLOWED),
    "deploy-then-down": Scenario(
        ask=lambda api: api.ask("POST", "/labs", blueprint(ONE.format(name="a"))),
        known=lambda _: True,
        done=lambda api: api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"deploy", "teardown"}),
        answer=lambda api: api.answer("DELETE", "/labs/a"),  # 404 when nobody knows of it yet
        answered=lambda api: api.state("a") == "ended" and api.idle("a"),
        end=NOTHING,
    ),
    "up-again": Scenario(
        before=up,
        prepare=_stopped,
        ask=lambda api: api.ask("POST", "/labs", blueprint(LAB)),
        known=lambda api: len(api.jobs("a")) > 1,
        done=lambda api: api.state("a") == "ready" and api.idle("a") and len(api.jobs("a")) > 1,
        verbs=frozenset({"deploy"}),
    ),
    "healed": Scenario(
        site="heal: yes\n",
        before=up,
        prepare=_stopped,
        ask=_nothing,
        known=lambda _: True,
        done=lambda api: len(api.jobs("a")) > 1 and api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"deploy"}),
    ),
    "teardown": _torn_down(LAB, "?saves=true"),
    "teardown-with-hooks": _torn_down(ONE.format(name="a") + HOOKS, "?saves=true", site=ALLOWED),
    "down-while-it-deploys": Scenario(
        site=ALLOWED,
        before=_deploying,
        goes_on=True,
        ask=lambda api: api.ask("DELETE", "/labs/a"),
        known=lambda api: any(verb == "teardown" for verb, _ in api.jobs("a")),
        done=lambda api: api.state("a") == "ended" and api.idle("a"),
        verbs=frozenset({"deploy", "teardown"}),
    ),
    "apply": Scenario(
        before=up,
        ask=lambda api: api.ask("PUT", "/labs/a/blueprint", blueprint(CHANGED, prune=True)),
        known=lambda api: any(verb == "apply" for verb, _ in api.jobs("a")),
        done=lambda api: any(verb == "apply" for verb, _ in api.jobs("a")) and api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"apply"}),
    ),
    "apply-then-down": Scenario(
        before=up,
        ask=lambda api: api.ask("PUT", "/labs/a/blueprint", blueprint(CHANGED, prune=True)),
        known=lambda _: True,
        done=lambda api: any(verb == "apply" for verb, _ in api.jobs("a")) and api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"apply", "teardown"}),
        answer=lambda api: api.answer("DELETE", "/labs/a"),
        answered=lambda api: api.state("a") == "ended" and api.idle("a"),
        end=NOTHING,
    ),
    "apply-anew": Scenario(
        before=up,
        ask=lambda api: api.ask("PUT", "/labs/a/blueprint", blueprint(REMADE, replace=True)),
        known=lambda api: any(verb == "apply" for verb, _ in api.jobs("a")),
        done=lambda api: any(verb == "apply" for verb, _ in api.jobs("a")) and api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"apply"}),
    ),
    "connect": _of_job("connect", "POST", "/labs/a/wires", {"a": WIRE[0], "b": WIRE[1]}),
    "disconnect": _of_job("disconnect", "DELETE", "/labs/a/wires?a=west:ge-0/0/0&b=east:ge-0/0/0"),
    "link": _of_job("link", "PATCH", "/labs/a/wires", {"end": "west:ge-0/0/0", "up": False}),
    "impair": _of_job("impair", "PUT", "/labs/a/wires/impairment", {"end": "west:ge-0/0/0", "delay": "20ms", "loss": "1%"}),
    "restart-of-a-card": _of_job("restart", "POST", "/labs/a/machines/west-vfp0/restart"),
    "restart-of-a-controller": _of_job("restart", "POST", "/labs/a/machines/west-vcp/restart"),
    "save": _of_job("save", "POST", "/labs/a/save", {"routers": []}),
    "snapshot": _of_job("snapshot", "POST", "/labs/a/snapshots", {"name": "one", "keep": True}),
    "restore": Scenario(
        before=_with_snapshot,
        ask=lambda api: api.ask("POST", "/labs/a/snapshots/one/restore"),
        known=lambda api: any(verb == "restore" for verb, _ in api.jobs("a")),
        done=lambda api: any(verb == "restore" for verb, _ in api.jobs("a")) and api.idle("a"),
        verbs=frozenset({"restore"}),
    ),
    "lab-of-a-snapshot": Scenario(
        before=_ended_with_snapshot,
        ask=lambda api: api.ask("POST", "/snapshots/a/one/restore"),
        known=lambda api: api.state("a") != "ended",
        done=lambda api: api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"deploy"}),
    ),
    "begin-by-time": Scenario(
        ask=_soon,
        known=lambda api: api.state("a") != "ended",
        done=lambda api: api.state("a") == "ready" and api.idle("a"),
        verbs=frozenset({"deploy"}),
    ),
    "end-by-time": Scenario(
        before=lambda api: up(api, ONE.format(name="a"), saves=True),
        ask=lambda api: api.ask("POST", "/labs/a/extend", {"ends": time.time() + 0.3}),
        known=lambda api: any(entry["what"] == "extended" for entry in api.items("/labs/a/history")),
        done=lambda api: api.state("a") == "ended" and api.idle("a"),
        verbs=frozenset({"teardown"}),
    ),
    "queue": Scenario(
        site="most_memory: 500M\n",
        before=_begin_queue,
        ask=lambda api: api.ask("DELETE", "/labs/a"),
        known=lambda api: any(verb == "teardown" for verb, _ in api.jobs("a")),
        done=lambda api: api.state("a") == "ended" and api.state("b") == "ready" and api.idle("a", "b"),
        verbs=frozenset({"teardown", "deploy"}),
    ),
    "audit-removal": Scenario(
        before=up,
        prepare=_leftovers,
        ask=lambda api: api.ask("POST", "/audit/remove"),
        known=lambda api: not api.items("/audit"),
        done=lambda api: not api.items("/audit"),
    ),
}
