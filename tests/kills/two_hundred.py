"""Run by test_two_hundred.py: `python -m tests.kills.two_hundred DIRECTORY SEED COUNT`. Prints a JSON report.

So many labs of several owners are booked - now, for later, in the queue -, some are extended or taken down, the rest end by
themselves; the place fails at random, and the server is killed now and then. At each look the place itself is asked, from
outside, whether two labs have the same of anything.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from rackless import daemons, durable
from rackless.api.app import make
from rackless.api.arrival import MARK
from rackless.workflows import routers
from tests.kills.api import Api
from tests.kills.driver import Life

OWNERS = ("ann", "bob", "cem", "dia", "eva")
AT_ONCE = 30
"""Labs that are booked and have not ended, at most."""
LIVES = 9
"""Servers that are killed on the way; one more ends the work."""
MEMORY = 4096
"""MiB of the site."""
LONGEST = 500.0
"""Seconds for all of it."""
SITE = f"""
most_memory: {MEMORY}M
console_ports: 9300-9329
forward_ports: 20000-20029
warn_before: 1s
reconcile_every: 2s
heal: yes
"""
HOST = "name: {name}\nhosts:\n  pc1: {{nics: 1, memory: 128M}}\n  pc2: {{nics: 1, memory: 128M}}\nwires: [[pc1:eth1, pc2:eth1]]\n"
ROUTER = "name: {name}\nrouters:\n  west: {{cards: 1, ports_per_card: 1}}\n"
FAULTS = ("ensure", "power", "attach", "remove", "check", "owned", "card", "boot")


class ByToken:
    """A request with a token is somebody's, though it came by the unix socket: so users need no TLS here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == b"authorization" for name, _ in scope.get("headers", ())):
            scope = {key: value for key, value in scope.items() if key != MARK}
        await self._app(scope, receive, send)


