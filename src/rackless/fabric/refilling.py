"""A backup goes into the fabric's database: of another fabric, or of an installation that was none.

Nobody may write meanwhile, so this node's server ends and other nodes are in maintenance. The server is started again whatever
comes of it; what was not restored to the end is not there (restoring.py), and the same may be asked for again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rackless.deadline import Deadline
from rackless.fabric.places import Folder
from rackless.model.errors import InputError, ProviderError, StateError, remade
from rackless.model.fabric import Function
from rackless.running import run

if TYPE_CHECKING:
    from rackless.fabric.node import NodeDaemon

log = logging.getLogger(__name__)

TAKES = 3600.0
"""Seconds that a backup may take to be put back."""
SERVES = 120.0
"""Seconds until the server answers again."""
COPY = "restore.backup"


async def restored(daemon: NodeDaemon, file: Path, *, replace: bool) -> dict[str, Any]:
    """Put a backup into the fabric's database, and this node's server to work again.

    Args:
        file: of `rackless backup`, on this node.
        replace: what is in the database is put aside first.

    Returns:
        What `rackless restore --json` says.

    Raises:
        InputError: there is no such file, or it is no whole backup.
        StateError: another node serves, this one does not, or there are labs or users and `replace` was not asked for.
        ProviderError: the database does not answer, or refuses.
    """
    alone(daemon)
    folder = daemon.places.application
    try:
        await asyncio.to_thread(copied, file, folder)
        async with daemon.quiet():
            found = await _restored(daemon, folder, file, replace)
    finally:
        (folder / COPY).unlink(missing_ok=True)
    log.info("a backup was put back: %d rows, %d labs", found["rows"], len(found["labs"]))
    deadline = Deadline(SERVES)
    while not (await daemon.world.health()).serving:
        if deadline.over:
            raise deadline.missed(
                "the server", hint="The backup is in the database; `rackless fabric status` shows what does not run."
            )
        await deadline.pause(0.5)
    return found


def alone(daemon: NodeDaemon) -> None:
    """Raises StateError when another node's server would go on writing, or this one has none."""
    me = daemon.node
    if me is None or not me.has(Function.APPLICATION) or me.maintenance:
        raise StateError(
            "This node serves nobody: nothing can be restored here.", hint="`rackless fabric status` shows the nodes that serve."
        )
    others = [one.name for one in daemon.layout.having(Function.APPLICATION) if one.id != me.id and not one.maintenance]
    if others:
        raise StateError(
            f"{', '.join(others)} would go on writing.",
            hint=" ".join(f"`rackless fabric maintenance {name} on`" for name in others) + ", and `off` afterwards.",
        )


def copied(file: Path, folder: Folder) -> None:
    """For the server's user only: a backup has every secret. Raises InputError when there is no such file."""
    if not file.is_file():
        raise InputError(f"There is no file {file} on this node.", hint="Copy the backup to it.")
    target = folder / COPY
    target.unlink(missing_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as to, file.open("rb") as there:
        shutil.copyfileobj(there, to)
    if os.geteuid() == 0 and folder.user != "root":
        owner = pwd.getpwnam(folder.user)
        os.chown(target, owner.pw_uid, owner.pw_gid)


async def _restored(daemon: NodeDaemon, folder: Folder, file: Path, replace: bool) -> dict[str, Any]:
    node = daemon.node
    assert node is not None
    words, environment = daemon.applying.restoring(node)
    asked = [*words, str(folder / COPY), "--json", *(["--replace"] if replace else [])]
    if os.geteuid() == 0 and folder.user != "root":
        owner = pwd.getpwnam(folder.user)
        asked = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--init-groups", *asked]
    done = await run(asked, deadline=TAKES, env=environment, cwd=Path("/"), check=False)
    try:
        found = json.loads(done.out)
    except ValueError as error:
        last = (done.err.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise ProviderError(f"The backup was not put back: {last}", hint="Nothing of it is in the database.") from error
    if done.code:
        said = found["error"]
        message = str(said["message"]).replace(str(folder / COPY), str(file))
        raise remade(str(said["code"]), message, hint=str(said["hint"]))
    return dict(found)
