"""What the API answers. Written by packaging/generate_client.py out of the API's document: do not edit."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rackless.client.decoding import Answer, Word


class DatabaseRole(Word):
    PRIMARY = "primary"
    SYNCHRONOUS = "synchronous"
    REPLICA = "replica"
    STARTING = "starting"
    DOWN = "down"


class Difference(Word):
    LEFTOVER = "leftover"
    STOPPED = "stopped"
    MISSING = "missing"
    RETURNED = "returned"
    SILENT = "silent"


class Duty(Word):
    """What a server does."""

    WORKING = "working"
    FINISHING = "finishing"
    IDLE = "idle"


class Effect(Word):
    """What a change does to machines that are there, from nothing to the most."""

    NONE = "none"
    LIVE = "live"
    RESTART = "restart"
    ANEW = "anew"


class ExportFormat(Word):
    CONTAINERLAB = "containerlab"
    ANSIBLE = "ansible"
    DRAWIO = "drawio"
    SVG = "svg"


class Function(Word):
    """What a node does, by the engine that does it."""

    VOTE = "vote"
    DATABASE = "database"
    REPLICA = "replica"
    BALANCER = "balancer"
    ADDRESS = "address"
    APPLICATION = "application"


class JobState(Word):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Life(Word):
    """What the fabric holds of a node. Only a verdict (DEAD) has consequences."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    RETURNING = "returning"


class MachineState(Word):
    PLANNED = "planned"
    STARTING = "starting"
    BOOTSTRAPPING = "bootstrapping"
    RUNNING = "running"
    STOPPED = "stopped"
    REMOVED = "removed"


class NodeRole(Word):
    """What a node was set up to be. Its functions follow from that and from its place in the fabric."""

    FULL = "full"
    APP = "app"
    WITNESS = "witness"


class Phase(Word):
    PRE_PROVISIONING = "pre-provisioning"
    PROVISIONING = "provisioning"
    POST_PROVISIONING = "post-provisioning"
    CONNECTIVITY = "connectivity"
    CONFIGURATION = "configuration"
    TEARDOWN = "teardown"
    CLEANUP = "cleanup"


class Role(Word):
    VIEWER = "viewer"
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class SandboxState(Word):
    BOOKED = "booked"
    WAITING = "waiting"
    DEPLOYING = "deploying"
    READY = "ready"
    FAILED = "failed"
    TEARING_DOWN = "tearing-down"
    ENDED = "ended"


class Severity(Word):
    """Of ITU-T X.733, without `indeterminate`; `cleared` is no severity here but the end of an alarm."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"


class Verb(Word):
    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"
    KEEP = "keep"


class VlanMode(Word):
    ACCESS = "Access"
    TRUNK = "Trunk"


class VlanVerb(Word):
    SETVLAN = "setVlan"
    REMOVEVLAN = "removeVlan"


class WireState(Word):
    PLANNED = "planned"
    CONNECTED = "connected"
    DOWN = "down"
    DISCONNECTED = "disconnected"


class AccessLine(Answer):
    id: int
    time: float
    who: str
    via: str
    action: str
    path: str
    status: int


class ActionResult(Answer):
    """`updatedInterface`: the MACs of the NICs, comma-separated, which removeVlan is to give back as `Interface`."""

    actionId: str
    type: VlanVerb
    updatedInterface: str
    infoMessage: str
    errorMessage: str
    success: bool


class ActionTarget(Answer):
    fullName: str = ""
    fullAddress: str = ""
    type: str = ""


class Alive(Answer):
    status: str


class Applied(Answer):
    """`kind`: changed, unchanged, booked, waiting, followed, or dry-run. `changes` in the blueprint's order."""

    job: str
    lab: str
    kind: str
    was: str
    state: JobState
    result: Any = None
    changes: list[ChangeRow]


class AuditFinding(Answer):
    """`difference`: leftover (no lab has it), stopped or missing (a machine of a lab that is up), returned (runs again),
    silent (a place that does not answer: `name`, of no lab). `place`: where it is, with several places. `reason`: why
    it is silent, or a leftover could not be removed.
    """

    difference: Difference
    kind: str
    lab: str
    name: str
    running: bool
    reason: str = ""
    place: str = ""


