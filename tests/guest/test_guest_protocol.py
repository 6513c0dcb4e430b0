"""The guest's side of both protocols, against their schemas: what it sends is valid, what is invalid it refuses with a reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

GUEST = Path(__file__).parents[2] / "guest"
if str(GUEST) not in sys.path:
    sys.path.insert(0, str(GUEST))  # the guest's packages are no part of rackless; they run beside it, in the image

from system import agent, becoming, configdrive, links  # noqa: E402
from system.agent import Agent, split_lines  # noqa: E402
from system.chassis import Carrier, Chassis, Make, Remove  # noqa: E402
from system.identity import BadIdentity, Identity, Nic, parse  # noqa: E402
from system.keeper import Keeper  # noqa: E402
from system.protocol import (  # noqa: E402
    LOST_AFTER,
    BadDatagram,
    Hello,
    PortReport,
    PortWish,
    State,
    card_address,
    decode,
    encode,
    vni,
)


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((GUEST / f"protocol/{name}.schema.json").read_text()))


INTERNAL = validator("internal")
CHANNEL = validator("host-channel")
MAC = "52:00:00:00:00:01"
mtus = st.integers(68, 65535)
macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
ports = st.lists(st.integers(0, 255), unique=True, max_size=32)


@given(st.integers(0, 11), st.integers(0, 2**63), ports, st.data())
def test_what_is_sent_is_valid_and_comes_back_the_same(slot: int, seq: int, numbers: list[int], data: st.DataObject) -> None:
    reports = tuple(
        PortReport(port=port, mac=data.draw(macs), mtu=data.draw(mtus), carrier=data.draw(st.booleans())) for port in numbers
    )
    wishes = tuple(PortWish(port=port, up=data.draw(st.booleans()), mtu=data.draw(mtus)) for port in numbers)
    for message in (Hello(slot=slot, boot="b", seq=seq, ports=reports), State(slot=slot, seq=seq, ports=wishes)):
        INTERNAL.validate(json.loads(encode(message)))
        assert decode(encode(message)) == message
        assert len(encode(message)) <= 8192


HELLO = {"v": 1, "kind": "hello", "slot": 0, "boot": "b", "seq": 1, "ports": []}
PORT = {"port": 0, "mac": MAC, "mtu": 9500, "carrier": True, "speed": 10**9}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v": 2}, "version 1"),
        ({"kind": "bye"}, "neither hello nor state"),
        ({"slot": 12}, "slot is 12"),
        ({"slot": True}, "slot is True"),
        ({"seq": -1}, "seq is -1"),
        ({"boot": ""}, "boot is ''"),
        ({"ports": {}}, "not a list"),
        ({"ports": [PORT | {"mac": "52:0"}]}, "mac is '52:0'"),
        ({"ports": [PORT | {"mtu": 1}]}, "mtu is 1"),
        ({"ports": [PORT | {"carrier": 1}]}, "carrier is 1"),
        ({"ports": [PORT | {"port": n % 256} for n in range(33)]}, "at most 32"),
    ],
)
def test_a_wrong_datagram_is_refused_by_the_guest_and_by_the_schema(change: dict[str, object], reason: str) -> None:
    wrong = HELLO | change
    with pytest.raises(BadDatagram, match=reason):
        decode(json.dumps(wrong).encode())
    assert not INTERNAL.is_valid(wrong)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_never_crashes(datagram: bytes) -> None:
    with pytest.raises(BadDatagram):
        decode(datagram)


def test_tunnels_of_different_ports_never_share_a_number() -> None:
    assert vni(0, 0) == 1
    assert len({vni(slot, port) for slot in range(12) for port in range(256)}) == 12 * 256


def hello(*, boot: str = "one", carrier: bool = True, mac: str = MAC, slot: int = 1, ports: tuple[int, ...] = (0,)) -> Hello:
    reports = tuple(PortReport(port=port, mac=mac, mtu=9500, carrier=carrier) for port in ports)
    return Hello(slot=slot, boot=boot, seq=1, ports=reports)


class TestChassis:
    def test_a_card_appears_keeps_quiet_and_changes(self) -> None:
        chassis = Chassis()
        first = hello()
        assert chassis.hello(first, card_address(1), 0) == (Make(slot=1, report=first.ports[0]),)
        assert chassis.hello(first, card_address(1), 1) == ()
        assert chassis.hello(hello(carrier=False), card_address(1), 2) == (Carrier(slot=1, port=0, up=False),)
        assert chassis.hello(hello(ports=(1,)), card_address(1), 3)[0] == Remove(slot=1, port=0)

    def test_another_boot_of_the_card_makes_its_interfaces_anew(self) -> None:
        chassis = Chassis()
        chassis.hello(hello(), card_address(1), 0)
        assert [type(action) for action in chassis.hello(hello(boot="two"), card_address(1), 1)] == [Make]

    def test_a_silent_card_is_lost_after_four_seconds_and_only_that_one(self) -> None:
        chassis = Chassis()
        chassis.hello(hello(ports=(0, 1)), card_address(1), 0)
        chassis.hello(hello(slot=2), card_address(2), 3)
        assert chassis.expire(LOST_AFTER - 0.1) == ()
        assert chassis.next_expiry(3) == pytest.approx(1.0)
        assert chassis.expire(LOST_AFTER) == (Remove(slot=1, port=0), Remove(slot=1, port=1))
        assert list(chassis.cards) == [2]

    def test_a_card_speaks_for_its_own_slot_only(self) -> None:
        chassis = Chassis()
        assert chassis.hello(hello(slot=1), card_address(2), 0) == ()
        assert chassis.cards == {}

    def test_a_restarted_daemon_keeps_what_is_still_true(self) -> None:
        chassis = Chassis()
        chassis.adopt(1, hello().ports, 0)
        assert chassis.hello(hello(), card_address(1), 1) == ()
        chassis.adopt(2, hello(slot=2).ports, 1)
        assert chassis.hello(hello(slot=2, mac="52:00:00:00:00:09"), card_address(2), 1) != ()


IDENTITY: dict[str, object] = {
    "role": "card",
    "slot": 3,
    "hostname": "west-vfp3",
    "nics": [{"index": 0, "mac": MAC, "label": "mgmt0"}],
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"role": "fan"}, "role 'fan'"),
        ({"slot": None}, "slot None"),
        ({"slot": 12}, "slot 12"),
        ({"hostname": "a b"}, "host name 'a b'"),
        ({"nics": [{"index": 0, "mac": "zz", "label": "x"}]}, "MAC 'zz'"),
        ({"addresses": [{"label": "eth0"}]}, "address is None"),
        ({"routes": [{"to": "default"}]}, "via is None"),
    ],
)
def test_a_wrong_identity_is_refused_by_the_guest_and_by_the_schema(change: dict[str, object], reason: str) -> None:
    wrong = IDENTITY | change
    with pytest.raises(BadIdentity, match=reason):
        parse(wrong)
    assert not CHANNEL.is_valid({"id": "t", "do": "identify", "time": 1.0, **wrong})
    assert CHANNEL.is_valid({"id": "t", "do": "identify", "time": 1.0, **IDENTITY})


@pytest.mark.parametrize("change", [{"addresses": [{"label": "eth0", "address": "x"}]}, {"routes": [{"to": "x", "via": "y"}]}])
def test_addresses_are_checked_before_anything_is_done(change: dict[str, object]) -> None:
    with pytest.raises(BadIdentity, match="'x'"):
        parse(IDENTITY | change)


class TestAgent:
    @pytest.fixture
    def guest(self, monkeypatch: pytest.MonkeyPatch) -> Agent:
        monkeypatch.setattr(agent, "become", lambda identity, when: ("ssh-ed25519 AAAA",))
        monkeypatch.setattr(agent, "keep", lambda identity: None)
        monkeypatch.setattr(agent, "set_clock", lambda when: True)
        monkeypatch.setattr(Keeper, "keep", lambda keeper, module: None)
        return Agent()

    def ask(self, guest: Agent, do: str, **fields: object) -> dict[str, object]:
        line = guest.answer(json.dumps({"id": "t1", "do": do, **fields}).encode())
        assert line is not None
        answer: dict[str, object] = json.loads(line)
        CHANNEL.validate(answer)
        assert answer["id"] == "t1"
        return answer

    def test_an_identity_is_taken_once(self, guest: Agent) -> None:
        assert self.ask(guest, "status")["role"] is None
        assert self.ask(guest, "identify", time=1.0, **IDENTITY)["host_keys"] == ["ssh-ed25519 AAAA"]
        assert self.ask(guest, "identify", time=2.0, **IDENTITY)["ok"] is True
        refused = self.ask(guest, "identify", time=2.0, **(IDENTITY | {"slot": 4}))
        assert refused["error"] == "This machine is card 3 already and cannot become card 4."
        assert self.ask(guest, "status")["slot"] == 3

    def test_commands_are_for_machines_without_another_way_in(self, guest: Agent) -> None:
        assert self.ask(guest, "run", argv=["true"], deadline=5)["ok"] is False
        self.ask(guest, "identify", time=1.0, **IDENTITY)
        done = self.ask(guest, "run", argv=["sh", "-c", "cat; echo no >&2; exit 3"], stdin="given", deadline=5)
        assert (done["code"], done["out"], done["err"]) == (3, "given", "no\n")
        assert "did not end within 0.1 s" in str(self.ask(guest, "run", argv=["sleep", "60"], deadline=0.1)["error"])
        assert "No such file" in str(self.ask(guest, "run", argv=["/no/such"], deadline=5)["error"])

    def test_unknown_verbs_are_answered_and_rubbish_is_not(self, guest: Agent) -> None:
        assert "none of ping" in str(self.ask(guest, "dance")["error"])
        assert self.ask(guest, "ping")["version"] == 1
        for line in (b"", b"\xff\x00", b"[]", b"{}", b'{"do": "ping"}'):
            assert guest.answer(line) is None

    def test_lines_come_in_pieces_and_endless_ones_are_dropped(self) -> None:
        assert split_lines(b"a\nb\nc") == ([b"a", b"b"], b"c")
        assert split_lines(b"x" * 70000) == ([], b"")


def link(name: str, mac: str) -> links.Link:
    return links.Link(name=name, mac=mac, mtu=1500, up=False, carrier=False)


class TestNics:
    def identity(self, *macs: str) -> Identity:
        nics = tuple(Nic(index=index, mac=mac, label=str(index)) for index, mac in enumerate(macs))
        return Identity(role="card", slot=0, hostname="c", nics=nics)

    def test_the_mac_decides_when_all_are_there(self) -> None:
        lines = becoming.nic_commands(
            self.identity("m0", "m1", "m2"), [link("eth0", "m2"), link("eth1", "m0"), link("eth2", "m1")]
        )
        assert [line for line in lines if "name" in line][-3:] == [
            "link set rr0 name mgmt0",
            "link set rr1 name int",
            "link set rr2 name p0",
        ]
        assert "link set eth1 name rr0" in lines
        assert not any("address" in line for line in lines)

    def test_a_nic_that_is_not_plugged_in_yet_changes_nothing_for_the_others(self) -> None:
        identity = self.identity("m0", "m1", "m2")
        lines = becoming.nic_commands(identity, [link("eth0", "m1"), link("eth1", "m0")])
        assert [line for line in lines if "name" in line][-2:] == ["link set rr0 name mgmt0", "link set rr1 name int"]
        assert not any("address" in line for line in lines)

    def test_order_decides_in_a_clone_and_macs_are_set(self) -> None:
        lines = becoming.nic_commands(self.identity("m0", "m1"), [link("eth0", "t0"), link("eth1", "m1")])
        assert "link set eth0 address m0" in lines
        assert not any("address m1" in line for line in lines)

    def test_a_machine_that_is_as_it_should_be_is_left_alone(self) -> None:
        assert becoming.nic_commands(self.identity("m0", "m1"), [link("mgmt0", "m0"), link("int", "m1")]) == []


@pytest.mark.skipif(not Path("/usr/bin/ssh-keygen").exists(), reason="needs openssh-client")
def test_keys_that_a_power_loss_left_empty_are_made_anew_and_whole_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "ssh_host_ed25519_key"
    monkeypatch.setattr(becoming, "HOST_KEY", key)
    monkeypatch.setattr(becoming, "MACHINE_ID", tmp_path / "machine-id")
    for path in (key, becoming.public_half(key), tmp_path / "machine-id"):
        path.touch()
    (made,) = becoming.make_keys()
    assert made.startswith("ssh-ed25519 AAAA")
    assert b"PRIVATE KEY" in key.read_bytes()
    assert len((tmp_path / "machine-id").read_text().strip()) == 32
    assert becoming.make_keys() == (made,)
    becoming.public_half(key).write_bytes(bytes(96))  # as a file system may leave it
    assert becoming.make_keys() != (made,)


def test_ports_are_told_beside_units_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A VLAN's interface (ge-0-0-3.7) is no port; the agent's status said nothing at all with one."""
    for name in ("ge-0-0-3", "ge-0-0-3.7", "ge-0-0-3v10", "lo"):
        (tmp_path / name).mkdir()
        for file, text in (("flags", "0x1003"), ("address", "52:00:00:00:00:03"), ("mtu", "1500"), ("carrier", "1")):
            (tmp_path / name / file).write_text(text + "\n")
    monkeypatch.setattr(links, "SYSFS", tmp_path)
    controller = Identity(role="controller", slot=None, hostname="west", nics=())
    assert [port["label"] for port in agent.ports_of(controller)] == ["ge-0/0/3"]


