"""`rackless-vmhost`: the agent of a VM host. An appliance has it as a service; any Debian host with QEMU can run it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import logging
import signal
import sys
from pathlib import Path

from rackless.model.errors import BlueprintErrors, RacklessError
from rackless.vmhost import configuration
from rackless.vmhost.configuration import FILE, IMAGES, Configuration

FAILED, WRONG = 1, 2
EXAMPLE = """\
Example of a configuration (/etc/rackless/vmhost.yaml):

  guests:
    - name: vrouter
      administrative: true       # looks after this host from its own command line
      memory: 512
      images:
        current: /var/lib/rackless/images/reference/current
        alternate: /srv/images/reference-1.0
      nics:
        - bridge: br0
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="rackless-vmhost", description="The agent of a VM host.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    layout = argparse.RawDescriptionHelpFormatter
    run = commands.add_parser(
        "run",
        help="run the guests",
        description="Run the guests, and look after them until stopped; they run on then.\n\n"
        "Example: rackless-vmhost run --configuration /etc/rackless/vmhost.yaml",
        formatter_class=layout,
    )
    check = commands.add_parser(
        "check",
        help="check the configuration",
        description=f"Check the configuration, and say what it comes to.\n\nExample: rackless-vmhost check\n\n{EXAMPLE}",
        formatter_class=layout,
    )
    for command, does in ((run, _run), (check, _check)):
        command.add_argument("--configuration", metavar="FILE", type=Path, default=FILE, help=f"another file than {FILE}")
        command.set_defaults(run=does)
    if importlib.util.find_spec("rackless.vmhost.serving") is not None:
        importlib.import_module("rackless.vmhost.serving.program").add(commands)
    asked = parser.parse_args()
    try:
        asked.run(asked)
    except BlueprintErrors as error:
        sys.exit(_told("\n".join(map(str, error.problems)), WRONG))
    except RacklessError as error:
        sys.exit(_told(str(error), WRONG if error.status == 422 else FAILED))


def _told(text: str, status: int) -> int:
    sys.stderr.write(f"{text}\n")
    return status


def _check(asked: argparse.Namespace) -> None:
    wanted = configuration.load(asked.configuration)
    names = {slot: name for name, slot in IMAGES.items()}
    lines = [f"{asked.configuration} is right. State in {wanted.state}, sockets in {wanted.run}."]
    for guest in wanted.guests:
        role = ", administrative" if guest.administrative else ""
        lines.append(f"Guest {guest.name}{role}: {guest.processors} processors, {guest.memory} MiB, {len(guest.nics)} NICs.")
        lines += [f"  {names[slot]}: {path}{'' if path.exists() else ' (not there)'}" for slot, path in guest.images.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def _run(asked: argparse.Namespace) -> None:
    wanted = configuration.load(asked.configuration)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    for noisy in ("qemu.qmp", "asyncio", "uvicorn", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    asyncio.run(_until_told(wanted))


async def _until_told(wanted: Configuration) -> None:
    from rackless.vmhost.running_host import RunningHost  # with all that it imports; `check` is asked by people

    task = asyncio.create_task(RunningHost(wanted).run())
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    main()
