"""`make bench`: what Rackless adds to the bare thing, measured in one run on the machine it runs on.

    cold deploy      `rackless up examples/back-to-back.yaml` from nothing to ready (bootstrap, SSH, ports, start-up
                     configuration, SNMP inventory, wires), against the time that the same six machines take to boot side
                     by side without it (bench/bare.py)
    rewiring         connect (until both guests have carrier, and until the answer) and disconnect at the API, medians
    teardown         `rackless down`, proved empty
    memory           proportional set size of each machine's QEMU, against the bare one's

Rounds alternate between the two sides, and every figure is the median of them: what others do on the machine meanwhile changes
either side by a third.

Targets: deploy ratio under 1.15; rewiring under 50 ms to carrier. Prints a table, or JSON with --json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bare import boot, resident

from rackless import blueprints, planning, settings
from rackless.client.api import Api
from rackless.images import store
from rackless.model.plan import Plan
from rackless.model.site import Site
from rackless.qemu.accelerator import Accelerator
from rackless.routers.families import FAMILIES

TOP = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """What is deployed, and two free ports of it."""

    name: str
    file: Path
    a: str
    b: str

    def plan(self) -> Plan:
        text = self.file.read_text()
        files = {name: (self.file.parent / name).read_text() for name in blueprints.references(text)}
        blueprint = blueprints.load(text, file=self.file.name, families=FAMILIES, files=files)
        return planning.plan(blueprint, Site(families=FAMILIES))


EXAMPLE = Lab(name="back-to-back", file=TOP / "examples/back-to-back.yaml", a="west:ge-0/0/1", b="east:ge-0/0/1")
"""Six machines."""
SHORT = Lab(name="two-hosts", file=TOP / "bench/two-hosts.yaml", a="a:eth2", b="b:eth2")
"""Two, for who wants to see it run."""


def timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def rackless(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "rackless.cli.main", *words], check=True, stdout=sys.stderr, cwd=TOP)


def leave(lab: str) -> None:
    """No machine stays, and no server, also where the bench was broken off."""
    words = [sys.executable, "-m", "rackless.cli.main", "down", lab]
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=TOP)
    rackless("stop")


def machine_pids(lab: str, run: Path) -> dict[str, int]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        name = next((word for word in words if word.startswith(f"guest={lab}.")), None)
        if name and any(str(run) in word for word in words):
            found[name.removeprefix(f"guest={lab}.").partition(",")[0]] = int(process.name)
    return found


@dataclass(frozen=True, kw_only=True)
class Rewired:
    """Seconds of each try, over one open connection to the API. `carrier`: of a connect, until both guests had been told of their
    carrier and that was written down; the others until the job's end was answered."""

    connect: list[float]
    carrier: list[float]
    disconnect: list[float]

    def figures(self) -> dict[str, float]:
        """Milliseconds."""
        found = {f"{name}_ms": statistics.median(values) * 1000 for name, values in vars(self).items()}
        return found | {f"{name}_worst_ms": max(values) * 1000 for name, values in vars(self).items()}


def rewiring(lab: str, a: str, b: str, tries: int) -> Rewired:
    found, pair = Rewired(connect=[], carrier=[], disconnect=[]), {"a": a, "b": b}
    with Api() as api:
        for _ in range(tries):
            began, clock = time.monotonic(), time.time()
            job = api.ask("POST", f"/labs/{lab}/wires", body=pair, wait=30)["job"]
            found.connect.append(time.monotonic() - began)
            done = next(each for each in api.lines("GET", f"/jobs/{job}/events") if each["kind"] == "done")
            found.carrier.append(done["time"] - clock)
            found.disconnect.append(timed(lambda: api.ask("DELETE", f"/labs/{lab}/wires", query=pair, wait=30)))
    return found


def measure(images: Path, lab: Lab, tries: int, rounds: int) -> dict[str, float]:
    rackless("list")  # the server's own start is no part of a deployment
    found = [measured(images, lab, tries) for _ in range(rounds)]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def measured(images: Path, lab: Lab, tries: int) -> dict[str, float]:
    """One round."""
    how = asyncio.run(Accelerator(images / ".accelerator.json").find(store.find(images, "reference").kernel)).how
    print(f"bare: {len(lab.plan().machines)} machines side by side ({how.name}) ...", file=sys.stderr)
    bare, bare_memory = asyncio.run(boot(lab.plan(), images, how))
    print(f"bare: {bare:.1f} s; now rackless up ...", file=sys.stderr)
    cold = timed(lambda: rackless("up", str(lab.file)))
    pids = machine_pids(lab.name, settings.load().run)
    memory = {name: resident(pid) for name, pid in pids.items()}
    rewired = rewiring(lab.name, lab.a, lab.b, tries)
    down = timed(lambda: rackless("down", lab.name))
    mib = 1024 * len(memory)
    return {
        "bare_boot_s": bare,
        "cold_deploy_s": cold,
        "deploy_ratio": cold / bare,
        **rewired.figures(),
        "teardown_s": down,
        "memory_per_machine_mib": sum(memory.values()) / mib,
        "memory_ratio": sum(memory.values()) / sum(bare_memory.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--tries", type=int, default=20, help="how often to connect and disconnect (20)")
    parser.add_argument("--short", action="store_true", help="with two hosts, instead of two routers of two cards each")
    parser.add_argument("--rounds", type=int, default=3, help="how often all of it (3)")
    given = parser.parse_args()
    images = settings.load().images
    with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp") as folder:
        own = {"RACKLESS_STATE": f"{folder}/s", "RACKLESS_RUN": f"{folder}/r", "RACKLESS_IMAGES": str(images)}
        # Forwarded ports on both sides: the bare machines have them too, and a bench changes no network of this machine.
        os.environ.update(own, RACKLESS_MANAGEMENT="forwarded")
        lab = SHORT if given.short else EXAMPLE
        try:
            found = measure(images, lab, given.tries, given.rounds)
        finally:
            leave(lab.name)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:24} {value:10.2f}")


if __name__ == "__main__":
    main()
