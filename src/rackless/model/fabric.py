"""Nouns of a fabric: nodes that are one control plane behind one web address.

Times are seconds since the epoch by the clock of whoever writes them; ages and durations are seconds; sizes are bytes. What is
not known is an empty text or None, never a guess. Figures of the vendor's are those of its Junos Space virtual appliance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# ---- nodes and what they do


class NodeRole(StrEnum):
    """What a node was set up to be. Its functions follow from that and from its place in the fabric."""

    FULL = "full"
    """May have every function."""
    APP = "app"
    """Application logic and a replica; never a vote, and never the primary."""
    WITNESS = "witness"
    """A vote and nothing else: makes two full nodes safe."""


class Function(StrEnum):
    """What a node does, by the engine that does it."""

    VOTE = "vote"
    """etcd: one voice in elections."""
    DATABASE = "database"
    """PostgreSQL under Patroni that may become primary."""
    REPLICA = "replica"
    """PostgreSQL under Patroni that never becomes primary."""
    BALANCER = "balancer"
    """HAProxy: the way to the primary and to every application, on each node that has either."""
    ADDRESS = "address"
    """keepalived: may hold the virtual address."""
    APPLICATION = "application"
    """API, workers, consoles."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """`id` never changes and is in the subject of its certificate; `name` is for people. `machine` is a digest of what tells
    this machine from a copy of its disk. `hypervisor`: the host it runs on, where that can be known."""

    id: str
    name: str
    address: str
    """With which the other nodes reach it, without a prefix length."""
    role: NodeRole = NodeRole.FULL
    functions: frozenset[Function] = frozenset()
    number: int = 0
    """1 for the node that the fabric began with, and so on in order of joining; never used again."""
    network: str = ""
    """The subnet of `address`, as 10.0.0.0/24."""
    machine: str = ""
    hypervisor: str = ""
    release: str = ""
    joined_at: float = 0.0
    maintenance: bool = False
    """Set by an operator: it holds neither virtual address nor primary, takes no jobs, and its silence is no alarm."""

    def has(self, function: Function) -> bool:
        return function in self.functions


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Who is a member and does what: the whole that every engine's configuration is written from.

    `version` grows by one with every change, so that a node can tell an older from a newer one it was handed.
    """

    fabric: str
    """The fabric's id: in every certificate (O=), so that a node of another fabric is known by it."""
    name: str
    virtual_address: str = ""
    """The web address with its prefix length, as 10.0.0.10/24; "" for none (a fabric behind somebody else's balancer)."""
    time_sources: tuple[str, ...] = ()
    """NTP servers of the first node. The vendor's rule holds here: every node has the same external source."""
    nodes: tuple[Node, ...] = ()
    version: int = 0

    def node(self, id: str) -> Node | None:
        return next((each for each in self.nodes if each.id == id), None)

    def called(self, name: str) -> Node | None:
        return next((each for each in self.nodes if each.name == name), None)

    def having(self, *functions: Function) -> tuple[Node, ...]:
        """Nodes with one of these, in order of joining."""
        found = (each for each in self.nodes if each.functions & set(functions))
        return tuple(sorted(found, key=lambda each: each.number))

    @property
    def voters(self) -> tuple[Node, ...]:
        return self.having(Function.VOTE)

    @property
    def databases(self) -> tuple[Node, ...]:
        """All with PostgreSQL, those that may become primary first."""
        return (*self.having(Function.DATABASE), *self.having(Function.REPLICA))

    @property
    def applications(self) -> tuple[Node, ...]:
        return self.having(Function.APPLICATION)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a node has to have at least, as documented in docs/reference/fabric.md."""

    processors: int
    memory: int
    disk: int


GIB = 1 << 30
NEEDS: Mapping[NodeRole, Needs] = {
    # Disk: the vendor's appliance is distributed with 5 GB and is given 40 GB more on deployment. Memory: an active node with
    # its PostgreSQL was measured at 0.16 GiB of processes; the rest is the server's, its workers', and cache of the database.
    NodeRole.FULL: Needs(processors=2, memory=2 * GIB, disk=45 * 10**9),
    NodeRole.APP: Needs(processors=2, memory=2 * GIB, disk=45 * 10**9),
    NodeRole.WITNESS: Needs(processors=1, memory=GIB // 2, disk=5 * 10**9),
}
SYSTEM = 5 * 10**9
"""What of a need's disk is the system's; the rest is the file system of the node's state."""
GROWTH = 40 * 10**9
"""What the vendor recommends to add to a disk that passes 80 %."""
DISK_ALARM = 80.0
"""Percent of a disk in use from which the vendor recommends to add another 40 GB."""

# ---- life


class Life(StrEnum):
    """What the fabric holds of a node. Only a verdict (DEAD) has consequences."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    """Silent, but not for long enough: nothing follows yet but an alarm."""
    DEAD = "dead"
    """Silent for so long that its lease is over; its jobs went to others, its term is past."""
    RETURNING = "returning"
    """Is heard again after it was dead; counts as alive once it has taken its new term."""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One node, as the one who decides sees it. `age`: of its last heartbeat, by the decider's own clock."""

    node: str
    life: Life
    age: float | None = None
    since: float = 0.0
    """When that state began."""
    why: str = ""
    term: int = 0
    """Fencing token: one more each time it is declared dead. Who acts with an older one is refused."""


