"""What works on this machine's own files is loaded by name: the command line imports nothing of it."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType


def loaded(module: str) -> ModuleType:
    """Without looking for garbage meanwhile, of which there is none: a fifth of the time that a server takes to start. What was
    loaded is set aside until keepers/collecting.py has all looked at."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()
