"""What a schema is made of. One statement is one call of a function here; all else follows from it.

A configuration is a tree of plain values: container -> dict, list -> dict of key -> dict, leaf -> str, leaf-list -> list
of str, flag -> True. Containers that hold nothing are not kept, unless they mean something by themselves (`presence`).
What is inactive or annotated is marked beside it (`tree.MARKS`); checks and rendering get a tree without marks and groups.
"""

from __future__ import annotations

from . import valuetypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .valuetypes import Type

CONTAINER, LIST, LEAF, LEAVES, FLAG, PROMPT = "container", "list", "leaf", "leaf-list", "flag", "prompt"


class Node:
    """One statement of the schema.

    `type`: of the value, or of a list's key. `bare`: a list whose entries stand without a keyword (`interfaces ge-0/0/0`).
    `by`: the module of `render/` that acts on it (inherited by what is below). `mandatory`: must be there when the parent
    is. `secret`: printed with `## SECRET-DATA`. `excludes`: siblings that can't be set together; setting one deletes
    the others. `into`: where a plain-text password goes when it is hashed. `oneline`: an entry prints on one line.
    `joined`: a container that prints on the line of what it holds (`family inet {`). `ordered`: the user's order of a
    list's entries means something, and is kept. `ignored`: why it has no effect on this router ("" when it has one): it is
    accepted, and a commit warns. A leaf that is `bare` has no keyword either: its value follows the entry's key.
    `identifier`: the element that holds a list's key in XML and JSON. `gathered`: a list that prints its entries in one block
    (`groups { one { ... } two { ... } }`).
    """

    __slots__ = (
        "_all",
        "bare",
        "by",
        "children",
        "excludes",
        "gathered",
        "help",
        "hidden",
        "identifier",
        "ignored",
        "into",
        "joined",
        "kind",
        "mandatory",
        "name",
        "oneline",
        "ordered",
        "presence",
        "secret",
        "type",
    )

    def __init__(self, kind: str, name: str, help_: str, *, type_: Type = valuetypes.text, children: tuple[Node, ...] = (),
                 bare: bool = False, by: str = "", mandatory: bool = False, secret: bool = False, presence: bool = False,
                 excludes: tuple[str, ...] = (), into: str = "", oneline: bool = False, hidden: bool = False,
                 joined: bool = False, ordered: bool = False, identifier: str = "name",
                 gathered: bool = False) -> None:  # fmt: skip
        self.kind = kind
        self.name = name
        self.help = help_
        self.type = type_
        self.children = children
        self.bare = bare
        self.by = by
        self.mandatory = mandatory
        self.secret = secret
        self.presence = presence
        self.excludes = excludes
        self.into = into
        self.oneline = oneline
        self.hidden = hidden
        self.joined = joined
        self.ordered = ordered
        self.ignored = ""
        self.identifier = identifier
        self.gathered = gathered
        self._all: tuple[Node, ...] | None = None
        for child in children:
            child.inherit(by)

    def inherit(self, by: str) -> None:
        if not self.by and by:
            self.by = by
            for child in self.children:
                child.inherit(by)

    @property
    def all(self) -> tuple[Node, ...]:
        """The children, and what every level has: `apply-groups`; at the top `groups` too. Editing and printing use this."""
        if self._all is None:
            if self.joined or not self.children or self.name == GROUPS:
                self._all = self.children
            elif self.name:
                self._all = (APPLY_GROUPS, APPLY_GROUPS_EXCEPT, *self.children)
            else:
                self._all = (VERSION, _groups(self.children), APPLY_GROUPS, *self.children)
        return self._all

    def child(self, name: str) -> Node | None:
        for child in self.all:
            if child.name == name:
                return child
        return None

    @property
    def tag(self) -> str:
        """The element's name in XML and JSON, where a name can't begin with a digit (802.3ad)."""
        return f"ieee-{self.name}" if self.name[0].isdigit() else self.name

    def by_tag(self, tag: str) -> Node | None:
        """The child that an element stands for."""
        return self.child(tag) or self.child(tag.removeprefix("ieee-"))

    def __repr__(self) -> str:
        return f"Node({self.kind} {self.name})"


def container(name: str, help_: str, *children: Node, by: str = "", presence: bool = False, mandatory: bool = False,
              joined: bool = False, oneline: bool = False) -> Node:  # fmt: skip
    return Node(CONTAINER, name, help_, children=children, by=by, presence=presence, mandatory=mandatory, joined=joined,
                oneline=oneline)  # fmt: skip


def entries(name: str, help_: str, key: Type, *children: Node, by: str = "", bare: bool = False, oneline: bool = False,
            ordered: bool = False, identifier: str = "name", gathered: bool = False) -> Node:  # fmt: skip
    """A list: many entries, each known by its key."""
    return Node(LIST, name, help_, type_=key, children=children, by=by, bare=bare, oneline=oneline, ordered=ordered,
                identifier=identifier, gathered=gathered)  # fmt: skip


def leaf(name: str, help_: str, type_: Type, *, by: str = "", mandatory: bool = False, secret: bool = False,
         excludes: tuple[str, ...] = (), bare: bool = False) -> Node:  # fmt: skip
    return Node(LEAF, name, help_, type_=type_, by=by, mandatory=mandatory, secret=secret, excludes=excludes, bare=bare)


def leaves(name: str, help_: str, type_: Type, *, by: str = "", secret: bool = False, excludes: tuple[str, ...] = ()) -> Node:
    """A leaf with several values."""
    return Node(LEAVES, name, help_, type_=type_, by=by, secret=secret, excludes=excludes)


def flag(name: str, help_: str, *, by: str = "", excludes: tuple[str, ...] = ()) -> Node:
    return Node(FLAG, name, help_, by=by, excludes=excludes)


def password_prompt(name: str, help_: str, *, into: str) -> Node:
    """Asks twice without echo; what is kept is the hash, in the sibling `into`."""
    return Node(PROMPT, name, help_, into=into)


def password_value(name: str, help_: str, *, into: str) -> Node:
    """Takes the password on the line (for automation) and keeps the hash only, in the sibling `into`."""
    return Node(PROMPT, name, help_, type_=valuetypes.password, into=into, hidden=True)


NO_EFFECT = "statement has no effect on this router"


def ineffective(node: Node, reason: str = NO_EFFECT) -> Node:
    """The statement is known and kept, but nothing here acts on it: a commit warns with the reason."""
    node.ignored = reason
    return node


GROUPS = "groups"
VERSION = leaf("version", "Software version information", valuetypes.text)
_NAME = valuetypes.pattern("group-name", r"[A-Za-z0-9_.-]{1,64}", "letters, digits, dots, - and _ are needed, at most 64")
APPLY_GROUPS = leaves("apply-groups", "Groups from which to inherit configuration data", _NAME)
APPLY_GROUPS_EXCEPT = leaves("apply-groups-except", "Don't inherit configuration data from these groups", _NAME)
_ABOUT_GROUPS = frozenset([GROUPS, APPLY_GROUPS.name, APPLY_GROUPS_EXCEPT.name])


def set_aside(node: Node) -> bool:
    """Whether a statement is no part of the configuration that is put to work: those about groups, and the `version` at the
    top; others of that name are ordinary ones."""
    return node is VERSION or node.name in _ABOUT_GROUPS


def _groups(children: tuple[Node, ...]) -> Node:
    """Each group holds any statement, and its keys may be wildcards."""
    return entries(GROUPS, "Configuration groups", _NAME, *children, gathered=True)
