"""`routing-options`, `protocols`, `policy-options` and `routing-instances`: FRR. Only the daemons that are needed run.

Each daemon has a file with its own lines (made by `routing/`), which it reads when it starts. A running daemon gets only what
differs, through vtysh, so that neighbours are not lost. A line's undo is `no LINE`, that of a block `no BLOCK`.
"""

from __future__ import annotations

import re
import threading

from ..routing.exterior import bgpd
from ..routing.interior import isisd, ospf6d, ospfd
from ..routing.liveness import bfdd
from ..routing.statics import staticd, zebra
from ..supervisor import Daemon
from .announcing import announce
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..routing.filters import Block, Lines
    from ..tree import Tree
    from ..world import Machine

FOLDER = "/etc/frr"
BUILDERS = {"zebra": zebra, "staticd": staticd, "bfdd": bfdd, "ospfd": ospfd, "ospf6d": ospf6d, "isisd": isisd, "bgpd": bgpd}
DAEMONS = tuple(BUILDERS)
READY = 60.0
"""Seconds that zebra may take; under emulation it needs up to 8."""
_worker = threading.Lock()
_wanted: set[str] = set()
"""Daemons of the newest configuration: a start that was overtaken by another commit starts none that is not wanted any more."""


def render(tree: Tree, world: Machine) -> Part:
    daemons: dict[str, Lines] = {name: build(tree) for name, build in BUILDERS.items()}
    daemons = {name: _ordered(lines) for name, lines in daemons.items() if lines and name != "zebra"}
    if daemons:
        daemons = {"zebra": zebra(tree), **daemons}
    # Keys of neighbours are in these files.
    files = {f"{FOLDER}/{name}.conf": (text(lines), 0o640) for name, lines in daemons.items()}
    if daemons:
        # vtysh complains when its own file is not there.
        files[f"{FOLDER}/vtysh.conf"] = ("no service integrated-vtysh-config\n", 0o644)
    return Part(files, daemons)


def _ordered(lines: Lines) -> Lines:
    """Lists and route maps first: isisd looks a map up once, when a line names it."""
    return {block: lines[block] for block in sorted(lines, key=lambda block: bool(block) + (not _of_policy(block)))}


def _of_policy(block: Block) -> bool:
    return not block or block[0].startswith("route-map ")


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


SINGLE = re.compile(
    r"neighbor \S+ (remote-as|update-source|description|timers( connect)?|advertisement-interval|ebgp-multihop"
    r"|password|local-as|bfd profile|maximum-prefix)"
    r"|(ip ospf|ipv6 ospf6) (area|cost|hello-interval|dead-interval|network|priority|retransmit-interval"
    r"|transmit-delay|bfd profile)"
    r"|(bgp|ospf|ospf6|ip) router-id|distance \w+|timers bgp|is-type|isis (metric|hello-interval|hello-multiplier) level-."
    r"|isis (password|csnp-interval|bfd profile)|maximum-paths( ibgp)?|bgp cluster-id|area \S+ default-cost|max-lsp-lifetime"
    r"|detect-multiplier|receive-interval|transmit-interval"
)
"""Lines whose new value takes the place of the old one; an undo before it would lose the neighbour."""
LASTING = ("interface ", "vrf ", "address-family ")
"""Blocks that can't be undone as a whole: their lines are."""


def delta(old: Lines, new: Lines) -> list[str]:
    """The commands that bring a daemon from `old` to `new`."""
    out: list[str] = []
    if any(old.get(block) != new.get(block) for block in {*old, *new} if _of_policy(block)):
        # isisd keeps the map that it found: it has to let go of it before the map changes, and to look it up again.
        for block in [one for one in old if one in new and one and one[0].startswith("router isis ")]:
            held = [line for line in old[block] if " route-map " in line]
            old = {**old, block: [line for line in old[block] if line not in held]}
            out += _within(block, [_undo(line) for line in held])
    for block in reversed(list(old)):
        if block not in new and block and not block[-1].startswith(LASTING):
            if len(block) == 1 or block[:1] in new:
                out += [*block[:-1], f"no {block[-1]}", *(_leave(head) for head in reversed(block[:-1]))]
        elif block in new or len(block) == 1 or block[:1] in new:
            out += _within(block, _undone(block, old[block], new.get(block, []), new))
    for block, inner in new.items():
        before = old.get(block, [])
        if block and block[0].startswith("route-map ") and before != inner and before:
            out += [f"no {block[0]}"]  # an entry is made anew: not every line of it has an undo
            before = []
        added = [line for line in inner if line not in before]
        if added or block not in old:
            out += [*block, *added, *(_leave(head) for head in reversed(block))]
    return out


