"""The JSON schema's errors in our own sentences. What the validator says is never shown."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from rackless.blueprints.reading import SECRETS, Reading, opening, quoted, subject
from rackless.blueprints.source import Path, Value, Written
from rackless.model import naming
from rackless.model.impairment import KEYS
from rackless.model.suggestions import listed, nearest

_KINDS = {
    "integer": "a whole number",
    "string": "text",
    "object": "a mapping (`key: value`)",
    "array": "a list",
}
_FORM: dict[Path, str] = {
    ("routers",): "Write each router under its name: `west: {family: reference, cards: 2}`.",
    ("hosts",): "Write each host under its name: `pc1: {nics: 1}`.",
    ("wires",): "Write a list of wires: `- [west:ge-0/0/0, east:ge-0/0/0]`.",
    ("templates",): "Write `templates: {routers: {edge: {cards: 2}}}`, and `template: edge` at a router.",
    ("templates", "routers"): "Write each template under its name: `edge: {cards: 2}`.",
    ("templates", "hosts"): "Write each template under its name: `pc: {nics: 2}`.",
}
_RULE = {
    "user": "Use at most 32 lower-case letters, digits, `_` and `-`, starting with a letter.",
    "password": "Use 6 to 128 printable ASCII characters without spaces, or leave it out to have one generated.",
    "community": "Use 1 to 32 letters, digits and . _ @ + = : / ! - or leave it out to have one generated.",
    "startup": "Write the file's name relative to the blueprint, such as west.set.",
    "template": "Write the name of a template, or leave the key out.",
    "family": "Write the name of a family, or leave the key out for the usual one.",
    "place": "Write the name of a place, or leave the key out.",
    "name": "Begin the file with `name: my-lab`.",
    "address": "Write a host's address with its prefix length: 192.0.2.7/24.",
    "gateway": "Write an address without a prefix length: 192.0.2.1.",
}
READ_ELSEWHERE = frozenset({"hooks", "locks"})
"""Parts whose modules say themselves what is wrong with them; the schema has them for editors."""
NAME_RULE = f"Use at most {naming.NAME_MOST} lower-case letters, digits and single hyphens, starting with a letter"


@functools.cache
def schema_text() -> str:
    return (importlib.resources.files("rackless.blueprints") / "blueprint.schema.json").read_text(encoding="utf-8")


@functools.cache
def _validator() -> Any:
    # jsonschema takes 2.0 for an integer; a blueprint does not, and Written is none of JSON's types.
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    make: Any = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]  # jsonschema is untyped here
    return make(json.loads(schema_text()))


def check(reading: Reading) -> None:
    """Note every breach of the schema, once for each value."""
    seen: set[tuple[Path, str]] = set()
    for error in _flat(_validator().iter_errors(reading.source.value)):
        path: Path = tuple(error.absolute_path)
        if path and path[0] in READ_ELSEWHERE:
            continue
        named = (*path, str(error.instance)) if _of_key(error) else path
        if any(named[:length] in reading.source.bad for length in range(len(named) + 1)):
            continue
        once = (path, str(error.instance) if _of_key(error) else "")
        if error.validator != "additionalProperties":
            if once in seen:
                continue
            seen.add(once)
        _tell(reading, error, path)


def _flat(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """Each error, and instead of an `anyOf` those of the branch that was meant, where the value's type tells."""
    for error in errors:
        meant = [
            inner
            for inner in error.context or ()
            if error.validator == "anyOf" and isinstance(error.instance, dict | list) and _same_type(error, inner)
        ]
        if meant:
            yield from _flat(iter(meant))
        else:
            yield error


def _same_type(error: ValidationError, inner: ValidationError) -> bool:
    branches: Any = error.validator_value
    branch = branches[inner.relative_schema_path[0]]
    return bool(branch.get("type") == ("object" if isinstance(error.instance, dict) else "array"))


def _of_key(error: ValidationError) -> bool:
    return "propertyNames" in error.absolute_schema_path


def _tell(reading: Reading, error: ValidationError, path: Path) -> None:
    if path[:1] == ("wires",) and len(path) == 2 and isinstance(error.instance, dict) and "ends" not in error.instance:
        if reading.sound(*path):
            _wrong_wire(reading, path, error.instance)
    elif _of_key(error):
        _bad_name(reading, (*path, str(error.instance)), str(error.instance), key=True)
    elif error.validator == "additionalProperties":
        _unknown_keys(reading, error, path)
    elif error.validator == "required":
        _missing(reading, error, path)
    elif error.validator == "anyOf":
        _no_branch(reading, path, error.instance)
    elif error.validator == "type":
        _wrong_type(reading, path, error.instance, str(error.validator_value))
    else:
        _wrong_value(reading, path, error)


