"""Links and addresses as the kernel has them (rtnetlink(7)), without the 40 ms that `ip` costs an emulated processor."""

from __future__ import annotations

import socket
import struct

TYPE_CHECKING = False  # typing takes an emulated processor a third of a second to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR = 16, 17, 18, 20, 22
NLM_F_DUMP_REQUEST, NLMSG_DONE, NLMSG_ERROR = 0x301, 3, 2
RTMGRP_LINK = 1
"""Netlink multicast group of link changes (linux/rtnetlink.h)."""
IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_IFALIAS = 3, 4, 10, 20
IFA_ADDRESS, IFA_LOCAL = 1, 2
FLAGS = {0x1: "UP", 0x8: "LOOPBACK", 0x10000: "LOWER_UP"}
"""Of linux/if.h, as ip(8) names them."""
SCOPES = {0: "global", 253: "link", 254: "host"}
PATIENCE = 2.0
"""Seconds for the kernel's answer."""


def dump(request: int, kind: int) -> Iterator[bytes]:
    """The messages of one dump, each less its header of 16 octets.

    Raises:
        OSError: the kernel does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
        line.settimeout(PATIENCE)
        # struct nlmsghdr, then an empty struct ifinfomsg; the kernel takes its first octet as the family for addresses.
        line.send(struct.pack("=LHHLL16x", 32, request, NLM_F_DUMP_REQUEST, 1, 0))
        while True:
            for got, message in messages(line.recv(65536)):
                if got in {NLMSG_DONE, NLMSG_ERROR}:
                    return
                if got == kind:
                    yield message


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, what follows its header of 16 octets) of each message of a datagram."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=LH", data, at)
        yield kind, data[at + 16 : at + length]
        at += max((length + 3) & ~3, 16)


def attributes(message: bytes, at: int) -> dict[int, bytes]:
    """struct rtattr from offset `at` on, the last of each type."""
    found: dict[int, bytes] = {}
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        found[kind] = message[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)
    return found


def text(data: bytes) -> str:
    return data.rstrip(bytes(1)).decode(errors="replace")


def links() -> list[dict[str, Any]]:
    """As `ip -j addr show`, as far as the router reads it: ifname, ifalias, mtu, flags, master, and addr_info with family, local,
    prefixlen, scope."""
    found: dict[int, dict[str, Any]] = {}
    masters: dict[int, int] = {}
    for message in dump(RTM_GETLINK, RTM_NEWLINK):
        _, _, _, index, flags, _ = struct.unpack_from("=BBHiII", message)
        known = attributes(message, 16)
        found[index] = {
            "ifname": text(known.get(IFLA_IFNAME, b"")),
            "ifalias": text(known.get(IFLA_IFALIAS, b"")),
            "mtu": struct.unpack("=L", known.get(IFLA_MTU, bytes(4)))[0],
            "flags": [name for bit, name in FLAGS.items() if flags & bit],
            "addr_info": [],
        }
        if IFLA_MASTER in known:
            masters[index] = struct.unpack("=L", known[IFLA_MASTER])[0]
    for index, master in masters.items():
        found[index]["master"] = found[master]["ifname"] if master in found else ""
    for message in dump(RTM_GETADDR, RTM_NEWADDR):
        family, prefix, _, scope, index = struct.unpack_from("=BBBBL", message)
        known = attributes(message, 8)
        octets = known.get(IFA_LOCAL) or known.get(IFA_ADDRESS)
        if octets and index in found and family in (socket.AF_INET, socket.AF_INET6):
            found[index]["addr_info"].append(
                {
                    "family": "inet" if family == socket.AF_INET else "inet6",
                    "local": socket.inet_ntop(family, octets),
                    "prefixlen": prefix,
                    "scope": SCOPES.get(scope, str(scope)),
                }
            )
    return list(found.values())
