"""What every route of the API has in common: one form of errors, one list of codes, one document."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.unit.api_client import Client

import rackless
from rackless.api import bounds
from rackless.api.app import make
from rackless.api.arrival import on_socket
from rackless.api.errors import ProblemDetails, body_of
from rackless.model.errors import TITLES, BlueprintErrors, Code, FilesNeededError, Problem, RacklessError, remade


def every(kind: type[RacklessError]) -> Iterator[type[RacklessError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every(below)


def loaded() -> None:
    for module in pkgutil.walk_packages(rackless.__path__, "rackless."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)


def test_every_error_anywhere_has_a_code_of_the_closed_list() -> None:
    loaded()
    kinds = set(every(RacklessError))
    assert len(kinds) > len(Code)  # those of other modules are there too
    assert all(isinstance(kind.code, Code) for kind in kinds)
    assert {kind.code for kind in kinds} == set(Code) == set(TITLES)


def test_errors_of_one_code_have_one_status() -> None:
    loaded()
    statuses = {(kind.code, kind.status) for kind in every(RacklessError)}
    assert len(statuses) == len(Code)
    assert all(status >= 400 for _, status in statuses)


def test_whatever_is_kept_comes_back_as_what_it_was() -> None:
    plain = {kind.code: kind for kind in every(RacklessError) if kind.__module__ == "rackless.model.errors"}
    for code, kind in plain.items():
        if kind in (BlueprintErrors, FilesNeededError):
            continue
        assert type(remade(code, "said")) is kind


def test_nothing_else_can_be_sent() -> None:
    error = RacklessError("no")
    error.code = "another"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="another"):
        body_of(error)


def test_a_blueprints_problems_and_the_files_that_are_asked_for_are_in_the_document() -> None:
    body = body_of(BlueprintErrors([Problem(message="m", file="f", line=3)]))
    assert body["problems"] == [{"message": "m", "hint": "", "file": "f", "line": 3, "column": 0}]
    assert body_of(FilesNeededError(["a.set"]))["files"] == ["a.set"]


async def answer(client: Client, method: str, path: str, **more: Any) -> httpx.Response:
    return await client.http.request(method, path, timeout=60, **more)


def problem(found: httpx.Response, status: int, code: Code) -> dict[str, Any]:
    assert (found.status_code, found.headers["content-type"]) == (status, "application/problem+json"), found.text
    body = found.json()
    assert ProblemDetails(**body).code is code
    assert (body["status"], body["type"]) == (status, f"urn:rackless:problem:{code.value}")
    return body


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "http://rackless/nothing.txt", {}, 404, Code.NOT_FOUND),
        ("GET", "/nothing", {}, 404, Code.NOT_FOUND),
        ("GET", "/labs/none", {}, 404, Code.NOT_FOUND),
        ("PUT", "/labs", {}, 405, Code.METHOD),
        ("POST", "/plans", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, Code.MALFORMED),
        ("POST", "/plans", {"content": b'"\xff"', "headers": {"content-type": "application/json"}}, 400, Code.MALFORMED),
        ("POST", "/plans", {"json": {"text": 3}}, 422, Code.INPUT),
        ("POST", "/plans", {"content": b'{"text": "\\ud800"}', "headers": {"content-type": "application/json"}}, 422, Code.INPUT),
        ("POST", "/plans", {"content": b"x" * (bounds.MOST + 1)}, 413, Code.TOO_LARGE),
        ("GET", "/labs/%00", {}, 400, Code.MALFORMED),
        ("GET", "/labs?x=%00", {}, 400, Code.MALFORMED),
        ("POST", "/plans", {"json": {"text": "a: [", "file": "x.yaml"}}, 422, Code.BLUEPRINT),
    ],
)
async def test_every_refusal_is_a_problem_document(
    client: Client, method: str, path: str, more: dict[str, Any], status: int, code: Code
) -> None:
    problem(await answer(client, method, path, **more), status, code)


async def test_a_body_without_a_length_is_bounded_by_what_came(client: Client) -> None:
    async def endless() -> Any:
        for _ in range(bounds.MOST // (1 << 20) + 1):
            yield b"x" * (1 << 20)

    problem(await answer(client, "POST", "/plans", content=endless()), 413, Code.TOO_LARGE)


async def test_a_method_that_is_not_there_says_which_are(client: Client) -> None:
    assert "GET" in (await answer(client, "PUT", "/self")).headers["allow"]


async def test_what_nobody_foresaw_is_a_defect_in_the_same_form(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(client.world.database, "read", breaks)
    transport = httpx.ASGITransport(on_socket(make(lambda: None)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://rackless/v1") as http:
        problem(await http.get("/labs"), 500, Code.DEFECT)


async def test_the_document_is_openapi_3_1_and_has_every_code(client: Client) -> None:
    document = (await answer(client, "GET", "http://rackless/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["schemas"]["Code"]["enum"]) == {code.value for code in Code}
    assert "ErrorBody" not in document["components"]["schemas"]
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
    assert {"/v1/labs", "/v1/labs/{name}", "/v1/labs/{name}/wires", "/v1/jobs/{job}/events"} <= set(document["paths"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert {"4XX", "5XX"} <= set(operation["responses"]), f"{method} {path}"
            assert "422" not in operation["responses"], f"{method} {path}"
