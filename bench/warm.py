"""`python bench/warm.py`: what a warm start gives, against the bare thing, in one run on the machine it runs on.

    cold deploy      `rackless up --cold` from nothing to ready, against the same machines booted side by side (bench/bare.py)
    templates        `rackless image warm`: what one machine of each kind costs, once
    warm deploy      `rackless up` from those templates, against the same machines resumed from them side by side without it:
                     overlay, QEMU, state, `cont`, identity, daemons ready, ports shown
    memory           private and proportional MiB of each machine's QEMU, booted and from a template

Prints ratios with the seconds they are of, or JSON with --json. It asserts no time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bare import boot
from run import leave, machine_pids, rackless, timed

from rackless import blueprints, planning, settings
from rackless.images import store
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.providers.local.layout import Layout
from rackless.providers.local.templates import Shelf, Template
from rackless.qemu.accelerator import Accelerator
from rackless.routers.families import FAMILIES

LAB = "warm-bench"
HOST = f"name: {LAB}\nhosts:\n  h0: {{nics: 1, memory: 128M}}\n"


def blueprint(routers: int, cards: int) -> str:
    lines = [f"  r{number}: {{cards: {cards}, ports_per_card: 2}}" for number in range(routers)]
    return "\n".join([f"name: {LAB}", "routers:", *lines, ""])


def planned(text: str) -> Plan:
    found = blueprints.load(text, file="warm.yaml", families=FAMILIES, files={})
    return planning.plan(found, Site(families=FAMILIES))


def memory(pids: dict[str, int]) -> tuple[float, float]:
    """Median MiB that only this process has, and that it has with shared pages counted once between those that share them."""
    private, proportional = [], []
    for pid in pids.values():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
        private.append((values["Private_Clean"] + values["Private_Dirty"]) / 1024)
        proportional.append(values["Pss"] / 1024)
    return statistics.median(private), statistics.median(proportional)


def templates(plan: Plan) -> dict[str, Template]:
    """By role, what `rackless image warm` has made."""
    found = {item.template.kind.role: item.template for item in Shelf(Layout(settings.load()), most=0).items() if item.template}
    return {spec.name: found[spec.role.value] for spec in plan.machines}


def deploy(file: Path, *more: str) -> tuple[float, tuple[float, float]]:
    seconds = timed(lambda: rackless("up", str(file), *more))
    used = memory(machine_pids(LAB, settings.load().run))
    rackless("down", LAB)
    return seconds, used


def measure(images: Path, file: Path, plan: Plan) -> dict[str, float]:
    how = asyncio.run(Accelerator(images / ".accelerator.json").find(store.find(images, "reference").kernel)).how
    rackless("list")  # the server's own start is no part of a deployment
    bare, _ = asyncio.run(boot(plan, images, how))
    cold, cold_memory = deploy(file, "--cold")
    making = timed(lambda: rackless("image", "warm", str(file)))
    resumed, _ = asyncio.run(boot(plan, images, how, templates(plan)))
    warm, warm_memory = deploy(file)
    return {
        "cold_ratio": cold / bare,
        "warm_ratio": warm / resumed,
        "warm_of_cold": warm / cold,
        "resume_of_boot": resumed / bare,
        "bare_boot_s": bare,
        "cold_deploy_s": cold,
        "templates_s": making,
        "bare_resume_s": resumed,
        "warm_deploy_s": warm,
        "cold_private_mib": cold_memory[0],
        "cold_proportional_mib": cold_memory[1],
        "warm_private_mib": warm_memory[0],
        "warm_proportional_mib": warm_memory[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--routers", type=int, default=1, help="how many routers (1)")
    parser.add_argument("--cards", type=int, default=1, help="cards of each (1)")
    parser.add_argument("--host", action="store_true", help="one host instead, for who wants to see it run")
    given = parser.parse_args()
    text = HOST if given.host else blueprint(given.routers, given.cards)
    images = settings.load().images
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        own = {"RACKLESS_STATE": f"{folder}/s", "RACKLESS_RUN": f"{folder}/r", "RACKLESS_IMAGES": str(images)}
        os.environ.update(own, RACKLESS_MANAGEMENT="forwarded", RACKLESS_WARM="yes")
        file = Path(folder, "warm.yaml")
        file.write_text(text)
        try:
            found = measure(images, file, planned(text))
        finally:
            leave(LAB)
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:24} {value:10.2f}\n")


if __name__ == "__main__":
    main()
