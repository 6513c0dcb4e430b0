"""rackless up, list, show, down."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackless.cli.options import File, InJson, Lab, Name
from rackless.cli.output import INTERRUPTED, age, as_json, clock, say, table, tell
from rackless.model.errors import NotFoundError

if TYPE_CHECKING:
    from rackless.client.api import Api


def up(
    file: File,
    name: Name = None,
    length: Annotated[str | None, typer.Option("--for", help="For how long: 90m, 2h, 1d12h.", show_default=False)] = None,
    begins: Annotated[
        str | None, typer.Option("--from", help="Book it for then: 18:30, 2026-03-01T18:30.", show_default=False)
    ] = None,
    ends: Annotated[str | None, typer.Option("--until", help="Until when, instead of --for.", show_default=False)] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Wait for the first time that it fits.")] = False,
    saves: Annotated[bool, typer.Option("--save-at-end", help="Keep the configurations when its time is over.")] = False,
    cold: Annotated[bool, typer.Option("--cold", help="Have every machine boot, whatever warm templates there are.")] = False,
    in_json: InJson = False,
) -> None:
    """Deploy a blueprint, or bring back what is missing of its lab. Ctrl-C stops it and removes what this run made.

    Machines start from a warm template, as if they had booted already, where there is one; templates are made when nothing else
    is to do, or by `rackless image warm`.

    With --for or --until the lab ends by itself, with a warning before; with --from it is booked for later.

    Example: rackless up examples/back-to-back.yaml --from 18:30 --for 2h
    """
    from rackless.cli.following import follow
    from rackless.cli.options import moment, span
    from rackless.cli.reading import send
    from rackless.client.api import Api

    wish: dict[str, Any] = {
        "begins": moment(begins),
        "seconds": span(length),
        "ends": moment(ends),
        "queue": queue,
        "saves": saves,
        **({"cold": True} if cold else {}),
    }
    with Api() as api:
        started = send(api, "/labs", file, **{"name": name, **wish})
        lab, job = started["lab"], started["job"]
        if not job:
            _booked(api.ask("GET", f"/labs/{lab}"), in_json=in_json)
            return
        tell(_opening(started))
        try:
            follow(api, job)
        except KeyboardInterrupt:
            _give_up(api, started)
            raise typer.Exit(INTERRUPTED) from None
        found = api.ask("GET", f"/labs/{lab}")
    if in_json:
        as_json(found)
        return
    ready = sum(port["ready"] for port in found["ports"])
    say(f"Lab {lab} is {found['state']}: {len(found['machines'])} machines, {ready} ports ready, {len(found['wires'])} wires.")
    say(f"Next: rackless show {lab}; rackless ssh {lab} {_first(found)}; rackless down {lab}")


def _booked(found: dict[str, Any], *, in_json: bool) -> None:
    """A lab that has no job yet."""
    if in_json:
        as_json(found)
        return
    until = f" until {clock(found['ends'])}" if found["ends"] else ""
    if found["state"] == "waiting":
        say(f"Lab {found['name']} waits until it fits. Next: rackless calendar; rackless down {found['name']}")
    else:
        say(f"Lab {found['name']} is booked from {clock(found['begins'])}{until}. Next: rackless calendar")


def _opening(started: dict[str, Any]) -> str:
    lab, job = started["lab"], started["job"]
    if started["kind"] == "followed":
        return f"Lab {lab}: job {job} was interrupted when the server died and goes on; following it."
    if started["kind"] == "again" and started["was"] == "ready":
        return f"Lab {lab} is up already; making sure of every part of it (job {job})."
    if started["kind"] == "again":
        return f"Lab {lab} was {started['was']}; going on from there (job {job})."
    return f"Deploying lab {lab} (job {job})."


def _first(found: dict[str, Any]) -> str:
    owners = [router["name"] for router in found["routers"]] or [machine["owner"] for machine in found["machines"]]
    return str(owners[0])


def _give_up(api: Api, started: dict[str, Any]) -> None:
    from rackless.cli.following import follow

    lab = started["lab"]
    if started["kind"] != "new":
        tell(f"\nInterrupted: stopping the job. `rackless up` goes on with lab {lab}, `rackless down {lab}` removes it.")
        api.ask("POST", f"/jobs/{started['job']}/cancel")
        return
    tell(f"\nInterrupted: stopping the job and removing what it made. Another Ctrl-C leaves the rest to `rackless down {lab}`.")
    ended = api.ask("DELETE", f"/labs/{lab}", wait=0)
    if ended:
        follow(api, ended["job"])
    tell(f"Lab {lab} is gone.")


def list_labs(in_json: InJson = False) -> None:
    """List the labs.

    Example: rackless list --json
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/labs")
    if in_json:
        as_json(found)
    elif not found:
        say("There are no labs. Start with: rackless up examples/back-to-back.yaml")
    else:
        rows = [
            [
                *(lab["name"], lab["state"], f"{lab['running']}/{lab['machines']}", lab["memory"], lab["provider"]),
                *(age(lab["since"]), clock(lab["ends"]) if lab["ends"] else ""),
            ]
            for lab in found
        ]
        table(["lab", "state", "running", "MiB", "provider", "since", "ends"], rows)
        for lab in found:
            if lab["note"]:
                say(f"Note on {lab['name']}: {lab['note']}")


