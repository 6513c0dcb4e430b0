"""Stories of a fabric: sentences of a story, what each does to the simulated cluster, and what can be said of it at the end."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rackless.fabric import alarms, changing, preflight, taking_over, upgrading
from rackless.fabric.truth import Truth
from rackless.model.errors import RacklessError
from rackless.model.fabric import DatabaseRole, Filesystem, NodeRole

from ..vmhost.simulated import Loop
from .simulated import BOOT, DAY, EPOCH, Broken, Cluster, Job, Machine, first, request

LEAST, MOST = 25.0, 3000.0
"""Simulated seconds that a sentence is given: to show what follows, and until it counts as never settling."""
QUIET, CALM = 20.0, 300.0
"""Simulated seconds without a line after which it has come to rest; and at the end, where ends are compared."""


@dataclass
class Story:
    cluster: Cluster
    quiet: float = QUIET

    async def tell(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self.cluster.lines.append(f"> {sentence}")
            await self.say(sentence)
            if not sentence.endswith("at once"):
                await self.settle()
        for _ in range(200):
            if all(len(each.done) == each.steps for each in self.cluster.jobs):
                break
            await asyncio.sleep(2)

    async def say(self, sentence: str) -> None:
        sentence = sentence.removesuffix(", at once")
        for pattern, act in SENTENCES:
            found = re.fullmatch(pattern, sentence)
            if found:
                result = act(self, **found.groupdict())
                if result is not None:
                    await result
                return
        raise AssertionError(f"no such sentence: {sentence}")

    async def settle(self) -> None:
        loop = self.cluster.loop
        begin, quiet, lines = loop.time(), loop.time(), len(self.cluster.lines)
        while loop.time() - begin < LEAST or loop.time() - quiet < self.quiet:
            await asyncio.sleep(2)
            if len(self.cluster.lines) != lines:
                quiet, lines = loop.time(), len(self.cluster.lines)
            if loop.time() - begin > MOST:
                self.cluster.log("-- does not come to rest")
                return

    def machine(self, name: str) -> Machine:
        return self.cluster.machines[name]

    async def change(self, what: Callable[[Truth], Truth], at: str = "") -> None:
        """An operator's change, by compare-and-swap, tried until it comes off: of the half that `at` is of."""
        for _ in range(60):
            stores = [each.store for each in self.cluster.machines.values() if each.store and each.name == (at or each.name)]
            store = max(stores, key=lambda each: each.truth.generation)
            reachable = [
                each for each in self.cluster.machines.values() if each.store is store and self.cluster.answer(each) is not None
            ]
            if reachable:
                try:
                    after = what(store.truth)
                except RacklessError as error:
                    self.cluster.log("refused: " + " ".join(str(error).split()))
                    return
                if after != store.truth:
                    store.truth, store.revision = after, store.revision + 1
                return
            await asyncio.sleep(1)
        self.cluster.log("-- nobody takes the change")

    def health(self) -> dict[str, Any]:
        now = EPOCH + self.cluster.loop.time()
        return {
            each.id: self.cluster.health(each, now) for each in self.cluster.machines.values() if each.up and each.id == each.name
        }


def power(story: Story, name: str, how: str) -> None:
    machine = story.machine(name)
    if how == "loses its power":
        machine.up = False
        story.cluster.stop(machine)
    else:
        machine.up = True
        story.cluster.later(BOOT, machine)


def reboot(story: Story, name: str) -> None:
    power(story, name, "loses its power")
    machine = story.machine(name)
    machine.up = True
    story.cluster.later(BOOT, machine)


def killed(story: Story, name: str) -> None:
    story.cluster.stop(story.machine(name))
    story.cluster.later(3.0, story.machine(name))


async def ended(story: Story, name: str) -> None:
    machine = story.machine(name)
    beating = machine.beating
    story.cluster.stop(machine)
    assert beating is not None
    await beating.end()


def started(story: Story, name: str) -> None:
    story.cluster.start(story.machine(name))


def freezes(story: Story, name: str, how: str) -> None:
    story.machine(name).frozen = how == "freezes"


def cut(story: Story, name: str, other: str | None) -> None:
    others = [other] if other else [each for each in story.cluster.machines if each != name]
    story.cluster.broken |= {frozenset({name, each}) for each in others}


def parted(story: Story, some: str, rest: str) -> None:
    story.cluster.broken |= {frozenset({a, b}) for a in some.split(" and ") for b in rest.split(" and ")}


def heals(story: Story) -> None:
    story.cluster.broken.clear()


def slow(story: Story, name: str, seconds: str | None) -> None:
    story.machine(name).slow = float(seconds or 0)


def clock(story: Story, name: str, seconds: str) -> None:
    story.machine(name).offset = float(seconds)


