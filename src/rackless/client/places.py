"""Where the server is: this machine's, on its unix socket, or another's, by URL and token.

Each of URL, token and CA comes from the arguments, else from the environment (RACKLESS_URL, RACKLESS_TOKEN or
RACKLESS_TOKEN_FILE, RACKLESS_CA), else from what `rackless login` kept. The URL `local` means this machine's.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rackless.client import kept
from rackless.model.errors import InputError
from rackless.settings import Settings, load

if TYPE_CHECKING:
    import ssl

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Local:
    settings: Settings
    name: str = "The server"
    base: str = "http://rackless"
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Remote:
    base: str
    """URL without a slash at its end."""
    token: str = field(default="", repr=False)
    ca: str = ""

    @property
    def name(self) -> str:
        return f"The server at {self.base}"

    @property
    def tls(self) -> ssl.SSLContext | None:
        """None without TLS. Certificates are verified: by `ca`, else by what this machine trusts.

        Raises:
            InputError: `ca` is not a file of certificates.
        """
        import ssl

        if not self.base.startswith("https:"):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca or None)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"{self.ca} is not a file of CA certificates: {error}.", hint="It has to be PEM.") from error


Place = Local | Remote


def resolve(
    *,
    url: str | None = None,
    token: str | None = None,
    token_file: str | Path | None = None,
    ca: str | Path | None = None,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
) -> Place:
    """The place that these name.

    Args:
        settings: of this machine's server; leaves the environment and what is kept aside.

    Raises:
        InputError: the URL is none of a server, a file can't be read, or is readable by others.
    """
    env = os.environ if environ is None else environ
    if settings is not None and url is None:
        return Local(settings=settings)
    wanted = url or env.get("RACKLESS_URL") or ""
    if wanted == LOCAL:
        return Local(settings=settings or load(dict(env)))
    known = kept.read(kept.path(env))
    wanted = wanted or known.default
    if not wanted:
        return Local(settings=load(dict(env)))
    base = address(wanted)
    login = known.servers.get(base, kept.Login())
    return Remote(
        base=base,
        token=token or _content(token_file) or _of_environment(env) or login.token,
        ca=str(ca or env.get("RACKLESS_CA") or login.ca),
    )


def address(url: str) -> str:
    """The URL in the form in which it is kept.

    Raises:
        InputError: it is none, or would send a token in the clear.
    """
    hint = "Write https://HOST:PORT, or `local` for this machine's server."
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise InputError(f"{url} is no URL: {error}.", hint=hint) from error
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        raise InputError(f"{url} is no URL of a server.", hint=hint)
    if parts.scheme == "http" and not loopback(host):
        raise InputError(f"{url} would send the token in the clear.", hint="Use https://, or a tunnel that ends on this machine.")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path.rstrip('/')}"


def loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _of_environment(env: Mapping[str, str]) -> str:
    return env.get("RACKLESS_TOKEN", "").strip() or _content(env.get("RACKLESS_TOKEN_FILE"))


def _content(file: str | Path | None) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"The token file {file} cannot be read: {reason}.") from error
