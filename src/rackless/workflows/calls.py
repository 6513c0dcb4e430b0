"""Hooks that are requests: to the hosts that the site allows, with TLS verified, and to the very address that was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from rackless.blueprints.hooks import REFERENCE
from rackless.model.errors import DeadlineError, HookError, InputError
from rackless.model.hooks import Hook
from rackless.model.site import HookRules
from rackless.sandboxes import hooks

MOST_ANSWER = 1 << 16
"""Bytes of an answer that are read."""


class Listening(Protocol):
    """What is told of the answer."""

    async def feed(self, data: bytes) -> None: ...

    async def end(self) -> None: ...


def values(rules: HookRules, hook: Hook) -> list[str]:
    """The secrets that the hook sends, which its output must not show.

    Raises:
        InputError: the site does not allow one, or its file can't be read.
    """
    return list(_values(rules, hook).values()) if hook.call else []


def _values(rules: HookRules, hook: Hook) -> dict[str, str]:
    found = {}
    for secret in hooks.target(rules, hook)[1]:
        try:
            found[secret.name] = Path(secret.file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"The secret '{secret.name}' of the hook {hook} cannot be read by the server.",
                hint="An admin names its file in site.yaml.",
            ) from error
    return found


async def call(rules: HookRules, hook: Hook, body: bytes, extra: dict[str, str], output: Listening) -> None:
    """Send the lab; an answer of 2xx is success.

    Raises:
        HookError: another answer, or none.
        InputError: the site does not allow it.
        DeadlineError: it took longer.
    """
    host, _ = hooks.target(rules, hook)
    secret = _values(rules, hook)
    headers = {name: REFERENCE.sub(lambda found: secret[found[1]], value) for name, value in hook.headers}
    headers |= {"Content-Type": "application/json", **extra}
    try:
        async with asyncio.timeout(hook.deadline):
            address = await _address(rules, hook, host)
            request = _request(hook, host, address, headers, body)
            status = await _send(request, output)
    except TimeoutError as error:
        raise DeadlineError(f"{host} did not answer within {hook.deadline:g} s.") from error
    except (httpx.HTTPError, OSError) as error:
        raise HookError(f"The hook {hook} failed: {host}: {error or type(error).__name__}.") from error
    await output.end()
    if not 200 <= status < 300:
        raise HookError(f"The hook {hook} failed: {host} answered {status}.", hint="What it said is in `rackless logs LAB`.")


async def _address(rules: HookRules, hook: Hook, host: str) -> str:
    """The address to call. Asked for once, and checked: a name that means another address a moment later changes nothing."""
    port = urlsplit(hook.call).port
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses: Iterable[str] = dict.fromkeys(str(entry[4][0]) for entry in found)
    for address in addresses:
        if hooks.may_reach(rules, hook, address):
            return address
    raise HookError(
        f"The hook {hook} failed: {host} is {', '.join(addresses)}, which this site does not let hooks call.",
        hint="An admin can name the address in site.yaml (`hooks: {hosts: [...]}`).",
    )


def _request(hook: Hook, host: str, address: str, headers: dict[str, str], body: bytes) -> httpx.Request:
    url = httpx.URL(hook.call)
    headers = {**headers, "Host": url.netloc.decode("ascii")}
    # The certificate must be the name's: that is what httpx verifies when it is told the name to ask for.
    return httpx.Request(
        hook.method, url.copy_with(host=address), headers=headers, content=body, extensions={"sni_hostname": host}
    )


async def _send(request: httpx.Request, output: Listening) -> int:
    """The answer's status, once its body was read, as far as it is."""
    trusted = ssl.create_default_context()  # this machine's certificate authorities, and what SSL_CERT_FILE adds
    async with httpx.AsyncClient(verify=trusted, follow_redirects=False, trust_env=False, timeout=None) as client:  # noqa: S113
        answer = await client.send(request, stream=True)
        try:
            left = MOST_ANSWER
            async for data in answer.aiter_bytes():
                await output.feed(data[:left])
                left -= len(data)
                if left <= 0:
                    break
        finally:
            await answer.aclose()
    return answer.status_code
