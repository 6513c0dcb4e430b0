"""`routing-options` and `protocols`: FRR. Only the daemons that the configuration needs run.

Each daemon has a file with its own lines, which it reads when it starts. A running daemon gets only what differs, through
vtysh, so that neighbours are not lost. A line's undo is `no LINE`, that of a block `no BLOCK`.
"""

from __future__ import annotations

import threading

from ..check import net
from ..supervisor import Daemon
from .interfaces import kernel_name
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

    Block = tuple[str, ...]
    Lines = dict[Block, list[str]]

FOLDER = "/etc/frr"
DAEMONS = ("zebra", "staticd", "ospfd", "ospf6d", "isisd", "bgpd")
INSTANCE = "1"
"""Name of the one IS-IS instance."""
STATIC, OSPF, BGP = 5, 10, 170
"""Preferences of the original, used as FRR's distances, so that the same route wins."""
READY = 60.0
"""Seconds that zebra may take; under emulation it needs up to 8."""
_worker = threading.Lock()
_wanted: set[str] = set()
"""Daemons of the newest configuration: a start that was overtaken by another commit starts none that is not wanted any more."""


def render(tree: Tree, world: Machine) -> Part:
    daemons: dict[str, Lines] = {}
    routing = tree.get("routing-options", {})
    protocols = tree.get("protocols", {})
    static = _static(routing)
    if static:
        daemons["staticd"] = {(): static}
    for name, build in (("ospfd", _ospf), ("ospf6d", _ospf6), ("isisd", _isis), ("bgpd", _bgp)):
        lines = build(tree, protocols, routing)
        if lines:
            daemons[name] = lines
    if daemons:
        zebra = [f"ip router-id {routing['router-id']}"] if "router-id" in routing else []
        daemons = {"zebra": {(): zebra}, **daemons}
    files = {f"{FOLDER}/{name}.conf": (text(lines), 0o644) for name, lines in daemons.items()}
    if daemons:
        # vtysh complains when its own file is not there.
        files[f"{FOLDER}/vtysh.conf"] = ("no service integrated-vtysh-config\n", 0o644)
    return Part(files, daemons)


def text(lines: Lines) -> str:
    """An FRR configuration file."""
    out = ["frr defaults traditional"]
    for block, inner in lines.items():
        for depth, head in enumerate(block):
            out.append(" " * depth + head)
        out.extend(" " * len(block) + line for line in inner)
        for depth in range(len(block) - 1, -1, -1):
            out.append(" " * depth + _leave(block[depth]))
    return "\n".join(out) + "\n"


def _leave(head: str) -> str:
    return "exit-address-family" if head.startswith("address-family") else "exit"


def delta(old: Lines, new: Lines) -> list[str]:
    """The commands that bring a daemon from `old` to `new`."""
    out: list[str] = []
    for block in reversed(list(old)):
        if block not in new and block and not block[0].startswith("interface "):
            if len(block) == 1 or block[:1] in new:
                out += [*block[:-1], f"no {block[-1]}", *(_leave(head) for head in reversed(block[:-1]))]
        else:
            gone = [line for line in old[block] if line not in new.get(block, ())]
            if gone:
                out += [*block, *(_undo(line) for line in gone), *(_leave(head) for head in reversed(block))]
    for block, inner in new.items():
        added = [line for line in inner if line not in old.get(block, ())]
        if added or block not in old:
            out += [*block, *added, *(_leave(head) for head in reversed(block))]
    return out


