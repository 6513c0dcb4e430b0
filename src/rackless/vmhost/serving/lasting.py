"""Which machines are to run, kept with them: what ran when the host went down runs again when it is up."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from rackless.model.errors import RacklessError
from rackless.providers.contract import Power, Provider, Ref, RefKind
from rackless.providers.local.layout import Layout, write_whole

log = logging.getLogger(__name__)

BOOT = Path("/proc/sys/kernel/random/boot_id")
MARK = "to-run"


class Lasting:
    """`boot` gives which boot of the host this is."""

    def __init__(self, layout: Layout, boot: str = "") -> None:
        self._layout = layout
        self.boot = boot or BOOT.read_text(encoding="ascii").strip()
        self._seen = layout.state / "serving" / "boot"

    def note(self, machine: Ref, to: Power) -> None:
        """A machine was switched; its mark goes with its folder."""
        path = self._layout.machine(machine.sandbox, machine.name) / MARK
        if to is Power.OFF:
            path.unlink(missing_ok=True)
        elif path.parent.is_dir():
            path.touch(mode=0o600)

    def to_run(self, refs: Iterable[Ref]) -> list[Ref]:
        return [
            ref
            for ref in refs
            if ref.kind is RefKind.MACHINE and not ref.running and (self._layout.machine(ref.sandbox, ref.name) / MARK).exists()
        ]

    async def come_back(self, provider: Provider) -> list[Ref]:
        """Once a boot: start what is to run, as many at once as there are processors. Returns what was started."""
        if self._seen.exists() and self._seen.read_text(encoding="ascii").strip() == self.boot:
            return []
        turns = asyncio.Semaphore(max(os.cpu_count() or 1, 1))
        started: list[Ref] = []

        async def start(ref: Ref) -> None:
            async with turns:
                try:
                    await provider.power(ref, Power.ON)
                    started.append(ref)
                except RacklessError as error:
                    log.warning("%s/%s does not come back: %s", ref.sandbox, ref.name, error.message)

        await asyncio.gather(*map(start, self.to_run(await provider.owned())))
        write_whole(self._seen, self.boot.encode())
        return started
