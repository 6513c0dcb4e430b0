"""Arguments and options that several commands have."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from rackless.model.durations import seconds
from rackless.model.errors import InputError


def named(text: str) -> str:
    """A name of something goes into an address of the API: what can't be one must not lead to another address.

    Raises:
        InputError: nothing can have this name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", text):
        raise InputError(
            f"{text!r} cannot be the name of anything here.",
            hint="Names have letters, digits and hyphens; `rackless list` and `rackless show LAB` list them.",
        )
    return text


def span(text: str | None) -> float | None:
    """Seconds of 90m, 2h, 1d12h.

    Raises:
        InputError: it is no span of time.
    """
    if text is None:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise InputError(str(error), hint="Units are w, d, h, m and s.") from error


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of 18:30 (the next one), 2026-03-01, "2026-03-01 18:30", or ISO 8601 with a zone. Times without a
    zone are this machine's.

    Raises:
        InputError: it is none of them.
    """
    if text is None:
        return None
    now = datetime.now().astimezone()
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            clock = datetime.strptime(text, "%H:%M").time()
            found = datetime.combine(now.date(), clock).astimezone()
            return (found if found > now else found + timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError as error:
        raise InputError(f"'{text}' is no time.", hint="Write 18:30, 2026-03-01, or 2026-03-01T18:30.") from error


Lab = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab (`rackless list`).", show_default=False, callback=named)]
InJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys (docs/reference/json.md).")]
File = Annotated[str, typer.Argument(metavar="FILE", help="Blueprint file; - is standard input.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="Name of the lab, instead of the blueprint's.", show_default=False)]
End = Annotated[str, typer.Argument(metavar="END", help="A port, as west:ge-0/0/0 or pc1:eth1.", show_default=False)]
OtherEnd = Annotated[str, typer.Argument(metavar="END", help="The other port.", show_default=False)]
