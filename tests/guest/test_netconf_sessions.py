"""NETCONF sessions against the real management daemon in a folder: editing, locks, errors, and clients that misbehave."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .netconf_client import BASE, END, HELLO, Netconf
from .test_mgmt_stories import client, router

__all__ = ["router"]

ROOT = 'set system root-authentication encrypted-password "$6$saltsalt$abcdefghijklmnop"'


def edit(inner: str, *, operations: str = "") -> str:
    """An edit-config of the candidate."""
    return (
        f"<edit-config><target><candidate/></target>{operations}"
        f'<config xmlns:nc="{BASE}"><configuration>{inner}</configuration></config></edit-config>'
    )


def eventually(look: object, reason: str) -> None:
    end = time.monotonic() + 20
    while not look():  # type: ignore[operator]
        assert time.monotonic() < end, reason
        time.sleep(0.02)


@pytest.fixture
def session(router: Path) -> Iterator[Netconf]:
    """A session of base:1.1 on a router that has a committed configuration."""
    one = Netconf(router, version=1)
    assert "<ok/>" in one.set(ROOT, "set system host-name west")
    one.ok("<commit/>")
    yield one
    one.close()


def test_hello_says_what_the_router_can(router: Path) -> None:
    one = Netconf(router)
    for capability in ("base:1.0", "base:1.1", "candidate:1.0", "confirmed-commit:1.1", "validate:1.1", "rollback-on-error:1.0"):
        assert f"urn:ietf:params:netconf:{'' if 'base' in capability else 'capability:'}{capability}<" in one.hello
    assert "http://xml.juniper.net/netconf/junos/1.0<" in one.hello
    assert "startup" not in one.hello
    assert "writable-running" not in one.hello


def test_reply_carries_every_attribute_of_the_rpc(router: Path) -> None:
    said = Netconf(router).raw(f'<rpc xmlns="{BASE}" message-id="a&lt;1" xmlns:x="urn:x" x:user="me"><get/></rpc>')
    assert 'message-id="a&lt;1"' in said
    assert 'x:user="me"' in said
    assert 'xmlns:x="urn:x"' in said


def test_chunked_and_marked_framing_say_the_same(router: Path) -> None:
    old, new = Netconf(router), Netconf(router, version=1)
    assert old.rpc("<get-software-information/>") == new.rpc("<get-software-information/>")


# ---- editing


def test_edit_operations(session: Netconf) -> None:
    name = "<system><host-name{}>{}</host-name></system>"
    session.ok(edit(name.format("", "east")))
    assert "<host-name>east</host-name>" in session.candidate()
    assert "<host-name>west</host-name>" in session.running()
    assert "<error-tag>data-exists</error-tag>" in session.rpc(edit(name.format(' nc:operation="create"', "north")))
    session.ok(edit(name.format(' nc:operation="delete"', "")))
    assert "host-name" not in session.candidate()
    assert "<error-tag>data-missing</error-tag>" in session.rpc(edit(name.format(' nc:operation="delete"', "")))
    session.ok(edit(name.format(' nc:operation="remove"', "")))
    session.ok("<discard-changes/>")
    assert "<host-name>west</host-name>" in session.candidate()


def test_replace_takes_only_its_part_away(session: Netconf) -> None:
    session.set("set interfaces ge-0/0/0 description old", "set interfaces ge-0/0/1 description other")
    one = '<interfaces><interface nc:operation="replace"><name>ge-0/0/0</name><mtu>2000</mtu></interface></interfaces>'
    session.ok(edit(one))
    said = session.candidate()
    assert "<mtu>2000</mtu>" in said
    assert "<description>other</description>" in said
    assert "<description>old</description>" not in said
    session.ok(edit("<system><host-name>only</host-name></system>", operations="<default-operation>replace</default-operation>"))
    assert "interfaces" not in session.candidate()


def test_default_operation_none_changes_nothing_by_itself(session: Netconf) -> None:
    none = "<default-operation>none</default-operation>"
    session.ok(edit('<system><host-name nc:operation="merge">east</host-name></system>', operations=none))
    assert "<host-name>east</host-name>" in session.candidate()
    assert "data-missing" in session.rpc(
        edit("<interfaces><interface><name>ge-0/0/7</name></interface></interfaces>", operations=none)
    )


def test_errors_say_where_and_change_nothing(session: Netconf) -> None:
    before = session.rpc('<get-configuration format="set"/>')
    said = session.rpc(edit("<system><host-name>east</host-name><nonsense/></system>"))
    assert "<error-tag>unknown-element</error-tag>" in said
    assert "<bad-element>nonsense</bad-element>" in said
    assert "<error-path>[edit system]</error-path>" in said
    assert session.rpc('<get-configuration format="set"/>') == before
    both = "<system><host-name>east</host-name><nonsense/></system>"
    assert "unknown-element" in session.rpc(edit(both, operations="<error-option>continue-on-error</error-option>"))
    assert "<host-name>east</host-name>" in session.candidate()


def test_test_only_changes_nothing(session: Netconf) -> None:
    session.ok(edit("<system><host-name>east</host-name></system>", operations="<test-option>test-only</test-option>"))
    assert "<host-name>west</host-name>" in session.candidate()


def test_subtree_filters(session: Netconf) -> None:
    session.set("set interfaces ge-0/0/0 description a", "set interfaces ge-0/0/1 description b")
    session.ok("<commit/>")
    interface = "<interface><name>ge-0/0/1</name></interface>"
    filter_ = f'<filter type="subtree"><configuration><interfaces>{interface}</interfaces></configuration></filter>'
    said = session.rpc(f"<get-config><source><running/></source>{filter_}</get-config>")
    assert "<description>b</description>" in said
    assert "ge-0/0/0" not in said
    assert "host-name" not in said
    assert "operation-not-supported" in session.rpc('<get><filter type="xpath" select="/a"/></get>')


@pytest.mark.parametrize(
    ("operation", "tag"),
    [
        ("<get-config><source><startup/></source></get-config>", "operation-not-supported"),
        ("<get-config/>", "missing-element"),
        ("<edit-config><target><running/></target><config/></edit-config>", "operation-not-supported"),
        ("<delete-config><target><running/></target></delete-config>", "operation-not-supported"),
        ("<kill-session><session-id>9999</session-id></kill-session>", "invalid-value"),
        ("<cancel-commit/>", "operation-failed"),
        ("<unlock><target><candidate/></target></unlock>", "operation-failed"),
        ("<commit><confirmed/><confirm-timeout>soon</confirm-timeout></commit>", "invalid-value"),
        ("<commit-configuration><at-time>10:00</at-time></commit-configuration>", "operation-not-supported"),
        ("<no-such-thing/>", "operation-failed"),
        ("<get-route-information><nonsense/></get-route-information>", "operation-failed"),
        ("<get-arp-table-information/><get/>", "bad-element"),
        ('<command format="yaml">show version</command>', "bad-attribute"),
        ("<command>configure</command>", "operation-not-supported"),
    ],
)
def test_what_is_refused(session: Netconf, operation: str, tag: str) -> None:
    said = session.rpc(operation)
    assert f"<error-tag>{tag}</error-tag>" in said
    assert "<error-severity>error</error-severity>" in said
    session.ok("<validate><source><candidate/></source></validate>")


def test_failed_commit_tells_each_fault_and_keeps_the_candidate(session: Netconf) -> None:
    session.set("delete system root-authentication")
    said = session.rpc("<commit/>")
    assert "<error-path>[edit]</error-path>" in said
    assert "<bad-element>system</bad-element>" in said
    assert "Missing mandatory statement: 'root-authentication'" in said
    assert "root-authentication" in session.running()
    assert "root-authentication" not in session.candidate()


def test_load_formats_and_rollback(session: Netconf) -> None:
    load = "<load-configuration {}>{}</load-configuration>"
    for name, attributes, inner in (
        ("a", 'format="text"', "<configuration-text>system { host-name a; }</configuration-text>"),
        ("b", 'format="json"', '<configuration-json>{"configuration": {"system": {"host-name": "b"}}}</configuration-json>'),
        ("c", 'action="replace"', "<configuration><system><host-name>c</host-name></system></configuration>"),
        ("d", 'action="set"', "<configuration-set>set system host-name d</configuration-set>"),
    ):
        assert "<ok/>" in session.rpc(load.format(attributes, inner)), attributes
        assert f"<host-name>{name}</host-name>" in session.candidate()
    compared = session.rpc('<get-configuration compare="rollback" rollback="0" format="text"/>')
    assert "-  host-name west;" in compared
    assert "+  host-name d;" in compared
    assert "<commit-success/>" in session.rpc("<commit-configuration><log>four</log></commit-configuration>")
    assert "<ok/>" in session.rpc('<load-configuration rollback="1"/>')
    assert "<host-name>west</host-name>" in session.candidate()
    assert "<log>four</log>" in session.rpc("<get-commit-information/>")


def test_an_answer_without_text_has_an_element_all_the_same(session: Netconf) -> None:
    """Clients take the text of `output` and strip it; without the element, or without text in it, they fail."""
    said = session.rpc('<command format="text">show route 203.0.113.0/24</command>')
    assert "<output>\n</output>" in said


def test_bad_load_says_line_and_word(session: Netconf) -> None:
    said = session.set("set system host-name x", "set system nonsense y")
    assert "<bad-element>nonsense</bad-element>" in said
    assert "line 2:(12)" in said
    assert "<load-error-count>1</load-error-count>" in said
    assert "<host-name>west</host-name>" in session.candidate()


# ---- locks and ends


def test_bridge_domains_by_rpc(session: Netconf) -> None:
    assert "<ok/>" in session.set("set bridge-domains ten vlan-id 10")
    session.ok("<commit/>")
    asked = "<get-bridge-instance-information><bridge-domain-name>{}</bridge-domain-name></get-bridge-instance-information>"
    said = session.rpc(asked.format("ten"))
    assert "<l2rtb-bridging-domain>ten</l2rtb-bridging-domain>" in said
    assert "<l2rtb-bridge-vlan>10</l2rtb-bridge-vlan>" in said
    assert "bridge domain eleven not found" in session.rpc(asked.format("eleven"))
    assert "<l2ald-rtb-macdb/>" in session.rpc("<get-bridge-mac-table/>")
    assert "rpc-error" not in session.rpc("<clear-bridge-mac-table/>")


def test_lock_keeps_others_out_until_its_session_ends(session: Netconf, router: Path) -> None:
    other = Netconf(router)
    session.ok("<lock><target><candidate/></target></lock>")
    session.set("set system host-name mine")
    said = other.rpc("<lock><target><candidate/></target></lock>")
    assert "<error-tag>lock-denied</error-tag>" in said
    assert f"<session-id>{session.number}</session-id>" in said
    assert "rpc-error" in other.set("set system host-name theirs")
    assert "rpc-error" in other.rpc("<commit/>")
    session.close()  # without a word
    eventually(lambda: other.rpc("<lock><target><candidate/></target></lock>") == "<ok/>\n", "the lock was not given back")
    assert "<host-name>west</host-name>" in other.candidate()


def test_client_that_vanishes_leaves_no_changes(session: Netconf, router: Path) -> None:
    session.set("set system host-name half-done")
    session.close()
    other = Netconf(router)
    eventually(lambda: "<host-name>west</host-name>" in other.candidate(), "changes of a client that vanished stay")


def test_client_that_vanishes_spares_what_others_left(session: Netconf, router: Path) -> None:
    assert client(router, "-c", "configure; set system host-name left").stdout == ""
    other = Netconf(router)
    other.set("set interfaces ge-0/0/0 description mine")
    other.close()
    eventually(lambda: f"session {other.number}," not in client(router, "-c", "show system users").stdout, "the session stays")
    assert "<host-name>left</host-name>" in session.candidate()


def test_client_that_vanishes_in_a_commit(session: Netconf, router: Path) -> None:
    session.ok("<lock><target><candidate/></target></lock>")
    session.set("set system host-name north")
    session.send(f'<rpc xmlns="{BASE}" message-id="1"><commit/></rpc>')
    session.close()
    other = Netconf(router)
    eventually(lambda: other.rpc("<lock><target><candidate/></target></lock>") == "<ok/>\n", "the lock was not given back")
    assert other.running().count("<host-name>") == 1
    assert re.findall("<host-name>(.*)</host-name>", other.candidate()) == re.findall(
        "<host-name>(.*)</host-name>", other.running()
    )


def test_kill_session(session: Netconf, router: Path) -> None:
    other = Netconf(router)
    other.ok("<lock><target><candidate/></target></lock>")
    session.ok(f"<kill-session><session-id>{other.number}</session-id></kill-session>")
    assert other.ended()
    eventually(lambda: session.rpc("<lock><target><candidate/></target></lock>") == "<ok/>\n", "a killed session keeps its lock")


def test_confirmed_commit_ends_with_its_session_unless_it_persists(session: Netconf, router: Path) -> None:
    session.set("set system host-name north")
    session.ok("<commit><confirmed/></commit>")
    session.close()
    other = Netconf(router)
    eventually(lambda: "<host-name>west</host-name>" in other.running(), "a confirmed commit outlives its session")
    other.set("set system host-name south")
    other.ok("<commit><confirmed/><persist>key</persist></commit>")
    other.close()
    third = Netconf(router)
    assert "<host-name>south</host-name>" in third.running()
    assert "invalid-value" in third.rpc("<commit/>")
    third.ok("<commit><persist-id>key</persist-id></commit>")
    assert "<host-name>south</host-name>" in third.running()
    third.set("set system host-name gone")
    third.ok("<commit><confirmed/></commit>")
    third.ok("<cancel-commit/>")
    assert "<host-name>south</host-name>" in third.running()


def test_private_candidates_are_apart(session: Netconf, router: Path) -> None:
    other = Netconf(router)
    assert "discarded on exit" in other.rpc("<open-configuration><private/></open-configuration>")
    other.set("set system host-name private")
    assert "<host-name>west</host-name>" in session.candidate()
    other.ok("<close-configuration/>")
    assert "<host-name>west</host-name>" in other.candidate()


# ---- misbehaviour


@pytest.mark.parametrize(
    "text",
    [
        "<rpc",
        "<rpc><get></rpc>",
        "not xml at all",
        "<notrpc/>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><rpc><get>&b;</get></rpc>',
        '<!DOCTYPE x SYSTEM "file:///etc/shadow"><rpc><get/></rpc>',
        "<rpc>" + "<a>" * 200 + "</a>" * 200 + "</rpc>",
        "<rpc><get>\x01</get></rpc>",
    ],
)
def test_malformed_messages_are_answered_and_the_session_goes_on(session: Netconf, text: str) -> None:
    assert "<error-tag>malformed-message</error-tag>" in session.raw(text)
    assert "<host-name>west</host-name>" in session.running()


def test_broken_chunks_end_the_session_only(session: Netconf, router: Path) -> None:
    session.sock.sendall(b"\n#0\n")
    assert "malformed-message" in session.until(b"\n##\n")
    assert session.ended()
    assert "<host-name>west</host-name>" in Netconf(router).running()


def test_message_beyond_the_limit(router: Path) -> None:
    one = Netconf(router)
    piece = b"<!-- " + b"x" * 65526 + b" -->"
    try:
        for _ in range(300):
            one.sock.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the router has had enough
    assert one.ended()
    assert "<rpc-reply" in Netconf(router).raw(f'<rpc xmlns="{BASE}" message-id="1"><get/></rpc>')


@pytest.mark.parametrize("said", ["<hello/>", "rubbish", "<hello><capabilities/></hello>", f'<rpc xmlns="{BASE}"><get/></rpc>'])
def test_bad_hello_ends_the_session(router: Path, said: str) -> None:
    one = Netconf(router, greet=False)
    one.until(END)
    one.sock.sendall(said.encode() + END)
    assert "malformed-message" in one.until(END)
    assert one.ended()


def test_a_thousand_opens(router: Path) -> None:
    """Beyond the limit each is told why; those that have a place work, and all places come back."""

    def attempt(_: int) -> tuple[str, Netconf]:
        one = Netconf(router, greet=False)
        return one.until(END), one

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(attempt, range(1000)))
    refused = [text for text, _ in found if "<rpc-error>" in text]
    served = [one for text, one in found if "<hello" in text]
    assert len(served) == 32
    assert len(refused) == 968
    assert all("no more than 32 NETCONF sessions at a time" in text for text in refused)
    served[0].sock.sendall(HELLO.format(0).encode() + END)
    assert "<data>" in served[0].rpc("<get/>")
    for _, one in found:
        one.close()
    eventually(lambda: "<hello" in attempt(0)[0], "no place came back")
    assert "Hostname" in client(router, "-c", "show version").stdout


def test_slow_reader_holds_nobody_up(session: Netconf, router: Path) -> None:
    session.set(*(f"set interfaces ge-0/0/{port} description {'x' * 200}" for port in range(10)))
    session.ok("<commit/>")
    slow = Netconf(router)

    def flood() -> None:
        try:
            for _ in range(3000):
                slow.send(f'<rpc xmlns="{BASE}" message-id="1"><get/></rpc>')
        except OSError:
            pass  # closed below

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert "<host-name>west</host-name>" in session.running()
    session.set("set system host-name east")
    session.ok("<commit/>")
    slow.close()
    thread.join(30)
    assert not thread.is_alive()
