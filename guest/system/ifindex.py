"""ifIndex of the router's interfaces: a function of the name alone, so that it outlives restarts of card and controller
(RFC 2863 section 3.1.5 asks for as much). The CLI and SNMP show the same numbers. Pure.

    1 fxp0   6 lo0   8 irb   13 fxp0.0   16 lo0.0   500 + 64 N + P  ge-N/0/P   4000 + N  aeN
    10000 + the port's  unit 0   1000000 + 16386 x the port's + unit  other units
"""

from __future__ import annotations

PORTS_OF_A_CARD = 64
UNITS = 16386
"""More than the highest unit that a configuration takes."""


def physical(name: str) -> int:
    """0 for a name that has none."""
    if name in ("fxp0", "lo0", "irb"):
        return {"fxp0": 1, "lo0": 6, "irb": 8}[name]
    if name.startswith("ae") and name[2:].isdecimal():
        return 4000 + int(name[2:])
    words = name[3:].split("/")
    if name.startswith("ge-") and len(words) == 3 and all(word.isdecimal() for word in words):
        return 500 + PORTS_OF_A_CARD * int(words[0]) + int(words[2])
    return 0


def logical(name: str) -> int:
    """Of `ge-0/0/0.100`; 0 for a name that has none."""
    port, _, unit = name.partition(".")
    index = physical(port)
    if not index or not unit.isdecimal():
        return 0
    if unit == "0":
        return {1: 13, 6: 16}.get(index, 10_000 + index)
    return 1_000_000 + UNITS * index + int(unit)
