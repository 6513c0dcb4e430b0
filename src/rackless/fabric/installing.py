"""How a release comes onto this node: a Debian package, which nodes hand to each other, or a command of the operator's.

It runs in a session of its own, because it ends this daemon in its midst, and what it came to is a file: the daemon that is
there then finds it. Once it has ended well the daemon starts again, for what it runs of is the old release.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from rackless.fabric import health
from rackless.fabric.places import PEER_PORT, Places
from rackless.model.errors import InputError, ProviderError, RacklessError
from rackless.model.fabric import Node
from rackless.release import release
from rackless.running import run, spawn

log = logging.getLogger(__name__)

PACKAGE, RUN = "package", "run"
"""Kinds of `how`: "package SHA256", "run COMMAND"."""
APT = ("apt-get", "install", "--yes", "--allow-downgrades", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
READING = 30.0
"""Seconds to read what a package says of itself."""
HANDING = 300.0
"""Seconds for a package to come from another node."""
RUNS, DONE, FAILED = "runs", "done", "failed"
LINES = 3
"""Of an installation's last words, that are told."""
KEEPING = 'sh -c "$1" </dev/null; echo $? > "$2.new"; mv "$2.new" "$2"'


async def offered(places: Places, package: Path) -> tuple[str, str]:
    """Take a package to hand it to the others.

    Returns:
        The release that is in it, and its SHA-256.

    Raises:
        InputError: it is no Debian package of ours.
    """
    done = await run(["dpkg-deb", "--field", package, "Package", "Version"], deadline=READING, check=False)
    fields = dict(line.split(": ", 1) for line in done.out.decode(errors="replace").splitlines() if ": " in line)
    if done.code or fields.get("Package") != "rackless" or "Version" not in fields:
        raise InputError(f"{package} is no Debian package of Rackless.", hint="`make deb` builds one.")
    return fields["Version"], await asyncio.to_thread(_keep, places, package)


def package(places: Places, digest: str) -> Path:
    """Raises InputError when this node has it not."""
    if len(digest) != 64 or not digest.isalnum() or not (found := _folder(places) / f"{digest}.deb").exists():
        raise InputError("There is no such package here.")
    return found


async def asked(places: Places, others: Iterable[Node], wanted: str, how: str) -> dict[str, str]:
    """Let this node have that release; asked again, how far that is.

    Returns:
        `state` (RUNS, DONE, FAILED), and `why` it failed.
    """
    kept = _kept(places)
    if release() == wanted:
        _forget(places)
        return {"state": DONE, "why": ""}
    if (kept.get("release"), kept.get("how")) == (wanted, how):
        why = _came_to(places, kept, wanted)
    else:
        try:
            await _begin(places, others, wanted, how)
            why = ""
        except RacklessError as error:
            why = error.message
    if why:
        _forget(places)  # who asks again tries again
    return {"state": FAILED if why else RUNS, "why": why}


def _came_to(places: Places, kept: dict[str, Any], wanted: str) -> str:
    """Why it failed; empty while it runs, and when it ended well: this daemon starts again then."""
    try:
        code = _code(places).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return "" if _lives(int(kept["pid"])) else "It was cut off."
    if code != "0":
        return f"It ended with status {code}: {_last_words(places)}"
    if kept.get("again"):
        return f"The release is {release()} after it, not {wanted}."
    places.own.write(_KEPT, json.dumps({**kept, "again": True}))
    log.info("%s is installed: this daemon starts again", wanted)
    os.kill(os.getpid(), signal.SIGTERM)
    return ""


_KEPT = "install.json"


def _folder(places: Places) -> Path:
    """apt reads packages as a user of its own, who may not look into own/; there is no secret in them."""
    return places.top / "packages"


def _code(places: Places) -> Path:
    return places.own / "install.code"


def _kept(places: Places) -> dict[str, Any]:
    try:
        return dict(json.loads((places.own / _KEPT).read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}


async def _begin(places: Places, others: Iterable[Node], wanted: str, how: str) -> None:
    kind, _, what = how.partition(" ")
    if kind == PACKAGE:
        await _fetch(places, others, what)
        words = " ".join([*APT, str(package(places, what))])
    elif kind == RUN and what:
        words = what
    else:
        raise InputError("It was not said how.")
    _code(places).unlink(missing_ok=True)
    env = {"RACKLESS_RELEASE": wanted, "DEBIAN_FRONTEND": "noninteractive"}
    pid = spawn(["sh", "-c", KEEPING, "-", words, _code(places)], log=places.log / "install.log", env=env, cwd=Path("/"))
    places.own.write(_KEPT, json.dumps({"release": wanted, "how": how, "pid": pid}))
    log.info("%s is being installed: %s", wanted, words)


def _forget(places: Places) -> None:
    (places.own / _KEPT).unlink(missing_ok=True)


def _last_words(places: Places) -> str:
    lines = (places.log / "install.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " / ".join(lines[-LINES:]) or "no message"


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _fetch(places: Places, others: Iterable[Node], digest: str) -> None:
    """Raises ProviderError when no node has it whole."""
    with contextlib.suppress(InputError):
        package(places, digest)
        return
    for node in others:
        try:
            async with health.asked(places, answers=HANDING) as client:
                answer = await client.get(f"https://{node.address}:{PEER_PORT}/v1/packages/{digest}")
        except (httpx.HTTPError, OSError, RacklessError) as error:
            log.info("%s hands out no package: %s", node.name, error)
            continue
        if answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == digest:
            await asyncio.to_thread(_write, places, digest, answer.content)
            return
    raise ProviderError("No node that answers has the package.", hint="Run `rackless fabric upgrade` with it again.")


def _keep(places: Places, file: Path) -> str:
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    _write(places, digest, data)
    return digest


def _write(places: Places, digest: str, data: bytes) -> None:
    """In place of the one before."""
    folder = _folder(places)
    folder.mkdir(mode=0o755, exist_ok=True)
    folder.chmod(0o755)
    path = folder / f"{digest}.deb"
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.chmod(0o644)
    fresh.replace(path)
    for old in folder.glob("*.deb"):
        if old != path:
            old.unlink()
