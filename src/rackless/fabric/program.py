"""rackless-fabric: this machine as a node. `rackless fabric` hands its words over to it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from typing import Any

from rackless import observing
from rackless.fabric import facts, joining, places, tokens
from rackless.model.errors import InputError, NotFoundError, RacklessError
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
    init.add_argument("--ntp", action="append", default=[], metavar="SERVER", help="time source of every node; may be repeated")
    init.add_argument("--name", default="rackless", help="of the fabric")
    init.add_argument("--node", default="", help="name of this node; its host name, if nothing is given")
    add = command("add", "let another machine join: print a token, good once and for 15 minutes", "add n2", _add)
    add.add_argument("node", help="the new node's name")
    join = command("join", "become a node; the token comes by standard input", "join --address 10.0.0.12 < token", _join)
    join.add_argument("--address", required=True, help="with which the other nodes reach this one")
    join.add_argument("--name", default="", help="of this node; the token's, if nothing is given")
    join.add_argument("--ntp", action="append", default=[], metavar="SERVER", help="time source, as the first node has it")
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


def _join(asked: argparse.Namespace) -> None:
    if sys.stdin.isatty():
        print("Token: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    token = tokens.read(sys.stdin.readline())
    role = NodeRole(asked.role)
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


def _forget(asked: argparse.Namespace) -> None:
    asyncio.run(joining.undone(places.load()))
    _say("This machine is no node of a fabric.")


def _adopt(asked: argparse.Namespace) -> None:
    asyncio.run(joining.adopt(places.load()))
    _say("This machine is the node; `rackless fabric status` shows it in a moment.")


def _administered(method: str, verb: str, body: dict[str, Any] | None = None) -> Any:
    return asyncio.run(joining.administer(places.load(), method, verb, body))


def _run(asked: argparse.Namespace) -> None:
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
