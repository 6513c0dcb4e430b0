"""RAUC's boot loader, as its custom back end (RAUC reference, "Custom bootloader backend"): get-primary, set-primary, get-state,
set-state, get-current. RAUC's word "bad" is "nothing boots it"; the attempts are counted by ours."""

from __future__ import annotations

import asyncio
import sys

from rackless.model.errors import RacklessError
from rackless.vmhost.bootstate import split
from rackless.vmhost.linux.appliance import Appliance, slot_of


async def answer(appliance: Appliance, words: list[str]) -> str:
    match words:
        case ["get-primary"]:
            return (await appliance.state()).current
        case ["get-current"]:
            number, slot = split(appliance.running)
            return slot if number == 1 else (await appliance.state()).current
        case ["get-state", name]:
            state = await appliance.state()
            return "good" if state.bootable(slot_of(name)) else "bad"
        case ["set-state", name, "bad"]:
            await appliance.change(lambda old: old.written(slot_of(name)))
        case ["set-state", name, "good"]:
            # Only a healthy guest makes a set good (`Appliance.confirm`): whatever else says so is thanked, and changes nothing.
            slot_of(name)
        case ["set-primary", name]:
            await appliance.change(lambda old: old.activated(slot_of(name)))
        case _:
            raise SystemExit(2)
    return ""


def main() -> int:
    try:
        text = asyncio.run(answer(Appliance.here(), sys.argv[1:]))
    except (RacklessError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if text:
        sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
