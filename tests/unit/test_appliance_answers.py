"""What an appliance asks: which answers are wrong and why, all at once; and answers that came with the machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rackless.appliance import answers, delivered, settling, sizes
from rackless.appliance.answers import Part
from rackless.model.errors import InputError

FIRST = {
    "hostname": "one",
    "address": "10.0.0.11/24",
    "gateway": "10.0.0.1",
    "dns": "10.0.0.2, 10.0.0.3",
    "ntp": "ntp.example.net 10.0.0.2",
    "role": "first",
    "virtual-ip": "10.0.0.10",
    "password": "correct horse",
}
JOIN = {
    **FIRST,
    "hostname": "two",
    "address": "10.0.0.12/24",
    "role": "join",
    "virtual-ip": "",
    "token": "rlj1.abc",
}


def test_answers_of_a_first_node_and_of_one_that_joins() -> None:
    first = answers.checked(FIRST)
    assert (first.part, str(first.interface), str(first.virtual_ip)) == (Part.FIRST, "10.0.0.11/24", "10.0.0.10")
    assert [str(each) for each in first.dns] == ["10.0.0.2", "10.0.0.3"]
    assert first.ntp == ("ntp.example.net", "10.0.0.2")
    assert answers.checked(JOIN).token == "rlj1.abc"


def test_a_server_by_itself_needs_nothing_but_a_password() -> None:
    assert answers.checked({"password": "correct horse"}).interface is None
    assert [problem.key for problem in answers.problems({})] == ["password"]
    assert answers.problems({}, password_set=True) == ()


@pytest.mark.parametrize(
    ("changed", "key", "reason"),
    [
        ({"hostname": "Not_One"}, "hostname", "'Not_One' is no host name"),
        ({"hostname": "-a"}, "hostname", "no host name"),
        ({"address": "10.0.0.11", "gateway": "", "virtual-ip": ""}, "address", "no address with a prefix length"),
        ({"address": "10.0.0.0/24"}, "address", "the network's own"),
        ({"address": "10.0.0.255/24"}, "address", "broadcast"),
        ({"address": "127.0.0.1/8", "gateway": "", "virtual-ip": ""}, "address", "special address"),
        ({"address": "dhcp", "gateway": "", "virtual-ip": ""}, "address", "has a fixed address"),
        ({"gateway": "10.0.1.1"}, "gateway", "not another address in 10.0.0.0/24"),
        ({"gateway": "10.0.0.11"}, "gateway", "not another address"),
        ({"gateway": "router"}, "gateway", "no address"),
        ({"dns": "dns.example.net"}, "dns", "given by address"),
        ({"ntp": "no such/name"}, "ntp", "neither a name nor an address"),
        ({"ntp": "10.0.0.11"}, "ntp", "its own time source"),
        ({"ntp": ""}, "ntp", "the same on every node"),
        ({"role": "king"}, "role", "'king' is no role"),
        ({"virtual-ip": "10.0.1.10"}, "virtual-ip", "is not in 10.0.0.0/24"),
        ({"virtual-ip": "10.0.0.11"}, "virtual-ip", "own address"),
        ({"virtual-ip": "10.0.0.1"}, "virtual-ip", "the gateway's"),
        ({"token": "x"}, "token", "for joining a fabric only"),
        ({"password": "short"}, "password", "has 5 characters, and needs 10"),
        ({"password": " correct horse"}, "password", "begins or ends with a space"),
        ({"password": ""}, "password", "until then SSH and web stay off"),
        ({"ssh-key": "ssh-ed25519 short"}, "ssh-key", "no public SSH key"),
        ({"dns": "10.0.0.2 " * 60}, "dns", "too long"),
        ({"hostname": "a\x07b"}, "hostname", "cannot be printed"),
    ],
)
def test_a_wrong_answer_is_refused_with_the_reason(changed: dict[str, str], key: str, reason: str) -> None:
    found = answers.problems({**FIRST, **changed})
    assert [problem.key for problem in found] == [key]
    assert reason in found[0].text


@pytest.mark.parametrize(
    ("changed", "key", "reason"),
    [
        ({"token": ""}, "token", "rackless fabric add two"),
        ({"virtual-ip": "10.0.0.10"}, "virtual-ip", "Only the first node"),
    ],
)
def test_a_wrong_answer_of_one_that_joins(changed: dict[str, str], key: str, reason: str) -> None:
    (found,) = answers.problems({**JOIN, **changed})
    assert found.key == key
    assert reason in found.text


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_questions() -> None:
    wrong = {**FIRST, "hostname": "A", "gateway": "10.1.0.1", "ntp": "", "virtual-ip": "x", "password": "x"}
    assert [problem.key for problem in answers.problems(wrong)] == ["hostname", "gateway", "ntp", "virtual-ip", "password"]
    with pytest.raises(InputError, match=r"Host name: .* Gateway: .* NTP servers: "):
        answers.checked(wrong)


def test_no_secret_is_kept() -> None:
    kept = answers.kept(JOIN)
    assert "password" not in kept
    assert "token" not in kept
    assert kept["hostname"] == "two"


def test_a_question_that_nobody_asks_is_refused() -> None:
    with pytest.raises(InputError, match="'hostnmae'"):
        answers.clean({"hostnmae": "one"})


SEED = """#cloud-config
hostname: One.example.net
ntp:
  servers: [ntp.example.net, 10.0.0.2]
