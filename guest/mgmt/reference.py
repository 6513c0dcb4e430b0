"""Prints the table of statements for docs/reference/router-cli.md: `python3 -m mgmt.reference`."""

from __future__ import annotations

from .nodes import LEAF, LEAVES, LIST, PROMPT, Node
from .schema import ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def rows(node: Node, path: str = "", ignored: str = "") -> Iterator[str]:
    """One row for each statement that has a value or stands alone."""
    for child in node.children:
        here = f"{path} {'' if child.bare else child.name}".strip()
        none = ignored or child.ignored
        if child.kind == LIST:
            here = f"{here} <{child.type.label}>".strip()
        if child.children:
            if child.presence or child.kind == LIST:
                yield row(here, child, none)
            yield from rows(child, here, none)
        else:
            yield row(here, child, none)


def row(path: str, node: Node, ignored: str) -> str:
    value = ""
    if node.kind in (LEAF, LEAVES) or (node.kind == PROMPT and node.hidden):
        value = " | ".join(node.type.choices) if node.type.choices else f"<{node.type.label}>"
        value = f"[ {value} ... ]" if node.kind == LEAVES else value
    statement = f"{path} {value}".strip().replace("|", "\\|")
    by = "no effect, a commit warns" if ignored else node.by
    return f"| `{statement}` | {node.help}{' (mandatory)' if node.mandatory else ''} | {by} |"


def table() -> str:
    return "\n".join(["| statement | what it is | rendered by |", "|---|---|---|", *rows(ROOT)]) + "\n"


if __name__ == "__main__":
    print(table(), end="")
