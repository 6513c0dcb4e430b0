"""A bundle that the host fetches itself, from a web server. What it is worth is judged by its signature, not by where it lay."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from rackless.model.errors import InputError, ProviderError
from rackless.vmhost.spool import Spool

SILENT = 60.0
"""Seconds without a byte, after which a server counts as gone."""
MOST_MOVES = 5
"""Times that it may say that the file is elsewhere."""


def named(address: str) -> str:
    """What is said of an address: without a user and a password that may stand in it.

    Raises:
        InputError: it is none that a bundle is fetched from.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise InputError("The address of a bundle is http://HOST/PATH or https://HOST/PATH.")
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


async def fetch(address: str, spool: Spool, tell: Callable[[str], None]) -> Path:
    """Into the spool; the caller removes it.

    Raises:
        InputError: no such address, or no file there.
        CapacityError: there is no room for it.
        ProviderError: the server cannot be reached, or broke off.
    """
    import httpx  # it takes a while under emulation, and few ask for this

    shown = named(address)
    try:
        client = httpx.AsyncClient(
            timeout=SILENT,
            follow_redirects=True,
            max_redirects=MOST_MOVES,
            trust_env=False,
            verify=ssl.create_default_context() if shown.startswith("https:") else False,
        )
        async with client, client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != 200:
                raise InputError(f"{shown} cannot be fetched: the server says {answer.status_code} {answer.reason_phrase}.")
            length = answer.headers.get("content-length", "")
            if not length.isdecimal() or not int(length):
                raise InputError(f"{shown} cannot be fetched: the server does not say how long it is.")
            return await _take(answer, int(length), shown, spool, tell)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        said = str(error) or type(error).__name__
        raise ProviderError(f"{shown} cannot be fetched: {said}.", hint="Can the host reach that server?") from error


async def _take(answer: object, size: int, shown: str, spool: Spool, tell: Callable[[str], None]) -> Path:
    import httpx

    assert isinstance(answer, httpx.Response)
    tell(f"Fetching {shown} ({size} bytes)")
    arriving, digest, told = spool.begin(size), hashlib.sha256(), 0
    try:
        async for piece in answer.aiter_raw(1 << 20):
            digest.update(piece)
            await arriving.take(piece)
            percent = arriving.arrived * 10 // size * 10
            if percent != told:
                tell(f"{percent} % fetched")
            told = percent
        arriving.finish(digest.hexdigest())
    except InputError as error:
        arriving.discard()
        raise ProviderError(f"{shown} cannot be fetched: {error.message}") from error
    except BaseException:
        arriving.discard()
        raise
    return arriving.path