ssh_authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0123456789012345678901234567890123 me
packages: [vim]
rackless:
  address: 10.0.0.11/24
  role: first
  virtual_ip: 10.0.0.10
  dns: [10.0.0.2, 10.0.0.3]
  password: correct horse
"""


def test_a_cloud_init_seed_answers_and_says_what_it_does_not_take() -> None:
    given, left = delivered.seed(SEED, "instance-id: i-1\nlocal-hostname: other\n")
    assert left == ("packages",)
    found = answers.checked(given)
    assert (found.hostname, found.part, str(found.virtual_ip), found.ntp) == (
        "one",
        Part.FIRST,
        "10.0.0.10",
        ("ntp.example.net", "10.0.0.2"),
    )
    assert found.ssh_key.endswith(" me")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hostname: one", "does not begin with #cloud-config"),
        ("#cloud-config\n- a", "no mapping"),
        ("#cloud-config\na: [", "no YAML"),
        ("#cloud-config\nrackless: 7", "no mapping of questions"),
        ("#cloud-config\nrackless: {address: {a: b}}", "`address` in the seed is"),
        ("#cloud-config\nrackless: {role: true}", "is bool"),
    ],
)
def test_a_seed_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        delivered.seed(text)


def test_properties_of_other_products_in_the_environment_are_not_ours() -> None:
    text = """<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1"
      xmlns:ve="http://www.vmware.com/schema/ovfenv" oe:id="" ve:vCenterId="vm-7"><PlatformSection><Kind>VMware ESXi</Kind>
      </PlatformSection><PropertySection><Property oe:key="rackless.hostname" oe:value="one"/>
      <Property oe:key="other.hostname" oe:value="two"/><Property oe:key="rackless.gateway" oe:value=""/>
      <Property oe:key="rackless.later" oe:value="x"/></PropertySection></Environment>"""
    assert delivered.environment(text.encode()) == {"hostname": "one"}
    with pytest.raises(InputError, match="no OVF environment"):
        delivered.environment(b"<Envelope/>")
    with pytest.raises(InputError, match="entities"):
        delivered.environment(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>')


def test_a_machine_that_is_too_small_for_its_role_is_told_what_it_lacks() -> None:
    small = sizes.Found(processors=1, memory=1 << 30, data=())
    assert len(sizes.lacking(Part.FIRST, small)) == 3
    assert sizes.lacking(Part.WITNESS, small) == ()
    processors, memory, data = sizes.lacking(Part.FIRST, small)
    assert "1 processor(s), and the role first needs 2" in processors
    assert "1.0 GiB of memory, and the role first needs 2.0 GiB" in memory
    assert "add an empty virtual disk of 40 GB" in data
    # A machine of 2 GiB shows the kernel's count, which is less.
    assert sizes.lacking(Part.FIRST, sizes.Found(processors=2, memory=int(1.93 * (1 << 30)), data=(20 << 30, 20 << 30))) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own needs root")
@pytest.mark.parametrize("address", ["10.0.0.12/24", "fd00::12/64"])
def test_the_network_is_up_when_the_fixed_address_is_there_and_not_before(tmp_path: Path, address: str) -> None:
    late = tmp_path / "late"
    words = settling.online(answers.checked({**JOIN, "address": address, "gateway": ""}))
    shell = f'ip link set lo up; (sleep 0.5; touch {late}; ip address add {address} dev lo nodad) & exec "$@"'
    subprocess.run(["unshare", "--net", "sh", "-c", shell, "sh", *words], check=True, timeout=60)
    assert late.exists()
