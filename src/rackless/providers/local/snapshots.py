"""The state of all machines of a lab at one moment, into a folder and out of it.

FOLDER/<machine>.state    memory and devices
       <disk>.qcow2       what the disk has that the image's has not; it stands on nothing until it is taken up
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rackless.images.store import FILES, MANIFEST
from rackless.model.errors import NotFoundError, StateError
from rackless.model.family import Resumes
from rackless.model.plan import DiskSpec, MachineSpec
from rackless.model.site import Site
from rackless.providers.contract import Likeness
from rackless.providers.local import templates
from rackless.providers.local.layout import Layout
from rackless.providers.local.machines import STOPPED, Machines
from rackless.providers.local.management import Management
from rackless.providers.local.records import Boot, Records
from rackless.qemu import accelerator, disks, state
from rackless.qemu.accelerator import Accelerator
from rackless.qemu.monitor import Monitor
from rackless.running import run

AT_ONCE = 2
"""Machines whose memory is written or read at a time: it is the disk that takes the time."""
COPY_SECONDS = 600.0


class Snapshots:
    def __init__(
        self, layout: Layout, records: Records, machines: Machines, management: Management, probe: Accelerator, *, images: Path
    ) -> None:
        self._layout = layout
        self._records = records
        self._machines = machines
        self._management = management
        self._probe = probe
        self._images = images
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def likenesses(self, specs: Iterable[MachineSpec], site: Site, boots: Mapping[str, Boot]) -> dict[str, Likeness]:
        """`boots`: of each machine, what it would boot."""
        qemu, processor = await accelerator.version(), templates.processor()
        found = {}
        for spec in specs:
            family = site.family(spec.family)
            facts = next((facts for facts in family.roles if facts.role is spec.role), None) if family is not None else None
            if facts is not None and facts.resumes is Resumes.NEVER:
                raise StateError(
                    f"The state of {spec.name} can't be saved: a {spec.role.value} of the family {spec.family} runs machines.",
                    hint="Save the routers' configurations instead: `rackless save`.",
                )
            kept = self._records.machine_file(spec.sandbox, spec.name)
            boot = kept.boot if kept is not None else boots[spec.name]
            how = (await self._probe.find(boot.kernel)).how
            build = self._build(spec, boot)
            kind = templates.kind_of(spec, build=build, boot=boot, how=how, qemu=qemu, processor=processor)
            mode = self._management.mode_for(spec)
            found[spec.name] = Likeness(
                facts={
                    "its image": kind.image,
                    "QEMU": kind.qemu,
                    "its type": kind.machine,
                    "the accelerator": kind.accelerator,
                    "the processor": kind.processor or "emulated",
                    "its memory": f"{kind.memory} MiB",
                    "the list of its devices": kind.devices,
                    "the way to its management interface": mode,
                }
            )
        return found

    def _build(self, spec: MachineSpec, boot: Boot) -> Path:
        """The build of the image that a machine's first disk stands on, or would."""
        disk = self._layout.disk(spec.disks[0].sandbox, spec.disks[0].name)
        base = _base(disk)
        return base.parent if base != disk else boot.kernel.parent if boot.kernel is not None else Path("/unknown/unknown")

    async def save(self, specs: Sequence[MachineSpec], folder: Path) -> None:
        """`folder`: is there, and empty."""
        async with AsyncExitStack() as held:
            monitors = {
                spec.name: await held.enter_async_context(self._machines.talk(spec, self._machines.need_running(spec)))
                for spec in specs
            }
            try:
                await _all(self._stop(monitor) for monitor in monitors.values())
                await _all(self._save(spec, monitors[spec.name], folder) for spec in specs)
            finally:
                await _all(monitor.execute("cont") for monitor in monitors.values())
        await _all(self._loosen(folder / f"{disk.name}.qcow2") for spec in specs for disk in spec.disks)

    async def _stop(self, monitor: Monitor) -> None:
        """One that an interrupted try has saved can be saved again only after it went on."""
        if (await monitor.execute("query-status"))["status"] in STOPPED:
            await monitor.execute("cont")
        await monitor.execute("stop")

    async def _save(self, spec: MachineSpec, monitor: Monitor, folder: Path) -> None:
        async with self._turn:
            await state.save(monitor, folder / f"{spec.name}.state", shared=False)
            for disk in spec.disks:
                await _copy(self._layout.disk(disk.sandbox, disk.name), folder / f"{disk.name}.qcow2")

    async def _loosen(self, path: Path) -> None:
        """What a template has between the image and a machine goes into the copy, which names no file of this host then."""
        base, below = _base(path), disks.backing(path)
        if below is not None and base != below:
            words: list[str | Path] = ["qemu-img", "rebase", "-f", "qcow2", "-F", "qcow2", "-b", base, path]
            await run(words, deadline=COPY_SECONDS, hint="Is there room on the disk?")
        await run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-b", "", path], deadline=COPY_SECONDS)

    async def take_up(self, specs: Sequence[MachineSpec], folder: Path, builds: Mapping[str, str]) -> None:
        """`builds`: the build of each machine's image, as name/digest."""
        await _all(self._machines.stop(spec.sandbox, spec.name) for spec in specs)
        await _all(self._load(spec, folder, builds[spec.name]) for spec in specs)
        async with AsyncExitStack() as held:
            monitors = [
                await held.enter_async_context(self._machines.talk(spec, self._machines.need_running(spec))) for spec in specs
            ]
            await _all(monitor.execute("cont") for monitor in monitors)

    async def _load(self, spec: MachineSpec, folder: Path, build: str) -> None:
        async with self._turn:
            for number, disk in enumerate(spec.disks):
                path = self._layout.disk(disk.sandbox, disk.name)
                fresh = disks.unfinished(path)
                await _copy(folder / f"{disk.name}.qcow2", fresh)
                images = self._images / build if number == 0 else self._other(disk)
                await self._adopt(fresh, images / FILES["disk"])
                fresh.replace(path)
            await self._machines.wait_for_state(spec, folder / f"{spec.name}.state")

    async def _adopt(self, path: Path, image: Path) -> None:
        if not await asyncio.to_thread(image.is_file):
            name, build = image.parent.parent.name, image.parent.name
            raise NotFoundError(
                f"The build {build} of the image {name} is not here.",
                hint=f"Bring it: `rackless image export {name} --build {build}` there, `rackless image upload` here.",
            )
        words: list[str | Path] = ["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", image, path]
        await run(words, deadline=COPY_SECONDS)

    def _other(self, disk: DiskSpec) -> Path:
        """The build that a further disk of a machine stands on in its lab."""
        return _base(self._layout.disk(disk.sandbox, disk.name)).parent


def _base(path: Path) -> Path:
    """The image's disk at the end of what an overlay stands on."""
    while (below := disks.backing(path)) is not None:
        path = below
        if (path.parent / MANIFEST).is_file():
            break
    return path


async def _copy(source: Path, target: Path) -> None:
    words: list[str | Path] = ["cp", "--sparse=always", "--reflink=auto", source, target]
    await run(words, deadline=COPY_SECONDS, hint="Is there room on the disk?")


async def _all(verbs: Iterable[Awaitable[object]]) -> None:
    """All at once; wait for all also when one fails, then raise the first failure."""
    for result in await asyncio.gather(*verbs, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
