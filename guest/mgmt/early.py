"""The management daemon of a template: all of it is in memory, and nothing is done, until it is known what this machine is."""

from __future__ import annotations

import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

ROLE, UNKNOWN = Path("/run/rackless/role"), Path("/run/rackless/unknown")
READY = Path("/run/rackless/early.ready")
PARTS = ("render", "schema", "commands", "routing")
"""What is needed for the first configuration."""


def wait() -> None:
    """Return when this machine is a controller; where it became something else, never."""
    for part in PARTS:
        package = import_module(f"mgmt.{part}")
        for module in pkgutil.iter_modules(package.__path__, f"mgmt.{part}."):
            import_module(module.name)
    READY.touch()
    while not ROLE.exists():
        UNKNOWN.read_bytes()  # its end comes when the role is written
    if ROLE.read_text().strip() != "controller":
        os.execv("/bin/busybox", ["sleep", "2147483647"])
    if "random" in sys.modules:
        sys.modules["random"].seed()
