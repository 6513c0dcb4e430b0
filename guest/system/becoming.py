"""Making this machine what its identity says: NIC names and MACs, host name, keys, and letting its role's processes run."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from system import links
from system.identity import Identity

ROLE, UNKNOWN = Path("/run/rackless/role"), Path("/run/rackless/unknown")
"""What waits for the role reads the fifo `unknown`, whose end comes when the role is written (rootfs: `as`)."""
MODULES = {
    "controller": ("vxlan", "nf_tables", "mpls_router", "mpls_iptunnel", "button", "evdev"),
    "card": ("vxlan", "sch_ingress", "cls_matchall", "act_mirred", "button", "evdev"),
    "host": ("button", "evdev"),
}
"""Loaded at once, in one process. MPLS before zebra starts, which looks for it only then."""
SETTINGS = {
    "controller": (
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv6/conf/all/forwarding", "1"),
        ("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"),
        ("net/ipv6/conf/all/ignore_routes_with_linkdown", "1"),
        ("net/ipv6/conf/int/disable_ipv6", "1"),
    ),
    # A card's NICs must say nothing of their own onto the wires, and hear nothing but the internal network: all that a card has
    # a route to is there, so whatever comes in elsewhere is dropped (RFC 3704 strict reverse path).
    "card": (
        ("net/ipv6/conf/all/disable_ipv6", "1"),
        ("net/ipv6/conf/default/disable_ipv6", "1"),
        ("net/ipv4/conf/all/rp_filter", "1"),
    ),
    "host": (),
}
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key")
MACHINE_ID = Path("/etc/machine-id")


def placed(identity: Identity, found: list[links.Link]) -> list[tuple[links.Link, int]]:
    """Each NIC with its index. `found`: NICs in bus order.

    A NIC is the one that already has the MAC, also where others are not plugged in yet; when there are NICs with other MACs (a
    clone of a running template), order decides.
    """
    indexes = {nic.mac: nic.index for nic in identity.nics}
    if found and all(link.mac in indexes for link in found):
        return sorted(((link, indexes[link.mac]) for link in found), key=lambda pair: pair[1])
    return [(link, index) for index, link in enumerate(found)]


def nic_name(identity: Identity, index: int) -> str:
    """The kernel's name of the NIC itself: on a host whose NICs have a tag, the interface is what is behind that."""
    name = identity.interface(index)
    return f"{name}t" if _behind_tag(identity, index) else name


def _behind_tag(identity: Identity, index: int) -> bool:
    """The first of a host is for management, and on no wire."""
    return identity.role == "host" and identity.tag is not None and index > 0


def tag_commands(identity: Identity, found: list[links.Link]) -> list[str]:
    indexes = [index for _, index in placed(identity, found) if _behind_tag(identity, index)]
    names = [identity.interface(index) for index in indexes]
    return [f"link add link {name}t name {name} type vlan id {identity.tag}" for name in names]


def nic_commands(identity: Identity, found: list[links.Link]) -> list[str]:
    """`ip` lines that name the NICs and give them their MACs."""
    macs = {nic.index: nic.mac for nic in identity.nics}
    lines, renames = [], []
    for link, index in placed(identity, found):
        name, mac = nic_name(identity, index), macs.get(index, link.mac)
        if link.name == name and link.mac == mac:
            continue
        lines.append(f"link set {link.name} down")
        if link.mac != mac:
            lines.append(f"link set {link.name} address {mac}")
        if link.name != name:
            # By way of a name that none has, since two may change places.
            lines.append(f"link set {link.name} name rr{index}")
            renames.append(f"link set rr{index} name {name}")
    return lines + renames


def name_nics(identity: Identity) -> None:
    found = [link for link in map(links.read, links.physical()) if link is not None]
    lines = nic_commands(identity, found)
    names = [nic_name(identity, index) for _, index in placed(identity, found)]
    joined = tag_commands(identity, found)
    names += [line.split()[5] for line in joined]
    if identity.role == "card":
        names = [name for name in names if not name.startswith("p")]  # carddata brings those up, joined
    links.batch("ip", [*lines, *joined, *(f"link set {name} up" for name in names)], force=True)


