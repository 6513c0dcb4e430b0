"""Patroni and PostgreSQL: one primary, elected by etcd (https://patroni.readthedocs.io/en/latest/). JSON is YAML, too.

Nobody has a password. Over the network only certificates of the fabric open the database: a node's for replication and
administration, an application's for the application's own role. On the node itself, the user `postgres` on the unix socket.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rackless.fabric.authority import Purpose
from rackless.fabric.engines import etcd
from rackless.fabric.places import Folder
from rackless.model.fabric import Function, Layout, Node, NodeRole

PORT, REST_PORT = 5432, 8008
NAMESPACE = "/rackless/patroni/"
SUPERUSER, REPLICATION, APPLICATION = "postgres", "replicator", "rackless"
DATABASE = "rackless"
TTL, LOOP_WAIT, RETRY = 20, 2, 3
"""Seconds. Patroni bears no shorter ttl. What cannot reach etcd gives up the primary LOOP_WAIT + 2 * RETRY after its last
word with it at the latest, long before; fabric/hurrying.py makes use of that."""
SHARED_BUFFERS = "128MB"
CONNECTIONS = 200


def leader_key(layout: Layout) -> str:
    """In etcd: whose value is the id of the node with the primary."""
    return f"{NAMESPACE}{layout.fabric}/leader"


def initialize_key(layout: Layout) -> str:
    """In etcd: empty while the first database is being made, then its identity."""
    return f"{NAMESPACE}{layout.fabric}/initialize"


def history(layout: Layout) -> dict[str, Any]:
    """What all members share, changed in etcd only (patronictl edit-config), once the fabric has begun."""
    return {
        "ttl": TTL,
        "loop_wait": LOOP_WAIT,
        "retry_timeout": RETRY,
        "maximum_lag_on_failover": 1 << 20,
        # A primary whose PostgreSQL died hands over at once.
        "primary_start_timeout": 0,
        "failsafe_mode": True,
        # What was acknowledged is on two nodes. With one left it goes on alone: `strict` would not.
        "synchronous_mode": True,
        "synchronous_mode_strict": False,
        "postgresql": {
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {
                "max_connections": CONNECTIONS,
                "wal_log_hints": "on",
                "max_wal_senders": 16,
                "max_replication_slots": 16,
                "wal_keep_size": "256MB",
                "hot_standby": "on",
                "wal_receiver_timeout": "5s",
                "wal_sender_timeout": "5s",
                "wal_retrieve_retry_interval": "500ms",
                "tcp_user_timeout": 5000,
            },
        },
    }


def configuration(layout: Layout, node: Node, folder: Folder, *, binaries: Path) -> str:
    """Of a node with a database or a replica. `binaries`: PostgreSQL's own, as /usr/lib/postgresql/15/bin."""
    client = {"sslmode": "verify-ca", "sslcert": str(folder.pair.certificate), "sslkey": str(folder.pair.key)}
    trusted = {"sslrootcert": str(folder.authority)}
    may_lead = node.has(Function.DATABASE)
    wanted = {
        "scope": layout.fabric,
        "namespace": NAMESPACE,
        "name": node.id,
        "log": {"level": "INFO"},
        "restapi": {
            "listen": f"{node.address}:{REST_PORT}",
            "connect_address": f"{node.address}:{REST_PORT}",
            "certfile": str(folder.pair.certificate),
            "keyfile": str(folder.pair.key),
            "cafile": str(folder.authority),
            "verify_client": "required",
        },
        "ctl": {
            "cacert": str(folder.authority),
            "certfile": str(folder.pair.certificate),
            "keyfile": str(folder.pair.key),
        },
        "etcd3": {
            "hosts": [f"{one.address}:{etcd.CLIENT_PORT}" for one in _asked(layout)],
            "protocol": "https",
            "cacert": str(folder.authority),
            "cert": str(folder.pair.certificate),
            "key": str(folder.pair.key),
        },
        "bootstrap": {
            "dcs": history(layout),
            "initdb": [
                {"encoding": "UTF8"},
                "data-checksums",
                {"locale": "C.UTF-8"},
                {"auth-host": "reject"},
                {"auth-local": "peer"},
            ],
        },
        "postgresql": {
            "listen": f"{node.address}:{PORT}",
            "connect_address": f"{node.address}:{PORT}",
            "data_dir": str(folder / "data"),
            "bin_dir": str(binaries),
            "pgpass": str(folder / "pgpass"),
            # A copy that waits for the next checkpoint in its time waits for minutes.
            "create_replica_methods": ["basebackup"],
            "basebackup": [{"checkpoint": "fast"}],
            "use_unix_socket": True,
            "use_unix_socket_repl": True,
            "authentication": {
                "superuser": {"username": SUPERUSER, **client, **trusted},
                "replication": {"username": REPLICATION, **client, **trusted},
            },
            "parameters": {
                "unix_socket_directories": str(folder / "run"),
                "unix_socket_permissions": "0700",
                "shared_buffers": SHARED_BUFFERS,
                "ssl": "on",
                "ssl_cert_file": str(folder.pair.certificate),
                "ssl_key_file": str(folder.pair.key),
                "ssl_ca_file": str(folder.authority),
                "ssl_min_protocol_version": "TLSv1.3",
                "password_encryption": "scram-sha-256",
            },
            "pg_hba": access(),
            "pg_ident": identities(layout),
        },
        "watchdog": {"mode": "automatic"},
        "tags": {} if may_lead else {"nofailover": True, "nosync": True},
    }
    return json.dumps(wanted, indent=1) + "\n"


def _asked(layout: Layout) -> list[Node]:
    """Where etcd is asked first: those that vote, and those that will next. Patroni asks for the list of those that do vote only
    every ten ttl, so a node that joined before the votes became three would know of one that long."""
    able = [one for one in layout.nodes if one.role is not NodeRole.APP and not one.has(Function.VOTE)]
    return [*layout.voters, *sorted(able, key=lambda one: one.number)[: max(0, 3 - len(layout.voters))]]


def access() -> list[str]:
    """pg_hba.conf. All that comes over the network has a certificate, whose whole subject is looked up below."""
    return [
        "local all postgres peer map=local",
        "local replication replicator peer map=local",
        "hostssl all all all cert clientname=DN map=fabric",
        "hostssl replication replicator all cert clientname=DN map=fabric",
    ]


def identities(layout: Layout) -> list[str]:
    """pg_ident.conf: which certificate may be which role."""
    end = f"O={layout.fabric}$".replace(".", "\\.")
    node = f"/^CN=[^,]+,OU={Purpose.NODE},{end}"
    application = f"/^CN=[^,]+,OU={Purpose.APPLICATION},{end}"
    return [
        "local postgres postgres",
        "local postgres replicator",
        *(f'fabric "{node}" {role}' for role in (SUPERUSER, REPLICATION)),
        f'fabric "{application}" {APPLICATION}',
    ]
