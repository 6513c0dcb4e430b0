"""Which machines start from a template, and which templates are missing."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from rackless.images import uses
from rackless.images.store import FILES
from rackless.model.errors import NotFoundError, RacklessError
from rackless.model.plan import MachineSpec
from rackless.model.site import Site
from rackless.providers.contract import Begun, Kept
from rackless.providers.local import templates
from rackless.providers.local.layout import Layout
from rackless.providers.local.records import Boot, Records, Start
from rackless.providers.local.templates import NOT_YET, OFF, Kind, Shelf, Template
from rackless.providers.local.warming import Maker
from rackless.qemu import accelerator
from rackless.qemu.command import Virtualization

log = logging.getLogger(__name__)

AGAIN = 3600.0
"""Seconds after which a template is tried again that could not be made."""


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """A template that a machine could have started from, and all that it is made of."""

    kind: Kind
    spec: MachineSpec
    build: Path
    boot: Boot
    how: Virtualization


class Warmth:
    """Of one place. `wanted` is set while a template is lacking that could be made."""

    def __init__(self, layout: Layout, records: Records, site: Site, *, images: Path, on: bool) -> None:
        self._images = images
        self._layout = layout
        self._records = records
        self._site = site
        self.on = on
        self.shelf = Shelf(layout, most=site.warm_most)
        self.wanted = asyncio.Event()
        self._maker = Maker(layout, self.shelf)
        self._lacking: dict[str, Lacking] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._qemu = ""
        self._making = asyncio.Lock()

    def stay_cold(self, sandbox: str, name: str, why: str) -> None:
        """Have a machine's first start be a boot. One that was started before boots anyway."""
        if not self._records.start(sandbox, name).begun:
            self._records.write_start(sandbox, name, Start(begun=False, cold=why))

    def begun(self, sandbox: str, name: str) -> Begun:
        """How a machine was started last."""
        start = self._records.start(sandbox, name)
        return Begun(warm=bool(start.template), why=start.cold)

    async def template(self, spec: MachineSpec, boot: Boot, how: Virtualization) -> tuple[Template | None, str]:
        """What this machine is to start from; without that, why it has to boot."""
        if not self.on:
            return None, OFF
        why = self._never(spec) or templates.not_now(
            self._records.start(spec.sandbox, spec.name), self._layout.disk(spec.disks[0].sandbox, spec.disks[0].name)
        )
        if why:
            return None, why
        build = templates.build_of(self._layout.disk(spec.disks[0].sandbox, spec.disks[0].name))
        if build is None:
            return None, "its image is in no store"
        kind = await self._kind(spec, build, boot, how)
        found = await asyncio.to_thread(self.shelf.find, kind)
        if found is not None:
            return found, ""
        when, reason = self._failed.get(kind.key, (0.0, ""))
        if reason and time.monotonic() - when < AGAIN:
            return None, f"no template of it could be made: {reason}"
        self._lacking[kind.key] = Lacking(kind=kind, spec=spec, build=build, boot=boot, how=how)
        self.wanted.set()
        return None, NOT_YET

    def _never(self, spec: MachineSpec) -> str:
        family = self._site.family(spec.family)
        facts = next((facts for facts in family.roles if facts.role is spec.role), None) if family is not None else None
        return templates.never_warm(spec, facts)

    async def _kind(self, spec: MachineSpec, build: Path, boot: Boot, how: Virtualization) -> Kind:
        self._qemu = self._qemu or await accelerator.version()
        return templates.kind_of(spec, build=build, boot=boot, how=how, qemu=self._qemu, processor=templates.processor())

    async def lacking(self, spec: MachineSpec, image: Path, boot: Boot, how: Virtualization) -> Lacking | None:
        """What there is to make for such a machine, whose disk would stand on `image`; None when nothing."""
        if self._never(spec):
            return None
        kind = await self._kind(spec, image.parent, boot, how)
        if await asyncio.to_thread(self.shelf.find, kind) is not None:
            return None
        return Lacking(kind=kind, spec=spec, build=image.parent, boot=boot, how=how)

    async def make_next(self) -> str:
        """Make one of the templates that were wanted, with processor time that nobody else needs. Returns its title, "" when none
        is wanted any more."""
        key = next(iter(self._lacking), None)
        if key is None:
            self.wanted.clear()
            return ""
        lacking = self._lacking[key]
        try:
            await self.make(lacking, gently=True)
        except RacklessError as error:
            log.warning("no template of %s: %s", lacking.kind.title, error.message)
            self._failed[key] = (time.monotonic(), error.message)
        self._lacking.pop(key, None)
        return lacking.kind.title

    async def make(self, lacking: Lacking, *, gently: bool) -> Template:
        """Raises RacklessError when it can't be made."""
        layout = self._layout
        user = uses.User(site=layout.site, lab=uses.TEMPLATES, state=layout.state, folder=layout.warm)
        async with self._making, uses.using(lacking.build, user):
            if not (lacking.build / FILES["disk"]).is_file():
                raise NotFoundError(f"The image {lacking.kind.image} is gone.", hint="A new lab gets a newer one.")
            made = await self._maker.make(
                lacking.kind, lacking.spec, build=lacking.build, boot=lacking.boot, how=lacking.how, gently=gently
            )
        self._lacking.pop(lacking.kind.key, None)
        self._failed.pop(lacking.kind.key, None)
        log.info("template %s: %s", made.name, made.kind.title)
        return made

    def kept(self) -> tuple[Kept, ...]:
        return tuple(
            Kept(
                kind="template" if item.template is not None else "disk of a template",
                name=item.title,
                id=item.folder.name,
                size=item.size,
                used=", ".join(item.labs) if item.template is None else "new machines" if self._current(item.template) else "",
            )
            for item in self.shelf.items()
        )

    def _current(self, template: Template) -> bool:
        """A new machine may start from it."""
        name, _, build = template.kind.image.partition("/")
        return (self._images / name / "current").resolve().name == build

    def drop(self, name: str) -> None:
        """Absent is success; the disk stays while labs stand on it."""
        for item in self.shelf.items():
            if item.folder.name == name:
                self.shelf.drop(item)
