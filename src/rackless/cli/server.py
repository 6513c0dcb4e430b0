"""rackless serve, web, stop."""

from __future__ import annotations

import webbrowser
from typing import Annotated, Any

import typer

from rackless.cli.options import InJson
from rackless.cli.output import as_json, say, tell
from rackless.model.errors import InputError


def serve(
    tcp: Annotated[
        str | None,
        typer.Option("--tcp", metavar="[HOST:]PORT", help="Listen there too, with TLS; HOST is 127.0.0.1.", show_default=False),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Without TLS; on the loopback address only.")] = False,
    certificate: Annotated[
        str | None, typer.Option("--certificate", metavar="FILE", help="PEM; without one, a self-signed one.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="The certificate's key, PEM.", show_default=False)
    ] = None,
    clients: Annotated[
        str | None,
        typer.Option(
            "--clients",
            metavar="FILE",
            help="PEM of an authority: only load balancers with its certificates may connect; they tell who asks.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the server in the foreground. Other commands start it by themselves. SIGHUP reads the certificate anew.

    Example: rackless serve --tcp 0.0.0.0:8443 --certificate lab.pem --key lab.key
    """
    # The one command that is the server; loaded by name, because the command line imports nothing of it.
    from rackless.cli.loading import loaded

    loaded("rackless.daemons").serve(tcp=tcp, plain=plain, certificate=certificate, key=key, clients=clients)


def web(
    port: Annotated[int, typer.Option("--port", help="TCP port on 127.0.0.1; 0 for the last one, or any.", min=0, max=65535)] = 0,
    plain: Annotated[
        bool, typer.Option("--plain", help="Without TLS: no warning of a certificate, nothing secret either.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")] = False,
    in_json: InJson = False,
) -> None:
    """Print the address of the web page; of this machine's server with a ticket that logs in once within a minute.

    Example: rackless web --open
    """
    from rackless.client.api import Api
    from rackless.client.places import Remote

    with Api() as api:
        if isinstance(api.place, Remote):
            if port or plain:
                raise InputError(f"{api.place.base} is there already.", hint="--port and --plain are for this machine's server.")
            found: Any = {"url": f"{api.place.base}/", "fingerprint": "", "expires": None}  # a token makes no ticket
        else:
            found = api.ask("POST", "/server/ports", body={"port": port, "plain": plain})
            ticket = api.ask("POST", "/session/tickets")
            found |= {"url": f"{found['url']}#ticket={ticket['ticket']}", "expires": ticket["expires"]}
    url = found["url"]
    if in_json:
        as_json({key: found[key] for key in ("url", "fingerprint", "expires")})
    else:
        say(url)
        if found["fingerprint"]:
            tell(f"Its certificate is the server's own; SHA-256 {found['fingerprint']}")
    if open_ and not webbrowser.open(url):
        tell("No browser was found here; open the address yourself.")


def stop(in_json: InJson = False) -> None:
    """End the server. Machines go on running; jobs go on when it is started again.

    Example: rackless stop
    """
    from rackless.client.api import Api
    from rackless.client.matching import await_end

    api = Api(start=False)
    settings = api.settings
    with api:
        pid = api.ask("GET", "/server").get("pid")
        found = api.ask("POST", "/server/stop")
        await_end(settings, pid)
    if in_json:
        as_json({"stopped": True, "jobs": found["jobs"]})
    else:
        count = len(found["jobs"])
        left = f" {count} {'job goes' if count == 1 else 'jobs go'} on when it is started again." if count else ""
        say(f"The server has ended.{left}")


def add(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(web)
    app.command()(stop)
