"""`show policy`: the policies that are configured, and what one says."""

from __future__ import annotations

from ..tokens import quote
from ..xmltree import Element
from .reply import fail, information

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..session import Session

    Given = dict[str, str]

FINAL = ("accept", "reject", "next")


def policies(session: Session, given: Given) -> Element:
    configured = session.datastore.running.get("policy-options", {}).get("policy-statement", {})
    root = information("policy-information", "policy")
    wanted = given.get("policy-name")
    if wanted is None:
        for name in sorted(configured):
            root.add("policy").add("policy-name", name)
        return root
    if wanted not in configured:
        raise fail(f"error: policy {wanted} not found")
    made = root.add("policy")
    made.add("policy-name", wanted)
    entry = configured[wanted]
    terms = list(entry.get("term", {}).items())
    if "from" in entry or "then" in entry:
        terms.append(("unnamed", entry))
    for name, term in terms:
        one = made.add("policy-term")
        one.add("policy-term-name", name)
        for line in _conditions(term.get("from", {})):
            one.add("policy-from", line)
        for line in _actions(term.get("then", {})):
            one.add("policy-then", line)
    return root


def _conditions(tree: Any) -> list[str]:
    """What a route must be like. Values of a list are alternatives."""
    found = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found.append(f"{name}:")
            found += [" ".join(["    " + key, *_options(options)]) for key, options in value.items()]
        else:
            found.append(f"{name} {_words(value)}".strip())
    return found


def _actions(tree: Any) -> list[str]:
    """What is done with it; what ends the evaluation comes last."""
    lines = []
    for name in [*(one for one in tree if one not in FINAL), *(one for one in tree if one in FINAL)]:
        value = tree[name]
        if isinstance(value, dict):
            lines += [f"{name} {' '.join(_options({key: inner}))}" for key, inner in value.items()]
        else:
            lines.append(f"{name} {_words(value)}".strip())
    return lines


def _options(tree: Any) -> list[str]:
    return [f"{key} {_words(value)}".strip() for key, value in tree.items()]


def _words(value: Any) -> str:
    if value is True:
        return ""
    return " ".join(quote(one) for one in value) if isinstance(value, list) else quote(str(value))


def policies_text(root: Element, given: Given) -> str:
    if given.get("policy-name") is None:
        return "Configured policies:\n" + "".join(f"{one.value('policy-name')}\n" for one in root.children)
    lines = []
    for policy in root.children:
        lines.append(f"Policy {policy.value('policy-name')}: [CHANGED/RESOLVED/]\n")
        for term in policy.all("policy-term"):
            lines.append(f"    Term {term.value('policy-term-name')}:\n")
            told = [each.text for each in term.all("policy-from")]
            lines += [f"        {'from ' if at == 0 else '     '}{line}\n" for at, line in enumerate(told)]
            then = [each.text for each in term.all("policy-then")]
            lines += [f"        {'then ' if at == 0 else '     '}{line}\n" for at, line in enumerate(then)]
    return "".join(lines)
