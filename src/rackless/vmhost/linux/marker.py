"""Stands in for the agent where a set's guest is only a marker: `healthy`, `never`, or `panic`.

It tells what the agent tells, by the same calls: a healthy guest confirms the running set; one that is not healthy in time
gives it up, when it was on trial, and starts the machine again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rackless.running import run
from rackless.vmhost.linux.appliance import Appliance
from rackless.vmhost.linux.disks import PATH

FILE = Path("/run/rackless/set/marker")
IN_TIME = 5.0
"""Seconds that a marker is given."""


async def main() -> int:
    appliance = Appliance.here()
    word = FILE.read_text().strip()
    if word == "healthy":
        state = await appliance.confirm()
        sys.stdout.write(
            f"RACKLESS-CONFIRMED {appliance.running} {appliance.why} {await appliance.version()} current={state.current}\n"
        )
        return 0
    if word == "panic":
        Path("/proc/sysrq-trigger").write_text("c")
    await asyncio.sleep(IN_TIME)
    sys.stdout.write(f"RACKLESS-UNHEALTHY {appliance.running} {appliance.why}\n")
    sys.stdout.flush()
    if appliance.why == "trial":
        os.sync()
        await run(["systemctl", "reboot"], deadline=60, env=PATH)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
