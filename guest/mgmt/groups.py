"""Configuration groups: what is put to work is the configuration with everything that it inherits.

A statement of the configuration itself wins over an inherited one; `apply-groups` of an inner level over those of an outer
one; of one level, the group named first. Keys in groups may be wildcards in angle brackets (`<ge-0/0/*>`): they add to
entries that are there by themselves or from another group. `apply-groups-except` keeps groups off a level.
"""

from __future__ import annotations

from . import tree as trees
from .nodes import APPLY_GROUPS, APPLY_GROUPS_EXCEPT, CONTAINER, GROUPS, LEAVES, LIST, Node, set_aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Step, Tree

    Source = tuple[str, Tree]
    """A group's name, and the part of it that belongs to a level."""


def effective(tree: Tree, schema: Node) -> Tree:
    """What is put to work: without what is inactive, with what is inherited, without groups and marks."""
    plain = trees.active(tree, schema)
    if GROUPS in plain:
        plain = _expanded(plain, schema, (), [], plain[GROUPS], remarks=False)
    found = _without(plain, schema)
    trees.prune(found, schema)
    return found


def inherited(tree: Tree, schema: Node) -> Tree:
    """The configuration with what it inherits, each of these marked with its group; groups themselves stay."""
    groups = trees.active({GROUPS: tree.get(GROUPS, {})}, schema).get(GROUPS, {})
    return _expanded(tree, schema, (), [], groups, remarks=True)


def undefined(tree: Tree, schema: Node) -> Iterator[tuple[tuple[Step, ...], str]]:
    """(steps to the level, group) of each `apply-groups` whose group does not exist."""
    plain = trees.active(tree, schema)
    known = plain.get(GROUPS, {})
    for steps, value in trees.statements(plain, schema):
        if steps[-1][0].name in (APPLY_GROUPS.name, APPLY_GROUPS_EXCEPT.name) and value not in known:
            yield steps[:-1], value or ""


def _without(tree: Tree, schema: Node) -> Tree:
    """A copy without the statements about groups."""
    found: Tree = {}
    for child in schema.all:
        if child.name not in tree or set_aside(child):
            continue
        value = tree[child.name]
        if child.kind == CONTAINER:
            found[child.name] = _without(value, child)
        elif child.kind == LIST:
            found[child.name] = {key: _without(entry, child) for key, entry in value.items()}
        else:
            found[child.name] = value
    return found


def _expanded(here: Tree, schema: Node, steps: tuple[Step, ...], sources: list[Source], groups: Tree, *, remarks: bool) -> Tree:
    """A copy of a level with what the sources (best first) and its own apply-groups add."""
    if steps and steps[0][0].name == GROUPS:
        return here
    own = [(name, part) for name in here.get(APPLY_GROUPS.name, ()) for part in _parts(groups.get(name), steps)]
    if trees.marks(here, APPLY_GROUPS.name).get(trees.INACTIVE):
        own = []
    banned = here.get(APPLY_GROUPS_EXCEPT.name, ())
    sources = [source for source in (*own, *sources) if source[0] not in banned]
    found: Tree = {}
    kept = {place: dict(mark) for place, mark in here.get(trees.MARKS, {}).items()}
    taken: set[str] = {other for child in schema.children if child.name in here for other in child.excludes}
    for child in schema.all:
        mine = here.get(child.name)
        theirs = [] if set_aside(child) else [(name, part[child.name]) for name, part in sources if child.name in part]
        if mine is None and (not theirs or child.name in taken):
            continue
        place = (child.name, None)
        if child.kind == LIST:
            found[child.name] = _entries(mine or {}, child, steps, theirs, groups, kept, remarks=remarks)
            continue
        if mine is None:
            kept[place] = {trees.GROUP: theirs[0][0]}
            taken.update(child.excludes)
        if child.kind == CONTAINER:
            found[child.name] = _expanded(mine or {}, child, (*steps, (child, None)), theirs, groups, remarks=remarks)
        elif child.kind == LEAVES:
            found[child.name] = list(mine or ())
            for _, values in theirs:
                found[child.name] += [value for value in values if value not in found[child.name]]
        else:
            found[child.name] = mine if mine is not None else theirs[0][1]
    if remarks and kept:
        found[trees.MARKS] = kept
    return found


def _entries(mine: Tree, node: Node, steps: tuple[Step, ...], theirs: list[tuple[str, Tree]], groups: Tree,
             kept: dict[tuple[str, str | None], trees.Mark], *, remarks: bool) -> Tree:  # fmt: skip
    """A list's entries: its own, and those that a group names without wildcard."""
    found: Tree = {}
    order = [key for _, entries in theirs for key in entries if not _wild(key)]
    for key in dict.fromkeys([*mine, *order]):
        parts = [(name, entries[pattern]) for name, entries in theirs for pattern in _matching(entries, key)]
        if key not in mine:
            giver = next(name for name, entries in theirs if key in entries)
            kept[(node.name, key)] = {trees.GROUP: giver}
        found[key] = _expanded(mine.get(key, {}), node, (*steps, (node, key)), parts, groups, remarks=remarks)
    return found


def _wild(key: str) -> bool:
    return key.startswith("<") and key.endswith(">")


def _matching(entries: Tree, key: str) -> list[str]:
    """The keys in a group that mean `key`, the plain one first."""
    import fnmatch

    return [one for one in (key,) if one in entries] + [
        one for one in entries if one != key and _wild(one) and fnmatch.fnmatchcase(key, one[1:-1])
    ]


def _parts(group: Tree | None, steps: tuple[Step, ...]) -> list[Tree]:
    """What a group has for a level."""
    here = [group] if group is not None else []
    for node, key in steps:
        inside = [part[node.name] for part in here if node.name in part]
        if node.kind == LIST and key is not None:
            inside = [entries[one] for entries in inside for one in _matching(entries, key)]
        here = inside
    return here