def _within(block: Block, lines: list[str]) -> list[str]:
    return [*block, *lines, *(_leave(head) for head in reversed(block))] if lines else []


def _undone(block: Block, before: list[str], after: list[str], new: Lines) -> list[str]:
    """What takes away the lines of a block that are not in it any more."""
    if block and block[0].startswith("route-map "):
        return []
    kept = {found[0] for line in after if (found := SINGLE.match(line))}
    there = {line.split()[1] for line in new.get(block[:1], ()) if line.startswith("neighbor ")}
    out: list[str] = []
    for line in before:
        words = line.split()
        if line in after:
            continue
        if block and words[0] == "neighbor" and words[1] not in there:
            out += [f"no neighbor {words[1]}"] if len(block) == 1 and words[2] == "remote-as" else []
            continue
        found = SINGLE.match(line)
        if found is None or found[0] not in kept:
            out.append(_undo(line))
    return out


def _undo(line: str) -> str:
    return line[3:] if line.startswith("no ") else f"no {line}"


def check(engine: Engine, new: Part) -> None:
    """vtysh's own word on every line, before anything is changed: it has the grammar of all daemons, and none need run."""
    if not new.data:
        return
    path = "/run/mgd/frr-check"
    rows = [row for name in new.data for row in new.files[f"{FOLDER}/{name}.conf"][0].splitlines()]
    engine.world.write(path, "\n".join(rows) + "\n", 0o600)
    done = engine.world.run(["vtysh", "-C", "-f", path], deadline=60.0)
    engine.world.remove(path)
    if done.code not in (0, 127):
        told = (done.out + done.err).strip().splitlines() or [f"vtysh ended with code {done.code}"]
        raise Failed(f"routing: {told[0].strip()}")


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    """Running daemons are changed at once. Starting one takes seconds under emulation and happens behind the user's back."""
    if new.same(old):
        return
    before = dict(old.data) if old is not None else {}
    engine.put_files(old, new)
    _own(engine, new)
    _wanted.clear()
    _wanted.update(new.data)
    for name in new.data:
        engine.supervisor.adopt(_daemon(name))
    for name, lines in new.data.items():
        change = delta(before[name], lines) if name in before else []
        if change and engine.supervisor.running(name):
            # vtysh passes over a daemon that doesn't listen yet, without a word.
            engine.supervisor.wait_ready(name, READY)
            _tell(engine, name, change)
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


def _own(engine: Engine, new: Part) -> None:
    """The daemons read their files as user frr."""
    if not engine.world.live:
        return
    import grp
    import os

    group = grp.getgrnam("frr").gr_gid
    for path in new.files:
        os.chown(engine.world.path(path), 0, group)


def _tell(engine: Engine, name: str, script: list[str]) -> None:
    path = f"/run/mgd/{name}-change"
    engine.world.write(path, "\n".join(script) + "\n", 0o600)
    done = engine.world.run(["vtysh", "-d", name, "-f", path], deadline=60.0)
    faults = [line for line in (done.out + done.err).splitlines() if line.lstrip().startswith("%") or "Unknown command" in line]
    faults = [line for line in faults if not any(word in line for word in HARMLESS)]
    if done.code != 0 or faults:
        raise Failed(
            f"routing: {name}: " + (faults[0].strip() if faults else (done.err.strip() or f"vtysh ended with code {done.code}"))
        )


def _start(engine: Engine, names: list[str]) -> None:
    """zebra first; the others would wait 10 s for their next try when it isn't there yet."""
    with _worker:
        for name in names:
            if name not in _wanted:
                continue
            engine.supervisor.ensure(_daemon(name))
            if name == "zebra" and not engine.supervisor.wait_ready(name, READY):
                engine.log(f"zebra: not ready within {READY:g} s")
        announce(engine)


def _daemon(name: str) -> Daemon:
    argv = [f"/usr/lib/frr/{name}", "-A", "127.0.0.1", "-P", "0", "-f", f"{FOLDER}/{name}.conf"]
    return Daemon(name, argv, ready="/run/frr/zserv.api" if name == "zebra" else f"/run/frr/{name}.vty")


HARMLESS = ("already", "will take effect")
"""Words of FRR's answers that begin like complaints and are none."""
