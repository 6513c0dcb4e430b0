"""A small OpenID provider on this machine, which does as the specifications say, or fails on purpose. It checks what a client
must send: PKCE, the redirect, the client's secret, a code once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "rackless", "s3cret & %more"


class Provider(ThreadingHTTPServer):
    """`claims`: of whoever logs in. `fault`: how it misbehaves. `told`: what clients asked it for, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.claims: dict[str, Any] = {
            "sub": "42",
            "preferred_username": "Una",
            "email": "una@example.net",
            "email_verified": True,
        }
        self.userinfo: dict[str, Any] = {}
        self.key: RSAKey | ECKey = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.fault = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.told: list[str] = []

    def authorize(self, url: str) -> str:
        """What the user's browser is sent back to, when the user agrees."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": "http://evil.example" if self.fault == "iss" else self.issuer}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        kind, _, sent = authorization.partition(" ")
        user, _, password = base64.b64decode(sent).decode().partition(":")
        if kind != "Basic" or (unquote(user), unquote(password)) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        answer = {"access_token": "at", "token_type": "Bearer", "id_token": self.token(asked["nonce"])}
        return 200, answer

    def token(self, nonce: str) -> str:
        now = int(time.time())
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": nonce, **times, **self.claims}
        changes: dict[str, dict[str, Any]] = {
            "audience": {"aud": "another"},
            "audiences": {"aud": [CLIENT, "another"]},
            "party": {"azp": "another"},
            "nonce": {"nonce": "another"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "future": {"iat": now + 900, "exp": now + 1200},
            "issuer": {"iss": "http://evil.example"},
            "nobody": {"sub": ""},
            "times": {"exp": "soon"},
        }
        claims |= changes.get(self.fault, {})
        algorithm = "ES256" if isinstance(self.key, ECKey) else "RS256"
        header = {"alg": algorithm, "kid": self.key.kid}
        if self.fault == "signature":
            other = ECKey.generate_key("P-256", {"kid": self.key.kid})
            return jwt.encode(header, claims, other)
        if self.fault in {"symmetric", "none"}:
            kind = {"alg": "HS256" if self.fault == "symmetric" else "none", "kid": self.key.kid}
            signed = ".".join(_text(json.dumps(part).encode()) for part in (kind, claims))
            shared = self.key.as_pem(private=False)  # the public key as a shared secret
            seal = hmac.digest(shared, signed.encode(), "sha256") if self.fault == "symmetric" else b""
            return f"{signed}.{_text(seal)}"
        return jwt.encode(header, claims, self.key)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        here, path = self.server, urlsplit(self.path).path
        here.told.append(path)
        if path == "/.well-known/openid-configuration":
            places = {
                "authorization_endpoint": "/authorize",
                "token_endpoint": "/token",
                "jwks_uri": "/keys",
                "userinfo_endpoint": "/me",
            }
            document = {"issuer": here.issuer, **{name: here.issuer + place for name, place in places.items()}}
            if here.fault == "impostor":
                document["issuer"] = "http://evil.example"
            if here.fault == "clear":
                document["token_endpoint"] = "http://id.example/token"
            self._say(200, document)
        elif path == "/keys":
            odd = {"kty": "XYZ", "kid": "odd"}
            self._say(200, {"keys": [odd, here.key.as_dict(private=False)]})
        elif path == "/authorize":  # a browser, whose user agrees at once
            self.send_response(302)
            self.send_header("location", here.authorize(self.path))
            self.send_header("content-length", "0")
            self.end_headers()
        elif path == "/me" and self.headers["authorization"] == "Bearer at":
            self._say(200, {"sub": here.claims["sub"], **here.userinfo})
        else:
            self._say(404, {})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.told.append(self.path)
        if self.server.fault == "down":
            self._say(503, {})
            return
        self._say(*self.server.redeem({name: values[0] for name, values in form.items()}, self.headers.get("authorization", "")))

    def _say(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        thread.join(60)
        provider.server_close()
