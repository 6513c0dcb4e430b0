"""`bfd-liveness-detection`: FRR's bfdd. Its sessions come from the protocols; what they share are profiles."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..tree import Tree
    from .filters import Lines


def profile(detection: Tree) -> tuple[str, list[str]]:
    """(name, lines) of the profile for these options. Without figures the dialect wants one; 300 ms and 3 are FRR's own."""
    interval = detection.get("minimum-interval", "300")
    receive = detection.get("minimum-receive-interval", interval)
    transmit = detection.get("transmit-interval", {}).get("minimum-interval", interval)
    times = detection.get("multiplier", "3")
    receive, transmit = (str(min(60000, max(10, int(one or 0)))) for one in (receive, transmit))
    lines = [f"detect-multiplier {max(2, int(times))}", f"receive-interval {receive}", f"transmit-interval {transmit}"]
    return f"p-{times}-{receive}-{transmit}", lines


def bfdd(tree: Tree) -> Lines:
    lines: Lines = {}
    for detection in _detections([tree.get("protocols", {}), tree.get("routing-instances", {})]):
        name, inner = profile(detection)
        lines[("bfd", f"profile {name}")] = inner
    return lines


def _detections(places: list[Any]) -> list[Tree]:
    found = []
    for place in places:
        if isinstance(place, dict):
            if "bfd-liveness-detection" in place:
                found.append(place["bfd-liveness-detection"])
            found += _detections(list(place.values()))
    return found
