"""`system`: the router itself and who may log in."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, ineffective, leaf, leaves, password_prompt, password_value

PASSWORD_STATEMENTS = (
    leaf("encrypted-password", "Password as crypt(3) hash", t.password_hash, secret=True),
    password_prompt("plain-text-password", "Prompt for plain text password (kept as a hash)", into="encrypted-password"),
    password_value("plain-text-password-value", "Plain text password (kept as a hash)", into="encrypted-password"),
    leaves("ssh-ecdsa", "Public key of an SSH ECDSA key pair", t.ecdsa_key, secret=True),
    leaves("ssh-ed25519", "Public key of an SSH Ed25519 key pair", t.ed25519_key, secret=True),
    leaves("ssh-rsa", "Public key of an SSH RSA key pair", t.rsa_key, secret=True),
)

CLASS_NAME = t.pattern("class-name", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits, dots, - and _ are needed, at most 64")
PERMISSIONS = t.one_of(
    "permissions",
    access="Can view access configuration",
    access_control="Can modify access configuration",
    admin="Can view user accounts",
    admin_control="Can modify user accounts",
    all="All permission bits turned on",
    clear="Can clear learned network information",
    configure="Can enter configuration mode",
    control="Can modify any configuration",
    field="Special for field (debug) support",
    firewall="Can view firewall configuration",
    firewall_control="Can modify firewall configuration",
    floppy="Can read and write the floppy drive",
    interface="Can view interface configuration",
    interface_control="Can modify interface configuration",
    maintenance="Can become the super-user",
    network="Can access the network",
    reset="Can reset/restart interfaces and daemons",
    rollback="Can roll back to previous configurations",
    routing="Can view routing configuration",
    routing_control="Can modify routing configuration",
    secret="Can view secret statements",
    secret_control="Can modify secret statements",
    security="Can view security configuration",
    security_control="Can modify security configuration",
    shell="Can start a local shell",
    snmp="Can view SNMP configuration",
    snmp_control="Can modify SNMP configuration",
    system="Can view system configuration",
    system_control="Can modify system configuration",
    trace="Can view trace file settings",
    trace_control="Can modify trace file settings",
    view="Can view current values and statistics",
    view_configuration="Can view all configuration (not including secrets)",
)

LOGIN = container(
    "login",
    "Names, login classes, and passwords for users",
    entries(
        "class",
        "Login class",
        CLASS_NAME,
        leaves("permissions", "Set of permitted operation categories", PERMISSIONS),
        leaf("allow-commands", "Regular expression for commands to allow explicitly", t.text),
        leaf("deny-commands", "Regular expression for commands to deny explicitly", t.text),
        ineffective(leaf("allow-configuration", "Regular expression for configure to allow explicitly", t.text)),
        ineffective(leaf("deny-configuration", "Regular expression for configure to deny explicitly", t.text)),
        ineffective(leaf("idle-timeout", "Maximum idle time before logout (minutes)", t.number("minutes", 0, 4294967295))),
        ineffective(flag("login-alarms", "Display system alarms when logging in")),
    ),
    entries(
        "user",
        "Username",
        t.user_name,
        leaf("full-name", "Full name", t.text),
        leaf("uid", "User identifier", t.number("uid", 1100, 64000)),
        leaf(
            "class",
            "Login class: super-user, operator, read-only, unauthorized or one of 'system login class'",
            CLASS_NAME,
            mandatory=True,
        ),
        container("authentication", "Authentication method", *PASSWORD_STATEMENTS),
    ),
    leaf("message", "System login message", t.long_text, by="ssh"),
    ineffective(leaf("announcement", "System login announcement text (displayed after login)", t.long_text)),
    ineffective(
        container(
            "retry-options",
            "Configure password retry options",
            leaf("tries-before-disconnect", "Number of times the router asks for the password", t.number("tries", 2, 10)),
            leaf("backoff-threshold", "Number of password failures before delay is introduced", t.number("tries", 1, 3)),
            leaf("backoff-factor", "Delay factor after 'backoff-threshold' password failures (seconds)", t.number("s", 5, 10)),
            leaf("minimum-time", "Minimum total connection time if all attempts fail (seconds)", t.number("s", 20, 60)),
            leaf("maximum-time", "Maximum time the connection will remain for user to enter (seconds)", t.number("s", 20, 300)),
            leaf("lockout-period", "Amount of time user account is locked (minutes)", t.number("minutes", 1, 43200)),
        )
    ),
    ineffective(
        container(
            "password",
            "Password configuration",
            leaf("minimum-length", "Minimum password length for all users", t.number("length", 6, 20)),
            leaf("minimum-changes", "Minimum number of character changes", t.number("changes", 1, 128)),
            leaf("maximum-length", "Maximum password length for all users", t.number("length", 20, 128)),
            leaf("change-type", "Password change type", t.one_of("type", character_sets="Sets", set_transitions="Transitions")),
            leaf("format", "Encryption method to use for password", t.one_of("format", sha256="SHA-256", sha512="SHA-512")),
        )
    ),
    by="users",
)

CONNECTIONS = (
    leaf("connection-limit", "Maximum number of allowed connections", t.number("connections", 1, 250)),
    leaf("rate-limit", "Maximum number of connections per minute", t.number("connections", 1, 250)),
)

SERVICES = container(
    "services",
    "System services",
    container(
        "ssh",
        "Allow SSH access",
        leaf(
            "root-login",
            "Configure root access via SSH",
            t.one_of(
                "root-login",
                allow="Allow root access via SSH",
                deny="Do not allow root access via SSH",
                deny_password="Do not allow root access via SSH with a password",
            ),
        ),
        leaf(
            "max-sessions-per-connection", "Maximum number of sessions per single SSH connection", t.number("sessions", 1, 65535)
        ),
        leaf("client-alive-interval", "Frequency of client alive requests (seconds)", t.number("seconds", 1, 65535)),
        leaf("client-alive-count-max", "Threshold of missing client alive replies", t.number("count", 0, 255)),
        flag("no-passwords", "Disables ssh password based authentication"),
        flag("no-password-authentication", "Disables ssh password based authentication"),
        flag("no-tcp-forwarding", "Do not allow forwarding TCP connections via SSH"),
        flag("tcp-forwarding", "Allow forwarding TCP connections via SSH"),
        *CONNECTIONS,
        ineffective(leaves("protocol-version", "Specify ssh protocol versions supported", t.one_of("version", v2="Version 2"))),
        ineffective(leaves("ciphers", "Specify the ciphers allowed for protocol version 2", t.word)),
        ineffective(leaves("macs", "Message authentication code algorithms allowed", t.word)),
        ineffective(leaves("key-exchange", "Specify ssh key-exchange for Diffie-Hellman keys", t.word)),
        ineffective(leaf("fingerprint-hash", "Configure hash algorithm used when displaying key fingerprints", t.word)),
        ineffective(flag("sftp-server", "Allow SFTP (always on here)")),
        by="ssh",
        presence=True,
    ),
    container(
        "netconf",
        "Allow NETCONF connections",
        container(
            "ssh",
            "Allow NETCONF over SSH",
            leaf("port", "Service port number", t.number("port", 1, 65535)),
            *CONNECTIONS,
            by="ssh",
            presence=True,
        ),
        ineffective(flag("rfc-compliant", "Make NETCONF compliant with RFC 4741 (it is always)")),
    ),
    ineffective(container("telnet", "Allow telnet login", *CONNECTIONS, presence=True), "telnet is not served, use ssh"),
    ineffective(container("ftp", "Allow FTP file transfers", *CONNECTIONS, presence=True)),
    ineffective(container("finger", "Allow finger requests from remote systems", presence=True)),
    ineffective(
        container(
            "web-management",
            "Web management configuration",
            container("http", "Unencrypted HTTP connection settings", presence=True),
            container(
                "https",
                "Encrypted HTTPS connection settings",
                flag("system-generated-certificate", "X.509 certificate generated automatically by system"),
                presence=True,
            ),
        )
    ),
    ineffective(
        container(
            "outbound-ssh",
            "Initiate outbound SSH connection",
            entries("client", "Define a device-initiated SSH connection", t.name, leaf("device-id", "Identifier", t.word)),
        )
    ),
    ineffective(
        container(
            "extension-service",
            "Enable JSD",
            container(
                "request-response",
                "Requests",
                container(
                    "grpc",
                    "gRPC",
                    container("clear-text", "Without encryption", leaf("port", "Port", t.number("port", 1, 65535))),
                ),
            ),
        )
    ),
)

FACILITIES = (
    "any",
    "authorization",
    "change-log",
    "conflict-log",
    "daemon",
    "dfc",
    "external",
    "firewall",
    "ftp",
    "interactive-commands",
    "kernel",
    "ntp",
    "pfe",
    "security",
    "user",
)
SEVERITY = t.one_of(
    "severity",
    any="All levels",
    alert="Conditions that should be corrected immediately",
    critical="Critical conditions",
    emergency="Panic conditions",
    error="Error conditions",
    info="Informational messages",
    none="No messages",
    notice="Conditions that should be handled specially",
    warning="Warning messages",
)
SELECTORS = tuple(leaf(name, f"Facility {name}", SEVERITY) for name in FACILITIES)
ARCHIVE = container(
    "archive",
    "Archive file information",
    leaf("size", "Size of files to be archived", t.size),
    leaf("files", "Number of files to be archived", t.number("files", 1, 1000)),
    flag("world-readable", "Allow any user to read the log file"),
    flag("no-world-readable", "Don't allow any user to read the log file"),
)
STRUCTURED = ineffective(container("structured-data", "Log system message in structured format", presence=True))

SYSLOG = container(
    "syslog",
    "System logging facility",
    entries(
        "file",
        "File in which to log data",
        t.pattern("filename", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a plain file name is needed"),
        *SELECTORS,
        leaf("match", "Regular expression for lines to be logged", t.text),
        ARCHIVE,
        STRUCTURED,
        ineffective(flag("explicit-priority", "Include priority and facility in messages")),
    ),
    entries(
        "host",
        "Host to be notified",
        t.host,
        *SELECTORS,
        leaf("match", "Regular expression for lines to be logged", t.text),
        leaf("port", "Port number", t.number("port", 1, 65535)),
        leaf("source-address", "Use specified address as source address", t.address),
        leaf("log-prefix", "Prefix for all logging to this host", t.word),
        ineffective(leaf("facility-override", "Alternate facility for logging to remote host", t.word)),
        ineffective(flag("explicit-priority", "Include priority and facility in messages")),
        STRUCTURED,
    ),
    entries("user", "Notify a user of the event", t.either("user", t.star, t.user_name), *SELECTORS, oneline=True),
    ineffective(container("console", "Console logging", *SELECTORS)),
    ARCHIVE,
    ineffective(
        container(
            "time-format", "Additional information in time stamp", flag("millisecond", "Milliseconds"), flag("year", "Year")
        )
    ),
    leaf("source-address", "Use specified address as source address", t.address),
    by="syslog",
)

NTP = container(
    "ntp",
    "Network Time Protocol services",
    entries(
        "server",
        "Server parameters",
        t.host,
        flag("prefer", "Prefer this peer"),
        leaf("key", "Authentication key", t.number("key", 1, 65534)),
        leaf("version", "NTP version to use", t.number("version", 1, 4)),
        oneline=True,
    ),
    entries(
        "peer",
        "Peer parameters",
        t.host,
        flag("prefer", "Prefer this peer"),
        leaf("key", "Authentication key", t.number("key", 1, 65534)),
        leaf("version", "NTP version to use", t.number("version", 1, 4)),
        oneline=True,
    ),
    entries(
        "authentication-key",
        "Authentication key information",
        t.number("key", 1, 65534),
        leaf("type", "Authentication key type", t.one_of("type", md5="Message Digest 5", sha1="SHA-1", sha256="SHA-256")),
        leaf("value", "Authentication key value", t.secret, secret=True),
    ),
    leaves("trusted-key", "List of trusted authentication keys", t.number("key", 1, 65534)),
    leaf("source-address", "Use specified address as source address", t.address),
    ineffective(
        leaf("boot-server", "Server to query during boot sequence", t.host), "the clock is stepped by any server at start"
    ),
    ineffective(leaf("broadcast-client", "Listen to NTP broadcasts", t.one_of("value", yes="Listen"))),
    by="ntp",
)

IGNORED = (
    container(
        "archival",
        "System archival management",
        container(
            "configuration",
            "Specify when and where to archive configuration files",
            leaf("transfer-interval", "Frequency at which file transfer happens (minutes)", t.number("minutes", 15, 2880)),
            flag("transfer-on-commit", "Transfer after each commit"),
            entries(
                "archive-sites",
                "List of archive destinations",
                t.text,
                leaf("password", "Password", t.text, secret=True),
                bare=False,
                oneline=True,
            ),
        ),
    ),
    leaves(
        "authentication-order",
        "Order in which authentication methods are invoked",
        t.one_of("method", password="Traditional password authentication", radius="RADIUS", tacplus="TACACS+"),
    ),
    container(
        "ports",
        "Craft interface RS-232 ports",
        container(
            "console",
            "Console port",
            flag("insecure", "Disallow superuser access"),
            flag("log-out-on-disconnect", "Log out the console session when cable is unplugged"),
            flag("disable", "Disable console"),
            presence=True,
        ),
        container("auxiliary", "Auxiliary port", flag("disable", "Disable port"), presence=True),
    ),
    container(
        "processes",
        "Process control",
        *(
            container(
                name,
                f"Process {name}",
                leaf("failover", "How to handle failure", t.word),
                leaves("enable", "Enable", t.word),
                flag("disable", "Disable this process"),
            )
            for name in (
                "routing",
                "snmp",
                "chassis-control",
                "management",
                "dhcp-service",
                "app-engine-virtual-machine-management-service",
            )
        ),
    ),
    leaf("max-configurations-on-flash", "Number of configuration files stored on flash", t.number("files", 0, 49)),
    leaf("max-configuration-rollbacks", "Number of configuration rollbacks", t.number("files", 0, 49)),
    container(
        "commit",
        "Configuration commit management",
        flag("synchronize", "Synchronize commit on both Routing Engines by default"),
        flag("fast-synchronize", "Commit on both Routing Engines in parallel"),
        flag("persist-groups-inheritance", "Build configuration database with inheritance"),
    ),
    entries(
        "radius-server",
        "RADIUS server configuration",
        t.host,
        leaf("secret", "Shared secret", t.secret, secret=True),
        leaf("port", "Port", t.number("port", 1, 65535)),
        leaf("source-address", "Source", t.address),
    ),
    entries(
        "tacplus-server",
        "TACACS+ server configuration",
        t.host,
        leaf("secret", "Shared secret", t.secret, secret=True),
        leaf("port", "Port", t.number("port", 1, 65535)),
        leaf("source-address", "Source", t.address),
    ),
    container(
        "internet-options",
        "Tunable options for Internet operation",
        flag("path-mtu-discovery", "Enable"),
        flag("no-path-mtu-discovery", "Disable"),
        flag("ipv6-path-mtu-discovery", "Enable"),
        flag("tcp-drop-synfin-set", "Drop TCP packets with SYN and FIN"),
        leaf("tcp-mss", "Maximum value of TCP MSS", t.number("bytes", 64, 65535)),
    ),
    container(
        "scripts",
        "Scripting mechanisms",
        container("commit", "Commit-time scripting", entries("file", "File", t.word)),
        container("op", "Operations scripting", entries("file", "File", t.word)),
        leaf("language", "Allow scripts in this language", t.word),
    ),
    container("license", "License information", container("autoupdate", "Autoupdate", entries("url", "URL", t.text))),
    flag("no-redirects", "Disable ICMP redirects"),
    flag("no-ping-record-route", "Do not insert IP address in ping replies"),
    flag("no-ping-time-stamp", "Do not insert time stamp in ping replies"),
    flag("no-multicast-echo", "Disable ICMP echo on multicast addresses"),
    flag("default-address-selection", "Use system address for locally originated traffic"),
    flag("management-instance", "Enable use of management instance"),
    leaf("location", "Location", t.text),
    leaf("dump-device", "Device to record memory snapshots on operating system failure", t.word),
    container("autoinstallation", "Autoinstallation configuration", presence=True),
    container("dynamic-profile-options", "Dynamic profile options", flag("versioning", "Enable dynamic profile versioning")),
    container(
        "ddos-protection",
        "Denial-of-service protection",
        container(
            "global",
            "Global",
            flag("disable-fpc", "Disable"),
            flag("disable-routing-engine", "Disable"),
            flag("disable-logging", "Disable"),
        ),
        presence=True,
    ),
    entries(
        "static-host-mapping",
        "Static hostname database mapping",
        t.host,
        leaves("inet", "IP address", t.address),
        leaves("inet6", "IPv6 address", t.address),
    ),
    leaf("switchover-on-routing-crash", "Switch over on a crash", t.word),
)

SYSTEM = container(
    "system",
    "System parameters",
    leaf("host-name", "Hostname for this router", t.host_name, by="hostname"),
    leaf("domain-name", "Domain name for this router", t.domain, by="resolver"),
    leaves("domain-search", "List of domain names to search", t.domain, by="resolver"),
    leaves("name-server", "DNS name servers", t.address, by="resolver"),
    container(
        "root-authentication", "Authentication information for the root login", *PASSWORD_STATEMENTS, by="users", mandatory=True
    ),
    leaf("time-zone", "Time zone name or POSIX-compliant time zone string", t.time_zone, by="timezone"),
    LOGIN,
    SERVICES,
    SYSLOG,
    NTP,
    *(ineffective(node) for node in IGNORED),
)
