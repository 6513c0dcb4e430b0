"""Wires of a blueprint: both ends must exist, and no port has two wires."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from rackless.blueprints import whereabouts
from rackless.blueprints.host_network import nics_hint, span
from rackless.blueprints.owners import Room
from rackless.blueprints.reading import Reading, quoted
from rackless.blueprints.source import Path
from rackless.model import impairment, naming
from rackless.model.blueprint import End, Wire
from rackless.model.impairment import Impairment
from rackless.model.suggestions import did_you_mean, nearest


def read(reading: Reading, rooms: Iterable[Room]) -> list[Wire]:
    known = {room.name: room for room in rooms}
    wishes = reading.get("wires")
    used: dict[End, Path] = {}
    wires: list[Wire] = []
    for number, wish in enumerate(wishes if isinstance(wishes, list) else ()):
        path: Path = ("wires", number)
        planned = isinstance(wish, dict)
        around: Path = (*path, "ends") if planned else path
        pair = reading.get(*around)
        if not isinstance(pair, list):
            continue
        planned = planned and (reading.get(*path, "planned") is True or not reading.sound(*path, "planned"))
        ends = [_end(reading, (*around, at), known, planned=planned) for at in range(len(pair))]
        whole = [end for end in ends if end is not None]
        if len(whole) == 2 and whole[0] == whole[1]:
            reading.problem((*around, 1), f"{_wire(path)} joins {whole[0]} to itself.", "Name two different ports.")
            whole = []
        for at, end in enumerate(ends):
            if end is not None and whole:
                _use(reading, (*around, at), end, used)
        if len(whole) == 2:
            whereabouts.check_wire(reading, path, (whole[0], whole[1]))
            wires.append(Wire(ends=(whole[0], whole[1]), planned=planned, impairment=_impairment(reading, path)))
    return wires


def _impairment(reading: Reading, path: Path) -> Impairment | None:
    """What the wire does to frames; None also when it was said to be wrong."""
    wish = reading.get(*path)
    if not isinstance(wish, dict) or not all(reading.sound(*path, key) for key in impairment.KEYS):
        return None
    try:
        return impairment.read({key: wish.get(key) for key in impairment.KEYS})
    except ValueError as error:
        key, _, rest = str(error).partition(" ")
        message, _, hint = f"{_wire(path)}: {key} {rest}".partition("; ")
        reading.problem((*path, key), message, f"{hint[:1].upper()}{hint[1:]}" if hint else "Give a delay of as much at least.")
        return None


def _wire(path: Path) -> str:
    return f"Wire {int(path[1]) + 1}"


def _use(reading: Reading, path: Path, end: End, used: dict[End, Path]) -> None:
    first = used.setdefault(end, path)
    if first == path:
        return
    place = reading.source.at(first)
    reading.problem(
        path,
        f"{end} has a wire already: {_wire(first).lower()} in line {place.line}, column {place.column}.",
        "A port takes one wire; use another port.",
    )


def _end(reading: Reading, path: Path, known: dict[str, Room], *, planned: bool) -> End | None:
    """The end at `path`, None when it was said to be wrong. Of a `planned` wire the port need not be there, but could be."""
    text = reading.get(*path)
    if not isinstance(text, str):
        return None
    owner, _, port = text.partition(":")
    room = known.get(owner)
    if room is None and planned:
        return _later(reading, path, End(owner=owner, port=port))
    if room is None:
        _unknown_owner(reading, path, owner, known)
        return None
    end = End(owner=owner, port=port)
    if planned:
        room = replace(room, cards=room.most_cards or None, ports=room.most_ports)
    fault = _router_fault(end, room) if room.is_router else _host_fault(end, room)
    if fault is not None:
        reading.problem(path, *fault)
        return None
    return end


def _later(reading: Reading, path: Path, end: End) -> End | None:
    """An end whose router or host is not there yet."""
    place = end.card_and_port
    if naming.is_name(end.owner) and (end.host_nic is not None or (place is not None and end.port == naming.port_label(*place))):
        return end
    hint = "Write the router or host, a colon and the port: west:ge-0/0/0 or pc1:eth1."
    reading.problem(path, f"{quoted(str(end))} can never be the end of a wire.", hint)
    return None


def _unknown_owner(reading: Reading, path: Path, owner: str, known: dict[str, Room]) -> None:
    """Say it, unless the owner is there and could not be read, or a whole part of the file could not."""
    unread = any(not reading.sound(part) or not reading.sound(part, owner) for part in ("routers", "hosts"))
    written = any(owner in (reading.source.value.get(part) or ()) for part in ("routers", "hosts") if not unread)
    if unread or written:
        return
    hint = did_you_mean(owner, known, "routers and hosts") or "The blueprint has no routers and no hosts."
    reading.problem(path, f"{_wire(path)} leads to {quoted(owner)}, and there is no router or host of that name.", hint)


def _router_fault(end: End, room: Room) -> tuple[str, str] | None:
    """(message, hint), None when the port is there or nothing can be said because the router's own numbers are wrong."""
    place = end.card_and_port
    cards, ports = room.cards, room.ports
    if place is None or end.port != naming.port_label(*place):
        return _not_a_port(end, room)
    card, port = place
    if cards is not None and card >= cards:
        has = "only card 0" if cards == 1 else f"cards 0 to {cards - 1}"
        more = f"`cards: {card + 1}`" if card < room.most_cards else ""
        return f"{end} is on card {card}, and router '{end.owner}' has {has}.", _use_or_write(room, more)
    if ports is not None and port >= ports:
        has = "only port 0" if ports == 1 else f"ports 0 to {ports - 1}"
        more = f"`ports_per_card: {port + 1}`" if port < room.most_ports else ""
        return f"{end} is port {port} of its card, and a card of router '{end.owner}' has {has}.", _use_or_write(room, more)
    return None


