"""The first start of an appliance: menu, unattended, cut off half way; on a folder in place of the machine's root."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rackless.appliance import first_start, menu, ova
from rackless.appliance.first_start import Node
from rackless.model.errors import InputError, StateError

SHADOW = "root:*:20000:0:99999:7:::\nadmin:!:20000:0:99999:7:::\n"
FIRST = {
    "hostname": "one",
    "address": "10.0.0.11/24",
    "gateway": "10.0.0.1",
    "dns": "10.0.0.2",
    "ntp": "10.0.0.3 ntp.example.net",
    "role": "first",
    "virtual-ip": "10.0.0.10",
    "password": "correct horse",
}
LARGE = {"processors": 4, "memory": 8 << 30, "data": [40 << 30]}


class Script:
    """A person who types these lines, and leaves."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.said, self.hidden = list(lines), [], []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        self.said.append(prompt)
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if hidden:
            self.hidden.append(line)
        return line

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return made(tmp_path / "root")


def made(root: Path, machine: dict[str, object] | None = None) -> Node:
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/shadow").write_text(SHADOW)
    (root / "machine.json").write_text(json.dumps(machine or LARGE))
    return Node(root)


def steps(node: Node) -> list[str]:
    path = node.root / "steps.log"
    return [" ".join(json.loads(line)["words"]) for line in path.read_text().splitlines()] if path.exists() else []


def seed(node: Node, text: str) -> None:
    (node.root / "media/cdrom").mkdir(parents=True)
    (node.root / "media/cdrom/user-data").write_text(text)


def everything(root: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in root.rglob("*") if path.is_file())


MENU = (
    "1",
    "one",
    "2",
    "10.0.0.11/24",
    "3",
    "10.0.0.1",
    "4",
    "10.0.0.2",
    "5",
    "10.0.0.3 ntp.example.net",
    "6",
    "2",
    "7",
    "10.0.0.10",
)


async def test_a_first_node_is_set_up_by_the_menu(node: Node) -> None:
    await first_start.boot(node, Script())
    assert not (node.root / "run/rackless-appliance/set-up").exists()
    person = Script(*MENU, "8", "correct horse", "correct horse", "a")
    assert await first_start.console(node, person) == 0
    assert person.hidden == ["correct horse", "correct horse"]
    assert "Set up as first. Web page: https://10.0.0.10/" in person.text
    assert node.finished
    done = steps(node)
    init = (
        "rackless-fabric init --node one --address 10.0.0.11 --ntp 10.0.0.3 --ntp ntp.example.net --set-clock "
        "--virtual-address 10.0.0.10/24"
    )
    assert init in done
    assert done.index("systemctl restart systemd-networkd.service") < done.index(init) < done.index("systemctl start ssh.service")
    network = (node.root / "run/systemd/network/10-rackless.network").read_text()
    assert "Address=10.0.0.11/24\nDHCP=no" in network
    assert "Gateway=10.0.0.1\nDNS=10.0.0.2\n" in network
    assert "admin:$6$" in (node.root / "run/rackless-appliance/etc/shadow").read_text()
    assert first_start.status(node)["web_and_ssh"] is True


async def test_nothing_that_is_secret_stays_after_the_set_up(node: Node) -> None:
    await first_start.console(node, Script(*MENU, "8", "correct horse", "correct horse", "a"))
    assert "correct horse" not in everything(node.root)
    assert (node.home.stat().st_mode & 0o777, (node.home / "answers.json").stat().st_mode & 0o777) == (0o700, 0o600)


async def test_a_menu_with_wrong_answers_is_not_applied(node: Node) -> None:
    person = Script("a", "2", "10.0.0.0/24", "zzz", "99", "7", "correct horse", "correct horsf", "a", "q")
    assert await first_start.console(node, person) == 0
    assert person.text.count("Not yet: see the lines with `!`.") == 2
    assert "! Address: 10.0.0.0/24 is the network's own" in person.text
    assert "The two are not the same; nothing was changed." in person.text
    assert "'zzz' is none of the choices." in person.text
    assert steps(node) == []
    assert not node.finished


