"""`make bench-peers`: the same machines, from the same image, joined in a chain, by four means, one after the other in one run.

    bare QEMU    bench/bare.py's, side by side, plugged into their wires by hand
    Rackless     `rackless up --cold`, its API, `rackless down`
    libvirt      a daemon of its own and `virsh`: unprivileged, wires over UDP; and privileged, wires of bridges (as root only)
    GNS3         a server of its own, its REST API; its links need uBridge, which Debian 12 has not

    ready        from nothing to all guests having said so on their host channel; servers run before, and have the image
    connect      a wire between two free ports of running machines, and away again; medians
    memory       of each machine's QEMU, and of all other processes of the same means; proportional set sizes
    end          to nothing left

`packaging/setup.sh --peers` installs libvirt and GNS3; who is not there is left out, and the reason said. Prints a table, or JSON
with --json. It asserts no time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import peer_gns3
import peer_libvirt
from libvirt_grounds import Session, System
from peer import Peer, Refused, Task, Watch, carries, memory
from peer_own import Bare, Rackless
from warm import planned

from rackless import settings
from rackless.images import store
from rackless.model.errors import RacklessError
from rackless.model.plan import PortRef
from rackless.qemu.accelerator import Accelerator

LAB = "peers-bench"
ROWS = {
    "ready_s": "ready, s",
    "connect_ms": "connect, ms",
    "disconnect_ms": "disconnect, ms",
    "end_s": "end, s",
    "machine_mib": "memory of a machine's QEMU, MiB",
    "other_mib": "memory of everything else, MiB",
}
SAID = ("wires_carry", "new_wire_carries")


def blueprint(machines: int) -> str:
    lines = [f"  h{number}: {{nics: 2, memory: 128M}}" for number in range(machines)]
    wires = [f"  - [h{number}:eth2, h{number + 1}:eth1]" for number in range(machines - 1)]
    return "\n".join([f"name: {LAB}", "hosts:", *lines, "wires:", *wires, ""])


def peers(text: str) -> dict[str, tuple[str, Callable[[Task], Peer]]]:
    """By name: why it can't be here, and how it is made."""
    return {
        "bare": ("", Bare),
        "rackless": ("", lambda task: Rackless(task, text)),
        "libvirt-udp": (peer_libvirt.missing(), lambda task: peer_libvirt.Libvirt(task, Session(task))),
        "libvirt-bridges": (peer_libvirt.missing(root=True), lambda task: peer_libvirt.Libvirt(task, System(task))),
        "gns3": (peer_gns3.missing(), peer_gns3.Gns3),
    }


async def rewiring(peer: Peer, task: Task, tries: int) -> dict[str, Any]:
    joined, parted, carried = [], [], []
    try:
        for number in range(tries):
            with Watch() as watch:
                await peer.join()
            joined.append(watch.seconds * 1000)
            if number == 0:
                carried.append(await carries(task, task.free, "198.51.100"))
            with Watch() as watch:
                await peer.part()
            parted.append(watch.seconds * 1000)
    except (Refused, RacklessError) as refused:
        peer.notes.refused["rewiring"] = str(refused)
        return {}
    return {"connect_ms": statistics.median(joined), "disconnect_ms": statistics.median(parted), "new_wire_carries": all(carried)}


async def measure(peer: Peer, task: Task, tries: int) -> dict[str, Any]:
    machines = len(task.plan.machines)
    before = os.getloadavg()[0]
    try:
        await peer.begin()
        with Watch() as ready:
            await peer.deploy()
        each, rest = memory(task.top, machines)
        carried = await carries(task, task.wires()[0], "192.0.2")
        moved = await rewiring(peer, task, tries)
        with Watch() as ended:
            await peer.end()
    finally:
        await peer.close()
    found = {
        "title": peer.title,
        "ready_s": ready.seconds,
        **moved,
        "end_s": ended.seconds,
        "machine_mib": each,
        "other_mib": rest,
    }
    return found | {"wires_carry": carried, "load_before": before, "refused": peer.notes.refused}


