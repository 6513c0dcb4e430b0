"""`vmhost-appliance`: a host's sets and disks seen and changed from its own console, when its agent does not run."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rackless.model.errors import RacklessError
from rackless.vmhost.linux.appliance import Appliance


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


async def show(appliance: Appliance) -> None:
    state = await appliance.state()
    found = {}
    for name in ("1a", "1b", "2a", "2b"):
        seal = appliance.seal(name)
        found[name] = seal.version if seal else None
    values = {
        "running": appliance.running,
        "why": appliance.why,
        "state": asdict(state),
        "order": state.order(),
        "sets": found,
        "early": appliance.early(),
    }
    sys.stdout.write(json.dumps(values, indent=1) + "\n")


async def act(appliance: Appliance, words: argparse.Namespace) -> None:
    match words.verb:
        case "install":
            await appliance.install(words.file, say=_say)
        case "snapshot":
            await appliance.snapshot(partition=words.partition, say=_say)
        case "rollback":
            await appliance.roll_back()
        case "confirm":
            await appliance.confirm()
        case "fail":
            await appliance.fail(words.set)
        case "boot-once":
            await appliance.boot_once(words.set)
    await show(appliance)


def main() -> int:
    parser = argparse.ArgumentParser(prog="vmhost-appliance", description="Sets and disks of this VM host.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("show", help="sets, disks and what is booted next, in JSON")
    verbs.add_parser("install", help="a bundle into the alternate set").add_argument("file", type=Path)
    verbs.add_parser("snapshot", help="the running set onto the backup disk").add_argument("--partition", action="store_true")
    verbs.add_parser("rollback", help="the alternate set is booted next")
    verbs.add_parser("confirm", help="the running set is healthy")
    for verb, text in (("fail", "a set is given up"), ("boot-once", "a set for the next start only")):
        verbs.add_parser(verb, help=text).add_argument("set", metavar="SET", help="1a, 1b, 2a or 2b")
    try:
        asyncio.run(act(Appliance.here(), parser.parse_args()))
    except (RacklessError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
