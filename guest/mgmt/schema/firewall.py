"""`firewall`: packet filters, done by nftables."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves


def _addresses(name: str, help_: str) -> Node:
    return container(
        name,
        help_,
        entries(
            "prefix", "Prefix to match", t.any_prefix, flag("except", "Match address not in this prefix"), bare=True, oneline=True
        ),
    )


def _lists(name: str, help_: str) -> Node:
    return entries(name, help_, t.name, flag("except", "Name of prefix list not to match against"), oneline=True)


def _from(family: str) -> Node:
    four = (
        leaves("protocol", "Match IP protocol type", t.protocol),
        leaves("protocol-except", "Do not match IP protocol type", t.protocol),
        flag("is-fragment", "Match if packet is a fragment"),
        flag("first-fragment", "Match if packet is the first fragment"),
        leaves("fragment-offset", "Match fragment offset", t.named("offset", {}, 8191)),
        leaves("ttl", "Match IP ttl type", t.named("ttl", {}, 255)),
        leaves("dscp", "Match Differentiated Services (DiffServ) code point", t.dscp),
    )
    six = (
        leaves("next-header", "Match next header protocol type", t.protocol),
        leaves("next-header-except", "Do not match next header protocol type", t.protocol),
        leaves("payload-protocol", "Match payload protocol type", t.protocol),
        leaves("hop-limit", "Match hop limit", t.named("hop-limit", {}, 255)),
        leaves("traffic-class", "Match Differentiated Services (DiffServ) code point", t.dscp),
    )
    return container(
        "from",
        "Define match criteria",
        _addresses("address", "Match IP source or destination address"),
        _addresses("source-address", "Match IP source address"),
        _addresses("destination-address", "Match IP destination address"),
        _lists("prefix-list", "Match IP source or destination prefixes in named list"),
        _lists("source-prefix-list", "Match IP source prefixes in named list"),
        _lists("destination-prefix-list", "Match IP destination prefixes in named list"),
        *(four if family == "inet" else six),
        leaves("port", "Match TCP/UDP source or destination port", t.port),
        leaves("source-port", "Match TCP/UDP source port", t.port),
        leaves("destination-port", "Match TCP/UDP destination port", t.port),
        leaves("source-port-except", "Do not match TCP/UDP source port", t.port),
        leaves("destination-port-except", "Do not match TCP/UDP destination port", t.port),
        leaves("icmp-type", "Match ICMP message type", t.icmp_type),
        leaves("icmp-code", "Match ICMP message code", t.named("icmp-code", {}, 255)),
        leaf("tcp-flags", "Match TCP flags (in symbolic form)", t.tcp_flags),
        flag("tcp-established", "Match packet of an established TCP connection"),
        flag("tcp-initial", "Match initial packet of a TCP connection"),
        leaves("packet-length", "Match packet length", t.named("length", {}, 65535)),
        leaves("interface", "Match interface name", t.logical_interface),
        ineffective(leaves("forwarding-class", "Match forwarding class", t.word)),
        ineffective(leaves("loss-priority", "Match loss priority", t.word)),
    )


REASONS = t.one_of(
    "message-type",
    administratively_prohibited="Send ICMP Administratively Prohibited message",
    host_unreachable="Send ICMP Host Unreachable message",
    network_unreachable="Send ICMP Network Unreachable message",
    no_route="Send ICMPv6 No Route message",
    port_unreachable="Send ICMP Port Unreachable message",
    tcp_reset="Send TCP Reset message",
)

THEN = container(
    "then",
    "Action to take if the 'from' condition is matched",
    leaf("policer", "Name of policer to use to rate-limit traffic", t.name),
    leaf("count", "Count the packet in the named counter", t.name),
    flag("log", "Log the packet"),
    flag("syslog", "System log (syslog) information about the packet"),
    ineffective(leaf("forwarding-class", "Classify packet to forwarding class", t.word)),
    ineffective(leaf("loss-priority", "Packet's loss priority", t.word)),
    ineffective(flag("sample", "Sample the packet")),
    ineffective(leaf("dscp", "Set DSCP", t.dscp)),
    flag("accept", "Accept the packet", excludes=("discard", "reject", "next")),
    container("discard", "Discard the packet", presence=True),
    container(
        "reject", "Reject the packet", leaf("message-type", "ICMP message", REASONS, bare=True), presence=True, oneline=True
    ),
    leaf(
        "next", "Continue to next term in a filter", t.one_of("next", term="Next term"), excludes=("accept", "discard", "reject")
    ),
    oneline=True,
)
for _node in THEN.children:
    if _node.name in ("discard", "reject"):
        _node.excludes = tuple({"accept", "discard", "reject", "next"} - {_node.name})


def _filters(family: str) -> Node:
    return entries(
        "filter",
        f"Define an {'IPv4' if family == 'inet' else 'IPv6'} filter",
        t.name,
        ineffective(flag("interface-specific", "Defined counters are interface specific")),
        entries("term", "Define a firewall term", t.name, _from(family), THEN, ordered=True),
        ordered=False,
    )


FIREWALL = container(
    "firewall",
    "Define a firewall configuration",
    container(
        "family",
        "Protocol family",
        container("inet", "Protocol family IPv4 for firewall filter", _filters("inet")),
        container("inet6", "Protocol family IPv6 for firewall filter", _filters("inet6")),
        joined=True,
    ),
    _filters("inet"),
    entries(
        "policer",
        "Policer template definition",
        t.name,
        container(
            "if-exceeding",
            "Define rate limits",
            leaf("bandwidth-limit", "Bandwidth limit (bits per second)", t.rate),
            leaf("burst-size-limit", "Burst size limit (bytes)", t.rate),
            ineffective(leaf("bandwidth-percent", "Bandwidth limit in percentage", t.number("percent", 1, 100))),
        ),
        container(
            "then",
            "Action to take if the rate limits are exceeded",
            flag("discard", "Discard the packet"),
            ineffective(leaf("loss-priority", "Packet's loss priority", t.word)),
            ineffective(leaf("forwarding-class", "Classify packet to forwarding class", t.word)),
            oneline=True,
        ),
    ),
    by="firewall",
)
