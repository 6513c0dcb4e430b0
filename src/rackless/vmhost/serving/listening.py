"""The host's HTTPS port, and what goes on beside it. Nothing listens before this host is enrolled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import uvicorn
from starlette.routing import BaseRoute

from rackless.images import store
from rackless.model.errors import InputError, RacklessError, StateError
from rackless.model.site import Site
from rackless.providers.local import management
from rackless.providers.local.layout import Layout
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings
from rackless.vmhost.serving.application import Application, make
from rackless.vmhost.serving.enrolment import Enrolment
from rackless.vmhost.serving.lasting import Lasting
from rackless.vmhost.serving.wires import Wires

log = logging.getLogger(__name__)

GRACE = 5
"""Seconds that answers under way are given at the end."""
LOOK = 10.0
"""Seconds between two looks at whether wires are carried."""


class _Server(uvicorn.Server):
    """Signals are the process's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    settings: Settings, *, more: Sequence[BaseRoute] = (), ready: Callable[[str], None] = lambda _: None, boot: str = ""
) -> None:
    """Until cancelled, or until the enrolment is withdrawn.

    Args:
        more: routes of other parts of the host.
        ready: told where it listens.
        boot: which boot of the host this is, where the kernel is not to be asked.

    Raises:
        StateError: this host is not enrolled.
    """
    enrolment = Enrolment(settings.state)
    serving = enrolment.find()
    if serving is None:
        raise StateError("This host is not enrolled.", hint="`rackless host add NAME` at the server prints how it is done.")
    os.environ[management.VARIABLE] = management.FORWARDED  # the server's loopback ports lead to this host's
    provider = LocalProvider(settings, Site(), partial(store.find, settings.images))
    layout = Layout(settings)
    wires, lasting = Wires(layout, serving.wires), Lasting(layout, boot)
    server: _Server | None = None

    def withdraw() -> None:
        enrolment.withdraw()
        if server is not None:
            server.should_exit = True

    application = Application(
        name=serving.name, settings=settings, provider=provider, wires=wires, lasting=lasting, withdraw=withdraw
    )
    tls = enrolment.context()
    listening = _socket(*serving.listen)
    config = uvicorn.Config(
        make(application, more=more),
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        ssl_context_factory=lambda *_: tls,
    )
    server = _Server(config)
    keeping = asyncio.create_task(_keep(provider, wires, lasting))
    try:
        ready(f"{serving.name}: {serving.listen[0]} port {serving.listen[1]}")
        await server.serve(sockets=[listening])
    finally:
        keeping.cancel()
        listening.close()


async def _keep(provider: LocalProvider, wires: Wires, lasting: Lasting) -> None:
    """Wires first: machines that come back find them."""
    back = False
    while True:
        try:
            await wires.restore()
            if not back:
                for ref in await lasting.come_back(provider):
                    log.info("%s/%s runs again", ref.sandbox, ref.name)
                back = True
        except (RacklessError, OSError) as error:
            log.warning("%s", error)
        await asyncio.sleep(LOOK)


def _socket(address: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError as error:
        listening.close()
        hint = "`rackless-vmhost enroll --listen ADDRESS:PORT` chose it."
        raise InputError(f"Port {port} of {address} cannot be had: {error.strerror}.", hint=hint) from error
    listening.listen(64)
    return listening
