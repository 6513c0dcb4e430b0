"""rackless fabric: this machine as a node of a fabric. The words go to the program of the node (rackless.fabric.program),
which works on this machine itself: a fabric has to be looked after while it has no server."""

from __future__ import annotations

import os
import sys

import typer

from rackless.model.errors import InputError

fabric_app = typer.Typer(
    help="Several nodes, one web address. Example: rackless fabric init --address 10.0.0.11", no_args_is_help=True
)

VERBS = {
    "init": "Begin a fabric with this machine as its first node.",
    "add": "Let another machine join: print a token, good once and for 15 minutes.",
    "join": "Become a node of a fabric; the token comes by standard input.",
    "remove": "Take a node out of the fabric, alive or not.",
    "status": "Show who is a node, and does what.",
    "switchover": "Let another node have the primary database.",
    "upgrade": "Bring every node to a release, one after the other.",
    "takeover": "Of two nodes without a third: be the fabric, because the other is off.",
    "maintenance": "Let a node serve nobody, or again.",
    "restore": "Put a backup into the fabric's database.",
    "forget": "Be a node no more: for one that was removed, or a copy of one.",
    "adopt": "Take this machine's new hardware for the node's own.",
}
PASSED = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _passes(verb: str, does: str) -> None:
    @fabric_app.command(verb, help=does, context_settings=PASSED, add_help_option=False)
    def run(context: typer.Context) -> None:
        server = os.environ.get("RACKLESS_URL", "local")
        if server != "local":
            raise InputError(
                f"`rackless fabric {verb}` is about this machine itself, and {server} is another.",
                hint="Run it on that machine, or with `--server local`.",
            )
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "rackless.fabric", verb, *context.args])  # noqa: S606


for _verb, _does in VERBS.items():
    _passes(_verb, _does)


def add(app: typer.Typer) -> None:
    app.add_typer(fabric_app, name="fabric")
