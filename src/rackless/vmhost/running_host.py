"""Everything of a VM host put together: world, agent, the channel to its administrative guest, the service manager."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from rackless.model.errors import InputError
from rackless.notifying import Manager
from rackless.qemu.accelerator import Accelerator
from rackless.vmhost.agency import Agency
from rackless.vmhost.agent import Agent
from rackless.vmhost.channel import serve_channel
from rackless.vmhost.configuration import Configuration
from rackless.vmhost.guestdisks import GuestDisks
from rackless.vmhost.guests import Guests
from rackless.vmhost.health import Patience
from rackless.vmhost.linux.host import Appliance, DebianHost
from rackless.vmhost.operating import serve_operator
from rackless.vmhost.spool import Spool

log = logging.getLogger("vmhost")
LONGEST_SOCKET = 107
COMMAND_LINE = Path("/proc/cmdline")


class RunningHost:
    def __init__(self, wanted: Configuration) -> None:
        self._wanted = wanted
        _make(wanted)
        by_name = {guest.name: guest for guest in wanted.guests}
        disks = GuestDisks(wanted.state)
        accelerator = Accelerator(wanted.state / "accelerator.json", wanted.accelerator)
        self._guests = Guests(by_name, disks, wanted.run, wanted.state, accelerator)
        self.world = DebianHost(wanted, self._guests, disks, log.info, below=_below())
        # A guest has as long as the slowest of them is given.
        patience = Patience(start=max(guest.start for guest in wanted.guests))
        stays_off = [guest.name for guest in wanted.guests if guest.stays_off]
        self.agent = Agent(self.world, patience, stays_off=stays_off, oldest=wanted.oldest, clock=wanted.clock)
        self._spool = Spool(wanted.state / "spool")

        def virtualization() -> str:
            return accelerator.finding.how.name if accelerator.finding is not None else ""

        self.agency = Agency(wanted, self.agent, self._guests, virtualization, self._spool)

    async def run(self) -> None:
        """Until cancelled; guests run on."""
        manager = Manager()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._guests.follow())
                tasks.create_task(self.agent.run())
                tasks.create_task(manager.keep())
                await self.agent.up.wait()
                for guest in self._wanted.guests:
                    if guest.administrative:
                        path = self._guests.paths(guest).vmhost
                        tasks.create_task(serve_channel(path, self.agency, guest=guest.name, spool=self._spool))
                tasks.create_task(serve_operator(self.agency, spool=self._spool, path=self._wanted.run / "operator.sock"))
                manager.ready(f"Looking after {len(self._wanted.guests)} guests.")
        finally:
            manager.stopping()
            self.world.close()


def _below() -> Appliance | None:
    """What this host was booted as: the boot loader of an appliance says which set it chose."""
    if "RACKLESS_APPLIANCE" not in os.environ and "rackless.set=" not in COMMAND_LINE.read_text():
        return None
    from rackless.vmhost.linux import appliance, below

    return below.Below(appliance.Appliance.here())


def _make(wanted: Configuration) -> None:
    """Raises InputError: a directory can't be had, or has too long a path for sockets."""
    for path in (wanted.state, wanted.state / "guests", wanted.run):
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            said = f"The directory {path} cannot be made: {error.strerror}."
            raise InputError(said, hint="Run it as root, or choose another.") from error
    for guest in wanted.guests:
        (wanted.state / "guests" / guest.name).mkdir(exist_ok=True, mode=0o700)
        socket = Path(wanted.run, f"{guest.name}.monitor")
        if len(str(socket)) > LONGEST_SOCKET:
            said = f"The path {socket} is too long for a socket: {LONGEST_SOCKET} letters at most."
            raise InputError(said, hint="Set a shorter `run`.")
