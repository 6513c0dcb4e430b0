"""Arguments and options that several commands have."""

from __future__ import annotations

import re
from typing import Annotated

import typer

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


Lab = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab (`rackless list`).", show_default=False, callback=named)]
InJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys (docs/reference/json.md).")]
File = Annotated[str, typer.Argument(metavar="FILE", help="Blueprint file; - is standard input.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="Name of the lab, instead of the blueprint's.", show_default=False)]
End = Annotated[str, typer.Argument(metavar="END", help="A port, as west:ge-0/0/0 or pc1:eth1.", show_default=False)]
OtherEnd = Annotated[str, typer.Argument(metavar="END", help="The other port.", show_default=False)]
