"""Writes guest/protocol/vmhost.schema.json from the facts and the table of requests: `PYTHONPATH=src python
packaging/vmhost_schema.py`."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

from rackless.model import vmhost, vmhost_verbs
from rackless.model.errors import Code
from rackless.model.vmhost import Reason
from rackless.model.vmhost_verbs import LoginClass, Verb
from rackless.vmhost.administration import Administration
from rackless.vmhost.channel import FEATURES, MOST_DEADLINE, MOST_ID, VERSION
from rackless.vmhost.requests import PARAMETERS, SHOWN, Parameter

FILE = Path(__file__).resolve().parents[1] / "guest/protocol/vmhost.schema.json"
SIMPLE: dict[object, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Reason: {"type": "string", "pattern": "^0x[0-9a-f]+:.+$"},
}
NAMES = {**vars(vmhost), **vars(vmhost_verbs)}
Schema = dict[str, Any]


def of_type(kind: Any, defs: dict[str, Schema]) -> Schema:
    """The schema of a type that `plain` writes; classes go into `defs`."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_type(one, defs) for one in inner]}
    if origin is not tuple:
        return of_class(kind, defs)
    if inner[-1] is Ellipsis:
        return {"type": "array", "items": of_type(inner[0], defs)}
    return {"type": "array", "prefixItems": [of_type(one, defs) for one in inner], "items": False, "minItems": len(inner)}


def of_class(kind: Any, defs: dict[str, Schema]) -> Schema:
    name = kind.__name__
    if name not in defs:
        defs[name] = {}
        hints = typing.get_type_hints(kind, NAMES)
        fields = {field.name: of_type(hints[field.name], defs) for field in dataclasses.fields(kind)}
        defs[name] = {"type": "object", "required": list(fields), "properties": fields, "additionalProperties": False}
    return {"$ref": f"#/$defs/{name}"}


def of_parameter(parameter: Parameter) -> Schema:
    made = dict(SIMPLE[parameter.kind])
    if parameter.choices:
        return {"enum": [str(one) for one in parameter.choices]}
    if parameter.pattern is not None:
        made["pattern"] = f"^({parameter.pattern.pattern})$"
    if parameter.kind in (int, float):
        made |= {"minimum": parameter.low, "maximum": parameter.high}
    return made


def questions() -> Schema:
    each = []
    for verb in Verb:
        known = PARAMETERS[verb]
        given: Schema = {"type": "object", "additionalProperties": False}
        given["properties"] = {name: of_parameter(parameter) for name, parameter in known.items()}
        needed = [name for name, parameter in known.items() if parameter.default is None]
        if needed:
            given["required"] = needed
        then: Schema = {"properties": {"with": given}}
        if needed:
            then["required"] = ["with"]
        each.append({"if": {"properties": {"do": {"const": verb.value}}}, "then": then})
    return {
        "type": "object",
        "required": ["id", "do", "user", "class"],
        "properties": {
            "id": {"$ref": "#/$defs/id"},
            "do": {"enum": [verb.value for verb in Verb]},
            "user": {"type": "string", "minLength": 1, "maxLength": 64},
            "class": {"enum": list(LoginClass)},
            "deadline": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_DEADLINE},
            "with": {"type": "object"},
        },
        "allOf": each,
        "additionalProperties": False,
    }


def line(**properties: Schema) -> Schema:
    """An object with an id and exactly these."""
    return {
        "type": "object",
        "required": ["id", *properties],
        "properties": {"id": {"$ref": "#/$defs/id"}, **properties},
        "additionalProperties": False,
    }


def document() -> Schema:
    text: Schema = {"type": "string"}
    defs: dict[str, Schema] = {}
    results: dict[str, Schema] = {}
    names = {Verb.FILES: "files"} | {verb: verb.value for verb in SHOWN}
    for verb in Verb:
        if verb is Verb.READ:
            results[f"result-{verb}"] = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
        elif verb.changes:
            results[f"result-{verb}"] = of_type(vmhost.Done, defs)
        else:
            kind = typing.get_type_hints(getattr(Administration, names[verb]), NAMES)["return"]
            results[f"result-{verb}"] = of_type(kind, defs)
    base64: Schema = {"type": "string", "maxLength": 60_000, "pattern": "^[A-Za-z0-9+/]+=*$"}
    greeting: Schema = {
        "type": "object",
        "required": ["versions"],
        "properties": {"versions": {"type": "array", "items": {"type": "integer"}}, "name": text},
    }
    error = {
        "type": "object",
        "required": ["code", "message", "hint"],
        "properties": {"code": {"enum": list(Code)}, "message": text, "hint": text},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lines of the channel between a VM host and its administrative guest (docs/reference/vmhost-channel.md)",
        "description": f"Version {VERSION}; features {', '.join(FEATURES)}. Written by packaging/vmhost_schema.py.",
        "oneOf": [{"$ref": "#/$defs/question"}, {"$ref": "#/$defs/answer"}],
        "$defs": {
            "id": {"type": "string", "minLength": 1, "maxLength": MOST_ID, "pattern": "^[ -~]+$"},
            "question": {
                "oneOf": [
                    line(hello=greeting),
                    {"$ref": "#/$defs/request"},
                    line(data=base64),
                    line(end={"type": "string", "pattern": "^[0-9a-f]{64}$"}),
                ]
            },
            "request": questions(),
            "answer": {
                "oneOf": [
                    line(ok={"const": True}, result={}),
                    line(ok={"const": True}),
                    line(ok={"const": False}, error=error),
                    line(progress=text),
                    line(part=text),
                    line(go={"const": True}),
                    line(data=base64),
                ]
            },
            **results,
            **dict(sorted(defs.items())),
        },
    }


def written() -> str:
    return json.dumps(document(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