def shown(value: Value, path: Path = ()) -> str:
    """How a value stands in a sentence; a secret does not."""
    if value is None:
        return "empty"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if path and path[-1] in SECRETS:
        return "text" if isinstance(value, str) else "a number"
    if isinstance(value, Written):
        return value.text
    return str(value).lower() if isinstance(value, bool) else quoted(value) if isinstance(value, str) else str(value)


def _bad_name(reading: Reading, path: Path, text: str, *, key: bool) -> None:
    what = {"routers": "a router", "hosts": "a host", "templates": "a template"}.get(str(path[0]), "a lab") if key else "a lab"
    candidate = None if len(text) > naming.NAME_MOST else naming_candidate(text)
    hint = f"{NAME_RULE}{f': {candidate}' if candidate else ''}."
    message = f"{quoted(text)} cannot be the name of {what}."
    if key:
        reading.key_problem(path, message, hint)
    else:
        reading.problem(path, message, hint)


def naming_candidate(text: str) -> str | None:
    """A good name near to `text`, None when there is none."""
    parts = [part for part in re.split(r"[^a-z0-9]+", text.lower()) if part]
    candidate = "-".join(parts)[: naming.NAME_MOST].strip("-")
    return candidate if naming.is_name(candidate) else None


def _unknown_keys(reading: Reading, error: ValidationError, path: Path) -> None:
    schema: Any = error.schema
    value: Value = error.instance
    known = list(schema["properties"])
    for key in value:
        if key in known:
            continue
        near = nearest(key, known)
        hint = f"Did you mean `{near}`? " if near else ""
        hint += f"The keys here are: {', '.join(known)}."
        reading.key_problem((*path, key), f"{opening(subject(path))} has no key {quoted(key)}.", hint)
        if near is not None and near not in value:
            reading.bad.add((*path, near))


def _missing(reading: Reading, error: ValidationError, path: Path) -> None:
    keys: Value = error.validator_value
    value: Value = error.instance
    for key in keys:
        if key in value or not reading.sound(*path, key):
            continue
        hint = "Begin the file with `name: my-lab`."
        if path:
            hint = f"Add it: `{key}: 192.0.2.7/24`, or write `fxp0: dhcp`."
        reading.problem((*path, key), f"{opening(subject(path))} has no `{key}`.", hint)


def _no_branch(reading: Reading, path: Path, value: Value) -> None:
    what = opening(subject(path))
    if path[:1] == ("wires",):
        _wrong_wire(reading, path, value)
        return
    if path[-1] == "fxp0":
        message = f"{what} must be `dhcp` or a static address, not {shown(value)}."
        if value is None:
            message = f"{what} has no value."
        hint = "Write `fxp0: dhcp` or `fxp0: {address: 192.0.2.7/24, gateway: 192.0.2.1}`."
        if isinstance(value, str) and "/" in value:
            hint = f"Write `fxp0: {{address: {value}}}`."
    elif "memory" in path:
        message = f"{what} must be a size, not {shown(value)}." if value is not None else f"{what} has no value."
        hint = "Write a whole number of MiB (256) or a size with its unit (512M, 1G)."
        if isinstance(value, int) and not isinstance(value, bool):
            message = f"{what} must be from 1 to 1048576 MiB, not {value}."
            hint = "A plain number counts MiB; leave the key out for the family's default."
        if isinstance(value, dict):
            message = f"{what} is one size, not a mapping."
    else:
        message = f"{what} must be an address, or a list of them, not {shown(value)}."
        if value is None:
            message = f"{what} has no value."
        hint = "Write the address with its prefix length: `eth1: 192.0.2.10/24`."
    reading.problem(path, message, hint)


def _wrong_type(reading: Reading, path: Path, value: Value, wanted: str) -> None:
    if path[:1] == ("wires",) and path[-1] == "planned":
        message = f"`planned` of {subject(path)} must be true or false, not {shown(value)}."
        reading.problem(path, message, "Write `planned: true` for a wire whose ports may not be there yet.")
        return
    if path[:1] == ("wires",) and path[-1] in KEYS:
        message = f"`{path[-1]}` of {subject(path)} must be text with its unit, not {shown(value)}."
        reading.problem(path, message, "Write for example `delay: 20ms, jitter: 2ms, loss: 1%, rate: 10m`.")
        return
    if path[:1] == ("wires",) and len(path) > 1:
        _wrong_wire(reading, path, value)
        return
    what = opening(subject(path))
    if path == ("name",) and isinstance(value, int | Written) and not isinstance(value, bool):
        _bad_name(reading, path, shown(value), key=False)
        return
    says = "has no value" if value is None else f"must be {_KINDS[wanted]}, not {shown(value, path)}"
    reading.problem(path, f"{what} {says}.", _type_hint(path, value, wanted))


