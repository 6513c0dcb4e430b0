"""A fabric made of memory: nodes, links, voters whose disks may be slow, a database with jobs. Time is simulated.

Each node runs the real daemon (Beating, Deciding). What must never be, is looked at in every step and ends the story: `Broken`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rackless.fabric import actions, placing, taking_over
from rackless.fabric.beating import Beating
from rackless.fabric.deciding import Deciding
from rackless.fabric.truth import Beat, Task, Truth, Verdict, from_text
from rackless.fabric.world import Read, Start
from rackless.model.errors import DeadlineError, ProviderError, StateError
from rackless.model.fabric import Alarm, DatabaseRole, Filesystem, Function, Health, JoinRequest, Layout, Node, NodeRole

from ..vmhost.simulated import Loop

EPOCH = 1_790_000_000.0
AGAIN = 3.0
"""Seconds until a daemon that was killed is started again."""
BOOT = 15.0
LEASE = 6.0
"""Seconds for which an office is kept without being asked for."""
TTL = 20.0
"""Seconds until another database may be primary (Patroni's least)."""
STEP = 4.0
"""Seconds that a step of a job takes."""
ANSWER = 3.0
"""Seconds after which whoever asks etcd gives up."""
KEPT = 60.0
"""Seconds for which a heartbeat is kept."""
DAY = 86400.0


class Broken(AssertionError):
    """Something happened that must never happen."""


@dataclass
class Store:
    """etcd. `voters`: by name of their machine."""

    truth: Truth
    voters: set[str]
    revision: int = 1
    beats: dict[tuple[str, str], tuple[Beat, float]] = field(default_factory=dict)
    holder: str = ""
    epoch: int = 0
    asked: float = -1e9
    leader: str = ""


@dataclass
class Job:
    """`done`: by whom each step was recorded. `begun`: by whom it was begun, a step may be so twice."""

    name: str
    steps: int
    owner: str = ""
    term: int = 0
    done: list[str] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Machine:
    """A node, or a copy of one: then its `id` is another's. `state`: what its facts say beside what is simulated."""

    name: str
    id: str
    number: int
    fabric: str = "f-1"
    machine: str = ""
    role: NodeRole = NodeRole.FULL
    release: str = "1.0"
    up: bool = True
    frozen: bool = False
    starts: int = 0
    offset: float = 0.0
    rate: float = 1.0
    slow: float = 0.0
    machines: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    last: Truth | None = None
    told: bool = False
    store: Store | None = None
    allowed: int | None = None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    beating: Beating | None = None
    request: dict[str, Any] = field(default_factory=dict)
    """What its request to join says differently."""
    working: str = ""
    late: bool = False
    """It was frozen during its step: that goes on for a moment when it thaws, and is refused at its end."""
    installs: str = "fine"
    world: World | None = None


def _revisions(store: Store) -> dict[Start, int]:
    """As good as etcd's: a start's next beat counts one more."""
    return {start: beat.count for start, (beat, _) in store.beats.items()}


class World:
    def __init__(self, cluster: Cluster, machine: Machine) -> None:
        self.cluster, self.me = cluster, machine
        self.node, self.fabric, self.machine = machine.id, machine.fabric, machine.machine
        self.incarnation = f"{machine.name}{machine.starts}"

    @property
    def told(self) -> bool:
        return self.me.told

    def monotonic(self) -> float:
        return 1000.0 * self.me.number + self.cluster.loop.time() * self.me.rate

    def now(self) -> float:
        return EPOCH + self.cluster.loop.time() * self.me.rate + self.me.offset

    def log(self, line: str) -> None:
        if not self.me.frozen:
            self.cluster.log(f"{self.me.name}: {line}")

    async def _thawed(self) -> None:
        while self.me.frozen:
            await asyncio.sleep(0.5)

    async def _store(self, *, writes: bool = False) -> Store:
        await self._thawed()
        wait = self.cluster.answer(self.me)
        if wait is None or wait >= ANSWER:
            # A write that was too slow may have been done all the same.
            lost = wait is None or not writes or self.cluster.drops()
            await asyncio.sleep(ANSWER)
            await self._thawed()
            if lost or self.cluster.answer(self.me) is None:
                raise DeadlineError("etcd does not answer.")
            self.cluster.late.add(asyncio.current_task())
        elif wait and writes:
            await asyncio.sleep(wait)
            await self._thawed()
            if self.cluster.answer(self.me) is None:
                raise DeadlineError("etcd does not answer.")
        assert self.me.store is not None
        return self.me.store

    def _answered(self) -> None:
        """Done, but whoever asked is not told."""
        task = asyncio.current_task()
        if task in self.cluster.late:
            self.cluster.late.discard(task)
            raise DeadlineError("etcd does not answer.")

    async def read(self) -> Read:
        store = await self._store()
        self.me.last = store.truth
        now = self.cluster.loop.time()
        store.beats = {key: kept for key, kept in store.beats.items() if now - kept[1] < KEPT}
        beats = tuple(beat for beat, _ in store.beats.values())
        return Read(truth=store.truth, revision=store.revision, beats=beats, heard=_revisions(store))

    async def write(self, revision: int, truth: Truth, epoch: int = 0, silent: Mapping[Start, int] | None = None) -> None:
        if epoch:
            await self.cluster.cut("before", self.me)
        store = await self._store(writes=True)
        if revision != store.revision:
            raise StateError("It was changed meanwhile.")
        if epoch and (store.holder, store.epoch) != (self.incarnation, epoch):
            raise StateError("The office is another's.")
        if any(_revisions(store).get(start, 0) != at for start, at in (silent or {}).items()):
            raise StateError("A node was heard meanwhile.")
        self.cluster.judged(store.truth, truth)
        store.truth, store.revision = truth, revision + 1
        self.cluster.acted(epoch, self)
        self._answered()
        if epoch:
            await self.cluster.cut("after", self.me)

    async def beat(self, beat: Beat) -> None:
        store = await self._store(writes=True)
        store.beats[beat.node, beat.incarnation] = (beat, self.cluster.loop.time())
        self._answered()

    async def office(self) -> int:
        store, now = await self._store(), self.cluster.loop.time()
        if store.holder == self.incarnation and now - store.asked < LEASE:
            store.asked = now
        elif now - store.asked >= LEASE and self.me.id in {each.id for each in store.truth.layout.nodes}:
            store.holder, store.asked, store.epoch = self.incarnation, now, store.epoch + 1
        return store.epoch if store.holder == self.incarnation else 0

    async def health(self) -> Health:
        await self._thawed()
        return self.cluster.health(self.me, self.now())

    async def act(self, task: Task, epoch: int) -> None:
        await self.cluster.cut("before", self.me)
        await self._thawed()
        await self.cluster.act(task, epoch, self)
        self.cluster.acted(epoch, self)
        await self.cluster.cut("after", self.me)

    async def last(self) -> Truth:
        assert self.me.last is not None
        return self.me.last

    async def partner(self) -> int | None:
        assert self.me.last is not None
        other = taking_over.partner(self.me.last, self.me.id)
        there = self.cluster.machines.get(other.id) if other is not None else None
        if there is None or not self.cluster.linked(self.me, there) or there.last is None:
            return None
        return there.last.generation

    async def follow(self) -> None:
        assert self.me.last is not None
        other = taking_over.partner(self.me.last, self.me.id)
        assert other is not None
        there = self.cluster.machines[other.id]
        self.me.store, self.me.last, self.me.told = there.store, there.last, False
        self.log(f"follows {other.name}; what it had is kept aside")

    def allow(self, term: int | None) -> None:
        if self.me.frozen or self.me.world is not self:
            return  # who does not run cannot stop either
        self.me.allowed = term
        self.cluster.allowed(self.me)


class Cluster:
    """`kill`: ("before" or "after", number of the step of whoever decides) at which that one's daemon is killed, once."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.kill: tuple[str, int] | None = None
        self.lines: list[str] = []
        self.steps = {"before": 0, "after": 0}
        self.machines: dict[str, Machine] = {}
        self.broken: set[frozenset[str]] = set()
        self.jobs: list[Job] = []
        self.fences: dict[str, int] = {}
        self.database_epoch = 0
        self.primary, self.locked = "", 0.0
        self.told: list[str] = []
        self.reported: dict[str, tuple[str, ...]] = {}
        self.layouts: dict[str, int] = {}
        self.offices: dict[int, str] = {}
        self.fails: set[str] = set()
        self.drop = iter(())  # type: Iterator[bool]
        self.late: set[Any] = set()
        self.killed = ""

    def log(self, line: str) -> None:
        self.lines.append(f"[{self.loop.time():5.0f}] {line}")

    def drops(self) -> bool:
        return next(self.drop, True)

    # ---- the making

    def build(self, truth: Truth) -> None:
        store = Store(truth=truth, voters={each.id for each in truth.layout.voters})
        for node in truth.layout.nodes:
            made = Machine(name=node.id, id=node.id, number=node.number, role=node.role, machine=node.machine, store=store)
            made.last = truth
            self.machines[node.id] = made
        self.primary = next((each.id for each in truth.layout.having(Function.DATABASE)), "")
        for made in self.machines.values():
            self.start(made)

    def start(self, machine: Machine) -> None:
        if machine.tasks or not machine.up:
            return
        machine.starts += 1
        world = machine.world = World(self, machine)
        machine.beating, deciding = Beating(world), Deciding(world)
        machine.tasks = [
            self.loop.create_task(each) for each in (machine.beating.run(), self._decide(machine, deciding), self._work(machine))
        ]

    async def _decide(self, machine: Machine, deciding: Deciding) -> None:
        """Only a node that leads, of two, has anything to decide."""
        while machine.beating is not None and not machine.beating.begun:
            await asyncio.sleep(1)
        await deciding.run()

    def stop(self, machine: Machine) -> None:
        machine.allowed, machine.working, machine.late, machine.world = None, "", False, None
        for task in machine.tasks:
            task.cancel()
        machine.tasks = []

    def later(self, seconds: float, machine: Machine) -> None:
        self.loop.call_later(seconds, self.start, machine)

    async def cut(self, when: str, machine: Machine) -> None:
        self.steps[when] += 1
        if self.kill == (when, self.steps[when]):
            self.kill, self.killed = None, machine.name
            self.log(f"-- the daemon of {machine.name} is killed")
            self.stop(machine)
            self.later(AGAIN, machine)
            await asyncio.sleep(1e6)

    # ---- the network, and who has a quorum

    def linked(self, one: Machine, other: Machine) -> bool:
        if one is other:
            return one.up
        return one.up and other.up and not other.frozen and frozenset({one.name, other.name}) not in self.broken

    def answer(self, machine: Machine) -> float | None:
        """Seconds that its etcd takes; None: no quorum that it reaches."""
        store = machine.store
        if store is None:
            return None
        voters = [self.machines[name] for name in sorted(store.voters) if name in self.machines]
        voters = [each for each in voters if each.up and not each.frozen and each.facts.get("etcd") is not False]
        voters.sort(key=lambda each: each.name != store.leader)
        for leader in voters:
            follow = [each for each in voters if each is leader or self.linked(leader, each)]
            if len(follow) * 2 <= len(store.voters):
                continue
            store.leader = leader.name
            if not any(self.linked(machine, each) for each in follow):
                return None
            return sorted(each.slow for each in follow)[len(store.voters) // 2]
        store.leader = ""
        return None

    # ---- the database and its jobs

    async def tick(self) -> None:
        """Patroni's part."""
        while True:
            await asyncio.sleep(1)
            here = self.machines.get(self.primary)
            truth = self.truth()
            node = truth.layout.node(here.id) if here is not None else None
            fit = node is not None and node.functions & {Function.DATABASE} and self._database(here)
            if fit:
                self.locked = self.loop.time()
                continue
            able = [each for each in self._candidates() if each is not here]
            if self.loop.time() - self.locked > TTL and able:
                self.promote(able[0])

    def promote(self, machine: Machine) -> None:
        self.primary, self.locked = machine.name, self.loop.time()
        self.log(f"-- the database of {machine.name} is primary")

    def _database(self, machine: Machine | None) -> bool:
        return machine is not None and machine.up and not machine.frozen and self.answer(machine) is not None

    def _candidates(self) -> list[Machine]:
        found = [self.machines.get(each.id) for each in self.truth().layout.having(Function.DATABASE) if not each.maintenance]
        return [each for each in found if each is not None and self._database(each)]

    def reaches_database(self, machine: Machine) -> bool:
        here = self.machines.get(self.primary)
        lives = here is not None and self._database(here) and self.linked(machine, here)
        return lives and self.loop.time() - self.locked <= 2

    async def _work(self, machine: Machine) -> None:
        node = self.truth().layout.node(machine.id)
        if node is not None and node.role is NodeRole.WITNESS:
            return
        while True:
            await asyncio.sleep(1)
            term = machine.allowed
            if term is None or machine.frozen or not self.reaches_database(machine) or term < self.fences.get(machine.id, 0):
                continue
            known = self.truth().layout.node(machine.id)
            for job in self.jobs:
                if not job.owner and len(job.done) < job.steps and not (known is not None and known.maintenance):
                    job.owner, job.term = machine.id, term
                    self.log(f"-- {machine.name} goes on with {job.name} at step {len(job.done) + 1}")
                    break
            mine = next(
                (each for each in self.jobs if (each.owner, each.term) == (machine.id, term) and len(each.done) < each.steps),
                None,
            )
            if mine is not None:
                await self._step(machine, mine, term)

    async def _step(self, machine: Machine, job: Job, term: int) -> None:
        number = len(job.done)
        for other in self.machines.values():
            works = other.working == job.name and other.allowed is not None and not other.frozen and not other.late
            if other is not machine and works:
                raise Broken(f"{job.name} is worked on by {other.name} and {machine.name}")
        machine.working = job.name
        job.begun.append((number, machine.name))
        await asyncio.sleep(STEP)
        while machine.frozen:
            machine.late = True
            await asyncio.sleep(0.5)
        machine.working, machine.late = "", False
        if not self.reaches_database(machine):
            return  # tried again: a step may run twice
        if (job.owner, job.term) != (machine.id, term) or term < self.fences.get(machine.id, 0):
            self.log(f"-- a step of {job.name} by {machine.name} is refused")
            return
        if len(job.done) != number:
            raise Broken(f"step {number} of {job.name} is recorded twice")
        job.done.append(machine.name)

    # ---- what is done

    async def act(self, task: Task, epoch: int, world: World) -> None:
        if task.kind in self.fails:
            raise ProviderError("it does not come off.")
        store = world.me.store
        assert store is not None
        if task.kind in {actions.HAND_ON, actions.REPORT, actions.REPORT_BACK}:
            if not self.reaches_database(world.me):
                raise ProviderError("the database does not answer.")
            if epoch < self.database_epoch:
                raise StateError("Another one decides now.")
            self.database_epoch = epoch
            self._in_database(task, store.truth)
        elif task.kind in {actions.ADD_VOTE, actions.REMOVE_VOTE, actions.MOVE_LEADER}:
            if self.answer(world.me) is None:
                raise DeadlineError("etcd does not answer.")
            there = self.machines.get(task.node)
            if task.kind == actions.REMOVE_VOTE:
                store.voters.discard(task.node)
            elif there is None or not self.linked(world.me, there):
                raise ProviderError("it does not answer.")
            elif task.kind == actions.ADD_VOTE:
                store.voters.add(task.node)
                there.store = store
            else:
                store.leader = there.name
        elif task.kind == actions.SWITCH_OVER:
            able = [each for each in self._candidates() if each.id != task.node]
            if self.primary == task.node:
                if not able:
                    raise ProviderError("no other database may be primary.")
                self.promote(able[0])
        elif task.kind == actions.INSTALL:
            await self._install(task)
        elif task.kind == actions.TELL:
            alarm = from_text(Alarm, task.text)
            self.told.append(f"{'cleared' if alarm.cleared_at is not None else alarm.severity} {alarm.key}")
        elif task.kind == actions.APPLY:
            for machine in self.machines.values():
                if self.linked(world.me, machine):
                    self.layouts[machine.name] = store.truth.layout.version

    def _in_database(self, task: Task, truth: Truth) -> None:
        if task.kind == actions.HAND_ON:
            self.fences[task.node] = max(self.fences.get(task.node, 0), task.term)
            for job in self.jobs:
                if job.owner == task.node and job.term < task.term and len(job.done) < job.steps:
                    job.owner = ""
        elif task.kind == actions.REPORT:
            self.reported[task.node] = truth.verdict(task.node).machines
        else:
            self.reported.pop(task.node, None)

    async def _install(self, task: Task) -> None:
        machine = self.machines[task.node]
        if machine.release == task.text or machine.installs == "never":
            return
        if machine.installs == "refuses":
            raise ProviderError("the package is damaged.")
        machine.release = task.text
        if machine.installs == "breaks":
            machine.facts["engines_down"] = ("patroni",)
        if machine.beating is not None and machine.tasks:
            # The machine that decides may be the one: it is gone in the middle of this, and another one finds the task.
            self.stop(machine)
            self.later(1e6 if machine.installs == "dies" else AGAIN, machine)
            self.log(f"-- {machine.name} installs {task.text} and starts again")
            if machine.name == self.deciding():
                await asyncio.sleep(1e6)

    def deciding(self) -> str:
        return next((each.name for each in self.machines.values() if each.store and each.store.holder.startswith(each.name)), "")

    # ---- what a node says of itself

    def health(self, machine: Machine, now: float) -> Health:
        truth = self.truth()
        node = truth.layout.node(machine.id)
        functions = node.functions if node is not None else frozenset()
        answers = self.answer(machine) is not None
        role = None
        if functions & {Function.DATABASE, Function.REPLICA}:
            role = DatabaseRole.PRIMARY if self.primary == machine.name and answers else DatabaseRole.REPLICA
            if role is DatabaseRole.REPLICA and self._synchronous() == machine.name:
                role = DatabaseRole.SYNCHRONOUS
        found: dict[str, Any] = {
            "processors": 2,
            "cpu": 10.0,
            "memory": 4 << 30,
            "memory_used": 1 << 30,
            "filesystems": (Filesystem(path="/var/lib/rackless", size=40 * 10**9, used=8 * 10**9),),
            "database": role,
            "lag": 0 if role in {DatabaseRole.SYNCHRONOUS, DatabaseRole.REPLICA} else None,
            "etcd": answers if Function.VOTE in functions else None,
            "leader": machine.store is not None and machine.store.leader == machine.name if Function.VOTE in functions else None,
            "clock_offset": machine.offset,
            "time_source": "192.0.2.1",
            "time_sources": ("192.0.2.1",),
            "certificate_until": EPOCH + 365 * DAY,
            "holds_address": self.holds(machine) if Function.ADDRESS in functions else None,
            "serving": True if Function.APPLICATION in functions else None,
            "machines": machine.machines,
        }
        return Health(node=machine.id, at=now, release=machine.release, **(found | machine.facts))

    def _synchronous(self) -> str:
        able = [
            each.name
            for each in self.machines.values()
            if each.name != self.primary and each.id == each.name and self._database(each)
        ]
        nodes = {each.id: each for each in self.truth().layout.databases}
        return next(
            (name for name in sorted(able, key=lambda each: nodes[each].number if each in nodes else 99) if name in nodes), ""
        )

    def holds(self, machine: Machine) -> bool:
        """By VRRP: whoever hears nobody better."""
        nodes = self.truth().layout.having(Function.ADDRESS)
        better = []
        for node in nodes:
            if node.id == machine.id:
                break
            better.append(node.id)
        if self.primary == machine.name:
            better = []
        elif self.primary in {each.id for each in nodes}:
            better.append(self.primary)
        return machine.up and not any(self.linked(machine, self.machines[id]) for id in better)

    def truth(self) -> Truth:
        """Of the half that is the fabric."""
        stores = [each.store.truth for each in self.machines.values() if each.store is not None]
        return max(stores, key=lambda each: each.generation)

    # ---- what must never be

    def acted(self, epoch: int, world: World) -> None:
        if epoch and self.offices.setdefault(epoch, world.incarnation) != world.incarnation:
            raise Broken(f"{self.offices[epoch]} and {world.incarnation} both act for {epoch}")

    def allowed(self, machine: Machine) -> None:
        if machine.allowed is None:
            return
        for other in self.machines.values():
            if other is not machine and other.id == machine.id and other.allowed is not None and not other.frozen:
                raise Broken(f"{machine.name} and {other.name} both work as {machine.id}")

    def judged(self, before: Truth, after: Truth) -> None:
        for node in after.layout.nodes:
            old, new = before.verdict(node.id), after.verdict(node.id)
            if new.term < old.term:
                raise Broken(f"the term of {node.id} goes back")
            for machine in self.machines.values():
                works = machine.id == node.id and machine.allowed is not None and not machine.frozen and machine.up
                if works and new.term > old.term and machine.allowed < new.term:  # type: ignore[operator]
                    raise Broken(f"{machine.name} works under term {machine.allowed} when it is given {new.term}")


def first(names: dict[str, NodeRole], **differs: Any) -> Truth:
    """A fabric whose nodes have these names (which are their ids too), all heard."""
    nodes = tuple(
        Node(
            id=name,
            name=name,
            address=f"10.0.0.{number}",
            number=number,
            role=role,
            machine=f"m-{name}",
            release="1.0",
            network="10.0.0.0/24",
        )
        for number, (name, role) in enumerate(names.items(), 1)
    )
    layout = Layout(
        fabric="f-1", name="lab", nodes=nodes, **({"virtual_address": "10.0.0.100/24", "time_sources": ("192.0.2.1",)} | differs)
    )
    verdicts = {name: Verdict(incarnation=f"{name}1") for name in names}
    return Truth(layout=placing.assign(layout), numbered=len(nodes), verdicts=verdicts)


def request(machine: Machine, truth: Truth, cluster: Cluster) -> JoinRequest:
    """Of a machine that wants to join."""
    reached = {each.id: "" if cluster.linked(machine, cluster.machines[each.id]) else "no route" for each in truth.layout.nodes}
    plain = JoinRequest(
        id=machine.id,
        name=machine.name,
        address=f"10.0.0.{machine.number}",
        role=machine.role,
        network="10.0.0.0/24",
        machine=machine.machine,
        release=machine.release,
        processors=2,
        memory=4 << 30,
        disk=40 * 10**9,
        disk_used=20.0,
        clock_offset=machine.offset,
        clock_synchronised=True,
        time_sources=("192.0.2.1",),
        reached=reached,
        reached_by=reached,
    )
    return replace(plain, **machine.request)
