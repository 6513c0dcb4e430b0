"""The configuration file of a VM host's agent: what it comes to, and what is wrong with it, where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rackless.model.errors import BlueprintErrors, InputError
from rackless.vmhost import configuration
from rackless.vmhost.facts import Slot

WHOLE = """\
state: /srv/vmhost
clock: true
oldest: "1.2"
guests:
  - name: vrouter
    administrative: true
    memory: 1024
    images: {current: /images/new, alternate: /images/old}
    nics:
      - bridge: br0
        mac: 52:54:00:00:00:01
  - name: other
    channel: false
    images: {current: /images/other.qcow2}
    stays-off: true
"""


def problems(text: str) -> list[str]:
    with pytest.raises(BlueprintErrors) as caught:
        configuration.read(text, "vmhost.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_what_a_whole_one_comes_to() -> None:
    found = configuration.read(WHOLE, "vmhost.yaml")
    assert (found.state, found.clock, found.oldest) == (Path("/srv/vmhost"), True, "1.2")
    vrouter, other = found.guests
    assert list(vrouter.images.items()) == [(Slot.A, Path("/images/new")), (Slot.B, Path("/images/old"))]
    # A reference guest has a network of its parts, wherever that leads.
    assert [nic.how for nic in vrouter.nics] == ["bridge", "internal"]
    assert vrouter.configuration == "/config/rackless.conf.gz"
    assert (other.nics, other.configuration, other.stays_off, other.watchdog) == ((), "", True, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "vmhost.yaml:1:1: "),
        ("guests: []", "vmhost.yaml:1:9: There must be a list `guests` of at least one guest."),
        ("guests:\n  - name: Router\n    images: {current: /i}", "vmhost.yaml:2:11: A guest needs a name"),
        ("guests:\n  - name: a\n    images: {current: /i}\n    memroy: 5", "vmhost.yaml:4:5: A guest has no key memroy."),
        ("guests:\n  - name: a\n    images: {current: /i}\n    memory: 5", "vmhost.yaml:4:13: memory must be a number from 64"),
        ("guests:\n  - name: a\n    images: {current: i}", "vmhost.yaml:3:23: current must be an absolute path, not 'i'."),
        ("guests:\n  - name: a\n    images: {alternate: /i}", "vmhost.yaml:3:13: A guest needs `images` with `current`"),
        ("guests:\n  - name: a\n    images: {current: /i}\n    nics: [{bridge: b, tap: t}]", "vmhost.yaml:4:12: A NIC is one of"),
        (
            "guests:\n  - name: a\n    images: {current: /i}\n    nics: [{tap: t, mac: 01:00:5e:00:00:01}]",
            "4:26: 01:00:5e:00:00:01 is",
        ),
        (
            "guests:\n" + "".join(f"  - {{name: {name}, administrative: true, images: {{current: /i}}}}\n" for name in "ab"),
            "vmhost.yaml:2:3: At most one guest can be administrative",
        ),
        ("guests:\n  - {name: a, images: {current: /i}}\n  - {name: a, images: {current: /i}}", "3:12: There are two guests a."),
        ("accelerator: xen\nguests:\n  - {name: a, images: {current: /i}}", "1:14: accelerator is auto, kvm or tcg, not xen."),
        ("guests: [", "vmhost.yaml:1:"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(text)), problems(text)


def test_all_problems_are_told_at_once() -> None:
    text = "clock: perhaps\nguests:\n  - name: a\n    images: {current: /i}\n    processors: 0\n    watchdog: 3"
    assert [problem.split(":")[1] for problem in problems(text)] == ["1", "5", "6"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        configuration.load(tmp_path / "vmhost.yaml")


def test_check_says_what_it_comes_to_and_its_help_has_an_example_that_is_right(tmp_path: Path) -> None:
    file = tmp_path / "vmhost.yaml"
    file.write_text(WHOLE)
    program = [sys.executable, "-m", "rackless.vmhost.main", "check"]
    told = subprocess.run([*program, "--configuration", str(file)], capture_output=True, text=True, check=True).stdout
    assert "Guest vrouter, administrative: 1 processors, 1024 MiB, 2 NICs." in told
    assert "alternate: /images/old (not there)" in told
    file.write_text("guests: 5\n")
    wrong = subprocess.run([*program, "--configuration", str(file)], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr.split(": ")[0]) == (2, f"{file}:1:9")
    described = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True).stdout
    example = described.split("Example of a configuration (/etc/rackless/vmhost.yaml):\n")[1].split("\noptions:")[0]
    assert configuration.read(example, "example").guests[0].administrative