def _type_hint(path: Path, value: Value, wanted: str) -> str:
    """The way out for a value of the wrong type."""
    if path in _FORM:
        return _FORM[path]
    if not path:
        return "A blueprint begins with `name:` and `routers:`; see examples/."
    if wanted == "object":
        return _mapping_hint(path, value)
    if value is None:
        return _RULE["name"] if path == ("name",) else "Give it a value, or leave the key out."
    hint = _RULE.get(str(path[-1]), "")
    if wanted == "string" and path[-1] in SECRETS and isinstance(value, int | Written):
        hint = f'Put it in quotes: `{path[-1]}: "..."`.'
    elif wanted == "string" and "addresses" in path:
        hint = "Write an address with its prefix length: 192.0.2.10/24."
    elif wanted == "string" and "routes" in path:
        hint = "Write the next hop's address without a prefix length: `default: 192.0.2.1`."
    elif wanted == "integer" and isinstance(value, Written):
        hint = "Write it in plain decimal digits."
    elif wanted == "integer" and isinstance(value, str) and value.isdecimal():
        hint = f"Write it without quotes: `{path[-1]}: {value}`."
    elif wanted == "integer":
        hint = f"Write it as a number: `{path[-1]}: 2`."
    return hint


def _mapping_hint(path: Path, value: Value) -> str:
    forms = {
        "memory": "Say whose memory: `memory: {controller: 512M, card: 256M}`.",
        "login": "Write `login: {user: lab}`, with a `password` if it is to be a certain one.",
        "snmp": "Write `snmp: {community: lab}`.",
        "addresses": "Write `addresses: {eth1: 192.0.2.10/24}`.",
        "routes": "Write `routes: {default: 192.0.2.1}`.",
    }
    if len(path) == 2 or (path[0] == "templates" and len(path) == 3):
        empty = f"Write `{path[-1]}: {{}}` for one with default values"
        return f"{empty}." if value is None else f"{empty}, and put its settings between the braces."
    return forms.get(str(path[-1]), "")


def _wrong_wire(reading: Reading, path: Path, value: Value) -> None:
    hint = "Write `- [west:ge-0/0/0, east:ge-0/0/0]`."
    if len(path) == 2 or path[-1] == "ends":
        says = "is empty" if value is None else f"must be a list of two ends, not {shown(value)}"
        reading.problem(path, f"{opening(subject(path))} {says}.", hint)
        return
    if isinstance(value, dict) and len(value) == 1:
        owner, port = next(iter(value.items()))
        if isinstance(port, str):
            hint = f"Write it without the space after the colon: {owner}:{port}."
    reading.problem(path, f"An end of {subject(path)} must be text such as west:ge-0/0/0, not {shown(value)}.", hint)


def _wrong_value(reading: Reading, path: Path, error: ValidationError) -> None:
    value: Value = error.instance
    what = opening(subject(path))
    if path == ("name",):
        _bad_name(reading, path, value, key=False)
    elif path[:1] == ("wires",) and (len(path) == 2 or path[-1] == "ends"):
        count = len(value)
        ends = "one end" if count == 1 else f"{count or 'no'} ends"
        reading.problem(path, f"{what} has {ends}, and a wire has two.", "Write `- [west:ge-0/0/0, east:ge-0/0/0]`.")
    elif path[:1] == ("wires",):
        hint = "Write the router or host, a colon and the port: west:ge-0/0/0 or pc1:eth1."
        reading.problem(path, f"{quoted(value)} is not the end of a wire.", hint)
    elif error.validator == "minimum":
        schema: Any = error.schema
        hint = f"Leave the key out for the default, {schema['default']}."
        reading.problem(path, f"{what} must be {error.validator_value} or more, not {value}.", hint)
    elif error.validator == "minProperties":
        hint = "Give `controller`, `card` or both, or leave `memory` out."
        reading.problem(path, f"{what} says nothing.", hint)
    elif error.validator == "minItems":
        reading.problem(path, f"{what} has no address.", "Give one, or leave the interface out.")
    else:
        _wrong_text(reading, path, value)


def _wrong_text(reading: Reading, path: Path, value: str) -> None:
    key = str(path[-1])
    what = opening(subject(path))
    rules: dict[str, Callable[[], str]] = {
        "password": lambda: _secret_fault(value, r"[!-~]", 6, 128),
        "community": lambda: _secret_fault(value, r"[A-Za-z0-9._@+=:/!-]", 1, 32),
    }
    fault = rules[key]() if key in rules else f"cannot be {quoted(value)}"
    reading.problem(path, f"{what} {fault}.", _RULE[key])


def _secret_fault(value: str, allowed: str, least: int, most: int) -> str:
    """What is wrong with a secret, without saying it."""
    wrong = [str(at) for at, char in enumerate(value, start=1) if not re.match(allowed, char)]
    if wrong:
        places = f"character{'s' if len(wrong) > 1 else ''} {listed(wrong[:5], 'and')}"
        return f"has something that is not allowed as {places}"
    if not value:
        return "is empty"
    if len(value) < least:
        return f"is too short: {len(value)} of at least {least} characters"
    return f"is too long: {len(value)} of at most {most} characters"