class Hundreds:
    def __init__(self, top: Path, seed: int, count: int) -> None:
        self.top, self.state, self.random = top, top / "s", random.Random(seed)
        self.names = [f"s{number:03d}" for number in range(count)]
        self.tokens: dict[str, str] = {}
        self.owner_of: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        self.kills = self.looks = self.most = 0
        self.problems: list[str] = []
        for folder in (self.state, top / "r", self.state / "fake-cloud"):
            folder.mkdir(mode=0o700)
        (self.state / "site.yaml").write_text(SITE)
        os.environ.update(RACKLESS_STATE=str(self.state), RACKLESS_RUN=str(top / "r"), RACKLESS_PROVIDER="fake")
        self.life = self._life()
        for owner in OWNERS:
            self._ask("POST", "/users", {"name": owner, "role": "user"})
            self.tokens[owner] = self._ask("POST", f"/users/{owner}/tokens", {"label": "t"})["token"]

    def _life(self) -> Life:
        """A server, in a place that will fail so and so often."""
        faults = [
            {"verb": self.random.choice(FAULTS), "times": 1, "after": self.random.random() < 0.3}
            for _ in range(14 if self.tokens else 0)
        ]
        (self.state / "fake-cloud/faults").write_text(json.dumps(faults))
        life = Life(self.top)
        life.await_up()
        return life

    def _ask(self, method: str, path: str, body: Any = None, owner: str = "") -> Any:
        return Api(self.top / "r/api.sock", token=self.tokens.get(owner, "")).ask(method, path, body)

    def _try(self, method: str, path: str, body: Any = None, owner: str = "") -> int:
        """The status; 0 when the server went away meanwhile."""
        try:
            status, answer = Api(self.top / "r/api.sock", token=self.tokens.get(owner, "")).answer(method, path, body)
        except (OSError, http.client.HTTPException):
            return 0
        if status >= 500:
            self.refused[f"{status} {answer['code']}"] += 1
            if answer["code"] == "defect":
                self.problems.append(f"{method} {path}: {answer['detail']}")
        return status

    def book(self, name: str) -> None:
        """Now if it fits, for later, or in the queue; half of them with an end."""
        chance, now = self.random.random(), time.time()
        owner = self.random.choice(OWNERS)
        text = (ROUTER if self.random.random() < 0.3 else HOST).format(name=name)
        wish: dict[str, Any] = {"text": text, "file": "b.yaml", "files": {}, "queue": True, "saves": chance < 0.1}
        if chance < 0.4:
            wish["begins"] = now + self.random.uniform(0.1, 3)
        if chance < 0.8:
            wish["seconds"] = self.random.uniform(2, 12)
        status = self._try("POST", "/labs", wish, owner)
        self.owner_of[name] = owner
        assert status in (0, 202, 502), (status, name)

    def meddle(self, labs: dict[str, Any]) -> None:
        """Somebody takes a lab down, or extends one. Who has no end set is patient, however slow the machine is."""
        going = [lab for lab in labs.values() if lab["state"] in {"ready", "failed", "deploying"}]
        for lab in self.random.sample(going, min(3, len(going))):
            name, owner = lab["name"], self.owner_of[lab["name"]]
            settled, endless = lab["state"] in {"ready", "failed"}, lab["ends"] is None
            if (endless and settled) or (not endless and self.random.random() < (0.3 if settled else 0.05)):
                self._try("DELETE", f"/labs/{name}", owner=owner)
            elif self.random.random() < 0.2:
                self._try("POST", f"/labs/{name}/extend", {"seconds": 1}, owner)

    def look(self) -> dict[str, Any]:
        """The labs as the server has them; and what the place has is looked at from outside."""
        self.looks += 1
        found: Counter[str] = Counter()
        memory = 0
        for path in (self.state / "fake-cloud").glob("s*.json"):
            with contextlib.suppress(FileNotFoundError):
                for name, machine in json.loads(path.read_text())["machines"].items():
                    spec = machine["spec"]
                    memory += spec["memory"]
                    found[f"machine {path.stem}/{name}"] += 1
                    found[f"console port {spec['console_port']}"] += 1
                    found.update(f"{forward['proto']} port {forward['host_port']}" for forward in spec["forwards"])
                    found.update(f"MAC {nic['mac']}" for nic in spec["nics"])
                    found.update(
                        f"address {nic['address']}" for nic in spec["nics"] if nic.get("address") and nic["role"] == "management"
                    )
        self.most = max(self.most, memory)
        self.problems += [f"{what} is there {times} times" for what, times in found.items() if times > 1]
        if memory > MEMORY:
            self.problems.append(f"{memory} MiB of {MEMORY} are used")
        try:
            return {lab["name"]: lab for lab in Api(self.top / "r/api.sock").items("/labs?limit=1000")}
        except AssertionError as error:
            self.refused[str(error)[:60]] += 1
            return {}

    def run(self) -> dict[str, Any]:
        end, left = time.monotonic() + LONGEST, list(self.names)
        booked, labs = 0, self.look()
        while (left or labs) and time.monotonic() < end:
            for _ in range(min(4, AT_ONCE - len(labs), len(left))):
                self.book(left.pop(0))
                booked += 1
            if booked >= (self.kills + 1) * len(self.names) // (LIVES + 1) and self.kills < LIVES:
                time.sleep(self.random.uniform(0, 0.3))
                self.life.kill()
                self.kills += 1
                self.life = self._life()
                # Whoever got no answer asks again.
                known = {name for name in self.names if self._known(name)}
                left = [name for name in self.names if name not in known and name in self.owner_of] + [
                    name for name in left if name not in self.owner_of
                ]
            labs = self.look()
            self.meddle(labs)
            time.sleep(0.05)
        return self.report(labs)

    def _known(self, name: str) -> bool:
        return Api(self.top / "r/api.sock").answer("GET", f"/labs/{name}/history")[0] == 200

    def report(self, labs: dict[str, Any]) -> dict[str, Any]:
        api = Api(self.top / "r/api.sock")
        histories = {name: [(e["who"], e["what"], e["why"]) for e in api.items(f"/labs/{name}/history")] for name in self.names}
        jobs = Counter(pair for name in self.names for pair in (f"{verb} {state}" for verb, state in api.jobs(name)))
        found = {
            "left": {name: lab["state"] for name, lab in labs.items()},
            "audit": api.items("/audit"),
            "pools": api.ask("GET", "/server")["pools"],
            "place": sorted(path.name for path in (self.state / "fake-cloud").glob("*.json")),
            "histories": histories,
            "jobs": jobs,
            "refused": self.refused,
            "problems": self.problems,
            "kills": self.kills,
            "looks": self.looks,
            "most": self.most,
            "faults": (self.state / "fake-cloud/faults").read_text(),
        }
        self.life.kill()
        return found


def main() -> None:
    top, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    routers.QUIET, durable.FIRST_PAUSE = 0.2, 0.05
    app = make(lambda: None)
    app.add_middleware(ByToken)

    def made(stop: Any) -> Any:
        app.state.stop = stop
        return app

    daemons.make = made
    print(json.dumps(Hundreds(top, seed, count).run()), flush=True)


if __name__ == "__main__":
    main()