async def run(machines: int, tries: int, rounds: int, wanted: list[str]) -> dict[str, Any]:
    text, images = blueprint(machines), settings.load().images
    absent = {name: why for name, (why, _) in peers(text).items() if why and name in wanted}
    makers = {name: make for name, (why, make) in peers(text).items() if not why and name in wanted}
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in makers}
    # Whoever ends the bench leaves nothing either.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cast("asyncio.Task[Any]", asyncio.current_task()).cancel)
    for _ in range(rounds):
        for name, make in makers.items():
            with tempfile.TemporaryDirectory(prefix="rlb", dir="/tmp", ignore_cleanup_errors=True) as folder:
                task = await given_task(text, images, Path(folder))
                sys.stderr.write(f"{name}: {machines} machines ({task.how.name}) ...\n")
                taken[name].append(await measure(make(task), task, tries))
    found = {name: together(each) for name, each in taken.items()}
    bare = found.get("bare", {})
    for each in found.values():
        each["ratios"] = {key: each[key] / bare[key] for key in ROWS if key in each and bare.get(key)}
    return {"machines": machines, "rounds": rounds, "peers": found, "absent": absent}


async def given_task(text: str, images: Path, folder: Path) -> Task:
    plan, image = planned(text), store.find(images, "reference")
    ends = (
        PortRef(sandbox=LAB, machine=plan.machines[0].name, nic=1),
        PortRef(sandbox=LAB, machine=plan.machines[-1].name, nic=2),
    )
    # Rackless keeps there what the host can do, and so has nothing to find out while it is measured.
    accelerator = Accelerator(folder / "s/accelerator.json", os.environ.get("RACKLESS_ACCELERATOR", "auto"))
    how = (await accelerator.find(image.kernel)).how
    return Task(plan=plan, images=images, image=image, how=how, top=folder, free=ends)


def together(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of several rounds; of what is no figure, the last word."""
    medians = {key: statistics.median(each[key] for each in rounds if key in each) for key in ROWS if key in rounds[-1]}
    return (
        rounds[-1] | medians | {key: all(each[key] for each in rounds) for key in SAID if key in rounds[-1]} | {"rounds": rounds}
    )


def table(found: dict[str, Any]) -> str:
    """As docs/reference/benchmarks.md has it: the figure, and its ratio to the bare one."""
    columns = list(found["peers"].values())
    rounds = f", medians of {found['rounds']} rounds" if found["rounds"] > 1 else ""
    lines = [f"| {found['machines']} machines{rounds} | " + " | ".join(each["title"] for each in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for key, title in ROWS.items():
        cells = [_cell(each, key) for each in columns]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines.append("| wires carry frames | " + " | ".join(_said(each, "wires_carry") for each in columns) + " |")
    lines.append("| a new wire carries frames | " + " | ".join(_said(each, "new_wire_carries") for each in columns) + " |")
    lines.append("| load before | " + " | ".join(_loads(each) for each in columns) + " |")
    said = [f"{each['title']}, {what}: {why}" for each in columns for what, why in each["refused"].items()]
    said += [f"{name}: {why}" for name, why in found["absent"].items()]
    return "\n".join([*lines, *(["", *said] if said else [])])


def _said(figures: dict[str, Any], key: str) -> str:
    return {True: "yes", False: "**no**", None: "refused"}[figures.get(key)]


def _loads(figures: dict[str, Any]) -> str:
    return " ".join(f"{each['load_before']:.1f}" for each in figures["rounds"])


def _cell(figures: dict[str, Any], key: str) -> str:
    if key not in figures:
        return "refused"
    value = (
        f"{figures[key]:.2f}" if figures[key] < 10 else f"{figures[key]:.0f}" if figures[key] >= 100 else f"{figures[key]:.1f}"
    )
    ratio = figures["ratios"].get(key)
    return f"{value} ({ratio:.2f})" if ratio else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--machines", type=int, default=6, help="how many (6; at least 2)")
    parser.add_argument("--tries", type=int, default=20, help="how often to connect and disconnect (20)")
    parser.add_argument("--rounds", type=int, default=1, help="how often all of it, one after the other (1); medians")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of bare, rackless, libvirt-udp, libvirt-bridges, gns3")
    given = parser.parse_args()
    if given.machines < 2:
        parser.error("--machines has to be 2 or more")
    try:
        found = asyncio.run(run(given.machines, given.tries, given.rounds, given.only or list(peers(""))))
    except asyncio.CancelledError:
        sys.exit("Ended before its end; nothing is left.")
    sys.stdout.write((json.dumps(found, indent=2) if given.json else table(found)) + "\n")


if __name__ == "__main__":
    main()
