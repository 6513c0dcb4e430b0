"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Lab = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab (`rackless list`).", show_default=False)]
InJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys (docs/reference/json.md).")]
File = Annotated[str, typer.Argument(metavar="FILE", help="Blueprint file; - is standard input.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="Name of the lab, instead of the blueprint's.", show_default=False)]
End = Annotated[str, typer.Argument(metavar="END", help="A port, as west:ge-0/0/0 or pc1:eth1.", show_default=False)]
OtherEnd = Annotated[str, typer.Argument(metavar="END", help="The other port.", show_default=False)]
