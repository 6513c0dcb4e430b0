"""The agent's configuration file: which guests a host runs, of which images, with what. Errors as file:line:column, all at once.

docs/reference/vmhost-configuration.md has every key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rackless.blueprints.source import Source, Value, parse
from rackless.model.errors import BlueprintErrors, InputError
from rackless.vmhost.facts import Slot
from rackless.vmhost.sriov import Wanted

FILE = Path("/etc/rackless/vmhost.yaml")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
IMAGES = {"current": Slot.A, "snapshot": Slot.SNAPSHOT, "alternate": Slot.B}
"""In the order in which they are tried."""


@dataclass(frozen=True, kw_only=True)
class Nic:
    """`how`: user (behind QEMU's own network), internal (to nowhere: the network of a router's parts), bridge, tap (both named by
    `on`), or sriov."""

    how: str
    on: str = ""
    mac: str = ""
    sriov: Wanted | None = None


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Memory in MiB. `images`: folders of the image store or disks, by where they stand in the order. `start`: seconds that it
    may take to come up. Files: where the guest's own are, for looking after them while it is off; "" for none."""

    name: str
    images: Mapping[Slot, Path]
    administrative: bool = False
    memory: int = 512
    processors: int = 1
    share: int = 0
    """Percent of one processor that it may use at most; 0: no limit."""
    nics: tuple[Nic, ...] = ()
    watchdog: bool = True
    channel: bool = True
    """It is a reference guest, which is asked over its host channel whether it is well."""
    start: float = 600.0
    stays_off: bool = False
    configuration: str = ""
    rescue: str = ""
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """`state` keeps guests' disks and the record, `run` sockets. `clock`: time and zone follow the administrative guest."""

    guests: tuple[Guest, ...]
    state: Path = Path("/var/lib/rackless-vmhost")
    run: Path = Path("/run/rackless-vmhost")
    watchdog: Path | None = None
    clock: bool = False
    oldest: str = ""
    accelerator: str = "auto"


KEYS = {"state", "run", "watchdog", "clock", "oldest", "accelerator", "guests"}
GUEST_KEYS = {
    "name",
    "images",
    "administrative",
    "memory",
    "processors",
    "share",
    "nics",
    "watchdog",
    "channel",
    "start",
    "stays-off",
    "files",
}
FILES = {"configuration", "rescue", "licence"}
REFERENCE = {"configuration": "/config/rackless.conf.gz", "rescue": "/config/rescue.conf.gz", "licence": "/config/licence"}


def load(path: Path) -> Configuration:
    """Raises:
    InputError: there is no such file.
    BlueprintErrors: problems, each with its place.
    """
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", hint="`rackless-vmhost check --help` has an example."
        ) from error
    return read(text, str(path))


def read(text: str, file: str) -> Configuration:
    source = parse(text, file)
    reader = _Reader(source)
    found = reader.configuration() if not source.problems else None
    if source.problems or found is None:
        raise BlueprintErrors(source.problems)
    return found


Path_ = tuple[str | int, ...]


