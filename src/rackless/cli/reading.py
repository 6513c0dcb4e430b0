"""Send a blueprint: its text, and the files next to it that the server asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rackless.client.blueprint_files import around, text_of
from rackless.model.errors import FilesNeededError

if TYPE_CHECKING:
    from rackless.client.api import Api


def send(api: Api, path: str, file: str, *, method: str = "POST", query: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """Send the blueprint, with more keys if the path takes them; again with its files when the server asks for them."""
    body: dict[str, Any] = {"text": text_of(file), "file": file if file != "-" else "standard input", **more}
    try:
        return api.ask(method, path, body=body, query=query)
    except FilesNeededError as error:
        body |= {"files": around(file, error.names), "complete": True}
    return api.ask(method, path, body=body, query=query)
