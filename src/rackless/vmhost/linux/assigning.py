"""Virtual functions for guests, done: what sriov.py decides is written to sysfs and told to `ip`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from rackless.model.errors import ProviderError
from rackless.running import run
from rackless.vmhost.linux.inventory import default_interfaces
from rackless.vmhost.linux.pci import physical
from rackless.vmhost.sriov import Choice, NotMadeError, Physical, Wanted, Write, choose

SECONDS = 30.0
MADE = 2.0
"""Seconds until the functions that were just made are there."""


class Assigning:
    """`used`: which functions guests have, by guest. `top` is another /sys in tests."""

    def __init__(self, top: Path = Path("/sys")) -> None:
        self._top = top
        self.used: dict[str, tuple[str, ...]] = {}

    async def give(self, guest: str, wanted: Sequence[tuple[int, Wanted]]) -> tuple[Choice, ...]:
        """One function for each NIC (its index, what it wants); what the guest had before is free for it.

        Raises:
            InputError, StateError, CapacityError: it cannot be; nothing was bound to another driver.
            ProviderError: the kernel refused.
        """
        taken = [address for name, each in self.used.items() if name != guest for address in each]
        choices: list[Choice] = []
        for index, one in wanted:
            choices.append(await self._choice(one, index, [*taken, *(choice.address for choice in choices)]))
        for choice in choices:
            for write in choice.writes:
                await self._write(write)
        self.used[guest] = tuple(choice.address for choice in choices)
        return tuple(choices)

    async def _choice(self, wanted: Wanted, index: int, taken: Collection[str]) -> Choice:
        try:
            return choose(wanted, self._look(taken), index=index)
        except NotMadeError as error:
            await self._write(error.write)
        await asyncio.sleep(MADE if self._top == Path("/sys") else 0)
        return choose(wanted, self._look(taken), index=index)

    def _look(self, taken: Collection[str]) -> tuple[Physical, ...]:
        return physical(self._top, used=taken, carrying=default_interfaces())

    async def _write(self, write: Write) -> None:
        if not write.path:
            await run(["ip", *write.words], deadline=SECONDS, hint="Does the NIC's driver know virtual functions?")
            return
        path = self._top / write.path.removeprefix("/sys/")
        try:
            await asyncio.to_thread(path.write_text, write.text)
        except OSError as error:
            raise ProviderError(
                f"The kernel refused {write}: {error.strerror}.", hint="Is the module vfio-pci loaded?"
            ) from error
