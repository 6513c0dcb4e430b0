"""A disk into another format, by qemu-img, which says how far it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rackless.running import Finished, run

CONVERTING = 7200.0
"""Seconds; a disk of a hundred gigabytes takes most of an hour on a slow one."""
_SHARE = re.compile(rb"\((\d+)\.\d+/100%\)")
"""What `qemu-img -p` writes again and again over its line (QEMU, util/qemu-progress.c)."""


async def convert(
    source: Path,
    target: Path,
    *,
    to: str,
    form: str = "",
    options: Sequence[str] = (),
    tell: Callable[[int], None] = lambda _: None,
    check: bool = True,
) -> Finished:
    """`form`: the source's format, "" to let QEMU look. `tell`: is told each new percentage that is done.

    Raises:
        ProviderError: with `check`, it cannot be converted.
        DeadlineError: it takes too long.
    """
    told = -1

    def heard(piece: bytes) -> None:
        nonlocal told
        for share in _SHARE.findall(piece):
            if int(share) > told:
                told = int(share)
                tell(told)

    known = ["-f", form] if form else []
    command: list[str | Path] = ["qemu-img", "convert", "-p", *known, "-O", to, *options, source, target]
    return await run(command, deadline=CONVERTING, check=check, heard=heard)
