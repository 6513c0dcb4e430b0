"""`system`: the router itself and who may log in."""

from __future__ import annotations

from .. import valuetypes as t
from ..nodes import container, entries, flag, leaf, leaves, password_prompt, password_value

PASSWORD_STATEMENTS = (
    leaf("encrypted-password", "Password as crypt(3) hash", t.password_hash, secret=True),
    password_prompt("plain-text-password", "Prompt for plain text password (kept as a hash)", into="encrypted-password"),
    password_value("plain-text-password-value", "Plain text password (kept as a hash)", into="encrypted-password"),
    leaves("ssh-ed25519", "Public key of an SSH Ed25519 key pair", t.ed25519_key, secret=True),
    leaves("ssh-rsa", "Public key of an SSH RSA key pair", t.rsa_key, secret=True),
)

SYSTEM = container(
    "system",
    "System parameters",
    leaf("host-name", "Hostname for this router", t.host_name, by="hostname"),
    container(
        "root-authentication", "Authentication information for the root login", *PASSWORD_STATEMENTS, by="users", mandatory=True
    ),
    leaf("time-zone", "Time zone name or POSIX-compliant time zone string", t.time_zone, by="timezone"),
    container(
        "login",
        "Names, login classes, and passwords for users",
        entries(
            "user",
            "Username",
            t.user_name,
            leaf("full-name", "Full name", t.text),
            leaf("uid", "User identifier", t.number("uid", 1100, 64000)),
            leaf(
                "class",
                "Login class",
                t.one_of(
                    "class",
                    super_user="All permissions",
                    operator="Permissions to look and to clear, not to configure",
                    read_only="Permissions to look",
                ),
                mandatory=True,
            ),
            container("authentication", "Authentication method", *PASSWORD_STATEMENTS),
        ),
        by="users",
    ),
    container(
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
                by="ssh",
                presence=True,
            ),
        ),
    ),
    container(
        "ntp",
        "Network Time Protocol services",
        entries("server", "Server parameters", t.host, flag("prefer", "Prefer this peer"), oneline=True),
        by="ntp",
    ),
)
