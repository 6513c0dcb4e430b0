"""`interfaces`, `chassis aggregated-devices` and the interfaces of routing instances: what there is in the kernel.

Ports come and go with their cards: `reconcile` compares what is wanted with what is there, whenever either changes. Tagged
units are VLAN interfaces, aggregates are bonds, routing instances are VRFs, bridge domains bridges; these are made and
taken away here.
"""

from __future__ import annotations

from system.ports import kernel_name, router_name

from .. import bridging
from ..devices import (
    BRIDGING,
    aggregates,
    device,
    instances,
    interfaces,
    logicals,
    tagged,
    vrf_name,
    vrf_of,
    vrf_table,
)
from ..supervisor import Daemon
from .announcing import announce
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..tree import Tree
    from ..world import Machine

    Wish = dict[str, Any]

__all__ = ["DEFAULT_MTU", "HEADER", "apply", "commands", "reconcile", "render"]

HEADER = 14
"""Bytes of the Ethernet header: an MTU in the configuration is the media's, and counts it; the kernel's does not."""
DEFAULT_MTU = 1514
SCRIPT = "/usr/lib/rackless-router/mgmt/dhcp-script"


def plain(**more: Any) -> Wish:
    """An interface of which nothing is configured. `add`: how to make it, "" for one that is there by itself."""
    return {"addresses": [], "mtu": DEFAULT_MTU - HEADER, "up": True, "dhcp": False, "alias": "", "master": "", "add": "", **more}


def render(tree: Tree, world: Machine) -> Part:
    wanted: dict[str, Wish] = {}
    for name in instances(tree):
        wanted[vrf_name(name)] = plain(add=f"type vrf table {vrf_table(name)}", mtu=0)
    irb = bridging.irb(tree)
    mac = bridging.bridge_mac(world.read("/sys/class/net/fxp0/address"))
    for name, add in bridging.bridges(tree, mac).items():
        wanted[name] = plain(add=add, mtu=int(irb.get("mtu", DEFAULT_MTU)) - HEADER, up="disable" not in irb)
    for name, entry in interfaces(tree).items():
        if entry is irb:
            continue
        mtu = 0 if name == "lo0" else int(entry.get("mtu", DEFAULT_MTU)) - HEADER
        wish = plain(mtu=mtu, up="disable" not in entry, alias=entry.get("description", ""))
        wanted[kernel_name(name)] = wish
    for name in aggregates(tree):
        wish = wanted.setdefault(name, plain())
        wish["add"] = _bond(interfaces(tree).get(name, {}).get("aggregated-ether-options", {}))
    for name, _, unit in logicals(tree):
        kernel = device(tree, name)
        if tagged(unit):
            port = wanted[kernel_name(name)]
            wanted[kernel] = plain(
                add=f"link {kernel_name(name)} type vlan id {unit['vlan-id']}",
                mtu=port["mtu"],
                up=port["up"],
                alias=unit.get("description", ""),
            )
        _unit(wanted[kernel], unit)
        if not name.startswith("lo0."):
            wanted[kernel]["master"] = vrf_of(tree, name) or ""
    for name, entry in interfaces(tree).items():
        bundle = entry.get("gigether-options", {}).get("802.3ad", {}).get("bundle")
        if bundle in wanted:
            wanted[kernel_name(name)].update(master=bundle, mtu=wanted[bundle]["mtu"])
    for kernel, bridge, add in bridging.member_ports(tree):
        if add:
            port = wanted[add.split()[1]]
            wanted[kernel] = plain(add=add, mtu=port["mtu"], up=port["up"])
        wanted[kernel]["master"] = bridge
    wanted.setdefault("lo", plain(mtu=0))
    return Part(data=wanted)


def _bond(options: Tree) -> str:
    common = "miimon 100 xmit_hash_policy layer3+4"
    if "lacp" not in options:
        return f"type bond mode balance-xor {common}"
    common += f" min_links {options.get('minimum-links', '1')}"
    lacp = options["lacp"]
    rate = lacp.get("periodic", "fast")
    active = "on" if "active" in lacp else "off"
    priority = f" ad_actor_sys_prio {lacp['system-priority']}" if lacp.get("system-priority", "0") != "0" else ""
    return f"type bond mode 802.3ad lacp_rate {rate} lacp_active {active} {common}{priority}"


