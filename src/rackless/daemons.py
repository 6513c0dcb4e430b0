"""Wiring: one server process a state directory, on a unix socket whose file permissions are its lock.

Start: lock, migrate, resume the jobs that a crash interrupted, listen, open the serial lines of machines that run.
End: on SIGTERM, SIGINT or `rackless stop`. Machines go on running; jobs go on with the next server.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import logging
import os
import resource
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rackless import durable, metrics, observing
from rackless.api import fabric
from rackless.api.app import make
from rackless.api.lab import lab_of
from rackless.api.web import Listening
from rackless.certificate import Pair
from rackless.fabric import receivers
from rackless.fabric.sending import Sending
from rackless.keepers import collecting, glancing, hosts, lines, reconcile, stranding, timekeeper, warming, webhook
from rackless.keepers.heartbeat import GIVE_UP, Heartbeat
from rackless.keepers.maintenance import Maintenance
from rackless.keepers.readiness import Readiness
from rackless.lease import EVER, Lease
from rackless.listening import Listeners, Serving, address
from rackless.model.errors import InputError, StateError
from rackless.notifying import Manager
from rackless.providers import registry
from rackless.providers.contract import Channel, Provider, Warming, at
from rackless.providers.everywhere import Whereabouts
from rackless.providers.local.pressure import LocalRoom
from rackless.routers.families import FAMILIES
from rackless.routers.table import router
from rackless.sandboxes import numbers
from rackless.sandboxes.site_file import load_site
from rackless.sandboxes.whereabouts import whereabouts
from rackless.settings import Settings, load
from rackless.store import answers, jobs
from rackless.store.database import Database
from rackless.workflows.booting import Booting
from rackless.workflows.consoles import Consoles
from rackless.workflows.driving import Driver
from rackless.workflows.pretended import PretendedDriver
from rackless.workflows.progress import Progress
from rackless.workflows.routed import RoutedDriver
from rackless.workflows.verbs import VERBS
from rackless.workflows.world import World, use

log = logging.getLogger(__name__)

NOTICE = 3.0
"""Seconds that load balancers are given to see that this server is about to end: they ask every second, and believe it twice."""


def drivers(provider: Provider) -> Callable[[str, str], Driver]:
    """The driver of a family at a place. On `fake` there is neither SSH nor SNMP, and a stand-in asks the pretended guests."""

    pretended: dict[str, PretendedDriver] = {}

    def driver(family: str, place: str) -> Driver:
        there = at(provider, place)
        if there.info.pretended:
            return pretended.setdefault(place, PretendedDriver(there))
        told = {family.name for family in FAMILIES if family.host_channel} if there.info.host_channel else set()
        channel = there if isinstance(there, Channel) else None
        return RoutedDriver(router(family), channel if family in told else None)

    return driver


def build(settings: Settings) -> World:
    """Everything a workflow works on. Call inside the event loop."""
    settings.make()
    site = load_site(settings.site_file, FAMILIES)
    database = Database(settings.database)

    async def find(name: str) -> Whereabouts | None:
        return await database.read(whereabouts, name)

    provider = registry.make(settings, site, find)
    lease = Lease(GIVE_UP if database.shared else EVER)
    for place in site.everywhere:
        metrics.measure(at(provider, place.name), place.name)
        guarded(at(provider, place.name), lease)
    database.migrate()
    return World(
        server=server_name(settings) if database.shared else "",
        settings=settings,
        site=site,
        provider=provider,
        database=database,
        progress=Progress(database),
        consoles=Consoles(provider),
        driver=drivers(provider),
        describe=described,
        booting=Booting(LocalRoom()),
        lease=lease,
    )


def guarded(provider: Any, lease: Lease) -> None:
    """What changes something at this place waits until this server may act: it wakes as one that is taken for dead, perhaps."""
    if lease.seconds == EVER:
        return
    for verb in ("ensure", "power", "attach", "detach", "remove", "carrier", "impair"):
        if hasattr(provider, verb):
            setattr(provider, verb, _guarded(getattr(provider, verb), lease))


def _guarded(body: Callable[..., Awaitable[Any]], lease: Lease) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(body)
    async def act(*args: Any, **kwargs: Any) -> Any:
        if not lease.held:
            await lease.valid()
        return await body(*args, **kwargs)

    return act


async def described(world: World, name: str) -> Any:
    """A lab as GET /labs/NAME shows it."""
    return (await lab_of(world, name)).model_dump(mode="json")


def server_name(settings: Settings) -> str:
    """Of the server on this state directory, among those that share a store: made once, kept with the state."""
    path = settings.state / "server.id"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:12]}\n", encoding="ascii", errors="replace")
        fresh.replace(path)
    return path.read_text(encoding="ascii").strip()


async def resume(world: World) -> None:
    """Go on with every job of this server that has no end: from its record, or from its row when the crash came before the
    first step."""

    def count(db: sa.Connection) -> list[jobs.JobRow]:
        answers.forget(db, [world.server])
        left = [job for job in jobs.running(db) if job.server == world.server]
        for job in left:
            jobs.resume(db, job.id, world.server)
            jobs.note(db, job.id, "resume", "note", "the server was started anew and goes on with this job")
        return left

    left = await world.database.run(count)
    if world.site.places:
        await world.database.run(numbers.recount, world.site, world.forwarded, world.wanted)
    cancelled = [job.id for job in left if job.cancelled]
    durable.launch(world.settings.record, server=world.server or "local", cancelled=cancelled, lease=world.lease)
    for job in left:
        log.info("resuming job %s", job.id)
        await durable.start(VERBS[job.verb], job.id, job.id)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """The only server on this state directory, as long as the process lives.

    Raises:
        StateError: there is one already.
    """
    settings.make()
    fd = os.open(settings.state / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(fd, 32).decode().strip() or "unknown"
            raise StateError(
                f"A server is running already on {settings.state} (process {pid}).",
                hint="Use it, or end it with `rackless stop`.",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        settings.run.joinpath("server.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        os.close(fd)


def _keepers(world: World) -> dict[str, Coroutine[Any, Any, None]]:
    """What runs as long as the server does, by name."""
    found = {
        "timekeeper": timekeeper.keep(world),
        "reconcile": reconcile.keep(world),
        "stranding": stranding.keep(world, give_up=lambda: os._exit(1)),
        "lines": lines.keep(world),
        "collecting": collecting.keep(),
    }
    if world.database.shared:
        found["sharing"] = world.sharing.keep()
    if world.site.places:
        found["glancing"] = glancing.keep(world)
    if hosts.hosts(world):
        found["hosts"] = hosts.keep(world)
    for place in world.site.everywhere:
        there = at(world.provider, place.name)
        if isinstance(there, Warming):
            found[f"warming {place.name}"] = warming.keep(world, there)
    if world.site.webhook:
        found["webhook"] = webhook.keep(world)
    return found


async def _serve(settings: Settings, serving: Serving) -> int:
    """Returns the exit status: 130 for who was interrupted at a terminal, as of any program, else 0."""
    world = build(settings)
    use(world)
    life = uuid.uuid4().hex[:8]
    log.info("server %s: provider %s, state %s", life, world.provider.info.name, settings.state)

    status = 0

    def stop(told: int = 0) -> None:
        nonlocal status
        status = status or told
        manager.stopping()
        if maintenance.stopping:
            return
        maintenance.stopping = True
        asyncio.get_running_loop().call_later(NOTICE if serving.clients is not None else 0.0, end)

    def end() -> None:
        listeners.stop()
        world.feed.close()  # else the server would wait for those who follow it

    heartbeat = Heartbeat(world, world.lease, give_up=lambda: os._exit(1)) if world.database.shared else None
    maintenance = Maintenance(world, heartbeat, resume)
    manager = Manager()
    app = make(stop)
    app.state.ports = listeners = Listeners(app, settings, world.site, serving)
    listeners.bind()
    heed(listeners, stop)
    await world.sharing.look()
    await hosts.first_look(world)
    await maintenance.start()
    app.state.maintenance = maintenance
    keeping = []
    if heartbeat is not None:
        keeping.append(asyncio.create_task(heartbeat.run(), name="heartbeat"))
    sending = Sending(receivers.read(settings.state / "alarms.yaml"))
    app.state.monitor = monitor = fabric.watching(world, sending.tell)
    watching = {"monitor": monitor.keep(), "alarms": sending.keep(), "watchdog": manager.keep()}
    keeping += [asyncio.create_task(one, name=name) for name, one in (_keepers(world) | watching).items()]
    app.state.readiness = Readiness(world, heartbeat=heartbeat, keeping=lambda: keeping, maintenance=maintenance)
    try:
        await listeners.begin()
        manager.ready(f"Provider {world.provider.info.name}, state {settings.state}.")
        for one in listeners.listening():
            tell(one)
        await listeners.ended()
    finally:
        for task in keeping:
            task.cancel()
        if heartbeat is not None:
            await heartbeat.end()
        settings.socket.unlink(missing_ok=True)
        settings.run.joinpath("server.pid").unlink(missing_ok=True)
        await world.consoles.close()
        log.info("server %s ended", life)
    return status


def heed(listeners: Listeners, stop: Callable[[int], None]) -> None:
    """SIGTERM and SIGINT end the server, SIGHUP reads its certificate anew."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 128 + signal.SIGINT)
    loop.add_signal_handler(signal.SIGHUP, listeners.reload)


