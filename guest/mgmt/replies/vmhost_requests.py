"""`request vmhost`: what this router asks of the host below it."""

from __future__ import annotations

import os
import time

from ..vmhost import PIECE, line_of, printable
from .files import place
from .reply import fail
from .system import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..session import Session

    Given = dict[str, str]
    Tell = Callable[[str], None]
    Facts = dict[str, Any]

DEVICES = ("disk1", "disk2", "usb", "network")
SPOOL = "/var/tmp"
REBOOT_NEEDED = (
    "A REBOOT IS REQUIRED TO LOAD THIS SOFTWARE CORRECTLY.",
    "Use the 'request vmhost reboot' command to reboot the system.",
)


def _ask(session: Session, verb: str, values: Facts, tell: Tell | None) -> Facts:
    done = line_of(session.datastore.world).ask(session.user, session.level, verb, values, tell)
    return done if isinstance(done, dict) else {}


def _said(done: Facts) -> list[str]:
    lines = [printable(str(line)) for line in done.get("lines") or ()]
    scheduled = done.get("scheduled")
    if isinstance(scheduled, dict):
        device = f" from {scheduled['device']}" if scheduled.get("device") else ""
        lines.append(f"{str(scheduled['action']).capitalize()}{device} of the VM host at {moment(float(scheduled['at']))}")
    return lines


# ---- software


def add(session: Session, given: Given, tell: Tell) -> list[str]:
    path = given["package-name"]
    if path.startswith(("http://", "https://")):
        values = {"address": path, "validate": "no-validate" not in given, "reboot": "reboot" in given}
        done = _ask(session, "fetch-software", values, tell)
        return [*_said(done), *(REBOOT_NEEDED if done.get("reboot_needed") else ())]
    real = place(session, path)
    code, _ = session.channel.run(["test", "-r", real], capture=True)
    if code != 0 or not os.path.isfile(real):
        raise fail(f"error: package: {path} is not found, or can't be read by {session.user}")
    with open(real, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise fail(f"error: package: {path} is empty")
        values = {
            "name": _name(path),
            "size": size,
            "validate": "no-validate" not in given,
            "reboot": "reboot" in given,
        }
        tell(f"Sending {path} to the VM host ({size} bytes) ...")
        done = line_of(session.datastore.world).send(session.user, session.level, values, _pieces(file.read, size, tell), tell)
    done = done if isinstance(done, dict) else {}
    return [*_said(done), *(REBOOT_NEEDED if done.get("reboot_needed") else ())]


def _name(path: str) -> str:
    """The file's own name, as far as the host takes such."""
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@+~:=,-"
    name = "".join(letter for letter in path.rpartition("/")[2] if letter in allowed)[:200]
    return name.lstrip(".") or "bundle"


def _pieces(read: Callable[[int], bytes], size: int, tell: Tell) -> Iterator[bytes]:
    sent = tenths = 0
    while True:
        piece = read(PIECE)
        if not piece:
            return
        yield piece
        sent += len(piece)
        if 10 * sent // size > tenths:
            tenths = 10 * sent // size
            if size > 100 * PIECE:
                tell(f"{10 * tenths}% sent")


def abort(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "abort-software", {}, None))


def rollback(session: Session, given: Given, tell: Tell) -> list[str]:
    done = _ask(session, "roll-back", {}, tell)
    return [*_said(done), *(REBOOT_NEEDED if done.get("reboot_needed") else ())]


def snapshot(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "take-snapshot", {"recovery": "recovery" in given, "partition": "partition" in given}, tell))


# ---- power


def reboot(session: Session, given: Given, tell: Tell) -> list[str]:
    devices = [name for name in DEVICES if name in given]
    if len(devices) > 1:
        raise fail(f"error: only one of {' and '.join(devices)} can be booted from")
    return _said(_ask(session, "reboot", {"device": "".join(devices), "after": after(given)}, None))


def power_off(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "power-off", {"after": after(given)}, None))


def halt(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "halt", {"after": after(given)}, None))


def power_on(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "power-on", {"guest": given.get("guest", "")}, None))


def cancel(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "cancel", {}, None))


def after(given: Given, now: float | None = None) -> float:
    """Seconds until `in MINUTES`, or `at TIME`: `now`, `+MINUTES`, `HH:MM` (today or tomorrow) or `YYMMDDHHMM`. 0 without
    either."""
    if "in" in given and "at" in given:
        raise fail("error: either 'in' or 'at' can be given")
    if "in" in given:
        return 60.0 * int(given["in"])
    text = given.get("at", "now")
    if text == "now":
        return 0.0
    if text.startswith("+") and text[1:].isdigit():
        return 60.0 * int(text[1:])
    begin = time.time() if now is None else now
    today = time.localtime(begin)
    try:
        if ":" in text:
            clock = time.strptime(text, "%H:%M")
            wanted = time.mktime((*today[:3], clock.tm_hour, clock.tm_min, 0, 0, 0, -1))
            if wanted <= begin:
                wanted = time.mktime((today[0], today[1], today[2] + 1, clock.tm_hour, clock.tm_min, 0, 0, 0, -1))
        else:
            wanted = time.mktime((*time.strptime(text, "%y%m%d%H%M")[:6], 0, 0, -1))
    except ValueError:
        raise fail(f"error: '{text}' is no time; it can be now, +MINUTES, HH:MM or YYMMDDHHMM") from None
    if wanted <= begin:
        raise fail(f"error: {moment(wanted)} is over")
    return wanted - begin


# ---- the rest


def cleanup(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "clean-up", {}, tell))


def zeroize(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "zeroize", {"sure": True}, tell))


def test_disk(session: Session, given: Given, tell: Tell) -> list[str]:
    return _said(_ask(session, "test-disk", {"disk": given["disk"], "extended": "long" in given}, tell))


def copy_file(session: Session, given: Given, tell: Tell) -> list[str]:
    """A log or crash dump of the host into a file of the user: made by the user's own program, so with the user's own rights."""
    if "from-jnode" not in given or "to-vjunos" not in given:
        raise fail("error: 'from-jnode FILE' and 'to-vjunos FILE' are needed")
    world = session.datastore.world
    target = place(session, given["to-vjunos"])
    if os.path.isdir(target):
        target = os.path.join(target, _name(given["from-jnode"]))
    os.makedirs(world.path(SPOOL), exist_ok=True)
    spooled = f"{SPOOL}/.vmhost-{os.urandom(8).hex()}"
    handle = os.open(world.path(spooled), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        size = 0
        with os.fdopen(handle, "wb") as file:
            values = {"kind": given["kind"], "name": given["from-jnode"]}
            for piece in line_of(world).read(session.user, session.level, values):
                size += file.write(piece)
            if world.live:
                import pwd

                user = pwd.getpwnam(session.user)
                os.fchown(file.fileno(), user.pw_uid, user.pw_gid)
        code, said = session.channel.run(["cp", "--", world.path(spooled), target], capture=True)
        if code != 0:
            raise fail(f"error: {given['to-vjunos']}: {said.strip().rpartition(': ')[2] or 'can not be written'}")
    finally:
        world.remove(spooled)
    return [f"{given['from-jnode']}: {size} bytes"]
