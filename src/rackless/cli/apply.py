"""rackless apply."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackless.cli.options import File, InJson, Name
from rackless.cli.output import INTERRUPTED, as_json, say, table, tell
from rackless.model.errors import NotFoundError

if TYPE_CHECKING:
    from rackless.client.api import Api

VERBS = ("add", "change", "remove", "keep")


def apply(
    file: File,
    name: Name = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what differs, and change nothing.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let machines be switched off and made anew, where a change needs that.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take wires away that were drawn live and are not in the blueprint.")
    ] = False,
    in_json: InJson = False,
) -> None:
    """Let a lab become that of a blueprint: what is new is made, what is gone goes, what is equal is not touched.

    A lab that is not there is deployed. What would switch machines off that stay is refused without --replace.

    Example: rackless apply examples/back-to-back.yaml --dry-run
    """
    from rackless.cli.reading import send
    from rackless.client.api import Api

    with Api() as api:
        planned = send(api, "/plans", file, name=name)
        lab = planned["lab"]
        try:
            wish: dict[str, Any] = {"replace": replace, "prune": prune, "dry_run": dry_run}
            applied = send(api, f"/labs/{lab}/blueprint", file, method="PUT", **wish)
        except NotFoundError:
            applied = {"lab": lab, "kind": "dry-run", "job": "", "was": "", "changes": _all_new(planned)}
            if not dry_run:
                applied |= send(api, "/labs", file, name=name)
        if in_json and dry_run:
            as_json(_document(applied) | {"state": applied["was"]})
            return
        if not in_json:
            _show(applied, whole=dry_run)
        _follow(api, applied)
        found = api.ask("GET", f"/labs/{lab}") if not dry_run else {}
    if in_json:
        as_json(_document(applied) | {"state": found["state"]})
    elif not dry_run:
        say(f"Lab {lab} is {found['state']}. Next: rackless show {lab}")


def _all_new(planned: dict[str, Any]) -> list[dict[str, Any]]:
    """The changes of a lab that is not there."""
    owners: dict[str, list[dict[str, Any]]] = {}
    for machine in planned["machines"]:
        owners.setdefault(machine["owner"], []).append(machine)
    rest = {"verb": "add", "reason": "the lab is new", "effect": "live", "stops": [], "allowed": True}
    rows = [
        {
            "kind": "host" if machines[0]["role"] == "host" else "router",
            "name": owner,
            "machines": [machine["name"] for machine in machines],
            **rest,
        }
        for owner, machines in owners.items()
    ]
    return rows + [{"kind": "wire", "name": f"{wire['a']} -- {wire['b']}", "machines": [], **rest} for wire in planned["wires"]]


def _document(applied: dict[str, Any]) -> dict[str, Any]:
    counted = Counter(row["verb"] for row in applied["changes"])
    return {
        "lab": applied["lab"],
        "kind": applied["kind"],
        "job": applied["job"],
        "was": applied["was"],
        "changes": applied["changes"],
        "totals": {verb: counted[verb] for verb in VERBS},
    }


def _show(applied: dict[str, Any], *, whole: bool) -> None:
    """`whole`: with what stays as it is."""
    rows = [row for row in applied["changes"] if whole or row["verb"] != "keep"]
    if rows:
        shown = [[row["verb"], row["kind"], row["name"], _effect(row), row["reason"]] for row in rows]
        table(["change", "kind", "name", "effect", "reason"], shown)
    totals = _document(applied)["totals"]
    stay = f"{totals['keep']} stay as they are"
    say(f"Lab {applied['lab']}: {totals['add']} to add, {totals['change']} to change, {totals['remove']} to remove; {stay}.")
    if any(not row["allowed"] for row in rows):
        say("What restarts or is made anew needs --replace.")


def _effect(row: dict[str, Any]) -> str:
    if row["verb"] != "change" or not row["machines"]:
        return ""
    stops, machines = ", ".join(row["stops"]), ", ".join(row["machines"])
    effects = {"restart": f"restarts {stops}", "anew": f"makes {stops} anew", "live": f"live: {machines}"}
    return effects.get(row["effect"], "")


def _follow(api: Api, applied: dict[str, Any]) -> None:
    from rackless.cli.following import follow

    if not applied["job"]:
        return
    try:
        follow(api, applied["job"])
    except KeyboardInterrupt:
        tell(f"\nInterrupted: stopping the job. `rackless apply` goes on with lab {applied['lab']} where it stopped.")
        api.ask("POST", f"/jobs/{applied['job']}/cancel")
        raise typer.Exit(INTERRUPTED) from None


def add(app: typer.Typer) -> None:
    app.command()(apply)
