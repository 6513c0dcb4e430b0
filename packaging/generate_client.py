"""Write what of rackless.client follows from something else: models and operations out of /openapi.json, the synchronous client
out of the asynchronous one. `--check` changes nothing, and fails when a file is not as it would be written.

Usage: .venv/bin/python packaging/generate_client.py [--check]
"""

from __future__ import annotations

import io
import keyword
import re
import subprocess
import sys
import textwrap
import tokenize
from pathlib import Path
from typing import Any

from rackless.api.app import make

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "src/rackless/client"
RUFF = [str(Path(sys.executable).with_name("ruff")), "--quiet"] if Path(sys.executable).with_name("ruff").exists() else ["ruff"]
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
STREAMS = {"application/x-ndjson", "text/event-stream", "application/octet-stream"}
STREAMED = ("LabEvent", "JobEnvelope", "StepEvent", "MachineEvent", "LinkEvent", "ResetEvent")
"""What is in streams, for which the document has no type."""
BY_HAND = {"__init__.py", "ways.py"}
"""What the synchronous client has of its own."""
HEADER = (
    '"""{} Written by packaging/generate_client.py out of the API\'s document: do not edit."""\n\n'
    "from __future__ import annotations\n\n"
)


class Document:
    """The API's document, and the names of models that answers need."""

    def __init__(self, document: Schema) -> None:
        self.paths: dict[str, Schema] = document["paths"]
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.used: set[str] = set()
        self.home = "models."
        """Where classes are found by what is being written."""

    def named(self, reference: str) -> str:
        """The class of a $ref; it will be written, with all that it refers to."""
        raw = reference.rpartition("/")[2]
        if raw not in self.used:
            self.used.add(raw)
            for inner in references(self.schemas[raw]):
                self.named(inner)
        return self.home + class_name(raw)

    def kind(self, schema: Schema) -> str:  # noqa: PLR0911 - one a kind of schema
        """The Python type of a schema."""
        if "$ref" in schema:
            return self.named(schema["$ref"])
        if "anyOf" in schema or "oneOf" in schema:
            kinds = dict.fromkeys(self.kind(one) for one in schema.get("anyOf") or schema.get("oneOf") or [])
            return " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
        if len(schema.get("allOf", [])) == 1:
            return self.kind(schema["allOf"][0])
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        if isinstance(schema.get("type"), list):
            return " | ".join(SCALARS[one] for one in schema["type"])
        if schema.get("type") == "array":
            if "prefixItems" in schema:
                return f"tuple[{', '.join(self.kind(one) for one in schema['prefixItems'])}]"
            return f"list[{self.kind(schema.get('items', {}))}]"
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {self.kind(more) if isinstance(more, dict) else 'Any'}]"
        return SCALARS.get(schema.get("type", ""), "Any")

    def page_of(self, schema: Schema) -> Schema | None:
        """What the page has items of, if this is a page of a list."""
        found = self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
        properties = found.get("properties", {})
        return properties["items"]["items"] if set(properties) == {"items", "next"} else None


def references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [found for part in schema.values() for found in references(part)]
    return [found for part in schema for found in references(part)] if isinstance(schema, list) else []


