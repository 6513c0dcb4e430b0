"""Stories of a VM host: sentences of a story, what each does to the simulated machine, and what can be said of it at the end."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rackless.model.errors import RacklessError
from rackless.model.vmhost import GuestState, Reason
from rackless.vmhost import facts, reasons
from rackless.vmhost.facts import Health, Slot
from rackless.vmhost.reasons import Ending, EventKind

from .simulated import Installed, Loop, Machine, Part, Virtual

LEAST, MOST = 120.0, 7200.0
"""Simulated seconds that a sentence is given: to show what follows, and until it counts as never settling."""
SETTLED = 60.0


@dataclass
class Story:
    """`cut`: see Machine. What is said of the end leaves out what a loss of power may change: reasons of reboots, and
    the order of things."""

    machine: Machine
    answered: int = 0
    begun: int = 0
    """Actions of the first sentence."""

    async def tell(self, sentences: list[str]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.machine.outside.add(task)
        for sentence in sentences:
            self.machine.lines.append(f"> {sentence}")
            await self.say(sentence)
            await self.settle()
            self.begun = self.begun or self.machine.steps

    async def say(self, sentence: str) -> None:
        for pattern, act in SENTENCES:
            found = re.fullmatch(pattern, sentence)
            if found:
                if "guest" in found.groupdict() and not sentence.startswith(("the image", "the clock", "the time zone")):
                    await self.present(sentence, found["guest"])
                result = act(self, **found.groupdict())
                if result is not None:
                    await result
                return
        raise AssertionError(f"no such sentence: {sentence}")

    async def settle(self) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        quiet = begin
        while loop.time() - begin < LEAST or loop.time() - quiet < SETTLED:
            await asyncio.sleep(5)
            if not self.settled():
                quiet = loop.time()
            if loop.time() - begin > MOST:
                self.machine.log("-- does not come to rest")
                return

    def settled(self) -> bool:
        machine = self.machine
        if not machine.on:
            return not machine.coming
        agent = machine.agent
        if agent is None or not agent.up.is_set() or agent.ledger.ending or agent.operations.busy:
            return self.machine.booted is None and self.machine.lines[-1].endswith("nothing boots")
        rest = {GuestState.RUNNING, GuestState.OFF, GuestState.FAILED}
        return all(keeper.memory.state in rest for keeper in agent.keepers.values())

    # ---- requests: asked again after a loss of power, by the same number

    async def ask(self, request: Callable[[str], Awaitable[Any]]) -> None:
        self.answered += 1
        number = f"request-{self.answered}"
        while True:
            await self.reachable()
            task = self.machine.spawn(request(number))
            await asyncio.wait([task])
            if task.cancelled():
                if self.machine.evidence.ending is not Ending.NONE:
                    return  # the host went down as it was asked to
                continue
            error = task.exception()
            if isinstance(error, RacklessError):
                self.machine.log(f"refused: {error.message}")
            elif error is not None:
                raise error
            elif task.result() is not None:
                self.machine.log(f"answer: {task.result()}")
            return

    async def present(self, sentence: str, guest: str) -> None:
        """What happens to a guest that runs happens when it runs again, if the power was lost meanwhile."""
        alive = re.match(r"guest \w+ (reboots|shuts|panics|hangs|answers|is configured)|the process", sentence)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while alive and self.machine.guests[guest].run is None:
            await asyncio.sleep(5)
            assert loop.time() - begin < MOST, f"guest {guest} does not come up"

    async def reachable(self) -> None:
        """Whoever asks waits until the guest is up, through which it asks; one that never comes up is asked for at the host."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while self.machine.agent is None or not self.machine.agent.up.is_set():
            await asyncio.sleep(5)
            assert loop.time() - begin < MOST, "the host does not come up"

    def requests(self) -> Any:
        assert self.machine.agent is not None
        return self.machine.agent.operations


def given(machine: Machine, **words: Any) -> None:
    """`snapshot`: its version; `guests`: more of them; `sets`: version and behaviour by slot."""
    for name, what in (words.get("guests") or {}).items():
        machine.guests[name] = Virtual(name, administrative=False, **what)
        machine.fill(name)
    if "snapshot" in words:
        version = str(words["snapshot"])
        images = {name: Health.OK for name in machine.guests}
        machine.sets[Slot.SNAPSHOT] = Installed(version, f"d{version}", images)
        machine.loader = facts.Loader(current=Slot.A, confirmed=frozenset(Slot))
    for name, what in (words.get("bundles") or {}).items():
        machine.bundles[name] = what if isinstance(what, str) else Installed(**what)
    machine.oldest = words.get("oldest", "")
    for name in words.get("fails") or ():
        machine.broken.add(name)


