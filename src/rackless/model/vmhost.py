"""Facts of a VM host, as its administrators see them: software sets, disks, reasons of reboots, alarms, guests, resources.

A *software set* is a host's root with a guest image of one release. The primary disk has the sets `a` and `b`: one is current,
the other alternate; the backup disk may have a *snapshot*, able to boot by itself. All times are seconds since the epoch
(float), all sizes bytes, unless a name says otherwise. What is not known is an empty text, 0 or None, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from rackless.model.vmhost_verbs import NEEDS, BootDevice, Disk, LoginClass, Verb

# ---- why something rebooted


class Reason(IntEnum):
    """Why a host or a guest last came up. 0x2000 and 0x4000 are the vendor's for VM hosts; 0x1, 0x200 and 0x1000
    are those that its routing engines print; the others are of the same series. `words` is what stands behind the colon."""

    POWER_CYCLE = 0x1
    WATCHDOG = 0x2
    """The platform's own watchdog (PCH, or i6300esb of a host that is a VM) ran out: the host hung."""
    RESET_BUTTON = 0x4
    POWER_BUTTON = 0x8
    MISC_HARDWARE = 0x10
    THERMAL = 0x20
    SHUTDOWN = 0x200
    EXCEPTION = 0x800
    """A machine check or triple fault: something below the operating system's own panic."""
    PANIC = 0x1000
    HYPERVISOR = 0x2000
    """The host was rebooted in order, and its guests with it."""
    GUEST = 0x4000
    """The guest was rebooted in order, and the host stayed up."""
    GUEST_WATCHDOG = 0x8000
    """The guest's emulated watchdog ran out, and the host reset it."""
    UNKNOWN = 0

    @property
    def words(self) -> str:
        return WORDS[self]

    def __str__(self) -> str:
        """As it is printed: `0x4000:VJUNOS reboot`."""
        return f"{self.value:#x}:{self.words}"


WORDS: dict[Reason, str] = {
    Reason.POWER_CYCLE: "power cycle/failure",
    Reason.WATCHDOG: "watchdog",
    Reason.RESET_BUTTON: "reset-button reset",
    Reason.POWER_BUTTON: "power-button hard power off",
    Reason.MISC_HARDWARE: "misc hardware reason",
    Reason.THERMAL: "thermal shutdown",
    Reason.SHUTDOWN: "normal shutdown",
    Reason.EXCEPTION: "reboot due to exception",
    Reason.PANIC: "reboot due to panic",
    Reason.HYPERVISOR: "hypervisor reboot",
    Reason.GUEST: "VJUNOS reboot",
    Reason.GUEST_WATCHDOG: "VJUNOS watchdog from host",
    Reason.UNKNOWN: "unknown",
}


@dataclass(frozen=True, kw_only=True)
class Boot:
    """One time that the host, or a guest, came up. `detail`: where the reason is known from (QMP, pstore, wtmp, IPMI), for
    people."""

    at: float
    reason: Reason
    detail: str = ""


# ---- software and disks


class DiskRole(StrEnum):
    PRIMARY = "primary"
    BACKUP = "backup"


class SetName(StrEnum):
    A = "a"
    B = "b"


@dataclass(frozen=True, kw_only=True)
class SoftwareSet:
    """`release` is that of the bundle, of the host's root and the guest's image both. `attempts`: boots left to an unconfirmed
    set before the next in order is booted; 0 for a confirmed one, which is never counted."""

    name: SetName
    release: str
    host_version: str = ""
    host_root: str = ""
    """The root's own label, with date and builder."""
    kernel: str = ""
    guest_image: str = ""
    installed_at: float = 0.0
    confirmed: bool = True
    attempts: int = 0
    good: bool = True
    """Its partition and images are whole, as far as was looked."""


@dataclass(frozen=True, kw_only=True)
class SnapshotFacts:
    """What the backup disk holds. `sets`: of the disk that it was taken of; the first is the one it boots."""

    disk: Disk
    taken_at: float
    sets: tuple[SoftwareSet, ...]
    bootable: bool = True
    recovery: bool = False
    """Taken as a recovery snapshot: kept until one is asked for again, whatever is installed since."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """`show vmhost version`. `device`, `label`, `partition`: of the root that runs. `next_set`: what the next boot takes.
    `from_backup`: it runs off the snapshot, so that the current set of the primary disk did not come up or was not asked for."""

    device: str
    label: str
    partition: str
    boot_disk: DiskRole
    current: SetName
    next_set: SetName
    firmware: str
    sets: tuple[SoftwareSet, ...]
    upgraded_at: float = 0.0
    from_backup: bool = False
    boot_mode: str = "bios"
    """`uefi` or `bios`."""

    def set(self, name: SetName) -> SoftwareSet | None:
        return next((one for one in self.sets if one.name == name), None)


# ---- state


class Severity(StrEnum):
    MAJOR = "major"
    MINOR = "minor"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`name` is for programs (`backup-disk-missing`), `text` one sentence for people."""

    name: str
    severity: Severity
    since: float
    text: str


class GuestState(StrEnum):
    OFF = "off"
    STARTING = "starting"
    RUNNING = "running"
    """Up, and healthy as far as its health can be asked."""
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    FAILED = "failed"
    """Did not come up from any image; nothing more is tried until somebody asks."""