def tell(port: Listening) -> None:
    """Who started the server sees where it listens, and how to know its certificate."""
    mark = f"certificate SHA-256 {port.fingerprint}" if port.fingerprint else "without TLS"
    log.info("listening on %s port %d (%s), %s", port.host, port.port, port.url, mark)


def serve(
    *,
    tcp: str | None = None,
    plain: bool = False,
    certificate: str | None = None,
    key: str | None = None,
    clients: str | None = None,
) -> None:
    """Run the server until it is told to end. Jobs that still run are left as a crash would leave them: resumable.

    Args:
        tcp: [HOST:]PORT to listen on, beside the unix socket.
        plain: without TLS.
        certificate, key: PEM files, in place of our own.
        clients: PEM file of the authority of those who may connect: load balancers, whose word for who asks is taken.

    Raises:
        StateError: there is a server already.
        InputError: the arguments contradict each other.
    """
    if (certificate is None) != (key is None) or (plain and certificate is not None):
        raise InputError("A certificate and its key go together, and with TLS only.", hint="Give both, without `--plain`.")
    if clients is not None and (plain or tcp is None):
        raise InputError("`--clients` is about a port with TLS.", hint="Give `--tcp` too, without `--plain`.")
    given = Pair(certificate=Path(certificate).absolute(), key=Path(key).absolute()) if certificate and key else None
    serving = Serving(
        tcp=address(tcp) if tcp is not None else None,
        plain=plain,
        given=given,
        clients=Path(clients).absolute() if clients else None,
    )
    settings = load()
    os.umask(0o077)  # nothing that it writes is for other users of this machine
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each serial line is an open file
    observing.set_up(file=settings.state / "server.log")
    with alone(settings):
        status = asyncio.run(_serve(settings, serving))
        logging.shutdown()
        # The record is safe at every moment, and worker threads of running jobs have nothing left to say.
        os._exit(status)
