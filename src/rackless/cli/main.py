"""The `rackless` command."""

from __future__ import annotations

import os
import sys

import typer

from rackless.cli import console, credentials, doctor, images, jobs, labs, machines, plan, routers, server, wires
from rackless.cli.output import INTERRUPTED, complain, tell
from rackless.model.errors import RacklessError

app = typer.Typer(
    name="rackless",
    help="Labs of multi-VM virtual routers, from one file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for noun in (plan, labs, wires, machines, console, routers, jobs, credentials, doctor, images, server):
    noun.add(app)


def main() -> None:
    """Run the command; errors of ours become a sentence, a hint and an exit code."""
    try:
        app()
    except RacklessError as error:
        sys.exit(complain(error, in_json="--json" in sys.argv))
    except KeyboardInterrupt:
        tell("Interrupted.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader went (`| head`): not an error, but Python would complain again at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
