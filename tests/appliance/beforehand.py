"""`python -m tests.appliance.beforehand`: the appliances that the tests boot, built where the package registries are reached."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.appliance import booting, test_ova_boots


async def main() -> None:
    await booting.appliance()
    with tempfile.TemporaryDirectory() as folder:
        await test_ova_boots.made(Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
