"""Framing and parser of the NETCONF server against anything at all (hypothesis), and what each class of user may do."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .test_mgmt_rights import START, open_store, root

GUEST = Path(__file__).resolve().parents[2] / "guest"
if str(GUEST) not in sys.path:
    sys.path.insert(0, str(GUEST))  # the guest's packages are no part of rackless; they run beside it, in the image

from mgmt.netconf import framing, operations  # noqa: E402
from mgmt.netconf.server import Client  # noqa: E402
from mgmt.xmltree import BadXml, Element, parse, write  # noqa: E402

__all__ = ["root"]

MESSAGES = st.lists(st.binary(min_size=1, max_size=200).filter(lambda data: framing.END not in data), max_size=6)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def taken(data: bytes, cuts: list[int], *, chunked: bool, largest: int = framing.LARGEST) -> list[bytes]:
    """The messages in bytes that come in pieces of these sizes."""
    frames = framing.Frames(largest)
    frames.chunked = chunked
    found = []
    turn = 0
    while data:
        size = cuts[turn % len(cuts)]
        turn += 1
        frames.feed(data[:size])
        data = data[size:]
        while (message := frames.next()) is not None:
            found.append(message)
    return found


@given(MESSAGES, CUTS)
def test_messages_come_whole_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    chunked = b"".join(framing.framed(message, chunked=True) for message in messages)
    assert taken(chunked, cuts, chunked=True) == messages
    marked = b"".join(message + framing.END for message in messages)
    # A message that ends as the mark begins makes the mark end earlier; that is the peer's, RFC 4742 says so itself.
    if not any(message.endswith(b"]") for message in messages):
        assert taken(marked, cuts, chunked=False) == messages


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), CUTS)
def test_a_message_of_many_chunks_is_one(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(b"\n#%d\n%s" % (len(part), part) for part in parts) + b"\n##\n"
    assert taken(data, cuts, chunked=True) == [b"".join(parts)]


PIECES = [b"\n#", b"1", b"0", b"\n", b"##", b"]]>]]>", b"x" * 9, b"\n##\n", b"4294967296"]
HOSTILE = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
)


@given(HOSTILE, CUTS, st.booleans())
def test_any_bytes_are_messages_or_broken(data: bytes, cuts: list[int], chunked: bool) -> None:
    try:
        found = taken(data, cuts, chunked=chunked, largest=100)
    except framing.Broken:
        return
    assert sum(map(len, found)) <= len(data)
    assert all(len(message) <= 100 for message in found)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="<>/&;!?'\" abc:=[]#x1", max_size=200).map(str.encode)))
def test_any_text_is_a_tree_or_bad_xml(data: bytes) -> None:
    try:
        found = parse(data)
    except BadXml:
        return
    assert all(isinstance(one.tag, str) and one.tag for one in found.walk())


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]).filter(lambda sign: sign not in "￾￿"), max_size=20)
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
LEAF = st.builds(lambda tag, text, value: Element(tag, text, attributes={"a": value}), NAME, TEXT, TEXT)
TREES = st.recursive(
    LEAF, lambda inner: st.builds(lambda tag, many: Element(tag, "", *many), NAME, st.lists(inner, min_size=1, max_size=4))
)


@given(TREES)
def test_what_is_written_is_read_back(tree: Element) -> None:
    def plain(one: Element) -> object:
        return one.tag, one.text, one.attributes, [plain(child) for child in one.children]

    assert plain(parse(write(tree))) == plain(tree)


# ---- rights


def ask(root: Path, user: str, operation: str) -> str:
    """The reply to one operation of a user."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Client(ours, open_store(root, START), user, print)
        client.session.datastore.sessions[client.session.number] = client.session
        return client.answer(f'<rpc message-id="1">{operation}</rpc>'.encode())


SYSTEM = "<configuration><system><host-name>x</host-name></system></configuration>"
EDIT = f"<edit-config><target><candidate/></target><config>{SYSTEM}</config></edit-config>"


