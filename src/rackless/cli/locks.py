"""rackless lock: list, acquire, renew, release, break, run."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackless.cli.options import InJson, named, span
from rackless.cli.output import as_json, clock, say, table, tell
from rackless.model.errors import RacklessError, StateError

if TYPE_CHECKING:
    from rackless.client.api import Api

lock_app = typer.Typer(
    help="Locks on what labs and people share. Example: rackless lock run testbed-3 -- make test", no_args_is_help=True
)

LEASE = "60s"
LOST = 4
"""Exit status of `lock run` when the lock was lost: right, but not now."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the lock.", show_default=False, callback=named)]
Token = Annotated[int, typer.Option("--token", help="Of the acquisition (`lock acquire` printed it).", show_default=False)]
Lease = Annotated[str, typer.Option("--lease", help="How long it is held, if it is not renewed: 60s, 1h.")]
Wait = Annotated[str | None, typer.Option("--wait", help="How long to wait for it: 30s, 10m.", show_default=False)]
Holder = Annotated[str, typer.Option("--as", help="What wants it, for those who look.", show_default=False)]


def _me() -> str:
    return f"{socket.gethostname()} process {os.getppid()}"


def _take(api: Api, name: str, lease: str, wait: str | None, holder: str) -> dict[str, Any]:
    body = {"seconds": span(lease), "wait": span(wait) or 0, "holder": holder or _me()}
    found: dict[str, Any] = api.ask("POST", f"/locks/{name}", body=body)
    return found


@lock_app.command("list")
def list_locks(in_json: InJson = False) -> None:
    """List the locks: who holds which, and until when.

    Example: rackless lock list
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items("/locks")
    if in_json:
        as_json(found)
    else:
        rows = [
            [one["name"], one["owner"], one["holder"], clock(one["expires"]) if one["expires"] else "its end", one["token"]]
            if one["held"]
            else [one["name"], "", "", "", one["token"]]
            for one in found
        ]
        table(["lock", "owner", "holder", "until", "token"], rows)


@lock_app.command("log")
def lock_log(name: Name, in_json: InJson = False) -> None:
    """Show who had a lock, newest first.

    Example: rackless lock log testbed-3
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.items(f"/locks/{name}/log")
    if in_json:
        as_json(found)
    else:
        table(
            ["time", "who", "what", "token", "why"],
            [[clock(e["time"]), e["who"], e["what"], e["token"], e["why"]] for e in found],
        )


@lock_app.command("acquire")
def acquire(name: Name, lease: Lease = "1h", wait: Wait = None, holder: Holder = "", in_json: InJson = False) -> None:
    """Take a lock for a lease, and print its token. A lock whose lease is over is taken over.

    Example: rackless lock acquire testbed-3 --lease 2h --wait 10m
    """
    from rackless.client.api import Api

    with Api() as api:
        found = _take(api, name, lease, wait, holder)
    as_json(found) if in_json else say(str(found["token"]))


@lock_app.command("renew")
def renew(name: Name, token: Token, lease: Lease = "1h", in_json: InJson = False) -> None:
    """Hold a lock for another lease from now on.

    Example: rackless lock renew testbed-3 --token 7 --lease 1h
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", f"/locks/{name}/renew", body={"token": token, "seconds": span(lease)})
    as_json(found) if in_json else say(f"The lock {name} is held until {clock(found['expires'])}.")


@lock_app.command("release")
def release(name: Name, token: Token, in_json: InJson = False) -> None:
    """Give a lock back: its owner, with its token.

    Example: rackless lock release testbed-3 --token 7
    """
    from rackless.client.api import Api

    with Api() as api:
        api.ask("DELETE", f"/locks/{name}", query={"token": token})
    as_json({"name": name, "held": False}) if in_json else say(f"The lock {name} is free.")


@lock_app.command("break")
def break_(
    name: Name, why: Annotated[str, typer.Option("--why", help="Kept in its log.", show_default=False)], in_json: InJson = False
) -> None:
    """Take a lock away from whoever has it (admins). Its log keeps who did, and why.

    Example: rackless lock break testbed-3 --why "its CI runner is gone"
    """
    from rackless.client.api import Api

    with Api() as api:
        found = api.ask("POST", f"/locks/{name}/break", body={"why": why})
    as_json(found) if in_json else say(f"The lock {name} is free.")


@lock_app.command("run")
def run(
    name: Name,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="After --.", show_default=False)],
    lease: Lease = LEASE,
    wait: Wait = None,
    holder: Holder = "",
) -> None:
    """Run a command while holding a lock, which is renewed as long as it runs. The command is ended when the lock is lost.

    RACKLESS_LOCK and RACKLESS_LOCK_TOKEN are in its environment; the exit status is the command's.

    Example: rackless lock run testbed-3 --wait 10m -- make test
    """
    from rackless.client.api import Api
    from rackless.running import foreground

    with Api() as api:
        found = _take(api, name, lease, wait, holder)
        ended, lost = threading.Event(), threading.Event()
        keeping = threading.Thread(target=_keep, args=(name, found["token"], span(lease), ended, lost), daemon=True)
        keeping.start()
        try:
            status = foreground(command, env={"RACKLESS_LOCK": name, "RACKLESS_LOCK_TOKEN": str(found["token"])}, stop=lost)
        finally:
            ended.set()
            keeping.join()
            if not lost.is_set():
                api.ask("DELETE", f"/locks/{name}", query={"token": found["token"]})
    if lost.is_set():
        raise StateError(f"The lock {name} was lost, and the command was ended.", hint=f"See `rackless lock log {name}`.")
    raise typer.Exit(status)


def _keep(name: str, token: int, seconds: float | None, ended: threading.Event, lost: threading.Event) -> None:
    """Renew three times in a lease. A server that does not answer is asked again, until the lease is over."""
    from rackless.client.api import Api

    assert seconds is not None
    last = time.monotonic()
    while not ended.wait(seconds / 3):
        try:
            with Api() as api:
                api.ask("POST", f"/locks/{name}/renew", body={"token": token, "seconds": seconds})
            last = time.monotonic()
        except StateError as error:
            tell(error.message)
            lost.set()
            return
        except RacklessError as error:
            tell(error.message)
            if time.monotonic() - last >= seconds:
                lost.set()
                return


def add(app: typer.Typer) -> None:
    app.add_typer(lock_app, name="lock")
