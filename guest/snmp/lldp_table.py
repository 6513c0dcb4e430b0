"""LLDP-MIB (IEEE 802.1AB, clause 11), from what lldpd tells over its own socket. Empty while LLDP is not configured."""

from __future__ import annotations

import os
import socket
import subprocess

from snmp.smi import INTEGER, OBJECT, OCTETS
from system import ifindex
from system.ports import router_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snmp.facts import Facts, Interface
    from snmp.smi import Row

LLDP = (1, 0, 8802, 1, 1, 2, 1)
LOCAL, REMOTE = (*LLDP, 3), (*LLDP, 4)
SOCKET = "/run/lldpd.socket"
DEADLINE = 5.0
"""Seconds that lldpd may take; the table then rests ten times as long as it took (lookup)."""
CHASSIS_IDS = {"ifalias": 2, "port": 3, "mac": 4, "ip": 5, "ifname": 6, "local": 7}
PORT_IDS = {"ifalias": 1, "port": 2, "mac": 3, "ip": 4, "ifname": 5, "local": 7}
"""LldpChassisIdSubtype and LldpPortIdSubtype by lldpd's words."""
CAPABILITIES = ("Other", "Repeater", "Bridge", "Wlan", "Router", "Tel", "Docsis", "Station")
"""LldpSystemCapabilitiesMap by lldpd's words: the first is the highest bit."""


def ask(*words: str) -> dict[str, Any]:
    """lldpcli's answer; empty when lldpd does not run or says nothing."""
    import json

    if not os.path.exists(SOCKET):
        return {}
    try:
        done = subprocess.run(
            ["lldpcli", "-u", SOCKET, "-f", "json0", "show", *words], capture_output=True, timeout=DEADLINE, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found


def lldp_table(facts: Facts) -> Iterator[Row]:
    """lldpLocalSystemData with lldpLocPortTable, lldpRemTable, lldpRemManAddrTable."""
    if not os.path.exists(SOCKET):
        return
    yield from local_rows(ask("chassis"), facts.interfaces())
    yield from remote_rows(ask("neighbors", "details"))


def _value(entry: Any, name: str) -> str:
    """json0 has a list of {"value": ...} for each leaf."""
    found = entry.get(name) or [{}]
    return str(found[0].get("value", ""))


def _identity(entry: Any, kinds: dict[str, int]) -> tuple[int, bytes]:
    """(subtype, octets) of a chassis or a port."""
    (found,) = (entry.get("id") or [{}])[:1]
    kind, text = str(found.get("type", "")), str(found.get("value", ""))
    if kind == "mac":
        return kinds[kind], bytes.fromhex(text.replace(":", ""))
    return kinds.get(kind, 7), text.encode()


def _capabilities(entry: Any) -> tuple[bytes, bytes]:
    """(supported, enabled), two octets each."""
    supported = enabled = 0
    for one in entry.get("capability") or ():
        if one.get("type") in CAPABILITIES:
            bit = 0x8000 >> CAPABILITIES.index(one["type"])
            supported |= bit
            enabled |= bit if one.get("enabled") in (True, "on") else 0
    return supported.to_bytes(2), enabled.to_bytes(2)


def local_rows(told: dict[str, Any], ports: list[Interface]) -> Iterator[Row]:
    """lldpLocPortNum is the ifIndex of the port."""
    (box,) = (told.get("local-chassis") or [{}])[:1]
    (entry,) = (box.get("chassis") or [{}])[:1]
    if not entry:
        return
    kind, name = _identity(entry, CHASSIS_IDS)
    supported, enabled = _capabilities(entry)
    yield (*LOCAL, 1, 0), INTEGER, kind
    yield (*LOCAL, 2, 0), OCTETS, name
    yield (*LOCAL, 3, 0), OCTETS, _value(entry, "name").encode()
    yield (*LOCAL, 4, 0), OCTETS, _value(entry, "descr").encode()
    yield (*LOCAL, 5, 0), OCTETS, supported
    yield (*LOCAL, 6, 0), OCTETS, enabled
    for port in ports:
        if port.loopback or port.aggregate:
            continue
        yield (*LOCAL, 7, 1, 2, port.if_index), INTEGER, PORT_IDS["local"]
        yield (*LOCAL, 7, 1, 3, port.if_index), OCTETS, port.name.encode()
        yield (*LOCAL, 7, 1, 4, port.if_index), OCTETS, (port.alias or port.name).encode()


def remote_rows(told: dict[str, Any]) -> Iterator[Row]:
    for heard in (told.get("lldp") or [{}])[0].get("interface") or ():
        index = ifindex.physical(router_name(str(heard.get("name", ""))) or "")
        if not index or not heard.get("chassis") or not heard.get("port"):
            continue
        box, port = heard["chassis"][0], heard["port"][0]
        place = (0, index, int(heard.get("rid", 1)))
        (box_kind, box_id), (port_kind, port_id) = _identity(box, CHASSIS_IDS), _identity(port, PORT_IDS)
        texts = (port_id, _value(port, "descr").encode(), _value(box, "name").encode(), _value(box, "descr").encode())
        yield (*REMOTE, 1, 1, 4, *place), INTEGER, box_kind
        yield (*REMOTE, 1, 1, 5, *place), OCTETS, box_id
        yield (*REMOTE, 1, 1, 6, *place), INTEGER, port_kind
        for column, octets in enumerate((*texts, *_capabilities(box)), start=7):
            yield (*REMOTE, 1, 1, column, *place), OCTETS, octets
        for address in box.get("mgmt-ip") or ():
            yield from _management(place, str(address.get("value", "")))


def _management(place: tuple[int, int, int], text: str) -> Iterator[Row]:
    """lldpRemManAddrTable; which interface of the neighbour has the address is unknown(1)."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        octets = socket.inet_pton(family, text)
    except OSError:
        return
    row = (*place, 2 if family == socket.AF_INET6 else 1, len(octets), *octets)
    yield (*REMOTE, 2, 1, 3, *row), INTEGER, 1
    yield (*REMOTE, 2, 1, 4, *row), INTEGER, 0
    yield (*REMOTE, 2, 1, 5, *row), OBJECT, (0, 0)
