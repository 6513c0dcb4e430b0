"""The operations of RFC 6241."""

from __future__ import annotations

from ..xmltree import Element
from .errors import Errors, RpcError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Client

    Operation = Callable[[Client, Element], list[Element]]

OK = "ok"


def _ok() -> list[Element]:
    return [Element(OK)]


def _datastore(operation: Element, where: str, allowed: tuple[str, ...]) -> str:
    """Which datastore `<source>` or `<target>` names."""
    place = operation.find(where)
    if place is None or not place.children:
        raise RpcError("missing-element", f"<{where}> is missing", bad=where)
    name = place.children[0].tag
    if name not in allowed:
        raise RpcError("operation-not-supported", f"<{name}> is not possible as {where} of {operation.tag}", bad=name)
    return name


def _filtered(operation: Element) -> tuple[bool, Element | None]:
    """(anything wanted at all, the part of the subtree filter under `<configuration>`)."""
    found = operation.find("filter")
    if found is None:
        return True, None
    kind = next((value for name, value in found.attributes.items() if name.rpartition(":")[2] == "type"), "subtree")
    if kind != "subtree":
        raise RpcError("operation-not-supported", f"filter type '{kind}' is not supported", bad="filter")
    part = found.find("configuration")
    return part is not None, part


def get(client: Client, operation: Element) -> list[Element]:
    wanted, part = _filtered(operation)
    data = Element("data")
    if wanted:
        data.append(client.access.document(client.access.tree("running"), part, running=True))
    return [data]


def get_config(client: Client, operation: Element) -> list[Element]:
    source = _datastore(operation, "source", ("running", "candidate"))
    wanted, part = _filtered(operation)
    data = Element("data")
    if wanted:
        data.append(client.access.document(client.access.tree(source), part, running=source == "running"))
    return [data]


def _choice(operation: Element, name: str, allowed: tuple[str, ...]) -> str:
    value = operation.value(name) or allowed[0]
    if value not in allowed:
        raise RpcError("bad-element", f"<{name}> is one of {', '.join(allowed)}, not '{value}'", bad=name)
    return value


def edit_config(client: Client, operation: Element) -> list[Element]:
    _datastore(operation, "target", ("candidate",))
    default = _choice(operation, "default-operation", ("merge", "replace", "none"))
    test = _choice(operation, "test-option", ("test-then-set", "set", "test-only"))
    option = _choice(operation, "error-option", ("stop-on-error", "continue-on-error", "rollback-on-error"))
    config = operation.find("config")
    text = operation.find("config-text")
    if config is None and text is None:
        raise RpcError("missing-element", "<config> is missing", bad="config")
    access = client.access
    if config is None:
        from .junos import load_text

        assert text is not None
        load_text(access, text.value("configuration-text") or text.text, "replace" if default == "merge" else "override")
        return _ok()
    element = config.find("configuration")
    if element is None:
        if config.children:
            raise RpcError("unknown-element", f"<{config.children[0].tag}> is not known, <configuration> is",
                           type_="application", bad=config.children[0].tag)  # fmt: skip
        element = Element("configuration")
    found = access.apply(element, default=default, keep_going=option == "continue-on-error", dry=test == "test-only")
    if any(one.severity == "error" for one in found):
        raise Errors(found)
    return [*(one.element() for one in found), *_ok()]


def copy_config(client: Client, operation: Element) -> list[Element]:
    _datastore(operation, "target", ("candidate",))
    source = _datastore(operation, "source", ("running", "config", "configuration"))
    if source == "running":
        client.access.discard()
        return _ok()
    element = operation.find("source/config/configuration") or operation.find("source/configuration")
    if element is None:
        raise RpcError("missing-element", "<configuration> is missing", bad="configuration")
    client.access.apply(element, clear=True)
    return _ok()


def delete_config(client: Client, operation: Element) -> list[Element]:
    _datastore(operation, "target", ("candidate",))
    client.access.edit(lambda tree: tree.clear())
    return _ok()


def lock(client: Client, operation: Element) -> list[Element]:
    target = _datastore(operation, "target", ("candidate", "running"))
    if target == "candidate":
        client.access.lock()
    else:
        client.access.may_configure()
        raise RpcError("operation-not-supported", "only <candidate> can be locked: <running> changes by commit alone")
    return _ok()


def unlock(client: Client, operation: Element) -> list[Element]:
    _datastore(operation, "target", ("candidate",))
    client.access.unlock()
    return _ok()


def discard_changes(client: Client, operation: Element) -> list[Element]:
    client.access.discard()
    return _ok()


DEFAULT_TIMEOUT = 600
"""Seconds of a confirmed commit (RFC 6241, 8.4.5.1)."""


def commit(client: Client, operation: Element) -> list[Element]:
    confirmed = operation.find("confirmed") is not None
    timeout = operation.value("confirm-timeout") or str(DEFAULT_TIMEOUT)
    if not timeout.isdigit() or not 0 < int(timeout) <= 65535 * 60:
        raise RpcError("invalid-value", f"confirm-timeout '{timeout}' is not a number of seconds", bad="confirm-timeout")
    persist = operation.value("persist") or None
    found = client.access.commit(
        minutes=-(-int(timeout) // 60) if confirmed else 0,
        persist=persist,
        persist_id=operation.value("persist-id") or None,
        until_closed=persist is None,
        comment=operation.value("log"),
    )
    return [*(one.element() for one in found), *_ok()]


def cancel_commit(client: Client, operation: Element) -> list[Element]:
    client.access.may_configure()
    client.access.cancel(operation.value("persist-id") or None)
    return _ok()


def validate(client: Client, operation: Element) -> list[Element]:
    source = _datastore(operation, "source", ("candidate", "running", "config"))
    if source == "candidate":
        return [*(one.element() for one in client.access.check()), *_ok()]
    if source == "config":
        element = operation.find("source/config/configuration") or Element("configuration")
        client.access.apply(element, clear=True, dry=True)
    return _ok()


def kill_session(client: Client, operation: Element) -> list[Element]:
    client.access.may_configure()
    number = operation.value("session-id")
    if not number.isdigit() or int(number) == client.session.number:
        raise RpcError("invalid-value", f"session-id '{number}' is no other session", bad="session-id")
    if not client.kill(int(number)):
        raise RpcError("invalid-value", f"there is no NETCONF session {number}", bad="session-id")
    return _ok()


def close_session(client: Client, operation: Element) -> list[Element]:
    client.closing = True
    return _ok()


OPERATIONS: dict[str, Operation] = {
    "get": get,
    "get-config": get_config,
    "edit-config": edit_config,
    "copy-config": copy_config,
    "delete-config": delete_config,
    "lock": lock,
    "unlock": unlock,
    "discard-changes": discard_changes,
    "commit": commit,
    "cancel-commit": cancel_commit,
    "validate": validate,
    "kill-session": kill_session,
    "close-session": close_session,
}