# ---- sentences


def damage(story: Story, part: str, disk: str, how: str) -> None:
    drive = story.machine.drives[disk]
    if part == "partition table":
        drive.table = Health.DAMAGED
        return
    kinds = {
        "damaged": Part(Health.DAMAGED, mends=False),
        "not closed properly": Part(Health.DIRTY),
        "not closed properly, and beyond repair": Part(Health.DIRTY, mends=False),
    }
    fresh = kinds[how]
    fresh.free = drive.parts[part].free
    drive.parts[part] = fresh
    if part == "vm" and how == "damaged":
        drive.files, drive.stamps = {}, {}


def wipe(story: Story, disk: str) -> None:
    drive = story.machine.drives[disk]
    drive.table, drive.table_copy = Health.DAMAGED, False


def image(story: Story, guest: str, slot: str) -> None:
    story.machine.sets[Slot(slot)].images[guest] = Health.DAMAGED


def spoil(story: Story, what: str, guest: str) -> None:
    drives = story.machine.drives.values()
    if what.startswith("saved ") or what == "rescue configuration":
        key = "rescue" if what.startswith("rescue") else what.removeprefix("saved ")
        for drive in drives:
            drive.saved[guest][key] = "!" + drive.saved[guest][key]
        return
    for drive in drives:
        if guest in drive.files:
            drive.files[guest][what] = "!" + drive.files[guest][what]


def lost(story: Story, what: str, guest: str) -> None:
    for drive in story.machine.drives.values():
        drive.files.get(guest, {}).pop(what, None)


def configure(story: Story, guest: str, text: str) -> None:
    machine = story.machine
    assert machine.booted is not None
    drive = machine.drives[machine.booted.disk]
    drive.files[guest]["configuration"] = text
    drive.stamps[guest] = machine.loop.time()


def room(story: Story, part: str, disk: str, percent: str) -> None:
    story.machine.drives[disk].parts[part].free = int(percent) / 100


def guest_event(kind: EventKind) -> Callable[..., None]:
    def happens(story: Story, guest: str) -> None:
        story.machine.happened(guest, kind)
        if kind in {EventKind.RESET, EventKind.WATCHDOG}:
            story.machine.restart_guest(guest)
        elif kind is not EventKind.PANICKED:
            story.machine.guests[guest].run = None

    return happens


def watchdog(story: Story, guest: str) -> None:
    """The guest's own: QEMU resets it."""
    story.machine.happened(guest, EventKind.WATCHDOG, "reset")
    story.machine.happened(guest, EventKind.RESET_BY_HOST)
    story.machine.restart_guest(guest)


def twice(story: Story, guest: str) -> Awaitable[None]:
    """One reboot of a guest is two resets: its own, and SeaBIOS' a while later."""

    async def both() -> None:
        for _ in range(2):
            if story.machine.guests[guest].run is not None:
                story.machine.restart_guest(guest)
                story.machine.happened(guest, EventKind.RESET)
            await asyncio.sleep(12)

    return both()


def panic(story: Story, guest: str) -> None:
    run = story.machine.guests[guest].run
    assert run is not None
    run.hung = True
    story.machine.happened(guest, EventKind.PANICKED)


def deaf(story: Story, guest: str) -> None:
    run = story.machine.guests[guest].run
    assert run is not None
    run.deaf = True


def host_ends(dump: str = "", platform: tuple[Reason, ...] = ()) -> Callable[[Story], None]:
    return lambda story: story.machine.lose(evidence=reasons.Evidence(dump=dump, platform=platform))


def hang(story: Story) -> None:
    story.machine.hung = True


def behaves(story: Story, bundle: str, how: str) -> None:
    words = {
        "brings up a guest that never answers": "silent",
        "brings up a guest that ends at once": "crashes",
        "hangs at boot": "hangs",
    }
    found = story.machine.bundles[bundle]
    assert isinstance(found, Installed)
    found.behaves = words[how]


def set_behaves(story: Story, slot: str, how: str) -> None:
    story.machine.sets[Slot(slot)].behaves = {"fine": "fine", "silent": "silent", "crashing": "crashes"}[how]


