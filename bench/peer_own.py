"""The two of bench/peers.py that need nobody else's program: QEMU by hand, and Rackless."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess

from bare import go, ready, start
from peer import Notes, Task, gone, sweep
from run import rackless

from rackless.client.api import Api
from rackless.model.plan import PortRef
from rackless.qemu import process
from rackless.qemu.command import nic_device, peer_ids


class Bare:
    """bench/bare.py's QEMUs side by side, plugged into wires by hand over QMP."""

    title = "bare QEMU"

    def __init__(self, task: Task) -> None:
        self.notes = Notes()
        self._task = task
        self._pids: list[int] = []

    async def begin(self) -> None:
        return

    async def deploy(self) -> None:
        task = self._task
        self._pids += [start(spec, task.top / spec.name, task.images, task.how) for spec in task.plan.machines]
        await asyncio.gather(*(ready(task.plan, spec, task.top, ("internal", "wire")) for spec in task.plan.machines))

    async def join(self) -> None:
        await asyncio.gather(*(self._at(port, there=True) for port in self._task.free))

    async def part(self) -> None:
        await asyncio.gather(*(self._at(port, there=False) for port in self._task.free))

    async def _at(self, port: PortRef, *, there: bool) -> None:
        end, hub = peer_ids(port.nic, "bench", "by-hand")
        far = self._task.free[0] if port == self._task.free[1] else self._task.free[1]
        here, beyond = ({"type": "unix", "path": str(self._task.top / f"{each.machine}.free")} for each in (port, far))
        make: list[dict[str, object]] = [
            {"execute": "netdev_add", "arguments": {"id": end, "type": "dgram", "local": here, "remote": beyond}},
            {"execute": "netdev_add", "arguments": {"id": hub, "type": "hubport", "hubid": port.nic, "netdev": end}},
        ]
        unmake: list[dict[str, object]] = [{"execute": "netdev_del", "arguments": {"id": each}} for each in (hub, end)]
        carrier: dict[str, object] = {"execute": "set_link", "arguments": {"name": nic_device(port.nic), "up": there}}
        await go(self._task.top / port.machine / "monitor", [*make, carrier] if there else [carrier, *unmake])

    async def end(self) -> None:
        ticks = [(pid, process.started(pid)) for pid in self._pids]
        await asyncio.gather(*(process.end(process.Found(pid=pid, started=at or 0, mark="")) for pid, at in ticks))

    async def close(self) -> None:
        await sweep(self._task.top)


class Rackless:
    """`rackless up --cold` and `down`; wires over one open connection to its API."""

    title = "Rackless"

    def __init__(self, task: Task, blueprint: str) -> None:
        self.notes = Notes()
        self._task = task
        self._file = task.top / "lab.yaml"
        self._file.write_text(blueprint)
        self._api: Api | None = None
        self._open = contextlib.ExitStack()

    async def begin(self) -> None:
        # Forwarded ports: a bench changes no network of this machine. No templates: they would be made while others are measured.
        here = {"RACKLESS_STATE": "s", "RACKLESS_RUN": "r"}
        os.environ.update({key: str(self._task.top / name) for key, name in here.items()})
        os.environ.update(RACKLESS_IMAGES=str(self._task.images), RACKLESS_MANAGEMENT="forwarded", RACKLESS_WARM="no")
        await asyncio.to_thread(rackless, "list")

    async def deploy(self) -> None:
        await asyncio.to_thread(rackless, "up", "--cold", str(self._file))

    async def join(self) -> None:
        self._ask("POST", body=self._pair())

    async def part(self) -> None:
        self._ask("DELETE", query=self._pair())

    def _pair(self) -> dict[str, str]:
        return {end: f"{port.machine}:eth{port.nic}" for end, port in zip("ab", self._task.free, strict=True)}

    def _ask(self, method: str, **given: dict[str, str]) -> None:
        if self._api is None:
            self._api = self._open.enter_context(Api())
        self._api.ask(method, f"/labs/{self._task.plan.sandbox}/wires", wait=30, **given)

    async def end(self) -> None:
        await asyncio.to_thread(rackless, "down", self._task.plan.sandbox)
        await gone(self._task.top)

    async def close(self) -> None:
        self._open.close()
        # A server with a job does not end by itself: whoever breaks the bench off leaves one.
        with contextlib.suppress(subprocess.CalledProcessError):
            await asyncio.to_thread(rackless, "stop")
        await sweep(self._task.top)