def _undo(line: str) -> str:
    return line[3:] if line.startswith("no ") else f"no {line}"


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    """Running daemons are changed at once. Starting one takes seconds under emulation and happens behind the user's back."""
    if new.same(old):
        return
    before = dict(old.data) if old is not None else {}
    engine.put_files(old, new)
    _wanted.clear()
    _wanted.update(new.data)
    for name in new.data:
        engine.supervisor.adopt(_daemon(name))
    script: list[str] = []
    for name, lines in new.data.items():
        change = delta(before[name], lines) if name in before else []
        if change and engine.supervisor.running(name):
            # vtysh passes over a daemon that doesn't listen yet, without a word.
            engine.supervisor.wait_ready(name, READY)
            script += change
    if script:
        _tell(engine, script)
    # Only now: what refuses a change leaves all daemons running.
    for name in reversed(DAEMONS):
        if name not in new.data:
            engine.supervisor.stop(name)
    if all(engine.supervisor.running(name) for name in new.data):
        return
    if not engine.world.live:
        _start(engine, list(new.data))
        return
    threading.Thread(target=_start, args=(engine, list(new.data)), name="frr", daemon=True).start()


def _tell(engine: Engine, script: list[str]) -> None:
    path = "/run/mgd/frr-change"
    engine.world.write(path, "\n".join(script) + "\n", 0o600)
    done = engine.world.run(["vtysh", "-f", path], deadline=60.0)
    faults = [line for line in (done.out + done.err).splitlines() if line.lstrip().startswith("%") or "Unknown command" in line]
    if done.code != 0 or faults:
        raise Failed("routing: " + (faults[0].strip() if faults else (done.err.strip() or f"vtysh ended with code {done.code}")))


def _start(engine: Engine, names: list[str]) -> None:
    """zebra first; the others would wait 10 s for their next try when it isn't there yet."""
    with _worker:
        for name in names:
            if name not in _wanted:
                continue
            engine.supervisor.ensure(_daemon(name))
            if name == "zebra" and not engine.supervisor.wait_ready(name, READY):
                engine.log(f"zebra: not ready within {READY:g} s")


def _daemon(name: str) -> Daemon:
    argv = [f"/usr/lib/frr/{name}", "-A", "127.0.0.1", "-P", "0", "-f", f"{FOLDER}/{name}.conf"]
    return Daemon(name, argv, ready="/run/frr/zserv.api" if name == "zebra" else f"/run/frr/{name}.vty")


def _static(routing: Tree) -> list[str]:
    lines = []
    for prefix, route in sorted(routing.get("static", {}).get("route", {}).items()):
        verb = "ipv6 route" if ":" in prefix else "ip route"
        distance = route.get("preference", STATIC)
        for hop in [*route.get("next-hop", ()), *(["blackhole"] if "discard" in route else [])]:
            lines.append(f"{verb} {prefix} {hop} {distance}")
    return lines


def _interface(lines: Lines, name: str) -> list[str]:
    return lines.setdefault((f"interface {kernel_name(name)}",), [])


def _ospf(tree: Tree, protocols: Tree, routing: Tree) -> Lines:
    lines: Lines = {}
    if not protocols.get("ospf"):
        return lines
    router = [f"ospf router-id {routing['router-id']}"] if "router-id" in routing else []
    lines[("router ospf",)] = [*router, f"distance {OSPF}"]
    for area, entry in protocols["ospf"].get("area", {}).items():
        for name, interface in entry.get("interface", {}).items():
            if "disable" not in interface:
                _interface(lines, name).extend(_ospf_lines("ip ospf", area, name, interface))
    return lines


def _ospf6(tree: Tree, protocols: Tree, routing: Tree) -> Lines:
    lines: Lines = {}
    if not protocols.get("ospf3"):
        return lines
    router = [f"ospf6 router-id {routing['router-id']}"] if "router-id" in routing else []
    lines[("router ospf6",)] = [*router, f"distance {OSPF}"]
    for area, entry in protocols["ospf3"].get("area", {}).items():
        for name, interface in entry.get("interface", {}).items():
            if "disable" not in interface:
                _interface(lines, name).extend(_ospf_lines("ipv6 ospf6", area, name, interface))
    return lines


