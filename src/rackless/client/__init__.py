"""A typed client of the server's API, sync and async: `Client` and `AsyncClient`.

with Client() as client:                                    # this machine's server, started when needed
with Client(url="https://labs.example.net:8443") as client:  # another's, with a token

`asynchronous` is written by hand, its operations and models out of /openapi.json; `synchronous` is written out of it by
packaging/generate_client.py, so that each thing is said once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rackless.client.asynchronous.client import AsyncClient
    from rackless.client.synchronous.client import Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    """Loaded when first asked for: the command line's `--help` needs neither."""
    if name == "Client":
        from rackless.client.synchronous.client import Client

        return Client
    if name == "AsyncClient":
        from rackless.client.asynchronous.client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
