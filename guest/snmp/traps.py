"""linkUp and linkDown (RFC 2863, section 5): told by the kernel's own messages, so that a short outage is told too."""

from __future__ import annotations

import errno
import socket
import struct

from snmp.facts import Facts, Interface, made_of
from snmp.smi import INTEGER, OBJECT, OCTETS
from system import ifindex
from system.netlink import RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTMGRP_LINK, dump, messages
from system.product import OBJECT_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snmp.smi import Row

TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
TRAP_ENTERPRISE = (1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0)
LINK_DOWN, LINK_UP = (1, 3, 6, 1, 6, 3, 1, 1, 5, 3), (1, 3, 6, 1, 6, 3, 1, 1, 5, 4)
IF_ENTRY = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_NAME = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
AF_BRIDGE = 7


def notification(name: str, *, admin_up: bool, up: bool) -> list[Row]:
    """snmpTrapOID and the objects of linkUp or linkDown; the dialect adds ifName to them."""
    index = ifindex.logical(name) if "." in name else ifindex.physical(name)
    return [
        (TRAP_OID, OBJECT, LINK_UP if up else LINK_DOWN),
        ((*IF_ENTRY, 1, index), INTEGER, index),
        ((*IF_ENTRY, 7, index), INTEGER, 1 if admin_up else 2),
        ((*IF_ENTRY, 8, index), INTEGER, 1 if up else 2),
        ((*IF_NAME, index), OCTETS, name.encode()),
        # Or snmpd would put its own: it is what version 1 has as the enterprise (RFC 3584, section 3.2).
        (TRAP_ENTERPRISE, OBJECT, OBJECT_ID),
    ]


class LinkWatch:
    """What has gone up and down since the last look. An interface that is not there is down."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._line: socket.socket | None = None
        self._known: dict[int, Interface] = {}
        self._units: dict[str, list[str]] = {}
        """Units that share a port's Unix interface, of ports that are gone too."""

    def open(self) -> None:
        """Watch from now on: what is there is taken as it is."""
        self.close()
        self._line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        self._line.bind((0, RTMGRP_LINK))
        self._known = dict(self._there())
        self._look_at_units()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    @property
    def watching(self) -> bool:
        return self._line is not None

    def fileno(self) -> int:
        assert self._line is not None
        return self._line.fileno()

    def changes(self) -> Iterator[list[Row]]:
        """The notifications that are due, in their order. What was read of the interfaces counts no longer."""
        assert self._line is not None
        silent = self._facts.silent()
        # One dump for all that has come at once.
        self._facts.changed()
        self._look_at_units()
        while True:
            try:
                data = self._line.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                found = self._compared()
            else:
                found = self._told(data)
            for name, admin_up, up in found:
                for one in (name, *self._units.get(name, ())):
                    self._facts.now_different(one)
                    if one not in silent:
                        yield notification(one, admin_up=admin_up, up=up)

    def _look_at_units(self) -> None:
        for port in self._facts.interfaces():
            self._units[port.name] = [name for name, carrier in port.units if carrier is port]

    def _there(self) -> Iterator[tuple[int, Interface]]:
        for message in dump(RTM_GETLINK, RTM_NEWLINK):
            made = made_of(message)
            if made is not None:
                yield made.index, made

    def _told(self, data: bytes) -> Iterator[tuple[str, bool, bool]]:
        for kind, message in messages(data):
            if kind in (RTM_NEWLINK, RTM_DELLINK) and message[0] != AF_BRIDGE:
                (index,) = struct.unpack_from("=i", message, 4)
                yield from self._now(index, made_of(message) if kind == RTM_NEWLINK else None)

    def _compared(self) -> Iterator[tuple[str, bool, bool]]:
        """The kernel had more to tell than it could keep."""
        there = dict(self._there())
        for index in {*self._known, *there}:
            yield from self._now(index, there.get(index))

    def _now(self, index: int, made: Interface | None) -> Iterator[tuple[str, bool, bool]]:
        """(name, whether it is to be up, whether it is), of an interface that has become another state."""
        before = self._known.pop(index, None)
        if made is not None:
            self._known[index] = made
        if before is not None and (made is None or made.name != before.name):
            if before.oper_up:
                yield before.name, before.admin_up, False
            before = None
        if made is not None and made.oper_up != (before is not None and before.oper_up):
            yield made.name, made.admin_up, made.oper_up
