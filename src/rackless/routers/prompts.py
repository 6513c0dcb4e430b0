"""What a Junos-style guest shows when it waits for somebody. Each pattern matches a whole last line, no spaces after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class At(StrEnum):
    """Where a guest is, told by its prompt."""

    MENU = "boot menu"
    LOGIN = "login prompt"
    PASSWORD = "password prompt"  # noqa: S105 - a state's name
    SHELL = "Unix shell"
    CLI = "CLI"
    CONFIGURE = "configuration mode"
    MORE = "pager"
    CONFIRM = "yes-or-no question"


_NAME = r"[A-Za-z][\w.-]*"

MENU = re.compile(
    r"(?:boot:|OK|loader>|grub(?: rescue)?>|mountroot>|db>|\(initramfs\)|.*[Hh]it \[Enter\] to boot.*"
    r"|Choice:|Autoboot in \d+ seconds?.*|Type '\?' for a list of commands.*|.*pathname of shell or RETURN for /bin/sh:)"
)
"""syslinux, FreeBSD's and GRUB's loaders, Junos' menu, and the debuggers and shells that a failed boot ends in."""
LOGIN = re.compile(r"(?!Last )(?:[\w.-]+(?: \(\w+\))? )?login:")
PASSWORD = re.compile(r"(?:(?:New|Retype new|.*'s) )?[Pp]assword:")
SHELL = re.compile(
    rf"(?:{_NAME}@[\w.-]*(?::[\w/.~-]*)?[ ]?|[\w/.~-]*[ ]?)?[%$]|(?:{_NAME}@[\w.-]*:[\w/.~-]*[ ]?|[/~][\w/.~-]*[ ]?)?#"
)
"""A `#` after `root@west`, without a directory, is configuration mode's."""
CLI = re.compile(rf"{_NAME}(?:@[\w.-]*)?>")
CONFIGURE = re.compile(rf"{_NAME}(?:@[\w.-]*)?#")
MORE = re.compile(r"---\(more(?: \d+%)?\)---")
CONFIRM = re.compile(r".*\[yes,no\] \(\w+\)")

PROMPTS: Mapping[At, re.Pattern[str]] = {
    At.MENU: MENU,
    At.LOGIN: LOGIN,
    At.PASSWORD: PASSWORD,
    At.MORE: MORE,
    At.CONFIRM: CONFIRM,
    At.CLI: CLI,
    At.CONFIGURE: CONFIGURE,
    At.SHELL: SHELL,
}

REFUSAL = re.compile(
    r"^\s*(?:error:.*|.*\bsyntax error\b.*|unknown command\.?.*|invalid .*|.*\bis not defined\b.*|Missing mandatory .*)$", re.M
)
"""Lines by which the CLI says no."""


def refusal(output: str) -> str | None:
    """The guest's own sentence if it said no; with the line before it when that explains (a caret's statement)."""
    found = [line.strip() for line in REFUSAL.findall(output)]
    return "; ".join(found) if found else None
