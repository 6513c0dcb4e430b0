"""What the router says it is, in one place for the command line, NETCONF and SNMP. Pure."""

from __future__ import annotations

TITLE = "Rackless reference router"
MODEL = "vmx"
"""Clients choose by the model how to speak with a router; this one is a virtual router of cards and a controller."""
DIALECT = "23.2R1"
"""Release of the command-line dialect whose forms and element names are followed; clients choose their behaviour by it."""
OBJECT_ID = (1, 3, 6, 1, 4, 1, 2636, 1, 1, 1, 2, 108)
"""sysObjectID: jnxProductNameVMX of JUNIPER-CHASSIS-DEFINES-MIB, by which clients choose the vendor's tables."""


def description(release: str) -> str:
    """sysDescr: the product, then what clients of the vendor's routers recognise them by. `release`: of the image."""
    return f"{TITLE} {release}, compatible with Juniper Networks, Inc. {MODEL} internet router, kernel JUNOS {DIALECT}, on Linux"
