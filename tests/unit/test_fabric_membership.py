"""The membership core under random schedules: links that break, daemons and nodes that die and freeze, clocks that differ,
slow disks. The simulated cluster ends a run where something happens that must never be (simulated.Broken): two that act for one
epoch, a job worked on by two, a step recorded twice, a node that works when its term is given to others."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.stories.fabric import telling
from tests.stories.fabric.simulated import Broken, Cluster, Job, first
from tests.stories.vmhost.simulated import Loop

from rackless.model.fabric import Life, NodeRole

Schedule = list[tuple[str, list[str], str, str, int]]
NAMES = ("a", "b", "c", "d")
EVENTS = (
    "{0} is cut off",
    "{0} is cut off from {1}",
    "{0} and {1} do not hear {2}",
    "the network heals",
    "{0} freezes",
    "{0} thaws",
    "{0} loses its power",
    "{0} comes back",
    "the daemon of {0} is killed",
    "the disk of {0} takes {3} s for a write",
    "the disk of {0} is fast",
    "the clock of {0} is off by {4} s",
)

HEARD_MEANWHILE: Schedule = [
    ("the disk of {0} takes {3} s for a write", ["b", "d", "a", "c"], "1.5", "2", 11),
    ("{0} is cut off", ["a", "c", "d", "b"], "0.5", "4000", 6),
    ("{0} is cut off from {1}", ["c", "a", "b", "d"], "30", "-86400", 6),
    ("the network heals", ["c", "b", "a", "d"], "30", "2", 25),
]
"""Found here: a was heard again, and worked, while the verdict that it was dead was on its way to a slow disk."""

schedules = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        st.permutations(NAMES),
        st.sampled_from(("0.5", "1.5", "2.9", "5", "30")),
        st.sampled_from(("-86400", "-3", "2", "4000")),
        st.sampled_from((1, 3, 4, 6, 11, 25)),
    ),
    min_size=1,
    max_size=12,
)


async def _happen(cluster: Cluster, story: telling.Story, schedule: Schedule) -> None:
    cluster.build(first({"a": NodeRole.FULL, "b": NodeRole.FULL, "c": NodeRole.FULL, "d": NodeRole.APP}))
    ticking = asyncio.create_task(cluster.tick())
    await asyncio.sleep(15)
    for number, name in enumerate(NAMES):
        cluster.jobs.append(Job(name=f"job {number}", steps=8, owner=name))
    for event, names, slow, skew, pause in schedule:
        machine = cluster.machines[names[0]]
        if (event.endswith("comes back") and machine.up) or (event.startswith(("the daemon", "{0} loses")) and not machine.up):
            continue
        await story.say(event.format(*names[:3], slow, skew))
        await asyncio.sleep(pause)
    await story.say("the network heals")
    for machine in cluster.machines.values():
        machine.frozen, machine.slow = False, 0.0
        if not machine.up:
            await story.say(f"{machine.name} comes back")
    await asyncio.sleep(300)
    ticking.cancel()
    for machine in cluster.machines.values():
        for task in machine.tasks:
            if task.done() and not task.cancelled():
                task.result()


def play(schedule: Schedule, seed: int) -> Cluster:
    """`seed`: which writes that were too late were done all the same, and by how much clocks run fast or slow."""
    chance = random.Random(seed)
    loop = Loop()
    asyncio.set_event_loop(loop)
    cluster = Cluster(loop)
    cluster.drop = iter(lambda: chance.random() < 0.5, None)
    story = telling.Story(cluster)
    begun = cluster.start

    def start(machine: object) -> None:
        machine.rate = 1.0 + chance.uniform(-0.002, 0.002)  # type: ignore[attr-defined]
        begun(machine)  # type: ignore[arg-type]

    cluster.start = start  # type: ignore[method-assign]
    try:
        loop.run_until_complete(_happen(cluster, story, schedule))
    except Broken as broken:
        raise AssertionError("\n".join([str(broken), *cluster.lines])) from broken
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
    return cluster


# A schedule that fails is told as it was found: to look for a shorter one takes longer than to read it.
@pytest.mark.fabric
@pytest.mark.timeout(600)  # 15 s where nothing else runs
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(schedule=schedules, seed=st.integers(0, 1000))
@example(schedule=HEARD_MEANWHILE, seed=225)
def test_any_schedule_is_survived(schedule: Schedule, seed: int) -> None:
    cluster = play(schedule, seed)
    transcript = "\n".join(cluster.lines)
    truth = cluster.truth()
    assert {node.id: truth.verdict(node.id).life for node in truth.layout.nodes} == dict.fromkeys(NAMES, Life.ALIVE), transcript
    assert {machine.name: machine.allowed for machine in cluster.machines.values()} == {
        name: truth.verdict(name).term for name in NAMES
    }, transcript
    assert truth.tasks == (), transcript
    assert [len(job.done) for job in cluster.jobs] == [8, 8, 8, 8], transcript
