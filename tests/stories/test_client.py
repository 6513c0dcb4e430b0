"""rackless.client against a real server on the `fake` provider: what a program that uses it sees."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.shell import EXAMPLE

from rackless.client import AsyncClient, Client
from rackless.client.models import JobEnvelope, JobState, LabEvent, SandboxState
from rackless.model.errors import BlueprintErrors, DeadlineError, NotFoundError
from rackless.settings import Settings, load

LAB = "back-to-back"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Of a server that the client starts by itself."""
    top = tmp_path_factory.mktemp("c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACKLESS_PROVIDER", "fake")
        found = load({"RACKLESS_STATE": str(top / "s"), "RACKLESS_RUN": str(top / "r")})
        yield found
        with Client(settings=found, start=False) as client:
            client.server.stop()


@pytest.fixture
def lab(settings: Settings) -> Iterator[Client]:
    with Client(settings=settings) as client:
        client.wait(client.deploy_file(EXAMPLE).job, deadline=60)
        yield client
        ended = client.labs.take_down(LAB, wait=60)
        assert ended is None or ended.state == JobState.SUCCEEDED


def test_a_lab_from_its_file_to_its_end(lab: Client) -> None:
    shown = lab.labs.show(LAB)
    assert (shown.state, len(shown.machines), shown.routers[0].name) == (SandboxState.READY, 6, "west")
    done = lab.wires.connect(LAB, a="west:ge-0/0/1", b="east:ge-1/0/1", wait=60)
    assert done.state is JobState.SUCCEEDED
    assert ("west:ge-0/0/1", "east:ge-1/0/1") in [wire.ends for wire in lab.labs.show(LAB).wires]
    output = lab.run(LAB, "west", "show version")
    assert (output.exit, "would run: show version" in output.out) == (0, True)
    saved = lab.wait(lab.routers.save(LAB).job, deadline=60)
    assert saved.result == ["west", "east"]
    assert "set " in lab.routers.saved(LAB, "west")


def test_a_console_has_what_was_typed_before_and_after(lab: Client) -> None:
    with lab.console(LAB, "west-vcp", who="first") as line, lab.console(LAB, "west-vcp", who="second") as other:
        line.write(b"typed here\r")
        assert line.read_until(b"typed here", 30).endswith(b"typed here")
        assert other.read_until(b"typed", 30).endswith(b"typed")
        with pytest.raises(DeadlineError, match=r"did not come within 0\.2 s"):
            other.read_until(b"nobody wrote this", 0.2)
        assert any("watch only" in note for note in other.notes)
    with pytest.raises(NotFoundError, match="no machine named nobody"), lab.console(LAB, "nobody"):
        pass


def test_errors_are_those_of_the_server(settings: Settings) -> None:
    with Client(settings=settings) as client:
        with pytest.raises(NotFoundError, match="no lab named nothing"):
            client.labs.show("nothing")
        for name in ("a/../strange name?", "..", "a name?"):
            with pytest.raises(NotFoundError):
                client.labs.show(name)
        with pytest.raises(BlueprintErrors) as found:
            client.labs.deploy(text="name: x\nrouters: {west: {cards: none}}\n", file="x.yaml")
        assert found.value.problems[0].file == "x.yaml"


def test_a_job_is_followed_through_the_death_of_the_server(settings: Settings) -> None:
    with Client(settings=settings) as client:
        job = client.deploy_file(EXAMPLE).job
        seen, broken = [], []
        for event in client.follow(job, broken=broken.append):
            seen.append(event.number)
            if len(seen) == 3:
                os.kill(client.server.server().pid, signal.SIGKILL)
        assert broken
        assert seen == sorted(set(seen))
        assert client.wait(job, deadline=60).state is JobState.SUCCEEDED
        assert seen == [event["number"] for event in client.lines("GET", f"/jobs/{job}/events")]
        client.labs.take_down(LAB, wait=60)


def test_what_happens_is_watched_from_an_event_on(settings: Settings) -> None:
    with Client(settings=settings) as client:
        started = client.labs.deploy(text="name: watched\nrouters: {r: {cards: 1, ports_per_card: 1}}\n")
        seen = []
        for event in client.watch(lab="watched", topics=["labs", "jobs"], after=0):
            seen.append(event)
            if isinstance(event.body, JobEnvelope) and event.body.id == started.job and event.body.state is JobState.SUCCEEDED:
                break
        states = [event.body.state for event in seen if isinstance(event.body, LabEvent)]
        assert states[-1] is SandboxState.READY
        first = next(client.watch(lab="watched", after=seen[-2].id, topics=["labs", "jobs"]))
        assert first == seen[-1]
        client.labs.take_down("watched", wait=60)


async def test_the_same_with_asyncio(settings: Settings) -> None:
    async with AsyncClient(settings=settings) as client:
        started = await client.deploy_file(Path(EXAMPLE), name="other", seconds=3600)
        steps = {event.step async for event in client.follow(started.job)}
        assert "ready" in steps
        assert (await client.wait(started.job, deadline=60)).state is JobState.SUCCEEDED
        assert [one.name for one in await client.labs.list_labs(limit=1).all()] == ["other"]
        assert (await client.run("other", "west", "show version")).exit == 0
        async with client.console("other", "west-vcp") as line:
            await line.write(b"typed here\r")
            await line.read_until(b"typed here", 30)
        with pytest.raises(NotFoundError):
            await client.labs.show("nothing")
        ended = await client.labs.take_down("other", wait=60)
        assert ended is not None


def message(source: socket.socket) -> bytes:
    """A request or an answer, whole; b"" at the end."""
    text = b""
    while b"\r\n\r\n" not in text:
        piece = source.recv(1 << 20)
        if not piece:
            return b""
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
    while len(body) < length:
        body += source.recv(1 << 20)
    return head + b"\r\n\r\n" + body


class Cutter:
    """A way to the server's socket that loses the answer of each request once, after the server has worked on it."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self.cuts = 0
        self._seen: set[bytes] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(guest,), daemon=True).start()

    def _pass(self, guest: socket.socket) -> None:
        with guest, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._to))
            while asked := message(guest):
                server.sendall(asked)
                answer = message(server)
                key = next((line for line in asked.split(b"\r\n") if line.lower().startswith(b"idempotency-key")), b"")
                if key and key not in self._seen:
                    self._seen.add(key)
                    self.cuts += 1
                    return
                guest.sendall(answer)


def test_a_lost_answer_does_not_do_a_thing_twice(settings: Settings) -> None:
    text = "name: once\nrouters: {r: {cards: 1, ports_per_card: 1}}\n"
    with Client(settings=settings) as client:
        client.server.server()
        way = Cutter(settings.socket)
        with Client(url=way.url) as cut:
            started = cut.labs.deploy(text=text)
            assert started.kind == "new"
            cut.wait(started.job, deadline=60)
            ended = cut.labs.take_down("once")
            assert ended is not None
            cut.wait(ended.job, deadline=60)
            assert way.cuts == 2
        way.close()
        assert [job.verb for job in client.jobs.list_jobs("once")] == ["teardown", "deploy"]
