"""A plain Linux host: no dialogue. It takes its identity and runs commands over the host channel alone."""

from __future__ import annotations

from collections.abc import Sequence

from rackless.deadline import Deadline
from rackless.model.errors import GuestError
from rackless.routers.contract import Progress, silent
from rackless.shell.hostchannel import GuestStatus, HostChannel, Identity

ASK_READY = 0.2
"""Seconds between two looks at whether a guest is ready; one takes milliseconds of an emulated guest."""


class LinuxHost:
    name = "linux"

    async def start(
        self, channel: HostChannel, who: Identity, *, deadline: Deadline, progress: Progress = silent
    ) -> tuple[str, ...]:
        """Give the guest its identity and wait until it is ready. Returns its SSH host keys. Cards are started so, too."""
        progress("waiting for the guest to answer")
        await channel.ping(deadline=deadline)
        keys = await channel.identify(who, deadline=deadline)
        progress("waiting for the guest to be ready")
        await wait_ready(channel, deadline=deadline)
        return keys

    async def run(self, channel: HostChannel, argv: Sequence[str], *, stdin: str = "", deadline: Deadline) -> str:
        """Output of a command. Raises GuestError when it fails."""
        code, out, err = await channel.run(argv, stdin=stdin, deadline=deadline)
        if code:
            reason = (err.strip() or out.strip() or "without a word").splitlines()[-1]
            raise GuestError(f"`{' '.join(argv)}` failed on {channel.name} with exit status {code}: {reason}")
        return out


async def wait_ready(channel: HostChannel, *, deadline: Deadline) -> GuestStatus:
    while True:
        status = await channel.status(deadline=deadline)
        if status.ready:
            return status
        if deadline.over:
            raise deadline.missed(f"{channel.name} to be ready")
        await deadline.pause(ASK_READY)