@dataclass
class _Reader:
    """Values by their path in the file; a value that is wrong is noted, and read as the default."""

    source: Source
    names: set[str] = field(default_factory=set)

    def wrong(self, path: Path_, message: str, hint: str = "") -> None:
        self.source.problem(self.source.at(path), message, hint)

    def mapping(self, value: Value, path: Path_, keys: set[str], what: str) -> dict[str, Value]:
        if not isinstance(value, dict):
            self.wrong(path, f"{what} must be a mapping of `key: value`.")
            return {}
        for key in value:
            if key not in keys:
                self.source.problem(
                    self.source.at_key((*path, key)), f"{what} has no key {key}.", f"It has {', '.join(sorted(keys))}."
                )
        return value

    def text(self, value: Value, path: Path_, default: str = "") -> str:
        if value is None:
            return default
        if not isinstance(value, str):
            self.wrong(path, f"{path[-1]} must be a text.")
            return default
        return value

    def number(self, value: Value, path: Path_, default: int, least: int, most: int) -> int:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(path, f"{path[-1]} must be a number from {least} to {most}.")
            return default
        return value

    def switch(self, value: Value, path: Path_, default: bool) -> bool:
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(path, f"{path[-1]} must be true or false.")
            return default
        return value

    def folder(self, value: Value, path: Path_, default: Path) -> Path:
        text = self.text(value, path, str(default))
        if not text.startswith("/"):
            self.wrong(path, f"{path[-1]} must be an absolute path, not {text!r}.")
        return Path(text)

    def configuration(self) -> Configuration | None:
        top = self.mapping(self.source.value, (), KEYS, "The configuration")
        listed = top.get("guests")
        if not isinstance(listed, list) or not listed:
            self.wrong(("guests",), "There must be a list `guests` of at least one guest.")
            return None
        guests = tuple(self.guest(value, ("guests", index)) for index, value in enumerate(listed))
        if sum(guest.administrative for guest in guests) > 1:
            self.wrong(("guests",), "At most one guest can be administrative: it looks after the host.")
        accelerator = self.text(top.get("accelerator"), ("accelerator",), "auto")
        if accelerator not in {"auto", "kvm", "tcg"}:
            self.wrong(("accelerator",), f"accelerator is auto, kvm or tcg, not {accelerator}.")
        watchdog = top.get("watchdog")
        return Configuration(
            guests=guests,
            state=self.folder(top.get("state"), ("state",), Configuration.state),
            run=self.folder(top.get("run"), ("run",), Configuration.run),
            watchdog=self.folder(watchdog, ("watchdog",), Path("/dev/watchdog")) if watchdog is not None else None,
            clock=self.switch(top.get("clock"), ("clock",), False),
            oldest=self.text(top.get("oldest"), ("oldest",)),
            accelerator=accelerator,
        )

    def guest(self, value: Value, path: Path_) -> Guest:
        given = self.mapping(value, path, GUEST_KEYS, "A guest")
        name = self.text(given.get("name"), (*path, "name"))
        if not NAME.fullmatch(name):
            self.wrong((*path, "name"), "A guest needs a name of lower-case letters, digits and hyphens, at most 31.")
        elif name in self.names:
            self.wrong((*path, "name"), f"There are two guests {name}.")
        self.names.add(name)
        channel = self.switch(given.get("channel"), (*path, "channel"), True)
        files = self.mapping(given.get("files", {}), (*path, "files"), FILES, "`files`")
        known = {
            key: self.text(files.get(key), (*path, "files", key), REFERENCE[key] if channel else "") for key in sorted(FILES)
        }
        nics = given.get("nics", [])
        if not isinstance(nics, list):
            self.wrong((*path, "nics"), "`nics` must be a list.")
            nics = []
        return Guest(
            name=name,
            images=self.images(given.get("images"), (*path, "images")),
            administrative=self.switch(given.get("administrative"), (*path, "administrative"), False),
            memory=self.number(given.get("memory"), (*path, "memory"), 512, 64, 1 << 22),
            processors=self.number(given.get("processors"), (*path, "processors"), 1, 1, 512),
            share=self.number(given.get("share"), (*path, "share"), 0, 0, 51200),
            nics=self.nics([self.nic(each, (*path, "nics", index)) for index, each in enumerate(nics)], channel),
            watchdog=self.switch(given.get("watchdog"), (*path, "watchdog"), True),
            channel=channel,
            start=float(self.number(given.get("start"), (*path, "start"), 600, 1, 86400)),
            stays_off=self.switch(given.get("stays-off"), (*path, "stays-off"), False),
            **known,
        )

    def images(self, value: Value, path: Path_) -> dict[Slot, Path]:
        given = self.mapping(value if value is not None else {}, path, set(IMAGES), "`images`")
        if "current" not in given:
            self.wrong(path, "A guest needs `images` with `current`: a folder of an image, or a disk.")
        return {IMAGES[key]: self.folder(given[key], (*path, key), Path("/")) for key in given if key in IMAGES}

    def nics(self, given: list[Nic], reference: bool) -> tuple[Nic, ...]:
        """A reference guest's first two are its management and the network of its parts (fxp0, int)."""
        wanted = (Nic(how="user"), Nic(how="internal"))
        return (*given, *wanted[len(given) :]) if reference else tuple(given)

    def nic(self, value: Value, path: Path_) -> Nic:
        given = self.mapping(
            value, path, {"user", "internal", "bridge", "tap", "sriov", "mac", "vlan", "trust", "spoof-check"}, "A NIC"
        )
        kinds = [kind for kind in ("user", "internal", "bridge", "tap", "sriov") if kind in given]
        mac = self.text(given.get("mac"), (*path, "mac")).lower()
        if mac and not MAC.fullmatch(mac):
            self.wrong((*path, "mac"), f"{mac} is no address of one NIC.", "Six bytes in hexadecimal, the first of them even.")
        if len(kinds) != 1:
            self.wrong(path, "A NIC is one of `user: true`, `internal: true`, `bridge: NAME`, `tap: NAME` and `sriov: NAME`.")
            return Nic(how="user")
        kind = kinds[0]
        on = "" if kind in {"user", "internal"} else self.text(given.get(kind), (*path, kind))
        wanted = None
        if kind == "sriov":
            vlan = self.number(given.get("vlan"), (*path, "vlan"), 0, 0, 4094)
            trust = self.switch(given.get("trust"), (*path, "trust"), False)
            check = self.switch(given.get("spoof-check"), (*path, "spoof-check"), True)
            wanted = Wanted(physical=on, mac=mac, vlan=vlan, trust=trust, spoof_check=check)
        return Nic(how=kind, on=on, mac=mac, sriov=wanted)
