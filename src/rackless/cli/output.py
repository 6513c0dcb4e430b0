"""What commands print: tables for people, JSON with stable keys for programs (docs/reference/json.md), errors with hints."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from rackless.model.errors import (
    BlueprintErrors,
    CapacityError,
    DeadlineError,
    InputError,
    NotFoundError,
    RacklessError,
    StateError,
)

FAILED, USAGE, NOT_FOUND, NOT_NOW, TOO_LATE, INTERRUPTED = 1, 2, 3, 4, 5, 130
"""Exit codes; docs/reference/json.md lists them."""


def exit_code(error: RacklessError) -> int:
    if isinstance(error, NotFoundError):
        return NOT_FOUND
    if isinstance(error, InputError):
        return USAGE
    if isinstance(error, (StateError, CapacityError)):
        return NOT_NOW
    return TOO_LATE if isinstance(error, DeadlineError) else FAILED


def say(text: str = "") -> None:
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:  # the reader has what it wanted (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def tell(text: str) -> None:
    """To standard error: progress and remarks, so that standard output stays for results."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def as_json(value: Any) -> None:
    say(json.dumps(value, indent=2, ensure_ascii=False))


def complain(error: RacklessError, *, in_json: bool = False) -> int:
    """Print the error; returns the exit code."""
    if in_json:
        problems = [vars(problem) for problem in error.problems] if isinstance(error, BlueprintErrors) else []
        as_json({"error": {"code": error.code, "message": error.message, "hint": error.hint, "problems": problems}})
    elif isinstance(error, BlueprintErrors):
        for problem in error.problems:
            tell(str(problem))
        tell(f"Error: {error.message}")
    else:
        tell(f"Error: {error.message}")
        if error.hint:
            tell(f"Hint: {error.hint}")
    return exit_code(error)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Aligned columns, two spaces apart; no frames, so that it can be grepped and cut."""
    texts = [[("-" if cell is None or cell == "" else str(cell)) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in texts)]) for at, name in enumerate(columns)]
    if title:
        say(title)
    for row in [[name.upper() for name in columns], *texts]:
        say("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def clock(moment: float | None) -> str:
    """Local date and time; "-" for none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else "-"


def age(moment: float) -> str:
    """How long ago, in its two greatest units."""
    seconds = max(0, int(time.time() - moment))
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // part} {smaller}"
    return f"{seconds} s"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
