"""What can be asked of a VM host, of which of its parts, and by whom: words alone, so that the command line has them at once."""

from __future__ import annotations

from enum import StrEnum


class Disk(StrEnum):
    """By slot, not by what it is used for now: the primary may be the one or the other."""

    DISK1 = "disk1"
    DISK2 = "disk2"


class BootDevice(StrEnum):
    """What `request vmhost reboot` can be told to boot from, once."""

    DISK1 = "disk1"
    DISK2 = "disk2"
    USB = "usb"
    NETWORK = "network"


class FileKind(StrEnum):
    CRASH = "crash"
    LOG = "log"


class Verb(StrEnum):
    """All that can be shown and requested: by a guest over the channel, by the host's operator over its socket."""

    VERSION = "version"
    STATUS = "status"
    HARDWARE = "hardware"
    INFORMATION = "information"
    UPTIME = "uptime"
    SNAPSHOT = "snapshot"
    PROCESSES = "processes"
    RESOURCES = "resources"
    NETSTAT = "netstat"
    BRIDGES = "bridges"
    FILES = "files"
    READ = "read"
    MANAGEMENT = "management"
    ADD_SOFTWARE = "add-software"
    FETCH_SOFTWARE = "fetch-software"
    ABORT_SOFTWARE = "abort-software"
    ROLL_BACK = "roll-back"
    TAKE_SNAPSHOT = "take-snapshot"
    REBOOT = "reboot"
    POWER_OFF = "power-off"
    POWER_ON = "power-on"
    HALT = "halt"
    CANCEL = "cancel"
    CLEAN_UP = "clean-up"
    ZEROIZE = "zeroize"
    TEST_DISK = "test-disk"
    AUTO_RECOVERY = "auto-recovery"

    @property
    def changes(self) -> bool:
        """It changes something of the host; else it only shows."""
        return list(Verb).index(self) >= list(Verb).index(Verb.ADD_SOFTWARE)


class LoginClass(StrEnum):
    """What a user of the guest may, as the guest's configuration says; least first."""

    UNAUTHORIZED = "unauthorized"
    READ_ONLY = "read-only"
    OPERATOR = "operator"
    SUPER_USER = "super-user"

    @property
    def rank(self) -> int:
        return list(LoginClass).index(self)


NEEDS: dict[Verb, LoginClass] = {verb: LoginClass.SUPER_USER if verb.changes else LoginClass.READ_ONLY for verb in Verb} | {
    # Logs and crash dumps tell of users and addresses.
    Verb.FILES: LoginClass.OPERATOR,
    Verb.READ: LoginClass.OPERATOR,
    Verb.PROCESSES: LoginClass.OPERATOR,
    Verb.NETSTAT: LoginClass.OPERATOR,
}
"""The least class that may do a verb."""
