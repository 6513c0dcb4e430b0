"""What the two clients do differently: how one waits, and what moves the bytes."""

from __future__ import annotations

import asyncio
from asyncio import sleep
from asyncio import to_thread as off_loop
from collections.abc import Mapping
from time import monotonic as now
from typing import TYPE_CHECKING, Any

import httpx

from rackless import unencrypted
from rackless.client.places import Local, Place

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as Socket

__all__ = ["Socket", "http", "now", "off_loop", "open_socket", "received", "sleep"]


def http(place: Place, timeout: httpx.Timeout) -> httpx.AsyncClient:
    if isinstance(place, Local):
        transport = unencrypted.asynchronous(place.settings.socket)
        return httpx.AsyncClient(transport=transport, base_url=place.base, timeout=timeout, trust_env=False)
    tls = place.tls
    # A proxy of the environment is for what goes out of this machine: what is in the clear does not.
    return httpx.AsyncClient(base_url=place.base, timeout=timeout, verify=tls or True, trust_env=tls is not None)


async def open_socket(place: Place, path: str, headers: Mapping[str, str], timeout: float) -> Socket:
    from websockets.asyncio.client import connect, unix_connect

    more: dict[str, Any] = {"max_size": None, "compression": None, "open_timeout": timeout, "additional_headers": headers}
    if isinstance(place, Local):
        return await unix_connect(str(place.settings.socket), f"ws://rackless{path}", **more)
    tls = place.tls
    return await connect(f"ws{place.base.removeprefix('http')}{path}", ssl=tls, proxy=True if tls else None, **more)


async def received(socket: Socket, timeout: float | None) -> bytes | str:
    """The next message. Raises TimeoutError."""
    async with asyncio.timeout(timeout):
        return await socket.recv()
