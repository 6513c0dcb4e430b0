"""The router's command line administers the host below it: what is shown, what is asked for, and what happens when nobody
answers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guest.mgmt_router import START, User, boot, prepare
from tests.guest.vmhost_played import remembered
from tests.unit.vmhost_memory import RememberedHost

from rackless.model.vmhost import Reason
from rackless.vmhost.channel import PORT_NAME

CLASSES = "set system login user carl class operator\nset system login user dora class read-only\n"


NAMES = ("bridge", "crash", "hardware", "information", "logs", "management-if", "netstat", "processes", "resource-usage",
         "snapshot", "status", "uptime", "version")  # fmt: skip


def told(line: str, host: RememberedHost) -> None:
    """Wait until the host was asked that."""
    end = time.monotonic() + 20
    while line not in host.asked:
        assert time.monotonic() < end, line
        time.sleep(0.01)


class Place:
    """A router on a host. `ann` may all, `carl` is an operator, `dora` may look."""

    def __init__(self, root: Path) -> None:
        self.root = prepare(root)
        self.played, self.host = remembered(self.root)
        self.store = boot(self.root, START + CLASSES)
        told("root: auto-recovery on", self.host)
        while not self.played.log:
            time.sleep(0.01)
        self.host.asked.clear()
        self.played.log.clear()
        for name in ("ann", "carl", "dora"):
            (self.root / f"var/home/{name}").mkdir(parents=True)

    def says(self, line: str, user: str = "ann", *answers: str) -> str:
        one = User(self.store, user, *answers)
        one.screen.run = self.program  # type: ignore[method-assign]
        return one.says(line)

    def program(self, argv: list[str], *, capture: bool) -> tuple[int, str]:
        import subprocess

        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = Place(tmp_path_factory.mktemp("v") / "r")  # short: a socket's path has 107 bytes at most
    yield made
    made.played.ends()


# ---- the two examples


def test_the_last_reboot_reasons_after_guest_and_host_reboots(place: Place) -> None:
    guest = 'show chassis routing-engine 0 | match "Last reboot reason"'
    host = 'show vmhost uptime re0 | match "Vmhost last reboot reason"'
    assert place.says(guest) == "    Last reboot reason             0x2000:hypervisor reboot\n"
    assert place.says(host) == "Vmhost last reboot reason: 0x1:power cycle/failure\n"
    place.host.guest_reboots()
    assert place.says(guest) == "    Last reboot reason             0x4000:VJUNOS reboot\n"
    assert place.says(host) == "Vmhost last reboot reason: 0x1:power cycle/failure\n"
    place.host.host_reboots()
    assert place.says(guest) == "    Last reboot reason             0x2000:hypervisor reboot\n"
    assert place.says(host) == "Vmhost last reboot reason: 0x2000:hypervisor reboot\n"
    place.host.guest_reboots(Reason.GUEST_WATCHDOG)
    assert "0x8000:VJUNOS watchdog from host" in place.says("show chassis routing-engine", "dora")
    assert "<last-reboot-reason>0x8000:VJUNOS watchdog from host</" in place.says("show chassis routing-engine | display xml")


# ---- shown


def test_versions_are_printed_as_the_vendor_does(place: Place) -> None:
    assert place.says("show vmhost version") == (
        "Current root details,           Device sda, Label: root-a, Partition: sda3\n"
        "Current boot disk: Primary\n"
        "Current root set: p\n"
        "BIOS    Version: SeaBIOS 1.16.2\n"
        "\n"
        "Primary Disk, Upgrade Time: 2026-09-20 14:13:20 UTC\n"
        "\n"
        "Version: set p\n"
        "VMHost Version: 1.4\n"
        "VMHost Root: vmhost-x86_64-26.3R1-20260901_1200\n"
        "VMHost Core: vmhost-core-26.3R1\n"
        "kernel: 6.1.0-40-amd64\n"
        "Junos Disk: router-26.3R1\n"
        "\n"
        "Version: set b\n"
        "VMHost Version: 1.4\n"
        "VMHost Root: vmhost-x86_64-26.2R1-20260901_1200\n"
        "VMHost Core: vmhost-core-26.2R1\n"
        "kernel: 6.1.0-40-amd64\n"
        "Junos Disk: router-26.2R1\n"
    )
    xml = place.says("show vmhost version | display xml")
    assert "<current-root-set>p</current-root-set>" in xml
    assert "<set-disk-name>set b</set-disk-name>" in xml
    assert "<set-junos-version>router-26.2R1</set-junos-version>" in xml
    shown = json.loads(place.says("show vmhost version | display json"))
    assert shown["vmhost-version-information"][0]["current-boot-disk"][0]["data"] == "Primary"
    assert place.says("show vmhost version | display xml rpc").count("<get-vmhost-version-information/>") == 1


def test_everything_that_can_be_shown_is_printed(place: Place) -> None:
    place.host.recovered()
    place.says("request vmhost snapshot")
    place.says("request vmhost reboot in 5")
    wanted = {
        "bridge": "br-mgmt          8000.525400000001    no           eth0\n",
        "crash": "vmcore.0",
        "hardware": "Disk1            50.0 GB        sda              QM00001          QEMU HARDDISK, 2.5+, primary, 3% worn",
        "information": "Operating system:    Debian GNU/Linux 12 (bookworm)",
        "logs": "agent/old.log",
        "management-if": "    Address: 192.0.2.5/24\n",
        "netstat": "0.0.0.0:22",
        "processes": "worker 1199",
        "resource-usage": "  /dev/sda6               4096 MB    1024 MB       25% /var\n",
        "snapshot": "Secondary Disk, Snapshot Time: 2026-09-21 15:13:20 UTC\n",
        "status": "Alarm: 2026-09-21 15:13:20 UTC  Major  The backup disk is missing.\n",
        "uptime": "Vmhost Uptime: up 01:00:00, 0 users, load average: 0.51, 0.34, 0.20\n",
        "version": "Current boot disk: Primary\n",
    }
    for name, text in wanted.items():
        said = place.says(f"show vmhost {name}")
        assert text in said, said
        assert place.says(f"show vmhost {name} | display xml").startswith("<rpc-reply ")
        assert json.loads(place.says(f"show vmhost {name} | display json"))
    status = place.says("show vmhost status")
    assert "  re0        Running    disk1/a          2    512 MB 0x2000:hypervisor reboot\n" in status
    assert "Auto-recovery: enabled\n" in status
    assert "Scheduled: reboot at 2026-09-21 15:18:20 UTC by ann\n" in status
    assert "partition table of disk1 is damaged: put back from its second copy (kept: /vm/aside/1)\n" in status
    assert "Disk2" in place.says("show vmhost hardware | match missing")
    assert place.says("show vmhost logs messages | last 1") == "line 2000 of the host's log\n"
    assert place.says("show vmhost logs nothing") == "error: The host has no log nothing.\n"
    assert place.says("show vmhost processes | count") == "Count: 1200 lines\n"


def test_help_and_completion_know_the_words(place: Place) -> None:
    user = User(place.store)
    offered = "\n".join(user.session.assist("show vmhost ", "?").lines)
    for word in NAMES:
        assert f"  {word}" in offered, word
    offered = "\n".join(user.session.assist("request vmhost ", "?").lines)
    for word in ("cleanup", "file-copy", "halt", "hard-disk-test", "power-off", "power-on", "reboot", "snapshot", "software",
                 "zeroize"):  # fmt: skip
        assert f"  {word}" in offered, word
    assert user.session.assist("show vmhost upt", " ").insert == "ime "
    offered = "\n".join(user.session.assist("request vmhost reboot ", "?").lines)
    for word in ("at", "disk1", "disk2", "in", "network", "usb"):
        assert f"  {word}" in offered, word


# ---- rights


def test_the_class_of_the_user_counts_here_and_at_the_host(place: Place) -> None:
    assert "unknown command" in place.says("request vmhost reboot", "carl")
    assert "syntax error" in place.says("show vmhost processes", "dora")
    assert "worker 1" in place.says("show vmhost processes", "carl")
    assert place.host.asked == []
    assert [(one.asker.user, one.asker.login_class.value) for one in place.played.log] == [("carl", "operator")]


def test_no_request_is_for_less_than_super_users(place: Place) -> None:
    """Also by NETCONF, which looks at the word alone."""
    from mgmt.commands.vmhost import CLEAR, REQUESTS
    from mgmt.commands.words import CONFIGURE

    def ending(words):
        for word in words:
            yield from [word] if word.run is not None else ending(word.children)

    assert all(word.level == CONFIGURE for word in ending((*REQUESTS, *CLEAR)))


def test_who_asked_for_what_is_in_the_hosts_log(place: Place) -> None:
    place.says("request vmhost reboot disk2 in 10")
    place.says("request vmhost halt")
    asked = [str(one) for one in place.played.log]
    assert asked == [
        "vmhost reboot device=disk2 after=600.0 by ann (super-user, guest/re0): done",
        "vmhost halt after=0.0 by ann (super-user, guest/re0): state: A reboot is scheduled already.",
    ]


# ---- requested


def test_power_is_asked_for_where_a_person_is(place: Place) -> None:
    said = place.says("request vmhost reboot", "ann", "no")
    assert said == "Reboot the vmhost ? [yes,no] (no) \n"
    said = place.says("request vmhost reboot", "ann", "yes")
    assert said == "Reboot the vmhost ? [yes,no] (no) \nReboot of the VM host at 2026-09-21 15:13:22 UTC\n"
    assert place.says("request vmhost power-off") == "error: A reboot is scheduled already.\n"
    assert place.says("clear vmhost reboot") == "reboot is not done.\n"
    assert place.says("clear vmhost reboot") == "error: Nothing is scheduled.\n"
    assert "Power-off of the VM host at" in place.says("request vmhost power-off in 3")
    place.says("clear vmhost reboot")
    assert "Halt of the VM host at" in place.says("request vmhost halt at +5")
    assert place.says("request vmhost power-on") == "re0 runs already.\n"
    assert place.host.asked == [
        "ann: reboot after=0", "ann: power-off after=0", "ann: cancel", "ann: cancel", "ann: power-off after=180", "ann: cancel",
        "ann: halt after=300", "ann: power-on",
    ]  # fmt: skip
    assert "only one of disk1 and usb" in place.says("request vmhost reboot disk1 usb")
    assert "'noon' is no time" in place.says("request vmhost reboot at noon")
    assert "is over" in place.says("request vmhost reboot at 2001010000")
    assert "either 'in' or 'at'" in place.says("request vmhost reboot at +5 in 5")


def test_zeroize_asks_twice_and_a_script_must_answer(place: Place) -> None:
    assert place.says("request vmhost zeroize").count("[yes,no]") == 1, "nobody is there to answer"
    assert place.says("request vmhost zeroize", "ann", "yes", "no").count("[yes,no]") == 2
    assert place.says("request vmhost zeroize", "ann", "no").count("[yes,no]") == 1
    assert place.host.asked == []
    said = place.says("request vmhost zeroize", "ann", "yes", "yes")
    assert said.count("[yes,no]") == 2
    assert said.endswith("Zeroize of the VM host at 2026-09-21 15:13:22 UTC\n")
    assert place.host.asked == ["ann: zeroize"]


def test_software_is_sent_added_taken_back_and_rolled_back(place: Place) -> None:
    bundle = place.root / "var/tmp/rackless-vmhost-26.4R1.tgz"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bytes(b"signed 26.4R1 " + os.urandom(200_000))
    said = place.says("request vmhost software add /var/tmp/rackless-vmhost-26.4R1.tgz no-validate")
    assert said == (
        f"Sending /var/tmp/rackless-vmhost-26.4R1.tgz to the VM host ({bundle.stat().st_size} bytes) ...\n"
        "Verified the bundle.\nWriting the alternate set ...\nThe software is in the alternate set.\n"
        "A REBOOT IS REQUIRED TO LOAD THIS SOFTWARE CORRECTLY.\nUse the 'request vmhost reboot' command to reboot the system.\n"
    )
    assert place.host.bundles == [bundle.read_bytes()]
    assert place.host.asked == ["ann: add 200014 bytes validate=False reboot=False"]
    said = place.says("show vmhost version")
    assert "Next root set: b\n" in said
    assert "Not confirmed, boots left: 3\n" in said
    assert place.says("request vmhost software abort") == "Aborted.\n"
    assert "Next root set" not in place.says("show vmhost version")
    assert "The next boot takes set b." in place.says("request vmhost software rollback")
    assert "Reboot of the VM host at" in place.says(
        "request vmhost software add no-validate reboot /var/tmp/rackless-vmhost-26.4R1.tgz"
    )
    (place.root / "var/tmp/bad.tgz").write_bytes(b"unsigned")
    assert "not signed" in place.says("request vmhost software add /var/tmp/bad.tgz")
    (place.root / "var/tmp/empty.tgz").write_bytes(b"")
    assert "is empty" in place.says("request vmhost software add /var/tmp/empty.tgz")
    assert "is not found" in place.says("request vmhost software add /var/tmp/none.tgz")
    assert "is not found" in place.says("request vmhost software add /var/tmp")


def test_a_snapshot_is_taken_and_told_of_while_somebody_else_looks(place: Place) -> None:
    import asyncio

    assert place.says("show vmhost snapshot") == "No snapshot on the secondary disk\n"
    assert "Existing data on the target may be lost" in place.says("request vmhost snapshot", "ann", "no")
    assert place.host.taken is None
    place.host.hold = asyncio.Event()
    said: list[str] = []
    taking = threading.Thread(target=lambda: said.append(place.says("request vmhost snapshot recovery partition")))
    taking.start()
    while "Running request: taking a snapshot" not in place.says("show vmhost status", "dora"):
        time.sleep(0.01)
    assert place.says("request vmhost cleanup") == "error: The host is busy: taking a snapshot.\n"
    place.played.later(place.host.hold.set)
    taking.join(20)
    assert said == ["Copying set a ...\nCopying set b ...\nSnapshot taken.\n"]
    assert "Recovery Snapshot Time" in place.says("show vmhost snapshot")
    assert "ann: snapshot recovery=True partition=True" in place.host.asked


def test_disks_are_tested_and_files_brought(place: Place) -> None:
    assert place.says("request vmhost hard-disk-test disk1 long") == "50%\ndisk1: no errors.\n"
    assert place.says("request vmhost hard-disk-test disk2") == "50%\nerror: disk2 is missing.\n"
    assert place.says("request vmhost cleanup") == "/var/log/messages.1\n1 file, 20480 bytes.\n"
    said = place.says("request vmhost file-copy crash from-jnode vmcore.0 to-vjunos core")
    assert said == "vmcore.0: 153600 bytes\n"
    assert (place.root / "var/home/ann/core").read_bytes() == bytes(range(256)) * 600
    place.says("request vmhost file-copy log from-jnode agent/old.log to-vjunos .")
    assert (place.root / "var/home/ann/old.log").read_bytes() == b""
    assert "has no crash" in place.says("request vmhost file-copy crash from-jnode none to-vjunos x")
    assert "error: /nowhere/x:" in place.says("request vmhost file-copy crash from-jnode vmcore.0 to-vjunos /nowhere/x")
    assert "'from-jnode FILE'" in place.says("request vmhost file-copy crash")
    assert not [name for name in os.listdir(place.root / "var/tmp") if name.startswith(".vmhost")]


# ---- configuration


def test_no_auto_recovery_goes_to_the_host_with_the_commit(place: Place) -> None:
    user = User(place.store)
    said = user.says("configure", "set vmhost no-auto-recovery", "commit")
    assert "commit complete" in said
    assert not place.host.recovers
    assert "Auto-recovery: disabled\n" in place.says("show vmhost status")
    user.says("delete vmhost no-auto-recovery", "commit")
    assert place.host.recovers
    place.played.stops()
    said = user.says("set vmhost no-auto-recovery", "commit")
    assert "could not connect to the VM host" in said
    assert "the configuration is as before" in said
    assert "no-auto-recovery" not in user.says("run show configuration vmhost")


def test_the_host_is_told_at_start_up(place: Place) -> None:
    User(place.store).says("configure", "set vmhost no-auto-recovery", "commit")
    place.host.asked.clear()
    boot(place.root)
    told("root: auto-recovery off", place.host)


# ---- nobody there, or somebody strange


def test_a_router_of_an_ordinary_lab_says_that_it_has_no_host(tmp_path: Path) -> None:
    store = boot(prepare(tmp_path / "r"), START)
    user = User(store)
    for line in (
        "show vmhost version",
        "show vmhost uptime re0 | match reason",
        "request vmhost reboot",
        "request vmhost snapshot",
    ):
        assert user.says(line) == "error: command is not valid on the vmx: no VM host is below this router\n"
    assert "Router rebooted after a normal shutdown." in user.says("show chassis routing-engine")
    assert "commit complete" in user.says("configure", "set vmhost no-auto-recovery", "commit")


def test_a_host_that_is_gone_is_said_to_be(place: Place) -> None:
    place.played.stops()
    assert place.says("show vmhost uptime") == "error: could not connect to the VM host: Connection refused\n"
    assert "Router rebooted after a normal shutdown." in place.says("show chassis routing-engine")
    place.played.port.unlink(missing_ok=True)
    place.played.starts()
    assert "Vmhost Uptime" in place.says("show vmhost uptime")


class Liar:
    """A host that says to every request what it is told to say, after a greeting that is right."""

    def __init__(self, root: Path, *lines: bytes, greeting: bytes = b"") -> None:
        entry = root / "sys/class/virtio-ports/vport2p1"
        entry.mkdir(parents=True)
        (entry / "name").write_text(PORT_NAME + "\n")
        (root / "dev").mkdir()
        self.lines = lines
        self.greeting = greeting
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(root / "dev/vport2p1"))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            # Who is told something wrong may hang up with more on its way: that resets the connection.
            with contextlib.suppress(ConnectionResetError), sock, sock.makefile("rb") as lines:
                for line in lines:
                    if line.strip() and not self.answers(sock, json.loads(line)):
                        break

    def answers(self, sock: socket.socket, asked: dict[str, str]) -> bool:
        right = b'{"id": %s, "ok": true, "result": {"version": 1}}'
        try:
            for said in [self.greeting or right] if "hello" in asked else self.lines:
                sock.sendall(said.replace(b"%s", json.dumps(asked["id"]).encode()) + b"\n")
        except OSError:
            return False
        return "hello" in asked or bool(self.lines)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(60)


SILENT = "error: could not connect to the VM host: "


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], SILENT + "it hung up\n"),
        ([b'{"id": %s, "ok": false}'], "error: the VM host gives no reason\n"),
        ([b'{"id": %s, "ok": false, "error": []}'], "error: the VM host gives no reason\n"),
        ([b'{"id": %s, "ok": false, "error": {"message": "a\\u001b[2Jb\\nc"}}'], "error: a [2Jb c\n"),
        ([b"nonsense", b"[]", b"{}", b"\xff\xfe", b'{"id": 7}', b'{"id": "other", "ok": true}', b"x" * 200_000,
          b'{"id": %s, "ok": false, "error": {"message": "No."}}'], "error: No.\n"),
        ([b'{"id": %s, "part": "{"}', b'{"id": %s, "ok": true}'], SILENT + "its answer can't be read\n"),
        ([b'{"id": %s, "part": "' + b"1" * 60_000 + b'"}'] * 150, SILENT + "it answers without an end\n"),
    ],
)  # fmt: skip
def test_a_host_that_lies_harms_nobody(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], said: str) -> None:
    root = prepare(tmp_path_factory.mktemp("l") / "r")
    liar = Liar(root, *lines)
    store = boot(root)
    user = User(store, "root")
    try:
        assert user.says("show vmhost snapshot") == said
        assert "Cli" not in user.says("show cli")
    finally:
        liar.close()


def test_a_host_of_another_version_is_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = prepare(tmp_path_factory.mktemp("l") / "r")
    liar = Liar(root, b"", greeting=b'{"id": %s, "ok": true, "result": {"version": 9}}')
    try:
        assert "does not speak a version" in User(boot(root), "root").says("show vmhost uptime")
    finally:
        liar.close()


def test_answers_of_another_shape_end_the_command_and_not_the_session(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = prepare(tmp_path_factory.mktemp("l") / "r")
    liar = Liar(root, b'{"id": %s, "ok": true, "result": 7}')
    user = User(boot(root), "root")
    try:
        for name in NAMES:
            assert user.says(f"show vmhost {name}") == "error: the VM host's answer is not of the form that is known\n", name
    finally:
        liar.close()
