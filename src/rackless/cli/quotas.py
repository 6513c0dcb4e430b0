"""rackless group, quota: what users may have, alone and together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rackless.cli.options import InJson, named, span
from rackless.cli.output import as_json, say, table
from rackless.cli.people import User
from rackless.model.durations import spoken
from rackless.model.errors import InputError

group_app = typer.Typer(help="Groups of users, which share a quota. Example: rackless group add core", no_args_is_help=True)
quota_app = typer.Typer(help="What users and groups may have. Example: rackless quota show una", no_args_is_help=True)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group (`rackless group list`).", callback=named)]
Who = Annotated[str | None, typer.Argument(metavar="USER", help="Name of the user; without it you.", show_default=False)]
Of = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Of a group instead.", show_default=False)]
Limit = Annotated[
    str | None,
    typer.Option(metavar="LIMIT", help="A value as the site file has it; `none`, or `default` again.", show_default=False),
]

NONE, DEFAULT = "none", "default"
SIZES, SPANS = frozenset({"memory", "disk"}), frozenset({"longest", "ahead"})


@group_app.command("add")
def add_group(name: GroupName, in_json: InJson = False) -> None:
    """Add a group.

    Example: rackless group add core
    """
    found = _ask("POST", "/groups", {"name": name})
    as_json(found) if in_json else say(f"There is a group {name} now. Next: rackless group join {name} USER")


@group_app.command("list")
def list_groups(in_json: InJson = False) -> None:
    """List the groups and who is in them.

    Example: rackless group list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/groups")
    if in_json:
        as_json(found)
    else:
        table(["group", "members"], [[one["name"], " ".join(one["members"])] for one in found])


@group_app.command("remove")
def remove_group(name: GroupName, in_json: InJson = False) -> None:
    """Remove a group; its users stay.

    Example: rackless group remove core
    """
    _ask("DELETE", f"/groups/{name}")
    as_json({"name": name}) if in_json else say(f"The group {name} is gone.")


@group_app.command("join")
def join_group(name: GroupName, user: User, in_json: InJson = False) -> None:
    """Put a user into a group.

    Example: rackless group join core una
    """
    _ask("PUT", f"/groups/{name}/members/{user}")
    as_json({"group": name, "user": user}) if in_json else say(f"{user} is in the group {name}.")


@group_app.command("leave")
def leave_group(name: GroupName, user: User, in_json: InJson = False) -> None:
    """Take a user out of a group.

    Example: rackless group leave core una
    """
    _ask("DELETE", f"/groups/{name}/members/{user}")
    as_json({"group": name, "user": user}) if in_json else say(f"{user} is not in the group {name} any more.")


@quota_app.command("show")
def show_quota(user: Who = None, group: Of = None, in_json: InJson = False) -> None:
    """Show what is used and what is allowed, also of the groups that a user is in.

    Example: rackless quota show una
    """
    if user is None and group is None:
        user = str(_ask("GET", "/self")["name"])
    _show(_ask("GET", _path(user, group)), in_json)


@quota_app.command("set")
def set_quota(
    user: Who = None,
    group: Of = None,
    labs: Limit = None,
    routers: Limit = None,
    machines: Limit = None,
    memory: Limit = None,
    processors: Limit = None,
    disk: Limit = None,
    machine_hours: Limit = None,
    longest: Limit = None,
    ahead: Limit = None,
    in_json: InJson = False,
) -> None:
    """Change what a user, or a group's users together, may have. What is there stays.

    Example: rackless quota set una --labs 5 --memory 64G --longest 7d
    """
    if (user is None) == (group is None):
        raise InputError("Name a user, or a group with --group.", hint="Example: rackless quota set una --labs 5")
    given = {"labs": labs, "routers": routers, "machines": machines, "memory": memory, "processors": processors}
    given |= {"disk": disk, "machine_hours": machine_hours, "longest": longest, "ahead": ahead}
    limits = {name: _value(name, text) for name, text in given.items() if text not in (None, DEFAULT)}
    back = [name for name, text in given.items() if text == DEFAULT]
    _show(_ask("PATCH", _path(user, group), {"limits": limits, "default": back}), in_json)


def _path(user: str | None, group: str | None) -> str:
    return f"/groups/{named(group)}/quota" if group is not None else f"/users/{user}/quota"


def _value(name: str, text: str | None) -> float | None:
    """Raises InputError when it is none."""
    if text is None or text == NONE:
        return None
    if name in SPANS:
        return span(text)
    number, unit = (text[:-1], text[-1]) if name in SIZES and text[-1:] in {"M", "G"} else (text, "M")
    if not number.isdecimal():
        raise InputError(
            f"'{text}' is no limit of {name.replace('_', '-')}.",
            hint="Write a number, 32G for a size, 3d for a time, none or default.",
        )
    return float(number) * (1024 if unit == "G" else 1)


def _show(found: dict[str, Any], in_json: bool) -> None:
    if in_json:
        as_json(found)
        return
    for one in [found, *found.get("groups", [])]:
        rows = [
            [name.replace("_", "-"), _told(name, one["used"].get(name)), _told(name, most) or "no limit", _how(one, name)]
            for name, most in one["limits"].items()
        ]
        title = one["name"] if one is found else f"group {one['name']}, all its users together"
        table(["limit", "used", "allowed", ""], rows, title=title)


def _how(one: dict[str, Any], name: str) -> str:
    return "set" if name in one["set"] else ""


def _told(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name in SPANS:
        return spoken(value)
    return f"{value / 1024:.4g}G" if name in SIZES else f"{value:.4g}"


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    from rackless.client.api import Api

    with Api() as api:
        return api.ask(method, path, body=body)


def add(app: typer.Typer) -> None:
    app.add_typer(group_app, name="group")
    app.add_typer(quota_app, name="quota")