def test_a_port_that_becomes_a_member_keeps_the_mac_its_card_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives it the aggregate's MAC before it shows that it is a member and what its own was."""
    told = {"cards": [{"slot": 0, "ports": [{"port": 3, "mac": "52:00:00:00:00:03"}]}]}
    (tmp_path / "chassisd.json").write_text(json.dumps(told))
    (tmp_path / "net/ge-0-0-3").mkdir(parents=True)
    for file, text in (("flags", "0x1003"), ("address", "52:00:00:00:00:01"), ("mtu", "1500"), ("carrier", "1")):
        (tmp_path / "net/ge-0-0-3" / file).write_text(text + "\n")
    monkeypatch.setattr(links, "SYSFS", tmp_path / "net")
    monkeypatch.setattr(agent, "CHASSIS", tmp_path / "chassisd.json")
    controller = Identity(role="controller", slot=None, hostname="west", nics=())
    assert [port["mac"] for port in agent.ports_of(controller)] == ["52:00:00:00:00:03"]
    (tmp_path / "chassisd.json").unlink()
    assert [port["mac"] for port in agent.ports_of(controller)] == ["52:00:00:00:00:01"], "before chassisd has said anything"


class TestConfigurationDrive:
    def test_the_identity_is_in_its_own_file_or_in_openstacks_user_data(self, tmp_path: Path) -> None:
        assert configdrive.identity_in(tmp_path) is None
        data = tmp_path / "openstack/latest/user_data"
        data.parent.mkdir(parents=True)
        data.write_text(json.dumps(IDENTITY))
        found = configdrive.identity_in(tmp_path)
        assert found is not None
        assert (found.role, found.slot) == ("card", 3)
        (tmp_path / "rackless.json").write_text(json.dumps({**IDENTITY, "slot": 5}))
        found = configdrive.identity_in(tmp_path)
        assert found is not None
        assert found.slot == 5

    def test_somebody_elses_user_data_is_no_identity(self, tmp_path: Path) -> None:
        data = tmp_path / "openstack/latest/user_data"
        data.parent.mkdir(parents=True)
        data.write_text("#cloud-config\n")
        with pytest.raises(BadIdentity, match="user_data cannot be read"):
            configdrive.identity_in(tmp_path)


def test_a_watchdog_is_fed_every_few_seconds_and_never_by_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from system import watchdog

    now = [100.0]
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now[0])
    device = tmp_path / "watchdog"
    dog = watchdog.Watchdog(str(device))
    dog.feed()  # somebody else holds it still: no fault, and tried again
    device.touch()
    now[0] += watchdog.EVERY
    for _ in range(5):
        dog.feed()
    assert device.read_bytes() == b"\0"
    assert dog.patience() == watchdog.EVERY
    now[0] += watchdog.EVERY
    assert dog.patience() == 0
    dog.feed()
    assert device.read_bytes() == b"\0\0"


def test_ping_tells_the_time_and_its_zone() -> None:
    reply = json.loads(Agent().answer(b'{"id": "a", "do": "ping"}') or b"")
    CHANNEL.validate(reply)
    assert reply["time"] > 1.7e9
    assert reply["time_zone"]
