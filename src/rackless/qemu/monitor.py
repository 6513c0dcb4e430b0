"""QMP: short conversations with a machine's monitor.

A QMP socket serves one client at a time; a second one waits in the listen queue. So a conversation takes the machine's
lock, says what it has to say in a few milliseconds, and hangs up: a server that is killed leaves nothing locked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient, QMPError

from rackless.model.errors import AbsentError, DeadlineError, ProviderError

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 20.0


class Refused(ProviderError):
    """The monitor answered with an error; `reason` is its own words."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"The machine's monitor refused {command}: {reason}.", hint="See the machine's qemu.log.")
        self.reason = reason


class Monitor:
    """An open conversation."""

    def __init__(self, client: QMPClient) -> None:
        self._client = client

    async def execute(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run one QMP command.

        Raises:
            Refused: the monitor said no.
            AbsentError: the machine ended meanwhile.
            DeadlineError: no answer within 20 s.
        """
        try:
            return await asyncio.wait_for(self._client.execute(command, arguments), COMMAND_SECONDS)
        except ExecuteError as error:
            raise Refused(command, str(error)) from error
        except (ExecInterruptedError, QMPError) as error:
            raise AbsentError(f"The machine ended during {command}.", hint="Start it again.") from error
        except TimeoutError as error:
            raise DeadlineError(f"The machine's monitor did not answer {command} in {COMMAND_SECONDS:g} s.") from error

    async def hand_over(self, name: str, fd: int) -> None:
        """Give the machine an open file, as `fd:NAME`. The caller's stays open. Raises as `execute` does."""
        self._client.send_fd_scm(fd)
        await self.execute("getfd", {"fdname": name})

    async def attempt(self, command: str, arguments: Mapping[str, Any], allowed: str) -> bool:
        """Run a command for which one refusal (its words contain `allowed`) means that there is nothing to do."""
        try:
            await self.execute(command, arguments)
        except Refused as error:
            if allowed not in error.reason:
                raise
            return False
        return True


@asynccontextmanager
async def converse(path: Path, pid: int) -> AsyncIterator[Monitor]:
    """Open a conversation over the unix socket `path`, making sure that process `pid` is at the other end.

    Raises:
        AbsentError: nobody listens.
        ProviderError: someone else listens there.
        DeadlineError: someone else holds the monitor for too long.
    """
    client = QMPClient("rackless")
    end = await connect(path, pid)
    try:
        await asyncio.wait_for(client.connect(end), CONNECT_SECONDS)
    except TimeoutError as error:
        end.close()
        raise DeadlineError(
            f"The monitor {path} is held by another client for {CONNECT_SECONDS:g} s.", hint="End the other client."
        ) from error
    except ConnectError as error:
        end.close()
        raise AbsentError(f"The machine of {path} ended.", hint="Start it again.") from error
    try:
        yield Monitor(client)
    finally:
        try:
            await asyncio.wait_for(client.disconnect(), CONNECT_SECONDS)
        except (QMPError, EOFError, OSError):
            end.close()  # It ended first: that is what disconnecting is for.


async def connect(path: Path, pid: int) -> socket.socket:
    """Connect to a machine's unix socket and check that the listener is process `pid` (SO_PEERCRED, unix(7)).

    Raises:
        AbsentError: nobody listens.
        ProviderError: another process listens.
    """
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(end, str(path))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        end.close()
        raise AbsentError(f"Nobody listens at {path}.", hint="Start the machine again.") from error
    other = listener(end)
    if other != pid:
        end.close()
        raise ProviderError(
            f"At {path} process {other} answers, not this machine's process {pid}.",
            hint="Another program took the socket: restart the machine.",
        )
    return end


def listener(end: socket.socket) -> int:
    """The pid of the process that listens at the other end of a connected unix socket."""
    return int.from_bytes(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


def listening(path: Path) -> int | None:
    """The pid that listens at a unix socket, None if nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as end:
        try:
            end.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except BlockingIOError:
            return -1  # Alive, with a full listen queue.
        return listener(end)
