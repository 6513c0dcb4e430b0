"""Bootstrap of vendors' routers against scripted consoles: tests/stories/console-junos. And once at the pace of real life."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.blueprint import Management
from rackless.model.errors import RacklessError
from rackless.routers.contract import BootstrapResult, Wanted
from rackless.routers.dialects import JUNOS
from rackless.routers.operation import interfaces
from rackless.routers.reference import Pace, ReferenceRouter

STORIES = Path(__file__).parents[2] / "stories" / "console-junos"
PACE = Pace(settle=0.01, doubt=0.09, nudge=0.2, menu=0.2, again=0.02)


def told(name: str) -> dict[str, Any]:
    story = dict(YAML(typ="safe").load((STORIES / name / "story.yaml").read_text()))
    return {**story, "guest": f"console-junos/{story['guest']}"}


async def bootstrapped(guest: Any, hub: ConsoleHub, story: dict[str, Any], pace: Pace) -> BootstrapResult:
    wanted = Wanted(
        host_name="west",
        root_password="Root-Secret-123",
        user="lab",
        user_password="User-Secret-456",
        fxp0=Management(**story.get("fxp0", {})),
        community="Read-Secret-789",
    )
    deadline = Deadline(story.get("deadline", 30))
    return await ReferenceRouter(pace, JUNOS).bootstrap(hub, wanted, reset=guest.reset, deadline=deadline)


def in_order(wanted: list[str], heard: list[str]) -> bool:
    left = iter(heard)
    return all(line in left for line in wanted)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in STORIES.glob("*/story.yaml")))
async def test_story(name: str, tmp_path: Path, scripted_guest, socket_stream, monkeypatch) -> None:
    monkeypatch.setattr("rackless.routers.reference.ASK_ADDRESS", 0.05)
    story = told(name)
    outcome = story["outcome"]
    transcript = tmp_path / "transcript"
    async with scripted_guest(story, tmp_path / "line") as guest:
        async with ConsoleHub("west-vcp", lambda: socket_stream.open(guest.socket), transcript=transcript) as hub:
            if "error" in outcome:
                with pytest.raises(RacklessError) as caught:
                    await bootstrapped(guest, hub, story, PACE)
                assert type(caught.value).__name__ == outcome["error"]
                assert re.search(outcome["message"], caught.value.message, re.DOTALL), caught.value.message
                assert "Secret" not in str(caught.value)
                if "ends_at" in outcome:
                    assert guest.at == outcome["ends_at"]
            else:
                result = await bootstrapped(guest, hub, story, PACE)
                assert guest.at == "login"
                assert result.resets == outcome.get("resets", 0)
                assert result.fxp0_address == outcome.get("fxp0_address", "192.0.2.7/24")
                assert result.had_password is outcome.get("had_password", False)
                assert len(result.host_keys) == 1
                assert guest.heard.count("commit") == 1
                assert in_order(outcome.get("expects", []), guest.heard), guest.heard
                if not outcome.get("out_of_step"):
                    assert guest.heard.count("Root-Secret-123") == 2 + result.had_password
                assert guest.heard.count("User-Secret-456") == 2
                assert "set snmp community Read-Secret-789 authorization read-only" in guest.heard
            assert hub.holder is None
        assert "Secret" not in transcript.read_text()


async def test_at_the_pace_of_real_life(tmp_path: Path, scripted_guest, socket_stream) -> None:
    """The dialogue's own times, against a router that boots, talks and thinks for seconds."""
    story = told("vmx-first-boot")
    boot = story["start"]
    boot["says"] = [2.0 if isinstance(part, float) and part >= 0.4 else part for part in boot["says"]]
    story["noise"] = [2.5, "\r\nAuto Image Upgrade: DHCP INET Client State Reset : fxp0.0\r\n"]
    story["letter"] = 0.003
    story["answers"] = [{"at": "configure", "hears": "commit", "says": [5.0, "commit complete\r\n"]}]
    story["deadline"] = 120
    began = time.monotonic()
    async with (
        scripted_guest(story, tmp_path / "line") as guest,
        ConsoleHub("west-vcp", lambda: socket_stream.open(guest.socket)) as hub,
    ):
        result = await bootstrapped(guest, hub, story, Pace())
    assert result.fxp0_address == "192.0.2.7/24"
    assert guest.heard.count("commit") == 1
    assert time.monotonic() - began > 9, "the guest alone takes that long"


def test_ports_as_junos_ifconfig_tells_them() -> None:
    said = """ge-0/0/0: encaps: ether; framing: ether
        flags=0x3/0x8000 <PRESENT|RUNNING>
        curr media: i802 0:50:56:be:50:cb
ge-0/0/0.16386: flags=0x4004000 <UP>
fxp0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1514
        ether 52:54:00:00:00:01
ge-1-0-3: flags=8843<UP>
        lladdr 00:50:56:BE:64:45
"""
    assert interfaces(said) == {"ge-0/0/0": "00:50:56:be:50:cb", "ge-1/0/3": "00:50:56:be:64:45"}
