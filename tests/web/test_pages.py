"""Each page, light and dark: it is there, can be read by everybody (axe-core), fits the window, and asks no other place."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.web.conftest import Site, Visitor

TWO = """
name: two
routers:
  west: {family: reference, cards: 2, ports_per_card: 4}
  east: {family: reference, cards: 2, ports_per_card: 4}
hosts:
  pc1: {nics: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
  - [west:ge-1/0/0, east:ge-1/0/0]
  - [west:ge-0/0/1, pc1:eth1]
"""
ONE = "name: one\nrouters:\n  r1: {cards: 1, ports_per_card: 2}\n"
HOUR = 3600
DISK = bytes(510) + b"\x55\xaa" + bytes(1 << 20)
"""A raw disk with a boot record."""

PAGES = {
    "labs": ("/labs", "Labs"),
    "calendar": ("/calendar", "Calendar"),
    "new-lab": ("/new", "New lab"),
    "lab": ("/labs/backbone", "backbone"),
    "lab-inventory": ("/labs/backbone/inventory", "backbone"),
    "lab-jobs": ("/labs/backbone/jobs", "backbone"),
    "lab-history": ("/labs/backbone/history", "backbone"),
    "lab-access": ("/labs/backbone/access", "backbone"),
    "images": ("/images", "Images"),
    "site": ("/site", "Site"),
    "site-pools": ("/site/pools", "Site"),
    "site-locks": ("/site/locks", "Site"),
    "site-audit": ("/site/audit", "Site"),
    "admin-users": ("/admin", "Admin"),
    "admin-quotas": ("/admin/quotas", "Admin"),
    "admin-fabric": ("/admin/fabric", "Admin"),
    "admin-access-log": ("/admin/access-log", "Admin"),
    "account": ("/account", "Your account"),
}


@pytest.fixture(scope="module", autouse=True)
def labs(site: Site) -> None:
    now = time.time()
    site.up("backbone", TWO, seconds=5 * HOUR)
    site.up("metro-edge", ONE, seconds=2 * HOUR)
    site.up("peering", ONE)
    site.up("training-a", ONE, begins=now + 3 * HOUR, seconds=4 * HOUR)
    site.up("training-b", TWO, begins=now + 8 * HOUR, seconds=6 * HOUR)
    site.know("una")
    site.ask("PATCH", "/users/una/quota", {"limits": {"labs": 4, "memory": 16384}})
    site.ask("POST", "/groups", {"name": "training"})
    site.ask("PUT", "/groups/training/members/una")
    site.ask("POST", "/locks/optical-switch", {"seconds": HOUR, "holder": "rewiring row 3"})
    site.upload("vendor-router", DISK)
    site.ask("PUT", "/labs/backbone/shares/una")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_there_and_fits(visit: Callable[..., Visitor], scheme: str) -> None:
    visitor = visit(scheme=scheme)
    visitor.log_in("ada")
    rules = ("color-contrast",) if scheme == "dark" else ()  # the others look at what both have
    found: list[str] = []
    for name, (path, heading) in PAGES.items():
        page = visitor.go(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        visitor.shown()
        visitor.shot(f"{name}-{scheme}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the window")
        found += [f"{name}: {one}" for one in visitor.violations(*rules)]
    assert not found, "\n".join(found)
