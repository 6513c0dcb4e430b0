"""Ports, configuration and community over SSH, against an SSH server on the loopback that plays the router."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh
import pytest

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, DeadlineError, GuestError, InputError
from rackless.routers import operation
from rackless.routers.reference import ReferenceRouter
from rackless.shell.connections import Connections
from rackless.shell.ssh import SshTarget, connect, wait_ssh

PASSWORD = "Root-Secret-123"


class Server(asyncssh.SSHServer):
    def __init__(self, router: Router) -> None:
        self._router = router

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._router.connections.append(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._router.ended.set()

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("root", PASSWORD)


class Router:
    """Its Unix shell knows `ifconfig` and `cli`; each look at the interfaces shows one port more."""

    def __init__(self) -> None:
        self.most = 99
        self.looks = 0
        self.config = ["set system host-name west"]
        self.commands: list[str] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.ended = asyncio.Event()

    async def start(self) -> SshTarget:
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.server = await asyncssh.create_server(
            lambda: Server(self), "127.0.0.1", 0, server_host_keys=[key], process_factory=self.process, encoding="utf-8"
        )
        public = key.export_public_key().decode()
        return SshTarget(host="127.0.0.1", port=self.server.get_port(), password=PASSWORD, host_keys=(public,))

    async def process(self, process: asyncssh.SSHServerProcess) -> None:
        command = process.command or ""
        self.commands.append(command)
        if command.startswith("ifconfig -a"):
            process.stdout.write(self.ifconfig())
            process.exit(0)
        elif command == "cli":
            process.exit(await self.cli(process))
        elif command == "stuck":
            await process.stdin.read()
        else:
            columns, rows, *_ = process.term_size
            process.stdout.write(f"{process.term_type} {columns}x{rows}\n")
            while not process.stdin.at_eof():
                with contextlib.suppress(asyncssh.TerminalSizeChanged):
                    line = await process.stdin.readline()
                    process.stdout.write(f"{line.strip()} {process.term_size[0]}\n")
            process.exit(3)

    def ifconfig(self) -> str:
        self.looks += 1
        names = [f"ge-{card}-0-{port}" for card in (0, 1) for port in (0, 1)][: min(self.looks, self.most)]
        blocks = [f"{name}: flags=4163<UP>  mtu 1500\n        ether 52:00:00:00:00:1{at}\n" for at, name in enumerate(names)]
        return "fxp0: flags=4163<UP>  mtu 1500\n        ether 52:00:00:00:00:01\n" + "\n".join(blocks)

    async def cli(self, process: asyncssh.SSHServerProcess) -> int:
        candidate, code = list(self.config), 0
        for line in (await process.stdin.read()).splitlines():
            if line.startswith("set ") and "nonsense" in line:
                process.stdout.write(f"{line}\n          ^\nsyntax error.\n")
                code = 1
            elif line.startswith("set "):
                candidate.append(line)
            elif line == "commit" and not code:
                if any("duplicate" in text for text in candidate):
                    process.stdout.write("error: duplicate address 192.0.2.1\nerror: commit failed\n")
                    code = 1
                    continue
                self.config = candidate
                process.stdout.write("commit complete\n")
            elif line.startswith("show configuration"):
                process.stdout.write("".join(f"{text}\n" for text in self.config))
        return code


@pytest.fixture
async def router():
    made = Router()
    made.target = await made.start()
    yield made
    made.server.close()
    await made.server.wait_closed()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackless.routers.operation.ASK_PORTS", 0.02)
    monkeypatch.setattr("rackless.shell.ssh.RETRY", 0.02)


async def test_ports_are_waited_for_and_their_macs_recorded(router) -> None:
    told: list[str] = []
    found = await ReferenceRouter().wait_ports(router.target, {0: 2, 1: 2}, deadline=Deadline(20), progress=told.append)
    assert found == {
        "ge-0/0/0": "52:00:00:00:00:10",
        "ge-0/0/1": "52:00:00:00:00:11",
        "ge-1/0/0": "52:00:00:00:00:12",
        "ge-1/0/1": "52:00:00:00:00:13",
    }
    assert told == [
        "waiting for card 0: 1 of 2 ports; card 1: 0 of 2 ports",
        "waiting for card 1: 0 of 2 ports",
        "waiting for card 1: 1 of 2 ports",
    ]


async def test_a_missing_card_is_named(router) -> None:
    router.most = 2
    with pytest.raises(GuestError, match=r"still waits for card 1: 0 of 2 ports"):
        await ReferenceRouter().wait_ports(router.target, {0: 2, 1: 2}, deadline=Deadline(1))


async def test_a_configuration_is_loaded_whole_and_read_back(router) -> None:
    family = ReferenceRouter()
    await family.load(router.target, "# a comment\n\nset interfaces ge-0/0/0 mtu 9192\n", deadline=Deadline(20))
    await family.set_community(router.target, "Community-9", deadline=Deadline(20))
    saved = await family.save(router.target, deadline=Deadline(20))
    assert saved == (
        "set system host-name west\nset interfaces ge-0/0/0 mtu 9192\nset snmp community Community-9 authorization read-only\n"
    )
    assert not any("Community" in command or "mtu" in command for command in router.commands)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("set nonsense", "refused the configuration: syntax error"),
        ("set duplicate", "refused the configuration: error: duplicate address 192.0.2.1"),
    ],
)
async def test_a_refused_configuration_is_told_in_the_guests_words_and_changes_nothing(router, statement, message) -> None:
    with pytest.raises(GuestError, match=message):
        await ReferenceRouter().load(router.target, f"set a b\n{statement}\n", deadline=Deadline(20))
    assert router.config == ["set system host-name west"]


async def test_a_refused_community_is_not_shown(router) -> None:
    with pytest.raises(GuestError) as caught:
        await ReferenceRouter().load(router.target, "", community="nonsense-Secret", deadline=Deadline(20))
    assert "refused the configuration" in caught.value.message
    assert "nonsense-Secret" not in str(caught.value) + str(caught.value.__cause__)


async def test_what_is_no_statement_is_refused_before_it_is_sent(router) -> None:
    with pytest.raises(InputError, match=r"this line is none: 'interfaces \{'"):
        await ReferenceRouter().load(router.target, "interfaces {\n", deadline=Deadline(20))
    with pytest.raises(InputError, match="SNMP community"):
        await ReferenceRouter().set_community(router.target, "a b; exit", deadline=Deadline(20))
    assert router.commands == []


async def test_a_wrong_password_is_told_at_once_and_never_shown(router) -> None:
    with pytest.raises(GuestError, match="refuses the login") as caught:
        async with wait_ssh(router.target.as_user("root", "Wrong-Secret"), deadline=Deadline(20)):
            pass
    assert "Secret" not in str(caught.value) + repr(router.target)


async def test_another_machines_host_key_is_refused(router) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    target = SshTarget(host="127.0.0.1", port=router.target.port, password=PASSWORD, host_keys=(other,))
    with pytest.raises(GuestError, match="not the one read at its console"):
        async with connect(target, deadline=Deadline(20)):
            pass
    with pytest.raises(InputError, match="no known host key"):
        async with connect(SshTarget(host="127.0.0.1", password=PASSWORD), deadline=Deadline(20)):
            pass


async def test_nothing_there_and_a_stuck_command_end_at_their_deadlines(router) -> None:
    gone = SshTarget(host="127.0.0.1", port=1, password=PASSWORD, host_keys=router.target.host_keys)
    with pytest.raises(AbsentError, match="does not speak SSH"):
        async with connect(gone, deadline=Deadline(20)):
            pass
    with pytest.raises(DeadlineError, match=r"SSH at root@127\.0\.0\.1:1"):
        async with wait_ssh(gone, deadline=Deadline(0.2)):
            pass
    async with connect(router.target, deadline=Deadline(20)) as shell:
        with pytest.raises(DeadlineError, match="'stuck' to end"):
            await shell.run("stuck", deadline=Deadline(0.1))


async def test_an_interactive_session_has_a_terminal_that_is_resized(router) -> None:
    async with connect(router.target, deadline=Deadline(20)) as shell:
        session = await shell.open_session(None, term="vt100", columns=100, rows=30, deadline=Deadline(20))
        assert b"vt100 100x30" in await session.read()
        session.resize(132, 43)
        await session.write(b"hello\n")
        got = b""
        while b"hello 132" not in got:
            got += await session.read()
        session.write_eof()
        assert await session.wait() == 3
        await session.close()


def logins(router: Router) -> int:
    """How many connections the router has taken."""
    return len(router.connections)


async def test_what_is_held_takes_one_connection_and_the_rest_one_each(router) -> None:
    family, limit = ReferenceRouter(), Deadline(20)
    async with family.held(router.target):
        await family.reach(router.target, deadline=limit)
        await family.load(router.target, "set interfaces ge-0/0/0 mtu 9192\n", deadline=limit)
        assert "set interfaces ge-0/0/0 mtu 9192" in await family.save(router.target, deadline=limit)
    assert logins(router) == 1
    await family.save(router.target, deadline=limit)
    await family.save(router.target, deadline=limit)
    assert logins(router) == 3


async def test_a_held_connection_that_broke_is_opened_anew(router) -> None:
    family, limit = ReferenceRouter(), Deadline(20)
    async with family.held(router.target):
        await family.reach(router.target, deadline=limit)
        router.connections[0].abort()
        await router.ended.wait()
        await family.wait_ports(router.target, {0: 2}, deadline=limit)
    assert logins(router) == 2


async def test_a_held_connection_on_which_a_command_hung_is_not_used_again(router) -> None:
    connections, limit = Connections(), Deadline(20)
    async with connections.hold(router.target):
        with pytest.raises(DeadlineError):
            async with connections.shell(router.target, deadline=limit) as shell:
                await shell.run("stuck", deadline=Deadline(0.1))
        async with connections.shell(router.target, deadline=limit) as shell:
            assert (await shell.run("ifconfig -a", deadline=limit)).code == 0
    assert logins(router) == 2


def test_members_of_an_aggregate_are_known_by_their_own_mac() -> None:
    said = """ge-0-0-1: flags=6211<UP,BROADCAST,RUNNING,SLAVE,MULTICAST>  mtu 1500
        ether 52:00:00:00:00:01  txqueuelen 1000  (Ethernet)
ge-0-0-2: flags=6211<UP,BROADCAST,RUNNING,SLAVE,MULTICAST>  mtu 1500
        ether 52:00:00:00:00:01  txqueuelen 1000  (Ethernet)
Slave Interface: ge-0-0-2
MII Status: up
Permanent HW addr: 52:00:00:00:00:02
"""
    assert operation.interfaces(said) == {"ge-0/0/2": "52:00:00:00:00:02"}, "that of a member not listed yet is not known"
