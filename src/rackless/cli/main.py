"""The `rackless` command."""

from __future__ import annotations

import copy
import os
import sys
from typing import Annotated

import typer

from rackless.cli import (
    appliance,
    apply,
    audit,
    backup,
    blueprint,
    console,
    credentials,
    doctor,
    exchange,
    fabric,
    fabric_monitor,
    hosts,
    images,
    jobs,
    labs,
    locks,
    login,
    machines,
    move,
    people,
    plan,
    quotas,
    routers,
    server,
    sessions,
    sites,
    snapshots,
    times,
    vmhost,
    wires,
)
from rackless.cli.output import INTERRUPTED, complain, tell
from rackless.model.errors import InputError, ProviderError, RacklessError

app = typer.Typer(
    name="rackless",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


HERE = frozenset({"serve", "restore", "move", "vmhost"})
"""Commands that work on this machine's own files. Others that can't go elsewhere ask the client, and it says so."""


@app.callback()
def everywhere(
    context: typer.Context,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Another machine's server; `local` is this one's.", envvar="RACKLESS_URL"),
    ] = None,
) -> None:
    """Labs of multi-VM virtual routers, from one file."""
    if server and server != "local" and context.invoked_subcommand in HERE:
        about = "this machine itself" if context.invoked_subcommand == "vmhost" else "the server of this machine"
        raise InputError(
            f"`rackless {context.invoked_subcommand}` is about {about}, and {server} is another.",
            hint="Run it on that machine, or with `--server local`.",
        )
    if server:
        os.environ["RACKLESS_URL"] = server  # where the client looks, in whatever command


for noun in (
    plan,
    labs,
    locks,
    apply,
    blueprint,
    times,
    wires,
    machines,
    move,
    console,
    routers,
    jobs,
    credentials,
    exchange,
    doctor,
    sites,
    hosts,
    fabric,
    audit,
    images,
    snapshots,
    appliance,
    people,
    login,
    sessions,
    quotas,
    server,
    backup,
    vmhost,
    fabric_monitor,
):
    noun.add(app)


def narrowed(whole: typer.Typer, words: list[str]) -> typer.Typer:
    """What `words` ask for, alone: each command that is there costs a millisecond or two. The whole, where that is not clear."""
    rest = iter(words)
    asked = ""
    for word in rest:
        if word == "--server":
            next(rest, None)
        elif not word.startswith("-"):
            asked = word
            break
    commands = [each for each in whole.registered_commands if asked == (each.name or getattr(each.callback, "__name__", ""))]
    groups = [each for each in whole.registered_groups if each.name == asked]
    if len(commands) + len(groups) != 1:
        return whole
    only = copy.copy(whole)
    only.registered_commands, only.registered_groups = commands, groups
    return only


def main() -> None:
    """Run the command; errors of ours become a sentence, a hint and an exit code."""
    _open_streams()
    # httpx has a command of its own, with rich and pygments: 60 ms for nothing. It does without where that is not there.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    try:
        try:
            narrowed(app, sys.argv[1:])()
        finally:
            sys.stdout.flush()
    except RacklessError as error:
        sys.exit(complain(error, in_json="--json" in sys.argv))
    except KeyboardInterrupt:
        tell("Interrupted.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _discard_output()  # the reader went (`| head`): not an error
        sys.exit(0)
    except OSError as error:
        _discard_output()
        what = error.filename or "The output"
        sys.exit(
            complain(ProviderError(f"{what} cannot be written or read: {error.strerror}.", hint="Is there room on the disk?"))
        )


def _open_streams() -> None:
    """A stream that the caller closed (`>&-`) leads nowhere; else the next file that is opened would take its place."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")
    if sys.stdin is None:
        sys.stdin = os.fdopen(0)


def _discard_output() -> None:
    """Python would complain again when it writes out the rest at its own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
