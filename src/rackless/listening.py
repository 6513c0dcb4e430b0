"""Where the server listens: its unix socket, and TCP ports with TLS or, on the loopback address only and when asked, without.

A port that is opened for this machine's browser (`rackless web`) is kept in the state directory: the servers that come after
listen there again, so that an open page goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import re
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from rackless import certificate
from rackless.api.arrival import LOOPBACK, on_network, on_socket
from rackless.api.web import Listening
from rackless.certificate import Pair
from rackless.model.errors import InputError, ProviderError, StateError
from rackless.model.site import Site
from rackless.settings import Settings

log = logging.getLogger(__name__)

GRACE = 5
"""Seconds that answers under way (streams, consoles) are given when the server ends."""
OPENING = 10.0
DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """`host`: an IP address; `port` 0 for any that is free."""

    host: str = "127.0.0.1"
    port: int = 0

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def everywhere(self) -> bool:
        """All addresses of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified


def address(text: str) -> Address:
    """Of PORT or HOST:PORT; an IPv6 address stands in brackets.

    Raises:
        InputError: it is neither, or the host has no address.
    """
    hint = "Write PORT, HOST:PORT, or [IPV6]:PORT."
    found = re.fullmatch(r"(?:(?P<host>[^:\[\]]+|\[[0-9a-fA-F:.]+\]):)?(?P<port>\d{1,5})", text)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise InputError(f"'{text}' is no address to listen on.", hint=hint)
    host = (found["host"] or "127.0.0.1").strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            host = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            raise InputError(f"The host {host} has no address: {error.strerror}.", hint=hint) from error
    return Address(host=host, port=int(found["port"]))


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What `rackless serve` was told. `tcp` None: only what was kept. `given`: a certificate in place of our own. `clients`: the
    authority of load balancers, who alone may connect to that port."""

    tcp: Address | None = None
    plain: bool = False
    given: Pair | None = None
    clients: Path | None = None

    def __post_init__(self) -> None:
        if self.plain and self.tcp is not None and not self.tcp.loopback:
            raise InputError(
                f"Without TLS the server listens on the loopback address only, not on {self.tcp.host}.",
                hint="Leave `--plain` out: a certificate is made by itself, or give one with `--certificate` and `--key`.",
            )


class _Server(uvicorn.Server):
    """One of several in a process, whose signals are the process's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """A socket that nobody serves yet: who connects waits."""

    at: Address
    socket: socket.socket
    tls: ssl.SSLContext | None = None
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class _Open:
    at: Address
    server: _Server
    task: asyncio.Task[None]
    tls: ssl.SSLContext | None
    fingerprint: str
    """Of the certificate that is shown, which may be another than the file's by now."""