def disk(story: Story, disk: str, how: str) -> None:
    drive = story.machine.drives[disk]
    if how in {"removed", "put back"}:
        drive.present = how == "put back"
    else:
        drive.read_only = how == "read-only"


def nobody(line: str) -> None:
    del line


def add(story: Story, bundle: str, reboot: str | None) -> Awaitable[None]:
    def request(id: str) -> Any:
        return story.requests().add(Path(bundle), reboot=bool(reboot), by="lab", tell=nobody, id=id)

    return story.ask(request)


def roll_back(story: Story) -> Awaitable[None]:
    return story.ask(lambda id: story.requests().roll_back(by="lab", tell=nobody, id=id))


def abort(story: Story) -> Awaitable[None]:
    return story.ask(lambda id: story.requests().abort(by="lab", id=id))


def snapshot(story: Story, words: str | None) -> Awaitable[None]:
    asked = (words or "").split()
    how = {"recovery": "recovery" in asked, "partition": "partition" in asked}
    return story.ask(lambda id: story.requests().snapshot(**how, by="lab", tell=nobody, id=id))


def end_host(story: Story, how: str, where: str | None) -> Awaitable[None]:
    once = {None: None, " disk1": story.machine.loader.current, " disk2": Slot.SNAPSHOT}[where]
    return story.ask(lambda id: story.requests().end_host(how, by="lab", once=once))


def recovery(story: Story, switch: str) -> Awaitable[None]:
    return story.ask(lambda id: story.requests().auto_recovery(on=switch == "delete", by="lab"))


def power(story: Story, guest: str, switch: str) -> Awaitable[None]:
    return story.ask(lambda id: story.requests().switch(guest, on=switch == "on", by="lab"))


def interrupt(story: Story, after: str, sentence: str) -> Awaitable[None]:
    """Something happens while a request runs."""

    async def both() -> None:
        request = asyncio.ensure_future(story.say(sentence.partition(" while ")[2]))
        story.machine.outside.add(request)
        await asyncio.sleep(float(after))
        await story.say(sentence.partition(" while ")[0])
        await request

    return both()


def clock(story: Story, guest: str, seconds: str) -> None:
    story.machine.guests[guest].skew = float(seconds)


def zone(story: Story, guest: str, zone: str) -> None:
    story.machine.guests[guest].zone = zone


def kill(story: Story) -> Awaitable[None]:
    async def killed() -> None:
        await story.reachable()
        story.machine.end_agent()

    return killed()


def cut(story: Story) -> None:
    story.machine.log("-- the power is cut")
    story.machine.lose(back=False)


def times(story: Story, count: str, sentence: str) -> Awaitable[None]:
    async def again() -> None:
        for _ in range(int(count)):
            await story.say(sentence)
            await story.settle()

    return again()


def wait(story: Story, minutes: str) -> Awaitable[None]:
    return asyncio.sleep(int(minutes) * 60)


