"""Asks FRR's daemons over the sockets that vtysh uses (lib/vty.c): no process is started for it."""

from __future__ import annotations

import os
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = "/run/frr"
DEADLINE = 5.0
"""Seconds for an answer."""
MOST = 1 << 24
"""Octets of an answer."""


def ask(daemon: str, command: str, folder: str = FOLDER) -> dict[str, Any]:
    """The JSON that a command prints; empty when the daemon does not run, does not answer in time or says no."""
    import json

    path = f"{folder}/{daemon}.vty"
    if not os.path.exists(path):
        return {}
    try:
        found = json.loads(_said(path, command))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(path: str, command: str) -> bytes:
    """A question ends with a NUL, an answer with three of them and the command's status, one octet.

    Raises:
        OSError: no answer in time.
        ValueError: the command was refused.
    """
    end = time.monotonic() + DEADLINE
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(DEADLINE)
        line.connect(path)
        line.sendall(command.encode() + b"\0")
        said = bytearray()
        while len(said) < 4 or said[-4:-1] != bytes(3):
            left = end - time.monotonic()
            if left <= 0 or len(said) > MOST:
                raise TimeoutError(f"{path} does not end its answer")
            line.settimeout(left)
            data = line.recv(65536)
            if not data:
                raise ConnectionError(f"{path} hung up")
            said += data
    if said[-1]:
        raise ValueError(f"{command} is answered with status {said[-1]}")
    return bytes(said[:-4])
