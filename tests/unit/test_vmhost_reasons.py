"""Why a host or a guest came up: out of what they leave written, and of QEMU's events."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from rackless.model.vmhost import Boot, Reason
from rackless.vmhost.linux import endings
from rackless.vmhost.occurrences import Occurrences, understood
from rackless.vmhost.reasons import KEPT, Ending, Event, EventKind, Evidence, of_guest, of_host, remember


def login(kind: int, user: str, pid: int = 0) -> bytes:
    return endings.RECORD.pack(kind, 0, pid, b"~", b"~~", user.encode(), b"6.1.0", 0, 0, 0, 0, 0, 0, 0, 0, 0)


BOOT, DOWN, LEVEL5 = login(2, "reboot"), login(1, "shutdown"), login(1, "runlevel", ord("5"))


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        (b"", Ending.NONE),
        (BOOT, Ending.NONE),
        (BOOT + LEVEL5 + BOOT + LEVEL5, Ending.NONE),
        (BOOT + LEVEL5 + DOWN + BOOT + LEVEL5, Ending.REBOOT),
        (BOOT + login(1, "runlevel", ord("0")) + BOOT, Ending.SHUTDOWN),
        (BOOT + DOWN + BOOT + LEVEL5 + BOOT, Ending.NONE),
        (BOOT + DOWN + BOOT + LEVEL5 + DOWN, Ending.REBOOT),
    ],
)
def test_records_of_logins(records: bytes, ending: Ending) -> None:
    assert endings.ended(records) is ending


def test_what_a_host_leaves_written(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/pstore").mkdir(parents=True)
    (tmp_path / "sys/class/watchdog/watchdog0").mkdir(parents=True)
    (tmp_path / "var/log").mkdir(parents=True)
    assert endings.found(tmp_path) == Evidence()
    (tmp_path / "var/log/wtmp").write_bytes(BOOT + DOWN + BOOT + b"half a record")
    (tmp_path / "sys/class/watchdog/watchdog0/bootstatus").write_text("32\n")
    found = endings.found(tmp_path)
    assert (found.ending, found.platform) == (Ending.REBOOT, (Reason.WATCHDOG,))
    assert of_host(found)[0] is Reason.WATCHDOG, "a shutdown that hung was ended by the watchdog"
    lines = (
        "<6>[   12.1] usb 1-1: new",
        "<0>[   13.9] Kernel panic - not syncing: sysrq triggered crash",
        "<4>[  13.9] Call Trace:",
    )
    dump = "\n".join(lines)
    (tmp_path / "sys/fs/pstore/dmesg-efi-169").write_text(dump)
    found = endings.found(tmp_path)
    assert found.dump == "Kernel panic - not syncing: sysrq triggered crash"
    assert of_host(found) == (Reason.PANIC, f"crash dump: {found.dump}")


def test_a_dump_that_this_boot_moved_away_tells_of_the_last_run_and_an_older_one_does_not(tmp_path: Path) -> None:
    """systemd-pstore(8) has moved it before an agent looks: seen on the appliance, whose firmware keeps dumps in an ERST."""
    folder = tmp_path / "var/lib/systemd/pstore/7711091941441"
    folder.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    now = int(time.time())
    for name in ("dmesg-erst-7711091941441001", "dmesg.txt"):
        (folder / name).write_text("Panic#1 Part1\n<0>[   13.9] Kernel panic - not syncing: sysrq triggered crash\n")
        os.utime(folder / name, (now - 600, now - 600))  # it keeps the time at which the kernel wrote it
    for booted, dump in ((now - 60, "Kernel panic - not syncing: sysrq triggered crash"), (now + 60, "")):
        (tmp_path / "proc/stat").write_text(f"cpu  1 2 3\nbtime {booted}\nprocesses 7\n")
        assert endings.found(tmp_path).dump == dump


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(first=True), "0x1:power cycle/failure"),
        (Evidence(ending=Ending.REBOOT), "0x2000:hypervisor reboot"),
        (Evidence(ending=Ending.SHUTDOWN), "0x200:normal shutdown"),
        (Evidence(platform=(Reason.RESET_BUTTON,)), "0x4:reset-button reset"),
        (Evidence(platform=(Reason.RESET_BUTTON, Reason.THERMAL)), "0x20:thermal shutdown"),
        (Evidence(platform=(Reason.WATCHDOG,), dump="mce: [Hardware Error]: Machine check: Processor context corrupt"), "0x800:"),
        (Evidence(platform=(Reason.WATCHDOG,), dump="Oops: general protection fault"), "0x1000:reboot due to panic"),
    ],
)
def test_the_most_telling_evidence_counts(evidence: Evidence, reason: str) -> None:
    assert str(of_host(evidence)[0]).startswith(reason)


def event(name: str, **data: object) -> dict[str, object]:
    return {"event": name, "data": data}


# As QEMU 7.2 tells them (docs/reference/vmhost-configuration.md).
PANIC = [event("GUEST_PANICKED", action="pause"), event("STOP"), event("RESET", guest=False, reason="host-qmp-system-reset")]
WATCHDOG = [event("WATCHDOG", action="reset"), event("RESET", guest=True, reason="guest-reset")]
REBOOT = [event("RESET", guest=True, reason="guest-reset"), event("RESET", guest=True, reason="guest-reset")]
POWER_OFF = [event("POWERDOWN"), event("SHUTDOWN", guest=True, reason="guest-shutdown")]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (PANIC, Reason.PANIC),
        (WATCHDOG, Reason.GUEST_WATCHDOG),
        (REBOOT, Reason.GUEST),
        (POWER_OFF, Reason.GUEST),
        ([event("SHUTDOWN", guest=False, reason="host-signal")], Reason.SHUTDOWN),
        ([event("SHUTDOWN", guest=True, reason="guest-panic")], Reason.PANIC),
        ([event("NIC_RX_FILTER_CHANGED", path="/machine")], Reason.EXCEPTION),
    ],
)
def test_events_of_one_fault_give_one_reason(messages: list[dict[str, object]], reason: Reason) -> None:
    events = [found for message in messages if (found := understood(message, 5.0)) is not None]
    assert of_guest(events)[0] is reason


def test_a_guest_comes_up_for_the_reason_of_its_host() -> None:
    boot = Boot(at=1.0, reason=Reason.THERMAL, detail="the platform says so")
    assert of_guest((), host=boot) == (Reason.THERMAL, "its host came up: the platform says so")


def test_one_reset_told_twice_counts_once_and_a_later_one_again() -> None:
    told = Occurrences(Path("/nowhere"))
    for at in (10.0, 10.3, 20.0):
        told.note(Event(kind=EventKind.RESET, at=at))
    assert [each.at for each in told.take()] == [10.0, 20.0]
    assert told.take() == ()


async def test_who_waits_again_waits_for_the_next_event() -> None:
    told = Occurrences(Path("/nowhere"))
    told.note(Event(kind=EventKind.RESET, at=10.0))
    await asyncio.wait_for(told.wait(60), 10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(told.wait(60), 0.05)
    assert len(told.take()) == 1, "it is there still"


def test_as_many_boots_as_are_kept() -> None:
    boots: tuple[Boot, ...] = ()
    for number in range(KEPT + 5):
        boots = remember(boots, Boot(at=float(number), reason=Reason.GUEST))
    assert (len(boots), boots[0].at) == (KEPT, KEPT + 4.0)
