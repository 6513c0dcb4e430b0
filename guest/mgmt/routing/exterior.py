"""BGP. What is set at a neighbor counts before what its group says, and that before what stands at `protocols bgp`."""

from __future__ import annotations

from .filters import FRR_NAMES, TAGS, Compiler, Use, merge
from .liveness import profile
from .statics import tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..tree import Tree
    from .filters import Lines

BGP = 170
"""Preference of the dialect, used as FRR's distance."""
HOLD = 90
"""Seconds; the dialect's own default, with a third of it between keepalives."""
FAMILIES = (("inet", "ipv4"), ("inet6", "ipv6"))


class Peer:
    """One neighbor with all that it inherits."""

    def __init__(self, address: str, group: str, levels: tuple[Tree, Tree, Tree], own: str) -> None:
        self.address = address
        self.group = group
        self.options: Tree = {}
        for level in levels:
            self.options.update({key: value for key, value in level.items() if key not in ("group", "neighbor", "type")})
        self.internal = levels[1].get("type") == "internal"
        self.remote = own if self.internal else self.options.get("peer-as", "")
        chosen = self.options.get("family", {})
        self.families = [family for family, _ in FAMILIES if "unicast" in chosen.get(family, {})]
        if not any("unicast" in chosen.get(family, {}) for family, _ in FAMILIES):
            self.families = ["inet6" if ":" in address else "inet"]


def peers(bgp: Tree, own: str) -> Iterator[Peer]:
    for name, group in bgp.get("group", {}).items():
        for address, entry in group.get("neighbor", {}).items():
            yield Peer(address, name, (bgp, group, entry), own)


def bgpd(tree: Tree) -> Lines:
    lines: Lines = {}
    for instance, vrf, routing, protocols in tables(tree):
        bgp = protocols.get("bgp", {})
        own = routing.get("autonomous-system", tree.get("routing-options", {}).get("autonomous-system"))
        if bgp.get("group") and own is not None:
            _instance(tree, lines, f"router bgp {own}" + (f" vrf {vrf}" if vrf else ""), instance or "main", routing, bgp, own)
    return lines


def _instance(tree: Tree, lines: Lines, head: str, name: str, routing: Tree, bgp: Tree, own: str) -> None:
    inner: list[str] = []
    if "router-id" in routing:
        inner.append(f"bgp router-id {routing['router-id']}")
    merge(lines, {(): ["bgp route-map delay-timer 1"]})
    inner += [
        "no bgp default ipv4-unicast",
        "no bgp ebgp-requires-policy",
        "no bgp network import-check",
        "bgp log-neighbor-changes",
        "bgp deterministic-med",
        f"timers bgp {HOLD // 3} {HOLD}",
        *_options(bgp),
    ]
    all_ = list(peers(bgp, own))
    families: dict[str, list[str]] = {}
    for family, kind in FAMILIES:
        there = [peer for peer in all_ if family in peer.families]
        if there:
            families[kind] = _family(tree, lines, name, family, there, bgp)
    for peer in all_:
        inner += _neighbor(peer)
    lines[(head,)] = inner
    for kind, rows in families.items():
        lines[(head, f"address-family {kind} unicast")] = rows


def _options(bgp: Tree) -> list[str]:
    found = []
    cluster = next((group["cluster"] for group in [bgp, *bgp["group"].values()] if "cluster" in group), None)
    if cluster is not None:
        found.append(f"bgp cluster-id {cluster}")
    selection = bgp.get("path-selection", {})
    found += ["bgp always-compare-med"] if "always-compare-med" in selection else []
    found += ["bgp bestpath compare-routerid"] if "external-router-id" in selection else []
    groups = [bgp, *bgp["group"].values()]
    if any("multiple-as" in group.get("multipath", {}) for group in groups):
        found.append("bgp bestpath as-path multipath-relax")
    restart = next((group["graceful-restart"] for group in groups if "graceful-restart" in group), None)
    if restart is not None and "disable" not in restart:
        found.append("bgp graceful-restart")
        found += [f"bgp graceful-restart restart-time {restart['restart-time']}"] if "restart-time" in restart else []
        found += [f"bgp graceful-restart stalepath-time {restart['stale-routes-time']}"] if "stale-routes-time" in restart else []
    return found


