"""A DHCP server on the management bridge that gives each fxp0 its planned address, and nobody else any.

One dnsmasq a site, without DNS. Its hosts file is written whole and then announced by SIGHUP: no restart when a machine
comes or goes. It carries the ownership mark in its environment and ends when no machine is left.
"""

from __future__ import annotations

import ipaddress
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from rackless.running import run

START_SECONDS = 20.0
_WAY_OUT = "Install dnsmasq-base, or set RACKLESS_MANAGEMENT=forwarded."


@dataclass(frozen=True, kw_only=True)
class Lease:
    mac: str
    address: str


def hosts_file(folder: Path) -> Path:
    return folder / "dhcp-hosts"


def write_hosts(folder: Path, leases: list[Lease]) -> bool:
    """Write the hosts file; False when nothing changed (dnsmasq(8), --dhcp-hostsfile)."""
    text = "".join(f"{lease.mac},{lease.address},infinite\n" for lease in sorted(leases, key=lambda each: each.mac))
    path = hosts_file(folder)
    if path.exists() and path.read_text() == text:
        return False
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
    return True


async def start(folder: Path, bridge: str, network: str, *, variable: str, mark: str) -> None:
    """Start dnsmasq; it daemonizes when it serves.

    Raises:
        ProviderError: it is not installed or could not bind.
    """
    net = ipaddress.IPv4Network(network)
    words = [
        *("dnsmasq", "--conf-file=/dev/null", "--port=0", "--no-hosts", "--no-ping", "--pid-file="),
        *(f"--interface={bridge}", "--except-interface=lo", "--bind-interfaces", "--leasefile-ro", "--dhcp-authoritative"),
        *(f"--dhcp-range={net.network_address},static,{net.netmask}", f"--dhcp-hostsfile={hosts_file(folder)}"),
        # No router and no name server: the management network leads nowhere.
        *("--dhcp-option=3", "--dhcp-option=6", f"--log-facility={folder / 'dhcp.log'}"),
    ]
    if os.geteuid() == 0:
        words += ["--user=root", "--group=root"]  # It reads the hosts file again later, in a directory that is root's only.
    await run(
        words, deadline=START_SECONDS, env={variable: mark}, hint="Install dnsmasq-base, or set RACKLESS_MANAGEMENT=forwarded."
    )


RELOAD = signal.SIGHUP
