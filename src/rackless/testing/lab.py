"""A lab as a test sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from rackless.client import Client
from rackless.client.models import Credentials, LabRouter, LabWire, Started
from rackless.client.models import Lab as Shown
from rackless.client.synchronous.operations import WiresOperations
from rackless.model.errors import DeadlineError, GuestError
from rackless.testing.capture import Capture

__all__ = ["Capture", "Host", "Lab", "Router", "Wires"]

T = TypeVar("T")

LOOK = 0.5
"""Seconds between two looks at what is awaited."""
REWIRING = 120.0
"""Seconds that a wire's job may take."""
RESTARTING = 1800.0
"""Seconds that a machine may take to be back, emulated on a busy host."""
END = "RACKLESS-END-OF-CONFIGURATION"


class Router:
    """A router of the lab. `info`: its cards, its management, what it said of itself."""

    def __init__(self, lab: Lab, info: LabRouter) -> None:
        self.name = info.name
        self.info = info
        self._lab = lab

    def __repr__(self) -> str:
        return f"<router {self.name} of lab {self._lab.name}>"

    @cached_property
    def credentials(self) -> Credentials:
        """User, password, root's password, SNMP community, and where SSH and SNMP are."""
        return next(one for one in self._lab.logins() if one.router == self.name)

    @property
    def ssh(self) -> tuple[str, int]:
        """Address and port, as the server's machine reaches them."""
        host, _, port = self.credentials.ssh.rpartition(":")
        return host.strip("[]"), int(port)

    def run(self, command: str, *, check: bool = True) -> str:
        """Run an operational command, as `show ospf neighbor`; what it printed.

        Raises:
            GuestError: with `check`, it was refused or failed (a ping without an answer).
        """
        return self._lab.command(self.name, command, user=self.info.user, check=check)

    def shell(self, command: str, *, check: bool = True) -> str:
        """Run a command in root's shell; what it printed.

        Raises:
            GuestError: with `check`, its exit status is not 0.
        """
        return self._lab.command(self.name, command, user="root", check=check)

    def configure(self, *statements: str) -> str:
        """Commit these configuration commands (`set ...`, `delete ...`), all or none; what the router said.

        Raises:
            GuestError: one is wrong, or the commit failed. Nothing is changed.
        """
        lines = ["configure private", *(line for text in statements for line in text.strip().splitlines()), "commit and-quit"]
        command = "\n".join([f"cli <<'{END}'", *lines, END])
        return self._lab.command(self.name, command, user="root", what="the configuration")


class Host:
    """A plain host of the lab."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.name = name
        self._lab = lab

    def __repr__(self) -> str:
        return f"<host {self.name} of lab {self._lab.name}>"

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a command in its shell; what it printed.

        Raises:
            GuestError: with `check`, its exit status is not 0.
        """
        return self._lab.command(self.name, command, check=check)


class Wires:
    """The wires of a lab. Ends are named `router:ge-0/0/0` or `host:eth1`. What a test changes, it changes back."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __iter__(self) -> Iterator[LabWire]:
        """Those that are there now."""
        return iter(self._lab.show().wires)

    def connect(self, a: str, b: str) -> None:
        """Join two free ports; when this returns, they are joined."""
        self._await(self._operations.connect(self._lab.name, a=a, b=b))

    def disconnect(self, a: str, b: str) -> None:
        """Take a wire away."""
        self._await(self._operations.disconnect(self._lab.name, a=a, b=b))

    def down(self, end: str) -> None:
        """Both ends of this wire lose their carrier."""
        self._await(self._operations.link(self._lab.name, end=end, up=False))

    def up(self, end: str) -> None:
        self._await(self._operations.link(self._lab.name, end=end, up=True))

    @contextmanager
    def broken(self, end: str) -> Iterator[None]:
        """Down for as long as the block lasts."""
        self.down(end)
        try:
            yield
        finally:
            self.up(end)

    @contextmanager
    def connected(self, a: str, b: str) -> Iterator[None]:
        """Joined for as long as the block lasts."""
        self.connect(a, b)
        try:
            yield
        finally:
            self.disconnect(a, b)

    @property
    def _operations(self) -> WiresOperations:
        return self._lab.client.wires

    def _await(self, started: Started) -> None:
        self._lab.client.wait(started.job, deadline=REWIRING)


class Lab:
    """A lab that is up. `client` is for what this has no words for."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name
        self.wires = Wires(self)

    def __repr__(self) -> str:
        return f"<lab {self.name}>"

    def show(self) -> Shown:
        """States, ports, addresses: as they are now."""
        return self.client.labs.show(self.name)

    @cached_property
    def _first(self) -> Shown:
        return self.show()

    @cached_property
    def routers(self) -> Mapping[str, Router]:
        return {info.name: Router(self, info) for info in self._first.routers}

    @cached_property
    def hosts(self) -> Mapping[str, Host]:
        owners = dict.fromkeys(machine.owner for machine in self._first.machines)
        return {owner: Host(self, owner) for owner in owners if owner not in self.routers}

    def logins(self) -> list[Credentials]:
        """Of every router."""
        return list(self.client.routers.credentials(self.name))

    def command(self, owner: str, command: str, *, user: str = "root", check: bool = True, what: str = "") -> str:
        """Run a command on a router or host; what it printed. `what` it is, for the error.

        Raises:
            GuestError: with `check`, its exit status is not 0.
        """
        output = self.client.run(self.name, owner, command, user=user)
        if output.exit and check:
            said = "\n".join(part.rstrip() for part in (output.out, output.err) if part.strip())
            raise GuestError(f"{owner} refused {what or repr(command)} (exit status {output.exit}):\n{said}")
        return output.out

    def restart(self, machine: str) -> None:
        """Switch a machine (as west-vfp0) off and on; when this returns, it is back."""
        self.client.wait(self.client.machines.restart(self.name, machine).job, deadline=RESTARTING)

    def until(self, what: str, look: Callable[[], T], *, deadline: float = 60.0) -> T:
        """Look until it is true (or not empty), and give that back: a network takes its time.

        Args:
            what: is awaited, for the error.
            deadline: seconds.

        Raises:
            DeadlineError: it did not come in time.
        """
        end = time.monotonic() + deadline
        while not (found := look()):
            if time.monotonic() > end:
                raise DeadlineError(f"{what} did not come within {deadline:g} s; last: {found!r}.")
            time.sleep(LOOK)
        return found

    def transcript(self, machine: str) -> str:
        """What its serial line showed."""
        return self.client.machines.transcript(self.name, machine)

    def capture(self, end: str, file: str | Path | None = None) -> Capture:
        """The frames of a port, in both directions, while a `with` block lasts."""
        return Capture(self.client.place, self.name, end, Path(file) if file is not None else None)
