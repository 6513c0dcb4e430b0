"""The one who decides: every node watches, the holder of the office judges.

A turn reads the truth, decides, and writes it if it differs; only then what follows from it is done, task after task. It may end
after any of these: the next one finds the truth as it was written and the tasks that are left, each of which may be done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NoReturn

from rackless.fabric import actions, alarms, changing, membership, placing, upgrading, watching
from rackless.fabric.alarms import Pending
from rackless.fabric.conditions import Seen, conditions
from rackless.fabric.truth import Task, Truth, as_text, from_text
from rackless.fabric.watching import BEAT, Watch
from rackless.fabric.world import Read, World
from rackless.model.errors import RacklessError, StateError
from rackless.model.fabric import Alarm, DatabaseRole, Health, Life

TURN = 20.0
"""Seconds that one turn may take."""
REPLACE = 600.0
"""Seconds of watched silence after which a voter's vote goes to another node: longer than a reboot, with checks of its disks."""
MOVES = 60.0
"""Seconds between two tries to move etcd's leader, and between two to move the primary."""
FULL, ROOM = 95.0, 90.0
"""Percent: the primary leaves a node whose disk is that full, for one with that much room (ailments.DISK says what they mean)."""


class Deciding:
    def __init__(self, world: World) -> None:
        self._world = world
        self.watch = Watch()
        self._pending = Pending()
        self._moved = self._left = float("-inf")
        self._failed: dict[int, str] = {}
        """By task, why it did not come off the last time: said once."""

    async def run(self) -> NoReturn:
        """Turn after turn, until cancelled."""
        trouble = ""
        while True:
            try:
                async with asyncio.timeout(TURN):
                    await self.turn()
                trouble = ""
            except (RacklessError, TimeoutError) as error:
                if str(error) != trouble:
                    self._world.log(f"no decision: {error}".rstrip(": "))
                trouble = str(error)
            await asyncio.sleep(BEAT)

    async def turn(self) -> None:
        read = await self._world.read()
        self.watch = watching.look(self.watch, read.truth.layout, read.beats, self._world.monotonic())
        epoch = await self._world.office()
        if not epoch or read.truth.epoch > epoch:
            self._pending = Pending()
            return
        decided, pending = self._decide(read.truth, epoch)
        if decided != read.truth:
            silent = {start: read.heard.get(start, 0) for start in membership.silenced(read.truth, decided)}
            await self._world.write(read.revision, decided, epoch, silent)
            for line in changes(read.truth, decided):
                self._world.log(line)
        self._pending = pending
        await self._work(decided, epoch)

    def _decide(self, truth: Truth, epoch: int) -> tuple[Truth, Pending]:
        now = self._world.now()
        if truth.epoch < epoch:
            truth = replace(truth, epoch=epoch, decider=self._world.node)
        truth = membership.judge(truth, self.watch, now, self._world.node)
        truth = self._replace_lost(truth)
        health = known(truth, self.watch)
        truth = upgrading.next_step(truth, {id: each for id, (each, _) in health.items()}, now)
        truth = self._move_leader(truth, {id: each for id, (each, _) in health.items()})
        truth = self._leave_full(truth, {id: each for id, (each, _) in health.items()})
        seen = Seen(
            health={id: each for id, (each, _) in health.items()},
            ages={id: age for id, (_, age) in health.items()},
            strangers=tuple(membership.strangers(truth, self.watch)),
        )
        step = alarms.step(truth.alarms, self._pending, conditions(truth, seen, now), now, self._world.monotonic())
        if step.alarms != truth.alarms:
            truth = replace(truth, alarms=step.alarms)
        for alarm in step.changes:
            truth = truth.asked(actions.TELL, node=alarm.node, text=as_text(alarm))
        return truth, step.pending

    def _replace_lost(self, truth: Truth) -> Truth:
        """One at a time, and never while another change of votes is under way."""
        if any(task.kind in {actions.ADD_VOTE, actions.REMOVE_VOTE} for task in truth.tasks):
            return truth
        for node in truth.layout.voters:
            verdict = truth.verdict(node.id)
            if verdict.life is Life.DEAD and watching.silence(self.watch, truth.layout, node) >= REPLACE:
                after = changing.replace_lost(truth, node.id)
                if after is not truth:
                    return after
        return truth

    def _move_leader(self, truth: Truth, health: Mapping[str, Health]) -> Truth:
        """Off the primary's node: a node that is both takes both elections with it when it dies (8 s more, measured)."""
        both = [id for id, each in health.items() if each.leader and each.database is DatabaseRole.PRIMARY]
        others = [
            each.id
            for each in truth.layout.voters
            if each.id not in both and each.id in health and health[each.id].etcd
            if truth.verdict(each.id).life is Life.ALIVE and not each.maintenance
        ]
        late = self._world.monotonic() - self._moved >= MOVES
        if not both or not others or not late or any(task.kind == actions.MOVE_LEADER for task in truth.tasks):
            return truth
        self._moved = self._world.monotonic()
        return truth.asked(actions.MOVE_LEADER, node=others[0])

    def _leave_full(self, truth: Truth, health: Mapping[str, Health]) -> Truth:
        """A primary whose disk is full does not end by that: it refuses what needs one page more, and would for ever."""
        full = next((id for id, each in health.items() if each.database is DatabaseRole.PRIMARY and (each.disk or 0) >= FULL), "")
        room = any(each.database is DatabaseRole.SYNCHRONOUS and (each.disk or 0) < ROOM for each in health.values())
        late = self._world.monotonic() - self._left >= MOVES
        if not full or not room or not late or any(task.kind == actions.SWITCH_OVER for task in truth.tasks):
            return truth
        self._left = self._world.monotonic()
        return truth.asked(actions.SWITCH_OVER, node=full)

    async def _work(self, truth: Truth, epoch: int) -> None:
        """What is done is taken away together: whoever ends in between leaves some of it to be done twice."""
        done = []
        for task in due(truth):
            try:
                await self._world.act(task, epoch)
            except StateError:
                raise  # somebody newer decides
            except RacklessError as error:
                if self._failed.get(task.number) != str(error):
                    self._world.log(f"not done: {told(task, truth)}: {error}")
                self._failed[task.number] = str(error)
                continue
            self._world.log(f"done: {told(task, truth)}")
            done.append(task.number)
        if done:
            read: Read = await self._world.read()
            await self._world.write(read.revision, read.truth.did(*done), epoch)


