"""HAProxy: on every node, the way to the primary and to all applications (https://docs.haproxy.org/2.6/configuration.html).

127.0.0.1:5000   the primary's PostgreSQL: bytes as they are, TLS from the application to the database
*:443            applications: HTTPS to browsers, and HTTPS with certificates of both sides behind
127.0.0.1:8404   whether HAProxy itself is well, for keepalived
"""

from __future__ import annotations

from rackless.fabric.engines import patroni
from rackless.fabric.places import Folder
from rackless.model.fabric import Function, Layout, Node

PRIMARY_PORT, WEB_PORT, READY_PORT = 5000, 443, 8404
APPLICATION_PORT = 8443
READY = "/health/ready"
HARD_STOP = 30
"""Seconds after which a process that was reloaded ends, however long its sessions live: it checks no health any more."""


def configuration(layout: Layout, node: Node, folder: Folder) -> str:
    primary = [one for one in layout.nodes if one.has(Function.DATABASE)]
    parts = [_whole(folder), _ready()]
    if primary:
        parts.append(_primary(folder) + "".join(f"  {database_server(one)}\n" for one in _ordered(primary)))
    if layout.applications and (node.has(Function.ADDRESS) or node.has(Function.APPLICATION)):
        parts.append(_web(folder) + "".join(f"  {web_server(one)}\n" for one in layout.applications))
    return "\n".join(parts)


def database_server(node: Node) -> str:
    return f"server {node.id} {node.address}:{patroni.PORT} verifyhost {node.id}"


def web_server(node: Node) -> str:
    return f"server {node.id} {node.address}:{APPLICATION_PORT} verifyhost {node.id}"


def added(node: Node, folder: Folder) -> list[str]:
    """What the running process is told on its socket, so that it knows one more application without being reloaded: a
    reload cuts the sessions of the database HARD_STOP later."""
    name = f"web/{node.id}"
    return [
        f"add server {name} {node.address}:{APPLICATION_PORT} {_to_applications(folder)} verifyhost {node.id}",
        f"enable health {name}",
        f"enable server {name}",
    ]


def removed(id: str) -> list[str]:
    """Its sessions have to be gone first: `set server ... state maint`, and a while for those to end."""
    return [f"set server web/{id} state maint", f"shutdown sessions server web/{id}", f"del server web/{id}"]


def _ordered(nodes: list[Node]) -> list[Node]:
    return sorted(nodes, key=lambda one: one.number)


def _whole(folder: Folder) -> str:
    return f"""\
global
  maxconn 4000
  log stderr format raw local0 notice
  stats socket {folder / "admin.sock"} mode 600 level admin
  hard-stop-after {HARD_STOP}s
  ssl-server-verify required
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-server-options ssl-min-ver TLSv1.2
defaults
  log global
  timeout connect 1s
  timeout client 10m
  timeout server 10m
  timeout check 1s
"""


def _ready() -> str:
    return f"""\
frontend ready
  mode http
  bind 127.0.0.1:{READY_PORT}
  monitor-uri /ready
"""


def _primary(folder: Folder) -> str:
    checked = f"check port {patroni.REST_PORT} check-ssl ca-file {folder.authority} crt {folder.bundle} verify required"
    return f"""\
listen primary
  mode tcp
  bind 127.0.0.1:{PRIMARY_PORT}
  option httpchk OPTIONS /primary
  http-check expect status 200
  option redispatch
  retries 2
  default-server inter 1s fastinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions {checked}
"""


def _to_applications(folder: Folder) -> str:
    # A server that is added to the running process is checked without TLS unless that is said: `ssl` alone is not enough.
    checked = "inter 1s fastinter 500ms fall 2 rise 1 check check-ssl"
    return f"{checked} ssl ca-file {folder.authority} crt {folder.bundle} verify required"


def _web(folder: Folder) -> str:
    # A request that may have begun is not made again behind its maker's back, unless its method is safe (RFC 9110, 9.2.1).
    return f"""\
listen web
  mode http
  bind :{WEB_PORT} ssl crt {folder.web} alpn http/1.1
  timeout http-request 10s
  timeout tunnel 24h
  balance roundrobin
  option httpchk
  http-check send meth GET uri {READY} ver HTTP/1.1 hdr Host fabric
  http-check expect status 200
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response 503
  http-request disable-l7-retry if !{{ method GET HEAD OPTIONS }}
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  default-server {_to_applications(folder)}
"""


def may_lead(node: Node) -> bool:
    """It is among those that `primary` asks."""
    return node.has(Function.DATABASE)
