"""The guest's end of the host channel (docs/reference/host-channel.md), and the first thing that runs after boot.

Until somebody says what this machine is, nothing else runs. One request at a time, as the protocol has it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import time
from pathlib import Path

from system import links
from system.becoming import become, hold_back, set_clock
from system.identity import NOBODY_SAID, ROLES, BadIdentity, Identity, keep, kept, parse
from system.keeper import Keeper
from system.plugging import Plugging
from system.ports import card_port
from system.protocol import label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from system.watchdog import Watchdog

PORT_NAME = "org.rackless.channel.0"
VERSION = 1
MOST_LINE = 64 * 1024
DRIVE_AFTER = 5.0
"""Seconds after boot without a channel at which the configuration drive is asked."""
NOBODY_AFTER = 20.0
"""Seconds after boot at which a machine without a channel and an identity becomes a controller. One with a channel waits."""
MOST_OUTPUT = 24 * 1024
"""Characters of each output of `run` that fit an answer of 64 KiB, escapes included."""
KEY_POWER = 116
WATCHDOG = "/dev/watchdog"
CHASSIS = Path("/run/chassisd.json")
"""What chassisd knows (docs/reference/internal-protocol.md)."""
PREPARED = Path("/run/rackless/prepared")
"""There while this machine is a template: it has let go of all that is one machine's own (system.letting_go)."""
DAEMONS = {"controller": ("system.chassisd", "snmp.subagent"), "card": ("system.carddata",)}


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def time_zone() -> str:
    """Its name, as the configuration has it."""
    try:
        return Path("/etc/timezone").read_text().strip() or "UTC"
    except OSError:
        return "UTC"


def find_port() -> Path | None:
    """The channel's device; there is no udev that would make a link of its name."""
    for entry in Path("/sys/class/virtio-ports").glob("vport*"):
        try:
            if (entry / "name").read_text().strip() == PORT_NAME:
                return Path("/dev", entry.name)
        except OSError:
            continue
    return None


