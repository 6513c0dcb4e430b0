"""OpenID Connect: the authorization code flow with PKCE, as its client.

Discovery (OpenID Connect Discovery 1.0), the code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636) and the
issuer in the answer (RFC 9207). An ID token counts when a key of the provider signed it with an asymmetric algorithm, and its
issuer, audience, times and nonce are those of this login.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rackless.model.errors import InputError, ProviderError, UnauthorizedError
from rackless.model.openid import OpenId

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""What an ID token may be signed with. None that uses a shared secret, and not `none`."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
ASKING = 10.0
KEPT = 3600.0
"""Seconds for which the provider's document and keys are taken to be the same."""
ANEW = 30.0
"""Seconds between two readings of the keys, when a token names one that is not known."""
MOST = 1 << 20
"""Bytes of an answer."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A login that was begun. All but the address is secret: `state` comes back with the answer, `nonce` in the ID token,
    `verifier` proves to the provider that who began it ends it."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass
class _Known:
    document: dict[str, Any]
    keys: KeySet
    read: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Client:
    """Of one provider."""

    def __init__(self, provider: OpenId) -> None:
        self.provider = provider
        self._known: _Known | None = None

    async def start(self, redirect: str) -> Start:
        """Where to send the browser.

        Raises:
            ProviderError: the provider does not answer, or not as one.
        """
        known = await self._learn()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.provider.client,
            "redirect_uri": redirect,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        place = self._endpoint(known, "authorization_endpoint")
        url = f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"
        return Start(url=url, state=state, nonce=nonce, verifier=verifier)

    async def finish(self, *, code: str, redirect: str, nonce: str, verifier: str, issuer: str | None) -> dict[str, Any]:
        """The claims of who logged in.

        Args:
            issuer: `iss` of the answer, if it had one.

        Raises:
            UnauthorizedError: what the provider says of them does not hold.
            ProviderError: it does not answer.
        """
        known = await self._learn()
        if issuer is not None and issuer != self.provider.issuer:
            raise self._refused("the answer is another provider's")
        async with self._http() as http:
            tokens = await self._redeem(http, known, code, redirect, verifier)
            claims = await self.verify(tokens.get("id_token"), nonce)
            wanted = {self.provider.user_claim, self.provider.groups_claim, *(("email",) if self.provider.domains else ())}
            if wanted - set(claims) and "userinfo_endpoint" in known.document and "access_token" in tokens:
                place = self._endpoint(known, "userinfo_endpoint")
                more = await self._get(http, place, {"authorization": f"Bearer {tokens['access_token']}"})
                if more.get("sub") != claims["sub"]:  # OpenID Connect Core, section 5.3.2
                    raise self._refused("it speaks of two users")
                claims = {**more, **claims}
        return claims

    async def verify(self, token: object, nonce: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core, section 3.1.3.7).

        Raises:
            UnauthorizedError: it is not one of this provider, for us, for this login, and of now.
        """
        if not isinstance(token, str):
            raise self._refused("there is no ID token in its answer")
        claims = await self._signed(token)
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        party, mine = claims.get("azp"), self.provider.client
        times = [claims.get(name) for name in ("exp", "iat")]
        now = time.time()
        faults = {
            "its ID token is another issuer's": claims.get("iss") != self.provider.issuer,
            "its ID token is for somebody else": mine not in audiences,
            "its ID token was given to somebody else": party not in ((mine,) if len(audiences) > 1 else (None, mine)),
            "its ID token has no times": not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in times),
            "its ID token names nobody": not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255,
            "its ID token is of another login": not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        }
        for fault, there in faults.items():
            if there:
                raise self._refused(fault)
        if claims["exp"] < now - LEEWAY or claims.get("nbf", 0) > now + LEEWAY or claims["iat"] > now + LEEWAY:
            raise self._refused("its ID token is not of now")
        return claims

    async def _signed(self, token: str) -> dict[str, Any]:
        known = await self._learn()
        for anew in (False, True):
            try:
                return dict(jwt.decode(token, known.keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError) as error:
                if anew or time.monotonic() - known.read < ANEW:
                    raise self._refused(f"its ID token has no signature that holds ({type(error).__name__})") from error
            known = await self._learn(anew=True)  # the provider may sign with a new key
        raise AssertionError

    async def _learn(self, *, anew: bool = False) -> _Known:
        known = self._known
        if known is not None and not anew and time.monotonic() - known.read < KEPT:
            return known
        async with self._http() as http:
            document = await self._get(http, f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self.provider.issuer:
                raise ProviderError(
                    f"{self.provider.title} calls itself {document.get('issuer')}, not {self.provider.issuer}.",
                    hint="Write `issuer` in the site file exactly as the provider does.",
                )
            found = _Known(document=document, keys=KeySet([]), read=time.monotonic())
            listed = await self._get(http, self._endpoint(found, "jwks_uri"))
            try:
                # Keys of a kind that is not known here are not a fault of the others.
                found.keys = KeySet.import_key_set({"keys": [key for key in listed["keys"] if _usable(key)]})
            except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise ProviderError(f"The keys of {self.provider.title} cannot be read.", hint="Ask its admin.") from error
        self._known = found
        return found

    async def _redeem(self, http: httpx.AsyncClient, known: _Known, code: str, redirect: str, verifier: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        secret, headers = self._secret(), {}
        methods = known.document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret is None:
            form["client_id"] = self.provider.client
        elif "client_secret_basic" in methods:
            # RFC 6749, section 2.3.1: each of the two is form-encoded first.
            both = f"{quote(self.provider.client, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        else:
            form |= {"client_id": self.provider.client, "client_secret": secret}
        place = self._endpoint(known, "token_endpoint")
        return await self._answer(http, http.build_request("POST", place, data=form, headers=headers), refused=True)

    def _secret(self) -> str | None:
        if self.provider.secret is None:
            return None
        try:
            return self.provider.secret.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"The client's secret for {self.provider.title} cannot be read from {self.provider.secret}.",
                hint="The server's user must be able to read that file.",
            ) from error

    def _endpoint(self, known: _Known, name: str) -> str:
        place = known.document.get(name)
        if not isinstance(place, str) or not safe(place):
            raise ProviderError(
                f"{self.provider.title} has no {name} with TLS.", hint="Is `issuer` in the site file the right one?"
            )
        return place

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=ASKING, follow_redirects=False)

    async def _get(self, http: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._answer(http, http.build_request("GET", url, headers=headers))

    async def _answer(self, http: httpx.AsyncClient, request: httpx.Request, *, refused: bool = False) -> dict[str, Any]:
        """A JSON object. `refused`: an answer of 4xx means that the login does not hold."""
        try:
            answer = await http.send(request)
            if refused and 400 <= answer.status_code < 500:
                raise self._refused(f"it does not take the code ({answer.status_code})")
            answer.raise_for_status()
            found = json.loads(answer.content[:MOST])
        except (httpx.HTTPError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise ProviderError(
                f"{self.provider.title} does not answer as an OpenID provider at {request.url.host}: {why}.",
                hint="Try again, or log in with a password.",
            ) from error
        if not isinstance(found, dict):
            raise ProviderError(f"{self.provider.title} does not answer as an OpenID provider.", hint="Ask its admin.")
        return found

    def _refused(self, why: str) -> UnauthorizedError:
        return UnauthorizedError(f"The login by {self.provider.title} does not hold: {why}.", hint="Begin again.")


def _usable(key: Mapping[str, Any]) -> bool:
    return key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"


def safe(url: str) -> bool:
    """With TLS, or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    try:
        return parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
