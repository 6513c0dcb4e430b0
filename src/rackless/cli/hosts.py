"""rackless host: add, list, remove; rackless evacuate."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson
from rackless.cli.output import FAILED, as_json, say, table

host_app = typer.Typer(help="VM hosts of this site. Example: rackless host add alpha", no_args_is_help=True)

Host = Annotated[str, typer.Argument(metavar="NAME", help="Name of the host, as site.yaml has it.", show_default=False)]


@host_app.command("add")
def invite(
    name: Host,
    url: Annotated[str, typer.Option("--url", help="Where the host reaches this server, if behind a proxy.")] = "",
    in_json: InJson = False,
) -> None:
    """Print a token with which a machine becomes this host of the site. It is good once, for 15 minutes.

    Example: rackless host add alpha
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", f"/vm-hosts/{name}/token", body={"url": url})
    if in_json:
        as_json(found)
        return
    say(f"Run this there as root, and give it the token below: {found['command']}")
    say("Then let `rackless-vmhost serve` run, as a service.")
    say(found["token"])


@host_app.command("list")
def list_hosts(in_json: InJson = False) -> None:
    """List the VM hosts: whether they answer, and which labs have something there.

    Example: rackless host list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/vm-hosts")
    if in_json:
        as_json(found)
        return
    rows = [[one["name"], one["address"], one["group"], one["state"], ", ".join(one["labs"])] for one in found]
    table(["host", "address", "group", "state", "labs"], rows)


@host_app.command()
def remove(
    name: Host,
    force: Annotated[bool, typer.Option("--force", help="Also while labs have something there.")] = False,
    in_json: InJson = False,
) -> None:
    """End the enrolment of a host: its certificate is good no more, and it serves nobody.

    Example: rackless host remove alpha
    """
    from rackless.client.api import Api

    with Api() as api:
        api.ask("DELETE", f"/vm-hosts/{name}", query={"force": force})
    if in_json:
        as_json({"name": name})
    else:
        say(f"{name} is no host of this site any more.")


def evacuate(name: Host, in_json: InJson = False) -> None:
    """Make all that labs have at a host anew at the others of its group. A host that does not answer is given up.

    Example: rackless evacuate alpha
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", f"/vm-hosts/{name}/evacuate")
        for one in found:
            if not in_json:
                say(f"Lab {one['lab']}: {', '.join(one['owners'])}: {one['why'] or 'made anew elsewhere'}")
            if one["job"] and not in_json:
                follow(api, one["job"])
    if in_json:
        as_json(found)
    elif not found:
        say(f"No lab has anything at {name}.")
    if any(one["why"] for one in found):
        raise typer.Exit(FAILED)


def add(app: typer.Typer) -> None:
    app.add_typer(host_app, name="host")
    app.command()(evacuate)
