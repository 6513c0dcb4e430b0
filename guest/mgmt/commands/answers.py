"""The one table of operational commands that answer: command, RPC name, what makes the elements, what prints them."""

from __future__ import annotations

from ..replies import (
    bgp,
    bridge,
    chassis,
    files,
    interfaces,
    interfaces_text,
    isis,
    neighbors,
    ospf,
    probes,
    routes,
    services,
    system,
)
from ..replies.frr import spoken
from ..replies.reply import Reply

INTERFACE = {"interface-name": "interface"}
_BASIC = (interfaces.basic, interfaces_text.basic_text)

ARP = Reply("get-arp-table-information", neighbors.arp, neighbors.arp_text, hidden=("expiration-time", "vpn"))
BGP_NEIGHBOR = Reply("get-bgp-neighbor-information", bgp.neighbor, bgp.neighbor_text, hidden=("instance",))
BGP_SUMMARY = Reply("get-bgp-summary-information", bgp.summary, bgp.summary_text, hidden=("instance",))
BRIDGE_DOMAIN = Reply(
    "get-bridge-instance-information",
    bridge.domain,
    bridge.domain_text,
    names={"bridge-domain-name": "bridge-domain"},
    hidden=("brief", "detail", "extensive", "instance"),
)
BRIDGE_MACS = Reply(
    "get-bridge-mac-table", bridge.mac_table, bridge.mac_table_text, hidden=("brief", "detail", "extensive", "instance")
)
CHASSIS_ALARMS = Reply("get-alarm-information", chassis.alarms, chassis.alarms_text)
CHASSIS_ENVIRONMENT = Reply("get-environment-information", chassis.environment, chassis.environment_text)
CHASSIS_FPC = Reply("get-fpc-information", chassis.fpc, chassis.fpc_text)
CHASSIS_HARDWARE = Reply(
    "get-chassis-inventory", chassis.hardware, chassis.hardware_text, hidden=("detail", "extensive", "models", "clei-models")
)
CHASSIS_PICS = Reply("get-pic-information", chassis.pic_status, chassis.pic_status_text, names={"slot": "fpc-slot"})
CHASSIS_ENGINE = Reply("get-route-engine-information", chassis.routing_engine, chassis.routing_engine_text)
CHASSIS_TEMPERATURES = Reply("get-temperature-threshold-information", chassis.temperatures, chassis.temperatures_text)
FILE_ARCHIVE = Reply("file-archive", files.archive)
FILE_COPY = Reply("file-copy", files.copy)
FILE_DELETE = Reply("file-delete", files.delete)
FILE_LIST = Reply("file-list", files.listing, files.listing_text)
FILE_MD5 = Reply("get-checksum-information", files.checksum("MD5", "md5sum"), files.checksum_text)
FILE_RENAME = Reply("file-rename", files.rename)
FILE_SHA1 = Reply("get-sha1-checksum-information", files.checksum("SHA1", "sha1sum"), files.checksum_text)
FILE_SHA256 = Reply("get-sha256-checksum-information", files.checksum("SHA256", "sha256sum"), files.checksum_text)
FILE_SHOW = Reply("file-show", files.content, files.content_text, hidden=("encoding",))
HOST = Reply("get-host-information", system.host)
INTERFACES = Reply(
    "get-interface-information", *_BASIC, names=INTERFACE, hidden=("level", "level-extra", "normal", "switch-port")
)
IPV6_NEIGHBORS = Reply("get-ipv6-nd-information", neighbors.ipv6, neighbors.ipv6_text)
ISIS_ADJACENCY = Reply("get-isis-adjacency-information", isis.adjacency, isis.adjacency_text)
ISIS_DATABASE = Reply("get-isis-database-information", isis.database, isis.database_text)
ISIS_INTERFACE = Reply("get-isis-interface-information", spoken("IS-IS", "isisd", "show isis interface"))
LLDP_NEIGHBORS = Reply("get-lldp-neighbors-information", neighbors.lldp, neighbors.lldp_text)
LOG = Reply("get-log", files.log)
NTP = Reply("get-ntp-associations-information", services.ntp)
OPTICS = Reply("get-interface-optics-diagnostics-information", interfaces.optics, interfaces_text.basic_text, names=INTERFACE)
OSPF_DATABASE = Reply("get-ospf-database-information", ospf.database, ospf.database_text)
OSPF_INTERFACE = Reply("get-ospf-interface-information", ospf.interface, ospf.interface_text)
OSPF_NEIGHBOR = Reply("get-ospf-neighbor-information", ospf.neighbor, ospf.neighbor_text)
OSPF_OVERVIEW = Reply("get-ospf-overview-information", ospf.overview, ospf.overview_text)
OSPF3_DATABASE = Reply("get-ospf3-database-information", spoken("OSPF3", "ospf6d", "show ipv6 ospf6 database"))
OSPF3_INTERFACE = Reply("get-ospf3-interface-information", spoken("OSPF3", "ospf6d", "show ipv6 ospf6 interface"))
OSPF3_NEIGHBOR = Reply("get-ospf3-neighbor-information", ospf.neighbor3, ospf.neighbor3_text)
PING = probes.Probe("ping", probes.ping_argv, probes.ping_elements)
PROBE_RESULTS = Reply("get-probe-results", services.probe_results)
ROUTE = Reply("get-route-information", routes.route, routes.route_text, hidden=("all", "best"))
ROUTE_INSTANCE = Reply("get-instance-information", routes.instances, routes.instances_text, names={"instance-name": "instance"})
ROUTE_SUMMARY = Reply("get-route-summary-information", routes.summary, routes.summary_text)
SNMP = Reply("get-snmp-information", services.snmp)
SYSTEM_ALARMS = Reply("get-system-alarm-information", chassis.alarms, chassis.alarms_text)
SYSTEM_COMMIT = Reply("get-commit-information", system.commits, system.commits_text)
SYSTEM_INFORMATION = Reply("get-system-information", system.information_of, system.information_text)
SYSTEM_MEMORY = Reply("get-system-memory-information", system.memory_usage, system.memory_text)
SYSTEM_PROCESSES = Reply("get-system-process-information", system.processes)
SYSTEM_REVISION = Reply("get-commit-revision-information", system.revision, system.revision_text)
SYSTEM_STORAGE = Reply("get-system-storage", system.storage, system.storage_text, hidden=("detail",))
SYSTEM_UPTIME = Reply("get-system-uptime-information", system.uptime, system.uptime_text)
SYSTEM_USERS = Reply("get-system-users-information", system.users, system.users_text, hidden=("no-resolve",))
TRACEROUTE = probes.Probe("traceroute", probes.traceroute_argv, probes.traceroute_elements)
VERSION = Reply(
    "get-software-information", system.version, system.version_text, hidden=("brief", "detail", "device-list", "level")
)
