"""`snmp`: the agent."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, leaf

SNMP = container(
    "snmp",
    "Simple Network Management Protocol configuration",
    leaf("location", "Physical location of system", t.text),
    leaf("contact", "Contact information for administrator", t.text),
    entries(
        "community",
        "Configure a community string",
        t.community,
        leaf("authorization", "Authorization type", t.one_of("authorization", read_only="Allow read-only access")),
    ),
    by="snmp",
)