GUEST, DISK, SLOT = r"guest (?P<guest>\w+)", "(?P<disk>disk[12])", "(?P<slot>a|b|snapshot)"
HOW = "(?P<how>damaged|not closed properly|not closed properly, and beyond repair)"
SENTENCES: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"(?P<count>\d+) times: (?P<sentence>.*)", times),
    (r"after (?P<after>\d+) s: (?P<sentence>.*)", interrupt),
    (r"(?P<minutes>\d+) minutes pass", wait),
    ("the power comes", lambda story: story.machine.power_on()),
    ("the power is cut", cut),
    ("the power fails for a moment", host_ends()),
    ("the host panics", host_ends(dump="Kernel panic - not syncing: Attempted to kill init!")),
    ("the host has a machine check", host_ends(dump="mce: [Hardware Error]: CPU 0: Machine Check Exception")),
    ("the host is too hot", host_ends(platform=(Reason.THERMAL,))),
    ("the reset button is pressed", host_ends(platform=(Reason.RESET_BUTTON,))),
    ("the host hangs", hang),
    ("the agent is killed", kill),
    (rf"{GUEST} reboots", guest_event(EventKind.RESET)),
    (rf"{GUEST} reboots, and QEMU tells of it twice", twice),
    (rf"{GUEST} shuts down", guest_event(EventKind.SHUTDOWN)),
    (rf"the process of {GUEST} is killed", guest_event(EventKind.GONE)),
    (rf"{GUEST} panics", panic),
    (rf"{GUEST} hangs, and its watchdog fires", watchdog),
    (rf"{GUEST} answers no more", deaf),
    (rf"{GUEST} is configured: (?P<text>.*)", configure),
    (rf"the image of {GUEST} in set {SLOT} is truncated", image),
    (rf"the (?P<what>(?:saved )?configuration|(?:saved )?licence|rescue configuration) of {GUEST} is damaged", spoil),
    (rf"the (?P<what>configuration|licence) of {GUEST} is lost", lost),
    (rf"the clock of {GUEST} is (?P<seconds>[-+.\d]+) s off", clock),
    (rf"the time zone of {GUEST} is (?P<zone>\S+)", zone),
    (rf"the (?P<part>partition table) of {DISK} is {HOW}", damage),
    (rf"(?P<part>boot|root-a|root-b|vm|var) on {DISK} is {HOW}", damage),
    (rf"(?P<part>vm|var) on {DISK} has (?P<percent>\d+) % left", room),
    (rf"both copies of the partition table of {DISK} are wiped", wipe),
    (rf"{DISK} is (?P<how>removed|put back|read-only|writable)", disk),
    (
        r"(?P<bundle>\S+) (?P<how>brings up a guest that never answers|brings up a guest that ends at once|hangs at boot)",
        behaves,
    ),
    (rf"set {SLOT} becomes (?P<how>fine|silent|crashing)", set_behaves),
    (r"request vmhost software add (?P<bundle>\S+)(?P<reboot> reboot)?", add),
    ("request vmhost software rollback", roll_back),
    ("request vmhost software abort", abort),
    ("request vmhost snapshot(?P<words>( recovery| partition)*)", snapshot),
    ("request vmhost (?P<how>reboot|halt|power-off)(?P<where> disk1| disk2)?", end_host),
    ("(?P<switch>set|delete) vmhost no-auto-recovery", recovery),
    (rf"{GUEST} is switched (?P<switch>on|off)", power),
)


def summary(machine: Machine) -> list[str]:
    """The end, as an operator would find it."""
    lines = [f"host: {'up from ' + machine.booted.value if machine.booted and machine.on else 'off'}"]
    lines.append(f"next boots: set {machine.loader.current.value}")
    for slot, installed in machine.sets.items():
        state = "bad" if slot in machine.loader.bad else "confirmed" if slot in machine.loader.confirmed else "on trial"
        lines.append(f"set {slot.value}: {installed.version or 'none'}, {state}")
    agent = machine.agent
    for name, guest in machine.guests.items():
        state = agent.keepers[name].memory.state.value if agent is not None and name in agent.keepers else "off"
        where = f" from {guest.run.slot.value}" if guest.run is not None else ""
        files = machine.home(machine.booted).files.get(name, {}) if machine.booted else {}
        lines.append(
            f"guest {name}: {state}{where}, configuration {files.get('configuration')!r}, licence {files.get('licence')!r}"
        )
    lines += (
        [f"alarm: {alarm.severity.value} {alarm.name}" for alarm in sorted(agent.alarms, key=lambda each: each.name)]
        if agent
        else []
    )
    lines += [f"kept aside: {what}" for what in sorted(machine.aside)]
    return lines


@dataclass(frozen=True, kw_only=True)
class Told:
    transcript: list[str]
    end: list[str]
    steps: tuple[int, ...]
    torn: tuple[int, ...]
    begun: int
    reasons: list[Reason]


def run(story: dict[str, Any], cut: tuple[str, int] | None = None) -> Told:
    loop = Loop()
    machine = Machine(loop, cut)
    given(machine, **(story.get("given") or {}))
    told = Story(machine)
    try:
        loop.run_until_complete(told.tell(story["story"]))
        end = summary(machine)
        agent = machine.agent
        boots = [boot.reason for boot in agent.ledger.record.boots] if agent else []
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
    return Told(
        transcript=machine.lines, end=end, steps=tuple(machine.ended), torn=tuple(machine.torn), begun=told.begun, reasons=boots
    )


def read(folder: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load((folder / "story.yaml").read_text()))


def text(told: Told) -> str:
    """As it stands in a story's `expect`."""
    return "\n".join([*told.transcript, "--", *told.end]) + "\n"


def lost(first: Told, second: Told) -> list[str]:
    """What is said of the end of the first, and not of the second."""
    return [line for line in first.end if line not in second.end]


if __name__ == "__main__":
    for place in sys.argv[1:]:
        sys.stdout.write(text(run(read(Path(place)))))