def _ospf_lines(verb: str, area: str, name: str, interface: Tree) -> list[str]:
    found = [f"{verb} area {area}"]
    # The kernel tells no speed of a tunnel; the original counts 1 for a gigabit port and 0 for the loopback.
    cost = interface.get("metric", "1" if name.startswith("ge-") else None)
    if cost is not None:
        found.append(f"{verb} cost {cost}")
    for statement in ("hello-interval", "dead-interval"):
        if statement in interface:
            found.append(f"{verb} {statement} {interface[statement]}")
    if "hello-interval" in interface and "dead-interval" not in interface:
        found.append(f"{verb} dead-interval {4 * int(interface['hello-interval'])}")
    if "interface-type" in interface:
        found.append(f"{verb} network {'point-to-point' if interface['interface-type'] == 'p2p' else 'broadcast'}")
    if "passive" in interface:
        found.append(f"{verb} passive")
    return found


def _level(entry: Tree) -> str:
    """FRR's word for the levels that are not disabled."""
    off = {level for level, options in entry.get("level", {}).items() if "disable" in options}
    return {frozenset("1"): "level-2-only", frozenset("2"): "level-1"}.get(frozenset(off), "level-1-2")


def _isis(tree: Tree, protocols: Tree, routing: Tree) -> Lines:
    lines: Lines = {}
    isis = protocols.get("isis", {})
    area = net(tree)
    if not isis.get("interface") or area is None:
        return lines
    lines[(f"router isis {INSTANCE}",)] = [f"net {area}", f"is-type {_level(isis)}", "metric-style wide"]
    for name, interface in isis["interface"].items():
        if _level_off(interface):
            continue
        family = tree.get("interfaces", {}).get("interface", {}).get(name.partition(".")[0], {}).get("unit", {}).get("0", {})
        inner = _interface(lines, name)
        inner.append(f"ip router isis {INSTANCE}")
        if "inet6" in family.get("family", {}):
            inner.append(f"ipv6 router isis {INSTANCE}")
        if _level(interface) != "level-1-2":
            inner.append(f"isis circuit-type {_level(interface)}")
        inner += [
            f"isis metric level-{level} {options['metric']}"
            for level, options in sorted(interface.get("level", {}).items())
            if "metric" in options
        ]
        if "point-to-point" in interface and not name.startswith("lo"):
            inner.append("isis network point-to-point")
        if "passive" in interface or name.startswith("lo"):
            inner.append("isis passive")
    return lines


def _level_off(entry: Tree) -> bool:
    return sum("disable" in options for options in entry.get("level", {}).values()) == 2


def _bgp(tree: Tree, protocols: Tree, routing: Tree) -> Lines:
    lines: Lines = {}
    groups = protocols.get("bgp", {}).get("group", {})
    own = routing.get("autonomous-system")
    if not groups or own is None:
        return lines
    head = f"router bgp {own}"
    inner = lines.setdefault((head,), [])
    if "router-id" in routing:
        inner.append(f"bgp router-id {routing['router-id']}")
    inner += ["no bgp default ipv4-unicast", "no bgp ebgp-requires-policy", "bgp log-neighbor-changes"]
    families: dict[str, list[str]] = {"ipv4": [f"distance bgp {BGP} {BGP} {BGP}"], "ipv6": [f"distance bgp {BGP} {BGP} {BGP}"]}
    for name, group in groups.items():
        for neighbor, entry in group.get("neighbor", {}).items():
            peer = own if group.get("type") == "internal" else entry.get("peer-as", group.get("peer-as"))
            inner.append(f"neighbor {neighbor} remote-as {peer}")
            local = entry.get("local-address", group.get("local-address"))
            if local:
                inner.append(f"neighbor {neighbor} update-source {local}")
            inner.append(f"neighbor {neighbor} description {entry.get('description', group.get('description', name))}")
            chosen = group.get("family", {})
            for family, kind in (("inet", "ipv4"), ("inet6", "ipv6")):
                if family in chosen or (not chosen and (kind == "ipv6") == (":" in neighbor)):
                    families[kind].append(f"neighbor {neighbor} activate")
    for kind, activated in families.items():
        if len(activated) > 1:
            lines[(head, f"address-family {kind} unicast")] = activated
    return lines
