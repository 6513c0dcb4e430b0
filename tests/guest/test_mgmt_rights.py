"""Who may do what, and what is left behind by a commit: the datastore and sessions of the router, in a folder."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GUEST = Path(__file__).resolve().parents[2] / "guest"
if str(GUEST) not in sys.path:
    sys.path.insert(0, str(GUEST))  # the guest's packages are no part of rackless; they run beside it, in the image

from mgmt import check, compare, parse, store, text, tree  # noqa: E402
from mgmt.datastore import Datastore, Refused  # noqa: E402
from mgmt.schema import ROOT  # noqa: E402
from mgmt.session import Session  # noqa: E402
from mgmt.supervisor import Supervisor  # noqa: E402
from mgmt.world import Folder  # noqa: E402

SECRET = "$6$saltsalt$abcdefghijklmnop"
START = f"""
set system root-authentication encrypted-password "{SECRET}"
set system host-name west
set system login user op class operator
set system login user ro class read-only
set system login user su class super-user
set snmp community s3cret
set firewall family inet filter edge term all then accept
"""


class Screen:
    """A channel that keeps what is shown and answers from lists."""

    def __init__(self, *answers: str) -> None:
        self.tty = bool(answers)
        self.echoed = False
        self.shown = ""
        self.answers = list(answers)
        self.asked: list[tuple[str, bool]] = []

    def text(self, text: str, *, paging: bool = False) -> None:
        self.shown += text

    def ask(self, prompt: str, *, echo: bool) -> str | None:
        self.asked.append((prompt, echo))
        return self.answers.pop(0) if self.answers else None

    def run(self, argv: list[str], *, capture: bool) -> tuple[int, str]:
        self.shown += " ".join(argv) + "\n"
        return 0, ""

    def terminal(self) -> str | None:
        return None

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, path: str, text: str) -> None:
        Path(path).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tmp_path / "etc/shadow").write_text("root::20000:0:99999:7:::\n")
    (tmp_path / "answers.json").write_text('{"ip -j addr show": "[]"}')
    return tmp_path


def open_store(root: Path, start: str = "") -> Datastore:
    world = Folder(str(root))
    datastore = Datastore(world, Supervisor(world, print), ROOT, print)
    datastore.start()
    if start:
        datastore.edit(lambda fresh: parse.load_set(start, fresh, ROOT))
        datastore.commit(user="root", via="cli")
    return datastore


def say(datastore: Datastore, user: str, line: str, *answers: str) -> tuple[bool, str]:
    screen = Screen(*answers)
    session = Session(datastore, screen, user)
    done = session.execute(line)
    return done, screen.shown


@pytest.mark.parametrize(
    ("user", "line", "allowed"),
    [
        ("root", "configure", True),
        ("su", "configure", True),
        ("op", "configure", False),
        ("ro", "configure", False),
        ("nobody", "show version", False),
        ("op", "show version", True),
        ("op", "ping 10.0.0.1 count 1", True),
        ("ro", "ping 10.0.0.1 count 1", False),
        ("ro", "show configuration", True),
        ("op", "request system reboot", False),
        ("op", "start shell", False),
        ("ro", "ssh 10.0.0.1", False),
        ("su", "request system reboot", True),
    ],
)
def test_class_decides(root: Path, user: str, line: str, allowed: bool) -> None:
    assert say(open_store(root, START), user, line)[0] is allowed


def test_only_super_users_see_hashes(root: Path) -> None:
    datastore = open_store(root, START)
    assert SECRET in say(datastore, "su", "show configuration")[1]
    for line in ("show configuration", "show configuration | display set", "show configuration system root-authentication"):
        assert SECRET not in say(datastore, "op", line)[1]
        assert "SECRET-DATA" in say(datastore, "op", line)[1]


def test_password_is_asked_twice_without_echo(root: Path) -> None:
    datastore = open_store(root, START)
    for answers, good in ((("Passw0rd", "Passw0rd"), True), (("Passw0rd", "other"), False), (("short", "short"), False)):
        screen = Screen(*answers)
        session = Session(datastore, screen, "root")
        session.execute("configure")
        assert session.execute("set system root-authentication plain-text-password") is good
        assert all(not echo for _, echo in screen.asked)
        assert "Passw0rd" not in screen.shown
    kept = datastore.candidate["system"]["root-authentication"]
    assert list(kept) == ["encrypted-password"]
    import crypt

    assert crypt.crypt("Passw0rd", kept["encrypted-password"]) == kept["encrypted-password"]


def test_empty_root_password_ends_with_the_first_commit(root: Path) -> None:
    datastore = open_store(root)
    assert (root / "etc/shadow").read_text().startswith("root::")
    with pytest.raises(Refused, match="missing mandatory"):
        datastore.commit(user="root", via="cli")
    assert (root / "etc/shadow").read_text().startswith("root::")
    open_store(root, START)
    assert (root / "etc/shadow").read_text().startswith(f"root:{SECRET}:")


def test_failed_commit_changes_no_file(root: Path) -> None:
    datastore = open_store(root, START)
    (root / "answers.json").write_text(
        '{"ip -j addr show": "[]", "start /usr/sbin/sshd -D -f /etc/ssh/sshd_config": {"code": 1}}'
    )
    before = {
        path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name not in ("commands.log", "mgd.log")
    }
    more = "set system host-name other\nset system login user new class operator\nset system services ssh\n"
    more += "set protocols ospf area 0 interface lo0"
    datastore.edit(lambda fresh: parse.load_set(more, fresh, ROOT))
    with pytest.raises(Refused, match="as before"):
        datastore.commit(user="root", via="cli")
    after = {
        path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name not in ("commands.log", "mgd.log")
    }
    changed = {str(path.relative_to(root)) for path in before | after if before.get(path) != after.get(path)}
    assert changed <= {"etc/ssh/sshd_config"}
    assert datastore.active["system"]["host-name"] == "west"
    assert datastore.daemons() == ["snmpd"]


def test_configuration_survives_a_restart_and_a_damaged_file(root: Path) -> None:
    datastore = open_store(root, START)
    datastore.edit(lambda fresh: parse.load_set("set system host-name second", fresh, ROOT))
    datastore.commit(user="su", via="cli", comment="why")
    assert open_store(root).active["system"]["host-name"] == "second"
    assert [(number, commit.user, commit.comment) for number, commit in store.history(Folder(str(root)))] == [
        (0, "su", "why"),
        (1, "root", ""),
    ]
    (root / "config/rackless.conf.gz").write_bytes(b"damaged")
    assert open_store(root).active["system"]["host-name"] == "west"


def test_history_keeps_fifty(root: Path) -> None:
    datastore = open_store(root, START)
    for number in range(55):
        datastore.edit(lambda fresh, number=number: parse.load_set(f"set system host-name h{number}", fresh, ROOT))
        datastore.commit(user="root", via="cli")
    assert [number for number, _ in store.history(Folder(str(root)))] == list(range(50))
    datastore.rollback(49)
    assert datastore.candidate["system"]["host-name"] == "h5"
    assert gzip.decompress((root / "config/rackless.conf.gz").read_bytes()).decode().startswith("## seconds: ")
    assert (root / "config/rackless.conf.gz").stat().st_mode & 0o777 == 0o600


def test_both_text_forms_read_back(root: Path) -> None:
    lines = """
