"""etcd: the votes, and the fabric's shared truth (https://etcd.io/docs/v3.4/op-guide/configuration/). JSON is YAML, too."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rackless.fabric.places import Folder, Self
from rackless.model.fabric import Layout, Node

CLIENT_PORT, PEER_PORT = 2379, 2380
HEARTBEAT, ELECTION = 200, 2000
"""Milliseconds. etcd's own are 100 and 1000; nodes whose processors other work keeps busy need more before they are given up."""
MOST = 512 << 20
"""Bytes: the truth is some kilobytes, Patroni's keys as much; what is kept of old revisions is compacted every hour."""


def client_url(node: Node) -> str:
    return f"https://{node.address}:{CLIENT_PORT}"


def peer_url(node: Node | Self) -> str:
    return f"https://{node.address}:{PEER_PORT}"


def endpoints(layout: Layout) -> list[str]:
    """Where clients ask."""
    return [client_url(node) for node in layout.voters]


def configuration(layout: Layout, node: Node, folder: Folder, members: Mapping[str, str]) -> str:
    """Of a voter.

    Args:
        members: those that vote already when it starts for the first time, peer URL by name; empty: it is the first.
    """
    transport = {
        "cert-file": str(folder.pair.certificate),
        "key-file": str(folder.pair.key),
        "client-cert-auth": True,
        "trusted-ca-file": str(folder.authority),
    }
    cluster = {**members, node.id: peer_url(node)}
    wanted = {
        "name": node.id,
        "data-dir": str(folder / "data"),
        "listen-peer-urls": peer_url(node),
        "listen-client-urls": client_url(node),
        "advertise-client-urls": client_url(node),
        "initial-advertise-peer-urls": peer_url(node),
        "initial-cluster": ",".join(f"{name}={url}" for name, url in sorted(cluster.items())),
        "initial-cluster-state": "existing" if members else "new",
        "initial-cluster-token": layout.fabric,
        "client-transport-security": transport,
        "peer-transport-security": transport,
        "heartbeat-interval": HEARTBEAT,
        "election-timeout": ELECTION,
        # Else a member that was cut off comes back with a higher term and unseats the leader.
        "pre-vote": True,
        "strict-reconfig-check": True,
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "1h",
        "quota-backend-bytes": MOST,
        # etcd 3.4 has it off as soon as there is a configuration file.
        "enable-grpc-gateway": True,
        "logger": "zap",
        "log-outputs": ["stderr"],
        # It warns of each request that comes by the gateway with a certificate.
        "log-level": "error",
    }
    return json.dumps(wanted, indent=1) + "\n"
