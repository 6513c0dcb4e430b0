"""Facts of a VM host as JSON has them: names as they are, a reason as it is printed (`0x4000:VJUNOS reboot`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

from rackless.model.errors import DefectError
from rackless.model.vmhost import Reason


def plain(fact: object) -> Any:
    """Dataclasses to objects, tuples to lists, enumerations to their values."""
    if isinstance(fact, Reason):
        return str(fact)
    if isinstance(fact, Enum):
        return fact.value
    if fact is None or isinstance(fact, str | int | float | bool):
        return fact
    if dataclasses.is_dataclass(fact) and not isinstance(fact, type):
        return {field.name: plain(getattr(fact, field.name)) for field in dataclasses.fields(fact)}
    if isinstance(fact, Mapping):
        return {str(key): plain(value) for key, value in fact.items()}
    if isinstance(fact, tuple | list):
        return [plain(one) for one in fact]
    raise DefectError(f"A {type(fact).__name__} is no fact of a VM host.")
