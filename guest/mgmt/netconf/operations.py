"""Operational RPCs: every command that answers with elements is an RPC too, and `command` runs any of them."""

from __future__ import annotations

from ..commands import operational
from ..commands.words import CONFIGURE
from ..datastore import Refused
from ..grammar import Mismatch
from ..replies.reply import Reply, output
from ..tokens import UnclosedQuote, split
from ..xmltree import BadXml, Element, as_json, parse
from .channel import UserChannel
from .configuration import refusal
from .errors import Errors, RpcError, syntax

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..commands.words import Word
    from .server import Client

FORMATS = ("xml", "text", "ascii", "json")
COMMANDS = {
    "request-reboot": "request system reboot",
    "request-delete-rescue-configuration": "request system configuration rescue delete",
    "request-halt": "request system halt",
    "request-power-off": "request system power-off",
    "clear-arp-table": "clear arp",
    "clear-bgp-neighbor": "clear bgp neighbor",
    "clear-bridge-mac-table": "clear bridge mac-table",
    "clear-isis-adjacency-information": "clear isis adjacency",
    "clear-ospf-neighbor-information": "clear ospf neighbor",
    "clear-ospf3-neighbor-information": "clear ospf3 neighbor",
    "clear-ipv6-nd-information": "clear ipv6 neighbors",
}
"""RPCs that do something and answer with text at most: run as the command."""
HERE_REFUSED = ("configure", "junoscript", "start", "ssh", "monitor", "exit", "quit", "telnet")
"""Words of commands that need a terminal."""


def _replies(word: Word) -> Iterator[tuple[Reply, Word]]:
    if isinstance(word.run, Reply):
        yield word.run, word
    for child in word.children:
        yield from _replies(child)


_table: dict[str, list[tuple[Reply, Word]]] = {}


def table() -> dict[str, list[tuple[Reply, Word]]]:
    """RPC name -> what answers it, from the commands themselves."""
    if not _table:
        for reply, word in _replies(operational.ROOT):
            for name in (reply.rpc, *reply.also):
                _table.setdefault(name, []).append((reply, word))
    return _table


def run(client: Client, operation: Element) -> list[Element] | None:
    """The answer of an operational RPC; None when there is none of that name."""
    if operation.tag == "command":
        return command(client, operation.text.strip(), _format(operation))
    if operation.tag in COMMANDS:
        return command(client, COMMANDS[operation.tag], "text")
    if operation.tag == "request-shell-execute":
        return _shell(client, operation)
    if operation.tag not in table():
        return None
    present = {child.tag for child in operation.children}
    reply, word = max(table()[operation.tag], key=lambda entry: len(present & set(entry[0].fixed)))
    if word.level > client.session.level:
        raise RpcError("access-denied", "permission denied")
    given = _checked(client, reply, word, operation)
    try:
        return _formed(client, reply, given, _format(operation))
    except Refused as error:
        raise refusal(error) from None


def _format(operation: Element) -> str:
    form = operation.attributes.get("format", "xml").lower()
    if form not in FORMATS:
        raise RpcError("bad-attribute", f"format '{form}' is not known", bad="format")
    return form


def _formed(client: Client, reply: Reply, given: dict[str, str], form: str) -> list[Element]:
    if form in ("text", "ascii"):
        text = reply.text(client.session, given)
        return [output("\n" + text)]  # with a line's end also when there is nothing to say: clients strip what is in it
    made = reply.element(client.session, given)
    return [Element("", as_json([made]))] if form == "json" else [made]


def _checked(client: Client, reply: Reply, word: Word, operation: Element) -> dict[str, str]:
    """The command's arguments, each checked by its type."""
    given = reply.given(operation)
    types = {argument.name: argument.type for argument in word.arguments}
    types |= {option.name: option.type for option in word.options if option.type is not None}
    flags = {option.name for option in word.options if option.type is None} | set(reply.fixed)
    for name, value in list(given.items()):
        if name in flags:
            continue
        if name in types and not value:  # an empty element says nothing
            del given[name]
            continue
        if name not in types:
            raise syntax(name)
        try:
            given[name] = types[name].check(value)
        except ValueError as error:
            raise RpcError("invalid-value", str(error), bad=name) from None
    for argument in word.arguments:
        if argument.mandatory and argument.name not in given:
            raise RpcError("missing-element", f"<{argument.name}> is missing", bad=argument.name)
    return given


# ---- command


def command(client: Client, line: str, form: str) -> list[Element]:
    """Run one line of operational mode. Pipes work; those that change the form win over `form`."""
    session = client.session
    try:
        words = split(line)
        if not words:
            return []
        if words[0].text in HERE_REFUSED:
            raise RpcError("operation-not-supported", f"'{words[0].text}' needs a terminal", bad=words[0].text)
        session.stages = []
        word, given, _ = session._parse(line, words)
    except UnclosedQuote as error:
        raise RpcError("operation-failed", f"syntax error, {error}", type_="protocol") from None
    except Mismatch as error:
        bad = line[error.column :].split()
        raise RpcError("operation-failed", error.reason.rstrip("."), type_="protocol", bad=bad[0] if bad else "") from None
    stages = dict(session.stages)
    session.stages = []
    if isinstance(word.run, Reply) and set(stages) <= {"xml", "json", "no-more"}:
        if "rpc" in stages.get("xml", {}):
            return [word.run.request(given)]
        try:
            return _formed(client, word.run, given, "xml" if "xml" in stages else "json" if "json" in stages else form)
        except Refused as error:
            raise refusal(error) from None
    if word.name == "configuration" and not stages and form in ("xml", "json"):
        return _configuration(client, line, form)
    text = _execute(client, line)
    if "configuration" in line.split()[:3] and not stages:
        made = Element("configuration-information")
        made.add("configuration-output", "\n" + text)
        return [made]
    return [output("\n" + text)] if text else []


def _configuration(client: Client, line: str, form: str) -> list[Element]:
    text = _execute(client, f"{line} | display {form}")
    if form == "json":
        return [Element("", text)]
    try:
        found = parse(text).find("configuration")
    except BadXml as error:
        raise RpcError("operation-failed", f"configuration: {error}") from None
    return [] if found is None else [found]


def _execute(client: Client, line: str) -> str:
    """What the command says; Errors when it fails."""
    channel = client.session.channel
    assert isinstance(channel, UserChannel)
    channel.take()
    ok = client.session.execute(line)
    text = channel.take()
    if not ok:
        lines = [part for part in text.splitlines() if part.strip() and part.strip() != line]
        raise Errors([RpcError("operation-failed", part.removeprefix("error:").strip()) for part in lines])
    return text


def _shell(client: Client, operation: Element) -> list[Element]:
    """request-shell-execute: with the user's own rights."""
    if client.session.level < CONFIGURE:
        raise RpcError("access-denied", "permission denied")
    _, text = client.session.channel.run(["/bin/sh", "-c", operation.value("command")], capture=True)
    return [output(text)]
