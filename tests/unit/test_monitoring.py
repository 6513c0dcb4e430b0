"""What watches over the server sees: numbers, health, readiness, and one log line a request."""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.api_client import Client

from rackless import daemons, durable
from rackless.api.app import make
from rackless.keepers.readiness import Readiness

Numbers = dict[str, dict[tuple[str, ...], float]]


async def numbers(client: Client) -> Numbers:
    """Every sample by name, then by the values of its labels in the order of their names."""
    found: Numbers = {}
    for family in text_string_to_metric_families(await client.text("http://rackless/metrics")):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


@pytest.fixture
async def tcp() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on TCP, without a token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make(lambda: None)), base_url="http://127.0.0.1:8000") as http:
        yield http


async def test_numbers_follow_a_lab_through_its_life(client: Client) -> None:
    before = await numbers(client)
    assert before["rackless_labs"][("ready",)] == 0
    await client.up()
    up = await numbers(client)
    assert up["rackless_labs"][("ready",)] == 1
    assert up["rackless_machines"][("running",)] == 6
    assert up["rackless_jobs_running"] == {} if "rackless_jobs_running" in up else True
    assert up["rackless_capacity_held"][("memory_bytes",)] > 0
    assert up["rackless_pool_numbers_taken"][("console",)] == 6
    assert up["rackless_store_bytes"][()] > 10_000
    assert up["rackless_consoles"][("lines",)] == 6
    assert up["rackless_queue_length"][()] == up["rackless_boots_waiting"][()] == up["rackless_boots_now"][()] == 0
    done = before.get("rackless_job_seconds_count", {}).get(("succeeded", "deploy"), 0)
    assert up["rackless_job_seconds_count"][("succeeded", "deploy")] == done + 1
    assert up["rackless_provider_seconds_count"][("fake", "ensure")] > 0
    await client.down()
    down = await numbers(client)
    assert sum(down["rackless_labs"].values()) == sum(down["rackless_machines"].values()) == 0
    assert down["rackless_capacity_held"][("memory_bytes",)] == 0


async def test_requests_are_counted_by_route_and_no_label_is_somebodys_choice(client: Client) -> None:
    await client.up()
    for _ in range(3):
        await client.ask("GET", "/labs/lab")
    await client.ask("GET", "/labs/absent-lab", status=404)
    await client.ask("GET", "/no/such/route-of-mine", status=404)
    text = await client.text("http://rackless/metrics")
    found = await numbers(client)
    by_route = found["rackless_http_requests_total"]
    shown = {key: value for key, value in by_route.items() if key[1].endswith("/labs/{name}") and key[0] == "GET"}
    assert {key[2]: value for key, value in shown.items()}["200"] >= 3
    assert any(key[2] == "404" for key in shown)
    assert ("GET", "none", "404") in by_route
    for word in ("absent-lab", "route-of-mine", '="lab"', "west", "pc1", '"eng"'):
        assert word not in text


async def test_a_failing_provider_is_counted_by_verb_and_code(client: Client) -> None:
    client.cloud.fail("ensure", times=1)
    before = (await numbers(client)).get("rackless_provider_failures_total", {}).get(("provider", "fake", "ensure"), 0)
    await client.up()
    assert (await numbers(client))["rackless_provider_failures_total"][("provider", "fake", "ensure")] == before + 1


async def test_numbers_take_a_token_and_health_takes_none(client: Client, tcp: httpx.AsyncClient) -> None:
    assert (await tcp.get("/metrics")).status_code == 401
    await client.ask("POST", "/users", {"name": "prom", "role": "viewer"})
    token = (await client.ask("POST", "/users/prom/tokens", {"label": "scrape"}))["token"]
    answer = await tcp.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert (await tcp.get("/healthz")).json() == {"status": "ok"}
    ready = await tcp.get("/readyz")
    assert ready.status_code == 200, ready.text
    assert [check["name"] for check in ready.json()["checks"]] == [
        "store", "provider", "workflows", "heartbeat", "keepers", "disk",
    ]  # fmt: skip