def split_lines(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Complete lines and what is left. A line that grows past the protocol's limit is thrown away."""
    *lines, rest = buffer.split(b"\n")
    return [line for line in lines if len(line) <= MOST_LINE], rest if len(rest) <= MOST_LINE else b""


class Refused(Exception):
    """One sentence: why the request is not done."""


class Agent:
    def __init__(self) -> None:
        self.identity: Identity | None = None
        self.keys: tuple[str, ...] = ()
        self.held: int | None = None
        self.port: int | None = None
        self.power_keys: list[int] = []
        self.keeper = Keeper()
        self.watchdog: Watchdog | None = None
        """Of a controller whose machine has one."""
        self.plugging: Plugging | None = None
        self.wakeup, tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.tell = tell

    def answer(self, line: bytes) -> bytes | None:
        """The answer to one line, None for one that is no request."""
        try:
            request = json.loads(line)
        except ValueError:
            return None
        if not isinstance(request, dict) or not isinstance(request.get("id"), str):
            return None
        verbs = {
            "ping": self.ping,
            "identify": self.identify,
            "status": self.status,
            "prepare": self.prepare,
            "run": self.run_command,
            "power-off": self.power_off,
        }
        try:
            verb = verbs.get(str(request.get("do")))
            if verb is None:
                raise Refused(f"The verb {request.get('do')!r} is none of {', '.join(verbs)}.")
            reply = {"id": request["id"], "ok": True, **verb(request)}
        except (Refused, BadIdentity) as error:
            reply = {"id": request["id"], "ok": False, "error": str(error)}
        except (OSError, subprocess.SubprocessError) as error:
            reply = {"id": request["id"], "ok": False, "error": f"The guest could not do it: {error}"}
        return json.dumps(reply).encode() + b"\n"

    def ping(self, _: dict[str, object]) -> dict[str, object]:
        return {"version": VERSION, "uptime": uptime(), "boot_id": boot_id(), "time": time.time(), "time_zone": time_zone()}

    def identify(self, request: dict[str, object]) -> dict[str, object]:
        when = request.get("time")
        if not isinstance(when, int | float) or isinstance(when, bool):
            raise Refused(f"time is {when!r}, not a number.")
        identity = parse(request)
        mine = self.identity
        if mine is not None and (mine.role, mine.slot) != (identity.role, identity.slot):
            slot = "" if mine.slot is None else f" {mine.slot}"
            wanted = "" if identity.slot is None else f" {identity.slot}"
            raise Refused(f"This machine is {mine.role}{slot} already and cannot become {identity.role}{wanted}.")
        if PREPARED.exists():
            entropy = entropy_of(request)
            from system.letting_go import take_up

            take_up(entropy)
            PREPARED.unlink()
        if mine != identity:
            self.take(identity, float(when))
        elif set_clock(float(when)) and "entropy" in request:
            from system.letting_go import stir

            # It was away, and may be one of several that went on from the same snapshot.
            stir(entropy_of(request))
        return {"host_keys": list(self.keys)}

    def prepare(self, request: dict[str, object]) -> dict[str, object]:
        """Be a template of machines of a role from now on, until one of them is told who it is."""
        role = request.get("role")
        if role not in ROLES:
            raise Refused(f"The role {role!r} is none of {', '.join(ROLES)}.")
        if self.identity is not None:
            raise Refused(f"This machine is {self.identity.role} already, and no template any more.")
        if not PREPARED.exists():
            from system.letting_go import let_go

            PREPARED.touch()
            let_go(str(role), DAEMONS.get(str(role), ()), self.wake)
        return {}

    def take(self, identity: Identity, when: float | None) -> None:
        """Become it, and keep it for later boots once it worked."""
        self.keys = become(identity, when)
        if self.held is not None:
            os.close(self.held)
            self.held = None
        if identity is not NOBODY_SAID:
            keep(identity)
        self.identity = identity
        self.power_keys = self.power_keys or open_power_keys()
        # Only a controller's agent never works for long at one request.
        if identity.role == "controller" and self.watchdog is None and os.path.exists(WATCHDOG):
            from system.watchdog import Watchdog

            self.watchdog = Watchdog(WATCHDOG)
        if identity.role != "controller" and self.port is None:  # With a host channel, NICs are there from the boot on.
            self.plugging = Plugging(identity)
        for module in DAEMONS.get(identity.role, ()):
            self.keeper.keep(module)
        links.say(f"this machine is {identity.role} {'' if identity.slot is None else identity.slot}")

    def wake(self) -> None:
        """Have what waits for the role look again, and go on waiting."""
        if self.held is not None:
            os.close(self.held)
        self.held = hold_back()

    def status(self, _: dict[str, object]) -> dict[str, object]:
        identity = self.identity
        ports = [] if identity is None else ports_of(identity)
        return {
            "role": None if identity is None else identity.role,
            "slot": None if identity is None else identity.slot,
            "ready": identity is not None and is_ready(identity),
            "uptime": uptime(),
            "boot_id": boot_id(),
            "time": time.time(),
            "time_zone": time_zone(),
            "ports": ports,
        }

    def run_command(self, request: dict[str, object]) -> dict[str, object]:
        if self.identity is None or self.identity.role == "controller":
            raise Refused("Commands are run on cards and hosts only; a controller has its console and SSH.")
        argv, text, deadline = request.get("argv"), request.get("stdin", ""), request.get("deadline")
        if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
            raise Refused("argv is not a list of texts.")
        if not isinstance(text, str) or not isinstance(deadline, int | float) or not 0 < deadline <= 3600:
            raise Refused("stdin is not a text, or deadline not a number of seconds up to 3600.")
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            out, err = process.communicate(text, timeout=float(deadline))
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Refused(f"{argv[0]} did not end within {deadline:g} s.") from error
        return {"code": process.returncode, "out": out[:MOST_OUTPUT], "err": err[:MOST_OUTPUT]}

    def power_off(self, _: dict[str, object]) -> dict[str, object]:
        os.kill(1, signal.SIGUSR2)
        return {}

    def serve(self) -> None:
        """Wait for an identity, then answer for ever. Returns only when the channel breaks; init starts the agent again."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.tell, warn_on_full_buffer=False)
        self.held = hold_back()
        known = kept()
        if known is not None:
            self.take(known, None)
        buffer, drive_asked = b"", False
        while True:
            if self.port is None:
                self.open_port()
            if self.identity is None and self.port is None and not drive_asked and uptime() >= DRIVE_AFTER:
                drive_asked = True
                given = drive_identity()
                if given is not None:
                    self.take(given, None)
            if self.identity is None and self.port is None and uptime() >= NOBODY_AFTER:
                self.take(NOBODY_SAID, None)
            self.keeper.tend()
            if self.watchdog is not None:
                self.watchdog.feed()
            fds = [self.wakeup, *self.power_keys, *([] if self.port is None else [self.port])]
            fds += [] if self.plugging is None else [self.plugging.watch.fileno()]
            ready, _, _ = select.select(fds, [], [], self.patience())
            for fd in ready:
                if fd in self.power_keys:
                    read_power_key(fd)
                elif fd == self.wakeup:
                    os.read(self.wakeup, 4096)
                elif self.plugging is not None and fd == self.plugging.watch.fileno():
                    self.plugging.look()
            if self.port is not None and self.port in ready:
                data = os.read(self.port, 65536)
                if not data:
                    self.wait_for_host()
                lines, buffer = split_lines(buffer + data)
                for line in lines:
                    reply = self.answer(line)
                    if reply is not None:
                        write_all(self.port, reply)

    def patience(self) -> float | None:
        """Seconds to wait at most for something to read."""
        waits = [self.keeper.patience(), None if self.watchdog is None else self.watchdog.patience(), self.quiet()]
        return min((wait for wait in waits if wait is not None), default=None)

    def quiet(self) -> float | None:
        if self.identity is None:
            return 0.1 if self.port is None else None
        return 2.0 if self.port is None and uptime() < 3 * NOBODY_AFTER else None

    def open_port(self) -> None:
        path = find_port()
        if path is not None:
            # O_ASYNC: the driver sends SIGIO when the host connects; without a host a read returns nothing at once.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
            self.port = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            import fcntl

            fcntl.fcntl(self.port, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(self.port, fcntl.F_SETFL, fcntl.fcntl(self.port, fcntl.F_GETFL) | os.O_ASYNC)

    def wait_for_host(self) -> None:
        """Nobody is connected to the channel: wait until somebody is, at most a second."""
        signal.sigtimedwait({signal.SIGIO}, 1.0 if self.identity else 0.1)


def entropy_of(request: dict[str, object]) -> str:
    """At least 32 octets of the host's random numbers, as hexadecimal digits."""
    value = request.get("entropy")
    if not isinstance(value, str) or not 64 <= len(value) <= 1024 or len(value) % 2 or value.strip("0123456789abcdef"):
        raise Refused("A machine of a template needs entropy: 32 octets or more, as hexadecimal digits.")
    return value


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def drive_identity() -> Identity | None:
    from system.configdrive import read_identity

    try:
        return read_identity()
    except BadIdentity as error:
        links.say(f"the configuration drive's identity is not used: {error}")
        return None


def told_macs() -> dict[str, str]:
    """MAC by label of the ports that the cards have told of. The interface of one that just becomes a member of an aggregate
    has the aggregate's already, and does not say yet that it is a member."""
    try:
        cards = json.loads(CHASSIS.read_text())["cards"]
    except (OSError, ValueError, KeyError):
        return {}
    return {label(card["slot"], port["port"]): port["mac"] for card in cards for port in card["ports"]}


def ports_of(identity: Identity) -> list[dict[str, object]]:
    """The role's ports: a controller's are its cards', a card's and a host's are its own NICs."""
    macs: dict[str, str] = {}
    if identity.role == "controller":
        placed = [(name, card_port(name)) for name in links.names()]
        named = [(name, label(*place)) for name, place in placed if place is not None]
        macs = told_macs()
    else:
        labels = {nic.index: nic.label for nic in identity.nics}
        indexes = range(identity.fixed, len(links.physical()))
        named = [(identity.interface(index), labels.get(index, identity.interface(index))) for index in indexes]
    found = [(title, links.read(name)) for name, title in named]
    return [
        {"label": title, "mac": macs.get(title, link.mac), "mtu": link.mtu, "carrier": link.carrier}
        for title, link in found
        if link is not None
    ]


def is_ready(identity: Identity) -> bool:
    """The role's daemons have done their first work."""
    if identity.role == "card":
        return Path("/run/rackless/carddata.ready").exists()
    if identity.role == "host":
        return Path("/run/sshd.pid").exists()
    with_mgmt = Path("/usr/lib/rackless-router/mgmt/daemon.py").exists()
    return CHASSIS.exists() and (not with_mgmt or Path("/run/mgd.sock").exists())


def open_power_keys() -> list[int]:
    """Input devices with a power key (ACPI), so that the host can ask for an orderly shutdown."""
    found = []
    for entry in Path("/sys/class/input").glob("event*"):
        try:
            if "Power Button" in (entry / "device/name").read_text():
                found.append(os.open(Path("/dev/input", entry.name), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        except OSError as error:
            links.say(f"no power key at {entry.name}: {error}")
    return found


def read_power_key(fd: int) -> None:
    size = struct.calcsize("llHHi")
    data = os.read(fd, size * 16)
    for start in range(0, len(data) - size + 1, size):
        _, _, kind, code, value = struct.unpack_from("llHHi", data, start)
        if (kind, code, value) == (1, KEY_POWER, 1):
            links.say("power key: shutting down")
            os.kill(1, signal.SIGUSR2)


def main() -> None:
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LANG="C.UTF-8")
    os.chdir("/")
    Agent().serve()
