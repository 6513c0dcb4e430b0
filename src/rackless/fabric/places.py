"""Where a node keeps what is the fabric's: RACKLESS_FABRIC, /var/lib/rackless-fabric.

    own/                    node.json, truth.json, ca.crt, ca.key (on voters), node.crt/key, fabric.sock, ...; root's, 0700
    etcd/ postgresql/ ...   one an engine: its configuration, certificates and data; its user's, 0700
    log/                    what engines write, where no systemd keeps it

Each engine has copies of the certificates it needs, because it may read no other's folder. The top itself is everybody's to pass
through and nobody's to list (0711): PostgreSQL and etcd run as users of their own.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rackless.certificate import Pair
from rackless.fabric.authority import Authority
from rackless.providers.host.authority import write_private

PEER_PORT = 9444
"""Daemons of nodes to each other, both sides certified."""
JOIN_PORT = 9445
"""Those who join: the server is certified, they have a token."""


@dataclass(frozen=True)
class Folder:
    """An engine's. `user`: whose it is."""

    path: Path
    user: str = "root"

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def authority(self) -> Path:
        return self.path / "ca.crt"

    @property
    def pair(self) -> Pair:
        """Of the node."""
        return Pair(certificate=self.path / "node.crt", key=self.path / "node.key")

    @property
    def bundle(self) -> Path:
        """Certificate and key of the node in one file, as HAProxy wants it."""
        return self.path / "node.pem"

    @property
    def web(self) -> Path:
        return self.path / "web.pem"

    @property
    def application(self) -> Pair:
        return Pair(certificate=self.path / "application.crt", key=self.path / "application.key")

    def make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        self._give(self.path)

    def write(self, name: str, data: bytes | str, *, afresh: bool = False) -> bool:
        """All of it or nothing, for its user only. False when it is there with the same content already, which is left as it is
        unless it is to be written `afresh`."""
        path, wanted = self.path / name, data.encode() if isinstance(data, str) else data
        try:
            if not afresh and path.read_bytes() == wanted:
                return False
        except FileNotFoundError:
            pass
        write_private(path, wanted)
        self._give(path)
        return True

    def listening(self, name: str, made: Callable[[str], socket.socket]) -> socket.socket:
        """A unix socket for its user only."""
        found = made(str(self.path / name))
        self._give(self.path / name)
        return found

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0 and self.user != "root":
            owner = pwd.getpwnam(self.user)
            os.chown(path, owner.pw_uid, owner.pw_gid)


@dataclass(frozen=True)
class Places:
    top: Path

    @property
    def own(self) -> Folder:
        return Folder(self.top / "own")

    @property
    def etcd(self) -> Folder:
        return Folder(self.top / "etcd", present("etcd"))

    @property
    def postgresql(self) -> Folder:
        return Folder(self.top / "postgresql", "postgres")

    @property
    def haproxy(self) -> Folder:
        return Folder(self.top / "haproxy")

    @property
    def keepalived(self) -> Folder:
        return Folder(self.top / "keepalived")

    @property
    def chrony(self) -> Folder:
        return Folder(self.top / "chrony")

    @property
    def application(self) -> Folder:
        return Folder(self.top / "application", present("rackless"))

    @property
    def log(self) -> Path:
        return self.top / "log"

    @property
    def authority(self) -> Authority:
        return Authority(self.own.path)

    @property
    def socket(self) -> Path:
        """The daemon's, for whoever administers this node; its permissions are its lock."""
        return self.own / "fabric.sock"

    @property
    def node_file(self) -> Path:
        return self.own / "node.json"

    @property
    def truth_file(self) -> Path:
        """What this node read last of what is agreed on, so that it comes up while etcd does not answer."""
        return self.own / "truth.json"

    def make(self) -> None:
        self.top.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.top.chmod(0o711)
        self.own.make()
        self.log.mkdir(exist_ok=True, mode=0o711)


@dataclass(frozen=True, kw_only=True)
class Self:
    """What this node is, kept in node.json: it is its own, and outlives every engine.

    `machine`: the digest of what tells this machine from a copy of its disk, when it joined.
    """

    id: str
    name: str
    fabric: str
    address: str
    machine: str


def find(places: Places) -> Self | None:
    """None where this machine is no node of a fabric."""
    try:
        kept = json.loads(places.node_file.read_bytes())
    except FileNotFoundError:
        return None
    return Self(**{key: str(kept[key]) for key in ("id", "name", "fabric", "address", "machine")})


def load() -> Places:
    return Places(Path(os.environ.get("RACKLESS_FABRIC") or "/var/lib/rackless-fabric").absolute())


def present(user: str) -> str:
    """That user, or root where there is none."""
    try:
        grp.getgrnam(user)
        return pwd.getpwnam(user).pw_name
    except KeyError:
        return "root"
