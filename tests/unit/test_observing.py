"""The log: one line a record, what it is about, no secrets, and files that don't grow for ever."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rackless import observing
from rackless.model.errors import InputError


def line(message: str, *args: object, in_json: bool = False, journal: bool = False, level: int = logging.INFO) -> str:
    record = logging.LogRecord("rackless.x", level, __file__, 1, message, args, None)
    return observing.formatter(in_json=in_json, journal=journal).format(record)


def test_a_record_says_what_it_is_about() -> None:
    with observing.bound(lab="lab", job="deploy-1"):
        text, found = line("made %d", 3), json.loads(line("made %d", 3, in_json=True))
    assert text.endswith(" INFO rackless.x: made 3 [lab=lab job=deploy-1]")
    assert found.pop("time").endswith("Z")
    assert found == {"level": "info", "logger": "rackless.x", "message": "made 3", "lab": "lab", "job": "deploy-1"}
    assert line("later").endswith("later")


async def test_tasks_and_threads_that_begin_inside_are_about_the_same() -> None:
    async def task() -> str:
        return await asyncio.to_thread(line, "x")

    with observing.bound(request="r1"):
        running = asyncio.create_task(task())
    assert (await running).endswith("[request=r1]")


def test_no_input_makes_a_line_of_its_own_or_moves_the_cursor() -> None:
    text = line("GET %s", "/a\n2026 CRITICAL fake\x1b[2J\x9b1A")
    assert text.isprintable()
    assert "\\n2026 CRITICAL fake\\x1b[2J\\x9b1A" in text


@pytest.mark.parametrize(
    "secret",
    [
        "rkl_{}",
        "postgresql://me:{}@host/db",
        "Authorization: Bearer {}",
        "authorization: basic {}",
        "/#ticket={}",
        '{{"password": "{}"}}',
        "client_secret={}&x=1",
        "Cookie: rackless_session={}; other=1",
    ],
)
@pytest.mark.parametrize("in_json", [False, True])
def test_what_looks_like_a_secret_becomes_stars(secret: str, in_json: bool) -> None:
    word = "s3cretS3cretS3cret"
    assert word not in line("it was %s.", secret.format(word), in_json=in_json)
    try:
        raise ValueError(secret.format(word))
    except ValueError:
        record = logging.LogRecord("rackless.x", 40, __file__, 1, "failed", (), sys.exc_info())
    told = observing.formatter(in_json=in_json).format(record)
    assert "ValueError" in told
    assert word not in told
    record = logging.makeLogRecord({"msg": "x", "name": "y", "levelname": "INFO", "password": word, "levelno": 20})
    assert word not in observing.formatter(in_json=in_json).format(record)


def test_ordinary_words_stay() -> None:
    text = "the token of una was revoked; 12 passwords; http://host:8080/path@x"
    assert text in line(text)


def test_the_journal_gets_levels_and_one_line_json() -> None:
    found = line("full", level=logging.ERROR, in_json=True, journal=True)
    assert found.startswith('<3>{"time"')
    assert "\n" not in found


def test_a_form_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="RACKLESS_LOG is 'xml'"):
        observing.set_up(form="xml")


PROGRAM = """
import logging, os, sys
from pathlib import Path
from rackless import observing
observing.LONGEST = 10_000
observing.set_up(file=Path(sys.argv[1]))
for number in range(1000):
    logging.getLogger("rackless.x").info("record %04d", number)
os.write(2, b"the end of standard error\\n")
os.write(1, b"the end of standard output\\n")
"""


def test_a_log_file_is_begun_anew_and_old_ones_go(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    with file.open("a") as log:
        subprocess.run([sys.executable, "-c", PROGRAM, str(file)], stdout=log, stderr=log, env=os.environ, check=True, timeout=60)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["server.log", *(f"server.log.{number}" for number in range(1, 6))]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("server.log.[1-4]"))
    assert file.stat().st_mode & 0o077 == 0
    kept = "".join((tmp_path / name).read_text() for name in [*reversed(names[1:]), "server.log"])
    numbers = [int(part.split("record ")[1][:4]) for part in kept.splitlines() if "record " in part]
    assert numbers == list(range(numbers[0], 1000))
    assert "the end of standard error" in file.read_text()
    assert "the end of standard output" in file.read_text()


def test_standard_error_that_is_no_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    file.write_text("")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("record") == 1000
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]
