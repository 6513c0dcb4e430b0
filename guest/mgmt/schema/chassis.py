"""`chassis` and `vmhost`: what the router is built of."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf

ALARM = t.one_of("alarm", ignore="Do not report", red="Report as major", yellow="Report as minor")


def pic() -> Node:
    return entries(
        "pic",
        "Physical Interface Card number",
        t.number("slot", 0, 3),
        leaf("power", "Power of the PIC", t.one_of("power", off="Off", on="On")),
        leaf("tunnel-services", "Tunnel services", t.word),
        leaf("pic-mode", "Mode of the ports", t.word),
        leaf("number-of-ports", "Number of physical ports to enable", t.number("ports", 0, 96)),
    )


CHASSIS = container(
    "chassis",
    "Chassis configuration",
    container(
        "aggregated-devices",
        "Aggregated devices configuration",
        container(
            "ethernet",
            "Aggregated device options for Ethernet",
            leaf("device-count", "Number of aggregated Ethernet devices", t.number("devices", 1, 128)),
        ),
    ),
    ineffective(
        container(
            "alarm",
            "Global alarm settings",
            container("ethernet", "Ethernet alarms", leaf("link-down", "Link has gone down", ALARM)),
            container("management-ethernet", "Management Ethernet alarms", leaf("link-down", "Link has gone down", ALARM)),
        )
    ),
    ineffective(
        entries(
            "fpc",
            "Flexible PIC Concentrator number",
            t.number("slot", 0, 11),
            leaf("power", "Power of the FPC", t.one_of("power", off="Off", on="On")),
            flag("lite-mode", "Light processing mode"),
            leaf("sampling-instance", "Sampling instance", t.word),
            pic(),
        )
    ),
    ineffective(
        container(
            "redundancy",
            "Redundancy settings",
            container("graceful-switchover", "Graceful switchover", presence=True),
            entries(
                "routing-engine",
                "Redundancy options",
                t.number("slot", 0, 1),
                leaf("role", "Role", t.one_of("role", master="Master", backup="Backup", disabled="Disabled")),
                oneline=True,
            ),
        )
    ),
    ineffective(
        leaf(
            "network-services",
            "Network services mode",
            t.one_of("mode", ip="IP", ethernet="Ethernet", enhanced_ip="Enhanced IP", enhanced_ethernet="Enhanced Ethernet"),
        )
    ),
    ineffective(leaf("config-button", "Craft button", t.word)),
    by="interfaces",
)

VMHOST = container(
    "vmhost",
    "Configure the host of the routing engine's machine",
    flag("no-auto-recovery", "Disable recovery of the guest image by the host"),
    by="vmhost",
)
