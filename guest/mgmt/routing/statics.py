"""Static routes and router ids: zebra and staticd."""

from __future__ import annotations

from ..devices import device, instances, vrf_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..tree import Tree
    from .filters import Lines

STATIC = 5
"""Preference of static routes in the dialect, used as FRR's distance, so that the same route wins."""


def tables(tree: Tree) -> Iterator[tuple[str, str, Tree, Tree]]:
    """(instance, its Unix name, its routing-options, its protocols) of the router itself ("" twice) and of its instances."""
    yield "", "", tree.get("routing-options", {}), tree.get("protocols", {})
    for name, entry in instances(tree).items():
        yield name, vrf_name(name), entry.get("routing-options", {}), entry.get("protocols", {})


def routes(options: Tree) -> Iterator[tuple[str, Tree]]:
    """Static routes of all tables of a routing-options."""
    yield from options.get("static", {}).get("route", {}).items()
    for rib in options.get("rib", {}).values():
        yield from rib.get("static", {}).get("route", {}).items()


def zebra(tree: Tree) -> Lines:
    lines: Lines = {(): []}
    for _, vrf, options, _ in tables(tree):
        if "router-id" in options:
            lines.setdefault((f"vrf {vrf}",) if vrf else (), []).append(f"ip router-id {options['router-id']}")
    return lines


def staticd(tree: Tree) -> Lines:
    lines = []
    for _, vrf, options, _ in tables(tree):
        for prefix, route in sorted(routes(options)):
            verb = "ipv6 route" if ":" in prefix else "ip route"
            tail = (f" tag {route['tag']}" if "tag" in route else "") + "{}" + (f" vrf {vrf}" if vrf else "")
            distance = " " + route.get("preference", str(STATIC))
            plain = [
                *route.get("next-hop", ()),
                *(["blackhole"] if "discard" in route else []),
                *(["reject"] if "reject" in route else []),
            ]
            lines += [f"{verb} {prefix} {hop}{tail.format(distance)}" for hop in plain]
            for hop, options_ in route.get("qualified-next-hop", {}).items():
                via = f" {device(tree, options_['interface'])}" if "interface" in options_ else ""
                own = " " + options_["preference"] if "preference" in options_ else distance
                lines.append(f"{verb} {prefix} {hop}{via}{tail.format(own)}")
    return {(): lines} if lines else {}
