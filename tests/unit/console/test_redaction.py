from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackless.console.redaction import STARS, Redactor
from rackless.console.transcript import Transcript, rendered

SECRET = "Sup3r-Secret"


def redactor() -> Redactor:
    made = Redactor()
    made.add(SECRET)
    made.add("other")
    return made


@pytest.mark.parametrize(
    "shown",
    [
        "Sup3r-Secret",
        "Sup3r- \rSecret",
        "Sup3r-\r\nSecret",
        "Sup3\b\b\b\bSup3r-Secret",
        "Sup3x\b \br-Secret",
        "Sup\x1b[K3r-Sec\x1b[1;31mret",
        "S\x1b[Cup3r-\x00Secr\x07et",
    ],
)
def test_however_a_terminal_shows_it_no_secret_passes(shown: str) -> None:
    assert redactor().text(f"set x {shown} end").endswith(f"{STARS} end")
    assert "Secret" not in redactor().text(shown)
    for cut in range(len(shown) + 1):
        stream = redactor().stream()
        out = stream.feed("a " + shown[:cut]) + stream.feed(shown[cut:] + " z") + stream.end()
        assert STARS in out, (cut, out)
        assert "Secret" not in out
        assert "ecret" not in rendered(out.replace("\n", "").replace("\r", ""))


@given(st.lists(st.text(alphabet="Sup3r-Secretoh \r\n\b", max_size=9), max_size=12))
def test_pieces_give_what_the_whole_gives_and_lose_nothing(pieces: list[str]) -> None:
    stream = redactor().stream()
    out = "".join(stream.feed(piece) for piece in pieces) + stream.end()
    assert SECRET not in out
    if not redactor().spans("".join(pieces)) and STARS not in out:
        assert out == "".join(pieces)


def test_a_person_sees_short_echoes_at_once_and_the_rest_of_a_secret_never() -> None:
    stream = redactor().stream()
    assert stream.feed("S") == ""
    assert stream.quiet() == "S"
    assert stream.feed("up") == ""
    assert stream.quiet() == "up"
    assert stream.feed("3r") == ""
    assert stream.quiet() == ""
    assert stream.feed("-Secret.") == STARS + "."


def test_what_only_began_like_a_secret_is_shown_whole() -> None:
    stream = redactor().stream()
    assert stream.feed("Sup3r") == ""
    assert stream.feed("man") == "Sup3rman"


def test_rendering_overwrites_as_a_terminal_does() -> None:
    assert rendered("[#  ] 10%\r[###] 100%") == "[###] 100%"
    assert rendered("abx\b \bc") == "abc"
    assert rendered("\x1b[1mroot@west\x1b[0m# ") == "root@west#"


def test_transcript_turns_over_before_it_fills_the_disk(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("rackless.console.transcript.MOST_BYTES", 200)
    transcript = Transcript(tmp_path / "t", redactor())
    for number in range(20):
        transcript.write(f"line {number} Sup3r-Se\b\bSecret\r\n")
    transcript.close()
    assert (tmp_path / "t.1").exists()
    assert (tmp_path / "t").stat().st_size < 300
    assert (tmp_path / "t").stat().st_mode & 0o077 == 0
    assert "line 19" in (tmp_path / "t").read_text() + (tmp_path / "t.1").read_text()