class CalendarBody(Answer):
    """`capacity`: of each resource all that labs may hold together, null for no limit; `held` now. Memory and disk in MiB.
    What only one place has is called by it: memory@munich.
    """

    now: float
    capacity: dict[str, float | None]
    held: dict[str, float]


class ChangeRow(Answer):
    """`kind`: router, host or wire. `effect`: none, live (behind running machines), restart (machines go off and come back
    with their disks), anew (from their image: what was configured since is lost). `machines`: those that come, go off
    or go; `stops`: those of them that are there. `allowed` false: it needs `replace`, which was not given.
    """

    verb: Verb
    kind: str
    name: str
    reason: str
    effect: Effect
    machines: list[str]
    stops: list[str]
    allowed: bool


class Clean(Answer):
    """What the installation has at a place for all its labs. `size` in bytes. `used`: why it stays; "": it is gone (or,
    dry, would be).
    """

    kind: str
    name: str
    size: int
    used: str


class ConnectionParameters(Answer):
    vlanId: str = ""
    mode: VlanMode = VlanMode.ACCESS
    type: str = ""
    vlanServiceAttributes: list[ConnectivityAttribute] = Field(default_factory=list)


class ConnectivityAction(Answer):
    """One setVlan or removeVlan, as cloudshell-shell-connectivity-flow 4.2.0 sends it."""

    actionId: str
    type: VlanVerb
    connectionId: str = ""
    connectionParams: ConnectionParameters = Field(
        default_factory=lambda: ConnectionParameters.model_validate(
            {"vlanId": "", "mode": "Access", "type": "", "vlanServiceAttributes": []}
        )
    )
    connectorAttributes: list[ConnectivityAttribute] = Field(default_factory=list)
    customActionAttributes: list[ConnectivityAttribute] = Field(default_factory=list)
    actionTarget: ActionTarget = Field(
        default_factory=lambda: ActionTarget.model_validate({"fullName": "", "fullAddress": "", "type": ""})
    )


class ConnectivityAttribute(Answer):
    attributeName: str
    attributeValue: str | None = ""
    type: str = ""


class ConnectivityResponse(Answer):
    driverResponse: DriverResponse


class Counters(Answer):
    """`at`: when they were read, in seconds since the epoch. A device that does not answer has none this time."""

    at: float
    ports: list[PortTraffic]


class Credentials(Answer):
    """How to log in to a router. The only answer of this API that holds secrets."""

    router: str
    user: str
    password: str
    root_password: str
    community: str
    ssh: str
    snmp: str
    host_keys: list[str]


class DriverRequest(Answer):
    actions: list[ConnectivityAction]


class DriverResponse(Answer):
    actionResults: list[ActionResult]


class Enrolled(Answer):
    """Both in PEM form."""

    certificate: str
    authority: str


class Fabric(Answer):
    """`embedded`: one server that is no fabric. `primary`, `holder`, `decider`: ids of nodes, "" while there is none."""

    id: str
    name: str
    embedded: bool
    database: str
    virtual_address: str
    time_sources: list[str]
    primary: str
    holder: str
    decider: str
    nodes: list[FabricNode]
    alarms: list[FabricAlarm]


class FabricAlarm(Answer):
    """`key` is what it is acknowledged by. `cause`: one sentence; `hint`: what to do."""

    key: str
    name: str
    severity: Severity
    since: float
    node: str
    subject: str
    cause: str
    hint: str
    acknowledged_at: float | None
    acknowledged_by: str


class FabricNode(Answer):
    """`functions`: what it does. `life`: what is held of it; `heartbeat_age`: seconds. The rest are its own facts, null
    where they are not known or it has no such function. Times are seconds since the epoch, `clock_offset` is in
    seconds, `lag` in bytes.
    """

    id: str
    name: str
    address: str
    role: NodeRole
    functions: list[Function]
    maintenance: bool
    joined_at: float
    release: str
    life: Life
    why: str
    heartbeat_age: float | None
    cpu: float | None
    load: float | None
    processors: int | None
    memory: int | None
    memory_used: int | None
    disk: float | None
    filesystems: list[NodeFilesystem]
    database: DatabaseRole | None
    lag: int | None
    etcd: bool | None
    etcd_leader: bool | None
    clock_offset: float | None
    time_source: str
    time_sources: list[str]
    certificate_until: float | None
    holds_address: bool | None
    serving: bool | None
    engines_down: list[str]


