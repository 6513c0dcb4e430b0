"""The client as the command line uses it: a server named by `--server`, the environment, a login, or this machine's."""

from __future__ import annotations

from rackless.client.synchronous.client import Client as Api
from rackless.model.errors import ServerGoneError

__all__ = ["Api", "ServerGoneError"]
