"""Where this installation keeps things, and its site.yaml. Environment variables win over defaults.

| variable | root | user |
|---|---|---|
| RACKLESS_STATE | /var/lib/rackless | ~/.local/state/rackless |
| RACKLESS_RUN (sockets; short, paths are limited to 107 bytes) | /run/rackless | $XDG_RUNTIME_DIR/rackless or /tmp/rackless-UID |
| RACKLESS_IMAGES | $RACKLESS_STATE/images | the same |
| RACKLESS_SITE | $RACKLESS_STATE/site.yaml | the same |
| RACKLESS_DATABASE | in $RACKLESS_STATE/database, else sqlite:///$RACKLESS_STATE/rackless.sqlite | the same |

RACKLESS_DATABASE=postgresql://USER@HOST/NAME lets several servers work on one store; its password belongs in ~/.pgpass.
On a node of a fabric root's defaults for state and sockets are `state` and `run` in the folder of its application.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rackless.model.errors import InputError, StateError

FABRIC = Path("/var/lib/rackless-fabric")
"""Of the fabric's daemon, where RACKLESS_FABRIC does not name another."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    state: Path
    run: Path
    images: Path
    site_file: Path
    store: str = ""
    """URL of the store, where it is not a file in the state directory."""
    node: bool = False
    """This is a node of a fabric, whose daemon starts the server: nobody else does."""

    @property
    def socket(self) -> Path:
        """The API's unix socket; its file permissions are its lock."""
        return self.run / "api.sock"

    @property
    def moved_file(self) -> Path:
        """Names the store of an installation that has moved to PostgreSQL (`rackless move`)."""
        return self.state / "database"

    @property
    def moved(self) -> str | None:
        """The URL in it; None: it has not moved, or this is not its user."""
        try:
            return self.moved_file.read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    @property
    def database(self) -> str:
        """URL of the store."""
        return self.store or self.moved or f"sqlite:///{self.state / 'rackless.sqlite'}"

    @property
    def record(self) -> str:
        """URL of the record of durable workflows: beside the store, in a file of its own where the store is one."""
        return f"sqlite:///{self.state / 'jobs.sqlite'}" if self.database.startswith("sqlite:") else self.database

    def refuse_others(self) -> None:
        """Root may write everywhere, and would leave files in a service's state that the service itself can't read.

        Raises:
            StateError: the state is another user's.
        """
        if os.geteuid() == 0 and self.state.exists() and (owner := self.state.stat().st_uid) != 0:
            raise StateError(
                f"The state {self.state} is {user_name(owner)}'s, and its server does not run or is another version's.",
                hint=f"Use the service: `systemctl restart rackless`; or run this as {user_name(owner)}.",
            )

    def make(self) -> None:
        """Make the directories; state and sockets are their owner's only, also where something else made them first.

        Raises:
            StateError: the state is another user's, and this is root.
            InputError: one can't be had: it is another user's, a file, or on a disk that is full or read-only.
        """
        self.refuse_others()
        wanted = (("RACKLESS_STATE", self.state), ("RACKLESS_RUN", self.run), ("RACKLESS_IMAGES", self.images))
        for variable, path in wanted:
            try:
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
                if variable != "RACKLESS_IMAGES":
                    path.chmod(0o700)
            except OSError as error:
                raise InputError(
                    f"The directory {path} cannot be used by {user_name()}: {error.strerror}.",
                    hint=f"Set {variable} to a directory of yours, or run as the user whose it is.",
                ) from error


def user_name(number: int | None = None) -> str:
    """Of this process, or of that number; the number where it has no name (a container's user)."""
    wanted = os.geteuid() if number is None else number
    try:
        return pwd.getpwuid(wanted).pw_name
    except KeyError:
        return str(wanted)


def of_node(env: Mapping[str, str]) -> Path | None:
    """Where the fabric's daemon lets the server of this machine keep its files; None: this machine has none of it."""
    folder = Path(env.get("RACKLESS_FABRIC") or FABRIC) / "application"
    return folder if os.path.isdir(folder / "run") else None


def load(environ: dict[str, str] | None = None) -> Settings:
    env = dict(os.environ) if environ is None else environ
    root = os.geteuid() == 0
    node = of_node(env) if root else None
    usual = node / "state" if node else Path("/var/lib/rackless") if root else Path.home() / ".local/state/rackless"
    state = Path(env.get("RACKLESS_STATE") or usual)
    if "RACKLESS_RUN" in env:
        run = Path(env["RACKLESS_RUN"])
    elif root:
        run = node / "run" if node else Path("/run/rackless")
    else:
        base = env.get("XDG_RUNTIME_DIR")
        run = Path(base) / "rackless" if base else Path(f"/tmp/rackless-{os.getuid()}")  # noqa: S108
    state = state.absolute()
    return Settings(
        state=state,  # the server runs in another directory
        run=run.absolute(),
        images=Path(env.get("RACKLESS_IMAGES") or state / "images").absolute(),
        site_file=Path(env.get("RACKLESS_SITE") or state / "site.yaml").absolute(),
        store=env.get("RACKLESS_DATABASE", ""),
        node=node is not None and state == node / "state",
    )