class Finding(Answer):
    """`ok` false: labs will not run, or run badly, until `hint` is followed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class FoundCard(Answer):
    """A line card in its slot, as the chassis calls it."""

    slot: int
    description: str
    serial: str


class FoundPort(Answer):
    """A port as the router calls it. `speed` in bit/s, MTU in bytes; `card`: the slot it is in."""

    name: str
    mac: str
    speed: int
    mtu: int
    admin_up: bool
    oper_up: bool
    description: str
    addresses: list[str]
    card: int | None


class Held(Answer):
    """A lab in the calendar. One that waits has the times that it will get, if nothing else changes; null when that can't
    be said, because labs without an end are before it.
    """

    lab: str
    owner: str
    state: SandboxState
    begins: float | None
    ends: float | None
    amounts: dict[str, float]


class HistoryEntry(Answer):
    time: float
    who: str
    what: str
    why: str


class Host(Answer):
    """A server. `seen`: its last heartbeat; `alive`: it came in time; `this`: the one that answers. Times are seconds
    since the epoch.
    """

    name: str
    host: str
    pid: int
    started: float
    seen: float
    alive: bool
    this: bool


class ImageLine(Answer):
    """One build. `size` of the bootable disk, `total` of all that it takes on the disk, in bytes. `current`: a new machine
    gets this one. `labs`: those that stand on it, of other installations too. `problem`: why it cannot be used.
    """

    name: str
    digest: str
    created: float
    size: int
    total: int
    current: bool
    labs: list[str]
    path: str
    problem: str = ""
    about: dict[str, Any] = Field(default_factory=dict)
    """Where it is from: source, format, ova, archive, signed, memory, ..."""


class ImportedBlueprint(Answer):
    """`text` is a blueprint that can be deployed; `left`: what of the topology is not in it, one sentence each."""

    text: str
    left: list[str]


class Invited(Answer):
    """`token`: good once, until `ends` (seconds since the epoch). `command`: what to run at the host, with the token at
    its standard input.
    """

    name: str
    token: str
    ends: float
    command: str


class Job(Answer):
    """`resumed`: how often it went on after the server had died. Times are seconds since the epoch."""

    id: str
    lab: str
    verb: str
    arguments: dict[str, Any]
    state: JobState
    error: JobError | None
    result: Any
    started: float
    ended: float | None
    cancelled: bool
    resumed: int


class JobEnvelope(Answer):
    """Event `job`: it began or ended."""

    id: str
    lab: str
    verb: str
    state: JobState


class JobError(Answer):
    """Why a job failed. `code`: as of problem documents; `made`: what there was already; `problems`: of a blueprint."""

    code: str
    message: str
    hint: str = ""
    made: list[str] = Field(default_factory=list)
    problems: list[ProblemBody] = Field(default_factory=list)


class JobLine(Answer):
    id: str
    verb: str
    state: str
    started: float
    ended: float | None
    resumed: int


class Lab(Answer):
    """`note`: what to know first, for example that this machine was rebooted since."""

    name: str
    state: SandboxState
    reason: str
    note: str
    provider: str
    created: float
    since: float
    begins: float
    ends: float | None
    owner: str
    memory: int
    routers: list[LabRouter]
    machines: list[LabMachine]
    ports: list[LabPort]
    wires: list[LabWire]
    job: JobLine | None
    networks: list[LabNetwork] = Field(default_factory=list)
    phase: Phase | None = None


class LabBlueprint(Answer):
    """`text` as it was written, or (`live`) what is there now. `file`: its own name; `files`: content of those it names.
    `since`: when it was sent, `who` did.
    """

    lab: str
    text: str
    file: str
    files: dict[str, str]
    live: bool
    since: float
    who: str


class LabCard(Answer):
    """A card in its slot; its state is that of the machine behind it."""

    slot: int
    state: MachineState
    reason: str


class LabEvent(Answer):
    """Event `lab`: it entered a state, or something of it changed (its end, a warning). Read it anew for all of it."""

    name: str
    state: SandboxState
    reason: str


class LabLine(Answer):
    """A lab in a list. `running`: machines that run now, as the place says. `note`: what to know first, for example that
    this machine was rebooted since. Memory in MiB; times are seconds since the epoch.
    """

    name: str
    state: SandboxState
    reason: str
    provider: str
    routers: int
    hosts: int
    machines: int
    running: int
    memory: int
    created: float
    since: float
    note: str
    begins: float
    ends: float | None
    owner: str


class LabMachine(Answer):
    """`state` is what Rackless last brought it to, `running` what the place says now. `uuid`: what the place itself calls
    it. Memory in MiB: `memory` the guest's, `private` what its process alone takes of its host, `proportional` with its
    share of what it has together with others. `cpu_seconds`: of its process, since that was started. Null where the
    place does not tell.
    """

    name: str
    owner: str
    role: str
    slot: int | None
    state: MachineState
    reason: str
    running: bool
    since: float
    memory: int
    console_port: int | None
    place: str = ""
    uuid: str = ""
    private: float | None = None
    proportional: float | None = None
    cpu_seconds: float | None = None


class LabNetwork(Answer):
    """The internal network of a router, for operators: `machines` are its controller and its cards."""

    name: str
    owner: str
    mtu: int
    machines: list[str]


class LabPort(Answer):
    """`ready`: the device itself reported it, with a MAC. `peer`: the other end of its wire. `up`: it has carrier now,
    because its wire is connected and its machine runs. Speed (bit/s), MTU and addresses are of the last inventory.
    """

    name: str
    owner: str
    machine: str
    nic: int
    planned_mac: str
    mac: str | None
    ready: bool
    peer: str | None
    up: bool
    speed: int | None = None
    mtu: int | None = None
    addresses: list[str] = Field(default_factory=list)


class LabRouter(Answer):
    name: str
    family: str
    cards: int
    ports_per_card: int
    user: str
    management: Management
    system: str = ""
    chassis: str = ""
    serial: str = ""
    slots: list[LabCard] = Field(default_factory=list)


class LabTimes(Answer):
    """`ends` null: until it is taken down."""

    name: str
    state: SandboxState
    begins: float
    ends: float | None


class LabWire(Answer):
    """`drawn`: live, and no blueprint has it. `note`: why a wire of the blueprint is not connected yet; it has no segment;
    or why one carries nothing. `impairment`: delay, jitter, loss and rate, those of them that it has, as its place
    says.
    """

    ends: tuple[str, str]
    state: WireState
    since: float
    segment: str
    drawn: bool = False
    note: str = ""
    impairment: dict[str, str] = Field(default_factory=dict)


class Layout(Answer):
    """`nodes`: by name of router or host. What has no place is laid out automatically by whoever draws."""

    nodes: dict[str, Place] = Field(default_factory=dict)


class Limits(Answer):
    """Null for no limit. Memory and disk in MiB; `machine_hours` in any seven days; `longest` and `ahead` in seconds."""

    labs: float | None
    routers: float | None
    machines: float | None
    memory: float | None
    processors: float | None
    disk: float | None
    machine_hours: float | None
    longest: float | None
    ahead: float | None


class LinkEvent(Answer):
    """Event `link`: a wire entered a state."""

    lab: str
    ends: tuple[str, str]
    state: WireState


class Listening(Answer):
    """A TCP port of the server. `host`: the address that it is bound to; `url`: where this machine's browser finds it;
    `fingerprint`: SHA-256 of its certificate, "" without TLS.
    """

    url: str
    host: str
    port: int
    fingerprint: str


class Lock(Answer):
    """`token`: number of this acquisition, which grows. `holder`: what of the owner's has it. `expires` null: until the
    lab's end. Times are seconds since the epoch.
    """

    name: str
    held: bool
    token: int
    owner: str
    holder: str
    since: float
    expires: float | None


class LockEntry(Answer):
    """`what`: acquired, taken-over, released or broken."""

    id: int
    token: int
    time: float
    who: str
    what: str
    why: str


class Login(Answer):
    """A user's name and password."""

    user: str
    password: str


