"""keepalived: one node holds the virtual address (VRRP version 3, RFC 5798, by unicast; https://www.keepalived.org/manpage.html).

VRRP has no cryptography, in no version that is in use: whoever is on the nodes' segment can take the address, as any other one.
What answers there is known by its certificate all the same.

A keepalived that is killed leaves the address behind, and two nodes would have it: so it is taken away before keepalived
starts and after it ended (`clearing`).
"""

from __future__ import annotations

import ipaddress

from rackless.fabric.engines import haproxy
from rackless.fabric.places import Folder
from rackless.model.fabric import Function, Layout, Node

ADVERTISED = 0.5
"""Seconds between two advertisements: a silent holder is given up after three of them and at most one more (RFC 5798, 6.1)."""
CHECK = "ready.sh"


def router_id(layout: Layout) -> int:
    """1 to 255, the same on all nodes, another for most other addresses: on one segment it must be one's own."""
    return int(ipaddress.ip_interface(layout.virtual_address).ip) % 255 + 1


def configuration(layout: Layout, node: Node, folder: Folder, interface: str) -> str:
    """Of a node with the function ADDRESS. `interface`: that of the node's address."""
    others = [one for one in layout.having(Function.ADDRESS) if one.id != node.id]
    peers = "".join(f"    {one.address}\n" for one in others)
    # Who is alone keeps the address, however slow it is: nobody would be better.
    tracked = "  track_script {\n    ready\n  }\n" if others else ""
    # Equal, but for a tie: who holds it keeps it until it cannot.
    priority = 150 - min(node.number, 100)
    return f"""\
global_defs {{
  router_id {node.id}
  enable_script_security
  script_user root
  vrrp_version 3
  vrrp_garp_master_refresh 5
  vrrp_garp_master_repeat 3
}}
vrrp_script ready {{
  script "/bin/bash {folder / CHECK}"
  interval 1
  timeout 2
  fall 2
  rise 1
}}
vrrp_instance web {{
  state BACKUP
  nopreempt
  interface {interface}
  virtual_router_id {router_id(layout)}
  priority {priority}
  advert_int {ADVERTISED}
  unicast_src_ip {node.address}
  unicast_peer {{
{peers}  }}
  virtual_ipaddress {{
    {layout.virtual_address} dev {interface}
  }}
{tracked}}}
"""


def check() -> str:
    """The script that says whether this node's HAProxy answers. It is begun once a second: no more than a shell."""
    return f"""\
#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{haproxy.READY_PORT} || exit 1
printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3
read -r -t 1 line <&3 && [[ $line == *' 200 '* ]]
"""


def clearing(layout: Layout, interface: str) -> list[str]:
    """The command that takes a stale virtual address away. That there is none is no failure of whoever asks."""
    return ["ip", "address", "delete", layout.virtual_address, "dev", interface]
