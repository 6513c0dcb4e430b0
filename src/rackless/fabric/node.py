"""The daemon of a node: it keeps what the fabric agreed on, makes this node so, says that it lives (beating.py), and decides
for the whole while it holds the office (deciding.py).

Nothing here decides who is primary, who holds the virtual address, or who is etcd's leader: that is the engines'.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

from rackless.fabric import (
    certifying,
    changing,
    database,
    facts,
    hurrying,
    peers,
    placing,
    showing,
    switching,
    taking_over,
    voting,
)
from rackless.fabric.applying import Applying, postgresql
from rackless.fabric.authority import RENEWED, Purpose, Subject, client_context, new_request, shown
from rackless.fabric.beating import Beating
from rackless.fabric.deciding import Deciding
from rackless.fabric.engines import etcd as etcd_text
from rackless.fabric.engines import patroni
from rackless.fabric.etcd import Etcd, Member, changed
from rackless.fabric.over_etcd import TRUTH, OverEtcd
from rackless.fabric.places import Places, Self
from rackless.fabric.supervision import Supervision
from rackless.fabric.truth import Truth, as_text, from_text
from rackless.model.errors import InputError, ProviderError, RacklessError, StateError
from rackless.model.fabric import Function, Health, Layout, Node

log = logging.getLogger(__name__)

TURN = 1.0
"""Seconds between two looks at everything."""
AFRESH = 30.0
"""Seconds after which this node is made what it is to be, though nothing is known to have changed."""
LISTED = 10.0
"""Seconds for which etcd's list of members holds, where all who are to vote do."""
MONITOR, SHOWN = "monitor.json", 2.0
"""What the server of this node reads (fabric/monitoring.py), and seconds between two of them."""
STUCK = 15.0
"""Seconds in which initdb, once it is asked for, has made its first file."""
TOKENS = "/rackless/fabric/tokens/"
FOUNDER = "founder"
"""A file in own/: this node began the fabric, and its etcd has not begun yet."""


def may_sign(layout: Layout, node: Node) -> bool:
    """It votes, or is the one that takes over."""
    return node.has(Function.VOTE) or placing.standby(layout) == node


