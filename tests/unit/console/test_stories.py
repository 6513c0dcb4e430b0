"""Bootstrap over a real byte stream against scripted guests: one folder a story, a bug becomes a new folder."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.errors import RacklessError
from rackless.routers.contract import Wanted
from rackless.routers.reference import Pace, ReferenceRouter

STORIES = Path(__file__).parents[2] / "stories" / "console"
WANTED = Wanted(
    host_name="west", root_password="Root-Secret-123", user="lab", user_password="User-Secret-456", community="Read-Secret-789"
)
PACE = Pace(settle=0.01, doubt=0.09, nudge=0.2, menu=0.2, again=0.02)


@pytest.mark.parametrize("story", sorted(path.parent.name for path in STORIES.glob("*/story.yaml")))
async def test_story(story: str, tmp_path: Path, scripted_guest, socket_stream, monkeypatch) -> None:
    monkeypatch.setattr("rackless.routers.reference.ASK_ADDRESS", 0.05)
    told = YAML(typ="safe").load((STORIES / story / "story.yaml").read_text())
    outcome = told["outcome"]
    transcript = tmp_path / "transcript"
    async with scripted_guest(told, tmp_path / "line") as guest:
        hub = ConsoleHub("west-vcp", lambda: socket_stream.open(guest.socket), transcript=transcript)
        async with hub:
            bootstrap = ReferenceRouter(PACE).bootstrap(
                hub, WANTED, reset=guest.reset, deadline=Deadline(told.get("deadline", 20))
            )
            if "error" in outcome:
                with pytest.raises(RacklessError) as caught:
                    await bootstrap
                assert type(caught.value).__name__ == outcome["error"]
                assert re.search(outcome["message"], caught.value.message, re.DOTALL), caught.value.message
                assert "Secret" not in str(caught.value)
                if "ends_at" in outcome:
                    assert guest.at == outcome["ends_at"]
            else:
                result = await bootstrap
                assert guest.at == "login"
                assert result.resets == outcome.get("resets", 0)
                assert result.fxp0_address == outcome.get("fxp0_address", "192.0.2.7/24")
                assert result.had_password is outcome.get("had_password", False)
                assert len(result.host_keys) == outcome.get("host_keys", 1)
                assert guest.heard.count("commit") == 1
                if not outcome.get("out_of_step"):
                    assert guest.heard.count("Root-Secret-123") == 2 + result.had_password
                assert guest.heard.count("User-Secret-456") == 2
                assert "set snmp community Read-Secret-789 authorization read-only" in guest.heard
            assert hub.holder is None
        shown = transcript.read_text()
        assert "Secret" not in shown
        assert b"Secret" not in hub.recent()
        assert stat.S_IMODE(transcript.stat().st_mode) == 0o600
