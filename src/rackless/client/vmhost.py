"""Client of a VM host's own socket (docs/reference/vmhost-api.md): what its operator asks of it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from rackless import unencrypted
from rackless.client.errors import error_in, error_of
from rackless.model.errors import ForbiddenError, InputError, RacklessError, ServerGoneError, StateError
from rackless.model.vmhost_verbs import Verb

SOCKET = "/run/rackless-vmhost/operator.sock"
ENVIRONMENT = "RACKLESS_VMHOST_SOCKET"
WHERE = "The VM host's agent"
ASKING = 60.0
"""Seconds; a long request says something every 5."""
PIECE = 1 << 20


class HostApi:
    """`with HostApi() as host:`. Errors are those that the host raised."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path(os.environ.get(ENVIRONMENT, SOCKET))
        transport = unencrypted.transport(self.path)
        self._http = httpx.Client(transport=transport, base_url="http://vmhost/v1/vmhost", timeout=ASKING, trust_env=False)

    def __enter__(self) -> HostApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def shown(self, what: Verb, **values: str) -> Any:
        """What the host answers to a question."""
        with self._told():
            answer = self._http.get(f"/{what}", params=values)
            return self._good(answer).json()

    def request(self, what: Verb, tell: Callable[[str], None], **values: object) -> Any:
        """Ask for something; `tell` is given what the host says meanwhile."""
        with self._told(), self._http.stream("POST", f"/{what}", json=values) as answer:
            return self._ended(answer, tell)

    def add_software(self, bundle: BinaryIO, size: int, name: str, tell: Callable[[str], None], **values: bool) -> Any:
        def pieces() -> Iterator[bytes]:
            while piece := bundle.read(PIECE):
                yield piece

        asked = {"name": name, **{key: "true" if value else "false" for key, value in values.items()}}
        head = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        with self._told(), self._http.stream("POST", "/add-software", params=asked, content=pieces(), headers=head) as answer:
            return self._ended(answer, tell)

    def read(self, kind: str, name: str, last: int = 0) -> Iterator[bytes]:
        """A log or crash dump, in pieces."""
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise InputError(
                f"{name!r} cannot be the name of a file of the host.", hint=f"`rackless vmhost files {kind}` lists them."
            )
        with self._told(), self._http.stream("GET", f"/files/{kind}/{quote(name)}", params={"last": last}) as answer:
            if answer.status_code != 200:
                answer.read()
            yield from self._good(answer).iter_bytes()

    def console(self, guest: str) -> socket.socket:
        """A guest's serial line, connected; `guest` is its name.

        Raises:
            ForbiddenError: it is root's alone.
            StateError: nobody is at the other end.
        """
        path = self.path.with_name(f"{guest}.console")
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except PermissionError as error:
            line.close()
            raise ForbiddenError(f"{path} may be used by root only.", hint="Run it with sudo.") from error
        except OSError as error:
            line.close()
            hint = "`rackless vmhost show` lists the guests."
            raise StateError(f"Nobody is at {path}: {error.strerror}.", hint=hint) from error
        return line

    def _ended(self, answer: httpx.Response, tell: Callable[[str], None]) -> Any:
        if answer.status_code != 200:
            answer.read()
            self._good(answer)
        for line in answer.iter_lines():
            said = json.loads(line)
            if said.get("progress"):
                tell(str(said["progress"]))
            elif "ok" in said:
                if said["ok"] is not True:
                    raise error_of(said["error"])
                return said["result"]
        raise ServerGoneError(f"{WHERE} went away before it said how it ended.", hint="`rackless vmhost show status` tells more.")

    def _good(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code != 200:
            raise error_in(answer.content, answer.status_code, WHERE)
        return answer

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise ForbiddenError(f"{self.path} may be used by root and its group only.", hint="Run it with sudo.") from error
            raise RacklessError(
                f"No VM host's agent listens at {self.path}.",
                hint=f"Is rackless-vmhost running here? {ENVIRONMENT} names another socket.",
            ) from error
        except httpx.HTTPError as error:
            raise ServerGoneError(f"{WHERE} went away ({error or type(error).__name__}).") from error
