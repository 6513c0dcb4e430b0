"""The world of a node's daemon (world.py) as it is: the truth, heartbeats and the office in etcd, tasks done by the engines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx

from rackless.fabric import actions, health, installing, peers, receivers, switching, upgrading
from rackless.fabric.engines import etcd as etcd_text
from rackless.fabric.etcd import Etcd, Member
from rackless.fabric.places import PEER_PORT
from rackless.fabric.sending import Sending
from rackless.fabric.taking_over import partner
from rackless.fabric.truth import Beat, Task, Truth, as_text, from_text
from rackless.fabric.world import Read, Start
from rackless.model.errors import InputError, ProviderError, RacklessError, StateError
from rackless.model.fabric import Alarm, Function, Health, Layout

if TYPE_CHECKING:
    from rackless.fabric.node import NodeDaemon

log = logging.getLogger(__name__)

TRUTH = "/rackless/fabric/truth"
BEATS = "/rackless/fabric/beats/"
OFFICE = "/rackless/fabric/office"
LEASE = 10
"""Seconds for which the office is held without being asked for."""
KEPT = 60
"""Seconds for which a heartbeat is kept."""
GENERATION = 1 << 40
"""What a take-over adds to the numbers of offices: its etcd is a new one, which counts its revisions from one."""


class OverEtcd:
    def __init__(self, daemon: NodeDaemon, etcd: Etcd) -> None:
        self._daemon = daemon
        self.etcd = etcd
        self._asking = health.Asking(daemon.places)
        self._incarnation = uuid.uuid4().hex[:12]
        self._office, self._renewed = 0, 0.0
        self.epoch = 0
        """The revision at which this node took the office, and GENERATION for each take-over; 0: it does not hold it."""
        self._beats = (0, 0.0)
        """The heartbeats' lease, and when it was had."""
        self.allowed: int | None = None
        """The term under which this node may work; None: it may not."""
        self.told = False
        self.sending = Sending(_receivers(daemon), daemon.truth.layout.name)

    @property
    def node(self) -> str:
        return self._daemon.me.id

    @property
    def incarnation(self) -> str:
        return self._incarnation

    @property
    def fabric(self) -> str:
        return self._daemon.me.fabric

    @property
    def machine(self) -> str:
        return self._daemon.me.machine

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time()

    def log(self, line: str) -> None:
        log.info("%s", line)

    async def read(self) -> Read:
        found, entries = await self.etcd.one_and_under(TRUTH, BEATS)
        if found is None:
            raise ProviderError("The fabric has no state yet.")
        truth = from_text(Truth, found.value)
        self._daemon.seen(truth)
        beats, heard = [], {}
        for entry in entries:
            with contextlib.suppress(InputError):
                beat = from_text(Beat, entry.value)
                beats.append(beat)
                heard[beat.node, beat.incarnation] = entry.revision
        return Read(truth=truth, revision=found.revision, beats=tuple(beats), heard=heard)

    async def write(self, revision: int, truth: Truth, epoch: int = 0, silent: Mapping[Start, int] | None = None) -> None:
        unchanged = {f"{BEATS}{node}/{incarnation}": at for (node, incarnation), at in (silent or {}).items()}
        holding = (OFFICE, epoch % GENERATION) if epoch else None
        if not await self.etcd.swap(TRUTH, revision, as_text(truth), holding=holding, unchanged=unchanged):
            raise StateError("The fabric's state was changed by another.", hint="Try again.")

    async def beat(self, beat: Beat) -> None:
        lease, since = self._beats
        if not lease or time.monotonic() - since > KEPT / 3:
            lease = await self.etcd.lease(KEPT)
            self._beats = (lease, time.monotonic())
        await self.etcd.put(f"{BEATS}{beat.node}/{beat.incarnation}", as_text(beat), lease=lease)

    async def office(self) -> int:
        node = self._daemon.node
        if node is None or not node.has(Function.VOTE):
            return 0
        if self._office and time.monotonic() - self._renewed > LEASE / 4:
            asked = time.monotonic()
            if await self.etcd.renew(self._office):
                self._renewed = asked
            else:
                self._office = self.epoch = 0
        if not self._office:
            self._renewed = time.monotonic()
            self._office = await self.etcd.lease(LEASE)
        made = await self.etcd.claim(OFFICE, self.node, self._office)
        self.epoch = made + (self._daemon.truth.generation - 1) * GENERATION if made > 0 else 0
        return self.epoch

    def anew(self) -> None:
        """Another etcd from now on: leases of the one before are nothing."""
        self._office = self.epoch = 0
        self._beats = (0, 0.0)

    async def leave(self) -> None:
        """In order: the next one need not wait."""
        if self._office:
            with contextlib.suppress(RacklessError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self.etcd.revoke(self._office)
            self._office = self.epoch = 0

    async def health(self) -> Health:
        daemon, node = self._daemon, self._daemon.node
        if node is not None:
            daemon.health = await health.measured(
                daemon.places, daemon.layout, node, daemon.supervision, asking=self._asking, client=self.etcd
            )
        return daemon.health

    async def last(self) -> Truth:
        return self._daemon.truth

    async def partner(self) -> int | None:
        other = partner(self._daemon.truth, self.node)
        if other is None:
            return None
        try:
            answer = await self._asking.get(f"https://{other.address}:{PEER_PORT}/v1/hello")
            return int(answer.json()["generation"])
        except (httpx.HTTPError, ValueError, KeyError, OSError):
            return None

    async def follow(self) -> None:
        self._daemon.behind = True

    def allow(self, term: int | None) -> None:
        self.allowed = term

    # What a decider does

    async def act(self, task: Task, epoch: int) -> None:
        layout = self._daemon.layout
        match task.kind:
            case actions.ADD_VOTE:
                await self._add_vote(layout, task.node)
            case actions.REMOVE_VOTE:
                await self._remove_vote(layout, task.node)
            case actions.MOVE_LEADER:
                await self._move_leader(layout, task.node)
            case actions.SWITCH_OVER:
                if await switching.primary(self.etcd, layout) == task.node:
                    try:
                        await switching.switched(self._daemon.places, self.etcd, layout, "")
                    except StateError as error:  # Patroni's, not that of a newer decider
                        raise ProviderError(error.message, hint=error.hint) from error
            case actions.INSTALL:
                await self._install(layout, task)
            case actions.TELL:
                await self.sending.tell(from_text(Alarm, task.text))
            case _:
                # Every node reads the layout itself; jobs and machines follow from the heartbeats that applications write.
                log.info("%s %s %s", task.kind, task.node, task.text)

    async def _install(self, layout: Layout, task: Task) -> None:
        node, upgrade = layout.node(task.node), self._daemon.truth.upgrade
        if node is None or upgrade is None:
            return
        found = await peers.ask(self._daemon.places, node, "POST", "install", {"release": task.text, "how": upgrade.how})
        if found is not None and found["state"] == installing.FAILED:
            await self._daemon.change(lambda truth: upgrading.failed(truth, node.id, str(found["why"])))
        elif found is None or found["state"] != installing.DONE:
            raise ProviderError(f"{node.name} is at it.")

    async def _add_vote(self, layout: Layout, id: str) -> None:
        """One step at each try: it follows, and counts for no majority; when it has caught up it votes."""
        node = layout.node(id)
        if node is None:
            return
        peer = etcd_text.peer_url(node)
        member = next((one for one in await self.etcd.members() if one.peer == peer), None)
        if member is None:
            await self.etcd.add_learner(peer)
            raise ProviderError(f"{node.name} is to follow first.")
        if not member.name:
            raise ProviderError(f"etcd of {node.name} has not started yet.")
        if member.learner:
            await self.etcd.promote(member.id)

    async def _remove_vote(self, layout: Layout, id: str) -> None:
        """Also of one that never started its etcd: a member without a name, and with an address that no other node has."""
        by_url = {etcd_text.peer_url(one): one.id for one in layout.nodes}
        for member in await self.etcd.members():
            if (member.name or by_url.get(member.peer, id)) == id:
                await self.etcd.remove_member(member.id)

    async def _move_leader(self, layout: Layout, id: str) -> None:
        members: dict[int, Member] = {one.id: one for one in await self.etcd.members() if not one.learner}
        wanted = next((one.id for one in members.values() if one.name == id), None)
        for node in layout.voters:
            with contextlib.suppress(ProviderError):
                status = await self.etcd.status(etcd_text.client_url(node))
                if wanted is not None and status.leader in members and status.leader != wanted:
                    leader = layout.node(members[status.leader].name)
                    if leader is not None:
                        await self.etcd.lead(etcd_text.client_url(leader), wanted)
                    return


def _receivers(daemon: NodeDaemon) -> receivers.Receivers:
    """A mistake in that file costs alarms their ways, and no node its daemon."""
    try:
        return receivers.read(daemon.places.own / "alarms.yaml")
    except InputError as error:
        log.error("alarms are told to nobody: %s", error.message)
        return receivers.Receivers()
