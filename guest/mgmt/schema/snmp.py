"""`snmp`: the agent."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import Node, container, entries, flag, ineffective, leaf, leaves

AUTHORIZATION = t.one_of("authorization", read_only="Allow read-only access", read_write="Allow read and write access")
CATEGORIES = (
    "authentication",
    "chassis",
    "configuration",
    "link",
    "remote-operations",
    "rmon-alarm",
    "routing",
    "services",
    "sonet-alarms",
    "startup",
    "vrrp-events",
)
SECURITY_MODEL = t.one_of("model", any="Any security model", usm="SNMPv3 security model", v1="SNMPv1", v2c="SNMPv2c")
LEVEL = t.one_of(
    "level",
    none="No authentication and no privacy",
    authentication="Authentication but no privacy",
    privacy="Authentication and privacy",
)
SECRET = t.pattern("password", r"[^\0\n\"\\]{8,64}", "8 to 64 characters without quotes and backslashes are needed")
NAME = t.pattern("name", r"[A-Za-z0-9_.@-]{1,32}", "letters, digits and any of _ . @ -, at most 32, are needed")


def _authentication(name: str, help_: str) -> Node:
    return container(name, help_, leaf("authentication-password", "User's authentication password", SECRET, secret=True))


def _privacy(name: str, help_: str) -> Node:
    return container(name, help_, leaf("privacy-password", "User's privacy password", SECRET, secret=True))


USM = container(
    "usm",
    "User-based security model configuration",
    container(
        "local-engine",
        "Local engine user configuration",
        entries(
            "user",
            "SNMPv3 USM user on this engine",
            NAME,
            _authentication("authentication-md5", "Configure MD5 authentication"),
            _authentication("authentication-sha", "Configure SHA authentication"),
            _authentication("authentication-sha224", "Configure SHA-224 authentication"),
            _authentication("authentication-sha256", "Configure SHA-256 authentication"),
            _authentication("authentication-sha384", "Configure SHA-384 authentication"),
            _authentication("authentication-sha512", "Configure SHA-512 authentication"),
            container("authentication-none", "Set no authentication for the user", presence=True),
            _privacy("privacy-des", "Configure DES privacy"),
            _privacy("privacy-aes128", "Configure AES-128 privacy"),
            container("privacy-none", "Set no privacy for the user", presence=True),
        ),
    ),
)
VACM = container(
    "vacm",
    "View-based access control model configuration",
    container(
        "security-to-group",
        "Configure security-to-group mapping",
        entries(
            "security-model",
            "Security model",
            SECURITY_MODEL,
            entries("security-name", "Security name to group mapping", NAME, leaf("group", "Group to which to assign", NAME)),
        ),
    ),
    container(
        "access",
        "Configure access rights",
        entries(
            "group",
            "SNMPv3 VACM group",
            NAME,
            container(
                "default-context-prefix",
                "Default context",
                entries(
                    "security-model",
                    "Security model access configuration",
                    SECURITY_MODEL,
                    entries(
                        "security-level",
                        "Security level access configuration",
                        LEVEL,
                        leaf("read-view", "View used for read access", NAME),
                        leaf("write-view", "View used for write access", NAME),
                        leaf("notify-view", "View used to notify", NAME),
                    ),
                ),
            ),
        ),
    ),
)

V3 = container(
    "v3",
    "SNMPv3 configuration information",
    USM,
    VACM,
    ineffective(
        entries(
            "snmp-community",
            "SNMP community and view-based access control model configuration",
            NAME,
            leaf("community-name", "Community", t.community, secret=True),
            leaf("security-name", "Security name", NAME),
            leaf("tag", "Tag", NAME),
        )
    ),
    ineffective(
        entries(
            "target-address",
            "SNMP target address configuration",
            NAME,
            leaf("address", "Address", t.address),
            leaf("port", "Port", t.number("port", 1, 65535)),
            leaf("tag-list", "Tags", t.text),
            leaf("target-parameters", "Parameters", NAME),
        )
    ),
    ineffective(
        entries(
            "target-parameters",
            "SNMP target parameters",
            NAME,
            container(
                "parameters",
                "Parameters",
                leaf("message-processing-model", "Model", t.word),
                leaf("security-model", "Model", t.word),
                leaf("security-level", "Level", t.word),
                leaf("security-name", "Name", NAME),
            ),
            leaf("notify-filter", "Filter", NAME),
        )
    ),
    ineffective(
        entries(
            "notify",
            "Notify",
            NAME,
            leaf("type", "Type", t.one_of("type", trap="Trap", inform="Inform")),
            leaf("tag", "Tag", NAME),
        )
    ),
)

SNMP = container(
    "snmp",
    "Simple Network Management Protocol configuration",
    leaf("name", "System name override", t.text),
    leaf("description", "System description", t.text),
    leaf("location", "Physical location of system", t.text),
    leaf("contact", "Contact information for administrator", t.text),
    entries(
        "view",
        "Define MIB views",
        NAME,
        entries(
            "oid",
            "OID include/exclude list",
            t.object_id,
            flag("include", "Include this OID in the view", excludes=("exclude",)),
            flag("exclude", "Exclude this OID from the view", excludes=("include",)),
            oneline=True,
        ),
    ),
    entries(
        "client-list",
        "Client list",
        t.name,
        entries("client", "Address or prefix", t.any_prefix, flag("restrict", "Deny access"), bare=True, oneline=True),
    ),
    entries(
        "community",
        "Configure a community string",
        t.community,
        leaf("view", "View name", NAME),
        leaf("authorization", "Authorization type", AUTHORIZATION),
        leaf("client-list-name", "The name of client list", t.name),
        container(
            "clients",
            "List of source address prefix ranges to accept",
            entries("client", "Address or prefix", t.any_prefix, flag("restrict", "Deny access"), bare=True, oneline=True),
        ),
    ),
    entries(
        "trap-group",
        "Configure traps and notifications",
        NAME,
        leaf(
            "version",
            "SNMP version",
            t.one_of("version", all="Send SNMPv1 and SNMPv2 traps", v1="SNMPv1 traps", v2="SNMPv2 traps"),
        ),
        leaf("destination-port", "SNMP trap receiver port number", t.number("port", 1, 65535)),
        container("categories", "Trap categories", *(flag(name, f"{name} notifications") for name in CATEGORIES)),
        container("targets", "Targets for trap messages", entries("target", "IP address", t.address, bare=True, oneline=True)),
    ),
    container(
        "trap-options", "SNMP trap options", leaf("source-address", "Source of traps", t.either("address", t.address, t.word))
    ),
    V3,
    ineffective(leaves("interface", "Restrict SNMP requests to interfaces", t.logical_interface)),
    ineffective(
        container("filter-duplicates", "Filter requests with duplicate source address/port and request ID", presence=True)
    ),
    ineffective(flag("filter-interfaces", "Filter interfaces")),
    by="snmp",
)
