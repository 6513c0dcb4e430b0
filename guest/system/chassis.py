"""Which cards a controller has and which interfaces follow from that. Decides only; `chassisd` acts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from system.protocol import LOST_AFTER, Hello, PortReport, card_address


@dataclass(frozen=True, kw_only=True)
class Make:
    """Make the interface of a port, anew if one of its name is there."""

    slot: int
    report: PortReport


@dataclass(frozen=True, kw_only=True)
class Remove:
    slot: int
    port: int


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """Give the interface of a port its carrier, or take it."""

    slot: int
    port: int
    up: bool


Action = Make | Remove | Carrier


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card that is heard. `boot` is "" for one whose interfaces were found when this daemon started.

    Times are monotonic seconds.
    """

    slot: int
    boot: str
    heard: float
    since: float
    ports: tuple[PortReport, ...]


class Chassis:
    def __init__(self) -> None:
        self.cards: dict[int, Card] = {}

    def adopt(self, slot: int, ports: tuple[PortReport, ...], now: float) -> None:
        """Interfaces left by an earlier run of the daemon: kept, if the card is heard in time and still has these ports."""
        self.cards[slot] = Card(slot=slot, boot="", heard=now, since=now, ports=ports)

    def hello(self, hello: Hello, source: str, now: float) -> tuple[Action, ...]:
        """What a hello asks for. One from another address than its slot's is ignored: a card can speak for itself only."""
        if source != card_address(hello.slot):
            return ()
        known = self.cards.get(hello.slot)
        fresh = known is None or (known.boot not in ("", hello.boot))
        before = {} if known is None else {report.port: report for report in known.ports}
        actions: list[Action] = [
            Remove(slot=hello.slot, port=port) for port in before if port not in {report.port for report in hello.ports}
        ]
        for report in hello.ports:
            old = before.get(report.port)
            if fresh or old is None or old.mac != report.mac:
                actions.append(Make(slot=hello.slot, report=report))
            elif old.carrier != report.carrier:
                actions.append(Carrier(slot=hello.slot, port=report.port, up=report.carrier))
        if known is None or fresh:
            known = Card(slot=hello.slot, boot=hello.boot, heard=now, since=now, ports=())
        self.cards[hello.slot] = replace(known, boot=hello.boot, heard=now, ports=hello.ports)
        return tuple(actions)

    def expire(self, now: float) -> tuple[Action, ...]:
        """Cards that were not heard for LOST_AFTER are lost, and their interfaces with them."""
        lost = [card for card in self.cards.values() if now - card.heard >= LOST_AFTER]
        for card in lost:
            del self.cards[card.slot]
        return tuple(Remove(slot=card.slot, port=report.port) for card in lost for report in card.ports)

    def next_expiry(self, now: float) -> float | None:
        """Seconds until the next card would be lost, None without cards."""
        if not self.cards:
            return None
        return max(0.0, min(card.heard for card in self.cards.values()) + LOST_AFTER - now)