@dataclass(frozen=True, kw_only=True)
class GuestFacts:
    """One guest. `administrative`: it has the channel to the host. `booted_from` names the image in use (`disk1/a`,
    `disk2/a`)."""

    name: str
    state: GuestState
    administrative: bool = False
    image: str = ""
    booted_from: str = ""
    processors: int = 0
    memory: int = 0
    boots: tuple[Boot, ...] = ()
    """Newest first, at most as many as are kept."""

    @property
    def last(self) -> Boot | None:
        return self.boots[0] if self.boots else None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One thing that auto-recovery found, and what it did about it. `kept`: where what was there before was put aside."""

    at: float
    found: str
    done: str
    kept: str = ""


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A reboot, halt or power-off that is to come. `action` is a `Verb`'s value."""

    action: str
    at: float
    device: BootDevice | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """`show vmhost status`. `busy`: the long request that runs now, in words; empty: none."""

    online: bool
    guests: tuple[GuestFacts, ...]
    alarms: tuple[Alarm, ...] = ()
    auto_recovery: bool = True
    decisions: tuple[Decision, ...] = ()
    """Newest first."""
    scheduled: Scheduled | None = None
    busy: str = ""


@dataclass(frozen=True, kw_only=True)
class Uptime:
    """`show vmhost uptime`. `boots`: of the host, newest first; the first is the one it is up since."""

    now: float
    time_zone: str
    booted_at: float
    load: tuple[float, float, float]
    users: int
    boots: tuple[Boot, ...]
    guest_boot: Boot | None = None
    """The administrative guest's latest, for its `show chassis routing-engine`."""

    @property
    def reason(self) -> Reason:
        return self.boots[0].reason if self.boots else Reason.UNKNOWN


# ---- hardware and resources


@dataclass(frozen=True, kw_only=True)
class DiskFacts:
    """A disk that should be there. `size` 0: it is missing. `worn`: percent of its life used, None where it does not say."""

    slot: Disk
    role: DiskRole
    device: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    size: int = 0
    healthy: bool = True
    read_only: bool = False
    worn: int | None = None


@dataclass(frozen=True, kw_only=True)
class HardwareItem:
    """A row of the inventory: a memory module, a NIC, a watchdog. `capacity` in words (`8192 MB`, `10 Gbps`)."""

    name: str
    capacity: str = ""
    part: str = ""
    serial: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Hardware:
    processor: str
    processors: int
    memory: int
    disks: tuple[DiskFacts, ...]
    items: tuple[HardwareItem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Information:
    """`show vmhost information`. `boot_mode`: `uefi` or `bios`. `virtualization`: `kvm` or `tcg`."""

    host_name: str
    product: str
    serial: str
    firmware_vendor: str
    firmware_version: str
    boot_mode: str
    secure_boot: bool
    operating_system: str
    kernel: str
    virtualization: str
    agent_version: str
    appliance: bool
    """The disks and boot loader are ours; else the agent runs on some Linux host, and requests about those are refused."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """`seconds`: of processor time. `cpu`, `memory`: percent."""

    pid: int
    user: str
    state: str
    cpu: float
    memory: float
    resident: int
    seconds: float
    command: str


@dataclass(frozen=True, kw_only=True)
class Filesystem:
    device: str
    mount: str
    size: int
    used: int
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class GuestUse:
    """What a guest takes of the host now. `cpu`: percent of one processor."""

    name: str
    cpu: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class ResourceUse:
    """`show vmhost resource-usage`. Percents of all processors."""

    cpu_user: float
    cpu_system: float
    cpu_idle: float
    memory: int
    memory_used: int
    swap: int
    swap_used: int
    filesystems: tuple[Filesystem, ...]
    guests: tuple[GuestUse, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Socket:
    """A row of netstat. `local` and `remote`: `address:port`, or a path for unix sockets."""

    protocol: str
    received: int
    sent: int
    local: str
    remote: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A network interface of the host with its counters (octets)."""

    name: str
    mac: str
    mtu: int
    up: bool
    carrier: bool
    addresses: tuple[str, ...] = ()
    received: int = 0
    sent: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    errors_received: int = 0
    errors_sent: int = 0
    driver: str = ""
    speed: int = 0
    """Mbit/s; 0: not known."""


@dataclass(frozen=True, kw_only=True)
class Netstat:
    sockets: tuple[Socket, ...]
    interfaces: tuple[Interface, ...]


@dataclass(frozen=True, kw_only=True)
class Bridge:
    name: str
    identifier: str
    spanning_tree: bool
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HostFile:
    """A log or crash dump of the host. `name` is relative to where those are and has no `..`."""

    name: str
    size: int
    changed_at: float


# ---- who asks for what


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks. `way`: `guest/NAME` for a guest's user, `operator` for somebody on the host's socket."""

    user: str
    login_class: LoginClass
    way: str

    def may(self, verb: Verb) -> bool:
        return self.login_class.rank >= NEEDS[verb].rank

    def __str__(self) -> str:
        return f"{self.user} ({self.login_class}, {self.way})"


@dataclass(frozen=True, kw_only=True)
class Done:
    """The end of a request that went well: what there is to say of it, in lines. `reboot_needed`: it takes effect with the next
    boot."""

    lines: tuple[str, ...] = ()
    reboot_needed: bool = False
    scheduled: Scheduled | None = None