class LoginProvider(Answer):
    """A way to log in: send the browser to `/v1/session/oidc/{name}`."""

    name: str
    title: str


class MachineEvent(Answer):
    """Event `machine`: it entered a state. Who is no operator is told of `card 1 of west`, not of the machine behind it."""

    lab: str
    name: str
    role: str
    state: MachineState
    reason: str


class MachineRow(Answer):
    name: str
    owner: str
    role: str
    family: str
    slot: int | None
    image: str
    memory: int
    vcpus: int
    management: str | None
    console_port: int | None
    place: str


class MaintenanceState(Answer):
    """`duty`: working, finishing (steps are under way) or idle: it can be stopped, and nothing is lost or waits for it."""

    on: bool
    duty: Duty


class Management(Answer):
    """How fxp0 is reached: `address` (its own) or `forwarded` (ports of this machine); host:port of each service."""

    how: str
    address: str | None
    services: dict[str, str]


class MovedRow(Answer):
    """`job` makes `owners` of the lab anew elsewhere; "" where `why` says that nothing does."""

    lab: str
    job: str
    owners: list[str]
    why: str


class NetworkRow(Answer):
    name: str
    owner: str
    mtu: int
    machines: list[str]
    number: int | None
    place: str


class NodeFilesystem(Answer):
    """Bytes; `percent` of what is not root's only."""

    path: str
    size: int
    used: int
    percent: float