class NodeDaemon:
    """Use `run` as the task that all is about."""

    def __init__(self, places: Places, me: Self, supervision: Supervision) -> None:
        self.places = places
        self.me = me
        self.supervision = supervision
        self.applying = Applying(places, supervision)
        self.truth = from_text(Truth, places.truth_file.read_text(encoding="utf-8"))
        self.unkept = ""
        """Why the truth was not written to this node's disk the last time."""
        self.current = False
        """The truth was read just now, not remembered."""
        self._read = float("-inf")
        """When it was read last."""
        self._members: tuple[Layout | None, list[Member], float] = (None, [], 0.0)
        """etcd's, for which layout they were asked for, and when."""
        self.removed = False
        self.health = Health(node=me.id)
        self.trouble = ""
        """Why this node is not what it is to be, as far as it is known."""
        self.behind = False
        """Its partner took over: it is to become that one's standby."""
        self._making = asyncio.Lock()
        self._applied: tuple[object, ...] = ()
        self._applied_at = 0.0
        self.etcd = Etcd(etcd_text.endpoints(self.layout), client_context(places.own.authority, places.own.pair))
        self.world = OverEtcd(self, self.etcd)
        self.beating = Beating(self.world)
        self.deciding = Deciding(self.world)
        self._hurry = hurrying.Watched()
        self._prepared = ""
        self._stuck = 0.0

    @property
    def layout(self) -> Layout:
        return self.truth.layout

    @property
    def node(self) -> Node | None:
        return self.layout.node(self.me.id)

    async def run(self) -> None:
        """Until cancelled."""
        await self._check_machine()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep())
                tasks.create_task(self._watch_primary())
                tasks.create_task(self.beating.run())
                tasks.create_task(self.deciding.run())
                tasks.create_task(self._show())
                tasks.create_task(self.world.sending.keep())
        finally:
            with contextlib.suppress(RacklessError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self.beating.end()
            await self.world.leave()

    async def _show(self) -> None:
        """What the monitor of this node's server shows. A server that finds it old says that this daemon is silent."""
        while True:
            with contextlib.suppress(OSError, KeyError):  # a full disk; an application that is not here yet
                if self.places.application.path.is_dir():
                    found = showing.status(self.truth, self.deciding.watch)
                    self.places.application.write(MONITOR, as_text(found), afresh=True)
            await asyncio.sleep(SHOWN)

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            try:
                async with self._making:
                    await self._turn()
                self.trouble = ""
            except (RacklessError, OSError) as error:
                self.trouble = error.message if isinstance(error, RacklessError) else str(error)
                log.warning("%s", self.trouble)
            await asyncio.sleep(max(0.1, TURN - (time.monotonic() - began)))

    async def _check_machine(self) -> None:
        """Raises StateError on a copy of a node's disk: nothing may start there."""
        found = facts.machine(await facts.interface(self.me.address))
        if found != self.me.machine:
            raise StateError(
                f"This is not the machine that joined as {self.me.name}: its firmware or network card is another.",
                hint="A copy of a node's disk is no node. `rackless fabric forget` makes this machine free to join; "
                "on the node itself, after a repair, `rackless fabric adopt` takes the new hardware for its own.",
            )

    async def _turn(self) -> None:
        if self.behind:
            await self._follow()
        if taking_over.paired(self.truth) and not self.beating.begun:
            # What runs goes on: it is this daemon that was started anew then.
            raise StateError(f"{self.me.name} waits: {self.beating.why_not}")
        await self._see()
        node = self.node
        if node is None:
            if self.current and not self.removed:
                seat = await self._seat()
                log.warning(
                    "this node is no member of the fabric any more: its engines end%s", ", etcd last" if seat.runs else ""
                )
                await self.applying.leave(seat)
                self.removed = not seat.runs
            return
        self.removed = False
        if self.current and node.machine != self.me.machine:  # it was adopted
            await self.change(lambda truth: changing.rehouse(truth, self.me.id, self.me.machine))
        await self._apply(self.node or node)
        await self._sign(node)
        await self._renew(node)
        if self.world.epoch:
            await self._unstick()
            await self._prepare()

    async def _see(self) -> None:
        """Read the truth, and keep it for a start without etcd."""
        self.etcd.use(etcd_text.endpoints(self.layout))
        founder = self.places.own / FOUNDER
        if self.current and time.monotonic() - self._read < TURN and not founder.exists():
            return  # a heartbeat's answer had it
        try:
            found = await self.etcd.get(TRUTH)
        except RacklessError as error:
            self.current = False
            log.info("the last known layout holds: %s", error.message)
            return
        if found is None:
            self.current = False
            if not founder.exists():
                return
            if known := founder.read_text(encoding="ascii"):  # a database that is there already
                await self.etcd.swap(patroni.initialize_key(self.layout), 0, known)
            await self.etcd.swap(TRUTH, 0, as_text(self.truth))
            return
        founder.unlink(missing_ok=True)
        self.seen(from_text(Truth, found.value))

    def seen(self, truth: Truth) -> None:
        """Read in etcd, at this moment."""
        self.take(truth)
        self.current, self._read = True, time.monotonic()

    def take(self, seen: Truth) -> None:
        """What was agreed on; an older layout than the one that is known is none."""
        if seen.layout.fabric != self.me.fabric:
            raise InputError(f"What etcd holds is of the fabric {seen.layout.fabric}, not of {self.me.fabric}.")
        self.truth = seen
        try:
            self.places.own.write(self.places.truth_file.name, as_text(seen))
        except OSError as error:  # a full disk: what is only remembered for the next start ends no daemon
            if self.unkept != str(error):
                log.warning("what the fabric agreed on is not kept here: %s", error)
            self.unkept = str(error)
        else:
            self.unkept = ""

    async def take_over(self, truth: Truth) -> None:
        """Be the fabric, by an operator's word: etcd begins anew here with that truth, and the copy of the database becomes the
        primary. What is cut off in between is gone on with at the next start."""
        async with self._making:
            await self.applying.wait()  # Patroni asks the etcd that it was started with
            kept = await database.identity(self.places.postgresql.path / "data", postgresql())
            self.applying.aside(self.places.etcd)
            self.places.own.write(FOUNDER, kept)
            self._anew(truth)
            self.world.told = True

    async def _follow(self) -> None:
        """Be the standby of the partner, which took over. What this node had is kept aside: it may have acknowledged what the
        partner never saw."""
        other = taking_over.partner(self.truth, self.me.id)
        found = await peers.ask(self.places, other, "GET", "truth") if other is not None else None
        if other is None or found is None:
            raise ProviderError("The partner took over, and does not say what is agreed on now.")
        log.warning("%s took over: this node becomes its standby; what it had is kept aside", other.name)
        await self.applying.wait()
        self.applying.aside(self.places.etcd)
        self.applying.aside(self.places.postgresql)
        (self.places.own / FOUNDER).unlink(missing_ok=True)
        self._anew(from_text(Truth, str(found["truth"])))
        self.behind = self.world.told = False

    def _anew(self, truth: Truth) -> None:
        self.take(truth)
        self.current, self._read, self._members = False, float("-inf"), (None, [], 0.0)
        self.etcd.use(etcd_text.endpoints(self.layout))
        self.world.anew()
        self._applied, self._prepared = (), ""

    async def change(self, what: Callable[[Truth], Truth]) -> Truth:
        """Change the truth: read, change, compare and swap. `what` may raise to leave it so."""

        def text(old: str) -> str:
            if not old:
                raise StateError("The fabric has no state yet.", hint="Try again in a moment.")
            return as_text(what(from_text(Truth, old)))

        self.seen(from_text(Truth, await changed(self.etcd, TRUTH, text)))
        return self.truth

    async def _apply(self, node: Node) -> None:
        seat = await self._seat()
        certificates = tuple(path.stat().st_mtime_ns for path in sorted(self.places.own.path.glob("*.crt")))
        wanted = (self.layout, seat, certificates)
        if wanted == self._applied and time.monotonic() - self._applied_at < AFRESH:
            return
        await self.applying.apply(self.layout, node, seat)
        self._applied, self._applied_at = wanted, time.monotonic()

    @contextlib.asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """This node's server has ended, and is started again at the end."""
        self.applying.quiet = True
        try:
            async with self._making:
                self._applied = ()
                if self.node is not None:
                    await self._apply(self.node)
            yield
        finally:
            self.applying.quiet, self._applied = False, ()

    async def _seat(self) -> voting.Seat:
        node, begun = self.node, self.applying.begun
        if begun is None and (node is None or not node.has(Function.VOTE)):
            return voting.Seat(runs=False)
        members = None
        with contextlib.suppress(RacklessError):
            members = await self._voters()
        return voting.seat(self.layout, self.me, members, begun, founder=(self.places.own / FOUNDER).exists())

    async def _voters(self) -> list[Member]:
        layout, members, asked = self._members
        if layout != self.layout or time.monotonic() - asked > LISTED or not voting.settled(self.layout, members):
            asked, layout = time.monotonic(), self.layout
            members = await self.etcd.members_now()
            self._members = (layout, members, asked)
        return members

    async def _sign(self, node: Node) -> None:
        """Who votes, or will when it takes over, has the authority's key: of another that votes."""
        if self.places.authority.signs or not may_sign(self.layout, node):
            return
        for other in self.layout.voters:
            if other.id == node.id:
                continue
            found = await peers.ask(self.places, other, "POST", "authority")
            if found is not None:
                self.places.own.write(self.places.authority.key.name, str(found["key"]))
                return

    async def _renew(self, node: Node) -> None:
        """Certificates that end soon are made anew: here by who signs, else by another that does."""
        ending = [one for one in Purpose if self._ends_soon(one)]
        if not ending:
            return
        made = {one: new_request(Subject(fabric=self.me.fabric, purpose=one, name=self.me.id)) for one in ending}
        asked = {one.value: request for one, (_, request) in made.items()}
        found: dict[str, str] | None = None
        if self.places.authority.signs:
            found = {
                kind: certifying.sign(self.places, self.layout, text, Purpose(kind), id=node.id, address=node.address)
                for kind, text in asked.items()
            }
        for other in self.layout.voters:
            if found is None and other.id != node.id:
                found = await peers.ask(self.places, other, "POST", "certificates", asked)
        for kind, certificate in (found or {}).items():
            certifying.keep(self.places, Purpose(kind), made[Purpose(kind)][0], certificate)
            log.info("the certificate of this node's %s was made anew", kind)

    def _ends_soon(self, purpose: Purpose) -> bool:
        return shown((self.places.own / f"{purpose}.crt").read_bytes()).ends - datetime.now(UTC) < RENEWED

    async def _unstick(self) -> None:
        """A first database whose making was cut off before it began leaves a mark in etcd: nobody would make it ever again."""
        node = self.node
        if node is None or not node.has(Function.DATABASE) or len(self.layout.having(Function.DATABASE)) > 1:
            return
        begun = (self.places.postgresql / "data" / "PG_VERSION").exists()
        mark = None if begun else await self.etcd.get(patroni.initialize_key(self.layout))
        if mark is None or mark.value:
            self._stuck = 0.0
            return
        self._stuck = self._stuck or time.monotonic()
        if time.monotonic() - self._stuck > STUCK:
            log.warning("nobody makes the first database: its mark is taken away")
            await self.etcd.remove(mark.key)
            self._stuck = 0.0

    async def _prepare(self) -> None:
        """The application's role and database are at the primary: replication has them everywhere then."""
        if self._prepared == self.layout.fabric:
            return
        primary = self.layout.node(await switching.primary(self.etcd, self.layout))
        if primary is not None:
            await asyncio.to_thread(database.prepare, primary.address, self.places.own)
            self._prepared = self.layout.fabric

    async def _watch_primary(self) -> None:
        """Every voter watches the leader's lease (hurrying.py), and whoever sees first that it is overdue ends it."""
        while True:
            await asyncio.sleep(hurrying.EVERY)
            node = self.node
            if node is None or not node.has(Function.VOTE) or len(self.layout.having(Function.DATABASE)) < 2:
                continue  # nobody else could be elected
            try:
                self._hurry = await hurrying.seen(self.etcd, self.layout, node, self._hurry)
                if hurrying.overdue(self._hurry):
                    log.warning(
                        "the primary's lease was not renewed for %.0f s: it ends, and another is elected", self._hurry.still
                    )
                    await self.etcd.revoke(self._hurry.lease)
                    self._hurry = hurrying.Watched()
            except RacklessError:
                self._hurry = replace(self._hurry, at=None)  # what was not watched does not count
