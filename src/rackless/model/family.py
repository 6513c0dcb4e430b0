"""Facts about a kind of machine, as data. `routers/` declares them; planning takes them as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    CONTROLLER = "controller"
    CARD = "card"
    HOST = "host"


class NicRole(StrEnum):
    MANAGEMENT = "management"
    INTERNAL = "internal"
    TRAFFIC = "traffic"


class NicModel(StrEnum):
    """What a guest's drivers must know; places have names of their own for it."""

    VIRTIO = "virtio"
    E1000 = "e1000"
    VMXNET3 = "vmxnet3"


class DiskBus(StrEnum):
    VIRTIO = "virtio"
    IDE = "ide"
    SATA = "sata"
    SCSI = "scsi"
    USB = "usb"


class ConfigFormat(StrEnum):
    """What a guest reads of a configuration drive."""

    NONE = ""
    IDENTITY = "identity"
    """`rackless.json`: the identity that the host channel gives where there is one (docs/reference/config-drive.md)."""
    METADATA = "metadata"
    """The vendor's key and value pairs, in OpenStack's meta_data.json."""
    CLOUD_INIT = "cloud-init"
    """OpenStack's meta_data.json and network_data.json, as cloud-init's ConfigDrive reads them."""
    JUNOS_DISK = "junos-disk"
    """Junos' own configuration, on a disk with a FAT volume `vmm-data`: `vmm-config.tgz`, with `config/juniper.conf`
    (the vendor's make-config.sh). None is made: it would have a password in it, and the dialogue over the serial line says
    the same."""
    JUNOS_CD = "junos-cd"
    """The same as `juniper.conf` on a CD (ISO 9660). None is made either."""


class Readiness(StrEnum):
    """How one knows that a machine is up."""

    CHANNEL = "channel"
    """It says so over the host channel; where there is none, as one of the others."""
    DIALOGUE = "dialogue"
    """The bootstrap dialogue over its serial line ends well."""
    PORTS = "ports"
    """Its ports show on its controller."""
    LOGIN = "login"
    """A login prompt stands on its serial line."""


class Resumes(StrEnum):
    """As what the state of a running machine (memory, devices, disk at one moment) can be taken up again."""

    NEVER = "never"
    """Its state can't be saved: it runs machines itself."""
    ITSELF = "itself"
    """The very machine that it was: snapshots of labs. It has read who it is, and its NICs' MACs, at its boot."""
    CLONES = "clones"
    """Any machine of its role too: it waits on its host channel for who it is, and lets go of its NICs until then."""


@dataclass(frozen=True, kw_only=True)
class DiskFacts:
    """A disk beside the first. Clouds do without: there the configuration drive says what is on it."""

    image: str
    bus: DiskBus
    files: str = ""


@dataclass(frozen=True, kw_only=True)
class RoleFacts:
    """What one machine of a family needs. Memory in MiB, times in seconds. `{slot}` in the image's name is the card's number."""

    role: Role
    image: str
    default_memory: int
    least_memory: int
    vcpus: int = 1
    fixed_nics: tuple[NicRole, ...] = ()
    """NICs before the first traffic NIC, in order (controller and card: management, internal)."""
    fixed_nic_names: tuple[str, ...] = ()
    """What the guest calls them."""
    files: str = ""
    """Regular expression of the names under which the vendor gives the image out; case does not matter."""
    nic_model: NicModel = NicModel.VIRTIO
    disk_bus: DiskBus = DiskBus.VIRTIO
    more_disks: tuple[DiskFacts, ...] = ()
    """In the order of their places on the bus."""
    config: ConfigFormat = ConfigFormat.NONE
    metadata: tuple[tuple[str, str], ...] = ()
    """What the vendor's guest reads of its platform. `{router}` and `{slot}` in a value are replaced."""
    smbios: tuple[tuple[str, str], ...] = ()
    """Fields of the system's description (SMBIOS type 1) by which the guest knows what it runs as."""
    ready: Readiness = Readiness.CHANNEL
    serial: bool = True
    """Its console is on the serial line, from the first boot on."""
    nested: bool = False
    """It runs machines itself, and so needs a processor with virtualization."""
    cpu_flags: tuple[str, ...] = ()
    """Of the processor, as Linux calls them (/proc/cpuinfo), without which it does not work."""
    first_boot: float = 0.0
    """Seconds that a first boot takes on hardware, where that is so long that people think it hangs."""
    login: tuple[str, str] = ("root", "")
    """Who may log in at the console of a factory image, and the password everybody knows; "" for none."""
    slot_file: str = ""
    """Where a card reads its number from its own disk, before anybody talks to it."""
    resumes: Resumes = Resumes.ITSELF


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of routers or hosts. `most_ports`: traffic NICs per card (or per host, or per router of one machine)."""

    name: str
    title: str
    roles: tuple[RoleFacts, ...]
    most_cards: int = 12
    most_ports: int = 10
    internal_mtu: int = 9600
    """Bytes. Below 1500 plus the encapsulation the internal network breaks silently (OpenStack VXLAN)."""
    wire_mtu: int = 9500
    live_cards: bool = False
    """True when cards may come and go while the controller runs."""
    host_channel: bool = False
    """True when the guest takes its identity over the virtio-serial host channel."""
    dialect: str = ""
    """Which code of `routers` drives it; empty: the one called as the family."""
    releases: str = ""
    """Of the vendor, for which these facts hold."""

    def facts(self, role: Role) -> RoleFacts:
        for facts in self.roles:
            if facts.role is role:
                return facts
        raise KeyError(f"family {self.name} has no {role.value}")

    @property
    def is_router(self) -> bool:
        return any(facts.role is Role.CONTROLLER for facts in self.roles)

    @property
    def has_cards(self) -> bool:
        """False for a router of one machine, whose ports are its own: ge-0/0/0 and so on, as if it had card 0."""
        return any(facts.role is Role.CARD for facts in self.roles)
