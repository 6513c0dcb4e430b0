"""The page's address on this machine."""

from __future__ import annotations

from typing import Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.model.errors import StateError

router = APIRouter(tags=["server"], responses=RESPONSES)


class Listening(BaseModel):
    """A TCP port of the server. `host`: the address that it is bound to; `url`: where this machine's browser finds it;
    `fingerprint`: SHA-256 of its certificate, "" without TLS."""

    url: str
    host: str
    port: int
    fingerprint: str


class WantedPort(BaseModel):
    """`port` 0: one that is open, else any that is free. `plain`: without TLS."""

    port: int = Field(0, ge=0, le=65535)
    plain: bool = False


class Ports(Protocol):
    """What the wiring gives the application to listen with."""

    def listening(self) -> list[Listening]: ...

    async def web(self, port: int, plain: bool) -> Listening: ...


class NoPorts:
    """Of an application that nothing serves."""

    def listening(self) -> list[Listening]:
        return []

    async def web(self, port: int, plain: bool) -> Listening:
        raise StateError("This server cannot listen on TCP.", hint="Run `rackless serve --tcp PORT`.")


@router.get("/server/ports")
async def list_ports(request: Request) -> list[Listening]:
    """The TCP ports that the server listens on."""
    return ports(request).listening()


@router.post("/server/ports")
async def open_port(body: WantedPort, request: Request) -> Listening:
    """Make sure of a port for this machine's browser. It is on the loopback address, and kept for the servers that come after."""
    return await ports(request).web(body.port, body.plain)


def ports(request: Request) -> Ports:
    found: Ports = request.app.state.ports
    return found
