"""What the two clients do differently: how one waits, and what moves the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic as now
from time import sleep
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import httpx

from rackless import unencrypted
from rackless.client.places import Local, Place

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection as Socket

__all__ = ["Socket", "http", "now", "off_loop", "open_socket", "received", "sleep"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


def off_loop(work: Callable[Given, Result], *args: Given.args, **more: Given.kwargs) -> Result:
    """There is no loop to be off."""
    return work(*args, **more)


def http(place: Place, timeout: httpx.Timeout) -> httpx.Client:
    if isinstance(place, Local):
        transport = unencrypted.transport(place.settings.socket)
        return httpx.Client(transport=transport, base_url=place.base, timeout=timeout, trust_env=False)
    tls = place.tls
    # A proxy of the environment is for what goes out of this machine: what is in the clear does not.
    return httpx.Client(base_url=place.base, timeout=timeout, verify=tls or True, trust_env=tls is not None)


def open_socket(place: Place, path: str, headers: Mapping[str, str], timeout: float) -> Socket:
    from websockets.sync.client import connect, unix_connect

    more: dict[str, Any] = {"max_size": None, "compression": None, "open_timeout": timeout, "additional_headers": headers}
    if isinstance(place, Local):
        return cast("Socket", unix_connect(str(place.settings.socket), f"ws://rackless{path}", **more))
    tls = place.tls
    return cast("Socket", connect(f"ws{place.base.removeprefix('http')}{path}", ssl=tls, proxy=True if tls else None, **more))


def received(socket: Socket, timeout: float | None) -> bytes | str:
    """The next message. Raises TimeoutError."""
    return socket.recv(timeout)
