"""`make bench-many`: many machines at once, from warm templates (made before), against the same QEMUs side by side without it.

    up            `rackless up` of so many hosts to ready, against the same machines resumed: state, identity, daemons
    rewiring      connect and disconnect of two of them at the API, until the job says that both have their carrier; medians
    memory        MiB that only one machine has, and that with its share of what they have together; medians
    down          `rackless down` to nothing left, against killing the same QEMUs and waiting for their end

Prints ratios with the figures they are of, or JSON with --json. It asserts no time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from bare import boot, start
from run import leave, machine_pids, rackless, rewiring, timed
from warm import memory, planned, templates

from rackless import settings
from rackless.images import store
from rackless.model.plan import Plan
from rackless.providers.local.templates import Template
from rackless.qemu import process
from rackless.qemu.accelerator import Accelerator
from rackless.qemu.command import Virtualization

LAB = "many-bench"


def blueprint(machines: int) -> str:
    lines = [f"  h{number}: {{nics: 2, memory: 128M}}" for number in range(machines)]
    wires = [f"  - [h{number}:eth1, h{number + 1}:eth1]" for number in range(0, machines - 1, 2)]
    return "\n".join([f"name: {LAB}", "hosts:", *lines, "wires:", *wires, ""])


def killed(plan: Plan, images: Path, how: Virtualization, found: dict[str, Template]) -> float:
    """Seconds to end the same QEMUs, all at once, until none is there."""
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        pids = [start(spec, Path(folder, spec.name), images, how, found[spec.name]) for spec in plan.machines]

        async def end() -> None:
            ticks = [(pid, process.started(pid)) for pid in pids]
            await asyncio.gather(*(process.end(process.Found(pid=pid, started=at or 0, mark="")) for pid, at in ticks))

        return timed(lambda: asyncio.run(end()))


def measure(images: Path, file: Path, plan: Plan, tries: int) -> dict[str, float]:
    how = asyncio.run(Accelerator(images / ".accelerator.json").find(store.find(images, "reference").kernel)).how
    rackless("list")  # the server's own start is no part of it
    rackless("image", "warm", str(file))
    found = templates(plan)
    resumed, _ = asyncio.run(boot(plan, images, how, found))
    ended = killed(plan, images, how, found)
    up = timed(lambda: rackless("up", str(file)))
    private, proportional = memory(machine_pids(LAB, settings.load().run))
    rewired = rewiring(LAB, "h0:eth2", "h1:eth2", tries)
    down = timed(lambda: rackless("down", LAB))
    return {
        "machines": len(plan.machines),
        "up_ratio": up / resumed,
        "up_s": up,
        "bare_resume_s": resumed,
        "down_ratio": down / ended,
        "down_s": down,
        "bare_end_s": ended,
        **rewired.figures(),
        "private_mib": private,
        "proportional_mib": proportional,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--machines", type=int, default=20, help="how many (20)")
    parser.add_argument("--tries", type=int, default=20, help="how often to connect and disconnect (20)")
    given = parser.parse_args()
    text, images = blueprint(given.machines), settings.load().images
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        own = {"RACKLESS_STATE": f"{folder}/s", "RACKLESS_RUN": f"{folder}/r", "RACKLESS_IMAGES": str(images)}
        os.environ.update(own, RACKLESS_MANAGEMENT="forwarded", RACKLESS_WARM="yes")
        file = Path(folder, "many.yaml")
        file.write_text(text)
        try:
            found = measure(images, file, planned(text), given.tries)
        finally:
            leave(LAB)
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:24} {value:10.2f}\n")


if __name__ == "__main__":
    main()