def disk(story: Story, name: str, percent: str) -> None:
    size = 40 * 10**9
    used = int(size * float(percent) / 100)
    story.machine(name).facts["filesystems"] = (Filesystem(path="/var/lib/rackless", size=size, used=used),)


def fact(key: str, value: Any) -> Callable[..., None]:
    def set_it(story: Story, name: str, number: str = "") -> None:
        made = value(number) if callable(value) else value
        if made is None:
            story.machine(name).facts.pop(key, None)
        else:
            story.machine(name).facts[key] = made

    return set_it


def job(story: Story, steps: str, name: str) -> None:
    machine = story.machine(name)
    made = Job(name=f"job {len(story.cluster.jobs) + 1}", steps=int(steps), owner=machine.id, term=machine.allowed or 0)
    story.cluster.jobs.append(made)


def wants(story: Story, name: str, role: str | None, how: str | None) -> Machine:
    machine = story.cluster.machines.get(name)
    if machine is None:
        number = max(each.number for each in story.cluster.machines.values()) + 1
        machine = Machine(name=name, id=name, number=number, role=NodeRole(role or "full"), machine=f"m-{name}")
        story.cluster.machines[name] = machine
    machine.role = NodeRole(role or "full")
    machine.request = WAYS[how] if how else {}
    return machine


WAYS: dict[str, dict[str, Any]] = {
    "another release": {"release": "0.9"},
    "a copied disk": {"machine": "m-b"},
    "another fabric's certificate": {"fabric": "f-2"},
    "a clock that is off by 40 s": {"clock_offset": 40.0},
    "another source of time": {"time_sources": ("192.0.2.9",)},
    "no source of time": {"time_sources": (), "clock_synchronised": False, "clock_offset": None},
    "too little of everything": {"processors": 1, "memory": 1 << 30, "disk": 20 * 10**9},
    "a full disk": {"disk_used": 91.0},
    "an address elsewhere": {"address": "10.9.9.4"},
    "a hypervisor of its neighbour": {"hypervisor": "h1"},
    "the name of a": {"name": "a"},
    "the address of a": {"address": "10.0.0.1"},
    "ports in use": {"addresses_in_use": ("10.0.0.4:5432",)},
}


async def joins(story: Story, name: str, role: str | None = None, how: str | None = None) -> None:
    machine = wants(story, name, role, how)
    truth = story.cluster.truth()
    asked = request(machine, truth, story.cluster)
    found = preflight.refusals(truth.layout, asked, lives={id: each.life for id, each in truth.verdicts.items()})
    for refusal in found:
        story.cluster.log(f"refused {refusal.name}: {refusal.reason} {refusal.hint}")
    if found:
        return
    machine.store = next(each.store for each in story.cluster.machines.values() if each.store and each.store.truth == truth)
    await story.change(lambda truth: changing.join(truth, asked, EPOCH + story.cluster.loop.time()))
    machine.last = machine.store.truth if machine.store else None
    story.cluster.start(machine)


def breaks_off(story: Story, name: str) -> Awaitable[None]:
    """It asked, was let in, and died before it did anything: the operator takes it back."""

    async def both() -> None:
        await joins(story, name)
        story.cluster.stop(story.machine(name))
        story.machine(name).up = False
        await asyncio.sleep(5)
        await story.change(lambda truth: changing.remove(truth, name, EPOCH + story.cluster.loop.time()))

    return both()


def removed(story: Story, name: str) -> Awaitable[None]:
    return story.change(lambda truth: changing.remove(truth, name, EPOCH + story.cluster.loop.time()))


def maintenance(story: Story, name: str, how: str) -> Awaitable[None]:
    on = how == "goes into"
    return story.change(lambda truth: changing.maintain(truth, name, on, story.cluster.primary))


def upgrade(story: Story, release: str) -> Awaitable[None]:
    return story.change(lambda truth: upgrading.begin(truth, release, story.health(), EPOCH + story.cluster.loop.time()))


def upgrade_goes(story: Story, how: str) -> Awaitable[None]:
    if how == "is resumed":
        return story.change(lambda truth: upgrading.resume(truth, EPOCH + story.cluster.loop.time()))
    return story.change(upgrading.abandon)


def installs(story: Story, name: str, how: str) -> None:
    words = {"does not come back": "dies", "breaks its database": "breaks", "is refused": "refuses", "works": "fine"}
    story.machine(name).installs = words[how]
    if how == "works":
        story.machine(name).facts.pop("engines_down", None)


def copied(story: Story, name: str, where: str) -> None:
    """The copy hears and is heard; it runs the same daemon."""
    of = story.machine(name)
    machine = "m-copy" if where == "on another machine" else of.machine
    number = max(each.number for each in story.cluster.machines.values()) + 1
    made = Machine(name=f"{name}x", id=of.id, number=number, machine=machine, store=of.store, role=of.role)
    made.last = of.store.truth if of.store else None
    if where == "of another fabric":
        made.fabric = "f-2"
    story.cluster.machines[made.name] = made
    story.cluster.start(made)


