"""The dialect's own RPCs on the configuration."""

from __future__ import annotations

import re

from .. import configuration_xml as documents
from .. import text as texts
from .. import tree as trees
from ..commands.words import CONFIGURE
from ..parse import LoadError, load
from ..replies.reply import output
from ..xmltree import Element
from .configuration import CONFIGURATION, refusal
from .errors import Errors, RpcError, warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from .configuration import Access
    from .server import Client
    from .standard import Operation

CONFIRM_MINUTES = 10
"""Minutes of `confirmed` without a time."""


def _ok(warnings: list[RpcError] | None = None) -> list[Element]:
    return [*(one.element() for one in warnings or ()), Element("ok")]


# ---- get-configuration


def get_configuration(client: Client, operation: Element) -> list[Element]:
    access, asked = client.access, operation.attributes
    form = asked.get("format", "xml").lower()
    if form == "ascii":
        form = "text"
    if form not in ("xml", "text", "set", "json"):
        raise RpcError("bad-attribute", f"format '{form}' is not known", bad="format")
    if "compare" in asked:
        return [_compared(access, asked)]
    running = asked.get("database", "candidate") in ("committed", "running")
    tree = access.tree("running" if running else "candidate")
    if asked.get("inherit"):
        tree = inherited(access, tree)
    made = access.document(tree, operation.find("configuration"), running=running)
    if form == "xml":
        return [made]
    part = tree
    if operation.find("configuration") is not None:
        part = {}
        documents.apply(made, part, access.store.schema)
    return _written(access, part, form, {name: value for name, value in made.attributes.items() if name != "xmlns"})


def inherited(access: Access, tree: Tree) -> Tree:
    """The tree with its groups put in place."""
    from .. import groups

    return groups.inherited(tree, access.store.schema)


def _written(access: Access, tree: Tree, form: str, attributes: dict[str, str]) -> list[Element]:
    schema = access.store.schema
    if form == "json":
        from .. import configuration_json

        return [Element("", configuration_json.document(tree, schema, attributes))]
    if form == "set":
        lines = "".join(line + "\n" for line in texts.set_lines(tree, schema))
        return [Element("configuration-set", "\n" + lines, attributes={"xmlns": CONFIGURATION})]
    text = texts.as_text(tree, schema)
    return [Element("configuration-text", "\n" + text, attributes={"xmlns": CONFIGURATION, **attributes})]


def _compared(access: Access, asked: dict[str, str]) -> Element:
    if asked["compare"] not in ("rollback", "configuration"):
        raise RpcError("bad-attribute", f"compare '{asked['compare']}' is not known", bad="compare")
    number = asked.get("rollback", "0")
    if not number.isdigit() or int(number) > 49:
        raise RpcError("invalid-value", f"rollback '{number}' is not a number from 0 to 49", bad="rollback")
    return _difference(access, _old(access, int(number)), access.candidate())


def _old(access: Access, number: int) -> Tree:
    from ..datastore import Refused

    try:
        return access.store.active if number == 0 else access.store.committed(number)
    except Refused as error:
        raise refusal(error) from None


def _difference(access: Access, old: Tree, new: Tree) -> Element:
    from ..compare import difference

    schema = access.store.schema
    if access.session.level < CONFIGURE:
        old, new = trees.without_secrets(old, schema), trees.without_secrets(new, schema)
    lines = difference(old, new, schema)
    made = Element("configuration-information")
    made.add("configuration-output", "\n" + "".join(line + "\n" for line in lines))
    return made


def get_rollback(client: Client, operation: Element) -> list[Element]:
    access = client.access
    number, other = operation.value("rollback") or "0", operation.value("compare")
    for value in (number, other or "0"):
        if not value.isdigit() or int(value) > 49:
            raise RpcError("invalid-value", f"rollback '{value}' is not a number from 0 to 49", bad="rollback")
    root = Element("rollback-information")
    old = _old(access, int(number))
    if other:
        root.append(_difference(access, old, _old(access, int(other))))
        return [root]
    if access.session.level < CONFIGURE:
        old = trees.without_secrets(old, access.store.schema)
    form = (operation.value("format") or "text").lower()
    if form == "xml":
        root.append(access.document(old, None, running=True))
    elif form == "set":
        root.children += _written(access, old, "set", {})
    else:
        root.add("configuration-information").add("configuration-output", "\n" + texts.as_text(old, access.store.schema))
    return [root]


# ---- load-configuration

ACTIONS = ("merge", "override", "replace", "update", "set")


def load_configuration(client: Client, operation: Element) -> list[Element]:
    access, asked = client.access, operation.attributes
    results = Element("load-configuration-results")
    try:
        found = _load(access, operation, asked)
    except Errors as error:
        results.children += [one.element() for one in error.errors]
        results.add("load-error-count", sum(one.severity == "error" for one in error.errors))
        return [results]
    results.children += [*(one.element() for one in found), Element("ok")]
    return [results]


