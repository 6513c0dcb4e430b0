"""The one table of operational commands that answer: the RPC's name, and the function of `replies/` that makes the elements."""

from __future__ import annotations

from ..replies.probe import Probe
from ..replies.reply import Reply

INTERFACE = {"interface-name": "interface"}
BASIC_TEXT = "interfaces_text.basic_text"

ARP = Reply("get-arp-table-information", "neighbors.arp", hidden=("expiration-time",))
BFD_SESSION = Reply("get-bfd-session-information", "bfd.sessions", names={"session_addr": "address"})
BGP_NEIGHBOR = Reply("get-bgp-neighbor-information", "bgp.neighbor")
BGP_SUMMARY = Reply("get-bgp-summary-information", "bgp.summary")
BRIDGE_DOMAIN = Reply(
    "get-bridge-instance-information", "bridge.domain", names={"bridge-domain-name": "bridge-domain"},
    hidden=("brief", "detail", "extensive", "instance"),
)  # fmt: skip
BRIDGE_MACS = Reply("get-bridge-mac-table", "bridge.mac_table", hidden=("brief", "detail", "extensive", "instance"))
CHASSIS_ALARMS = Reply("get-alarm-information", "chassis.alarms")
CHASSIS_ENVIRONMENT = Reply("get-environment-information", "chassis.environment")
CHASSIS_FPC = Reply("get-fpc-information", "chassis.fpc")
CHASSIS_HARDWARE = Reply("get-chassis-inventory", "chassis.hardware", hidden=("detail", "extensive", "models", "clei-models"))
CHASSIS_PICS = Reply("get-pic-information", "chassis.pic_status", names={"slot": "fpc-slot"})
CHASSIS_ENGINE = Reply("get-route-engine-information", "chassis.routing_engine")
CHASSIS_TEMPERATURES = Reply("get-temperature-threshold-information", "chassis.temperatures")
CLEAR_FIREWALL = Reply("clear-firewall-counters", "filters.clear", names={"filter": "filtername"})
CLEAR_FIREWALL_ALL = Reply("clear-all-firewall-counters", "filters.clear")
CLEAR_STATISTICS = Reply(
    "clear-interfaces-statistics", "interfaces.clear", names=INTERFACE, also=("clear-interfaces-statistics-all",)
)
FILE_ARCHIVE = Reply("file-archive", "files.archive")
FILE_COPY = Reply("file-copy", "files.copy")
FILE_DELETE = Reply("file-delete", "files.delete")
FILE_LIST = Reply("file-list", "files.listing")
FILE_MD5 = Reply("get-checksum-information", "files.md5", "files.checksum_text")
FILE_RENAME = Reply("file-rename", "files.rename")
FILE_SHA1 = Reply("get-sha1-checksum-information", "files.sha1", "files.checksum_text")
FILE_SHA256 = Reply("get-sha256-checksum-information", "files.sha256", "files.checksum_text")
FILE_SHOW = Reply("file-show", "files.content", hidden=("encoding",))
FIREWALL = Reply("get-firewall-information", "filters.filters")
FIREWALL_FILTER = Reply("get-firewall-filter-information", "filters.filters")
HOST = Reply("get-host-information", "system.host")
INTERFACES = Reply(
    "get-interface-information", "interfaces.basic", BASIC_TEXT, names=INTERFACE,
    hidden=("level", "level-extra", "normal", "switch-port"),
)  # fmt: skip
IPV6_NEIGHBORS = Reply("get-ipv6-nd-information", "neighbors.ipv6")
ISIS_ADJACENCY = Reply("get-isis-adjacency-information", "isis.adjacency")
ISIS_DATABASE = Reply("get-isis-database-information", "isis.database")
ISIS_INTERFACE = Reply("get-isis-interface-information", "isis.interface")
LACP = Reply("get-lacp-interface-information", "lacp.interfaces")
LLDP = Reply("get-lldp-information", "lldp.lldp")
LLDP_LOCAL = Reply("get-lldp-local-info", "lldp.local")
LLDP_NEIGHBOR = Reply(
    "get-lldp-interface-neighbors", "lldp.neighbors", names={"interface-name": "interface", "interface-device": "interface"},
    also=("get-lldp-interface-neighbors-information",),
)  # fmt: skip
LLDP_NEIGHBORS = Reply("get-lldp-neighbors-information", "lldp.neighbors")
LLDP_NEIGHBORS_DETAIL = Reply("get-lldp-neighbor-detail-information", "lldp.neighbors", fixed={"detail": ""})
LLDP_STATISTICS = Reply("get-lldp-statistics-information", "lldp.statistics")
LLDP_STATISTICS_OF = Reply("get-lldp-interface-statistics", "lldp.statistics", names={"interface-device": "interface"})
LOG = Reply("get-log", "files.log")
NTP = Reply("get-ntp-associations-information", "services.ntp")
OPTICS = Reply("get-interface-optics-diagnostics-information", "interfaces.optics", BASIC_TEXT, names=INTERFACE)
OSPF_DATABASE = Reply("get-ospf-database-information", "ospf.database")
OSPF_INTERFACE = Reply("get-ospf-interface-information", "ospf.interface", names=INTERFACE)
OSPF_NEIGHBOR = Reply("get-ospf-neighbor-information", "ospf.neighbor")
OSPF_OVERVIEW = Reply("get-ospf-overview-information", "ospf.overview")
OSPF3_DATABASE = Reply("get-ospf3-database-information", "ospf.database3")
OSPF3_INTERFACE = Reply("get-ospf3-interface-information", "ospf.interface3", names=INTERFACE)
OSPF3_NEIGHBOR = Reply("get-ospf3-neighbor-information", "ospf.neighbor3")
PING = Probe("ping", "probes.ping")
POLICY = Reply("get-policy-information", "policies.policies")
PROBE_RESULTS = Reply("get-probe-results", "services.probe_results")
ROUTE = Reply("get-route-information", "routes.route", hidden=("all", "best"))
ROUTE_ADVERTISED = Reply("get-route-information", "adj_rib.advertised", fixed={"advertising-protocol-name": "bgp"},
                         names={"neighbor": "neighbor-address"})  # fmt: skip
ROUTE_INSTANCE = Reply("get-instance-information", "routes.instances", names={"instance-name": "instance"})
ROUTE_RECEIVED = Reply("get-route-information", "adj_rib.received", fixed={"receive-protocol-name": "bgp"},
                       names={"peer": "neighbor-address"})  # fmt: skip
ROUTE_SUMMARY = Reply("get-route-summary-information", "routes.summary")
SNMP = Reply("get-snmp-information", "services.snmp")
SYSTEM_ALARMS = Reply("get-system-alarm-information", "chassis.alarms")
SYSTEM_COMMIT = Reply("get-commit-information", "system.commits")
SYSTEM_INFORMATION = Reply("get-system-information", "system.information_of", "system.information_text")
SYSTEM_MEMORY = Reply("get-system-memory-information", "system.memory_usage", "system.memory_text")
SYSTEM_PROCESSES = Reply("get-system-process-information", "system.processes")
SYSTEM_REVISION = Reply("get-commit-revision-information", "system.revision")
SYSTEM_STORAGE = Reply("get-system-storage", "system.storage", hidden=("detail",))
SYSTEM_UPTIME = Reply("get-system-uptime-information", "system.uptime")
SYSTEM_USERS = Reply("get-system-users-information", "system.users", hidden=("no-resolve",))
TRACEROUTE = Probe("traceroute", "probes.traceroute")
VERSION = Reply("get-software-information", "system.version", hidden=("brief", "detail", "device-list", "level"))
