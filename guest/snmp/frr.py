"""What FRR's daemons tell (system.vty), in the forms that MIBs want."""

from __future__ import annotations

import socket

from system.vty import ask

__all__ = ["address", "ask", "number"]


def number(value: object) -> int:
    """Of a field that may be missing or be something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def address(value: object) -> bytes:
    """Of an IPv4 address or router identifier; 0.0.0.0 for what is none."""
    try:
        return socket.inet_aton(value) if isinstance(value, str) and value.count(".") == 3 else bytes(4)
    except OSError:
        return bytes(4)