class Place(Answer):
    """The upper left corner in the drawing's units, CSS pixels at 100 %; y grows downward."""

    x: float
    y: float


class PlaceRow(Answer):
    """A place, and what it can do. `rewiring`: how a port comes to a wire (live, hotplug, power-cycle, trunk);
    `live_rewire`: without a reboot of the guest. `most_nics` of a machine, and `segment_most_mtu` in octets: null for
    no limit of its own. `numbers`: VLAN ids or VNIs that segments take, such as 2000-2099; null for none. `fabric`:
    wires can go to the places of the same one.
    """

    name: str
    provider: str
    rewiring: str
    live_rewire: bool
    carrier: bool
    capture: bool
    management: str
    most_nics: int | None
    segment_most_mtu: int | None
    numbers: str | None
    fabric: str
    notes: list[str]


class Pool(Answer):
    """Numbers `first` to `last`, each held by one owner at a time. `labs`: how many each lab holds."""

    name: str
    first: int
    last: int
    taken: int
    labs: dict[str, int]


class PortRow(Answer):
    port: str
    owner: str
    label: str
    machine: str
    nic: int
    mac: str
    segment: str | None
    peer: str | None


class PortTraffic(Answer):
    """Since the device booted; `in` is what came from the wire."""

    name: str
    in_octets: int
    out_octets: int
    in_packets: int
    out_packets: int


class ProblemBody(Answer):
    """One thing that is wrong with a blueprint. Lines and columns count from 1; 0 where the place is not known."""

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class ProblemRow(Answer):
    """Why it can't be made."""

    message: str
    hint: str


class Pruned(Answer):
    """`kind`: build, packages, remains, template. `size` in bytes. `users`: why it stays; none: it is (or would be) gone."""

    kind: str
    name: str
    path: str
    size: int
    users: list[str]


class QuotaBody(Answer):
    """What may be had, and what is. `set`: the limits that are not the default; `name` of a user or a group."""

    name: str
    limits: Limits
    set: list[str]
    used: Used


class Ready(Answer):
    ready: bool
    checks: list[ReadyCheck]


class ReadyCheck(Answer):
    """`reason`: why not, "" when `ok`."""

    name: str
    ok: bool
    reason: str


class Redeemed(Answer):
    """A ticket of `POST /session/tickets`."""

    ticket: str


class Removed(Answer):
    """`left`: what could not be removed, with the reasons."""

    removed: list[AuditFinding]
    left: list[AuditFinding]


class ResetEvent(Answer):
    """Event `reset`: what was asked for is too old. Read what you show anew; the events from now on follow."""