# ---- health


class DatabaseRole(StrEnum):
    PRIMARY = "primary"
    SYNCHRONOUS = "synchronous"
    """A replica that has every acknowledged write."""
    REPLICA = "replica"
    STARTING = "starting"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class Filesystem:
    """`used` and `size` as df counts them: what only root may use is not counted as free."""

    path: str
    size: int
    used: int

    @property
    def percent(self) -> float:
        return 100.0 * self.used / self.size if self.size else 0.0


@dataclass(frozen=True, kw_only=True)
class Health:
    """Facts of one node, of one moment (`at`, by its own clock). None: not known, or the node has no such function."""

    node: str
    at: float = 0.0
    release: str = ""
    processors: int | None = None
    cpu: float | None = None
    """Percent of all processors in use."""
    load: float | None = None
    """Of one minute, a processor."""
    memory: int | None = None
    memory_used: int | None = None
    filesystems: tuple[Filesystem, ...] = ()
    database: DatabaseRole | None = None
    lag: int | None = None
    """Bytes of write-ahead log behind the primary."""
    etcd: bool | None = None
    """It answers, and has a leader."""
    leader: bool | None = None
    """It is the leader of etcd."""
    clock_offset: float | None = None
    """Its clock minus that of its time source, seconds."""
    time_source: str = ""
    """The source that its clock follows now; "" for none."""
    time_sources: tuple[str, ...] | None = None
    """The sources it is set up with."""
    certificate_until: float | None = None
    """When the first of its certificates expires."""
    holds_address: bool | None = None
    """It has the virtual address."""
    serving: bool | None = None
    """Its application is ready."""
    engines_down: tuple[str, ...] = ()
    """Engines that should run on it and do not."""
    machines: tuple[str, ...] = ()
    """Machines of labs that run on it."""

    @property
    def disk(self) -> float | None:
        """Percent in use of its fullest file system."""
        return max((each.percent for each in self.filesystems), default=None)


# ---- alarms


class Severity(StrEnum):
    """Of ITU-T X.733, without `indeterminate`; `cleared` is no severity here but the end of an alarm."""

    CRITICAL = "critical"
    """The service is away, or one more loss loses it or data."""
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`name` is for programs (`disk-full`), and with `node` (an id; "" for the fabric as a whole) and `subject` (a file system,
    an engine) it is what it is about: there is one at most. `cause` and `hint`: one sentence each."""

    name: str
    severity: Severity
    since: float
    cause: str
    hint: str
    node: str = ""
    subject: str = ""
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    cleared_at: float | None = None

    @property
    def key(self) -> str:
        return ":".join((self.name, self.node, self.subject)).rstrip(":")


# ---- joining


@dataclass(frozen=True, kw_only=True)
class JoinRequest:
    """What a node says of itself when it asks to join, and what was measured of it from outside (`reached...`)."""

    id: str
    name: str
    address: str
    role: NodeRole = NodeRole.FULL
    network: str = ""
    machine: str = ""
    hypervisor: str = ""
    release: str = ""
    fabric: str = ""
    """The fabric it is a member of already; "" for none."""
    processors: int = 0
    memory: int = 0
    disk: int = 0
    """Size of the file system of its state."""
    disk_used: float = 0.0
    """Percent of it."""
    clock_offset: float | None = None
    """Its clock minus that of the node that examines it, seconds; None: could not be measured."""
    clock_synchronised: bool = False
    time_sources: tuple[str, ...] = ()
    reached: Mapping[str, str] = field(default_factory=dict)
    """By node id of a member: "" if it reaches that member, else why not."""
    reached_by: Mapping[str, str] = field(default_factory=dict)
    """By node id of a member: "" if that member reaches it, else why not."""
    addresses_in_use: tuple[str, ...] = ()
    """Ports it needs that something else listens on already, as `address:port`."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One reason why a node may not join. `name` is for programs; `reason` has the values that differ; `hint` the way out.
    `waivable`: an operator may say that it is to join nevertheless."""

    name: str
    reason: str
    hint: str
    waivable: bool = False


# ---- the whole, as it is shown


@dataclass(frozen=True, kw_only=True)
class Status:
    """The fabric monitor's page. `embedded`: one node on SQLite, no fabric: `layout` is then that one node, without engines."""

    layout: Layout
    embedded: bool = False
    database: str = ""
    """`sqlite` or `postgresql`."""
    decider: str = ""
    epoch: int = 0
    members: tuple[Membership, ...] = ()
    health: tuple[Health, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    primary: str = ""
    """Id of the node with the primary; "" while there is none."""
    holder: str = ""
    """Id of the node with the virtual address."""

    def health_of(self, node: str) -> Health | None:
        return next((each for each in self.health if each.node == node), None)

    def member(self, node: str) -> Membership | None:
        return next((each for each in self.members if each.node == node), None)
