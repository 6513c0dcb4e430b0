"""The web page: its files as they were built (`packaging/web.sh`), and nothing of any other place."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.convertors import Convertor, register_url_convertor

from rackless.release import SOURCES

router = APIRouter(include_in_schema=False)

BUILT = SOURCES / "web"
"""Where the build puts the page; a wheel has it there too."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the terminal sizes its cells with a style element
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOREVER = "public, max-age=31536000, immutable"
"""For a year (RFC 9111, RFC 8246): a file under assets has a digest of its content in its name."""
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
ABSENT = """The web page was not built.

In a checkout, `make setup` (or packaging/web.sh) builds it; a wheel has it. The API is under /v1, its document at /openapi.json,
and `rackless --help` lists the commands that do the same.
"""


class _PagePath(Convertor[str]):
    """A path of the page: without extension, and not the API's, so that an unknown path of that stays a 404."""

    regex = r"(?!(?:v[0-9]+|assets)(?:/|$))[^.]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _PagePath())


@router.get("/assets/{name}")
async def asset(name: str, request: Request) -> Response:
    """A script, style or picture of the page."""
    return answer(BUILT / "assets" / name, request, FOREVER if "-" in name else "no-cache")


@router.get("/{path:page}")
async def page(path: str, request: Request) -> Response:
    """The page; which of its parts is shown, it reads from the address itself."""
    return answer(BUILT / "index.html", request, "no-cache")


def answer(file: Path, request: Request, cache: str) -> Response:
    """The file, packed if the browser takes that and the build packed it."""
    if not (BUILT / "index.html").is_file():
        return PlainTextResponse(ABSENT, status_code=503, headers={"Cache-Control": "no-store"})
    if file.parent not in (BUILT, BUILT / "assets") or not file.is_file():
        return PlainTextResponse("The page has no such file.\n", status_code=404)
    headers = {**HEADERS, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    packed = file.with_name(file.name + ".gz")
    if packed.is_file() and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return FileResponse(packed, headers=headers, media_type=TYPES.get(file.suffix))
    return FileResponse(file, headers=headers, media_type=TYPES.get(file.suffix))
