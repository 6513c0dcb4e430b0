"""rackless credentials."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, table
from rackless.model.errors import NotFoundError


class Field(StrEnum):
    USER = "user"
    PASSWORD = "password"  # noqa: S105 - the name of a column
    ROOT_PASSWORD = "root_password"  # noqa: S105
    COMMUNITY = "community"
    SSH = "ssh"
    SNMP = "snmp"


def credentials(
    lab: Lab,
    router: Annotated[str | None, typer.Option("--router", metavar="ROUTER", help="Of this router only.")] = None,
    field: Annotated[Field | None, typer.Option("--field", help="Only this, without a heading, for scripts.")] = None,
    in_json: InJson = False,
) -> None:
    """Show the logins of a lab's routers. No other command shows a secret.

    Example: rackless credentials back-to-back

    Example: rackless credentials back-to-back --router west --field password
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items(f"/labs/{lab}/credentials")
    if router is not None and not (found := [login for login in found if login["router"] == router]):
        raise NotFoundError(f"Lab {lab} has no router named {router}.", hint=f"`rackless show {lab}` lists its routers.")
    if field is not None:
        for login in found:
            print(login[field.value])
        return
    if in_json:
        as_json(found)
        return
    rows = [[r["router"], r["user"], r["password"], r["root_password"], r["community"], r["ssh"], r["snmp"]] for r in found]
    table(["router", "user", "password", "root password", "community", "ssh", "snmp"], rows)


def add(app: typer.Typer) -> None:
    app.command()(credentials)
