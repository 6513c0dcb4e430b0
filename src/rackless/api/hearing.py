"""What is said of machines, in the words of whoever hears it: to ordinary users a router is one chassis with cards."""

from __future__ import annotations

from typing import Any

from rackless.model import naming
from rackless.model.people import Caller, Role


def heard(who: Caller, value: Any) -> Any:
    """What a job says, as the caller hears it: in all its texts, however deep, cards by their place in the chassis."""
    if who.has(Role.OPERATOR):
        return value
    if isinstance(value, str):
        return naming.spoken_in(value)
    if isinstance(value, dict):
        return {key: heard(who, inner) for key, inner in value.items()}
    return [heard(who, inner) for inner in value] if isinstance(value, list | tuple) else value
