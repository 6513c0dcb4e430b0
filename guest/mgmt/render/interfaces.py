"""`interfaces`: addresses, MTU and state of fxp0, lo0 and the ge- ports in the kernel.

Ports come and go with their cards: `reconcile` compares what is wanted with what is there, whenever either changes.
"""

from __future__ import annotations

import re

from ..check import units
from ..supervisor import Daemon
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..tree import Tree
    from ..world import Machine

HEADER = 14
"""Bytes of the Ethernet header: an MTU in the configuration is the media's, and counts it; the kernel's does not."""
DEFAULT_MTU = 1514
SCRIPT = "/usr/lib/rackless-router/mgmt/dhcp-script"


def kernel_name(name: str) -> str:
    """The Unix interface: ge-0/0/0 -> ge-0-0-0, lo0 -> lo; a logical one's unit is dropped."""
    name = name.partition(".")[0]
    return "lo" if name == "lo0" else name.replace("/", "-")


def router_name(kernel: str) -> str | None:
    """The router's name of a Unix interface, or None when the router does not show it."""
    if kernel == "lo":
        return "lo0"
    if kernel == "int":
        return "em1"
    if kernel == "fxp0":
        return kernel
    found = re.fullmatch(r"ge-(\d+)-(\d+)-(\d+)", kernel)
    return "ge-{}/{}/{}".format(*found.groups()) if found else None


def render(tree: Tree, world: Machine) -> Part:
    wanted: dict[str, Any] = {}
    for name, entry, unit in units(tree):
        family = unit.get("family", {})
        addresses = sorted(address for kind in ("inet", "inet6") for address in family.get(kind, {}).get("address", {}))
        wanted[kernel_name(name)] = {
            "addresses": addresses,
            "mtu": 0 if name == "lo0" else int(entry.get("mtu", DEFAULT_MTU)) - HEADER,
            "up": "disable" not in entry,
            "dhcp": "dhcp" in family.get("inet", {}),
            "alias": entry.get("description", ""),
        }
    wanted.setdefault("lo", {"addresses": [], "mtu": 0, "up": True, "dhcp": False, "alias": ""})
    return Part(data=wanted)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    wanted = dict(new.data)
    if old is not None and "fxp0" in old.data and "fxp0" not in wanted:
        wanted["fxp0"] = {"addresses": [], "mtu": DEFAULT_MTU - HEADER, "up": True, "dhcp": False, "alias": ""}
    reconcile(engine, wanted)
    if wanted.get("fxp0", {}).get("dhcp"):
        argv = ["/bin/busybox", "udhcpc", "-f", "-S", "-i", "fxp0", "-s", SCRIPT, "-t", "4", "-T", "2", "-A", "5"]
        engine.supervisor.ensure(Daemon("udhcpc", argv))
    else:
        engine.supervisor.stop("udhcpc")


def reconcile(engine: Engine, wanted: dict[str, Any]) -> None:
    """Bring the kernel's interfaces to what is wanted; Failed with the kernel's own word."""
    try:
        shown = engine.world.links()
    except OSError as error:
        raise Failed(f"interfaces: {error}") from error
    lines: list[str] = []
    aliases: list[tuple[str, str]] = []
    for link in shown:
        name = link["ifname"]
        if not (name in wanted or name.startswith("ge-")) or router_name(name) is None:
            continue
        wish = wanted.get(name) or {"addresses": [], "mtu": DEFAULT_MTU - HEADER, "up": True, "dhcp": False, "alias": ""}
        lines += commands(link, wish)
        # Setting it anew each time would be a change, and bring us here again for ever.
        if link["ifalias"] != wish["alias"]:
            aliases.append((name, wish["alias"]))
    if lines:
        _batch(engine, lines)
    for name, alias in aliases:
        engine.world.run(["ip", "link", "set", "dev", name, "alias", alias])


def commands(link: dict[str, Any], wish: dict[str, Any]) -> list[str]:
    """The `ip` commands that bring one interface from what it is (`ip -j addr`) to what is wished. Pure."""
    name = link["ifname"]
    lines = []
    if wish["mtu"] and link.get("mtu") != wish["mtu"]:
        lines.append(f"link set dev {name} mtu {wish['mtu']}")
    up = "UP" in link.get("flags", ())
    if up != wish["up"]:
        lines.append(f"link set dev {name} {'up' if wish['up'] else 'down'}")
    if wish["dhcp"]:
        return lines
    present = {f"{one['local']}/{one['prefixlen']}" for one in link.get("addr_info", ()) if _ours(name, one)}
    for address in sorted(present - set(wish["addresses"])):
        lines.append(f"addr del {address} dev {name}")
    for address in wish["addresses"]:
        if address not in present and (wish["up"] or ":" not in address):
            lines.append(f"addr add {address} dev {name}" + (" nodad" if ":" in address else ""))
    return lines


def _ours(name: str, address: dict[str, Any]) -> bool:
    """The kernel's own addresses are not to be touched: link-local ones, and the loopback's."""
    if name == "lo" and (address["local"] == "::1" or address["local"].startswith("127.")):
        return False
    return not (address["family"] == "inet6" and address.get("scope") == "link")


def _batch(engine: Engine, lines: list[str]) -> None:
    done = engine.world.run(["ip", "-force", "-batch", "-"], "\n".join(lines) + "\n")
    faults = [line for line in done.err.splitlines() if line.strip() and not line.startswith("Command failed")]
    real = [line for line in faults if "Cannot find device" not in line and "File exists" not in line]
    if real and done.code != 0:
        raise Failed(f"interfaces: {real[0].strip()}")