@pytest.mark.parametrize(
    "operation",
    [
        EDIT,
        "<commit/>",
        "<discard-changes/>",
        "<delete-config><target><candidate/></target></delete-config>",
        "<lock><target><candidate/></target></lock>",
        '<load-configuration action="set"><configuration-set>set system host-name x</configuration-set></load-configuration>',
        '<load-configuration rollback="0"/>',
        "<commit-configuration><check/></commit-configuration>",
        "<lock-configuration/>",
        "<open-configuration><private/></open-configuration>",
        "<request-shell-execute><command>id</command></request-shell-execute>",
        "<request-save-rescue-configuration/>",
        "<kill-session><session-id>1</session-id></kill-session>",
        "<request-reboot/>",
        "<command>request system reboot</command>",
    ],
)
@pytest.mark.parametrize("user", ["ro", "op", "nobody"])
def test_who_may_only_look_changes_nothing(root: Path, user: str, operation: str) -> None:
    said = ask(root, user, operation)
    assert "<rpc-error>" in said
    assert "<ok/>" not in said
    log = (root / "commands.log").read_text() if (root / "commands.log").exists() else ""
    assert "reboot" not in log


def test_only_those_who_configure_see_secrets(root: Path) -> None:
    asked = "<get-configuration/>", '<get-configuration format="text"/>', '<get-configuration format="json"/>', "<get/>"
    for operation in (*asked, '<command format="text">show configuration</command>', "<command>show configuration</command>"):
        said = ask(root, "ro", operation)
        assert "west" in said
        assert "saltsalt" not in said, operation
        assert "saltsalt" in ask(root, "su", operation)


def test_a_user_without_a_class_gets_nothing(root: Path) -> None:
    for operation in ("<get-software-information/>", "<get/>", "<command>show version</command>"):
        assert "<error-tag>access-denied</error-tag>" in ask(root, "nobody", operation)


def test_operator_clears_but_read_only_does_not(root: Path) -> None:
    assert "<rpc-error>" in ask(root, "ro", "<clear-arp-table/>")
    assert "<rpc-error>" not in ask(root, "op", "<clear-arp-table/>")
    assert "ip -4 neighbor flush all" in (root / "commands.log").read_text()


# ---- the table of commands


def test_every_rpc_of_the_table_answers_in_each_form(root: Path) -> None:
    arguments = {
        "file-show": "<filename>/etc/passwd</filename>",
        "file-copy": "<source>/etc/passwd</source><destination>/etc/copy</destination>",
        "file-rename": "<source>/etc/shadow</source><destination>/etc/moved</destination>",
        "file-delete": "<path>/answers.json</path>",
        "file-list": "<path>/etc</path>",
        "file-archive": "<source>/etc/passwd</source><destination>/etc/archive</destination>",
        "clear-firewall-counters": "<filter>edge</filter>",
        "get-firewall-filter-information": "<filtername>edge</filtername>",
        "get-checksum-information": "<path>/etc/passwd</path>",
        "get-sha1-checksum-information": "<path>/etc/passwd</path>",
        "get-sha256-checksum-information": "<path>/etc/passwd</path>",
        "ping": "<host>127.0.0.1</host><count>1</count>",
        "traceroute": "<host>127.0.0.1</host>",
    }
    for name in operations.table():
        for form in ("xml",) if name in ("file-archive", "file-copy", "file-rename", "file-delete") else ("xml", "text", "json"):
            said = ask(root, "root", f'<{name} format="{form}">{arguments.get(name, "")}</{name}>')
            reply = parse(said)
            assert reply.tag == "rpc-reply"
            if "vmhost" in name:
                # Below this router is no VM host; those of which something is missing say that first.
                assert any(why in said for why in ("no VM host is below this router", " are needed", " is missing")), said
                continue
            assert "<rpc-error>" not in said, said
            if form == "json":
                assert reply.text.strip().startswith("{")
            elif reply.children:
                assert (reply.children[0].tag == "output") >= (form == "text")
