"""Wires behind running machines.

A segment is a star of datagram sockets: its first port is the centre, each other port has one socket pair with it. A NIC that is
not management sits on a hub of its own with a sink port (see qemu.command); attaching adds, for each peer, a datagram end and
a hub port. Ends send to paths, so the order of starting does not matter, and a restarted machine is back by itself. Where a wire
is impaired, each end sends to its relay's path instead (relays.py); where it listens is the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, PortRef, SegmentSpec
from rackless.providers.local.layout import Layout
from rackless.providers.local.records import Network, Records
from rackless.providers.local.relays import Relays
from rackless.qemu.command import nic_device, peer_ids
from rackless.qemu.monitor import Monitor

WIRE = "wire"
"""Kind of the segments that can be impaired (SegmentSpec.kind)."""


def peers(segment: SegmentSpec, port: PortRef) -> tuple[PortRef, ...]:
    """The centre talks to all others, each other to the centre."""
    if port not in segment.ports:
        return ()
    return segment.ports[1:] if port == segment.ports[0] else segment.ports[:1]


def pluggable(spec: MachineSpec) -> Iterator[int]:
    return (nic.index for nic in spec.nics if nic.role is not NicRole.MANAGEMENT)


class Plugging:
    def __init__(self, layout: Layout, records: Records) -> None:
        self._layout = layout
        self._records = records
        self.relays = Relays(layout)

    async def plug(self, monitor: Monitor, port: PortRef, segment: SegmentSpec) -> None:
        """Join a running machine's NIC to the segment. Repeatable: ids are computed from NIC, segment and peer, and whether the
        wire is impaired."""
        how = self._records.impairment(segment.sandbox, segment.name)
        if how is not None:
            await self.relays.ensure(segment, how)
        for peer in peers(segment, port):
            end, hub = _ids(port, segment, peer, relayed=how is not None)
            local, remote = self._layout.end(segment.name, port, peer), self._layout.end(segment.name, peer, port)
            if how is not None:
                remote = self.relays.end(segment.name, peer, port)
            datagram = {"id": end, "type": "dgram", "local": _unix(local), "remote": _unix(remote)}
            await monitor.attempt("netdev_add", datagram, "uplicate")
            join = {"id": hub, "type": "hubport", "hubid": port.nic, "netdev": end}
            await monitor.attempt("netdev_add", join, "uplicate")

    async def unplug(self, monitor: Monitor, port: PortRef, segment: SegmentSpec) -> None:
        """Absent is success."""
        for relayed in (False, True) if segment.kind == WIRE else (False,):
            await self._unplug(monitor, port, segment, relayed=relayed)
        for peer in peers(segment, port):
            self._layout.end(segment.name, port, peer).unlink(missing_ok=True)

    async def divert(self, monitor: Monitor, port: PortRef, segment: SegmentSpec) -> None:
        """Have a NIC that is plugged in send to where it has to by now: its relay, or its peer."""
        how = self._records.impairment(segment.sandbox, segment.name)
        # Both have the same socket, so the one goes before the other comes.
        await self._unplug(monitor, port, segment, relayed=how is None)
        await self.plug(monitor, port, segment)

    @staticmethod
    async def _unplug(monitor: Monitor, port: PortRef, segment: SegmentSpec, *, relayed: bool) -> None:
        for peer in peers(segment, port):
            for name in reversed(_ids(port, segment, peer, relayed=relayed)):
                await monitor.attempt("netdev_del", {"id": name}, "not found")

    async def carrier(self, monitor: Monitor, nic: int, up: bool) -> None:
        """What the guest sees at once (virtio-net's link status)."""
        await monitor.execute("set_link", {"name": nic_device(nic), "up": up})

    async def restore(self, monitor: Monitor, spec: MachineSpec, network: Network) -> None:
        """Plug in everything that is recorded, before the machine's first instruction."""
        for nic in pluggable(spec):
            port = PortRef(sandbox=spec.sandbox, machine=spec.name, nic=nic)
            name = network.attached.get(nic)
            segment = self._records.segment(spec.sandbox, name) if name is not None else None
            if segment is not None:
                await self.plug(monitor, port, segment)
            await self.carrier(monitor, nic, network.up(nic) and (segment is not None or nic in network.carrier))


def _ids(port: PortRef, segment: SegmentSpec, peer: PortRef, *, relayed: bool) -> tuple[str, str]:
    return peer_ids(port.nic, segment.name, f"{peer}|relay" if relayed else str(peer))


def _unix(path: object) -> dict[str, str]:
    return {"type": "unix", "path": str(path)}
