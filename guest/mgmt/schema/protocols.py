"""`protocols`: routing protocols, done by FRR, and LLDP; the routing ones also inside routing instances."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves

KEY = t.secret


def bfd() -> Node:
    return container(
        "bfd-liveness-detection",
        "Bidirectional Forwarding Detection options",
        leaf("minimum-interval", "Minimum transmit and receive interval (milliseconds)", t.number("ms", 1, 255000)),
        leaf("multiplier", "Detection time multiplier", t.number("multiplier", 1, 255)),
        leaf("minimum-receive-interval", "Minimum receive interval (milliseconds)", t.number("ms", 1, 255000)),
        container(
            "transmit-interval",
            "Transmit-interval options",
            leaf("minimum-interval", "Minimum transmit interval (milliseconds)", t.number("ms", 1, 255000)),
        ),
        ineffective(leaf("session-mode", "BFD session mode", t.word)),
        ineffective(leaf("version", "BFD protocol version number", t.word)),
        ineffective(flag("no-adaptation", "Disable adaptation")),
        presence=True,
    )


def preferences() -> tuple[Node, ...]:
    return (
        leaf("preference", "Preference of internal routes", t.number("preference", 1, 255)),
        leaf("external-preference", "Preference of external routes", t.number("preference", 1, 255)),
    )


def traceoptions() -> Node:
    return ineffective(
        container(
            "traceoptions",
            "Trace options",
            container(
                "file",
                "Trace file information",
                leaf("filename", "Name", t.word, bare=True),
                leaf("size", "Maximum trace file size", t.size),
                leaf("files", "Maximum number", t.number("n", 2, 1000)),
            ),
            leaves("flag", "Tracing parameters", t.word),
        )
    )


def policies(*directions: str) -> tuple[Node, ...]:
    help_ = {"import": "Import policy", "export": "Export policy"}
    return tuple(leaves(direction, help_[direction], t.name) for direction in directions)


def ospf(name: str, help_: str) -> Node:
    """OSPF for IPv4 and for IPv6 have almost the same statements."""
    four = name == "ospf"
    secrets = (
        (
            container(
                "authentication",
                "Authentication",
                leaf("simple-password", "Simple password", KEY, secret=True),
                entries(
                    "md5",
                    "MD5 authentication key",
                    t.number("key-id", 0, 255),
                    leaf("key", "MD5 authentication key value", KEY, secret=True),
                    oneline=True,
                ),
            ),
            leaf("priority", "Designated router priority", t.number("priority", 0, 255)),
        )
        if four
        else (leaf("priority", "Designated router priority", t.number("priority", 0, 255)),)
    )
    return container(
        name,
        help_,
        *policies("export"),
        *(ineffective(node) for node in policies("import")),
        *preferences(),
        leaf("reference-bandwidth", "Bandwidth for calculating metric defaults", t.rate),
        ineffective(flag("no-rfc-1583", "Disable RFC1583 compatibility")),
        ineffective(
            container("graceful-restart", "Configure graceful restart attributes", flag("disable", "Disable"), presence=True)
        ),
        ineffective(leaf("prefix-export-limit", "Maximum number of prefixes that can be exported", t.number("n", 0, 4294967295))),
        container(
            "overload",
            "Set the overload mode (repel transit traffic)",
            ineffective(leaf("timeout", "Time after which overload mode is reset (seconds)", t.number("seconds", 60, 1800))),
            presence=True,
        )
        if four
        else ineffective(container("overload", "Set the overload mode", presence=True)),
        ineffective(
            container(
                "spf-options",
                "Configure options for SPF",
                leaf("delay", "Time (ms)", t.number("ms", 50, 8000)),
                leaf("holddown", "Time (ms)", t.number("ms", 2000, 20000)),
                leaf("rapid-runs", "Number", t.number("n", 1, 10)),
            )
        ),
        ineffective(container("traffic-engineering", "Configure traffic engineering attributes", presence=True)),
        traceoptions(),
        entries(
            "area",
            "Configure an OSPF area",
            t.area,
            container(
                "stub",
                "Configure a stub area",
                leaf("default-metric", "Metric for the default route in this area", t.number("metric", 1, 16777215)),
                flag("no-summaries", "Don't flood summary LSAs into this area"),
                flag("summaries", "Flood summary LSAs into this area"),
                presence=True,
            ),
            container(
                "nssa",
                "Configure a not-so-stubby area",
                container(
                    "default-lsa",
                    "Configure a default LSA",
                    leaf("default-metric", "Metric for the default route in this area", t.number("metric", 1, 16777215)),
                    presence=True,
                ),
                flag("no-summaries", "Don't flood summary LSAs into this NSSA area"),
                flag("summaries", "Flood summary LSAs into this NSSA area"),
                presence=True,
            ),
            entries(
                "area-range",
                "Configure area ranges",
                t.any_prefix,
                flag("restrict", "Restrict advertisement of this area range"),
                leaf("override-metric", "Override the dynamic metric", t.number("metric", 1, 16777215)),
                oneline=True,
            ),
            entries(
                "interface",
                "Include an interface in this area",
                t.logical_or_all,
                leaf(
                    "interface-type",
                    "Type of interface",
                    t.one_of(
                        "interface-type",
                        p2p="Point-to-point",
                        broadcast="Broadcast",
                        nbma="Nonbroadcast multiaccess",
                        p2mp="Point-to-multipoint",
                    ),
                ),
                flag("passive", "Do not run OSPF, but advertise it"),
                leaf("metric", "Interface metric", t.number("metric", 1, 65535)),
                leaf("hello-interval", "Hello interval (seconds)", t.number("seconds", 1, 255)),
                leaf("dead-interval", "Dead interval (seconds)", t.number("seconds", 1, 65535)),
                leaf("retransmit-interval", "Retransmission interval (seconds)", t.number("seconds", 1, 65535)),
                leaf("transit-delay", "Transit delay (seconds)", t.number("seconds", 1, 65535)),
                *secrets,
                bfd(),
                flag("disable", "Disable OSPF on this interface"),
                ineffective(flag("link-protection", "Protect interface from link faults only")),
                ineffective(flag("node-link-protection", "Protect interface from both link and node faults")),
            ),
        ),
    )


def _level(*more: Node) -> Node:
    return entries(
        "level",
        "Configure levels",
        t.number("level", 1, 2),
        flag("disable", "Disable IS-IS for this level"),
        leaf("authentication-key", "Authentication key (password)", KEY, secret=True),
        leaf("authentication-type", "Authentication type", t.one_of("type", md5="HMAC-MD5", simple="Simple password")),
        *more,
        oneline=True,
    )


def isis() -> Node:
    return container(
        "isis",
        "IS-IS configuration",
        *policies("export"),
        ineffective(leaf("reference-bandwidth", "Bandwidth for calculating metric defaults", t.rate)),
        leaf("lsp-lifetime", "Lifetime of LSPs (seconds)", t.number("seconds", 350, 65535)),
        container(
            "overload",
            "Set the overload bit (no transit traffic)",
            ineffective(leaf("timeout", "Time after which overload bit is reset (seconds)", t.number("seconds", 60, 1800))),
            presence=True,
        ),
        ineffective(container("graceful-restart", "IS-IS graceful restart options", flag("disable", "Disable"), presence=True)),
        ineffective(flag("no-ipv4-routing", "Disable IPv4 routing")),
        ineffective(flag("no-ipv6-routing", "Disable IPv6 routing")),
        ineffective(container("topologies", "Enable support for various topologies", flag("ipv6-unicast", "IPv6 unicast"))),
        ineffective(
            container(
                "traffic-engineering", "Configure traffic engineering attributes", flag("disable", "Disable"), presence=True
            )
        ),
        ineffective(container("spf-options", "Configure options for SPF", leaf("delay", "Time (ms)", t.number("ms", 50, 1000)))),
        traceoptions(),
        _level(
            flag("wide-metrics-only", "Generate wide metrics only"),
            *preferences_ineffective(),
        ),
        entries(
            "interface",
            "Interface to run IS-IS on",
            t.logical_or_all,
            flag("passive", "Do not run IS-IS, but advertise it"),
            flag("point-to-point", "Treat interface as point to point"),
            flag("disable", "Disable IS-IS on this interface"),
            leaf("hello-authentication-key", "Authentication key (password) for hello packets", KEY, secret=True),
            leaf(
                "hello-authentication-type",
                "Authentication type for hello packets",
                t.one_of("type", md5="HMAC-MD5", simple="Simple password"),
            ),
            ineffective(leaf("lsp-interval", "Interval between LSP transmissions (milliseconds)", t.number("ms", 0, 1000))),
            leaf("csnp-interval", "Rate of CSN packets (for LAN interfaces only)", t.number("seconds", 1, 600)),
            container(
                "family",
                "Address family specific interface attributes",
                container("inet", "IPv4", bfd()),
                container("inet6", "IPv6", bfd()),
                joined=True,
            ),
            bfd(),
            _level(
                leaf("metric", "Metric for this level", t.number("metric", 1, 16777215)),
                leaf("hello-interval", "Interval between hello packet transmissions (seconds)", t.number("seconds", 1, 255)),
                leaf("hold-time", "Hold time: hold time / hello interval must be whole (seconds)", t.number("seconds", 3, 255)),
                leaf("priority", "Designated router election priority", t.number("priority", 0, 127)),
                flag("passive", "Do not run IS-IS on this level, but advertise it"),
            ),
        ),
    )


def preferences_ineffective() -> tuple[Node, ...]:
    return tuple(ineffective(node) for node in preferences())


def _prefix_limit() -> Node:
    return container(
        "prefix-limit",
        "Limit maximum number of prefixes from a peer",
        leaf("maximum", "Maximum number of prefixes accepted from a peer", t.number("prefixes", 1, 4294967295)),
        container(
            "teardown",
            "Clear peer connection on reaching limit",
            leaf("percent", "Percentage of the limit to start warnings", t.number("percent", 1, 100), bare=True),
            presence=True,
            oneline=True,
        ),
    )


def _families() -> Node:
    def unicast() -> Node:
        return container("unicast", "Include unicast NLRI", _prefix_limit(), presence=True)

    return container(
        "family",
        "Protocol family for NLRIs in updates",
        container("inet", "IPv4 NLRI parameters", unicast(), ineffective(container("labeled-unicast", "Labeled", presence=True))),
        container(
            "inet6", "IPv6 NLRI parameters", unicast(), ineffective(container("labeled-unicast", "Labeled", presence=True))
        ),
        ineffective(container("inet-vpn", "IPv4 Layer 3 VPN NLRI parameters", container("unicast", "Unicast", presence=True))),
        ineffective(container("inet6-vpn", "IPv6 Layer 3 VPN NLRI parameters", container("unicast", "Unicast", presence=True))),
        ineffective(container("evpn", "EVPN NLRI parameters", container("signaling", "Signaling", presence=True))),
        ineffective(container("l2vpn", "L2VPN NLRI parameters", container("signaling", "Signaling", presence=True))),
        joined=True,
    )


def _peer_statements() -> tuple[Node, ...]:
    """What stands in bgp, in a group, or at a neighbor; the nearest one counts."""
    return (
        leaf("description", "Text description", t.text),
        leaf("local-address", "Address of local end of BGP session", t.address),
        *policies("import", "export"),
        _families(),
        leaf("peer-as", "Autonomous system number", t.as_number),
        container(
            "local-as",
            "Local autonomous system number",
            leaf("as-number", "Autonomous system number", t.as_number, bare=True),
            flag("private", "Hide this local AS in paths learned from this peering"),
            flag("no-prepend-global-as", "Do not prepend global autonomous-system number in advertised paths"),
            ineffective(leaf("loops", "Maximum number of times this AS can be in an AS path", t.number("loops", 1, 10))),
            oneline=True,
        ),
        leaf("hold-time", "Hold time used when negotiating with a peer (seconds)", t.number("seconds", 3, 65535)),
        container(
            "multihop",
            "Configure an EBGP multihop session",
            leaf("ttl", "TTL value for the session", t.number("ttl", 1, 255)),
            ineffective(flag("no-nexthop-change", "Do not change next hop to self in advertisements")),
            presence=True,
        ),
        leaf("authentication-key", "MD5 authentication key", t.text, secret=True),
        leaf("cluster", "Cluster identifier", t.area),
        flag("passive", "Do not send open messages to a peer"),
        flag("remove-private", "Remove well-known private AS numbers"),
        flag("as-override", "Replace neighbor AS number with our AS number"),
        flag("advertise-inactive", "Advertise inactive routes"),
        ineffective(leaf("out-delay", "How long before exporting routes (seconds)", t.number("seconds", 0, 65535))),
        leaf("preference", "Preference value", t.number("preference", 1, 255)),
        leaf("metric-out", "Route metric sent in MED", t.number("metric", 0, 4294967295)),
        leaf("local-preference", "Value of LOCAL_PREF path attribute", t.number("preference", 0, 4294967295)),
        container(
            "multipath",
            "Allow load sharing among multiple BGP paths",
            flag("multiple-as", "Use paths from different ASs"),
            presence=True,
        ),
        container(
            "graceful-restart",
            "BGP graceful restart options",
            flag("disable", "Disable graceful restart"),
            leaf("restart-time", "Restart time used when negotiating with a peer (seconds)", t.number("seconds", 1, 600)),
            leaf("stale-routes-time", "Maximum time for which stale routes are kept (seconds)", t.number("seconds", 1, 600)),
            presence=True,
        ),
        bfd(),
        ineffective(flag("log-updown", "Log a message for peer state transitions (always on)")),
        ineffective(flag("mtu-discovery", "Enable TCP path MTU discovery")),
        ineffective(leaf("tcp-mss", "Maximum TCP segment size", t.number("mss", 1, 4096))),
        traceoptions(),
    )


PEER = _peer_statements()
"""Made once: a schema of fewer nodes is read sooner at start."""


def bgp() -> Node:
    return container(
        "bgp",
        "BGP options",
        *PEER,
        container(
            "path-selection",
            "Configure path selection strategy",
            flag("always-compare-med", "Always compare MED values"),
            flag("external-router-id", "Compare router ID"),
            ineffective(flag("cisco-non-deterministic", "Use Cisco IOS nondeterministic path selection")),
        ),
        entries(
            "group",
            "Define a peer group",
            t.name,
            leaf("type", "Type of peer group", t.one_of("type", internal="Internal group", external="External group")),
            *PEER,
            ineffective(leaves("allow", "Configure peer connections for specific networks", t.any_prefix)),
            entries("neighbor", "Configure a neighbor", t.address, *_peer_statements()),
            ordered=True,
        ),
    )


ROUTING = (bgp(), isis(), ospf("ospf", "OSPF configuration"), ospf("ospf3", "OSPFv3 configuration"))
"""What a routing instance may run too."""


LLDP = container(
    "lldp",
    "Link Layer Detection Protocol",
    leaf("advertisement-interval", "Transmit interval for LLDP messages (seconds)", t.number("seconds", 5, 32768)),
    leaf("hold-multiplier", "Hold timer interval for LLDP messages", t.number("multiplier", 2, 10)),
    leaf(
        "port-id-subtype",
        "Sub-type of the port id",
        t.one_of("subtype", interface_name="Interface name", locally_assigned="Locally assigned (the SNMP index)"),
    ),
    leaf("management-address", "LLDP management address", t.address),
    ineffective(leaf("transmit-delay", "Transmit delay time interval (seconds)", t.number("seconds", 1, 8192))),
    ineffective(leaf("port-description-type", "Type of the port's description", t.word)),
    entries(
        "interface",
        "Interface configuration",
        t.physical_or_all,
        flag("disable", "Disable LLDP"),
        flag("enable", "Enable LLDP"),
        oneline=True,
    ),
    flag("disable", "Disable LLDP"),
    by="lldp",
)

IGNORED = (
    container("mpls", "Multiprotocol Label Switching options", entries("interface", "Interface", t.logical_or_all, oneline=True)),
    container("ldp", "Label Distribution Protocol options", entries("interface", "Interface", t.logical_or_all, oneline=True)),
    container("rsvp", "RSVP options", entries("interface", "Interface", t.logical_or_all, oneline=True)),
    container("pim", "PIM configuration", entries("interface", "Interface", t.logical_or_all, oneline=True)),
    container("igmp", "IGMP options", entries("interface", "Interface", t.logical_or_all, oneline=True)),
    container("rstp", "Rapid Spanning Tree Protocol options", entries("interface", "Interface", t.word, oneline=True)),
    container(
        "router-advertisement",
        "IPv6 router advertisement options",
        entries(
            "interface",
            "Interface",
            t.logical_or_all,
            entries("prefix", "Prefix", t.any_prefix),
            leaf("max-advertisement-interval", "Seconds", t.number("s", 4, 1800)),
        ),
    ),
    container("layer2-control", "Layer 2 control", flag("nonstop-bridging", "Enable nonstop operation")),
)

PROTOCOLS = container(
    "protocols",
    "Routing protocol configuration",
    *ROUTING,
    LLDP,
    *(ineffective(node) for node in IGNORED),
    by="frr",
)