class Listeners:
    """All that the server listens on. Use inside its event loop."""

    def __init__(self, app: ASGIApp, settings: Settings, site: Site, serving: Serving) -> None:
        self._app = app
        self._settings = settings
        self._site = site
        self._serving = serving
        self._open: list[_Open] = []
        self._opening = asyncio.Lock()
        self._bound: list[_Bound] = []
        self._local: _Open | None = None

    def bind(self) -> None:
        """Take the unix socket, and the port that was asked for or kept.

        Raises:
            InputError: the socket or the port can't be had, or the certificate can't be used.
        """
        if self._serving.tcp is not None:
            self._bound = [self._bind(self._serving.tcp, plain=self._serving.plain)]
        elif (kept := _kept(self._memory)) is not None:
            try:
                self._bound = [self._bind(kept[0], plain=kept[1])]
            except InputError as error:
                log.warning("the page's port: %s", error.message)
        self._bound.append(_Bound(at=Address(), socket=unix_socket(self._settings.socket)))

    async def begin(self) -> None:
        """Serve what `bind` took."""
        *others, local = self._bound
        self._local = await self._serve(local, on_socket(self._app))
        for one in others:
            await self._listen(one)

    async def ended(self) -> None:
        """Wait until all have ended, as they do after `stop`. Renews our own certificate meanwhile."""
        assert self._local is not None
        while not self._local.task.done():
            await asyncio.wait({self._local.task}, timeout=DAY)
            if not self._local.task.done():
                self.reload()
        self.stop()
        await asyncio.gather(*(one.task for one in self._open), return_exceptions=True)
        self._settings.socket.unlink(missing_ok=True)
        self._local.task.result()

    def stop(self) -> None:
        """End after the answers under way."""
        for one in [self._local, *self._open]:
            if one is not None:
                one.server.should_exit = True

    def reload(self) -> None:
        """Read the certificate anew: for connections that come from now on. The old one stays where that fails."""
        for at, one in enumerate(self._open):
            if one.tls is not None:
                try:
                    pair = self._pair(one.at)
                    certificate.context(pair)  # a pair that fails would leave its half behind in the one that is used
                    pair.load(one.tls)
                    if self._balanced(one.at):
                        certificate.demand(one.tls, self._serving.clients)
                    self._open[at] = replace(one, fingerprint=pair.fingerprint)
                except InputError as error:
                    log.warning("the certificate stays the old one: %s", error.message)

    def listening(self) -> list[Listening]:
        """The TCP ports."""
        return [self._told(one) for one in self._open]

    async def web(self, port: int, plain: bool) -> Listening:
        """A port for this machine's browser: one that is open, or a new one on the loopback address, which is kept.

        Raises:
            InputError: the port can't be had.
        """
        async with self._opening:
            for one in self._open:
                if (one.tls is None) == plain and port in (0, one.at.port):
                    return self._told(one)
            if any(port == one.at.port for one in self._open):
                raise StateError(
                    f"The server listens on port {port} {'with' if plain else 'without'} TLS.", hint="Choose another port."
                )
            kept = _kept(self._memory)
            if port == 0 and kept is not None and kept[1] == plain:
                with contextlib.suppress(InputError):
                    return self._told(await self._listen(self._bind(kept[0], plain=plain)))
            made = await self._listen(self._bind(Address(port=port), plain=plain))
            self._memory.write_text(json.dumps({"host": made.at.host, "port": made.at.port, "plain": plain}), encoding="ascii")
            return self._told(made)

    @property
    def _memory(self) -> Path:
        return self._settings.state / "web.json"

    def _bind(self, at: Address, *, plain: bool) -> _Bound:
        listening = tcp_socket(at)
        try:
            pair = None if plain else self._pair(at)
            tls, mark = (certificate.context(pair), pair.fingerprint) if pair is not None else (None, "")
            if tls is not None and self._balanced(at):
                certificate.demand(tls, self._serving.clients)
        except BaseException:
            listening.close()
            raise
        return _Bound(at=Address(host=at.host, port=listening.getsockname()[1]), socket=listening, tls=tls, fingerprint=mark)

    async def _listen(self, bound: _Bound) -> _Open:
        names = {*LOOPBACK, *self._site.names} if bound.at.loopback else None
        strict = bound.tls is not None and not bound.at.loopback
        made = await self._serve(bound, on_network(self._app, names=names, strict=strict))
        self._open.append(made)
        return made

    async def _serve(self, bound: _Bound, app: ASGIApp) -> _Open:
        tls, balanced = bound.tls, bound.tls is not None and self._balanced(bound.at)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=GRACE,
            server_header=False,
            ssl_context_factory=(lambda *_: tls) if tls is not None else None,
            proxy_headers=balanced or (self._site.behind_proxy and bound.at.loopback and bound.socket.family != socket.AF_UNIX),
            forwarded_allow_ips="*" if balanced else ["127.0.0.1", "::1"],
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound.socket]))
        waiting = asyncio.create_task(server.listens.wait())
        await asyncio.wait({task, waiting}, timeout=OPENING, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not server.listens.is_set():
            task.cancel()
            raise ProviderError("The server could not begin to listen.", hint="Its log is server.log in its state directory.")
        return _Open(at=bound.at, server=server, task=task, tls=tls, fingerprint=bound.fingerprint)

    def _balanced(self, at: Address) -> bool:
        """Only load balancers come there."""
        return self._serving.clients is not None and at == self._serving.tcp

    def _pair(self, at: Address) -> Pair:
        if self._serving.given is not None:
            return self._serving.given
        names = {*self._site.names, *(addresses() if at.everywhere else {at.host})}
        return certificate.own(self._settings.state, names)

    def _told(self, one: _Open) -> Listening:
        host = one.at.host
        if one.at.everywhere:
            host = "::1" if ":" in host else "127.0.0.1"
        scheme = "http" if one.tls is None else "https"
        place = f"[{host}]" if ":" in host else host
        url = f"{scheme}://{place}:{one.at.port}/"
        return Listening(url=url, host=one.at.host, port=one.at.port, fingerprint=one.fingerprint)


def addresses() -> set[str]:
    """IP addresses of this machine that others can reach."""
    # In a thread, because netlink must not be used where an event loop runs (see ether.links); it takes milliseconds.
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(_addresses).result()
    return {one for one in found if not ipaddress.ip_address(one).is_link_local}


def _addresses() -> set[str]:
    from pyroute2 import IPRoute

    with IPRoute() as route:
        return {str(one.get_attr("IFA_ADDRESS")) for one in route.get_addr()}


def _kept(path: Path) -> tuple[Address, bool] | None:
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
        found = Address(host=str(kept["host"]), port=int(kept["port"]))
        return (found, bool(kept["plain"])) if found.loopback else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def unix_socket(path: Path) -> socket.socket:
    """A listening socket that only its owner may open. Only one server can come here (`alone`), so a stale file may go."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        raise InputError(
            f"The socket {path} cannot be made: {error}.", hint="Set RACKLESS_RUN to a short directory of yours."
        ) from error
    finally:
        os.umask(before)
    listening.listen(64)
    return listening


def tcp_socket(at: Address) -> socket.socket:
    """A listening socket at this address; on `::` for IPv4 too."""
    listening = socket.socket(socket.AF_INET6 if ":" in at.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in at.host:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listening.bind((at.host, at.port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"Port {at.port} of {at.host} cannot be had: {error.strerror}.", hint="Choose another with `--tcp [HOST:]PORT`."
        ) from error
    listening.listen(64)
    return listening
