"""Processes are found by their mark, and a reused pid is never hit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rackless.qemu import process

MARK = f"testsite{os.getpid()}/lab/machine/a"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    code = "print('up', flush=True); input()"
    env = {**os.environ, process.VARIABLE: MARK}
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def test_found_by_mark_prefix_and_not_by_another(sleeper: subprocess.Popen[bytes]) -> None:
    found = process.find(MARK)
    assert found is not None
    assert found.pid == sleeper.pid
    assert [each.pid for each in process.marked(MARK.partition("/")[0])] == [sleeper.pid]
    assert process.find(MARK + "b") is None


async def test_ended_once_and_again_is_success(sleeper: subprocess.Popen[bytes]) -> None:
    found = process.find(MARK)
    assert found is not None
    await process.end(found)
    await process.end(found)
    assert process.find(MARK) is None


async def test_a_process_with_the_pid_of_an_earlier_one_lives(sleeper: subprocess.Popen[bytes]) -> None:
    found = process.find(MARK)
    assert found is not None
    await process.end(replace(found, started=found.started - 1))
    assert process.find(MARK) == found


async def test_many_who_ask_at_once_share_a_look_and_see_what_was_there_when_they_asked(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    marked = process.marked

    def counted(prefix: str) -> Iterator[process.Found]:
        looked.append(prefix)
        return marked(prefix)

    monkeypatch.setattr(process, "marked", counted)
    looks = process.Looks(MARK.partition("/")[0])
    found = await asyncio.gather(*(looks.find(MARK) for _ in range(20)))
    assert {each.pid for each in found if each is not None} == {sleeper.pid}
    assert len(looked) == 1
    assert found[0] is not None
    await process.end(found[0])
    assert await looks.find(MARK) is None, "an older look is nobody's answer"
    assert len(looked) == 2


def test_a_mark_is_the_variable_itself_and_no_other_that_ends_so() -> None:
    code = "print('up', flush=True); input()"
    env = {"PATH": os.environ["PATH"], f"NO_{process.VARIABLE}": MARK, "LAST": f"{process.VARIABLE}={MARK}"}
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert process.look(child.pid) is None
        child.kill()
