"""Counters of a router's ports over SNMP: the 64-bit ones of IF-MIB (RFC 2863, ifXTable)."""

from __future__ import annotations

from collections.abc import Collection

from rackless.autoload.discovery import IFX
from rackless.autoload.walking import agent, as_text
from rackless.deadline import Deadline
from rackless.model.counters import PortCounters

NAME, IN_OCTETS, IN_PACKETS, OUT_OCTETS, OUT_PACKETS = ((*IFX, column) for column in (1, 6, 7, 10, 11))


async def read(host: str, port: int, community: str, wanted: Collection[str], *, deadline: Deadline) -> list[PortCounters]:
    """Of the ports in `wanted` (ge-0/0/0) that the router has.

    Raises:
        AbsentError: no answer.
        GuestError, DeadlineError.
    """
    async with agent(host, port, community) as walker:
        names, *columns = await walker.columns([NAME, IN_OCTETS, OUT_OCTETS, IN_PACKETS, OUT_PACKETS], deadline=deadline)
    found = []
    for key, value in names.items():
        if (name := as_text(value)) in wanted:
            octets_in, octets_out, packets_in, packets_out = (int(column.get(key, 0)) for column in columns)
            found.append(
                PortCounters(
                    name=name, in_octets=octets_in, out_octets=octets_out, in_packets=packets_in, out_packets=packets_out
                )
            )
    return found


def of_proc(text: str, wanted: Collection[str]) -> list[PortCounters]:
    """Of a Linux host, from /proc/net/dev (proc(5): bytes and packets received are fields 1 and 2, sent 9 and 10)."""
    found = []
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if colon and name.strip() in wanted and len(fields) >= 10:
            values = [int(fields[at]) for at in (0, 1, 8, 9)]
            found.append(
                PortCounters(
                    name=name.strip(), in_octets=values[0], in_packets=values[1], out_octets=values[2], out_packets=values[3]
                )
            )
    return found