async def takes_over(story: Story, name: str, off: str | None) -> None:
    me = story.machine(name)
    assert me.last is not None
    other = taking_over.partner(me.last, me.id)
    there = story.cluster.machines.get(other.id) if other is not None else None
    answers = {"agent": there is not None and bool(there.tasks) and story.cluster.linked(me, there)}
    node = me.last.layout.node(me.id)
    if node is not None and taking_over.paired(me.last) and off and not answers["agent"] and node.functions & {"vote"}:
        me.told = True  # the one that has the primary, after a start
        return
    try:
        truth = taking_over.take_over(me.last, me.id, off=bool(off), answers=answers, now=EPOCH + story.cluster.loop.time())
    except RacklessError as error:
        story.cluster.log("refused: " + " ".join(str(error).split()))
        return
    from .simulated import Store

    epoch = (me.store.epoch if me.store else 0) + 100
    me.store, me.last, me.told = Store(truth=truth, voters={me.name}, epoch=epoch), truth, True
    story.cluster.promote(me)


def acknowledged(story: Story, key: str) -> Awaitable[None]:
    def change(truth: Truth) -> Truth:
        return replace(truth, alarms=alarms.acknowledge(truth.alarms, key, "op", EPOCH + story.cluster.loop.time()))

    return story.change(change)


async def passes(story: Story, number: str, unit: str) -> None:
    await asyncio.sleep(float(number) * {"s": 1, "minutes": 60}[unit])


async def swings(story: Story, name: str) -> None:
    """A disk around 80 %."""
    for percent in (81, 79, 81, 78, 82, 79):
        disk(story, name, str(percent))
        await asyncio.sleep(15)


async def flutters(story: Story, name: str) -> None:
    """A link that comes and goes."""
    for _ in range(6):
        cut(story, name, None)
        await asyncio.sleep(3)
        heals(story)
        await asyncio.sleep(3)


def comes_off(story: Story, kind: str, how: str) -> None:
    (story.cluster.fails.add if how == "does not come off" else story.cluster.fails.discard)(kind)


def switched(story: Story, name: str) -> None:
    story.cluster.promote(story.machine(name))


N = r"(?P<name>\w+)"
SENTENCES: list[tuple[str, Callable[..., Awaitable[None] | None]]] = [
    (rf"{N} (?P<how>loses its power|comes back)", power),
    (rf"{N} reboots", reboot),
    (rf"the daemon of {N} is killed", killed),
    (rf"the daemon of {N} ends", ended),
    (rf"the daemon of {N} starts", started),
    (rf"{N} (?P<how>freezes|thaws)", freezes),
    (rf"{N} is cut off(?: from (?P<other>\w+))?", cut),
    (r"(?P<some>\w+(?: and \w+)*) do not hear (?P<rest>\w+(?: and \w+)*)", parted),
    (r"the network heals", heals),
    (rf"{N} flutters", flutters),
    (rf"the disk of {N} takes (?P<seconds>[\d.]+) s for a write", slow),
    (rf"the disk of {N} is fast(?P<seconds>)", slow),
    (rf"the clock of {N} is off by (?P<seconds>-?[\d.]+) s", clock),
    (rf"the disk of {N} is (?P<percent>\d+) % full", disk),
    (rf"the disk of {N} swings around 80 %", swings),
    (
        rf"the certificate of {N} expires in (?P<number>-?\d+) days",
        fact("certificate_until", lambda days: EPOCH + float(days) * DAY),
    ),
    (rf"the database of {N} is (?P<number>\d+) MiB behind", fact("lag", lambda mib: int(mib) << 20)),
    (rf"the database of {N} is down", fact("database", DatabaseRole.DOWN)),
    (rf"the database of {N} works", fact("database", None)),
    (rf"etcd on {N} fails", fact("etcd", False)),
    (rf"etcd on {N} works", fact("etcd", None)),
    (rf"haproxy on {N} stops", fact("engines_down", ("haproxy",))),
    (rf"haproxy on {N} runs", fact("engines_down", None)),
    (rf"{N} follows no time source", fact("time_source", "")),
    (rf"{N} has another time source", fact("time_sources", ("192.0.2.7",))),
    (rf"{N} claims the virtual address", fact("holds_address", True)),
    (rf"{N} gives the virtual address up", fact("holds_address", None)),
    (rf"the memory of {N} is (?P<number>\d+) % used", fact("memory_used", lambda percent: int((4 << 30) * float(percent) / 100))),
    (rf"a job of (?P<steps>\d+) steps begins on {N}", job),
    (rf"{N} joins(?: as (?P<role>\w+))?(?: with (?P<how>.+))?", joins),
    (rf"{N} joins and breaks off", breaks_off),
    (rf"{N} is removed", removed),
    (rf"{N} (?P<how>goes into|comes out of) maintenance", maintenance),
    (r"an upgrade to (?P<release>[\d.]+) begins", upgrade),
    (r"the upgrade (?P<how>is resumed|is abandoned)", upgrade_goes),
    (rf"the installation on {N} (?P<how>does not come back|breaks its database|is refused|works)", installs),
    (rf"a copy of {N} starts (?P<where>on another machine|on the same machine|of another fabric)", copied),
    (rf"{N} takes over(?P<off>, for the other is off)?", takes_over),
    (r"alarm (?P<key>\S+) is acknowledged", acknowledged),
    (r"(?P<number>\d+) (?P<unit>s|minutes) pass", passes),
    (r"(?P<kind>[\w-]+) (?P<how>does not come off|comes off again)", comes_off),
    (rf"the primary moves to {N}", switched),
]
SENTENCES.sort(key=lambda each: "joins(" in each[0])


