"""What is done to a running router over SSH as root, whose shell is a Unix shell: ports, configuration, community."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError, GuestError, InputError
from rackless.model.naming import port_label
from rackless.routers.contract import Progress, silent
from rackless.routers.prompts import refusal
from rackless.shell.connections import Connections
from rackless.shell.ssh import Shell, SshTarget

LOOK = "ifconfig -a; cat /proc/net/bonding/* 2>/dev/null"
"""Members of an aggregate show the aggregate's MAC as theirs; Linux tells their own beside it."""
ASK_PORTS = 1.0
"""Seconds between two looks at the guest's interfaces."""
_INTERFACE = re.compile(r"^(ge-(\d+)[-/]0[-/](\d+))[: ]")
_MAC = re.compile(r"\b(?:ether|HWaddr|lladdr|link/ether|curr media: i802)\s+([0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5})\b")
"""`curr media: i802` is Junos', whose octets have no leading zeros."""
_COMMUNITY = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")


class OverSsh:
    """The part of `routers.contract.RouterFamily` that goes over SSH."""

    def __init__(self) -> None:
        self._connections = Connections()

    def held(self, target: SshTarget) -> AbstractAsyncContextManager[None]:
        return self._connections.hold(target)

    async def reach(self, target: SshTarget, *, deadline: Deadline) -> None:
        async with self._connections.shell(target, deadline=deadline):
            pass

    async def wait_ports(
        self, target: SshTarget, expected: Mapping[int, int], *, deadline: Deadline, progress: Progress = silent
    ) -> dict[str, str]:
        told = ""
        found: dict[str, str] = {}
        while True:
            try:
                async with self._connections.shell(target, deadline=deadline) as shell:
                    while True:
                        found = interfaces((await shell.run(LOOK, deadline=deadline.within(30))).out)
                        waiting = waiting_for(found, expected)
                        if not waiting:
                            return {label: found[label] for label in wanted_labels(expected)}
                        if waiting != told:
                            told = waiting
                            progress(f"waiting for {waiting}")
                        if deadline.over:
                            raise _missing(target, waiting, deadline)
                        await deadline.pause(ASK_PORTS)
            except (DeadlineError, AbsentError) as error:
                if deadline.over:
                    raise _missing(target, told or "SSH", deadline) from error

    async def load(self, target: SshTarget, configuration: str, *, deadline: Deadline, community: str | None = None) -> None:
        statements = [line.strip() for line in configuration.splitlines()]
        statements = [line for line in statements if line and not line.startswith("#")]
        for line in statements:
            if line.split()[0] not in {"set", "delete", "activate", "deactivate"}:
                raise InputError(
                    f"A start-up configuration consists of set statements; this line is none: {line!r}.",
                    hint="`show configuration | display set` prints a configuration as set statements.",
                )
        if community is not None:
            statements.append(readable(community))
        if not statements:
            return
        try:
            async with self._connections.shell(target, deadline=deadline) as shell:
                await _commit(shell, statements, deadline)
        except GuestError as error:
            shown = error.message.replace(community, "********") if community else error.message
            raise GuestError(shown, hint=error.hint) from None

    async def set_community(self, target: SshTarget, community: str, *, deadline: Deadline) -> None:
        await self.load(target, "", community=community, deadline=deadline)

    async def save(self, target: SshTarget, *, deadline: Deadline) -> str:
        async with self._connections.shell(target, deadline=deadline) as shell:
            done = await shell.run("cli", stdin="show configuration | display set | no-more\n", deadline=deadline)
        lines = [line for line in done.out.splitlines() if line.startswith(("set ", "deactivate "))]
        if done.code or not lines:
            raise GuestError(f"{target} did not show its configuration: {refusal(done.out + done.err) or done.err.strip()}")
        return "\n".join(lines) + "\n"


def readable(community: str) -> str:
    """The statement that allows reading over SNMP v2c.

    Raises:
        InputError: it is no community.
    """
    if not _COMMUNITY.fullmatch(community):
        raise InputError("An SNMP community has 1 to 64 characters out of letters, digits and _ . : @ -.")
    return f"set snmp community {community} authorization read-only"


async def _commit(shell: Shell, statements: list[str], deadline: Deadline) -> None:
    """Statements through the CLI's standard input, never in a process list; all or nothing."""
    script = "\n".join(["configure", *statements, "commit", "exit", "exit"]) + "\n"
    done = await shell.run("cli", stdin=script, deadline=deadline)
    said = done.out + "\n" + done.err
    reason = refusal(said)
    if done.code == 0 and reason is None and "commit complete" in said:
        return
    await _undo(shell, deadline)
    raise GuestError(
        f"{shell.target} refused the configuration: {reason or said.strip() or f'exit status {done.code}, without a word'}",
        hint="Nothing was changed; correct the statement and try again.",
    )


async def _undo(shell: Shell, deadline: Deadline) -> None:
    """The candidate is shared by all sessions of a Junos: ours must not be committed by somebody else."""
    await shell.run("cli", stdin="configure\nrollback 0\nexit\nexit\n", deadline=deadline)


def interfaces(said: str) -> dict[str, str]:
    """{ge-0/0/0: MAC} out of what LOOK says: ifconfig, of Linux or FreeBSD, and Linux's bonds."""
    found: dict[str, str] = {}
    label = member = ""
    for line in said.splitlines():
        if line.startswith("Slave Interface: "):
            slave = _INTERFACE.match(line.partition(": ")[2] + ":")
            member = port_label(int(slave[2]), int(slave[3])) if slave else ""
        elif line.startswith("Permanent HW addr: ") and member:
            found[member] = line.split()[-1].lower()
        start = _INTERFACE.match(line)
        if start:
            label = port_label(int(start[2]), int(start[3]))
        elif line and not line[0].isspace():
            label = ""
        if start and "SLAVE" in line:
            label = ""  # its own MAC is among the bonds, as soon as the kernel lists it there
        mac = _MAC.search(line)
        if label and mac and label not in found:
            found[label] = ":".join(f"{int(octet, 16):02x}" for octet in mac[1].split(":"))
    return found


def wanted_labels(expected: Mapping[int, int]) -> tuple[str, ...]:
    return tuple(port_label(slot, port) for slot in sorted(expected) for port in range(expected[slot]))


def waiting_for(found: Mapping[str, str], expected: Mapping[int, int]) -> str:
    """ "card 1: 3 of 4 ports; card 2: 0 of 4 ports", empty when all are there."""
    parts = []
    for slot in sorted(expected):
        there = sum(port_label(slot, port) in found for port in range(expected[slot]))
        if there < expected[slot]:
            parts.append(f"card {slot}: {there} of {expected[slot]} ports")
    return "; ".join(parts)


def _missing(target: SshTarget, waiting: str, deadline: Deadline) -> GuestError:
    return GuestError(
        f"After {deadline.spent:.0f} s {target.host} still waits for {waiting}.",
        hint="Is that card's machine running? `rackless show` tells, `rackless restart` starts it again.",
    )
