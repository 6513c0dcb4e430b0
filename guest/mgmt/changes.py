"""What the statements' verbs (set, delete, rename, ...) do to a configuration tree."""

from __future__ import annotations

import os

from . import tree as trees
from .nodes import PROMPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .statements import Operation
    from .tree import Step, Tree


SALT = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Characters of a salt, crypt(5)."""


def hashed(password: str) -> str:
    """sha512-crypt of a password. In Python until 3.12; the guest has 3.11. Not by `crypt`, which tries every method when it is
    imported."""
    import _crypt  # type: ignore[import-not-found]  # what `crypt` wraps; typeshed leaves it out

    salt = "".join(SALT[octet % 64] for octet in os.urandom(16))
    return str(_crypt.crypt(password, f"$6${salt}"))


def sibling(steps: tuple[Step, ...], name: str) -> tuple[Step, ...]:
    """The steps to the statement `name` beside the last one."""
    if len(steps) < 2:
        raise ValueError(f"no place for {name}")
    node = steps[-2][0].child(name)
    if node is None:
        raise ValueError(f"no statement {name} here")
    return (*steps[:-1], (node, None))


def apply_set(tree: Tree, operations: tuple[Operation, ...]) -> None:
    """Do what a `set` line asks. A password given on the line is kept as its hash only."""
    for steps, value in operations:
        node = steps[-1][0] if steps else None
        if node is not None and node.kind == PROMPT:
            if value is None:
                raise ValueError(f"'{node.name}' asks for the password, which is not possible here; use encrypted-password")
            trees.put(tree, sibling(steps, node.into), hashed(value))
        elif steps:
            trees.put(tree, steps, value)


def do(tree: Tree, verb: str, operations: tuple[Operation, ...]) -> None:
    """Run one line. trees.NotFound; ValueError with a sentence for what else is wrong."""
    if verb == "set":
        apply_set(tree, operations)
    elif verb == "delete":
        for steps, _ in operations:
            trees.remove(tree, steps)
    elif verb in ("deactivate", "activate"):
        for steps, _ in operations:
            if not steps:
                raise ValueError("a statement is needed")
            trees.mark(tree, steps, trees.INACTIVE, True if verb == "deactivate" else None)
    elif verb == "annotate":
        steps, text = operations[0]
        trees.mark(tree, steps, trees.COMMENT, comment(text or "") or None)
    else:
        _entry(tree, verb, operations)


def _entry(tree: Tree, verb: str, operations: tuple[Operation, ...]) -> None:
    (steps, _), (target, word) = operations
    node, key = target[-1]
    assert key is not None
    try:
        if verb == "rename":
            trees.rename(tree, steps, key)
        elif verb == "copy":
            trees.duplicate(tree, steps, key)
        else:
            trees.move(tree, steps, word or "", key)
    except trees.Exists:
        raise ValueError(f"'{node.name} {key}' already exists") from None


def comment(text: str) -> str:
    """The text of an annotation, as it is kept: without `/*`, `*/` and the spaces at line ends. ValueError."""
    inner = text.strip().removeprefix("/*").removesuffix("*/")
    if "*/" in inner or "/*" in inner:
        raise ValueError("an annotation can't hold '/*' or '*/'")
    return "\n".join(line.strip() for line in inner.strip().splitlines())
