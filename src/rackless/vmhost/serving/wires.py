"""Wires to other hosts: what is carried is on disk, and the program that carries it (vxlan.py) is kept running and told.

To the local provider such a wire has its second port in this very machine: a port that is no NIC, whose socket is the carrier's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rackless.model.errors import InputError, ProviderError
from rackless.model.places import VXLAN_PORT, ending
from rackless.model.plan import PortRef, SegmentSpec
from rackless.providers.local.layout import Layout, write_whole
from rackless.running import spawn

log = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("vxlan.py")
BEYOND = 1000
"""Added to a NIC's number: that of the port which stands for the wire's other end. No machine has so many NICs."""
BEGINS = 10.0
ECHO = 1.0
"""Seconds for a probe to come back."""
TRIES = 3
"""Packets of a length, until it is taken for too long."""
IDLE = 60.0
"""Seconds after the last probe in which a carrier without a wire goes on."""
LEAST = 576
"""Octets of IP that every host takes (RFC 791)."""
_LOOK = 0.02


@dataclass(frozen=True, kw_only=True)
class Carried:
    sandbox: str
    segment: str
    vni: int
    local: str
    remote: str
    peer: tuple[str, int]


_CARRIED = TypeAdapter(dict[str, Carried])


class Wires:
    """`end`: IP address and UDP port of this host for VXLAN; None: it carries no wires."""

    def __init__(self, layout: Layout, end: tuple[str, int] | None) -> None:
        self._layout = layout
        self._end = end
        self._file = layout.state / "serving" / "wires.json"
        self._control = layout.run / "vxlan"
        self._lock = asyncio.Lock()
        self._probed = 0.0

    def as_here(self, spec: SegmentSpec, remote: str) -> SegmentSpec:
        """The segment as the local provider has it. Raises InputError when it can't be carried."""
        if not remote:
            return spec
        if self._end is None:
            raise InputError("This host carries no wires to others.", hint="`rackless-vmhost serve --wires ADDRESS` lets it.")
        if spec.number is None:
            raise InputError(f"The wire {spec.name} has no VNI.", hint="Give the hosts `numbers` and a `fabric` in site.yaml.")
        return replace(spec, ports=(*spec.ports, self._stand_in(spec.ports[0])))

    @staticmethod
    def _stand_in(port: PortRef) -> PortRef:
        return PortRef(sandbox=port.sandbox, machine=port.machine, nic=BEYOND + port.nic)

    async def carry(self, spec: SegmentSpec, remote: str) -> None:
        """Repeatable; with another remote end it goes there from now on."""
        port = spec.ports[0]
        stand_in = self._stand_in(port)
        assert spec.number is not None
        self._layout.sockets(spec.sandbox).mkdir(parents=True, exist_ok=True, mode=0o700)
        wanted = Carried(
            sandbox=spec.sandbox,
            segment=spec.name,
            vni=spec.number,
            local=str(self._layout.end(spec.name, stand_in, port)),
            remote=str(self._layout.end(spec.name, port, stand_in)),
            peer=ending(remote, VXLAN_PORT),
        )
        async with self._lock:
            kept = self._kept()
            kept[_key(spec.sandbox, spec.name)] = wanted
            self._write(kept)
            await self._told(_order(wanted))

    async def drop(self, sandbox: str, segment: str) -> None:
        """Absent is success. With the last wire the carrier ends."""
        async with self._lock:
            kept = self._kept()
            gone = kept.pop(_key(sandbox, segment), None)
            if gone is None:
                return
            if kept:
                await self._told({"do": "unwire", "vni": gone.vni})
            else:
                await self._end_it()
            self._write(kept)

    async def restore(self) -> None:
        """All that is kept is carried: the carrier was killed, or this host rebooted. One begun for probes alone ends."""
        async with self._lock:
            if not self._kept() and self._probed and asyncio.get_running_loop().time() - self._probed > IDLE:
                self._probed = 0.0
                await self._end_it()
            for carried in self._kept().values():
                Path(carried.local).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                await self._told(_order(carried))

    async def allow(self, nonce: str) -> None:
        async with self._lock:
            self._probed = asyncio.get_running_loop().time()
            await self._told({"do": "allow", "nonce": nonce})

    async def probe(self, nonce: str, remote: str, most: int) -> int:
        """Octets of the longest IP packet, up to `most`, that the other host sent back as long; 0 for none."""
        peer = ending(remote, VXLAN_PORT)
        self._probed = asyncio.get_running_loop().time()
        if await self._passes(nonce, peer, most):
            return most
        low, high = 0, most
        if not await self._passes(nonce, peer, LEAST):
            return 0
        low = LEAST
        while high - low > 1:
            middle = (low + high) // 2
            if await self._passes(nonce, peer, middle):
                low = middle
            else:
                high = middle
        return low

    async def _passes(self, nonce: str, peer: tuple[str, int], octets: int) -> bool:
        asked = {"nonce": nonce, "peer": list(peer), "octets": octets}
        for _ in range(TRIES):
            async with self._lock:
                if not (await self._told({"do": "probe", **asked}))["sent"]:
                    return False  # longer than this host's own interface takes
            deadline = asyncio.get_running_loop().time() + ECHO
            while asyncio.get_running_loop().time() < deadline:
                if (await self._said({"do": "echoed", **asked}))["echoed"]:
                    return True
                await asyncio.sleep(_LOOK)  # the carrier tells when it is asked
        return False

    async def status(self) -> dict[str, Any]:
        """Frames by wire, of those that are carried now."""
        return dict((await self._said({"do": "status"}))["wires"]) if self._kept() else {}

    async def _told(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._said(order)
        except ProviderError:
            await self._begin()
            return await self._said(order)

    async def _begin(self) -> None:
        """Start the carrier, and tell it all that is kept."""
        if self._end is None:
            raise InputError("This host carries no wires to others.", hint="`rackless-vmhost serve --wires ADDRESS` lets it.")
        address, port = self._end
        log_file = self._layout.state / "serving" / "vxlan.log"
        spawn([sys.executable, "-I", "-S", PROGRAM, self._control, address, str(port)], log=log_file)
        deadline = asyncio.get_running_loop().time() + BEGINS
        while True:
            try:
                await self._said({"do": "status"})
                break
            except ProviderError as error:
                if asyncio.get_running_loop().time() > deadline:
                    lines = log_file.read_text(errors="replace").strip().splitlines() or ["no message"]
                    raise ProviderError(
                        f"Wires to other hosts cannot be carried: {lines[-1]}.",
                        hint=f"Is {address} of this host, and UDP {port} free?",
                    ) from error
                await asyncio.sleep(_LOOK)
        for carried in self._kept().values():
            await self._said(_order(carried))

    async def _said(self, order: dict[str, Any]) -> dict[str, Any]:
        """Raises ProviderError when no carrier runs, or it refuses."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as end:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(BEGINS):
                    await loop.sock_connect(end, str(self._control))
                    await loop.sock_sendall(end, json.dumps(order).encode())
                    data = await loop.sock_recv(end, 1 << 20)
            except (OSError, TimeoutError) as error:
                raise ProviderError("The carrier of wires does not answer.", hint="It is started anew by itself.") from error
        answer = json.loads(data or b'{"error": "it ended"}')
        if "error" in answer:
            raise ProviderError(f"A wire to another host cannot be carried: {answer['error']}.")
        return dict(answer)

    async def _end_it(self) -> None:
        try:
            await self._said({"do": "end"})
        except ProviderError:
            return

    def _kept(self) -> dict[str, Carried]:
        return _CARRIED.validate_json(self._file.read_bytes()) if self._file.exists() else {}

    def _write(self, kept: dict[str, Carried]) -> None:
        write_whole(self._file, _CARRIED.dump_json(kept))


def _key(sandbox: str, segment: str) -> str:
    return f"{sandbox}/{segment}"


def _order(carried: Carried) -> dict[str, Any]:
    return {"do": "wire", **asdict(carried), "peer": list(carried.peer)}
