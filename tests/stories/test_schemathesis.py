"""Every operation of the OpenAPI document with generated requests, good and bad, by callers of every role: no answer is a fault
of the server, and each is as the document says. The server is a real one on TCP, with labs on the `fake` provider.

The requests are the same in every run.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.stories.shell import Shell, until

from rackless.api.app import make

LAB = "back-to-back"
BLUEPRINT = """
name: back-to-back
routers:
  west: {cards: 1, ports_per_card: 2}
  east: {cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
"""
PEOPLE = {"viv": "viewer", "una": "user", "olga": "operator", "ada": "admin"}
EXCLUDED = {
    "stop": "ends the server",
    "stream_events": "has no end (tests/unit/test_events.py)",
    "capture": "has no end (tests/unit/test_workflows.py)",
    "open_port": "takes ports of this machine (tests/stories)",
}
"""Operations that no generated request is sent to, and why."""
REAL = {"name": LAB, "machine": "west-vcp", "owner": "west", "label": "generated", "number": "1"}
"""What there is, by path parameter: every second request is about it."""
LASTING = {"take_down", "remove_user", "change_user", "change_password", "log_out", "end_sessions", "revoke_token", "add_token"}
"""What these act on would be missed by the rest: they are about what was generated, or about `victim`."""
NAMES = [operation["operationId"] for item in make(lambda: None).openapi()["paths"].values() for operation in item.values()]
EXAMPLES = 6
"""Requests of each kind, good and bad, that an operation is sent."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


class Site:
    """A server that listens on TCP, and a token for each of the people."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (shell.top / "s").mkdir(mode=0o700)
        (shell.top / "s/site.yaml").write_text("caller_rate: 0\nstranger_rate: 0\n")
        self.server = shell.start("serve", "--tcp", str(self.port), "--plain")
        until(self.server, "listening on ")
        # Its log is read on: a full pipe would stop it.
        self._reader = threading.Thread(target=lambda: [None for _ in self.server.stderr or ()], daemon=True)
        self._reader.start()
        (shell.top / "lab.yaml").write_text(BLUEPRINT)
        shell.run("up", "lab.yaml")
        self.headers: list[dict[str, str]] = [{}]
        for name, role in PEOPLE.items():
            shell.run("user", "add", name, "--role", role)
            token = shell.run("token", "add", name, "test").stdout.strip()
            self.headers.append({"Authorization": f"Bearer {token}"})
            shell.run("share", LAB, name)
        shell.run("user", "add", "victim")
        self.job = shell.json("show", LAB)["job"]["id"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.shell.run("stop")
        self.server.wait(60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    top = tmp_path_factory.mktemp("c")
    made = Site(Shell(top, RACKLESS_IMAGES=str(top / "i")))  # images are pruned, too
    yield made
    made.close()


@pytest.fixture(scope="module")
def operations(site: Site) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{site.url}/openapi.json")
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


_turn = itertools.count()


def aimed(case: schemathesis.Case, site: Site, turn: int) -> None:
    """Every second request is about what there is; none waits for a job."""
    if turn % 2 and case.path_parameters:
        name = str(case.operation.definition.raw.get("operationId"))
        real = {**REAL, "job": site.job, "user": "victim" if name in LASTING else "una"}
        for parameter in case.path_parameters:
            if parameter in real and not (name == "take_down" and parameter == "name"):
                case.path_parameters[parameter] = real[parameter]
    for words in (case.query, case.body):
        if isinstance(words, dict) and isinstance(words.get("wait"), (int, float)):
            words["wait"] = min(words["wait"], 0.1)


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in EXCLUDED])
def test_no_request_is_answered_with_a_fault_or_otherwise_than_documented(
    operations: dict[str, Any], site: Site, name: str, mode: schemathesis.GenerationMode
) -> None:
    operation = operations[name]

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        turn = next(_turn)
        aimed(case, site, turn)
        kept = {key: value for key, value in (case.headers or {}).items() if key.lower() not in ("authorization", "cookie")}
        case.headers, case.cookies = kept, {}
        for who in (site.headers[turn % len(site.headers)], site.headers[-1]):  # everybody in turn, and each time the admin
            case.call_and_validate(base_url=site.url, headers=who, checks=list(CHECKS), timeout=60)

    try:
        send()
    except Unsatisfiable:  # there is no bad request to it: all that it takes is a text
        assert mode is schemathesis.GenerationMode.NEGATIVE


def test_what_is_left_out_is_there() -> None:
    assert set(EXCLUDED) < set(NAMES)