class RouterInventory(Answer):
    """`taken`: when it was read, in seconds since the epoch; `system_name`: what the router calls itself."""

    router: str
    taken: float
    system_name: str
    system_description: str
    chassis: str
    serial: str
    cards: list[FoundCard]
    ports: list[FoundPort]


class Self(Answer):
    name: str
    role: Role
    via: str


class Server(Answer):
    """`build`: version and digest of the sources; a client of another one does not talk to this server. `running`: ids of
    the jobs that run.
    """

    version: str
    build: str
    sources: str
    pid: int
    since: float
    zone: str
    provider: str
    accelerator: str
    management: str
    labs: int
    jobs: int
    running: list[str]
    pools: dict[str, int]


class Session(Answer):
    """Of a browser. Times are seconds since the epoch. `how`: password, ticket, or the provider's name; `current`: it is
    the one that asks.
    """

    id: int
    created: float
    seen: float
    expires: float
    how: str
    source: str
    agent: str
    current: bool


class SitePlace(Answer):
    """A place of the site. `default`: where labs are that name none. `able`: what it can do. `unready`: why nothing new
    can be made there, as far as is known without asking; "" when something can.
    """

    name: str
    provider: str
    default: bool
    able: PlaceRow
    unready: str


class SnapshotLine(Answer):
    """A snapshot. `taken`: seconds since the epoch. `keep`: it stays when its lab goes. `size`: bytes on the disk.
    `machines`: their number. `release`: that took it.
    """

    lab: str
    name: str
    taken: float
    keep: bool
    size: int
    machines: int
    release: str


class Started(Answer):
    """A job that was started, or (`kind` followed) one that goes on already; of a lab that is booked for later or waits
    (`kind` booked, waiting) there is none yet (""). `state` is the job's when the answer was made.
    """

    job: str
    lab: str
    kind: str
    was: str
    state: JobState
    result: Any = None


class StepEvent(Answer):
    """Event `step`: what a job does. `number` counts from 1 within the job; kind is begin, note, done or failed."""

    job: str
    lab: str
    number: int
    step: str
    kind: str
    text: str


class Stopping(Answer):
    """`jobs`: ids of those that go on when a server is started again."""

    jobs: list[str]


class Summary(Answer):
    lab: str
    provider: str
    machines: list[MachineRow]
    ports: list[PortRow]
    wires: list[WireRow]
    networks: list[NetworkRow]
    places: list[PlaceRow]
    problems: list[ProblemRow]
    totals: Totals


class Ticket(Answer):
    """Good for one login, until `expires` (seconds since the epoch)."""

    ticket: str
    expires: float


class Token(Answer):
    """`token` is told once, when it is made. Times are seconds since the epoch."""

    label: str
    created: float
    expires: float | None
    token: str | None = None


class Totals(Answer):
    routers: int
    hosts: int
    machines: int
    ports: int
    wires: int
    memory: int
    vcpus: int


class Used(Answer):
    """Held now; `machine_hours` in the last seven days."""

    labs: float
    routers: float
    machines: float
    memory: float
    processors: float
    disk: float
    machine_hours: float


class User(Answer):
    """`password`: there is one to log in with. `provider`: the OpenID provider by which they log in; null for local users."""

    name: str
    role: Role
    password: bool
    disabled: bool
    created: float
    provider: str | None = None


class UserGroup(Answer):
    """Its quota is for its users together."""

    name: str
    members: list[str]
    limits: Limits


class UserQuota(Answer):
    """`groups`: quotas that the user shares with others."""

    name: str
    limits: Limits
    set: list[str]
    used: Used
    groups: list[QuotaBody]


class VmHost(Answer):
    """A place of the kind `host`. `state`: ready, silent, given-up or not-enrolled; `since`: of its enrolment, seconds
    since the epoch; `why`: it is not ready; `labs` that have something there.
    """

    name: str
    address: str
    group: str
    state: str
    since: float | None
    why: str
    labs: list[str]


class Warmed(Answer):
    """A warm template that was made now: `name` says what it is of."""

    place: str
    name: str


class WireRow(Answer):
    a: str
    b: str
    segment: str
    mtu: int
    number: int | None
    places: list[str]
