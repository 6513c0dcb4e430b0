"""The documents of docs/howto as their readers follow them: their blocks of commands and files, by section."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

HOWTO = Path(__file__).parents[1] / "docs/howto"


def blocks(document: str, section: str) -> list[str]:
    """The indented blocks below the heading that begins with `section`, in their order, without their indentation."""
    text = (HOWTO / document).read_text(encoding="utf-8")
    (part,) = [one for one in text.split("\n## ") if one.startswith(section)]
    found = re.findall(r"(?:^    .*\n(?:^\n(?=    ))*)+", part + "\n", re.MULTILINE)
    return ["".join(line[4:] or "\n" for line in block.splitlines(keepends=True)) for block in found]


def commands(document: str, section: str, program: str) -> list[list[str]]:
    """The lines of these blocks that call the program, as words after its name; what redirects or remarks is left out."""
    lines = [line for block in blocks(document, section) for line in block.splitlines()]
    words = [shlex.split(re.sub(r"\s+#.*| > .*", "", line)) for line in lines if line.startswith(f"{program} ")]
    return [each[1:] for each in words]


def filled(text: str, **values: object) -> str:
    """A file of the document with other values of some of its keys (with `_` for `-`), which have to be in it."""
    for key, value in values.items():
        name = key.replace("_", "-") if f"{key.replace('_', '-')}:" in text else key
        text, count = re.subn(rf"^(\s*{name}:).*$", rf"\g<1> {value}", text, flags=re.MULTILINE)
        assert count, f"the document has no {name}"
    return text


def findings(document: str, section: str) -> set[str]:
    """The names in backquotes in the first column of the section's tables."""
    text = (HOWTO / document).read_text(encoding="utf-8")
    (part,) = [one for one in text.split("\n## ") if one.startswith(section)]
    rows = re.findall(r"^\| (`[^|]+) \|", part, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
