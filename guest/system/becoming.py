"""Making this machine what its identity says: NIC names and MACs, host name, keys, and init's list of what to keep alive."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from system import links
from system.identity import Identity

INITTAB = Path("/run/inittab")
HOME = "/usr/lib/rackless-router"
LINES = {
    "controller": ("::respawn:{home}/mgmtd",),
    "card": (),
    "host": ("::respawn:/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config.host",),
}
MODULES = {
    "controller": ("vxlan", "mpls_router", "mpls_iptunnel", "button", "evdev"),
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
    # A card's NICs must say nothing of their own onto the wires.
    "card": (("net/ipv6/conf/all/disable_ipv6", "1"), ("net/ipv6/conf/default/disable_ipv6", "1")),
    "host": (),
}
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key")
MACHINE_ID = Path("/etc/machine-id")


def nic_commands(identity: Identity, found: list[links.Link]) -> list[str]:
    """`ip` lines that name the NICs and give them their MACs. `found`: NICs in bus order.

    A NIC is the one that already has the MAC; when not all MACs are there (a clone of a running template), order decides.
    """
    by_mac = {link.mac: link for link in found}
    if identity.nics and all(nic.mac in by_mac for nic in identity.nics):
        pairs = [(by_mac[nic.mac], nic.index) for nic in identity.nics]
    else:
        pairs = [(link, index) for index, link in enumerate(found)]
    macs = {nic.index: nic.mac for nic in identity.nics}
    lines, renames = [], []
    for link, index in pairs:
        name, mac = identity.interface(index), macs.get(index, link.mac)
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
    names = [identity.interface(index) for index in range(len(found))]
    if identity.role == "card":
        names = [name for name in names if not name.startswith("p")]  # carddata brings those up, joined
    links.batch("ip", [*lines, *(f"link set {name} up" for name in names)], force=True)


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
    if not HOST_KEY.exists():
        HOST_KEY.parent.mkdir(parents=True, exist_ok=True)
        draft = HOST_KEY.with_suffix(".new")
        for left in (draft, draft.with_name(draft.name + ".pub")):
            left.unlink(missing_ok=True)
        subprocess.run(
            ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(draft)],
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        os.replace(draft.with_name(draft.name + ".pub"), HOST_KEY.with_name(HOST_KEY.name + ".pub"))
        os.replace(draft, HOST_KEY)
    if not MACHINE_ID.exists() or not MACHINE_ID.read_text().strip():
        MACHINE_ID.write_text(f"{os.urandom(16).hex()}\n")
    return (HOST_KEY.with_name(HOST_KEY.name + ".pub").read_text().strip(),)


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


def has_screen() -> bool:
    """A display controller (PCI class 03) is there, as on clouds."""
    return any(path.read_text().startswith("0x03") for path in Path("/sys/bus/pci/devices").glob("*/class"))


def keep_alive(role: str) -> None:
    """Give init the role's processes and the login prompts. Init re-reads its table on SIGHUP and leaves alone what stays."""
    base = Path(HOME, "inittab").read_text()
    lines = [line.format(home=HOME) for line in LINES[role] if "mgmtd" not in line or Path(HOME, "mgmt/daemon.py").exists()]
    lines.insert(0, f"ttyS0::respawn:{HOME}/console ttyS0")
    if has_screen():
        lines.append(f"tty1::respawn:{HOME}/console tty1")
    table = base + "".join(f"{line}\n" for line in lines)
    if INITTAB.read_text() == table:
        return
    draft = INITTAB.with_suffix(".new")
    draft.write_text(table)
    os.replace(draft, INITTAB)
    os.kill(1, signal.SIGHUP)


def become(identity: Identity, when: float | None) -> tuple[str, ...]:
    """All of it; repeating it changes nothing. `when`: seconds since the epoch, None keeps the clock. Returns the host keys."""
    if when is not None and abs(time.time() - when) > 0.5:
        time.clock_settime(time.CLOCK_REALTIME, when)
    subprocess.run(["/sbin/modprobe", "-abq", *MODULES[identity.role]], check=False, timeout=60)
    if identity.hostname:
        set_hostname(identity.hostname)
    name_nics(identity)
    settings(identity.role)
    if identity.role == "host":
        links.batch("ip", host_commands(identity), force=True)
        authorize(identity.authorized_key)
    keys = make_keys()
    keep_alive(identity.role)
    return keys