def _unit(wish: Wish, unit: Tree) -> None:
    family = unit.get("family", {})
    for kind in ("inet", "inet6"):
        entries = family.get(kind, {}).get("address", {})
        # The kernel's first address of a network is the primary one.
        wish["addresses"] += sorted(
            entries, key=lambda one: ("primary" not in entries[one], "preferred" not in entries[one], one)
        )
        if kind == "inet" and any("primary" in options for options in entries.values()):
            wish["first"] = wish["addresses"][0]
    wish["dhcp"] = wish["dhcp"] or "dhcp" in family.get("inet", {})
    if "disable" in unit:
        wish["addresses"] = []
    limits = [int(family[kind]["mtu"]) for kind in ("inet", "inet6") if "mtu" in family.get(kind, {})]
    if limits:
        wish["mtu"] = min(wish["mtu"], *limits)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    wanted = dict(new.data)
    before = old.data if old is not None else {}
    if "fxp0" in before and "fxp0" not in wanted:
        wanted["fxp0"] = plain()
    stale = [name for name, wish in before.items() if wish["add"] and wanted.get(name, plain())["add"] != wish["add"]]
    if stale:
        _batch(engine, [f"link del dev {name}" for name in stale])
    if engine.world.live and any(" bond " in f" {wish['add']} " for wish in wanted.values()):
        # LACP runs over full duplex links only; the ports take speed and duplex from the internal network's interface.
        engine.world.run(["ethtool", "-s", "int", "speed", "1000", "duplex", "full"])
    reconcile(engine, wanted)
    if wanted.get("fxp0", {}).get("dhcp"):
        argv = ["/bin/busybox", "udhcpc", "-f", "-S", "-i", "fxp0", "-s", SCRIPT, "-t", "4", "-T", "2", "-A", "5"]
        engine.supervisor.ensure(Daemon("udhcpc", argv))
    else:
        engine.supervisor.stop("udhcpc")


def reconcile(engine: Engine, wanted: dict[str, Wish]) -> None:
    """Bring the kernel's interfaces to what is wanted; Failed with the kernel's own word."""
    try:
        there = {link["ifname"]: link for link in engine.world.links()}
    except OSError as error:
        raise Failed(f"interfaces: {error}") from error
    lines = creations(there, wanted)
    aliases: list[tuple[str, str]] = []
    for name, link in there.items():
        port = router_name(name) not in (None, "lo0", "em1", "fxp0")
        made = BRIDGING.fullmatch(name) or (port and (name.startswith("ae") or "." in name))
        if name not in wanted and not made and not port:
            continue
        if name not in wanted and made:
            lines.append(f"link del dev {name}")
            continue
        wish = wanted.get(name) or plain()
        lines += commands(link, wish)
        # Setting it anew each time would be a change, and bring us here again for ever.
        if link.get("ifalias", "") != wish["alias"]:
            aliases.append((name, wish["alias"]))
    if lines:
        _batch(engine, lines)
    announce(engine)
    for name, alias in aliases:
        engine.world.run(["ip", "link", "set", "dev", name, "alias", alias])


def creations(there: Wish, wanted: dict[str, Wish]) -> list[str]:
    """Makes what is not there yet; `there` gets it too, as the kernel would show it. VRFs and bonds before what they hold."""
    lines = []
    for name, wish in wanted.items():
        if not wish["add"] or name in there:
            continue
        words = wish["add"].split()
        below = words[1] if words[0] == "link" else ""
        if below and below not in there:
            continue  # the port's card is not here
        lines.append(
            f"link add link {below} name {name} {' '.join(words[2:])}" if below else f"link add name {name} {wish['add']}"
        )
        there[name] = {"ifname": name, "mtu": there[below].get("mtu") if below else 1500, "flags": []}
    return lines


def commands(link: dict[str, Any], wish: Wish) -> list[str]:
    """The `ip` commands that bring one interface from what it is (`ip -j addr`) to what is wished. Pure."""
    name = link["ifname"]
    lines = []
    up = "UP" in link.get("flags", ())
    if link.get("master", "") != wish.get("master", ""):
        if wish["master"].startswith("ae") and up:
            lines.append(f"link set dev {name} down")
            up = False
        lines.append(f"link set dev {name} master {wish['master']}" if wish["master"] else f"link set dev {name} nomaster")
        up = up and not link.get("master", "").startswith("ae")  # the kernel takes down what leaves a bond
    if wish["mtu"] and link.get("mtu") != wish["mtu"]:
        lines.append(f"link set dev {name} mtu {wish['mtu']}")
    if up != wish["up"]:
        lines.append(f"link set dev {name} {'up' if wish['up'] else 'down'}")
    if wish["dhcp"]:
        return lines
    present = [f"{one['local']}/{one['prefixlen']}" for one in link.get("addr_info", ()) if _ours(name, one)]
    kept = [address for address in present if address in wish["addresses"]]
    first = wish.get("first")
    if first is not None and [address for address in present if ":" not in address][:1] != [first]:
        kept = [address for address in kept if ":" in address]  # the kernel's order is that in which they were added
    for address in sorted(set(present) - set(kept)):
        lines.append(f"addr del {address} dev {name}")
    for address in wish["addresses"]:
        if address not in kept and (wish["up"] or ":" not in address):
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
