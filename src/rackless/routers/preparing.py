"""Images of cards that know their number: the number written into the image's file system, booted once, halted.

So a lab's card need not go through a first boot, and is nobody else's card in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from rackless.console.dialogue import Dialogue
from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.images import importing, inside, naming, store, transfer
from rackless.model import naming as names
from rackless.model.errors import GuestError, InputError, NotFoundError, RacklessError
from rackless.model.family import Family, NicRole, Role, RoleFacts
from rackless.model.plan import DiskSpec, MachineSpec, NicSpec
from rackless.providers.local.streams import SocketStream
from rackless.qemu.command import Places, Virtualization, arguments
from rackless.routers.prompts import LOGIN, PASSWORD, SHELL
from rackless.running import run, tied

MOST_SLOT = 11
SLOT_FILE = "/var/jnx/card/local/slot"
"""Of the vMX, and of a family that says nothing else."""
COPYING = 3600.0
HALT = 180.0
"""Seconds to halt."""
HALTED = re.compile(
    r".*(?:[Ss]ystem halted|has halted|Power down|[Pp]ress any key to reboot|Requesting system (?:halt|poweroff)).*"
)

Tell = Callable[[str], None]


class _At(StrEnum):
    LOGIN = "login prompt"
    PASSWORD = "password prompt"  # noqa: S105 - a state's name
    SHELL = "shell"
    HALTED = "halted"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """`partition`: of the file system; None: the one that has the way to the file. `seconds`: for the boot."""

    image: str
    slot: int
    slot_file: str = ""
    partition: int | None = None
    seconds: float = 1800.0
    current: bool = True


def facts_of(families: Sequence[Family], image: str) -> RoleFacts | None:
    """Of the card that has images of that name, None when no family has one."""
    for family in families:
        for facts in family.roles:
            if facts.image.removesuffix(naming.SLOT) == image and (facts.slot_file or facts.role is Role.CARD):
                return facts
    return None


async def prepare(
    images: Path, wish: Preparation, families: Sequence[Family], how: Virtualization, *, tell: Tell = lambda _: None
) -> Path:
    """Make the image `<image>-card<slot>` of the current build of `image`. Returns the folder of its build.

    Raises:
        NotFoundError: there is no such image.
        InputError: no file system of it can take the number.
        GuestError, DeadlineError: it did not boot, or not halt.
    """
    if not 0 <= wish.slot <= MOST_SLOT:
        raise InputError(f"The slot {wish.slot} is not one of 0 to {MOST_SLOT}.")
    source, facts = store.find(images, wish.image), facts_of(families, wish.image)
    if facts is None:
        raise NotFoundError(f"No family has cards of the image {wish.image}.", hint="`rackless image list` shows the images.")
    place = wish.slot_file or facts.slot_file or SLOT_FILE
    async with importing.draft(images) as folder:
        whole = folder / "whole"
        whole.mkdir()
        tell(f"copying {wish.image}")
        raw, disk = folder / "disk.raw", whole / store.FILES["disk"]
        await run(["qemu-img", "convert", "-O", "raw", source.disk, raw], deadline=COPYING)
        tell(f"writing {wish.slot} into {place}")
        number = await inside.put(raw, place, f"{wish.slot}\n", number=wish.partition)
        await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk], deadline=COPYING)
        raw.unlink()
        for file in (source.kernel, source.initrd):
            if file is not None:
                shutil.copyfile(file, whole / file.name)
        await _boot(replace(source, disk=disk), facts, wish, how, tell)
        about = {"prepared": wish.image, "of": source.digest, "slot": wish.slot, "file": place, "partition": number}
        name, key = f"{wish.image}-card{wish.slot}", names.digest(f"{source.digest} {place} {wish.slot}", 16)
        return await asyncio.to_thread(
            transfer.kept, images, name, key, whole, {"append": source.append}, current=wish.current, about=about
        )


def _spec(image: str, facts: RoleFacts) -> MachineSpec:
    """A machine of that kind on no network at all."""
    nics = tuple(
        NicSpec(index=index, role=NicRole.INTERNAL, mac=names.mac("prepare", image, index), label=label)
        for index, label in enumerate(facts.fixed_nic_names)
    )
    return MachineSpec(
        sandbox="prepare",
        name=image,
        owner=image,
        family="",
        role=facts.role,
        image=image,
        memory=facts.default_memory,
        vcpus=facts.vcpus,
        disks=(DiskSpec(sandbox="prepare", name="disk0", image=image),),
        nics=nics,
        nic_model=facts.nic_model,
        disk_bus=facts.disk_bus,
        smbios=tuple((key, value.format(router="prepare", slot=0)) for key, value in facts.smbios),
    )


async def _boot(image: store.Image, facts: RoleFacts, wish: Preparation, how: Virtualization, tell: Tell) -> None:
    """Boot it, log in, halt it. The machine ends with this process, whatever happens."""
    # Sockets have short paths.
    folder = Path(tempfile.mkdtemp(prefix="rackless-prepare-"))
    try:
        console = folder / "console"
        places = Places(
            monitor=folder / "monitor", console=console, channel=folder / "channel", log=folder / "log", disks=(image.disk,)
        )
        words = arguments(_spec(wish.image, facts), mark=f"prepare/{wish.image}", places=places, boot=image, how=how, alone=True)
        said = bytearray()

        async def hear(data: bytes) -> None:
            said.extend(data[-4096:])

        machine = asyncio.create_task(
            tied(["qemu-system-x86_64", *words], deadline=wish.seconds + 2 * HALT, stdin=b"", env=inside.PATH, said=hear)
        )
        try:
            async with _console(wish.image, console) as hub:
                talk = asyncio.create_task(_talk(hub, facts.login, wish.seconds, tell))
                try:
                    await asyncio.wait({machine, talk}, return_when=asyncio.FIRST_COMPLETED)
                    if not talk.done():
                        words_of_qemu = said.decode(errors="replace").strip()[-200:]
                        raise GuestError(f"The machine ended before it had booted. {words_of_qemu}".strip())
                    await talk
                finally:
                    talk.cancel()
                with contextlib.suppress(TimeoutError):  # halted is enough: some wait then for a key
                    await asyncio.wait_for(asyncio.shield(machine), HALT / 18)
        finally:
            machine.cancel()
            with contextlib.suppress(asyncio.CancelledError, RacklessError):
                await machine
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


@asynccontextmanager
async def _console(name: str, path: Path) -> AsyncIterator[ConsoleHub]:
    async def opener() -> SocketStream:
        return SocketStream(*await asyncio.open_unix_connection(str(path)))

    async with ConsoleHub(name, opener) as hub:
        yield hub


async def _talk(hub: ConsoleHub, login: tuple[str, str], seconds: float, tell: Tell) -> None:
    """From the boot to where it says that it has halted."""
    user, password = login
    prompts = {_At.LOGIN: LOGIN, _At.SHELL: SHELL}
    async with hub.writer("prepare") as lease:
        say, deadline = Dialogue(lease), Deadline(seconds)
        tell("booting it once")
        at, _ = await say.expect(prompts, what="a login prompt", deadline=deadline, nudge=True, fresh=False)
        for _ in range(3):
            if at is _At.SHELL:
                break
            await say.send(user)
            at, _ = await say.expect(
                prompts, seen={_At.PASSWORD: PASSWORD}, what="a shell or a password prompt", deadline=deadline
            )
            if at is _At.PASSWORD:
                await say.send_secret(password)
                at, _ = await say.expect(prompts, what="a shell", deadline=deadline, nudge=True)
        if at is not _At.SHELL:
            raise GuestError(f"{hub.name} does not let {user} in at its console.", hint="Was its password changed?")
        tell("halting it")
        await say.send("halt")
        await say.expect({_At.HALTED: HALTED}, seen={_At.HALTED: HALTED}, what="it to halt", deadline=Deadline(HALT))
