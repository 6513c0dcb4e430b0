"""The application of a node: how it reaches the database, and how HAProxy reaches it.

It is the server of Rackless, on PostgreSQL: `database_url` names the role and the certificates, and no password.
"""

from __future__ import annotations

from urllib.parse import urlencode

from rackless.fabric.authority import PRIMARY
from rackless.fabric.engines import haproxy, patroni
from rackless.fabric.places import Folder
from rackless.model.fabric import Node


def database_parameters(folder: Folder) -> dict[str, str]:
    """libpq's (https://www.postgresql.org/docs/15/libpq-connect.html). HAProxy on this node leads to the primary,
    which is known as a database of the fabric by the name in its certificate."""
    return {
        "hostaddr": "127.0.0.1",
        "sslmode": "verify-full",
        "sslrootcert": str(folder.authority),
        "sslcert": str(folder.application.certificate),
        "sslkey": str(folder.application.key),
        "target_session_attrs": "read-write",
        "connect_timeout": "3",
    }


def database_url(folder: Folder) -> str:
    """RACKLESS_DATABASE of the server."""
    query = urlencode(database_parameters(folder), safe="/")
    return f"postgresql://{patroni.APPLICATION}@{PRIMARY}:{haproxy.PRIMARY_PORT}/{patroni.DATABASE}?{query}"


def arguments(node: Node, folder: Folder) -> list[str]:
    """Of `rackless serve`."""
    pair = folder.application
    return [
        *("--tcp", f"{node.address}:{haproxy.APPLICATION_PORT}"),
        *("--certificate", str(pair.certificate), "--key", str(pair.key), "--clients", str(folder.authority)),
    ]
