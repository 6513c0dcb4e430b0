"""Where everything of the local provider is, and the site's identity.

STATE/site-id                                    the mark of this installation, made once
STATE/labs/<sandbox>/machines/<machine>/         spec.json (with the mark), network.json, start.json, qemu.log
STATE/labs/<sandbox>/disks/<disk>.qcow2          overlays
STATE/labs/<sandbox>/segments/<segment>.json
STATE/warm/<key>.<serial>/                       a template that machines start from (templates.py)
RUN/s/<site>/<sandbox>/<machine's digest>.<what>  sockets: short, because their paths are limited to 107 bytes
RUN/console/<console port>                       serial lines of the machines that have a console port
"""

from __future__ import annotations

import os
from pathlib import Path

from rackless.model.naming import digest
from rackless.model.plan import MachineSpec, PortRef
from rackless.providers.site_id import site_id
from rackless.settings import Settings

SOCKET_PATH_MOST = 107
"""Bytes of a unix socket's path without its closing zero (unix(7))."""


class Layout:
    def __init__(self, settings: Settings) -> None:
        settings.make()
        self.state = settings.state
        self.run = settings.run
        self.labs = settings.state / "labs"
        self.warm = settings.state / "warm"
        self.site = site_id(settings.state / "site-id")

    def mark(self, sandbox: str, kind: str, name: str) -> str:
        """The ownership mark, as it is in the environment of a process."""
        return f"{self.site}/{sandbox}/{kind}/{name}"

    def alias(self, sandbox: str, machine: str) -> str:
        """The ownership mark, as it is in the alias of an interface."""
        return f"rackless:{self.site}:{sandbox}:{machine}"

    def lab(self, sandbox: str) -> Path:
        return self.labs / sandbox

    def machine(self, sandbox: str, name: str) -> Path:
        return self.lab(sandbox) / "machines" / name

    def disk(self, sandbox: str, name: str) -> Path:
        return self.lab(sandbox) / "disks" / f"{name}.qcow2"

    def segment(self, sandbox: str, name: str) -> Path:
        return self.lab(sandbox) / "segments" / f"{name}.json"

    def sockets(self, sandbox: str) -> Path:
        return self.run / "s" / self.site / sandbox

    def stem(self, sandbox: str, machine: str) -> str:
        """First part of the names of a machine's sockets."""
        return digest(f"{sandbox}/{machine}", 10)

    def socket(self, sandbox: str, machine: str, what: str) -> Path:
        return self.sockets(sandbox) / f"{self.stem(sandbox, machine)}.{what}"

    def end(self, segment: str, port: PortRef, peer: PortRef) -> Path:
        """The datagram socket of `port` for what `peer` sends to it over the segment."""
        return self.socket(port.sandbox, port.machine, digest(f"{segment}|{port.nic}|{peer}", 10))

    def consoles(self) -> Path:
        return self.run / "console"

    def console(self, spec: MachineSpec) -> Path:
        if spec.console_port is not None:
            return self.consoles() / str(spec.console_port)
        return self.socket(spec.sandbox, spec.name, "console")

    def make_for(self, spec: MachineSpec) -> None:
        """The directories that a machine's sockets need, readable by their owner only."""
        for path in (self.sockets(spec.sandbox), self.consoles()):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.chmod(0o700)

    def longest_socket(self, sandbox: str) -> int:
        """Bytes of the longest socket path that a machine of this sandbox will have."""
        return len(os.fsencode(self.socket(sandbox, "any", "0123456789")))

    def tidy(self, sandbox: str) -> None:
        """Take away the directories of a sandbox that are empty."""
        lab = self.lab(sandbox)
        for path in (lab / "machines", lab / "disks", lab / "segments", lab, self.sockets(sandbox)):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    fresh.replace(path)