def known(truth: Truth, watch: Watch) -> dict[str, tuple[Health, float]]:
    """By node, what it said of itself last and how long ago; of members' own beats only."""
    found = {}
    for node in truth.layout.nodes:
        for heard in membership.acceptable(truth, node, watch):
            health = membership.facts(heard.beat) if heard.beat.incarnation == truth.verdict(node.id).incarnation else None
            if health is not None:
                found[node.id] = (health, heard.silent)
    return found


def due(truth: Truth) -> Iterator[Task]:
    """The first task of each lane: what does not come off holds up only what has to come after it."""
    lanes: set[str] = set()
    for task in truth.tasks:
        lane = "votes" if task.kind in {actions.ADD_VOTE, actions.REMOVE_VOTE} else f"{task.kind}/{task.node}"
        if task.kind == actions.TELL:
            lane = f"{task.kind}/{_key(task)}"
        if lane not in lanes:
            lanes.add(lane)
            yield task


# ---- as it is logged


def told(task: Task, truth: Truth) -> str:
    node = truth.layout.node(task.node)
    name = node.name if node is not None else task.node
    about = {actions.APPLY: task.text, actions.INSTALL: f"{name} to {task.text}"}.get(task.kind, name)
    return f"{actions.KINDS[task.kind]} {_alarm(task) if task.kind == actions.TELL else about}"


def _key(task: Task) -> str:
    return from_text(Alarm, task.text).key


def _alarm(task: Task) -> str:
    alarm = from_text(Alarm, task.text)
    return f"{'cleared' if alarm.cleared_at is not None else alarm.severity} {alarm.key}"


def changes(before: Truth, after: Truth) -> Iterator[str]:
    """What was decided, one line each."""
    if after.epoch != before.epoch:
        yield f"decider: {before.decider or '(none)'} => {after.decider} (it holds the office now)"
    for node in after.layout.nodes:
        old, new = before.verdict(node.id), after.verdict(node.id)
        if old.life is not new.life:
            yield f"node {node.name}: {old.life} => {new.life} ({new.why})"
        if old.term != new.term:
            yield f"node {node.name}: term {old.term} => {new.term} ({new.why})"
        was = before.layout.node(node.id)
        if was is not None and was.functions != node.functions:
            yield f"node {node.name}: {_functions(was.functions)} => {_functions(node.functions)}"
    if after.layout.voters != before.layout.voters and len(after.layout.voters) < placing.VOTERS:
        yield f"voters: {len(after.layout.voters)}"
    if after.upgrade != before.upgrade:
        yield f"upgrade: {_upgrade(before)} => {_upgrade(after)}"
    standing = {alarm.key: alarm for alarm in before.alarms}
    for alarm in after.alarms:
        was_alarm = standing.get(alarm.key)
        if was_alarm is None or was_alarm.severity is not alarm.severity:
            yield f"alarm {alarm.key}: {was_alarm.severity if was_alarm else 'clear'} => {alarm.severity} ({alarm.cause})"
    for key in sorted(set(standing) - {alarm.key for alarm in after.alarms}):
        yield f"alarm {key}: {standing[key].severity} => clear"


def _functions(functions: frozenset[str]) -> str:
    return " ".join(sorted(functions)) or "nothing"


def _upgrade(truth: Truth) -> str:
    upgrade = truth.upgrade
    if upgrade is None:
        return "none"
    if upgrade.stopped:
        return f"stopped ({upgrade.stopped})"
    return f"{upgrade.node} {upgrade.stage}" if upgrade.node else f"to {upgrade.release}, {len(upgrade.done)} done"
