"""rackless login, logout: servers of other machines."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackless.cli.options import InJson, span
from rackless.cli.output import as_json, say, tell
from rackless.model.errors import InputError, RacklessError

if TYPE_CHECKING:
    from rackless.client.api import Api
    from rackless.client.kept import Login

Url = Annotated[str, typer.Argument(metavar="URL", help="https://HOST:PORT of the server.", show_default=False)]


def login(
    url: Url,
    user: Annotated[
        str | None, typer.Option("--user", "-l", metavar="USER", help="Who you are there.", show_default=False)
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option("--token-file", metavar="FILE", help="Keep this token instead; - is standard input.", show_default=False),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Log in on the server's page: by OpenID, or as you are logged in there already.")
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="CA of its certificate, if this machine doesn't trust it.", show_default=False),
    ] = None,
    length: Annotated[str, typer.Option("--for", help="How long the token is good that this login makes.")] = "30d",
    in_json: InJson = False,
) -> None:
    """Log in to the server of another machine: from then on commands go there. `--server local` still means this one's.

    With a password (asked for, or a line of standard input) a token is made there and kept; the password is not. With --web the
    page asks you there instead, in a browser of this machine or of any other.

    Example: rackless login https://labs.example.net:8443 --user una
    Example: rackless login https://labs.example.net:8443 --web
    Example: rackless login https://labs.example.net:8443 --token-file token
    """
    if web and (user is not None or token_file is not None):
        raise InputError("With --web the page knows who you are.", hint="Leave --user and --token-file out.")
    from rackless.client import kept
    from rackless.client.places import address
    from rackless.client.tokens import make_token

    base = address(url)
    found = str(ca.absolute()) if ca else kept.read(kept.path(os.environ)).servers.get(base, kept.Login()).ca
    if token_file is not None:
        made = kept.Login(token=_token(token_file), ca=found)
    else:
        proof = _by_browser(base) if web else _by_password(user or typer.prompt("User"))
        made = make_token(base, found, proof, label=f"login-{socket.gethostname()}"[:64], seconds=span(length))
    from rackless.client.api import Api

    with Api(url=base, token=made.token, ca=made.ca) as api:
        who = api.people.whoami()
    file = kept.path(os.environ)
    before = kept.read(file)
    login = kept.Login(token=made.token, ca=made.ca, label=made.label, user=who.name)
    kept.write(file, kept.Kept(default=base, servers={**before.servers, base: login}))
    if in_json:
        as_json({"url": base, "user": who.name, "role": who.role})
    else:
        say(f"Logged in to {base} as {who.name} ({who.role}). Commands go there now; `rackless logout` ends it.")


def _token(file: str) -> str:
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"The token file {file} cannot be read: {reason}.") from error
    if not text.strip():
        raise InputError("There is no token in it.", hint="`rackless token add USER LABEL` on the server makes one.")
    return text.strip()


def _by_password(user: str) -> dict[str, str]:
    password = typer.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    return {"user": user, "password": password}


def _by_browser(base: str) -> dict[str, str]:
    from rackless.client.browser import ticket_by_browser

    paste = sys.stdin.isatty()

    def show(address: str) -> None:
        tell(f"Open this page, and allow it there:\n\n    {address}\n")
        if paste:
            tell("If the browser is on another machine, paste here the address at which it ends.")

    return {"ticket": ticket_by_browser(base, show, paste=paste)}


def logout(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Which server; none: the one in use.", show_default=False)
    ] = None,
    in_json: InJson = False,
) -> None:
    """Forget a server, and end the token that `rackless login` made there.

    Example: rackless logout
    """
    from rackless.client import kept
    from rackless.client.api import Api
    from rackless.client.places import address

    file = kept.path(os.environ)
    before = kept.read(file)
    base = address(url) if url else before.default
    found = before.servers.get(base)
    if found is None:
        raise InputError(f"You are not logged in to {base or 'any server'}.", hint="`rackless login URL` logs in.")
    if found.label:
        with Api(url=base, token=found.token, ca=found.ca) as api:
            _revoke(api, found)
    left = {url: login for url, login in before.servers.items() if url != base}
    kept.write(file, kept.Kept(default="" if before.default == base else before.default, servers=left))
    as_json({"url": base}) if in_json else say(f"Logged out of {base}.")


def _revoke(api: Api, found: Login) -> None:
    """What can't be revoked is told, and forgotten all the same: the file must not keep it."""
    try:
        api.people.revoke_token(found.user, found.label)
    except RacklessError as error:
        tell(f"The token {found.label} of {found.user} was not revoked: {error.message}")


def add(app: typer.Typer) -> None:
    app.command()(login)
    app.command()(logout)