def _neighbor(peer: Peer) -> list[str]:
    options, head = peer.options, f"neighbor {peer.address}"
    found = [f"{head} remote-as {peer.remote}"]
    if "local-address" in options:
        found.append(f"{head} update-source {options['local-address']}")
    found.append(f"{head} description {options.get('description', peer.group)}")
    # FRR would wait 30 s with routes for other systems and 120 s with the next attempt; the dialect's routers don't.
    found += [f"{head} advertisement-interval 0", f"{head} timers connect 10"]
    if "hold-time" in options:
        hold = int(options["hold-time"])
        found.append(f"{head} timers {hold // 3} {hold}")
    if "multihop" in options and not peer.internal:
        found.append(f"{head} ebgp-multihop {options['multihop'].get('ttl', '64')}")
    if "authentication-key" in options:
        found.append(f"{head} password {options['authentication-key']}")
    local = options.get("local-as", {})
    if "as-number" in local:
        more = " no-prepend replace-as" if "no-prepend-global-as" in local else " no-prepend" if "private" in local else ""
        found.append(f"{head} local-as {local['as-number']}{more}")
    if "passive" in options:
        found.append(f"{head} passive")
    if "bfd-liveness-detection" in options:
        found += [f"{head} bfd", f"{head} bfd profile {profile(options['bfd-liveness-detection'])[0]}"]
    return found


def _family(tree: Tree, lines: Lines, name: str, family: str, there: list[Peer], bgp: Tree) -> list[str]:
    """The lines of one address family. What any neighbour's export lets pass is taken into BGP, marked with its origin."""
    mixed = _taken(tree, family, there)
    preference = bgp.get("preference", str(BGP))
    rows = [f"distance bgp {preference} {preference} {preference}"]
    groups = [bgp, *bgp.get("group", {}).values()]
    paths = 16 if any("multipath" in group for group in groups) else 1
    rows += [f"maximum-paths {paths}", f"maximum-paths ibgp {paths}"]
    for protocol in mixed:
        map_ = f"{name}-bgp-from-{protocol}"
        merge(lines, {(f"route-map {map_} permit 10",): [f"set tag {TAGS[protocol]}"]})
        rows.append(f"redistribute {FRR_NAMES[family][protocol]} route-map {map_}")
    for peer in there:
        rows += _peer_family(tree, lines, name, family, peer, mixed)
    return rows


def _taken(tree: Tree, family: str, there: list[Peer]) -> tuple[str, ...]:
    """Protocols whose routes some neighbour may get."""
    found = []
    for protocol in FRR_NAMES[family]:
        chains = {tuple(peer.options.get("export", ())) for peer in there}
        for chain in chains if protocol != "bgp" else ():
            compiler = Compiler(tree, Use("any", family, protocol=protocol, bgp=True))
            compiler.compile(list(chain))
            if compiler.accepts():
                found.append(protocol)
                break
    return tuple(found)


def _peer_family(tree: Tree, lines: Lines, name: str, family: str, peer: Peer, mixed: tuple[str, ...]) -> list[str]:
    options, head = peer.options, f"neighbor {peer.address}"
    rows = [f"{head} activate"]
    if peer.internal and "cluster" in options:
        rows.append(f"{head} route-reflector-client")
    if "remove-private" in options:
        rows.append(f"{head} remove-private-AS")
    if "as-override" in options:
        rows.append(f"{head} as-override")
    limit = options.get("family", {}).get(family, {}).get("unicast", {}).get("prefix-limit", {})
    if "maximum" in limit:
        percent = limit.get("teardown", {}).get("percent")
        ending = (f" {percent}" if percent else "") if "teardown" in limit else " warning-only"
        rows.append(f"{head} maximum-prefix {limit['maximum']}{ending}")
    incoming = options.get("import", [])
    settings = (
        [f"set local-preference {options['local-preference']}"] if "local-preference" in options and not peer.internal else []
    )
    if incoming or settings:
        use = Use(
            f"{name}-{peer.address}-import-{family}",
            family,
            protocol="bgp",
            neighbor=peer.address,
            default=True,
            first=tuple(settings),
            bgp=True,
        )
        rows.append(_attach(tree, lines, head, use, incoming, "in"))
    first = [f"set metric {options['metric-out']}"] if "metric-out" in options else []
    first += [f"set local-preference {options['local-preference']}"] if "local-preference" in options and peer.internal else []
    if options.get("export") or first or mixed:
        use = Use(f"{name}-{peer.address}-export-{family}", family, mixed=mixed, default=True, first=tuple(first), bgp=True)
        rows.append(_attach(tree, lines, head, use, options.get("export", []), "out"))
    return rows


def _attach(tree: Tree, lines: Lines, head: str, use: Use, chain: list[str], direction: str) -> str:
    compiler = Compiler(tree, use)
    compiler.compile(chain)
    merge(lines, compiler.lines())
    return f"{head} route-map {use.name} {direction}"