set system login user bob class super-user full-name "a \\"quoted\\" {name}; # x"
set system login user bob authentication encrypted-password "$6$saltsalt$abcdefgh/."
set system services ssh
set interfaces ge-1/0/0 unit 0 family inet6
set interfaces ge-1/0/0 disable
set routing-options static route 0.0.0.0/0 next-hop [ 10.0.0.1 10.0.0.2 ]
set protocols isis interface ge-1/0/0 level 1 disable
set protocols bgp group g family inet unicast
set protocols bgp group g neighbor 2001:db8::1 peer-as 1.5
"""
    first: dict[str, object] = {}
    parse.load_set(lines, first, ROOT)
    second: dict[str, object] = {}
    parse.load_braces(text.as_text(first, ROOT), second, ROOT)
    assert second == first
    third: dict[str, object] = {}
    parse.load_set("\n".join(text.set_lines(first, ROOT)), third, ROOT)
    assert third == first
    assert compare.difference(first, third, ROOT) == []


def test_every_statement_has_a_renderer_that_exists() -> None:
    import mgmt.render

    def leaves(node, path):
        for child in node.children:
            if not child.ignored:
                yield from leaves(child, f"{path} {child.name}") if child.children else [(f"{path} {child.name}", child)]

    for path, node in leaves(ROOT, ""):
        assert node.by in mgmt.render.ORDER, path


def test_unknown_statement_of_a_later_release_is_told(root: Path) -> None:
    with pytest.raises(parse.LoadError) as caught:
        parse.load_braces("system {\n  host-name a;\n  future 1;\n}\n", {}, ROOT)
    assert [fault[:2] for fault in caught.value.faults] == [(3, 3)]


def test_problems_name_the_place() -> None:
    fresh: dict[str, object] = {}
    parse.load_set(START + "set routing-options static route 10.0.0.0/8", fresh, ROOT)
    assert [problem.lines() for problem in check.check(fresh, ROOT)] == [
        ["[edit routing-options static]", "  'route 10.0.0.0/8'", "    Missing mandatory statement: 'next-hop' or 'discard'"]
    ]
    tree.prune(fresh, ROOT)


def test_reference_page_has_the_schema() -> None:
    from mgmt import reference

    page = (GUEST.parent / "docs/reference/router-cli.md").read_text()
    assert page.endswith(reference.table()), "run python3 -m mgmt.reference and put its table at the end of the page"