def show(
    lab: Lab,
    everything: Annotated[
        bool, typer.Option("--all", help="With what is for operators: the machines of cards, internal networks, console ports.")
    ] = False,
    in_json: InJson = False,
) -> None:
    """Show a lab: routers and their cards, machines, ports, wires, addresses, states, since when.

    --json has all that you may see.

    Example: rackless show back-to-back
    """
    from rackless.client.api import Api

    with Api() as api:
        seen = {"all": True} if everything else {} if in_json else {"all": False}
        found = api.ask("GET", f"/labs/{lab}", query=seen)
    if in_json:
        as_json(found)
        return
    reason = f" ({found['reason']})" if found["reason"] else ""
    until = f", until {clock(found['ends'])}" if found["ends"] else ""
    say(f"Lab {found['name']} on {found['provider']}: {found['state']}{reason} since {clock(found['since'])}{until}")
    if found["note"]:
        say(f"Note: {found['note']}")
    if found["job"] and found["job"]["state"] == "running":
        phase = f", in the phase {found['phase']}" if found["phase"] else ""
        say(f"Job {found['job']['id']} runs since {clock(found['job']['started'])}{phase}.")
    say()
    _routers(found)
    _cards(found)
    _machines(found)
    if found["networks"]:
        say()
        networks = [[n["name"], n["owner"], n["mtu"], " ".join(n["machines"])] for n in found["networks"]]
        table(["internal network", "of", "mtu", "machines"], networks)
    say()
    ports = [
        [p["name"], p["machine"], p["mac"], "up" if p["up"] else "down", p["mtu"], p["peer"], " ".join(p["addresses"])]
        for p in found["ports"]
    ]
    table(["port", "machine", "mac", "link", "mtu", "wired to", "addresses"], ports)
    say()
    joined = [
        [*w["ends"], w["state"], age(w["since"]), _impairment(w), w["note"] or ("drawn live" if w["drawn"] else "")]
        for w in found["wires"]
    ]
    table(["wire", "and", "state", "since", "impaired by", "note"], joined)


def _impairment(wire: dict[str, Any]) -> str:
    return ", ".join(f"{key} {text}" for key, text in wire.get("impairment", {}).items())


def _routers(found: dict[str, Any]) -> None:
    rows = []
    for router in found["routers"]:
        management = router["management"]
        services = "  ".join(f"{name} {where}" for name, where in management["services"].items())
        how = "own address" if management["how"] == "address" else "forwarded ports"
        rows.append([router["name"], router["family"], router["cards"], router["user"], how, services])
    if rows:
        table(["router", "family", "cards", "user", "fxp0 by", "services"], rows)
        say()


def _machines(found: dict[str, Any]) -> None:
    rows = [
        [
            *(m["name"], m["role"], m["state"], m["memory"], _number(m.get("private")), _number(m.get("cpu_seconds"))),
            *(m["console_port"], age(m["since"]), m["reason"]),
        ]
        for m in found["machines"]
    ]
    table(["machine", "role", "state", "MiB", "own MiB", "cpu s", "console", "since", "reason"], rows)
    private, cpu = (sum(m.get(key) or 0 for m in found["machines"]) for key in ("private", "cpu_seconds"))
    if private or cpu:
        say(f"They take {private:.0f} MiB of memory that nothing else has, and took {cpu:.0f} s of processors.")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _cards(found: dict[str, Any]) -> None:
    rows = [[r["name"], card["slot"], card["state"], card["reason"]] for r in found["routers"] for card in r["slots"]]
    if rows:
        table(["router", "card", "state", "reason"], rows)
        say()


def down(
    lab: Lab,
    saves: Annotated[bool, typer.Option("--save", help="Keep the configurations of its routers on the server first.")] = False,
    in_json: InJson = False,
) -> None:
    """Take a lab away: machines, disks, networks, files, ports, secrets. A job that runs on it is stopped first.

    Example: rackless down back-to-back
    """
    from rackless.cli.following import follow
    from rackless.client.api import Api

    with Api() as api:
        with contextlib.suppress(NotFoundError):  # nothing is known of it; the place may know
            for job in api.items(f"/labs/{lab}/jobs"):
                if job["state"] == "running" and job["verb"] != "teardown":
                    tell(f"Lab {lab} is at work: stopping job {job['id']} first.")
        started = api.ask("DELETE", f"/labs/{lab}", query={"saves": saves})
        ended = (follow(api, started["job"], lab=lab) or {}) if started else {}
    failed = ended.get("failed", [])
    if in_json:
        as_json({"lab": lab, "state": "ended", "failed": failed})
    else:
        for reason in failed:
            tell(reason)
        say(f"Lab {lab} is gone." if started else f"Lab {lab} was gone already.")


def add(app: typer.Typer) -> None:
    app.command()(up)
    app.command("list")(list_labs)
    app.command()(show)
    app.command()(down)
