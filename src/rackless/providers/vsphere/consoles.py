"""Serial ports over the network: whether the host lets us through, and the line itself, whoever connects to whom.

An ESXi host whose port is taken switches the machine on all the same, and then whoever has the port answers: the console would
be another machine's. So a port is tried before its machine is switched on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from pyVmomi import vim

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, InputError, ProviderError
from rackless.model.places import SerialLine
from rackless.providers.vsphere import properties
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.telnet import TelnetStream

RULESET = {
    SerialLine.SERVER: "remoteSerialPort",
    SerialLine.CLIENT: "remoteSerialPort",
    SerialLine.CONCENTRATOR: "vSPC",
}
"""ESXi's names of "VM serial port connected over network" and "VM serial port connected to vSPC"."""
CONNECT = 10.0
CALLED = 30.0
"""Seconds until a host has called us: ESXi tries again every few."""
TAKEN = 1.0
"""Seconds in which something that has the port answers a connection on a local network."""
TRUSTED = 300.0
"""Seconds for which a host's rule, once seen to be open, is not asked for again."""


class Consoles:
    def __init__(self, session: Session, inventory: Inventory) -> None:
        self._session, self._inventory = session, inventory
        self._open: dict[str, float] = {}

    async def ours(self) -> str:
        """Our address as the vCenter's network sees it: that from which we reach the vCenter."""
        place = self._session.place

        def ask() -> str:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((place.server, place.port))
                return str(probe.getsockname()[0])

        try:
            return await asyncio.to_thread(ask)
        except OSError as error:
            raise ProviderError(
                f"There is no way to {place.server}: {error}.", hint="See `server` in the site file, and the routes."
            ) from error

    def address(self, host: str, port: int) -> tuple[str, int]:
        """Where the line is to be reached."""
        place = self._session.place
        if place.serial_line is SerialLine.CONCENTRATOR:
            name = urlsplit(place.concentrator).hostname
            if not name:
                raise InputError(
                    f"The concentrator {place.concentrator!r} is no address.", hint="Write telnet://HOST:PORT in the site file."
                )
            return name, port
        return host, port

    async def permit(self, host: Any) -> None:
        """See that the host's firewall lets the line through, and open it for our address if we may.

        Raises:
            ProviderError: it is shut, and we may not open it.
        """
        if time.monotonic() < self._open.get(host._moId, 0.0):
            return
        system = next(
            (facts.get("configManager.firewallSystem") for one, facts in await self._inventory.hosts() if one == host), None
        )
        if system is not None:
            await self._permit(system, await self._inventory.host_name(host))
        self._open[host._moId] = time.monotonic() + TRUSTED

    async def _permit(self, system: Any, name: str) -> None:
        rule = await self.rule(system)
        if rule is None or rule.enabled:
            return
        key = RULESET[self._session.place.serial_line]
        if not self._session.place.firewall_open:
            raise ProviderError(
                f"The firewall of {name} is shut for serial ports over the network (rule {key}).",
                hint="Open it for this machine (rule VM serial port connected over network), or write `firewall-open: true`.",
            )
        ours = await self.ours()
        allowed = vim.host.Ruleset.IpList(allIp=False, ipAddress=[ours])
        spec = vim.host.Ruleset.RulesetSpec(allowedHosts=allowed)
        # First whom it lets in, then that it does: it is never open for everybody.
        await self._session.call(system, "UpdateRuleset", id=key, spec=spec, doing=f"open the firewall of {name} for {ours}")
        await self._session.call(system, "EnableRuleset", id=key, doing=f"open the firewall of {name} for {ours}")

    async def rule(self, system: Any) -> Any:
        """The host's rule for the place's kind of line, or None if it has none."""
        ((_, facts),) = await self._session.read(properties.of([system], vim.host.FirewallSystem, "firewallInfo.ruleset"))
        key = RULESET[self._session.place.serial_line]
        return next((one for one in facts.get("firewallInfo.ruleset", ()) if one.key == key), None)

    async def see_free(self, host: str, port: int, machine: str) -> None:
        """Raises: ProviderError: something has the port on that host, so that it would be another's console."""
        if self._session.place.serial_line is SerialLine.CLIENT:
            return
        where = self.address(host, port)
        try:
            async with asyncio.timeout(TAKEN):
                _, writer = await asyncio.open_connection(*where)
        except (OSError, TimeoutError):
            return
        writer.close()
        raise ProviderError(
            f"The console port {port} of {machine} is in use on {where[0]}: another machine or program answers there.",
            hint="See which machine has a serial port at it, or give this place other `console-ports`.",
        )

    async def open(self, host: str, port: int, machine: str) -> TelnetStream:
        """The line of a running machine.

        Raises:
            ProviderError: nobody is there. AbsentError: no line is to be had from the machine.
        """
        if self._session.place.serial_line is SerialLine.CLIENT:
            return await self._called(host, port, machine)
        where = self.address(host, port)
        try:
            reader, writer = await Deadline(CONNECT).wait(asyncio.open_connection(*where), f"the serial line of {machine}")
        except OSError as error:
            raise AbsentError(
                f"The serial line of {machine} does not answer at {where[0]}:{where[1]}: {error.strerror or error}.",
                hint="See the host's firewall, and that nothing else had the port when the machine was switched on.",
            ) from error
        return TelnetStream(reader, writer)

    async def _called(self, host: str, port: int, machine: str) -> TelnetStream:
        """Listen until the machine's host calls; callers from elsewhere are sent away."""
        wanted = {each[4][0] for each in await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        came: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.get_running_loop().create_future()

        def caller(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            who = writer.get_extra_info("peername")[0]
            if came.done() or who not in wanted:
                writer.close()
            else:
                came.set_result((reader, writer))

        try:
            server = await asyncio.start_server(caller, await self.ours(), port)
        except OSError as error:
            raise ProviderError(
                f"The console port {port} of {machine} can't be had on this machine: {error.strerror}.",
                hint="End the program that has it, or give this place other `console-ports`.",
            ) from error
        try:
            reader, writer = await Deadline(CALLED).wait(
                came,
                f"{host} to connect the serial line of {machine}",
                hint="See that the host reaches this machine at that port.",
            )
        finally:
            server.close()
            with contextlib.suppress(TimeoutError):
                came.cancel()
        return TelnetStream(reader, writer)
