"""`locks: [licence-server, testbed-3]`: names that a lab holds from its begin to its end."""

from __future__ import annotations

from rackless.blueprints.reading import Reading, quoted
from rackless.blueprints.structure import NAME_RULE
from rackless.model import naming

MOST = 16


def read(reading: Reading) -> tuple[str, ...]:
    """The names, in the order of the file; those that had a problem are left out."""
    value = reading.get_raw(("locks",))
    if value is None and not (isinstance(reading.source.value, dict) and "locks" in reading.source.value):
        return ()
    if not isinstance(value, list) or len(value) > MOST:
        reading.problem(("locks",), f"`locks` must be a list of {MOST} names at most.", "Write `locks: [testbed-3]`.")
        return ()
    found: list[str] = []
    for number, name in enumerate(value):
        if not isinstance(name, str) or not naming.is_name(name):
            shown = quoted(name) if isinstance(name, str) else "what is no text"
            reading.problem(("locks", number), f"A lock cannot be named {shown}.", f"{NAME_RULE}.")
        elif name in found:
            reading.problem(("locks", number), f"The lock '{name}' is named twice.", "Name each once.")
        else:
            found.append(name)
    return tuple(found)
