"""What a session needs at the user's end, where there is no terminal: programs and files with the user's own rights."""

from __future__ import annotations

import os
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 120.0
"""Seconds that a program gets. A ping of many packets is the longest that is sensible here."""
MOST_OUTPUT = 32 * 1024 * 1024
"""Characters kept of a program's output or of a file."""


class UserChannel:
    """Collects text; runs programs as the user who logged in, never as the daemon."""

    def __init__(self, user: str) -> None:
        self.tty = False
        self.echoed = True
        self.said: list[str] = []
        self._user = user

    def take(self) -> str:
        """All that was said since the last time."""
        text = "".join(self.said)
        self.said.clear()
        return text

    def text(self, text: str, *, paging: bool = False) -> None:
        self.said.append(text)

    def ask(self, prompt: str, *, echo: bool) -> str | None:
        return None

    def terminal(self) -> str | None:
        return None

    def run(self, argv: list[str], *, capture: bool) -> tuple[int, str]:
        code, text = self._program(argv, "")
        if not capture:
            self.said.append(text)
            return code, ""
        return code, text

    def read(self, path: str) -> str:
        code, text = self._program(["cat", "--", path], "")
        if code != 0:
            raise OSError(text.strip().rpartition(": ")[2] or "can't be read")
        return text

    def write(self, path: str, text: str) -> None:
        # Configurations hold secrets: a new file is for its owner only.
        code, said = self._program(["sh", "-c", 'umask 077 && cat >"$0"', path], text)
        if code != 0:
            raise OSError(said.strip().rpartition(": ")[2] or "can't be written")

    def _program(self, argv: list[str], stdin: str) -> tuple[int, str]:
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
                **self._rights(),
            )
        except subprocess.TimeoutExpired:
            return 124, f"{argv[0]} did not end within {PATIENCE:g} s\n"
        except OSError as error:
            return 127, f"{argv[0]}: {error.strerror}\n"
        return done.returncode, done.stdout[:MOST_OUTPUT].replace("\0", "")

    def _rights(self) -> dict[str, Any]:
        """How to become the user. In a test's folder world the daemon is the user."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "USER": self._user, "HOME": "/"}
        if self._user == "root" or os.geteuid() != 0:
            return {"env": {**environment, "HOME": "/root"}}
        import pwd

        entry = pwd.getpwnam(self._user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/",
                "env": {**environment, "HOME": entry.pw_dir}}  # fmt: skip
