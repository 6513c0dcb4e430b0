"""How configurations are shown: braces, `set` lines, XML, JSON, inherited statements, differences."""

from __future__ import annotations

import time

from .. import groups
from .. import text as texts
from .. import tree as trees
from ..nodes import CONTAINER, FLAG, LEAF, LEAVES, LIST
from .words import CONFIGURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..datastore import Datastore
    from ..nodes import Node
    from ..session import Session
    from ..tree import Step, Tree

    Steps = tuple[Step, ...]


def stage(session: Session, name: str) -> dict[str, str] | None:
    """The options of a pipe of the command, or None when it is not there."""
    return next((given for one, given in session.stages if one == name), None)


def show_difference(session: Session, old: Tree, new: Tree, steps: Steps) -> None:
    """Print what turns one configuration into the other, under the steps."""
    from .. import compare

    schema = session.datastore.schema
    if session.level < CONFIGURE:
        old, new = (trees.without_secrets(tree, schema) for tree in (old, new))
    session.out("".join(line + "\n" for line in compare.difference(old, new, schema, steps)))


def show_tree(session: Session, tree: Tree, steps: Steps, *, active: bool) -> None:
    """Print what is under the steps, in the form that the pipes ask for. `active`: it is the active configuration."""
    schema = session.datastore.schema
    if session.level < CONFIGURE:
        tree = trees.without_secrets(tree, schema)
    if steps and trees.get(tree, steps) is None:
        return
    inherit = stage(session, "inheritance")
    if inherit is not None:
        tree = groups.inherited(tree, schema)
    if stage(session, "xml") is not None:
        from .. import configuration_xml, xmltree

        element = configuration_xml.document(trees.only(tree, steps), schema, attributes(session.datastore, active=active))
        session.out(_reply(session, xmltree.write(element, 1)))
    elif stage(session, "json") is not None:
        from .. import configuration_json

        session.out(configuration_json.document(trees.only(tree, steps), schema, attributes(session.datastore, active=active)))
    elif session.displays_set():
        session.out("".join(line + "\n" for line in _set_lines(session, tree, steps)))
    else:
        notes: texts.Notes | None = texts.inheritance_notes if inherit is not None and not inherit else None
        if stage(session, "detail") is not None:
            notes = texts.detail_notes
        session.out("".join(line + "\n" for line in _braces(tree, steps, schema, notes)))


def _set_lines(session: Session, tree: Tree, steps: Steps) -> list[str]:
    schema = session.datastore.schema
    found = texts.set_lines(trees.only(tree, steps), schema)
    if "relative" not in (stage(session, "set") or {}) or not steps or steps[-1][0].kind not in (CONTAINER, LIST):
        return found
    prefix = " ".join(trees.words(steps)) + " "
    return [line.replace(" " + prefix, " ", 1) for line in found if " " + prefix in line]


def _braces(tree: Tree, steps: Steps, schema: Node, notes: texts.Notes | None) -> list[str]:
    lines: list[str] = []
    for index in range(1, len(steps) + 1):
        if trees.marked(tree, steps[:index], trees.INACTIVE):
            lines += ["##", f"## inactive: {' '.join(trees.words(steps[:index]))}", "##", ""]
    value = trees.get(tree, steps) if steps else tree
    node, key = steps[-1] if steps else (schema, None)
    if node.kind in (LEAF, FLAG, LEAVES):
        return list(texts.child_braces(node, value, {}, notes))
    if node.kind == LIST and key is None:
        above = trees.get(tree, steps[:-1])
        if node.gathered:
            for name in trees.keys(node, value):
                lines += texts.entry_braces(node, name, value[name], trees.marks(above, node.name, name), notes)
            return lines
        return list(texts.child_braces(node, value, above, notes))
    return lines + texts.braces(value, node, notes)


def attributes(store: Datastore, *, active: bool) -> dict[str, str]:
    """Attributes of `<configuration>`: when and by whom it was committed, or that it is changed."""
    if not active and store.changed():
        now = int(time.time())
        return {"junos:changed-seconds": str(now), "junos:changed-localtime": when(now)}
    if not store.loaded:
        return {}
    return {
        "junos:commit-seconds": str(store.loaded),
        "junos:commit-localtime": when(store.loaded),
        "junos:commit-user": store.loaded_by,
    }


def when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))


RELEASE = "23.2R1"
"""Release of the dialect that replies name in their namespace; clients take any."""


def _reply(session: Session, body: str) -> str:
    """As the original wraps it at the prompt."""
    return (
        f'<rpc-reply xmlns:junos="http://xml.juniper.net/junos/{RELEASE}/junos">\n{body}    <cli>\n'
        f"        <banner>{session.banner().rpartition(chr(10))[2]}</banner>\n    </cli>\n</rpc-reply>\n"
    )
