"""rackless-vmhost enroll, withdraw, serve: this host as a place of a site. Runs without a server of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

from rackless import observing
from rackless.model.errors import InputError, RacklessError
from rackless.model.places import HOST_PORT, VXLAN_PORT, ending
from rackless.settings import load

FAILED, WRONG = 1, 2


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enroll = commands.add_parser(
        "enroll",
        help="become a host of a site",
        description="Become a host of a site. Reads the token that `rackless host add NAME` printed from standard input, where "
        "no other user sees it. Example: rackless-vmhost enroll --listen 10.0.0.2 < token",
    )
    enroll.add_argument(
        "--listen", metavar="ADDRESS[:PORT]", required=True, help=f"where the server reaches it (port {HOST_PORT})"
    )
    enroll.add_argument(
        "--wires", metavar="ADDRESS[:PORT]", help=f"where it carries wires (UDP {VXLAN_PORT}); `none`: nowhere; else as --listen"
    )
    enroll.add_argument("--again", action="store_true", help="in place of the enrolment that there is")
    enroll.set_defaults(run=_enroll)
    withdraw = commands.add_parser(
        "withdraw", help="be a host of no site", description="Be a host of no site. Example: rackless-vmhost withdraw"
    )
    withdraw.set_defaults(run=_withdraw)
    serve = commands.add_parser(
        "serve", help="serve the site's server", description="Serve the site's server. Example: rackless-vmhost serve"
    )
    serve.set_defaults(run=_serve)


def _enroll(asked: argparse.Namespace) -> None:
    from rackless.providers.host.enrolment import read_token
    from rackless.vmhost.serving.enrolment import Enrolment

    settings = load()
    settings.make()
    listen = _ending("--listen", asked.listen, HOST_PORT)
    text = asked.wires or listen[0]
    wires = (
        None
        if text == "none"
        else _ending("--wires", f"[{text}]" if text.count(":") > 1 and "[" not in text else text, VXLAN_PORT)
    )
    if sys.stdin.isatty():
        print("Token: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    token = read_token(sys.stdin.readline())
    found = Enrolment(settings.state).enrol(token, listen, wires, again=asked.again)
    print(f"This host is {found.name}. `rackless-vmhost serve` (or the service) listens at {listen[0]} port {listen[1]}.")  # noqa: T201


def _ending(option: str, text: str, default: int) -> tuple[str, int]:
    try:
        return ending(text, default)
    except ValueError as error:
        raise InputError(f"{option} {text} is no IP address with a port.", hint="Write 10.0.0.2, or 10.0.0.2:9443.") from error


def _withdraw(asked: argparse.Namespace) -> None:
    from rackless.vmhost.serving.enrolment import Enrolment

    Enrolment(load().state).withdraw()
    print("This host is of no site.")  # noqa: T201


def _serve(asked: argparse.Namespace) -> None:
    from rackless.vmhost.serving.listening import serve

    settings = load()
    settings.make()
    os.umask(0o077)
    observing.set_up(file=settings.state / "vmhost.log")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

    async def run() -> None:
        task = asyncio.ensure_future(
            serve(
                settings,
                ready=lambda where: print(f"listening: {where}", flush=True),  # noqa: T201
                boot=os.environ.get("RACKLESS_TEST_BOOT", ""),
            )
        )
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    asyncio.run(run())


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="rackless-vmhost", description="This machine as a VM host.")
    add(parser.add_subparsers(required=True, metavar="COMMAND"))
    asked = parser.parse_args(words)
    try:
        asked.run(asked)
    except RacklessError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return WRONG if isinstance(error, InputError) else FAILED
    return 0
