"""What servers on one PostgreSQL have in common and keep in files: which hosts are enrolled and the authority that says so, saved
and kept configurations. Whatever one of them changes, all of them have a second later.

Each remembers what it and the store had in common when it looked last (STATE/shared.json): what differs from that has changed
here, or there. What changed on both sides is as the store has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from rackless.model.errors import RacklessError
from rackless.store import files
from rackless.store.database import Database

log = logging.getLogger(__name__)

FOLDERS = ("hosts", "saved", "kept")
"""Of the state directory."""
EVERY = 1.0
"""Seconds between two looks."""
MOST = 16 << 20
"""Bytes of a file that is shared: configurations are smaller by far."""


class Sharing:
    """`state`: this server's state directory."""

    def __init__(self, state: Path, database: Database) -> None:
        self._state = state
        self._database = database
        self._memory = self._state / "shared.json"
        self._common: dict[str, str] = self._remembered()
        self._seen: dict[str, tuple[tuple[int, int, int], str]] = {}
        """Of each file the inode, size and time of the last look, and its digest."""
        self._turn = asyncio.Lock()

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (RacklessError, sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("shared files: %s", error)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Bring both sides together. Where the store is this server's alone, there is nothing to do.

        Raises:
            UnavailableError: the database is away.
        """
        if not self._database.shared:
            return
        async with self._turn:
            here = await asyncio.to_thread(self._here)
            there = await self._database.read(files.digests)
            if here == there == self._common:
                return
            ours = {name for name in here.keys() | self._common.keys() if here.get(name) != self._common.get(name)}
            ours -= {name for name in ours if there.get(name) != self._common.get(name)}
            changed = {
                name: (self._common.get(name, ""), here[name], (self._state / name).read_bytes()) for name in ours & here.keys()
            }
            gone = {name: self._common[name] for name in ours - here.keys()}
            if changed or gone:
                await self._database.run(_write, changed, gone)
                there = await self._database.read(files.digests)
            wanted = [name for name, digest in there.items() if here.get(name) != digest]
            content = await self._database.read(files.contents, wanted) if wanted else {}
            await asyncio.to_thread(self._take, content, [name for name in here if name not in there])
            self._common = dict(there)
            self._remember()

    def _here(self) -> dict[str, str]:
        found = {}
        for folder in FOLDERS:
            for path in _under(self._state / folder):
                stat = path.stat()
                mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
                name = str(path.relative_to(self._state))
                if self._seen.get(name, (None,))[0] != mark:
                    self._seen[name] = (mark, hashlib.sha256(path.read_bytes()).hexdigest())
                found[name] = self._seen[name][1]
        return found

    def _take(self, content: dict[str, bytes], gone: list[str]) -> None:
        for name, data in content.items():
            path = self._state / name
            if ".." in path.parts or Path(name).parts[0] not in FOLDERS:
                continue
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = path.with_name(f".{path.name}.new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(data)
            fresh.replace(path)
        for name in gone:
            (self._state / name).unlink(missing_ok=True)

    def _remembered(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._memory.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _remember(self) -> None:
        fresh = self._memory.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(self._common), encoding="utf-8")
        fresh.replace(self._memory)


def _write(db: sa.Connection, changed: dict[str, tuple[str, str, bytes]], gone: dict[str, str]) -> None:
    files.put(db, changed)
    files.remove(db, gone)


def _under(folder: Path) -> Iterator[Path]:
    """Whole files: those that are just being written have a name that begins with a dot, or ends in .new."""
    for top, _, names in os.walk(folder):
        for name in names:
            path = Path(top, name)
            if not name.startswith(".") and not name.endswith(".new") and path.is_file() and path.stat().st_size <= MOST:
                yield path
