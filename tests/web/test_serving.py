"""What the server sends for the page: what may be kept by browsers, what the page may do, and an answer when it was not built."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import httpx
import pytest
from tests.web.conftest import Site

from rackless.api import page
from rackless.api.app import make


def get(site: Site, path: str, packed: bool = True) -> httpx.Response:
    return httpx.get(site.place + path, headers={"accept-encoding": "gzip" if packed else "identity"})


def script_of(site: Site) -> str:
    found = re.search(r'src="(/assets/[^"]+\.js)"', get(site, "/").text)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/", "/labs", "/labs/west-coast/consoles/r1-vcp", "/jobs/4b1c"])
def test_every_address_of_the_page_gives_it_and_nothing_from_elsewhere_runs_in_it(site: Site, path: str) -> None:
    answer = get(site, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text), "a script in the page itself"
    assert not re.search(r'(?:src|href)="(?!/)', answer.text), "something from another place"


def test_what_has_a_digest_in_its_name_is_kept_for_good_and_sent_packed(site: Site) -> None:
    path = script_of(site)
    packed, plain = get(site, path), get(site, path, packed=False)
    for answer in (packed, plain):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.content == plain.content
    assert get(site, "/assets/icon.svg").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/absent.js", "/assets/..%2findex.html", "/assets/%2e%2e/index.html", "/favicon.ico"])
def test_there_is_nothing_but_what_was_built(site: Site, path: str) -> None:
    assert get(site, path).status_code == 404


def test_an_unknown_path_of_the_api_is_no_page(site: Site) -> None:
    answer = get(site, "/v1/absent")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert get(site, "/v1/plans").status_code == 405


async def test_a_page_that_was_not_built_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "BUILT", tmp_path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make(lambda: None)), base_url="http://rackless") as client:
        answer = await client.get("/labs")
    assert answer.status_code == 503
    assert "make setup" in answer.text


def test_packed_files_are_those_that_were_built() -> None:
    packed = list((page.BUILT / "assets").glob("*.gz"))
    assert packed
    for path in packed:
        assert gzip.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