def summary(cluster: Cluster) -> list[str]:
    """What an operator finds. Not who decides, nor anything that a loss of the one who does may change."""
    truth = cluster.truth()
    lines = []
    for node in truth.layout.nodes:
        machine = cluster.machines[node.id]
        verdict = truth.verdict(node.id)
        works = "works" if machine.allowed is not None and not machine.frozen else "does not work"
        notes = [verdict.life.value, works] + (["in maintenance"] if node.maintenance else []) + ([f"release {node.release}"])
        lines.append(f"{node.name}: {', '.join(notes)}: {' '.join(sorted(node.functions)) or 'nothing'}")
    store = next(each.store for each in cluster.machines.values() if each.store is not None and each.store.truth is truth)
    lines.append(f"votes: {' '.join(sorted(store.voters))}")
    for each in cluster.jobs:
        lines.append(f"{each.name}: {len(each.done)} of {each.steps} steps")
    lines += [f"machines away with {node}: {' '.join(names)}" for node, names in sorted(cluster.reported.items())]
    lines += [f"alarm: {each.severity} {each.key}" + (" (acknowledged)" if each.acknowledged_at else "") for each in truth.alarms]
    lines += [f"left to do: {task.kind} {task.node}" for task in truth.tasks]
    if truth.upgrade is not None:
        lines.append(f"upgrade: to {truth.upgrade.release}, {truth.upgrade.stopped or 'goes on'}")
    return lines


@dataclass(frozen=True, kw_only=True)
class Told:
    transcript: list[str]
    end: list[str]
    steps: dict[str, int]
    told: list[str]


def run(story: dict[str, Any], kill: tuple[str, int] | None = None, *, calm: bool = False) -> Told:
    loop = Loop()
    asyncio.set_event_loop(loop)
    cluster = Cluster(loop)
    given = dict(story.get("given") or {})
    roles = {name: NodeRole(given.get("roles", {}).get(name, "full")) for name in given.get("nodes", "a b c").split()}
    truth = first(roles, **({"virtual_address": given["virtual_address"]} if "virtual_address" in given else {}))
    told = Story(cluster)
    try:
        loop.run_until_complete(_play(cluster, told, truth, given, story["story"], kill, calm))
        end = summary(cluster)
    except* Broken as broken:
        raise AssertionError("\n".join([*cluster.lines, str(broken.exceptions[0])])) from broken
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
    return Told(transcript=cluster.lines, end=end, steps=dict(cluster.steps), told=cluster.told)


async def _play(
    cluster: Cluster,
    told: Story,
    truth: Truth,
    given: dict[str, Any],
    sentences: list[str],
    kill: tuple[str, int] | None,
    calm: bool,
) -> None:
    for name, machines in (given.get("machines") or {}).items():
        given.setdefault("_machines", {})[name] = tuple(machines.split())
    cluster.build(truth)
    for name, machines in given.get("_machines", {}).items():
        cluster.machines[name].machines = machines
    ticking = asyncio.create_task(cluster.tick())
    try:
        await told.settle()
        cluster.lines.clear()
        cluster.steps = {"before": 0, "after": 0}
        cluster.kill = kill  # the steps of the story are counted, not those that set the stage
        await told.tell(sentences)
        if calm:
            told.quiet = CALM
            await told.settle()
        for machine in cluster.machines.values():
            for task in machine.tasks:
                if task.done() and not task.cancelled():
                    task.result()
    finally:
        ticking.cancel()


def read(folder: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe").load((folder / "story.yaml").read_text()))


def text(told: Told) -> str:
    """As it stands in a story's `expect`."""
    return "\n".join([*told.transcript, "--", *told.end, "--", *told.told]) + "\n"


if __name__ == "__main__":
    for place in sys.argv[1:]:
        sys.stdout.write(text(run(read(Path(place)))))
