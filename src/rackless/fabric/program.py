"""rackless-fabric: this machine as a node. `rackless fabric` hands its words over to it.

What only asks the daemon of this node loads no part of it: a start of Python with all of that takes a second of a processor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rackless.fabric import administering, places, tokens
from rackless.model.errors import InputError, NotFoundError, ProviderError, RacklessError, StateError
from rackless.model.fabric import NodeRole

FAILED, WRONG = 1, 2


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="rackless fabric", description="Several nodes, one web address.")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: str, example: str, run: Any) -> argparse.ArgumentParser:
        text = f"{does[0].upper()}{does[1:]}. Example: rackless fabric {example}"
        found = commands.add_parser(name, help=does, description=text)
        found.set_defaults(run=run)
        return found

    init = command("init", "begin a fabric with this machine", "init --address 10.0.0.11 --virtual-address 10.0.0.10/24", _init)
    init.add_argument("--address", required=True, help="with which the other nodes reach this one")
    init.add_argument("--virtual-address", default="", metavar="ADDRESS/LENGTH", help="the web address, in the same subnet")
    _of_time(init, "time source of every node; may be repeated")
    init.add_argument("--name", default="rackless", help="of the fabric")
    init.add_argument("--node", default="", help="name of this node; its host name, if nothing is given")
    add = command("add", "let another machine join: print a token, good once and for 15 minutes", "add n2", _add)
    add.add_argument("node", help="the new node's name")
    join = command("join", "become a node; the token comes by standard input", "join --address 10.0.0.12 < token", _join)
    join.add_argument("--address", required=True, help="with which the other nodes reach this one")
    join.add_argument("--name", default="", help="of this node; the token's, if nothing is given")
    _of_time(join, "time source, as the first node has it")
    join.add_argument(
        "--role", choices=[one.value for one in NodeRole], default=NodeRole.FULL.value, help="what it may do (full)"
    )
    remove = command("remove", "take a node out, alive or not", "remove n2", _remove)
    remove.add_argument("node")
    status = command("status", "who is a node and does what", "status", _status)
    status.add_argument("--json", action="store_true", help="for programs")
    switch = command("switchover", "let another node have the primary", "switchover --to n2", _switchover)
    switch.add_argument("--to", default="", metavar="NODE", help="the best one, if nothing is given")
    maintenance = command("maintenance", "let a node serve nobody, or again", "maintenance n2 on", _maintenance)
    maintenance.add_argument("node")
    maintenance.add_argument("state", choices=["on", "off"])
    takeover = command(
        "takeover",
        "be the fabric: of two nodes, when the other is off and there is no third",
        "takeover --other-is-off",
        _takeover,
    )
    takeover.add_argument("--other-is-off", action="store_true", help="you made sure that the other node is switched off")
    takeover.add_argument("--yes", action="store_true", help="do not ask again")
    takeover.add_argument("--json", action="store_true", help="for programs")
    upgrade = command(
        "upgrade",
        "bring every node to a release, one after the other, and stop when health falls",
        "upgrade rackless_0.2.0_amd64.deb --wait",
        _upgrade,
    )
    upgrade.add_argument("package", nargs="?", default="", help="Debian package; nodes hand it to each other")
    upgrade.add_argument(
        "--run", dest="command", default="", metavar="COMMAND", help="run this on each node, as root, in place of a package"
    )
    upgrade.add_argument("--release", default="", help="that a node has after COMMAND")
    upgrade.add_argument("--status", action="store_true", help="show how far it is")
    upgrade.add_argument("--resume", action="store_true", help="go on where it stopped")
    upgrade.add_argument("--abandon", action="store_true", help="leave every node as it is")
    upgrade.add_argument("--wait", action="store_true", help="until it is done or stops")
    upgrade.add_argument("--json", action="store_true", help="for programs")
    restore = command("restore", "put a backup into the fabric's database", "restore /var/backups/rackless.backup", _restore)
    restore.add_argument("file", help="of `rackless backup`, on this node")
    restore.add_argument("--replace", action="store_true", help="also when there are labs or users: they are kept aside")
    restore.add_argument("--json", action="store_true", help="for programs")
    command("forget", "be a node no more: for one that was removed, or a copy of one", "forget", _forget)
    command("adopt", "take this machine's new hardware for the node's own", "adopt", _adopt)
    run = command("run", "the daemon of this node (the service runs it)", "run", _run)
    del run
    return made


def main(words: list[str] | None = None) -> int:
    asked = parser().parse_args(words)
    try:
        asked.run(asked)
    except RacklessError as error:
        _say(f"Error: {error}", sys.stderr)
        return WRONG if isinstance(error, InputError) else FAILED
    return 0


def _say(text: str, where: Any = None) -> None:
    print(text, file=where or sys.stdout, flush=True)


def _init(asked: argparse.Namespace) -> None:
    from rackless.fabric import facts, joining

    _set_clock(asked)
    asyncio.run(
        joining.init(
            places.load(),
            name=asked.name,
            node=asked.node or facts.host(),
            address=asked.address,
            virtual_address=asked.virtual_address,
            time_sources=asked.ntp,
            say=_say,
        )
    )


def _add(asked: argparse.Namespace) -> None:
    _say(_administered("POST", "tokens", {"name": asked.node})["token"])


def _of_time(command: argparse.ArgumentParser, about: str) -> None:
    command.add_argument("--ntp", action="append", default=[], metavar="SERVER", help=about)
    command.add_argument("--set-clock", action="store_true", help="set this machine's clock by the time sources first")


def _set_clock(asked: argparse.Namespace) -> None:
    """Where no source answers it stays: whether it is good enough is seen with everything else."""
    from rackless.fabric import facts

    if asked.set_clock and asyncio.run(facts.set_clock(asked.ntp)):
        _say("The clock was set.")


def _join(asked: argparse.Namespace) -> None:
    from rackless.fabric import joining

    if sys.stdin.isatty():
        print("Token: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    token = tokens.read(sys.stdin.readline())
    role = NodeRole(asked.role)
    _set_clock(asked)
    asyncio.run(
        joining.join(places.load(), token, node=asked.name, address=asked.address, role=role, time_sources=asked.ntp, say=_say)
    )


def _remove(asked: argparse.Namespace) -> None:
    _administered("POST", "remove", {"name": asked.node})
    _say(f"{asked.node} is no node of the fabric any more.")


def _switchover(asked: argparse.Namespace) -> None:
    _say(f"{_administered('POST', 'switchover', {'to': asked.to})['primary']} has the primary.")


def _maintenance(asked: argparse.Namespace) -> None:
    _administered("POST", "maintenance", {"name": asked.node, "on": asked.state == "on"})
    _say(f"{asked.node} {'is in maintenance' if asked.state == 'on' else 'serves again'}.")


def _upgrade(asked: argparse.Namespace) -> None:
    given = [bool(asked.package), bool(asked.command), asked.status, asked.resume, asked.abandon]
    if sum(given) != 1:
        raise InputError("Give one: a package, `--run`, `--status`, `--resume` or `--abandon`.")
    if bool(asked.command) != bool(asked.release):
        raise InputError("`--run` and `--release` go together.", hint="--run 'apt-get install rackless' --release 0.2.0")
    if asked.status:
        found = _administered("GET", "upgrade")
    elif asked.resume or asked.abandon:
        found = _administered("POST", f"upgrade/{'resume' if asked.resume else 'abandon'}")
    else:
        path = str(Path(asked.package).absolute()) if asked.package else ""
        found = _administered("POST", "upgrade", {"package": path, "command": asked.command, "release": asked.release})
    _tell_upgrade(asked, found)
    while asked.wait and found["upgrade"] is not None and not found["upgrade"]["stopped"]:
        time.sleep(LOOK)
        before = found
        with contextlib.suppress(ProviderError, StateError):  # this node's own daemon starts again, too
            found = _administered("GET", "upgrade")
        if before != found:
            _tell_upgrade(asked, found)
    if asked.wait and found["upgrade"] is not None:
        raise StateError(found["upgrade"]["stopped"], hint="Put that right, then `--resume` or `--abandon` it.")


LOOK = 1.0
"""Seconds between two looks at an upgrade, each stage of which has a deadline (upgrading.py)."""


def _tell_upgrade(asked: argparse.Namespace, found: dict[str, Any]) -> None:
    upgrade = found["upgrade"]
    if asked.json:
        _say(json.dumps(found))
    elif upgrade is None:
        _say(f"No upgrade is under way. {', '.join(f'{name}: {has}' for name, has in found['releases'].items())}.")
    else:
        now = f"{upgrade['node']} is {upgrade['stage']}" if upgrade["node"] else "between two nodes"
        done = f"{len(upgrade['done'])} of {len(upgrade['order'])} nodes have it"
        stopped = f" It stopped: {upgrade['stopped']}" if upgrade["stopped"] else ""
        _say(f"Upgrade to {upgrade['release']}: {done}, {now}.{stopped}")


def _takeover(asked: argparse.Namespace) -> None:
    if asked.other_is_off and not asked.yes:
        if not sys.stdin.isatty():
            raise InputError("Nobody confirms it.", hint="Add `--yes`.")
        print(  # noqa: T201
            "This node becomes the primary. If the other one is on and merely cut off, there are two until they meet, and what "
            "the other was told since is kept aside there. Type yes to go on: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if sys.stdin.readline().strip() != "yes":
            raise InputError("Nothing was done.")
    found = _administered("POST", "takeover", {"off": asked.other_is_off})
    if asked.json:
        _say(json.dumps(found, indent=1))
        return
    _say(
        f"{found['node']} takes over from {found['other']} (generation {found['generation']}); `rackless fabric status` shows it."
    )


def _status(asked: argparse.Namespace) -> None:
    found = _administered("GET", "status")
    if asked.json:
        _say(json.dumps(found, indent=1))
        return
    layout = found["layout"]
    health = {one["node"]: one for one in found["health"]}
    life = {one["node"]: one for one in found["members"]}
    _say(f"Fabric {layout['name']} ({layout['fabric']}), web address {layout['virtual_address'] or 'none'}")
    rows = [("NODE", "ADDRESS", "LIFE", "DATABASE", "ETCD", "WEB", "ADDRESS HELD", "TROUBLE")]
    for one in layout["nodes"]:
        has = health.get(one["id"], {})
        vote = "" if has.get("etcd") is None else "leads" if has["leader"] else "votes" if has["etcd"] else "down"
        web = {None: "", True: "ready", False: "down"}[has.get("serving")]
        held = "yes" if found["holder"] == one["id"] else ""
        down = " ".join(has.get("engines_down", ())) + (" maintenance" if one["maintenance"] else "")
        state, database = life[one["id"]]["life"], has.get("database") or ""
        rows.append((one["name"], one["address"], state, database, vote, web, held, down.strip()))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _say("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())


def _restore(asked: argparse.Namespace) -> None:
    from rackless.fabric import refilling

    file = str(Path(asked.file).absolute())
    found = _administered("POST", "restore", {"file": file, "replace": asked.replace}, answers=refilling.TAKES + refilling.SERVES)
    if asked.json:
        _say(json.dumps(found, indent=1))
        return
    _say(f"Restored: {found['rows']} rows, {len(found['labs'])} labs.")
    if found["aside"]:
        _say(f"What was there before is in {found['aside']}.")
    if found["site"] == "kept":
        _say("site.yaml stayed as it is; the backup's is beside it, as site.yaml.from-backup.")


def _forget(asked: argparse.Namespace) -> None:
    from rackless.fabric import joining

    asyncio.run(joining.undone(places.load()))
    _say("This machine is no node of a fabric.")


def _adopt(asked: argparse.Namespace) -> None:
    from rackless.fabric import joining

    asyncio.run(joining.adopt(places.load()))
    _say("This machine is the node; `rackless fabric status` shows it in a moment.")


def _administered(method: str, verb: str, body: dict[str, Any] | None = None, *, answers: float = 120.0) -> Any:
    return asyncio.run(administering.administer(places.load(), method, verb, body, answers=answers))


def _run(asked: argparse.Namespace) -> None:
    from rackless import observing
    from rackless.fabric import serving, supervision
    from rackless.fabric.node import NodeDaemon

    os.umask(0o077)
    observing.set_up()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    where = places.load()
    me = places.find(where)
    if me is None:
        raise NotFoundError("This machine is no node of a fabric.", hint="`rackless fabric init` begins one.")

    async def both() -> None:
        runner = supervision.here(where)
        await runner.begin()
        daemon = NodeDaemon(where, me, runner)
        async with asyncio.TaskGroup() as group:
            group.create_task(serving.serve(daemon))
            group.create_task(daemon.run())

    async def until_told() -> None:
        task = asyncio.ensure_future(both())
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return
        except BaseExceptionGroup as group:
            if isinstance(first := group.exceptions[0], RacklessError):
                raise first from group
            raise

    asyncio.run(until_told())