async def test_answers_of_a_role_that_was_left_do_not_stand_in_the_way(node: Node) -> None:
    person = Script(*MENU, "6", "single", "7", "correct horse", "correct horse", "a")
    await first_start.console(node, person)
    assert "Set up as single" in person.text
    assert "systemctl start rackless.service" in steps(node)
    assert not any("fabric" in step for step in steps(node))


async def test_an_appliance_is_set_up_by_ovf_properties_without_anybody(node: Node) -> None:
    (node.root / "media/cdrom").mkdir(parents=True)
    (node.root / "media/cdrom/ovf-env.xml").write_bytes(ova.environment(FIRST))
    told = Script()
    await first_start.boot(node, told)
    assert "Answers came with the OVF's properties." in told.text
    assert await first_start.finish(node, told) == 0
    assert any("rackless-fabric init --node one" in step for step in steps(node))
    # The disc stays in the drive, and what it says later changes nothing.
    (node.root / "media/cdrom/ovf-env.xml").write_bytes(ova.environment({**FIRST, "hostname": "other"}))
    await first_start.boot(node, told)
    assert first_start.status(node)["name"] == "one"


async def test_a_node_that_joins_by_a_seed_gives_its_token_by_standard_input_only(node: Node) -> None:
    seed(
        node,
        "#cloud-config\nhostname: two\nntp: {servers: [10.0.0.3]}\nrackless: {address: 10.0.0.12/24, role: join, "
        "token: rlj-secret, password: correct horse}\n",
    )
    told = Script()
    await first_start.boot(node, told)
    assert await first_start.finish(node, told) == 0
    lines = [json.loads(line) for line in (node.root / "steps.log").read_text().splitlines()]
    (joined,) = [line for line in lines if "join" in line["words"]]
    assert joined["stdin"] == "token"
    assert "rlj-secret" not in " ".join(joined["words"]) + told.text
    assert not (node.home / "secrets.json").exists()
    assert not any("web-admin" in step for step in steps(node))


async def test_properties_that_do_not_suffice_are_offered_in_the_menu(node: Node) -> None:
    seed(node, "#cloud-config\nhostname: one\nrackless: {address: 10.0.0.11/24}\n")
    told = Script()
    await first_start.boot(node, told)
    assert "the console asks for the rest. Password of admin:" in told.text
    assert await first_start.finish(node, told) == 0
    assert not (node.root / "run/rackless-appliance/set-up").exists()
    person = Script("7", "correct horse", "correct horse", "a")
    await first_start.console(node, person)
    assert "10.0.0.11/24" in person.text
    assert first_start.status(node)["name"] == "one"


async def test_a_seed_that_is_broken_is_told_and_the_menu_comes(node: Node) -> None:
    seed(node, "#cloud-config\nrackless: {adress: 10.0.0.11/24}\n")
    told = Script()
    await first_start.boot(node, told)
    assert "What came with the machine is not taken" in told.text
    assert "'adress'" in told.text
    assert (node.root / "run/systemd/network/10-rackless.network").read_text().count("DHCP=yes") == 1


async def test_a_step_that_fails_is_told_and_may_be_taken_again_with_the_same_answers(node: Node) -> None:
    (node.root / "failing").mkdir()
    (node.root / "failing/fabric").write_text("The clock is not synchronised.")
    person = Script(*MENU, "8", "correct horse", "correct horse", "a")
    with pytest.raises(EOFError):
        await first_start.console(node, person)
    assert "Not set up: A new fabric: The clock is not synchronised." in person.text
    assert not node.finished
    (node.root / "failing/fabric").unlink()
    again = Script("a")
    await first_start.console(node, again)
    assert "(set)" in again.text
    assert node.finished
    assert sum("web-admin" in step for step in steps(node)) == 1


