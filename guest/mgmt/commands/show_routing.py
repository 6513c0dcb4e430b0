"""`show` of routing: tables, protocols, neighbors of the kernel, filters and policies."""

from __future__ import annotations

from .. import valuetypes as t
from . import answers
from .arguments import (
    BRIEF,
    DETAIL,
    DOMAIN,
    DOMAIN_OPTION,
    EXTENSIVE,
    INSTANCE,
    INSTANCE_ARGUMENT,
    INTERFACE_ARGUMENT,
    INTERFACE_OPTION,
    LONG,
    MAC,
    NO_RESOLVE,
    ONE_PEER,
    PEER,
)
from .words import Argument, Option, Word

_EXCHANGED = (Option("table", "Name of routing table", t.text), BRIEF, DETAIL, EXTENSIVE)

SHOW_ROUTING = (
    Word(
        "arp",
        "Show system Address Resolution Protocol table entries",
        run=answers.ARP,
        options=(INTERFACE_OPTION, NO_RESOLVE, Option("vpn", "Name of routing instance", t.text)),
    ),
    Word(
        "bfd",
        "Show Bidirectional Forwarding Detection information",
        Word(
            "session",
            "Show active BFD sessions",
            run=answers.BFD_SESSION,
            options=(*LONG, Option("address", "Address of the neighbor", t.address)),
        ),
    ),
    Word(
        "bgp",
        "Show Border Gateway Protocol information",
        Word("neighbor", "Show the BGP neighbors", run=answers.BGP_NEIGHBOR, arguments=(PEER,), options=(INSTANCE,)),
        Word("summary", "Show overview of BGP information", run=answers.BGP_SUMMARY, options=(INSTANCE,)),
    ),
    Word(
        "bridge",
        "Show bridging information",
        Word(
            "domain",
            "Show bridge domain information",
            run=answers.BRIDGE_DOMAIN,
            arguments=(DOMAIN,),
            options=(INTERFACE_OPTION,),
        ),
        Word(
            "mac-table",
            "Show the learned MAC addresses",
            run=answers.BRIDGE_MACS,
            arguments=(Argument("address", MAC, "MAC address"),),
            options=(
                DOMAIN_OPTION,
                INTERFACE_OPTION,
                Option("vlan-id", "VLAN of the bridge domain", t.number("vlan-id", 1, 4094)),
            ),
        ),
    ),
    Word(
        "firewall",
        "Show firewall information",
        Word(
            "filter",
            "Show the counters of a filter",
            run=answers.FIREWALL_FILTER,
            arguments=(Argument("filtername", t.text, "Name of the filter", mandatory=True),),
            options=(Option("counter", "Name of the counter", t.text), DETAIL),
        ),
        run=answers.FIREWALL,
        options=(DETAIL,),
    ),
    Word(
        "ipv6",
        "Show IPv6 information",
        Word("neighbors", "Show IPv6 neighbor cache", run=answers.IPV6_NEIGHBORS, options=(INTERFACE_OPTION,)),
    ),
    Word(
        "isis",
        "Show Intermediate System-to-Intermediate System information",
        Word("adjacency", "Show the IS-IS adjacency database", run=answers.ISIS_ADJACENCY, options=(*LONG, INSTANCE)),
        Word("database", "Show the IS-IS link-state database", run=answers.ISIS_DATABASE, options=(BRIEF, INSTANCE)),
        Word(
            "interface",
            "Show IS-IS interface information",
            run=answers.ISIS_INTERFACE,
            arguments=(Argument("interface-name", INTERFACE_ARGUMENT.type, "Name of interface"),),
            options=(BRIEF, INSTANCE),
        ),
    ),
    Word(
        "ospf",
        "Show Open Shortest Path First information",
        Word("database", "Show link-state database", run=answers.OSPF_DATABASE, options=(BRIEF, INSTANCE)),
        Word(
            "interface",
            "Show interface information",
            run=answers.OSPF_INTERFACE,
            arguments=(INTERFACE_ARGUMENT,),
            options=(*LONG, INSTANCE),
        ),
        Word(
            "neighbor",
            "Show neighbor status",
            run=answers.OSPF_NEIGHBOR,
            arguments=(Argument("neighbor", t.ipv4, "Address or identifier of the neighbor"),),
            options=(*LONG, INSTANCE),
        ),
        Word("overview", "Show OSPF overview", run=answers.OSPF_OVERVIEW, options=(BRIEF, INSTANCE)),
    ),
    Word(
        "ospf3",
        "Show Open Shortest Path First version 3 information",
        Word("database", "Show link-state database", run=answers.OSPF3_DATABASE, options=(BRIEF, INSTANCE)),
        Word(
            "interface",
            "Show interface information",
            run=answers.OSPF3_INTERFACE,
            arguments=(INTERFACE_ARGUMENT,),
            options=(BRIEF, INSTANCE),
        ),
        Word("neighbor", "Show neighbor status", run=answers.OSPF3_NEIGHBOR, options=(BRIEF, INSTANCE)),
    ),
    Word(
        "policy",
        "Show policy information",
        run=answers.POLICY,
        arguments=(
            Argument(
                "policy-name",
                t.text,
                "Name of the policy",
                known=lambda session: list(session.datastore.running.get("policy-options", {}).get("policy-statement", {})),
            ),
        ),
    ),
    Word(
        "route",
        "Show routing table information",
        Word(
            "advertising-protocol",
            "Show the routes that are sent to a neighbor",
            Word("bgp", "BGP", run=answers.ROUTE_ADVERTISED, arguments=(ONE_PEER,), options=_EXCHANGED),
        ),
        Word(
            "instance",
            "Show routing instance information",
            run=answers.ROUTE_INSTANCE,
            arguments=(INSTANCE_ARGUMENT,),
            options=LONG,
        ),
        Word(
            "receive-protocol",
            "Show the routes that were received from a neighbor and accepted",
            Word("bgp", "BGP", run=answers.ROUTE_RECEIVED, arguments=(ONE_PEER,), options=_EXCHANGED),
        ),
        Word(
            "summary",
            "Show summary statistics",
            run=answers.ROUTE_SUMMARY,
            options=(Option("table", "Name of routing table", t.text),),
        ),
        run=answers.ROUTE,
        arguments=(Argument("destination", t.Type("destination", t.address_or_prefix), "IP address or prefix"),),
        options=(
            Option(
                "protocol",
                "Name of the protocol",
                t.one_of(
                    "protocol",
                    bgp="BGP",
                    direct="Directly connected",
                    isis="IS-IS",
                    local="Local addresses",
                    ospf="OSPF",
                    ospf3="OSPF version 3",
                    static="Static",
                ),
            ),
            Option("active-path", "Show active paths"),
            Option("exact", "Show the exact prefix only"),
            Option("table", "Name of routing table", t.text),
            Option("terse", "Display terse output"),
            *LONG,
        ),
    ),
)
