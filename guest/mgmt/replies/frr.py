"""Asking FRR's daemons: of the router's own tables, or of a routing instance's."""

from __future__ import annotations

import json

from system.ports import router_name

from ..devices import instances, logical_name, vrf_name
from .reply import fail, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session
    from ..tree import Tree
    from ..xmltree import Element

    Given = dict[str, str]

MASTER = "master"
"""Name of the routing instance that is the router itself."""


class Protocol:
    """A routing protocol of FRR. `name` is the statement of `protocols`, `title` what it is called when it does not run."""

    def __init__(self, name: str, title: str, daemon: str) -> None:
        self.name = name
        self.title = title
        self.daemon = daemon

    def speaker(self, session: Session, given: Given) -> Speaker:
        return Speaker(session, self, given.get("instance") or MASTER)

    def speakers(self, session: Session, given: Given) -> list[Speaker]:
        """Of the instance that is asked for, or of all that run the protocol."""
        if given.get("instance"):
            return [self.speaker(session, given)]
        names = [MASTER, *instances(session.datastore.running)]
        return [one for one in (Speaker(session, self, name) for name in names) if one.running()]


class Speaker:
    """One protocol in one routing instance."""

    def __init__(self, session: Session, protocol: Protocol, instance: str) -> None:
        self.session = session
        self.protocol = protocol
        self.instance = instance
        self.vrf = "" if instance == MASTER else f"vrf {vrf_name(instance)} "
        """What names the instance in a command, with a space behind; empty for the router's own."""

    def tree(self) -> Tree:
        """The configuration of the instance."""
        running = self.session.datastore.running
        found: Tree = running if self.instance == MASTER else instances(running).get(self.instance, {})
        return found

    def configuration(self) -> Tree:
        """The configuration of the protocol in it."""
        found: Tree = self.tree().get("protocols", {}).get(self.protocol.name, {})
        return found

    def running(self) -> bool:
        daemon = self.protocol.daemon in self.session.datastore.daemons()
        return daemon and self.protocol.name in self.tree().get("protocols", {})

    def absent(self) -> Element | None:
        """What to answer when the protocol is not configured."""
        return None if self.running() else output(f"{self.protocol.title} instance is not running\n")

    def ask(self, command: str) -> Any:
        """The answer to a command that has `{vrf}` where its instance goes."""
        answer = ask(self.session, self.protocol.daemon, command.format(vrf=self.vrf)) or {}
        wrapped = answer.get(vrf_name(self.instance)) if self.vrf and isinstance(answer, dict) else None
        # Some answers about an instance are wrapped in its name, others are not: there it may be the name of an interface.
        return wrapped if isinstance(wrapped, dict) and "vrfName" in wrapped else answer

    def say(self, command: str) -> str:
        return say(self.session, self.protocol.daemon, command.format(vrf=self.vrf))

    def logical(self, kernel: str) -> str:
        return logical(self.session, kernel)

    def table(self, name: str) -> str:
        """The instance's table of a family: inet.0 -> red.inet.0"""
        return name if self.instance == MASTER else f"{self.instance}.{name}"


def ask(session: Session, daemon: str, command: str) -> Any:
    """FRR's answer, or None when the daemon is not running."""
    if daemon not in session.datastore.daemons():
        return None
    done = session.datastore.world.run(["vtysh", "-d", daemon, "-c", command], deadline=30.0)
    try:
        return json.loads(done.out or "{}")
    except ValueError:
        said = (done.err or done.out).strip().splitlines()[-1:]
        raise fail(f"error: {daemon} does not answer: {said}") from None


def say(session: Session, daemon: str, command: str) -> str:
    """FRR's answer as text."""
    return session.datastore.world.run(["vtysh", "-d", daemon, "-c", command], deadline=30.0).out


def logical(session: Session, kernel: str) -> str:
    """ge-0-0-0 (or FRR's ge-0-0-0:10.0.0.1) -> ge-0/0/0.0; the Unix interface of a routing instance -> its unit of lo0."""
    kernel = kernel.partition(":")[0]
    if router_name(kernel) is None:
        for name, entry in instances(session.datastore.running).items():
            if vrf_name(name) == kernel:
                return next((one for one in entry.get("interface", {}) if one.startswith("lo0.")), kernel)
    return logical_name(kernel)