def class_name(raw: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", raw))


def documented(text: str, indent: str) -> str:
    """A docstring, or nothing."""
    text = " ".join(text.split()) if "\n\n" not in text else text.strip()
    if not text:
        return ""
    lines = [line for paragraph in text.split("\n\n") for line in [*textwrap.wrap(paragraph, 116), ""]][:-1]
    body = "\n".join(f"{indent}{line}".rstrip() for line in lines).strip().replace("\\", "\\\\")
    return f'{indent}"""{body}"""\n' if len(lines) == 1 else f'{indent}"""{body}\n{indent}"""\n'


def models(document: Document) -> str:
    """models.py; after the operations, which say what is used."""
    document.home = ""
    text = HEADER.format("What the API answers.")
    text += (
        "from typing import Any, Literal\n\nfrom pydantic import Field\n\nfrom rackless.client.decoding import Answer, Word\n\n"
    )
    for raw in sorted(document.used, key=lambda raw: ("enum" not in document.schemas[raw], raw)):
        schema = document.schemas[raw]
        text += enumeration(raw, schema) if "enum" in schema else model(document, raw, schema)
    return text


def enumeration(raw: str, schema: Schema) -> str:
    text = f"class {class_name(raw)}(Word):\n" + documented(schema.get("description", ""), "    ")
    for value in schema["enum"]:
        text += f"    {member(value)} = {value!r}\n"
    return text + "\n\n"


def member(value: Any) -> str:
    """Name of a value in its enumeration."""
    name = re.sub(r"\W", "_", str(value)).upper()
    return name if name.isidentifier() else f"N{name}"


def model(document: Document, raw: str, schema: Schema) -> str:
    text = f"class {class_name(raw)}(Answer):\n" + documented(schema.get("description", ""), "    ")
    needed = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        field = f"{name}_" if keyword.iskeyword(name) else name
        kind = document.kind(part)
        default = part.get("default") if name not in needed else ...
        extras = [f"alias={name!r}"] if field != name else []
        if isinstance(default, (list, dict)):
            extras.insert(0, f"default_factory={_factory(kind, default)}")
        elif default is not ... and extras:
            extras.insert(0, f"default={default!r}")
        if default is None and not nullable(kind):
            kind += " | None"
        value = f"Field({', '.join(extras)})" if extras else "" if default is ... else repr(default)
        if isinstance(default, str) and re.fullmatch(r"[A-Z]\w*", kind):
            value = f"{kind}.{member(default)}"
        text += f"    {field}: {kind}{f' = {value}' if value else ''}\n"
        text += documented(part.get("description", ""), "    ")
    return text + ("" if schema.get("properties") or schema.get("description") else "    pass\n") + "\n\n"


def _factory(kind: str, default: Any) -> str:
    if re.fullmatch(r"[A-Z]\w*", kind):  # one of our classes
        return f"lambda: {kind}.model_validate({default!r})"
    return f"lambda: {default!r}" if default else type(default).__name__


def nullable(kind: str) -> bool:
    return kind in {"Any", "None"} or kind.endswith("| None")


class Operation:
    """One route as a method."""

    def __init__(self, document: Document, method: str, path: str, found: Schema) -> None:
        self.document = document
        self.method = method.upper()
        self.path = path
        self.found = found
        self.name: str = found["operationId"]
        self.noun: str = found.get("tags", ["server"])[0].replace("-", "_")
        self.parameters = [one for one in found.get("parameters", []) if one["in"] in {"path", "query"}]
        self.required: list[str] = []
        self.optional: list[str] = []
        self.body: dict[str, str] = {}
        self.sends = ""
        self.notes: list[str] = []
        self._read_query()
        self._read_body()

    @property
    def placed(self) -> list[str]:
        return [one["name"] for one in self.parameters if one["in"] == "path"]

    def _argument(self, name: str, schema: Schema, *, needed: bool, about: str = "") -> None:
        kind = self.document.kind(schema)
        default = schema.get("default")
        if about:
            self.notes.append(f"{name}: {about}")
        if needed:
            self.required.append(f"{name}: {kind}")
        elif isinstance(default, (list, dict)) or default is None or kind.startswith(self.document.home):
            kind = kind if nullable(kind) else f"{kind} | None"
            self.optional.append(f"{name}: {kind} = None")
        else:
            self.optional.append(f"{name}: {kind} = {default!r}")

    def _read_query(self) -> None:
        for one in self.parameters:
            if one["in"] == "query":
                about = one.get("description", one["schema"].get("description", ""))
                self._argument(identifier(one["name"]), one["schema"], needed=bool(one.get("required")), about=about)

    def _read_body(self) -> None:
        content = self.found.get("requestBody", {}).get("content", {})
        if not content:
            return
        if "application/json" not in content:
            self.sends = "content=content"
            self.required.append("content: bytes | AsyncIterable[bytes]")
            return
        schema = content["application/json"]["schema"]
        if "$ref" not in schema or "properties" not in (inner := self.document.schemas[schema["$ref"].rpartition("/")[2]]):
            self.sends = "body=body"
            needed = bool(self.found["requestBody"].get("required"))
            self._argument("body", schema, needed=needed)
            return
        taken = {*self.placed, *(one["name"] for one in self.parameters)}
        for name, part in inner["properties"].items():
            argument = f"body_{name}" if name in taken else identifier(name)
            self.body[name] = argument
            self._argument(argument, part, needed=name in inner.get("required", ()), about=part.get("description", ""))
        pairs = ", ".join(f'"{name}": {argument}' for name, argument in self.body.items())
        self.sends = f"body=given({{{pairs}}})"

    def _answer(self) -> tuple[str, str]:
        """(kind of answer, its type): one of stream, pages, none, text, optional, typed."""
        content: Schema = {}
        for status, response in self.found["responses"].items():
            if status.startswith("2"):
                if "content" not in response and status != "204":
                    return "stream", ""
                content = response.get("content", {})
        if not content:
            return "none", ""
        if "application/json" not in content:
            return _other(content)
        schema = content["application/json"].get("schema", {})
        page = self.document.page_of(schema)
        if page is not None:
            return "pages", self.document.kind(page)
        kind = self.document.kind(schema)
        if kind in {"Any", "None"}:
            return ("raw" if kind == "Any" and schema else "none"), ""
        return ("optional", kind.removesuffix(" | None")) if kind.endswith(" | None") else ("typed", kind)

    def text(self) -> str:
        arguments = ["self", *(f"{name}: str" for name in self.placed)]
        if self.required or self.optional:
            arguments += ["*", *self.required, *self.optional]
        about = self.found.get("description", "")
        if self.notes:
            about = f"{about}\n\nArgs:\n\n" + "\n\n".join(self.notes)
        called = [f'"{self.method}"', self._place()]
        if query := [one["name"] for one in self.parameters if one["in"] == "query"]:
            pairs = ", ".join(f'"{name}": {identifier(name)}' for name in query)
            called.append(f"query={{{pairs}}}")
        if self.sends:
            called.append(self.sends)
        way, kind = self._answer()
        head, tail = self._call(way, kind, called)
        return f"    {head.format(', '.join(arguments))}:\n{arranged(about)}        {tail}\n"

    def _place(self) -> str:
        path = self.path
        for name in self.placed:
            path = path.replace(f"{{{name}}}", f"{{part({name})}}").replace(f"{{{name}:path}}", f"{{part({name})}}")
        return f'f"{path}"' if self.placed else f'"{path}"'

    def _call(self, way: str, kind: str, called: list[str]) -> tuple[str, str]:  # noqa: PLR0911 - one a kind of answer
        words = ", ".join(called)
        begin = f"async def {self.name}({{}})"
        if way == "stream":
            return (
                f"def {self.name}({{}}) -> AbstractAsyncContextManager[AsyncStream]",
                f"return self._calls.stream({words})",
            )
        if way == "pages":
            query = next((word for word in called if word.startswith("query=")), "query={}")
            return (
                f"def {self.name}({{}}) -> AsyncPages[{kind}]",
                f"return AsyncPages(self._calls, {kind}, {called[1]}, {query})",
            )
        if way == "none":
            return f"{begin} -> None", f"await self._calls.call({words})"
        if way == "text":
            return f"{begin} -> str", f"return await self._calls.answer(str, {words})"
        if way == "raw":
            return f"{begin} -> Any", f"return await self._calls.call({words})"
        if way == "optional":
            return f"{begin} -> {kind} | None", f"return await self._calls.optional({kind}, {words})"
        return f"{begin} -> {kind}", f"return await self._calls.answer({kind}, {words})"


def _other(content: Schema) -> tuple[str, str]:
    """Of an answer that is no plain JSON: read as a whole if it is a text, else piece by piece."""
    if any(kind.endswith("+json") for kind in content):
        return "raw", ""
    pieces = any(kind in STREAMS or kind.startswith("application/vnd.tcpdump") for kind in content)
    return ("stream" if pieces else "text"), ""


def identifier(name: str) -> str:
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def arranged(about: str) -> str:
    """The docstring, with its arguments in a list."""
    head, _, arguments = about.partition("\n\nArgs:\n\n")
    text = documented(head, "        ")
    if not arguments:
        return text
    lines = [f"            {note.rstrip('.')}." for note in arguments.split("\n\n")]
    body = text.rstrip()[:-3].rstrip()
    return f"{body}\n\n        Args:\n" + "\n".join(lines).replace("\\", "\\\\") + '\n        """\n'


def operations(document: Document) -> str:
    """asynchronous/operations.py."""
    nouns: dict[str, list[Operation]] = {}
    for path, methods in document.paths.items():
        for method, found in methods.items():
            operation = Operation(document, method, path, found)
            nouns.setdefault(operation.noun, []).append(operation)
    bodies = ""
    for noun, found_ones in nouns.items():
        bodies += f"class Async{class_name(noun)}Operations(AsyncNoun):\n" + "\n".join(one.text() for one in found_ones) + "\n\n"
    bodies += "class AsyncOperations:\n    def __init__(self, calls: AsyncCalls) -> None:\n        self._calls = calls\n"
    bodies += "".join(f"        self.{noun} = Async{class_name(noun)}Operations(calls)\n" for noun in nouns)
    text = HEADER.format("Every route, as a method of its noun.")
    text += "from collections.abc import AsyncIterable\n"
    text += "from contextlib import AbstractAsyncContextManager\nfrom typing import TYPE_CHECKING, Any\n\n"
    text += "from rackless.client.asynchronous.calls import AsyncCalls, AsyncNoun, AsyncPages, AsyncStream, given, part\n"
    text += "if TYPE_CHECKING:\n    from rackless.client import models\nelse:\n    from rackless.client.late import models\n\n\n"
    return text + bodies


WORDS = {
    "asynccontextmanager": "contextmanager",
    "asynchronous": "synchronous",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "StopAsyncIteration": "StopIteration",
    "anext": "next",
    "aclose": "close",
    "aread": "read",
    "aiter_lines": "iter_lines",
    "aiter_raw": "iter_raw",
    "aiter_bytes": "iter_bytes",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}


def synchronous(text: str) -> str:
    """The same without waiting: `async` and `await` go, names of their kind become the plain ones."""
    out: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind, word = token.type, token.string
        if kind == tokenize.NAME:
            word = "" if word in {"async", "await"} else WORDS.get(word, re.sub(r"^Async(?=[A-Z])", "", word))
        elif kind == tokenize.STRING:
            word = re.sub(r"\bAsync(?=[A-Z])", "", word).replace("async ", "")
        out.append((kind, word))
    # Without places, tokens are set apart by one space, and the formatter does the rest.
    return tokenize.untokenize((kind, word) for kind, word in out if word or kind not in {tokenize.NAME})


def formatted(text: str) -> str:
    for words in (["format"], ["check", "--select", "I,F401,RUF100", "--fix"], ["format"]):
        place = str(CLIENT / "generated.py")
        made = subprocess.run(
            [*RUFF, *words, "--stdin-filename", place, "-"], check=False, input=text, capture_output=True, text=True, cwd=ROOT
        )
        if made.returncode:
            raise SystemExit(f"ruff {words[0]}: {made.stderr}\n{made.stdout}")
        text = made.stdout
    return text


def written() -> dict[Path, str]:
    """Every file and its text."""
    document = Document(make(lambda: None).openapi())
    files = {CLIENT / "asynchronous/operations.py": formatted(operations(document))}
    for raw in STREAMED:
        document.named(raw)
    files[CLIENT / "models.py"] = formatted(models(document))
    for source in sorted((CLIENT / "asynchronous").glob("*.py")):
        if source.name not in BY_HAND:
            text = files.get(source) or source.read_text(encoding="utf-8")
            note = "# Written by packaging/generate_client.py out of asynchronous/: do not edit.\n"
            files[CLIENT / "synchronous" / source.name] = formatted(note + synchronous(text))
    return files


def main() -> None:
    made = written()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise SystemExit(f"{names}: not as the API is now.\nHint: run .venv/bin/python packaging/generate_client.py")
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
