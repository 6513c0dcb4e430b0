"""What a login class may do: the predefined ones, and those of `system login class`, as one of the router's levels. Pure.

The levels are coarser than the dialect's permission bits: a class counts as what all of its bits allow together. Changing
the configuration is all or nothing here, so it takes `all`, or `configure` with `control`; a class with some `-control` bits
only may look.
"""

from __future__ import annotations

from .commands.words import CONFIGURE, LEVELS, OPERATE, VIEW
from .grammar import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .grammar import State
    from .tokens import Token
    from .tree import Tree

ACTING = frozenset(("clear", "network", "reset", "trace", "maintenance", "control"))
LOOKING = frozenset(("view", "view-configuration", "admin", "firewall", "interface", "routing", "snmp", "system", "security",
                     "access", "secret", "configure", "rollback"))  # fmt: skip


def level_of(tree: Tree, name: str) -> int:
    """Level of a user by the configuration; 0 for one that may not log in."""
    login = tree.get("system", {}).get("login", {})
    class_ = login.get("user", {}).get(name, {}).get("class", "")
    if class_ in LEVELS:
        return LEVELS[class_]
    bits = set(login.get("class", {}).get(class_, {}).get("permissions", ()))
    if "all" in bits or {"configure", "control"} <= bits:
        return CONFIGURE
    if bits & ACTING:
        return OPERATE
    return VIEW if bits & LOOKING or any(bit.endswith("-control") for bit in bits) else 0


def spelled(state: State, tokens: list[Token]) -> str:
    """A line that is known to be right, with its abbreviations spelled out; a leading `run` is left out."""
    words = []
    for token in tokens:
        known = {choice.word for choice in state.choices() if choice.word and not choice.known}
        near = {word for word in known if word.startswith(token.text)}
        words.append(token.text if token.quoted or token.text in known or len(near) != 1 else near.pop())
        state = step(state, token)
    return " ".join(words).removeprefix("run ")


def denied(tree: Tree, name: str, words: str) -> bool:
    """Do the user's class's expressions forbid this command (as `spelled`)? What is allowed explicitly is never denied."""
    login = tree.get("system", {}).get("login", {})
    class_ = login.get("class", {}).get(login.get("user", {}).get(name, {}).get("class", ""), {})
    if "deny-commands" not in class_:
        return False
    import re

    try:
        if "allow-commands" in class_ and re.match(class_["allow-commands"], words):
            return False
        return re.match(class_["deny-commands"], words) is not None
    except re.error:
        return True
