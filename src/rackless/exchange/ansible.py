"""A lab as an Ansible inventory (YAML): routers for the junipernetworks.junos collection, hosts for plain SSH.

No password stands in it: a lookup asks `rackless credentials` when Ansible needs it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A router as Ansible reaches it: host and port of NETCONF and of SSH."""

    name: str
    user: str
    netconf: tuple[str, int]
    ssh: tuple[str, int]
    cards: int


def inventory(lab: str, routers: Iterable[Reached]) -> str:
    """The inventory; groups `routers` and one by the lab's name."""
    hosts: dict[str, Any] = {}
    for router in routers:
        hosts[router.name] = {
            "ansible_host": router.netconf[0],
            "ansible_port": router.netconf[1],
            "ansible_user": router.user,
            "ansible_password": "{{ lookup('ansible.builtin.pipe', 'rackless credentials --field password --router "
            + f"{router.name} {lab}') }}}}",
            "rackless_ssh_port": router.ssh[1],
            "rackless_cards": router.cards,
        }
    value = {
        "all": {
            "vars": {"rackless_lab": lab},
            "children": {
                "routers": {
                    "vars": {
                        "ansible_connection": "ansible.netcommon.netconf",
                        "ansible_network_os": "junipernetworks.junos.junos",
                    },
                    "hosts": hosts,
                }
            },
        }
    }
    yaml = YAML()
    yaml.width = 200
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()
