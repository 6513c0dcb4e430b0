"""The guest image of a bundle, taken when its root has been written and before it becomes current: RAUC's slot hook
`slot-post-install`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rackless.model.errors import InputError, RacklessError
from rackless.vmhost.linux import filesystems, sets
from rackless.vmhost.linux.appliance import Appliance, slot_of


async def take(appliance: Appliance, source: Path, slot: str) -> None:
    """
    Raises:
        RacklessError: the root that was written is not as it is sealed, or the guest image not as its manifest says.
    """
    disk = appliance.disks()[1]
    seal, bad = await asyncio.to_thread(sets.check, disk, slot)
    if seal is None or bad:
        raise InputError(f"The root that was written has {len(bad)} damaged MiB.", hint="The disk may be failing.")
    if (source / sets.MANIFEST).is_file():
        async with filesystems.part_of(disk, "vm") as vm:
            await sets.put_guest(source, vm, slot)


def main() -> int:
    if sys.argv[1:] != ["slot-post-install"]:
        return 0
    slot = slot_of(os.environ["RAUC_SLOT_BOOTNAME"])
    try:
        asyncio.run(take(Appliance.here(), Path(os.environ["RAUC_BUNDLE_MOUNT_POINT"]) / "guest", slot))
    except (RacklessError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
