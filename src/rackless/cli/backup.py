"""rackless backup, restore: all that this installation knows, in one file."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, clock, say, tell
from rackless.model.errors import ProviderError

BackupFile = Annotated[str, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


def backup(file: BackupFile, in_json: InJson = False) -> None:
    """Write users, labs, their history, jobs and saved configurations into a file. Labs and jobs go on meanwhile.

    It holds every password that Rackless keeps, and only you can read it. Images and disks of machines are not part of it.

    Example: rackless backup /var/backups/rackless.backup
    """
    from rackless.client.api import Api

    target = Path(file)
    part = target.with_name(f".{target.name}.part")
    total, size = hashlib.sha256(), 0
    try:
        with Api() as api, api.stream("POST", "/backup") as answer:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as to:
                os.fchmod(descriptor, 0o600)
                for piece in answer:
                    total.update(piece)
                    size += len(piece)
                    to.write(piece)
                to.flush()
                os.fsync(descriptor)
        _whole(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    found = {"file": file, "bytes": size, "sha256": total.hexdigest()}
    as_json(found) if in_json else say(f"{file}: {size} bytes.")


def _whole(file: Path) -> None:
    """Raises ProviderError when the archive is not as it was written."""
    try:
        with gzip.open(file) as content:
            while content.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise ProviderError("The backup did not come whole.", hint="Run the same command again.") from error


def restore(
    file: BackupFile,
    replace: Annotated[bool, typer.Option("--replace", help="Also when there are labs or users: they are kept aside.")] = False,
    in_json: InJson = False,
) -> None:
    """Put a backup back, also one of an older version. The server must have ended: `rackless stop`.

    Example: rackless restore /var/backups/rackless.backup
    """
    # It works on the store itself, as the server does; loaded by name, because the command line imports nothing of it.
    from rackless.cli.loading import loaded

    done = loaded("rackless.restoring").restore(file, replace=replace)
    if in_json:
        as_json(asdict(done))
        return
    say(f"Restored: {len(done.labs)} labs, as of {clock(done.made)}.")
    if done.aside:
        tell(f"What was there before is in {done.aside}.")
    if done.site == "kept":
        tell("site.yaml stayed as it is; the backup's is beside it, as site.yaml.from-backup.")
    tell("Next: `rackless list` starts the server, which compares labs with what really runs; `rackless audit` tells leftovers.")


def add(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
