"""Modules that are loaded when something of them is first used: the command line's quick answers need no pydantic, and no
websockets. Their users import the modules themselves where types are checked, and these elsewhere."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._module), name)
        setattr(self, name, found)
        return found


decoding = Late("rackless.client.decoding")
events = Late("rackless.client.events")
models = Late("rackless.client.models")
exceptions = Late("websockets.exceptions")
