"""What every workflow works on. One a process, set by the wiring before a workflow can run."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rackless.lease import Lease
from rackless.model.calendar import UNLIMITED, Amounts
from rackless.model.errors import DefectError
from rackless.model.places import OF_THIS_MACHINE, HostPlace
from rackless.model.plan import MachineSpec, Plan
from rackless.model.site import Site
from rackless.providers.contract import Bearing, Provider, Standing, at
from rackless.sandboxes import numbers
from rackless.sandboxes.times import Place
from rackless.settings import Settings
from rackless.store.database import Database
from rackless.workflows.booting import Booting
from rackless.workflows.consoles import Consoles
from rackless.workflows.driving import Driver
from rackless.workflows.feed import Feed
from rackless.workflows.progress import Progress
from rackless.workflows.sharing import Sharing

MANY = 1000
"""Machines that boot at once at clouds, all together."""


@dataclass(frozen=True, kw_only=True)
class World:
    """`driver`: by family name and place. `server`: this one's name among those that share the store; at its next start too."""

    server: str
    settings: Settings
    site: Site
    provider: Provider
    database: Database
    progress: Progress
    consoles: Consoles
    driver: Callable[[str, str], Driver]
    describe: Callable[[World, str], Awaitable[Any]]
    """A lab as the API shows it, as JSON; hooks are given it."""
    booting: Booting
    elsewhere: Booting = field(default_factory=lambda: Booting(MANY))
    """Of clouds, whose processors are their own matter."""
    at_hosts: dict[str, Booting] = field(default_factory=dict)
    """Of VM hosts, each with its own processors, by place."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when bookings changed: the timekeeper looks again."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while this server is in maintenance: jobs are booked, and begin elsewhere, or when it works again."""
    lease: Lease = field(default_factory=Lease)
    """Without it nothing is done to machines; always there where the store is this server's alone."""
    feed: Feed = field(init=False)
    """Events for those who follow them."""

    sharing: Sharing = field(init=False)
    """Files that all servers on the store have."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sharing", Sharing(self.settings.state, self.database))
        object.__setattr__(self, "feed", Feed(self.database))

    @property
    def transcripts(self) -> Path:
        return self.settings.state / "transcripts"

    @property
    def saved(self) -> Path:
        """Where `save` puts configurations until they are fetched; a directory a lab."""
        return self.settings.state / "saved"

    @property
    def kept(self) -> Path:
        """Configurations of labs that ended, if that was asked for; a directory a lab. Nothing removes them."""
        return self.settings.state / "kept"

    @property
    def capacity(self) -> Amounts:
        """All that labs may hold together: what the provider bears and the pools have, or less where the site says so."""
        bears = self.provider.capacity() if isinstance(self.provider, Bearing) else UNLIMITED
        site = self.site
        limits: dict[str, Any] = {"memory": site.most_memory, "processors": site.most_processors, "disk": site.most_disk}
        pools = numbers.capacity(site)
        limits |= {"consoles": pools.consoles, "forwards": pools.forwards, "others": {**bears.others, **pools.others}}
        return replace(bears, **{name: most for name, most in limits.items() if most is not None})

    def wanted(self, plan: Plan) -> Amounts:
        """What a plan takes of it, but for the pools."""
        return self.provider.wanted(plan) if isinstance(self.provider, Bearing) else Amounts()

    def driver_of(self, plan: Plan, spec: MachineSpec) -> Driver:
        """What speaks with this machine, where it is."""
        return self.driver(spec.family, plan.place_of(spec))

    def boots(self, place: str) -> Booting:
        """What lets machines of a place boot."""
        known = self.site.place(place)
        if isinstance(known, HostPlace):
            there = at(self.provider, known.name)
            most = there.processors() if isinstance(there, Standing) else math.inf
            return self.at_hosts.setdefault(known.name, Booting(int(most) if most < MANY else MANY))
        return self.booting if known is None or known.provider in OF_THIS_MACHINE else self.elsewhere

    @property
    def place(self) -> Place:
        return Place(
            site=self.site,
            forwarded=self.forwarded,
            capacity=self.capacity,
            boot_id=boot_id(),
            transcripts=self.transcripts,
            open=self._open(),
        )

    def _open(self) -> dict[str, float]:
        """Places of groups that take something new, with the processors that they have."""
        found = {}
        for place in self.site.everywhere:
            there = at(self.provider, place.name) if place.group else None
            if isinstance(there, Standing):
                if not there.unready():
                    found[place.name] = there.processors()
            elif there is not None:
                found[place.name] = math.inf
        return found

    @property
    def forwarded(self) -> frozenset[str]:
        """Places whose management interfaces are reached by ports of this machine."""
        places = [place.name for place in self.site.everywhere]
        return frozenset(name for name in places if at(self.provider, name).info.management == "forwarded")


_worlds: list[World] = []


def use(world: World) -> None:
    _worlds[:] = [world]


def world() -> World:
    if not _worlds:
        raise DefectError("A workflow ran before the wiring.")
    return _worlds[0]


@functools.cache
def boot_id() -> str:
    """Which boot of this machine this is (Linux: random/boot_id)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
