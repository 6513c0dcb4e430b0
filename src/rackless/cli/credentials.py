"""rackless credentials."""

from __future__ import annotations

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, table


def credentials(lab: Lab, in_json: InJson = False) -> None:
    """Show the logins of a lab's routers. No other command shows a secret.

    Example: rackless credentials back-to-back
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items(f"/labs/{lab}/credentials")
    if in_json:
        as_json(found)
        return
    rows = [[r["router"], r["user"], r["password"], r["root_password"], r["community"], r["ssh"], r["snmp"]] for r in found]
    table(["router", "user", "password", "root password", "community", "ssh", "snmp"], rows)


def add(app: typer.Typer) -> None:
    app.command()(credentials)
