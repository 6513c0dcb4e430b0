"""Before RAUC writes a byte: what it does not check itself (RAUC's handler `pre-install`). A bundle that is given to RAUC
without us is held to the same rules by this."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rackless.model.errors import RacklessError
from rackless.vmhost import setimage
from rackless.vmhost.linux.appliance import Appliance


def version_of(manifest: str) -> str:
    """Of a bundle's manifest, whose signature RAUC has verified."""
    for line in manifest.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "version":
            return value.strip()
    return ""


async def main() -> int:
    try:
        least = await Appliance.here().least_version()
        version = version_of((Path(os.environ["RAUC_BUNDLE_MOUNT_POINT"]) / "manifest.raucm").read_text())
    except (RacklessError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if least and not setimage.newer_or_equal(version, least):
        sys.stderr.write(f"Version {version} is older than {least}, the oldest that this host allows.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
