"""`show firewall`: the counters of the packet filters that are on interfaces, from nftables."""

from __future__ import annotations

import json

from ..references import filters_of
from ..render.firewall import TABLE, counter_name, filters_in_use
from ..xmltree import Element
from .reply import fail, information
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]

COUNTER = Table(
    "counter",
    ("counter-name", "count", "Name", 50),
    ("packet-count", "packets", "", 0),
    ("byte-count", "bytes", "Bytes", -18),
    ("packets", lambda _: None, "Packets", -18),
)


def filters(session: Session, given: Given) -> Element:
    """The configured filters; those that are on no interface have counted nothing."""
    running = session.datastore.running
    configured = [(family, name) for family in ("inet", "inet6") for name in filters_of(running.get("firewall", {}), family)]
    wanted, counter = given.get("filtername"), given.get("counter")
    if wanted is not None and wanted not in [name for _, name in configured]:
        raise fail(f"error: filter {wanted} not found")
    kernel = _counters(session) if filters_in_use(running) else {}
    root = information("firewall-information", "filter")
    for family, name in sorted(configured):
        if wanted not in (None, name):
            continue
        made = root.add("filter-information")
        made.add("filter-name", name)
        terms = filters_of(running.get("firewall", {}), family).get(name, {}).get("term", {}).values()
        for count in dict.fromkeys(term["then"]["count"] for term in terms if "count" in term.get("then", {})):
            if counter in (None, count):
                COUNTER.add(made, {"packets": 0, "bytes": 0, **kernel.get(counter_name(family, name, count), {}), "count": count})
    return root


def _counters(session: Session) -> dict[str, dict[str, Any]]:
    done = session.datastore.world.run(["nft", "-j", "list", "counters", "table", "inet", TABLE])
    if done.code != 0 or not done.out:
        return {}
    rows = [one["counter"] for one in json.loads(done.out).get("nftables", ()) if "counter" in one]
    return {row["name"]: row for row in rows}


def filters_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        lines.append(f"\nFilter: {one.value('filter-name')}\n")
        counters = one.all("counter")
        if counters:
            lines.append(f"Counters:\n{COUNTER.head()}")
        for row in counters:
            name, size, packets = (row.value(tag) for tag in ("counter-name", "byte-count", "packet-count"))
            lines.append(f"{name:<50} {size:>18} {packets:>18}\n")
    return "".join(lines)


def clear(session: Session, given: Given) -> Element:
    """Counters of all filters, of one, or one of it, begin at nothing."""
    running = session.datastore.running
    for one in filters(session, given).children:
        for family in ("inet", "inet6"):
            name = one.value("filter-name")
            if (family, name) not in filters_in_use(running):
                continue
            for row in one.all("counter"):
                kernel = counter_name(family, name, row.value("counter-name"))
                done = session.datastore.world.run(["nft", "reset", "counter", "inet", TABLE, kernel])
                if done.code != 0:
                    raise fail(f"error: {done.err.strip().splitlines()[0] if done.err.strip() else 'nftables refuses'}")
    return Element("output")
