"""`interfaces`: management (fxp0), loopback (lo0), the cards' ports (ge-) and aggregates of them (ae)."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves

MTU = t.number("mtu", 256, 9192)


def _filters() -> Node:
    return container(
        "filter",
        "Packet filtering",
        leaf("input", "Filter to be applied to received packets", t.name),
        leaf("output", "Filter to be applied to transmitted packets", t.name),
        by="firewall",
    )


def _address(type_: t.Type, *more: Node) -> Node:
    return entries(
        "address",
        "Interface address/destination prefix",
        type_,
        flag("primary", "Candidate for primary address in system"),
        flag("preferred", "Preferred address on interface"),
        *more,
        oneline=True,
    )


FAMILY = container(
    "family",
    "Protocol family",
    container(
        "inet",
        "IPv4 parameters",
        leaf("mtu", "Protocol family maximum transmission unit", t.number("mtu", 256, 9192)),
        _filters(),
        _address(t.ipv4_interface, ineffective(leaf("broadcast", "Broadcast address", t.ipv4))),
        flag("dhcp", "Take the address from a DHCP server (fxp0)"),
        ineffective(flag("no-redirects", "Do not generate protocol redirects")),
        ineffective(container("rpf-check", "Enable reverse-path-forwarding checks", presence=True)),
        presence=True,
    ),
    container(
        "inet6",
        "IPv6 protocol parameters",
        leaf("mtu", "Protocol family maximum transmission unit", t.number("mtu", 1280, 9192)),
        _filters(),
        _address(t.ipv6_interface, ineffective(flag("eui-64", "Generate EUI-64 interface ID"))),
        ineffective(flag("dad-disable", "Disable duplicate-address-detection (it is off)")),
        presence=True,
    ),
    container(
        "iso",
        "OSI ISO protocol parameters",
        ineffective(leaf("mtu", "Protocol family maximum transmission unit", t.number("mtu", 256, 9192))),
        entries("address", "Interface address", t.iso_address, oneline=True),
        presence=True,
    ),
    container(
        "bridge",
        "Layer-2 bridging parameters",
        leaf(
            "interface-mode",
            "Switching mode",
            t.one_of("interface-mode", access="Access interface", trunk="Trunk interface"),
        ),
        leaf("vlan-id", "VLAN of an access interface", t.number("vlan-id", 1, 4094)),
        leaves("vlan-id-list", "VLANs of a trunk", t.vlan_range),
        presence=True,
    ),
    ineffective(
        container(
            "mpls",
            "MPLS protocol parameters",
            leaf("mtu", "Protocol family maximum transmission unit", t.number("mtu", 256, 9192)),
            leaf("maximum-labels", "Maximum number of MPLS labels", t.number("labels", 3, 16)),
            presence=True,
        ),
        "MPLS is not forwarded by this router",
    ),
    joined=True,
)

UNIT = entries(
    "unit",
    "Logical interface",
    t.number("unit", 0, t.UNIT_MOST),
    leaf("description", "Text description of logical interface", t.text),
    flag("disable", "Disable this logical interface", excludes=("enable",)),
    flag("enable", "Enable this logical interface, whatever a group says", excludes=("disable",)),
    leaf("vlan-id", "Virtual LAN identifier value for 802.1q VLAN tags", t.number("vlan-id", 0, 4094)),
    ineffective(leaf("bandwidth", "Logical unit bandwidth (informational only)", t.size)),
    leaf("encapsulation", "Logical link-layer encapsulation", t.one_of("encapsulation", vlan_bridge="VLAN layer-2 bridging")),
    flag("traps", "Enable SNMP notifications on state changes", excludes=("no-traps",)),
    flag("no-traps", "Don't enable SNMP notifications on state changes", excludes=("traps",)),
    FAMILY,
)

AGGREGATE = container(
    "aggregated-ether-options",
    "Aggregated Ethernet interface options",
    leaf("minimum-links", "Minimum number of aggregated links", t.number("links", 1, 64)),
    container(
        "lacp",
        "Link Aggregation Control Protocol configuration",
        flag("active", "Initiate transmission of LACP packets", excludes=("passive",)),
        flag("passive", "Respond to LACP packets", excludes=("active",)),
        leaf(
            "periodic", "Timer interval for periodic transmission", t.one_of("periodic", fast="Every second", slow="Every 30 s")
        ),
        leaf("system-priority", "Priority of the system (0 ... 65535)", t.number("priority", 0, 65535)),
        ineffective(leaf("system-id", "Node's System ID, encoded as a MAC address", t.word)),
        ineffective(leaf("admin-key", "Node's administrative key", t.number("key", 0, 65535))),
        presence=True,
    ),
    ineffective(leaf("link-speed", "Link speed of individual interface that joins the AE", t.word)),
)

ETHER_OPTIONS = (
    container("802.3ad", "IEEE 802.3ad", leaf("bundle", "Name of the aggregate", t.aggregate, bare=True), oneline=True),
    ineffective(flag("auto-negotiation", "Enable auto-negotiation")),
    ineffective(flag("no-auto-negotiation", "Don't enable auto-negotiation")),
    ineffective(flag("flow-control", "Enable flow control")),
    ineffective(flag("no-flow-control", "Don't enable flow control")),
    ineffective(flag("loopback", "Enable loopback")),
)

INTERFACES = container(
    "interfaces",
    "Interface configuration",
    entries(
        "interface",
        "Interface name",
        t.interface,
        leaf("description", "Text description of interface", t.text),
        flag("disable", "Disable this interface", excludes=("enable",)),
        flag("enable", "Enable this interface, whatever a group says", excludes=("disable",)),
        leaf("mtu", "Maximum transmit packet size of the media, with the 14 bytes of Ethernet header", MTU),
        flag("vlan-tagging", "802.1q VLAN tagging support"),
        flag("flexible-vlan-tagging", "Support for no tagging, or single and double 802.1q VLAN tagging"),
        container("gigether-options", "Gigabit Ethernet interface-specific options", *ETHER_OPTIONS),
        AGGREGATE,
        ineffective(leaf("speed", "Link speed", t.word)),
        ineffective(
            leaf(
                "link-mode",
                "Link operational mode",
                t.one_of("mode", automatic="Automatic", full_duplex="Full duplex", half_duplex="Half duplex"),
            )
        ),
        leaf(
            "encapsulation",
            "Physical link-layer encapsulation",
            t.one_of(
                "encapsulation",
                ethernet_bridge="Ethernet layer-2 bridging",
                vlan_bridge="VLAN layer-2 bridging",
                extended_vlan_bridge="Extended VLAN layer-2 bridging",
                flexible_ethernet_services="Allows per-unit Ethernet encapsulation configuration",
            ),
        ),
        ineffective(leaf("native-vlan-id", "Virtual LAN identifier for untagged frames", t.number("vlan-id", 0, 4094))),
        ineffective(
            container(
                "hold-time",
                "Hold time for link up and link down",
                leaf("up", "Up (ms)", t.number("ms", 0, 4294967295)),
                leaf("down", "Down (ms)", t.number("ms", 0, 4294967295)),
            )
        ),
        flag("traps", "Enable SNMP notifications on state changes", excludes=("no-traps",)),
        flag("no-traps", "Don't enable SNMP notifications on state changes", excludes=("traps",)),
        ineffective(flag("gratuitous-arp-reply", "Enable gratuitous ARP reply")),
        ineffective(flag("no-gratuitous-arp-request", "Ignore gratuitous ARP request")),
        UNIT,
        bare=True,
    ),
    by="interfaces",
)
