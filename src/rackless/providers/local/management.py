"""How fxp0 is reached: by an address of its own on a bridge ("address"), or by forwarded ports ("forwarded")."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rackless.ether import dhcp, links
from rackless.model.errors import InputError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, NicSpec
from rackless.providers.local.layout import Layout
from rackless.providers.local.records import Records
from rackless.qemu import process

ADDRESS = "address"
FORWARDED = "forwarded"
VARIABLE = "RACKLESS_MANAGEMENT"
DHCP = "dhcp"


@dataclass(frozen=True, kw_only=True)
class Choice:
    mode: str
    why: str


def choose(network: str, bridge: str, environ: Mapping[str, str] | None = None) -> Choice:
    """RACKLESS_MANAGEMENT, or what this process may do.

    Raises:
        InputError: RACKLESS_MANAGEMENT is neither address, forwarded nor auto.
    """
    wanted = (os.environ if environ is None else environ).get(VARIABLE, "auto")
    if wanted in {ADDRESS, FORWARDED}:
        return Choice(mode=wanted, why=f"{VARIABLE} says so")
    if wanted != "auto":
        raise InputError(f"{VARIABLE} is {wanted}.", hint="Use auto, address or forwarded.")
    if not links.may_administer():
        return Choice(mode=FORWARDED, why="no privilege to make network interfaces (CAP_NET_ADMIN, /dev/net/tun)")
    if shutil.which("dnsmasq") is None:
        return Choice(mode=FORWARDED, why="dnsmasq is not installed")
    conflict = links.conflicting_route(network, bridge)
    if conflict is not None:
        return Choice(mode=FORWARDED, why=f"the management network {network} overlaps the route {conflict}")
    return Choice(mode=ADDRESS, why=f"every fxp0 has an address in {network}, on the bridge {bridge}")


def management_nic(spec: MachineSpec) -> NicSpec | None:
    return next((nic for nic in spec.nics if nic.role is NicRole.MANAGEMENT), None)


class Management:
    """The site's bridge, taps and DHCP server. `lock` keeps two starts from making them twice."""

    def __init__(self, layout: Layout, records: Records, network: str) -> None:
        self._layout = layout
        self._records = records
        self._network = ipaddress.IPv4Network(network)
        self._lock = asyncio.Lock()
        self.mark = layout.alias("", "")
        self.bridge = links.interface_name("rl-", self.mark)
        # In a thread, because netlink must not be used where an event loop runs (see ether.links); it takes milliseconds.
        with ThreadPoolExecutor(1) as pool:
            self.choice = pool.submit(choose, network, self.bridge).result()

    def mode_for(self, spec: MachineSpec) -> str:
        """A machine whose address is outside of the management network is reached by forwarded ports all the same."""
        nic = management_nic(spec)
        if nic is None or nic.address is None or self.choice.mode == FORWARDED:
            return FORWARDED
        return ADDRESS if ipaddress.IPv4Interface(nic.address).ip in self._network else FORWARDED

    def tap(self, spec: MachineSpec) -> str:
        return links.interface_name("rlt", self._layout.alias(spec.sandbox, spec.name))

    async def prepare(self, spec: MachineSpec) -> str:
        """Bridge, tap and lease for a machine that is to start. Repeatable. Returns the tap's name."""
        tap, mark = self.tap(spec), self._layout.alias(spec.sandbox, spec.name)
        ours = f"{self._network[1]}/{self._network.prefixlen}"
        async with self._lock:
            await asyncio.to_thread(links.ensure_bridge, self.bridge, self.mark, ours)
            await asyncio.to_thread(links.ensure_tap, tap, mark, self.bridge)
            await self._serve()
        return tap

    async def drop(self, sandbox: str, machine: str) -> None:
        """The tap of a removed machine goes; with the last one the DHCP server and the bridge too."""
        mark = self._layout.alias(sandbox, machine)
        async with self._lock:
            if not await asyncio.to_thread(links.marked, f"rackless:{self._layout.site}:"):
                return  # Nothing was ever made: a host with forwarded ports, without privilege.
            await asyncio.to_thread(links.remove, links.interface_name("rlt", mark), mark)
            left = [each for each in await asyncio.to_thread(links.marked, self._prefix()) if each.mark != self.mark]
            if left:
                await self._serve()
                return
            await self.stop_dhcp()
            await asyncio.to_thread(links.remove, self.bridge, self.mark)

    async def stop_dhcp(self) -> None:
        found = process.find(self._layout.mark("", "process", DHCP))
        if found is not None:
            await process.end(found)
        for path in self._folder().glob("*dhcp*"):
            path.unlink(missing_ok=True)

    def _prefix(self) -> str:
        return f"rackless:{self._layout.site}:"

    def _folder(self) -> Path:
        return self._layout.run / "s" / self._layout.site

    async def _serve(self) -> None:
        """A DHCP server with the leases of all machines that have a tap."""
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        taps = {each.mark for each in await asyncio.to_thread(links.marked, self._prefix())}
        changed = dhcp.write_hosts(folder, list(self._leases(taps)))
        mark = self._layout.mark("", "process", DHCP)
        found = process.find(mark)
        if found is None:
            await dhcp.start(folder, self.bridge, str(self._network), variable=process.VARIABLE, mark=mark)
        elif changed:
            process.hint_at(found, dhcp.RELOAD)

    def _leases(self, taps: set[str]) -> list[dhcp.Lease]:
        leases = []
        for sandbox in self._records.sandboxes():
            for spec in self._records.machines(sandbox):
                nic = management_nic(spec)
                if nic is not None and nic.address is not None and self._layout.alias(sandbox, spec.name) in taps:
                    leases.append(dhcp.Lease(mac=nic.mac, address=str(ipaddress.IPv4Interface(nic.address).ip)))
        return leases
