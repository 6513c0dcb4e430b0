"""The fabric's authority, its join tokens, and when a primary counts as gone."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rackless.certificate import Pair
from rackless.fabric import hurrying, tokens
from rackless.fabric.authority import (
    Authority,
    Purpose,
    Subject,
    client_context,
    names_of,
    new_request,
    server_context,
    shown,
    subject_of_peer,
)
from rackless.fabric.engines import patroni
from rackless.model.errors import InputError

LONG = timedelta(days=30)


def certified(folder: Path, fabric: str, name: str, *, ago: timedelta = timedelta(0), authority: Path | None = None) -> Pair:
    """A node's pair in a folder, signed by the authority there."""
    signing = Authority(authority or folder)
    folder.mkdir(parents=True, exist_ok=True)
    signing.certificate.parent.mkdir(parents=True, exist_ok=True)
    signing.make(fabric)
    subject = Subject(fabric=fabric, purpose=Purpose.NODE, name=name)
    key, request = new_request(subject)
    text = signing.sign(request, subject, names_of(subject, "127.0.0.1"), begins=datetime.now(UTC) - ago, lasts=LONG)
    pair = Pair(certificate=folder / f"{name}.crt", key=folder / f"{name}.key")
    pair.certificate.write_text(text)
    pair.key.write_bytes(key)
    return pair


async def met(server: ssl.SSLContext, client: ssl.SSLContext) -> Subject | None:
    """Whom the server saw, if the two came to speak."""
    seen: list[Subject | None] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(subject_of_peer(writer.get_extra_info("peercert")))
        writer.write(b"x")
        writer.close()

    listening = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=server)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            assert await reader.read(1)
            writer.close()
        except (OSError, AssertionError):
            return None
    return seen[0]


async def test_nodes_of_one_fabric_know_each_other(tmp_path: Path) -> None:
    one = certified(tmp_path, "f-1", "n-1")
    two = certified(tmp_path, "f-1", "n-2")
    ca = tmp_path / "ca.crt"
    found = await met(server_context(ca, one), client_context(ca, two))
    assert found == Subject(fabric="f-1", purpose=Purpose.NODE, name="n-2")


async def test_a_node_of_another_fabric_is_not_heard(tmp_path: Path) -> None:
    mine = certified(tmp_path / "a", "f-1", "n-1")
    other = certified(tmp_path / "b", "f-2", "n-1")
    trusting = client_context(tmp_path / "a" / "ca.crt", other)
    assert await met(server_context(tmp_path / "a" / "ca.crt", mine), trusting) is None


async def test_an_expired_certificate_is_not_heard_and_says_why(tmp_path: Path) -> None:
    mine = certified(tmp_path, "f-1", "n-1")
    old = certified(tmp_path, "f-1", "n-2", ago=LONG + timedelta(days=1))
    ca = tmp_path / "ca.crt"
    assert await met(server_context(ca, mine), client_context(ca, old)) is None
    assert "ended on" in shown(old.certificate.read_text()).refused("f-1", datetime.now(UTC))
    assert "clock" in shown(mine.certificate.read_text()).refused("f-1", datetime.now(UTC) - timedelta(days=2))
    assert "f-1, not of f-2" in shown(mine.certificate.read_text()).refused("f-2", datetime.now(UTC))
    assert not shown(mine.certificate.read_text()).refused("f-1", datetime.now(UTC))


async def test_nobody_comes_without_a_certificate_where_one_is_asked_for(tmp_path: Path) -> None:
    mine = certified(tmp_path, "f-1", "n-1")
    ca = tmp_path / "ca.crt"
    assert await met(server_context(ca, mine), client_context(ca, None)) is None


def test_of_a_request_only_the_key_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.make("f-1")
    _, request = new_request(Subject(fabric="f-9", purpose=Purpose.NODE, name="n-root"))
    subject = Subject(fabric="f-1", purpose=Purpose.APPLICATION, name="n-3")
    found = shown(authority.sign(request, subject, ["n-3"]))
    assert found.subject == subject
    assert subject.rfc2253 == "CN=n-3,OU=application,O=f-1"
    with pytest.raises(InputError):
        authority.sign("nonsense", subject, [])


def test_keys_are_nobody_elses_to_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.make("f-1")
    assert authority.key.stat().st_mode & 0o777 == 0o600


def test_a_token_is_good_once_for_a_while_and_for_its_node() -> None:
    token, kept = tokens.new("f-1", ["10.0.0.11:9445"], "AA:BB", "n2", now=1000.0)
    again = tokens.read(f"  {token}\n")
    assert again == token
    assert tokens.same(kept, again.secret)
    assert not tokens.same(kept, again.secret + "x")
    assert again.secret not in repr(kept)
    assert again.secret not in kept.hash
    assert not kept.refusal(1000.0 + tokens.LASTS)
    assert "ended" in kept.refusal(1001.0 + tokens.LASTS)
    for wrong in ("", "x", "rlfabric1.???", "rlfabric1.e30"):
        with pytest.raises(InputError):
            tokens.read(wrong)


def watched(*looks: tuple[float, int, int]) -> hurrying.Watched:
    """After looks at (seconds, seconds left of lease 7, etcd's term)."""
    found = hurrying.Watched()
    for now, left, term in looks:
        found = hurrying.look(found, lease=7, left=left, term=term, now=now)
    return found


def test_a_lease_that_is_renewed_is_never_overdue() -> None:
    looks = [(t / 2, patroni.TTL - (t // 2) % patroni.LOOP_WAIT, 1) for t in range(200)]
    assert not hurrying.overdue(watched(*looks))


def test_one_that_nobody_renews_is_overdue_after_its_owner_gave_up_and_long_before_it_ends() -> None:
    fresh = [(t / 2, patroni.TTL, 1) for t in range(4)]
    looks = fresh + [(2 + t / 2, patroni.TTL - t // 2, 1) for t in range(1, 40)]
    moments = [looks[n][0] for n in range(1, len(looks)) if hurrying.overdue(watched(*looks[: n + 1]))]
    least = patroni.LOOP_WAIT + 2 * patroni.RETRY
    assert min(moments) - 2 > least
    assert looks[[t for t, _, _ in looks].index(min(moments))][1] > 5


def test_another_leader_of_etcd_gives_a_dead_primary_no_more_time() -> None:
    looks = [(0.0, 20, 1), (1.0, 19, 1), (2.0, 18, 1), (3.0, 17, 1), (4.0, 16, 1), (5.0, 15, 1), (6.0, 14, 1), (7.0, 13, 1)]
    after = [(8.0, 20, 2), (9.0, 19, 2), (10.0, 18, 2), (11.0, 17, 2), (12.0, 16, 2), (13.0, 15, 2), (14.0, 14, 2)]
    assert hurrying.overdue(watched(*looks, *after))


def test_who_was_frozen_itself_takes_its_own_absence_for_nobodys() -> None:
    assert not hurrying.overdue(watched((0.0, 20, 1), (60.0, 12, 1), (61.0, 11, 1)))
