"""rackless logs."""

from __future__ import annotations

from typing import Annotated

import typer

from rackless.cli.options import InJson, Lab
from rackless.cli.output import as_json, clock, say


def logs(
    lab: Lab,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the job that runs has ended.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every job of the lab, not only the last.")] = False,
    in_json: InJson = False,
) -> None:
    """Show what the jobs of a lab did: each step with its time and reason.

    Example: rackless logs back-to-back --follow
    """
    from rackless.cli.following import follow as follow_job
    from rackless.client.api import Api

    with Api() as api:
        shown = api.items(f"/labs/{lab}/jobs", most=None if every else 1)[::-1]
        for job in shown:
            job["events"] = list(api.lines("GET", f"/jobs/{job['id']}/events"))
        if in_json:
            as_json(shown)
            return
        for job in shown:
            resumed = f", resumed {job['resumed']} times" if job["resumed"] else ""
            say(f"Job {job['id']} ({job['verb']}): {job['state']}, started {clock(job['started'])}{resumed}")
            for event in job["events"]:
                say(f"  {clock(event['time'])}  {event['step']}: {event['kind']}: {event['text']}")
            if job["error"]:
                say(f"  Error: {job['error']['message']}")
        if follow and shown and shown[-1]["state"] == "running":
            last = shown[-1]["events"][-1]["number"] if shown[-1]["events"] else 0
            follow_job(api, shown[-1]["id"], after=last, lab=lab)


def add(app: typer.Typer) -> None:
    app.command()(logs)
