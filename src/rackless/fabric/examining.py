"""What `rackless doctor` says of a machine that is a node: of itself, and of its fabric as the node's daemon sees it.

`findings` is pure: the daemon's status in, findings out. `of_this_machine` asks the daemon by its own program, so that a
doctor needs no right that `rackless fabric status` does not need.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rackless.model.errors import RacklessError
from rackless.model.fabric import DISK_ALARM
from rackless.running import run

NODE = "own/node.json"
PROGRAM = (sys.executable, "-m", "rackless.fabric")
PROGRAMS = {
    "vote": {"etcd": "etcd-server"},
    "database": {"patroni": "", "postgres": "postgresql"},
    "replica": {"patroni": "", "postgres": "postgresql"},
    "balancer": {"haproxy": "haproxy"},
    "address": {"keepalived": "keepalived"},
}
"""By function: programs that it needs, with Debian's package; "" is what the package of Rackless brings."""
ELSEWHERE = ("/opt/rackless/fabric/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
DRIFT = 0.5
"""Seconds between a node's clock and its source from which something is wrong with it."""
EXPIRING = 14 * 86400.0
ASKING = 20.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`ok` false: something is wrong, or soon will be, until `hint` is followed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def findings(status: Mapping[str, Any], now: float) -> tuple[Finding, ...]:
    """Of a fabric's status in JSON (model.fabric.Status). `now`: seconds since the epoch, for certificates."""
    return (*_whole(status), *_nodes(status, now), *_alarms(status))


def _whole(status: Mapping[str, Any]) -> Iterator[Finding]:
    layout = status["layout"]
    names = {node["id"]: node["name"] for node in layout["nodes"]}
    voters = [node for node in layout["nodes"] if "vote" in node["functions"]]
    about = f"{layout['name']}, {len(names)} node(s), {len(voters)} voter(s), version {layout['version']}"
    yield Finding(name="fabric", ok=True, detail=about)
    primary = status.get("primary") or ""
    yield Finding(
        name="fabric primary",
        ok=bool(primary),
        detail=names.get(primary, primary) if primary else "no node has the primary database: nothing can be written",
        hint="" if primary else "`rackless fabric status` shows which engines are down; two nodes of three have to live.",
    )
    if layout.get("virtual_address"):
        holder = status.get("holder") or ""
        held = f"{layout['virtual_address']} is at {names.get(holder, holder) or 'no node'}"
        yield Finding(
            name="fabric address", ok=bool(holder), detail=held, hint="" if holder else "See keepalived's log on the nodes."
        )


def _nodes(status: Mapping[str, Any], now: float) -> Iterator[Finding]:
    life = {each["node"]: each for each in status.get("members", ())}
    health = {each["node"]: each for each in status.get("health", ())}
    for node in status["layout"]["nodes"]:
        about = life.get(node["id"], {})
        state = about.get("life", "unknown")
        wrong = [] if state == "alive" else [about.get("why") or f"it is {state}"]
        if node.get("maintenance"):
            wrong = []
        wrong += _ailments(health.get(node["id"], {}), now)
        does = " ".join(sorted(node["functions"])) or "nothing yet"
        detail = f"{node['address']}, {'in maintenance' if node.get('maintenance') else state}: {does}"
        hint = f"`rackless fabric status`, and `journalctl -u 'rackless-fabric-*'` on {node['name']}." if wrong else ""
        yield Finding(name=f"node {node['name']}", ok=not wrong, detail="; ".join([detail, *wrong]), hint=hint)


def _ailments(health: Mapping[str, Any], now: float) -> list[str]:
    found = []
    if down := health.get("engines_down"):
        found.append(f"down: {', '.join(down)}")
    for each in health.get("filesystems") or ():
        percent = 100.0 * each["used"] / each["size"] if each["size"] else 0.0
        if percent >= DISK_ALARM:
            found.append(f"{each['path']} is {percent:.0f} % full (`rackless appliance grow` after adding a disk)")
    offset = health.get("clock_offset")
    if offset is not None and abs(offset) > DRIFT:
        found.append(f"its clock is {offset:+.2f} s off")
    if health.get("time_source") == "" and health.get("time_sources"):
        found.append("its clock follows no source")
    until = health.get("certificate_until")
    if until is not None and until - now < EXPIRING:
        found.append(f"a certificate ends in {max(0.0, until - now) / 86400:.0f} day(s)")
    return found


def _alarms(status: Mapping[str, Any]) -> Iterator[Finding]:
    names = {node["id"]: node["name"] for node in status["layout"]["nodes"]}
    for each in status.get("alarms", ()):
        if each.get("cleared_at") is None:
            of = names.get(each.get("node", ""), "")
            yield Finding(
                name=f"alarm {each['name']}" + (f" {of}" if of else ""), ok=False, detail=each["cause"], hint=each["hint"]
            )


def lacking(functions: Mapping[str, Any] | list[str], path: str) -> Iterator[Finding]:
    """Programs that this node's functions need and that are not here."""
    for function in sorted(functions):
        for program, package in PROGRAMS.get(function, {}).items():
            if program == "postgres":
                there = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
            else:
                there = shutil.which(program, path=path) is not None
            if not there:
                way = (
                    f"apt-get install {package}"
                    if package
                    else "Install the package rackless, or run packaging/setup.sh --fabric."
                )
                yield Finding(name=f"program {program}", ok=False, detail=f"not here, and {function} needs it", hint=way)


async def of_this_machine(now: float, program: Sequence[str] = PROGRAM) -> tuple[Finding, ...]:
    """() where this machine is no node. `program`: that of a node."""
    top = Path(os.environ.get("RACKLESS_FABRIC") or "/var/lib/rackless-fabric")
    try:
        known = (top / NODE).is_file()
    except OSError:
        known = True  # root's own: somebody else can't look, but may ask
    if not known:
        return ()
    try:
        done = await run([*program, "status", "--json"], deadline=ASKING)
        status = json.loads(done.out)
    except (RacklessError, ValueError) as error:
        return (
            Finding(
                name="node",
                ok=False,
                detail=f"the daemon of this node does not answer: {error}",
                hint="systemctl status rackless-fabric-node; as root.",
            ),
        )
    path = os.pathsep.join((os.environ.get("RACKLESS_FABRIC_PROGRAMS", ""), os.environ.get("PATH", ""), *ELSEWHERE))
    own = _own(top, status)
    return (*lacking(own["functions"] if own else [], path), *findings(status, now))


def _own(top: Path, status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        id = json.loads((top / NODE).read_text()).get("id", "")
    except (OSError, ValueError, AttributeError):
        return None
    return next((node for node in status["layout"]["nodes"] if node["id"] == id), None)
