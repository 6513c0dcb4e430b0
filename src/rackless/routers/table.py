"""Which code drives which family at run time; one literal table. Facts for planning are in `families`."""

from __future__ import annotations

from rackless.model.errors import DefectError
from rackless.routers.contract import RouterFamily
from rackless.routers.dialects import JUNOS
from rackless.routers.families import FAMILIES
from rackless.routers.reference import ReferenceRouter

ROUTERS: dict[str, RouterFamily] = {"reference": ReferenceRouter(), "junos": ReferenceRouter(dialect=JUNOS)}
"""By dialect."""


def router(family: str) -> RouterFamily:
    """Raises DefectError: planning lets no unknown family pass."""
    dialect = next((known.dialect or known.name for known in FAMILIES if known.name == family), family)
    try:
        return ROUTERS[dialect]
    except KeyError:
        raise DefectError(f"No code drives routers of the family {family!r}.") from None