def _use_or_write(room: Room, more: str) -> str:
    labels = _labels(room)
    use = f"Use one of {labels[0]} to {labels[-1]}" if len(labels) > 1 else f"Use {labels[0]}" if labels else ""
    write = f"write {more}" if more else ""
    joined = ", or ".join(part for part in (use, write) if part)
    return f"{joined[:1].upper()}{joined[1:]}." if joined else _span(room)


def _not_a_port(end: End, room: Room) -> tuple[str, str]:
    if end.port == "fxp0":
        return f"{end} is the management interface of the router and takes no wire.", _span(room)
    if re.match(r"ge-\d+/[1-9]\d*/\d+\Z", end.port):
        return f"'{end.port}' is not a port of router '{end.owner}': the number in the middle is always 0.", _span(room)
    return f"{quoted(end.port)} is not a port of router '{end.owner}'.", _port_hint(end, room)


def _labels(room: Room) -> list[str]:
    if not room.is_router:
        return [f"eth{number}" for number in range(1, (room.ports or 0) + 1)]
    return [naming.port_label(card, port) for card in range(room.cards or 0) for port in range(room.ports or 0)]


def _span(room: Room) -> str:
    labels = _labels(room)
    if not labels:
        return "Ports are written ge-<card>/0/<port>." if room.is_router else "Ports are written eth1, eth2 and so on."
    return f"Its ports are {labels[0]} to {labels[-1]}." if len(labels) > 1 else f"Its only port is {labels[0]}."


def _port_hint(end: End, room: Room) -> str:
    near = nearest(end.port, _labels(room))
    return f"Did you mean '{near}'? {_span(room)}" if near is not None else _span(room)


def _host_fault(end: End, room: Room) -> tuple[str, str] | None:
    if end.port == "eth0":
        return f"{end} is the management interface of the host and takes no wire.", _span(room)
    number = end.host_nic
    if number is None:
        return f"{quoted(end.port)} is not an interface of host '{end.owner}'.", _port_hint(end, room)
    if room.ports is not None and number > room.ports:
        return f"Host '{end.owner}' has no {end.port}: it has {span(room.ports)}.", nics_hint(number, room.ports, room.most_ports)
    return None