def _load(access: Access, operation: Element, asked: dict[str, str]) -> list[RpcError]:
    if "rollback" in asked:
        number = asked["rollback"]
        if not number.isdigit() or int(number) > 49:
            raise RpcError("invalid-value", f"rollback '{number}' is not a number from 0 to 49", bad="rollback")
        access.load(int(number))
        return []
    if "rescue" in asked:
        access.load_rescue()
        return []
    if "url" in asked:
        raise RpcError("operation-not-supported", "loading from a url is not supported; send the configuration itself", bad="url")
    action = asked.get("action", "merge")
    if action not in ACTIONS:
        raise RpcError("operation-not-supported", f"load action '{action}' is not supported", bad="action")
    for name, form in (("configuration-set", "set"), ("configuration-text", action), ("configuration-json", action)):
        part = operation.find(name)
        if part is not None:
            return load_text(access, part.text, "set" if action == "set" or form == "set" else action)
    element = operation.find("configuration")
    if element is None:
        raise RpcError("missing-element", "<configuration> is missing", bad="configuration")
    if not element.children and element.text.strip():
        return load_text(access, element.text, action)
    return access.apply(element, clear=action in ("override", "update"))


def load_text(access: Access, text: str, action: str) -> list[RpcError]:
    """Braces, set lines, JSON or XML; warnings come back."""
    warnings: list[str] = []

    def change(tree: Tree) -> None:
        try:
            warnings.extend(load(text, action, tree, access.store.schema) or ())
        except LoadError as error:
            raise Errors([_fault(text, *one) for one in error.faults]) from None

    access.edit(change)
    return [warning(line.removeprefix("warning:").strip()) for line in warnings]


def _fault(text: str, line: int, column: int, reason: str) -> RpcError:
    """A fault with the word it is about."""
    lines = text.splitlines()
    word = re.match(r'"[^"]*"|[^\s;{}]+|.', lines[line - 1][max(0, column - 1) :]) if 0 < line <= len(lines) else None
    where = f"line {line}:({column}) " if line else ""
    return RpcError("operation-failed", where + reason, type_="protocol", bad=word[0] if word else "")


# ---- commit-configuration


def commit_configuration(client: Client, operation: Element) -> list[Element]:
    access = client.access
    if operation.find("at-time") is not None:
        raise RpcError("operation-not-supported", "commit at a time is not supported", bad="at-time")
    results = Element("commit-results")
    engine = results.add("routing-engine", junos_style="normal")
    engine.add("name", "re0")
    if operation.find("check") is not None:
        found = access.check()
        engine.add("commit-check-success")
        return [results, *_ok(found)]
    minutes = 0
    if operation.find("confirmed") is not None:
        value = operation.value("confirm-timeout") or str(CONFIRM_MINUTES)
        if not value.isdigit() or not 0 < int(value) <= 65535:
            raise RpcError("invalid-value", f"confirm-timeout '{value}' is not a number of minutes", bad="confirm-timeout")
        minutes = int(value)
    found = access.commit(comment=operation.value("log"), minutes=minutes)
    engine.add("commit-success")
    return [results, *_ok(found)]


# ---- opening and locking


def open_configuration(client: Client, operation: Element) -> list[Element]:
    for name in ("ephemeral", "ephemeral-instance", "dynamic", "batch"):
        if operation.find(name) is not None:
            raise RpcError("operation-not-supported", f"<{name}> is not supported", bad=name)
    mode = next((name for name in ("private", "exclusive") if operation.find(name) is not None), "")
    return _ok(client.access.open(mode))


def close_configuration(client: Client, operation: Element) -> list[Element]:
    client.access.close()
    return _ok()


def lock_configuration(client: Client, operation: Element) -> list[Element]:
    client.access.lock()
    return _ok()


def unlock_configuration(client: Client, operation: Element) -> list[Element]:
    client.access.unlock()
    return _ok()


# ---- rescue


def save_rescue(client: Client, operation: Element) -> list[Element]:
    client.access.may_configure()
    client.access.store.save_rescue()
    return _ok()


def get_rescue(client: Client, operation: Element) -> list[Element]:
    from ..datastore import Refused

    access = client.access
    try:
        tree = access.store.rescue_tree()
    except Refused as error:
        raise refusal(error) from None
    if access.session.level < CONFIGURE:
        tree = trees.without_secrets(tree, access.store.schema)
    root = Element("rescue-information")
    if operation.attributes.get("format") == "xml":
        root.append(access.document(tree, None, running=True))
    else:
        text = "\n" + texts.as_text(tree, access.store.schema)
        root.add("configuration-information").add("configuration-output", text)
    return [root]


def request_end_session(client: Client, operation: Element) -> list[Element]:
    client.closing = True
    return [Element("end-session")]


def refuse_pfe(client: Client, operation: Element) -> list[Element]:
    return [output("error: command is not supported: the cards of this router have no shell of their own\n")]


OPERATIONS: dict[str, Operation] = {
    "get-configuration": get_configuration,
    "load-configuration": load_configuration,
    "commit-configuration": commit_configuration,
    "open-configuration": open_configuration,
    "close-configuration": close_configuration,
    "lock-configuration": lock_configuration,
    "unlock-configuration": unlock_configuration,
    "get-rollback-information": get_rollback,
    "get-rescue-information": get_rescue,
    "request-save-rescue-configuration": save_rescue,
    "request-end-session": request_end_session,
    "request-pfe-execute": refuse_pfe,
}
