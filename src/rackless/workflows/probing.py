"""Two small machines and a wire at a cloud, for as long as it takes to see what only machines can show (`rackless site check`):
that packets arrive whole, that frames of any address pass, that serial lines and management addresses are to be reached.

They are a lab as any other, so that quotas and numbers hold, a crash leaves nothing unknown, and it has an end by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from rackless import blueprints
from rackless.console.dialogue import Dialogue
from rackless.deadline import Deadline
from rackless.model.errors import GuestError, ProviderError, RacklessError
from rackless.model.family import NicRole
from rackless.model.lifecycle import JobState
from rackless.model.places import OF_THIS_MACHINE, Place
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Finding, at, survey
from rackless.routers.prompts import LOGIN, SHELL, At
from rackless.sandboxes import booking, times
from rackless.store import jobs, machines, sandboxes
from rackless.workflows import spots, starting
from rackless.workflows.machines import ref_of
from rackless.workflows.spots import SSH, endpoint
from rackless.workflows.world import World

LENGTH = 3600.0
"""Seconds after which the machines go, whatever became of whoever asked."""
BOOT = 1800.0
"""Seconds until both run and are wired; a first one has its image uploaded before."""
TALK = 600.0
"""Seconds for all that is said on one serial line."""
WIRED = 90.0
"""Seconds until a wire carries something."""
REACH = 60.0
"""Seconds until a management address takes a connection."""
GONE = 600.0
TRIES = 3
"""How often they are taken down, where that fails."""
APART = 60.0
"""Seconds by which a clock may differ from ours: certificates and logs bear that."""
LEAST = 576
"""Octets that every host of IPv4 takes (RFC 791): where less passes, nothing does."""
FOREIGN = "02:00:5e:10:00:01"
"""A MAC that no NIC of the plan has: locally administered."""
ENDS = ("a", "b")
BLUEPRINT = """\
name: {name}
place: {place}
hosts:
  a: {{family: linux}}
  b: {{family: linux}}
wires:
  - [a:eth1, b:eth1]
