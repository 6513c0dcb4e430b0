"""`routing-instances`: separate routing tables, on Linux VRFs."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, ineffective, leaf, leaves
from .protocols import ROUTING
from .routing_options import STATEMENTS

VPN = "layer 3 VPNs over MPLS are not done by this router"

ROUTING_INSTANCES = container(
    "routing-instances",
    "Routing instance configuration",
    entries(
        "instance",
        "Routing instance name",
        t.pattern("instance-name", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", "letters, digits, dots, - and _ are needed, at most 63"),
        leaf("description", "Text description of routing instance", t.text),
        leaf(
            "instance-type",
            "Type of routing instance",
            t.one_of("instance-type", virtual_router="Virtual routing instance", vrf="Virtual routing forwarding instance"),
        ),
        entries("interface", "Interface name for this routing instance", t.logical_interface, oneline=True),
        ineffective(leaf("route-distinguisher", "Route distinguisher for this instance", t.word), VPN),
        ineffective(
            container(
                "vrf-target",
                "VRF target community configuration",
                leaf("community", "Target community to use in import and export", t.community_member, bare=True),
                leaf("import", "Target community to use when filtering on import", t.community_member),
                leaf("export", "Target community to use when marking on export", t.community_member),
                oneline=True,
            ),
            VPN,
        ),
        ineffective(leaves("vrf-import", "Import policy for VRF instance RIBs", t.name), VPN),
        ineffective(leaves("vrf-export", "Export policy for VRF instance RIBs", t.name), VPN),
        ineffective(flag("vrf-table-label", "Advertise a single VPN label for all routes in the VRF"), VPN),
        container("routing-options", "Protocol-independent routing option configuration", *STATEMENTS),
        container("protocols", "Routing protocol configuration", *ROUTING),
        bare=True,
    ),
    by="frr",
)