@pytest.mark.parametrize("cut", ["network", "online", "fabric", "web", "ssh"])
async def test_power_that_fails_in_any_step_is_gone_on_with_by_the_next_start(node: Node, cut: str) -> None:
    await node.keep(FIRST)
    before = node.act

    async def act(step, secret="", say=print):
        await before(step, secret, say)
        if step.name == cut:
            raise KeyboardInterrupt  # the step was done; that it was done is not written down

    node.act = act  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await node.finish(node.answers(), Script())
    fresh = Node(node.root)
    await first_start.boot(fresh, Script())
    assert await first_start.finish(fresh, Script()) == 0
    assert fresh.finished
    assert sum("rackless-fabric init" in step for step in steps(fresh)) == (2 if cut == "fabric" else 1)


async def test_a_machine_that_is_too_small_is_told_so_before_anything_is_done(tmp_path: Path) -> None:
    small = made(tmp_path / "root", {"processors": 1, "memory": 1 << 30, "data": []})
    person = Script("6", "first", "q")
    await first_start.console(small, person)
    assert "WARNING  The machine has 1 processor(s), and the role single needs 2" in person.text
    assert "data disks, and the role first needs" in person.text


async def test_two_consoles_do_not_set_it_up_at_once(node: Node) -> None:
    other = Node(node.root)
    with node.alone(), pytest.raises(StateError, match="another console"), other.alone():
        pass


async def test_a_file_of_answers_that_was_cut_is_as_none(node: Node) -> None:
    await node.keep(FIRST)
    (node.home / "answers.json").write_text('{"hostna')
    (node.home / "secrets.json").unlink()
    assert Node(node.root).answers() is None
    await first_start.boot(Node(node.root), Script())


async def test_answers_that_are_wrong_are_never_kept(node: Node) -> None:
    with pytest.raises(InputError):
        await node.keep({**FIRST, "gateway": "10.9.9.9"})
    assert not (node.home / "answers.json").exists()


def test_what_is_hidden_is_shown_as_set_or_not() -> None:
    text = menu.page("T", {**first_start.clean(FIRST)}, (), password_set=False)
    assert "correct horse" not in text
    assert re.search(r"Password of admin +\(set\)", text)


def test_the_program_on_a_terminal_echoes_no_password(tmp_path: Path) -> None:
    node = made(tmp_path / "root")
    reading, line = pty.openpty()
    command = [sys.executable, "-m", "rackless.appliance.first_start", "--root", str(node.root), "console"]
    process = subprocess.Popen(command, stdin=line, stdout=line, stderr=line, start_new_session=True, env=dict(os.environ))
    os.close(line)
    seen = ""

    def until(pattern: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + 60
        while not re.search(pattern, seen):
            assert time.monotonic() < deadline, seen
            if select.select([reading], [], [], 1)[0]:
                seen += os.read(reading, 65536).decode()

    def types(text: str, pattern: str) -> None:
        nonlocal seen
        seen = ""
        os.write(reading, f"{text}\n".encode())
        until(pattern)

    try:
        until("to leave: ")
        types("7", "Password of admin: ")
        types("correct horse", "Once more: ")
        assert "correct" not in seen
        types("correct horse", "to leave: ")
        assert "correct" not in seen
        types("a", "Set up as single")
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(reading)
    assert node.finished


class Late(Script):
    """Somebody else sets the machine up while this person types."""

    def __init__(self, root: Path, *lines: str) -> None:
        super().__init__(*lines)
        self.root, self.first = root, True

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        if self.first:
            self.first = False
            words = [sys.executable, "-m", "rackless.appliance.first_start", "--root", self.root, "console"]
            lines = "\n".join([*MENU, "8", "correct horse", "correct horse", "a", ""])
            subprocess.run(words, input=lines, text=True, check=True, stdout=subprocess.DEVNULL)
        return super().ask(prompt, hidden=hidden)


async def test_who_sits_at_the_other_console_changes_nothing_of_what_was_set_up_meanwhile(node: Node) -> None:
    late = Late(node.root, "7", "another word", "another word", "a")
    assert await first_start.console(node, late) == 0
    assert node.table("answers.json")["role"] == "first"
    assert "was set up on another console" in late.text