"""
# In the interface of the wire: behind a tag it is called eth1, and is otherwise the NIC with this MAC, whatever its name.
_FIND = (
    'cd /sys/class/net; for n in eth1 *; do [ "$(cat $n/address)" = {mac} ] && break; done; ip addr add 192.0.2.{host}/30 dev $n'
)
_DONE = re.compile(r"^status=(\d+)", re.MULTILINE)


class Spoken:
    """A root shell on the serial line of a machine."""

    def __init__(self, dialogue: Dialogue, deadline: Deadline) -> None:
        self._dialogue, self._deadline = dialogue, deadline

    async def enter(self) -> None:
        found, _ = await self._dialogue.expect(
            {At.LOGIN: LOGIN, At.SHELL: SHELL}, what="a login prompt", deadline=self._deadline, nudge=True, fresh=False
        )
        if found is At.LOGIN:
            await self._dialogue.send("root")
            await self._dialogue.expect({At.SHELL: SHELL}, what="a shell", deadline=self._deadline)

    async def run(self, line: str) -> tuple[int, str]:
        """Exit status and output."""
        said = await self._dialogue.command(
            f"{line}; echo status=$?", SHELL, what=f"the end of `{line}`", deadline=self._deadline
        )
        found = _DONE.search(said)
        if found is None:
            raise GuestError(f"`{line}` on {self._dialogue.name} said: {said[-300:]}")
        return int(found[1]), said[: found.start()].strip()


def worth_it(world: World, place: Place) -> bool:
    """Whether machines would show anything: wires on this machine are sockets, a pretended cloud has none, and VM hosts, which
    have a host channel as this machine has, try their tunnels themselves."""
    return place.provider not in OF_THIS_MACHINE and not at(world.provider, place.name).info.host_channel


async def probe(world: World, place: Place, *, who: str) -> AsyncIterator[Finding]:
    """Findings as soon as they are there. All that was made for them goes, also when whoever asked has gone."""
    name = f"check-{place.name}".rstrip("-")
    text = BLUEPRINT.format(name=name, place=place.name)
    try:
        blueprint = blueprints.load(text, file="site check", families=world.site.families, files={}, site=world.site)
        if await world.database.read(sandboxes.find, name) is not None:
            raise ProviderError(f"There is a lab {name}.", hint=f"Another check may be at work; else: `rackless down {name}`.")
        drafted = await world.database.read(booking.draft, blueprint, name, world.place)
        problems = await world.provider.check(drafted)
        if problems:
            hints = " ".join(problem.hint for problem in problems if problem.hint)
            raise ProviderError(" ".join(problem.message for problem in problems), hint=hints)
        wish = times.Wish(length=LENGTH, who=who, owner=who)
        booked = await world.database.run(booking.book, blueprint, name=name, place=world.place, wanted=world.wanted, wish=wish)
    except RacklessError as error:
        yield _bad("machines", error)
        return
    try:
        async for finding in _examined(world, place, name, booked.job):
            yield finding
    finally:
        # Also when whoever asked hung up, which cancels this.
        going = asyncio.create_task(_take_down(world, name, who))
        await asyncio.shield(going)
    yield await going


async def _examined(world: World, place: Place, name: str, job: str) -> AsyncIterator[Finding]:
    began = time.monotonic()
    try:
        await starting.start(world, job)
        over = await starting.ended(world, job, BOOT)
        row = await world.database.read(jobs.get, job)
        if row.state is not JobState.SUCCEEDED:
            late = "" if over else f" within {BOOT:g} s"
            said = row.error or {"message": f"Two machines did not boot{late}.", "hint": f"See the job {job}."}
            raise ProviderError(str(said.get("message", "")), hint=str(said.get("hint", "")))
        lab = await world.database.read(sandboxes.get, name)
    except RacklessError as error:
        yield _bad("machines", error)
        return
    yield Finding(name="machines", ok=True, detail=f"two booted and were wired within {time.monotonic() - began:.0f} s")
    ends = Ends(world, place, lab)
    checks: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
        ("serial lines", ends.enter),
        ("packets", ends.packets),
        ("frames", ends.frames),
        ("clocks", ends.clocks),
        ("management addresses", ends.management),
    )
    try:
        for title, check in checks:
            try:
                yield Finding(name=title, ok=True, detail=await check())
            except RacklessError as error:
                yield _bad(title, error)
                if title == "serial lines":
                    return  # Nothing can be asked of the machines.
    finally:
        await ends.leave()


def _bad(title: str, error: RacklessError) -> Finding:
    return Finding(name=title, ok=False, detail=error.message, hint=error.hint)


async def _take_down(world: World, name: str, who: str) -> Finding:
    try:
        for _ in range(TRIES):
            booked = await starting.take_down(world, name, "the check is over", who=who)
            await starting.ended(world, booked.job, GONE)
            if (await world.database.read(jobs.get, booked.job)).state is JobState.SUCCEEDED:
                break
        left = (await survey(world.provider, name)).refs
    except RacklessError as error:
        return _bad("gone again", error)
    if left:
        kinds = ", ".join(f"{ref.kind.value} {ref.name}" for ref in left)
        return Finding(name="gone again", ok=False, detail=f"There is still: {kinds}.", hint=f"Run `rackless down {name}`.")
    return Finding(name="gone again", ok=True, detail="nothing of them is left")


class Ends:
    """The two machines, with a shell on the serial line of each."""

    def __init__(self, world: World, place: Place, lab: sandboxes.SandboxRow) -> None:
        self._world, self._place, self._lab = world, place, lab
        self._open = contextlib.AsyncExitStack()
        self._shells: list[Spoken] = []
        self._interfaces: list[str] = []
        self._said = ""

    async def enter(self) -> str:
        for name, host in zip(ENDS, (1, 2), strict=True):
            spec = self._spec(name)
            known = await self._world.database.read(machines.get, self._lab.id, name)
            hub = await self._world.consoles.open(ref_of(spec), Path(known.transcript))
            lease = await self._open.enter_async_context(hub.writer("site check"))
            shell = Spoken(Dialogue(lease), Deadline(TALK))
            await shell.enter()
            mac = next(nic.mac for nic in spec.nics if nic.role is NicRole.TRAFFIC)
            _, said = await shell.run(_FIND.format(mac=mac, host=host) + "; ip link set $n up; echo wire=$n")
            found = re.search(r"^wire=(\S+)", said, re.MULTILINE)
            if found is None:
                raise GuestError(f"{name} has no interface with the MAC {mac}: {said[-300:]}", hint="See its console.")
            self._shells.append(shell)
            self._interfaces.append(found[1])
        return "a prompt stands on both"

    async def leave(self) -> None:
        await self._open.aclose()

    def _spec(self, name: str) -> MachineSpec:
        spec = self._lab.plan.machine(name)
        assert spec is not None
        return spec

    async def _pings(self, octets: int) -> bool:
        """Whether an IP packet of that size arrives whole, and its answer."""
        status, self._said = await self._shells[0].run(f"ping -c 4 -i 0.5 -W 2 -M do -s {octets - 28} 192.0.2.2 2>&1")
        return status == 0

    async def _await_wire(self) -> None:
        """A cloud tells its switches of a wire in its own time."""
        deadline = Deadline(WIRED)
        while not await self._pings(LEAST):
            if deadline.over:
                raise ProviderError(
                    f"No packet goes from one machine to the other. {' '.join(self._said.split())[-200:]}",
                    hint="See that the segments of the place are carried between its hosts.",
                )

    async def packets(self) -> str:
        need = int(getattr(self._place, "internal_mtu", 1500))
        most = at(self._world.provider, self._place.name).info.segment_most_mtu
        if need > 1500:
            for shell, name in zip(self._shells, self._interfaces, strict=True):
                await shell.run(
                    f"ip link set $(cat /sys/class/net/{name}/lower_*/uevent 2>/dev/null | sed -n s/INTERFACE=//p) mtu {need}"
                )
                await shell.run(f"ip link set {name} mtu {need}")
        await self._await_wire()
        if await self._pings(need):
            told = f" (its networks say {most})" if most is not None else ""
            return f"{need} octets arrive whole from one machine at the other{told}"
        least, over = LEAST, need
        while over - least > 1:
            middle = (least + over) // 2
            least, over = (middle, over) if await self._pings(middle) else (least, middle)
        raise ProviderError(
            f"Packets of {need} octets are lost between two machines; {least} arrive.",
            hint="Raise the MTU of the switches between the hosts too: encapsulation takes 50 octets of it.",
        )

    async def frames(self) -> str:
        """From a MAC and an address that the place has not given."""
        for setting in ("down", f"address {FOREIGN}", "up"):
            await self._shells[0].run(f"ip link set {self._interfaces[0]} {setting}")
        if not await self._pings(LEAST):
            raise ProviderError(
                "Frames from a MAC that is not the NIC's own are dropped: protocols with virtual ones (VRRP) would not work.",
                hint="OpenStack: port security has to be off. vSphere: allow forged transmits and MAC changes.",
            )
        return "those of another MAC and address than the NIC's pass"

    async def clocks(self) -> str:
        apart = []
        for shell in self._shells:
            status, said = await shell.run("date -u +%s")
            if status or not said.split() or not said.split()[-1].isdigit():
                raise GuestError(f"A machine does not tell the time: {said[-200:]}")
            apart.append(int(said.split()[-1]) - time.time())
        worst = max(apart, key=abs)
        if abs(worst) > APART:
            raise ProviderError(
                f"The hypervisors' clock and that of this server are {abs(worst):.0f} s apart.", hint="Set up NTP on both."
            )
        return f"at most {max(1, round(abs(worst)))} s from this server's"

    async def management(self) -> str:
        reached = []
        for name in ENDS:
            spec = self._spec(name)
            reached.append(endpoint(spec, "ssh", SSH, await spots.reached(self._world, spec)))
            await _reach(*reached[-1])
        return f"this server reaches {' and '.join(address for address, _ in reached)}"


async def _reach(address: str, port: int) -> None:
    deadline = Deadline(REACH)
    while True:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 5)
        except (OSError, TimeoutError) as error:
            if deadline.over:
                raise ProviderError(
                    f"This server does not reach {address}:{port}: {error or 'no answer'}.",
                    hint="Give the server a foot in the management network, or the place a `floating-network`.",
                ) from error
            await deadline.pause(1.0)
            continue
        writer.close()
        return
