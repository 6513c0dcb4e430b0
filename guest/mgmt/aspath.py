"""AS path expressions: the dialect's regular expressions over AS numbers, as POSIX ones over the path's text.

An AS is one term: a number, `.` (any), `[64512-65534]`-like ranges are not known. After a term or a group may stand
`*`, `+`, `?`, `{m}`, `{m,n}` or `{m,}`; `|` parts alternatives; the expression matches the whole path; `()` is the empty one.
"""

from __future__ import annotations

import re

TOKEN = re.compile(r"\s+|(?P<number>\d+)|(?P<any>\.)|(?P<repeat>[*+?]|\{\d+(,\d*)?\})|(?P<mark>[()|^$])")
AS = "((^| )({}))"
"""One AS with what parts it from the one before: the text of a path is `65001 65002`."""


def posix(expression: str) -> str:
    """The expression for FRR's `bgp as-path access-list`; ValueError with a sentence when it is none.

    >>> posix("65000 .*")
    '^(((^| )(65000))((^| )([0-9]+))*)$'
    """
    out: list[str] = []
    at = depth = 0
    repeatable = False
    while at < len(expression):
        found = TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"invalid value '{expression}': '{expression[at]}' is not possible in an AS path expression")
        at = found.end()
        if found["number"]:
            out.append(AS.format(found["number"]))
        elif found["any"]:
            out.append(AS.format("[0-9]+"))
        elif found["repeat"]:
            if not repeatable:
                raise ValueError(f"invalid value '{expression}': nothing to repeat before '{found['repeat']}'")
            out.append(found["repeat"])
        elif found["mark"] in ("(", ")", "|"):
            depth += {"(": 1, ")": -1}.get(found["mark"], 0)
            out.append(found["mark"])
        if depth < 0:
            break
        if found[0].strip():
            repeatable = bool(found["number"] or found["any"] or found["mark"] == ")")
    if depth:
        raise ValueError(f"invalid value '{expression}': the parentheses don't match")
    inner = "".join(out)
    return "^$" if inner in ("", "()") else f"^({inner})$"
