"""The command line makes ready the one command that is asked for: each is the same then as among all."""

from __future__ import annotations

import pytest
import typer.main

from rackless.cli.main import app, narrowed

WHOLE = typer.main.get_command(app)


def names(words: list[str]) -> list[str]:
    return sorted(typer.main.get_command(narrowed(app, words)).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(WHOLE.commands))  # type: ignore[attr-defined]
def test_each_command_is_found_alone_and_the_same(name: str) -> None:
    only = typer.main.get_command(narrowed(app, [name, "--help"]))
    assert list(only.commands) == [name]  # type: ignore[attr-defined]
    alone, among = only.commands[name], WHOLE.commands[name]  # type: ignore[attr-defined]
    with (
        alone.make_context(name, [], resilient_parsing=True) as one,
        among.make_context(name, [], resilient_parsing=True) as all_,
    ):
        assert alone.get_help(one) == among.get_help(all_)


def test_an_option_before_it_has_its_value() -> None:
    assert names(["--server", "list", "show", "lab"]) == ["show"]
    assert names(["--server=local", "show"]) == ["show"]


@pytest.mark.parametrize("words", [[], ["--help"], ["lst"], ["lst", "show"], ["--server"]])
def test_what_is_none_is_seen_against_all(words: list[str]) -> None:
    assert names(words) == sorted(WHOLE.commands)  # type: ignore[attr-defined]