async def broken(tcp: httpx.AsyncClient) -> dict[str, str]:
    answer = await tcp.get("/readyz")
    checks = {check["name"]: check["reason"] for check in answer.json()["checks"] if not check["ok"]}
    assert answer.status_code == (503 if checks else 200)
    assert answer.json()["ready"] is not bool(checks)
    assert (await tcp.get("/healthz")).status_code == 200
    return checks


async def test_a_store_of_another_form_is_not_ready(client: Client, tcp: httpx.AsyncClient) -> None:
    await client.world.database.run(lambda db: db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    assert await broken(tcp) == {"store": "the store is not of this version's form"}


async def test_a_store_that_is_gone_is_not_ready_and_tells_nothing(client: Client, tcp: httpx.AsyncClient) -> None:
    await client.world.database.run(lambda db: db.execute(sa.text("ALTER TABLE alembic_version RENAME TO aside")))
    assert await broken(tcp) == {"store": "the store is not of this version's form"}
    await client.world.database.run(lambda db: db.execute(sa.text("ALTER TABLE aside RENAME TO alembic_version")))
    client.cloud.fail("owned", times=1)
    found = await broken(tcp)
    assert found == {"provider": "it does not answer"}
    assert await broken(tcp) == {}


async def test_a_full_disk_and_an_engine_that_ended_are_not_ready(
    client: Client, tcp: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable.close()
    assert await broken(tcp) == {"workflows": "the workflow engine does not run"}
    await daemons.resume(client.world)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 * 1024**2))
    assert await broken(tcp) == {"disk": "5 MiB are free, less than 100"}


async def test_a_keeper_that_died_and_a_heart_that_stopped_are_not_ready(client: Client) -> None:
    import asyncio

    async def dies() -> None:
        raise RuntimeError("gone")

    class Still:
        age = 9.0

    task = asyncio.create_task(dies(), name="timekeeper")
    await asyncio.wait([task])
    heartbeat: Any = Still()
    found = await Readiness(client.world, heartbeat=heartbeat, keeping=lambda: [task]).look()
    assert {check.name: check.reason for check in found if not check.ok} == {
        "keepers": "ended: timekeeper",
        "heartbeat": "the last heartbeat is 9 s old",
    }
    task.exception()


async def test_asking_often_is_no_work(client: Client) -> None:
    readiness = Readiness(client.world)
    first = await readiness.look()
    assert await readiness.look() is first


async def test_every_answer_has_a_request_id_and_every_request_a_line(
    client: Client, tcp: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="rackless.api.requests")
    given = await tcp.get("/v1/labs", headers={"x-request-id": "ci-run.4711"})
    assert given.headers["x-request-id"] == "ci-run.4711"
    for evil in ("short", "x" * 65, "with space in it", "a\tb_c_d_e_f"):
        made = (await tcp.get("/v1/labs", headers={"x-request-id": evil})).headers["x-request-id"]
        assert len(made) == 32
    assert caplog.messages[0].startswith("GET /v1/labs: 401 in ")
    caplog.clear()
    await tcp.get("/v1/labs?token=rkl_0123456789abcdef")
    assert "rkl_" not in caplog.text
    caplog.clear()
    await tcp.get("/healthz")
    assert caplog.messages == []


async def test_the_log_of_a_job_names_lab_job_step_and_caller(client: Client, tmp_path: Path) -> None:
    from rackless import observing

    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(observing.formatter(in_json=False).format(record))

    kept = Kept()
    states = logging.getLogger("rackless.states")
    before = states.level
    states.addHandler(kept)
    states.setLevel(logging.INFO)
    try:
        started = await client.up()
    finally:
        states.removeHandler(kept)
        states.setLevel(before)
    ready = next(line for line in lines if "sandbox lab: deploying => ready" in line)
    assert f"lab=lab" in ready  # noqa: F541
    assert f"job={started['job']}" in ready
    assert "step=ready" in ready
    assert "caller=local" in ready
    assert "request=" in ready
    assert "giv3n-by-file" not in "".join(lines)
