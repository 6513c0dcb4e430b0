"""Traffic counters of a port, as the device itself counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PortCounters:
    """Since the device booted; `in` is what came from the wire. Octets and packets."""

    name: str
    in_octets: int
    out_octets: int
    in_packets: int
    out_packets: int