def plugged_commands(identity: Identity, came: list[links.Link]) -> list[str]:
    """`ip` lines for NICs that were plugged into the running machine; those that nobody planned are left as they are."""
    macs = {nic.mac for nic in identity.nics}
    found = [link for link in came if link.mac in macs]
    joined = tag_commands(identity, found)
    names = [*(nic_name(identity, index) for _, index in placed(identity, found)), *(line.split()[5] for line in joined)]
    up = [f"link set {name} up" for name in names if identity.role != "card" or not name.startswith("p")]
    lines = [*nic_commands(identity, found), *joined, *up]
    return [*lines, *host_commands(identity)] if lines and identity.role == "host" else lines


def host_commands(identity: Identity) -> list[str]:
    labels = {nic.label: identity.interface(nic.index) for nic in identity.nics}
    addresses = [f"address replace {address} dev {labels.get(label, label)}" for label, address in identity.addresses]
    return [*addresses, *(f"route replace {to} via {via}" for to, via in identity.routes)]


def set_hostname(name: str) -> None:
    # socket.sethostname; the file is for later boots.
    import socket

    socket.sethostname(name)
    Path("/etc/hostname").write_text(f"{name}\n")
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n")


def make_keys() -> tuple[str, ...]:
    """SSH host key and machine id of this clone, made once. Returns the public host keys."""
    public = public_half(HOST_KEY)
    if not (has_content(HOST_KEY) and has_content(public)):
        HOST_KEY.parent.mkdir(parents=True, exist_ok=True)
        draft = HOST_KEY.with_suffix(".new")
        for left in (draft, public_half(draft)):
            left.unlink(missing_ok=True)
        subprocess.run(
            ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(draft)],
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        # On the disk before they have their names: a router whose cord is pulled must not come back with empty keys.
        settle(public_half(draft), draft)
        os.replace(public_half(draft), public)
        os.replace(draft, HOST_KEY)
        settle(HOST_KEY.parent)
    if not has_content(MACHINE_ID):
        MACHINE_ID.write_text(f"{os.urandom(16).hex()}\n")
        settle(MACHINE_ID)
    return (public.read_text().strip(),)


def public_half(key: Path) -> Path:
    return key.with_name(key.name + ".pub")


def has_content(path: Path) -> bool:
    try:
        return bool(path.read_bytes().strip(b"\0 \n"))
    except FileNotFoundError:
        return False


def settle(*paths: Path) -> None:
    """Wait until files, or the names in a folder, are on the disk."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def authorize(key: str) -> None:
    """Root of a host may log in with this key, and with nothing else."""
    if not key:
        return
    folder = Path("/root/.ssh")
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(folder / "authorized_keys", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(f"{key}\n")


def settings(role: str) -> None:
    for path, value in SETTINGS[role]:
        try:
            (Path("/proc/sys") / path).write_text(value)
        except OSError as error:
            links.say(f"cannot set {path}: {error}")


def hold_back() -> int | None:
    """Whoever waits for the role waits until the descriptor returned is closed; None when the role is known already."""
    return None if ROLE.exists() else os.open(UNKNOWN, os.O_RDWR | os.O_CLOEXEC)


def announce(role: str) -> None:
    """Let run what belongs to the role, once the descriptor of `hold_back` is closed."""
    draft = ROLE.with_suffix(".new")
    draft.write_text(f"{role}\n")
    os.replace(draft, ROLE)


def set_clock(when: float) -> bool:
    """Have that time, seconds since the epoch. Returns whether it was another."""
    if abs(time.time() - when) <= 0.5:
        return False
    time.clock_settime(time.CLOCK_REALTIME, when)
    return True


def become(identity: Identity, when: float | None) -> tuple[str, ...]:
    """All of it; repeating it changes nothing. `when`: seconds since the epoch, None keeps the clock. Returns the host keys."""
    if when is not None:
        set_clock(when)
    subprocess.run(["/sbin/modprobe", "-abq", *MODULES[identity.role]], check=False, timeout=60)
    if identity.hostname:
        set_hostname(identity.hostname)
    name_nics(identity)
    settings(identity.role)
    if identity.role == "host":
        links.batch("ip", host_commands(identity), force=True)
        authorize(identity.authorized_key)
    keys = make_keys()
    announce(identity.role)
    return keys
