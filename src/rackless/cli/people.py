"""rackless user, token, share, access-log: who may use this server, and what they did."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from rackless.cli.options import InJson, Lab, named, span
from rackless.cli.output import as_json, clock, say, table
from rackless.model.errors import InputError
from rackless.model.people import Role

user_app = typer.Typer(
    help="Users of this server: viewer, user, operator, admin. Example: rackless user add una", no_args_is_help=True
)
token_app = typer.Typer(help="Tokens, with which one comes in over TCP. Example: rackless token add una ci", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="Name of the user (`rackless user list`).", show_default=False)]
RoleOf = Annotated[Role, typer.Option("--role", help="What they may do.")]
Label = Annotated[str, typer.Argument(metavar="LABEL", help="Which of the user's tokens.", show_default=False, callback=named)]


@user_app.command("add")
def add_user(
    name: User,
    role: RoleOf = Role.USER,
    password: Annotated[bool, typer.Option("--password", help="Read a password from standard input, or ask for it.")] = False,
    in_json: InJson = False,
) -> None:
    """Add a user. Without a password they come in with a token.

    Example: rackless user add una --role operator
    """
    body = {"name": name, "role": role.value, "password": _password() if password else None}
    found = _ask("POST", "/users", body)
    as_json(found) if in_json else say(f"{name} is {role.value} now. Next: rackless token add {name} LABEL")


@user_app.command("list")
def list_users(in_json: InJson = False) -> None:
    """List the users.

    Example: rackless user list
    """
    found = _items("/users")
    if in_json:
        as_json(found)
    else:
        rows = [[u["name"], u["role"], "yes" if u["password"] else "no", "yes" if u["disabled"] else ""] for u in found]
        table(["user", "role", "password", "disabled"], rows)


@user_app.command("change")
def change_user(
    name: User,
    role: Annotated[Role | None, typer.Option("--role", help="What they may do.", show_default=False)] = None,
    password: Annotated[bool, typer.Option("--password", help="Read a new password; their tokens end.")] = False,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Keep them out, or let them in again.", show_default=False)
    ] = None,
    in_json: InJson = False,
) -> None:
    """Change a user's role or password, or keep them out. Who is disabled loses their tokens.

    Example: rackless user change una --disable
    """
    body = {"role": role.value if role else None, "password": _password() if password else None, "disabled": disabled}
    found = _ask("PATCH", f"/users/{name}", body)
    as_json(found) if in_json else say(f"{name} is {found['role']}{', disabled' if found['disabled'] else ''}.")


@user_app.command("remove")
def remove_user(name: User, in_json: InJson = False) -> None:
    """Remove a user whose labs have ended; their tokens and shares go too.

    Example: rackless user remove una
    """
    _ask("DELETE", f"/users/{name}")
    as_json({"name": name}) if in_json else say(f"{name} is gone.")


@token_app.command("add")
def add_token(
    name: User,
    label: Label,
    length: Annotated[str | None, typer.Option("--for", help="For how long: 8h, 30d.", show_default=False)] = None,
    in_json: InJson = False,
) -> None:
    """Make a token, and print it this once. Another of the same label takes the place of the first.

    Example: rackless token add una ci --for 30d
    """
    found = _ask("POST", f"/users/{name}/tokens", {"label": label, "seconds": span(length)})
    as_json(found) if in_json else say(found["token"])


@token_app.command("list")
def list_tokens(name: User, in_json: InJson = False) -> None:
    """List a user's tokens, without the tokens themselves.

    Example: rackless token list una
    """
    found = _items(f"/users/{name}/tokens")
    if in_json:
        as_json(found)
    else:
        rows = [[t["label"], clock(t["created"]), clock(t["expires"]) if t["expires"] else "never"] for t in found]
        table(["label", "made", "expires"], rows)


@token_app.command("revoke")
def revoke_token(name: User, label: Label, in_json: InJson = False) -> None:
    """End a token.

    Example: rackless token revoke una ci
    """
    _ask("DELETE", f"/users/{name}/tokens/{label}")
    as_json({"user": name, "label": label}) if in_json else say(f"The token {label} of {name} is gone.")


def share(
    lab: Lab,
    name: User,
    end: Annotated[bool, typer.Option("--end", help="Share it no longer.")] = False,
    in_json: InJson = False,
) -> None:
    """Let another user use a lab, or no longer.

    Example: rackless share back-to-back una
    """
    _ask("DELETE" if end else "PUT", f"/labs/{lab}/shares/{name}")
    shared = _items(f"/labs/{lab}/shares")
    as_json({"lab": lab, "shared": shared}) if in_json else say(f"Lab {lab} is shared with {', '.join(shared) or 'nobody'}.")


def access_log(
    most: Annotated[int, typer.Option("--most", help="How many lines.", min=1, max=1000)] = 50, in_json: InJson = False
) -> None:
    """Show who changed what, newest first, and who was refused.

    Example: rackless access-log --most 10
    """
    found = _items("/access-log", most)
    if in_json:
        as_json(found)
    else:
        table(
            ["time", "who", "via", "action", "path", "status"],
            [[clock(a["time"]), a["who"], a["via"], a["action"], a["path"], a["status"]] for a in found],
        )


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    from rackless.client.api import Api

    with Api() as api:
        return api.ask(method, path, body=body)


def _items(path: str, most: int | None = None) -> list[Any]:
    from rackless.client.api import Api

    with Api() as api:
        return api.items(path, most=most)


def _password() -> str:
    """From a terminal twice and unseen, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = typer.prompt("Password", hide_input=True)
    if typer.prompt("The same again", hide_input=True) != first:
        raise InputError("The two are not the same.", hint="Try again.")
    return str(first)


def add(app: typer.Typer) -> None:
    app.add_typer(user_app, name="user")
    app.add_typer(token_app, name="token")
    app.command()(share)
    app.command("access-log")(access_log)
