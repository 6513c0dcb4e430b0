"""What the two machines of `rackless site check` say about a place, with guests and a network that are scripted."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from rackless.model.errors import ProviderError
from rackless.model.places import OpenStackPlace
from rackless.workflows import probing
from rackless.workflows.probing import FOREIGN, Ends


class Shell:
    """Answers as a guest whose network carries packets of `most` octets, and frames of the NIC's own MAC alone if `strict`."""

    def __init__(self, *, most: int, strict: bool = False, clock: str = "0") -> None:
        self.most, self.strict, self.clock = most, strict, clock
        self.foreign = False

    async def run(self, line: str) -> tuple[int, str]:
        if line.startswith("date"):
            return 0, self.clock
        self.foreign = self.foreign or FOREIGN in line
        size = re.search(r"-s (\d+) ", line)
        passes = size is None or (int(size[1]) + 28 <= self.most and not (self.foreign and self.strict))
        return (0 if passes else 1), ""


def ends(shell: Shell, told: int | None = 8950) -> Ends:
    info = SimpleNamespace(segment_most_mtu=told)
    world: Any = SimpleNamespace(provider=SimpleNamespace(info=info))
    lab: Any = SimpleNamespace(name="check-munich")
    made = Ends(world, OpenStackPlace(name="munich"), lab)
    made._shells, made._interfaces = [shell, shell], ["eth1", "eth1"]  # type: ignore[list-item]
    return made


async def test_packets_that_are_lost_are_told_with_the_length_that_arrives() -> None:
    with pytest.raises(ProviderError, match="Packets of 1500 octets are lost between two machines; 1450 arrive") as caught:
        await ends(Shell(most=1450)).packets()
    assert "encapsulation" in caught.value.hint
    assert (
        await ends(Shell(most=1500)).packets() == "1500 octets arrive whole from one machine at the other (its networks say 8950)"
    )


async def test_a_wire_that_carries_nothing_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WIRED", 0.5)
    with pytest.raises(ProviderError, match="No packet goes"):
        await ends(Shell(most=0)).packets()


async def test_frames_of_other_macs_that_are_dropped_are_told() -> None:
    assert "pass" in await ends(Shell(most=1500)).frames()
    with pytest.raises(ProviderError, match="not the NIC's own") as caught:
        await ends(Shell(most=1500, strict=True)).frames()
    assert "port security" in caught.value.hint


async def test_a_clock_that_is_apart_is_told() -> None:
    with pytest.raises(ProviderError, match="s apart"):
        await ends(Shell(most=1500, clock="1000000")).clocks()
