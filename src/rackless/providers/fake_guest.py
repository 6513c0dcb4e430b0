"""The guests of the fake provider: the serial dialogue and the host channel of the reference router, in small.

Everything a guest knows is in `Guest`, so that it survives with its cloud. The dialogue is the controller's: `login:` (root
without a password on first boot only), a Unix shell, `cli`, `configure`, `set`, plain-text-password prompts, `commit`. The
host channel answers as docs/reference/host-channel.md says.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rackless.model.family import NicRole, Role
from rackless.model.plan import MachineSpec


class Mode(StrEnum):
    OFF = "off"
    MENU = "menu"
    LOGIN = "login"
    PASSWORD = "password"  # noqa: S105 - the name of a prompt
    SHELL = "shell"
    CLI = "cli"
    CONFIGURE = "configure"
    NEW_SECRET = "new-secret"  # noqa: S105 - the name of a prompt
    AGAIN_SECRET = "again-secret"  # noqa: S105 - the name of a prompt


SILENT = frozenset({Mode.PASSWORD, Mode.NEW_SECRET, Mode.AGAIN_SECRET})
"""Modes in which the terminal does not echo."""


@dataclass(kw_only=True)
class Guest:
    """What is on a guest's disk (`config`, `secrets`, `identity`, `hostname`) and in its memory (the rest)."""

    hostname: str = "rackless"
    config: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """user -> sha256 of the password: enough to check a login, never the password."""
    identity: dict[str, Any] = field(default_factory=dict)
    mode: Mode = Mode.OFF
    candidate: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    asking: str = ""
    first: str = ""
    user: str = ""
    line: str = ""
    boot_id: str = ""
    booted: float = 0.0
    dead: bool = False
    """A card that never comes up in this boot (an injected fault)."""
    greeting: bool = False
    """Boot messages wait for the first console."""

    def power_on(self, *, menu: bool, dead: bool) -> None:
        self.mode = Mode.MENU if menu else Mode.LOGIN
        self.dead = dead
        self.boot_id, self.booted = str(uuid.uuid4()), time.time()
        self.candidate, self.pending, self.line, self.greeting = list(self.config), {}, "", True

    def power_off(self) -> None:
        self.mode = Mode.OFF


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Terminal:
    """The serial line of one guest: bytes in, bytes out. `commit_fails` is asked once per commit."""

    def __init__(self, guest: Guest, spec: MachineSpec, commit_fails: Callable[[], bool]) -> None:
        self._guest = guest
        self._spec = spec
        self._commit_fails = commit_fails

    def opened(self) -> bytes:
        """What a console that is opened sees at once: the boot, if nobody has seen it yet."""
        if not self._guest.greeting:
            return b""
        self._guest.greeting = False
        return f"\r\nBooting {self._spec.name}\r\n{self._prompt()}".encode()

    def feed(self, data: bytes) -> bytes:
        answer = ""
        for char in data.decode(errors="replace"):
            if self._guest.mode is Mode.OFF:
                break
            if char in "\r\n":
                line, self._guest.line = self._guest.line, ""
                answer += "\r\n" + self._line(line) + self._prompt()
            elif char == "\x03":
                self._guest.line = ""
                answer += "^C\r\n" + self._prompt()
            else:
                self._guest.line += char
                answer += "" if self._guest.mode in SILENT else char
        return answer.encode()

    def _prompt(self) -> str:
        guest = self._guest
        return {
            Mode.OFF: "",
            Mode.MENU: "boot: ",
            Mode.LOGIN: f"\r\n{guest.hostname} (ttyS0)\r\n\r\nlogin: ",
            Mode.PASSWORD: "Password: ",
            Mode.SHELL: f"{guest.user}@{guest.hostname}:~# ",
            Mode.CLI: f"{guest.user}@{guest.hostname}> ",
            Mode.CONFIGURE: f"\r\n[edit]\r\n{guest.user}@{guest.hostname}# ",
            Mode.NEW_SECRET: "New password: ",
            Mode.AGAIN_SECRET: "Retype new password: ",
        }[guest.mode]

    def _line(self, line: str) -> str:
        modes: dict[Mode, Callable[[str], str]] = {
            Mode.MENU: lambda _: "",
            Mode.LOGIN: self._login,
            Mode.PASSWORD: self._password,
            Mode.SHELL: self._shell,
            Mode.CLI: self._cli,
            Mode.CONFIGURE: self._configure,
            Mode.NEW_SECRET: self._new_secret,
            Mode.AGAIN_SECRET: self._again_secret,
        }
        return modes[self._guest.mode](line.strip())

    def _login(self, line: str) -> str:
        if not line:
            return ""
        self._guest.user = line
        first_boot = line == "root" and "root" not in self._guest.secrets and self._spec.role is Role.CONTROLLER
        self._guest.mode = Mode.SHELL if first_boot else Mode.PASSWORD
        return ""

    def _password(self, line: str) -> str:
        if self._guest.secrets.get(self._guest.user) == digest(line):
            self._guest.mode = Mode.SHELL if self._guest.user == "root" else Mode.CLI
            return ""
        self._guest.mode = Mode.LOGIN
        return "Login incorrect\r\n"

    def _shell(self, line: str) -> str:
        if line == "cli":
            self._guest.mode = Mode.CLI
        elif line in {"exit", "logout"}:
            self._guest.mode = Mode.LOGIN
        elif line:
            return f"sh: {line.split(maxsplit=1)[0]}: not found\r\n"
        return ""

    def _cli(self, line: str) -> str:
        guest = self._guest
        if line in {"configure", "configure exclusive"}:
            guest.mode, guest.candidate, guest.pending = Mode.CONFIGURE, list(guest.config), {}
            return "Entering configuration mode\r\n"
        if line in {"exit", "quit"}:
            guest.mode = Mode.SHELL if guest.user == "root" else Mode.LOGIN
            return ""
        if line.startswith("show configuration"):
            return "".join(f"{text}\r\n" for text in guest.config)
        if line == "show version":
            return f"Hostname: {guest.hostname}\r\nModel: fake\r\n"
        if line.startswith("set cli "):
            return ""
        return "unknown command.\r\n" if line else ""

    def _configure(self, line: str) -> str:
        guest = self._guest
        words = line.split()
        if not words:
            return ""
        if words[0] == "set" and words[-1] == "plain-text-password":
            guest.mode, guest.asking = Mode.NEW_SECRET, " ".join(words[1:-1])
        elif words[0] == "set" and len(words) > 1:
            guest.candidate.append(" ".join(words))
        elif words[0] == "delete":
            prefix = " ".join(["set", *words[1:]])
            guest.candidate = [text for text in guest.candidate if not (text + " ").startswith(prefix + " ")]
        elif words[0] == "commit":
            return self._commit(words[1:])
        elif words[0] == "rollback":
            guest.candidate, guest.pending = list(guest.config), {}
            return "load complete\r\n"
        elif words[0] in {"exit", "quit"}:
            guest.mode = Mode.CLI
            return "Exiting configuration mode\r\n"
        else:
            return " " * len(guest.user + guest.hostname) + "  ^\r\nunknown command.\r\n"
        return ""

    def _new_secret(self, line: str) -> str:
        self._guest.first, self._guest.mode = digest(line), Mode.AGAIN_SECRET
        return ""

    def _again_secret(self, line: str) -> str:
        guest = self._guest
        guest.mode = Mode.CONFIGURE
        if digest(line) != guest.first:
            return "error: mismatched passwords\r\n"
        words = guest.asking.split()
        user = "root" if "root-authentication" in words else words[words.index("user") + 1] if "user" in words else ""
        guest.pending[user] = guest.first
        guest.candidate.append(f"set {guest.asking} encrypted-password fake")
        return ""

    def _commit(self, words: list[str]) -> str:
        guest = self._guest
        if self._commit_fails():
            return "error: commit failed: (injected fault)\r\n"
        if not any("root-authentication" in text for text in guest.candidate):
            missing = "[edit]\r\n  'system'\r\n    Missing mandatory statement: 'root-authentication'\r\n"
            return missing + "error: commit failed: (missing statements)\r\n"
        if words[:1] == ["check"]:
            return "configuration check succeeds\r\n"
        guest.config = list(dict.fromkeys(guest.candidate))
        guest.candidate = list(guest.config)
        guest.secrets.update(guest.pending)
        for text in guest.config:
            if text.startswith("set system host-name "):
                guest.hostname = text.split()[-1]
        if words[:1] == ["and-quit"]:
            guest.mode = Mode.CLI
        return "commit complete\r\n"


@dataclass(frozen=True, kw_only=True)
class View:
    """What a guest sees of its surroundings: the machines of its router that are up, with their carrier per NIC index."""

    spec: MachineSpec
    cards: tuple[tuple[MachineSpec, Guest, frozenset[int]], ...] = ()
    carrier: frozenset[int] = frozenset()


def answer(guest: Guest, view: View, request: dict[str, Any]) -> dict[str, Any]:
    """One answer of the host channel, without its `id`."""
    verb = request.get("do")
    uptime = time.time() - guest.booted
    if verb == "ping":
        return {"ok": True, "version": 1, "uptime": uptime, "boot_id": guest.boot_id}
    if verb == "identify":
        return _identify(guest, view.spec, request)
    if verb == "status":
        return {
            "ok": True,
            "role": guest.identity.get("role"),
            "slot": guest.identity.get("slot"),
            "ready": bool(guest.identity) and not guest.dead,
            "uptime": uptime,
            "boot_id": guest.boot_id,
            "ports": list(_ports(guest, view)),
        }
    if verb == "run" and view.spec.role is not Role.CONTROLLER:
        out = _devices(view, int(uptime)) if request.get("argv") == ["cat", "/proc/net/dev"] else ""
        return {"ok": True, "code": 0, "out": out, "err": ""}
    if verb == "power-off":
        return {"ok": True}
    return {"ok": False, "error": f"this guest has no verb {verb!r}"}


def answer_line(guest: Guest, view: View, line: bytes) -> bytes:
    """The answer to one line; b"" for what is not JSON, as the protocol says. A dead card answers nothing."""
    try:
        request = json.loads(line)
    except ValueError:
        return b""
    if not isinstance(request, dict) or guest.dead:
        return b""
    return json.dumps({"id": request.get("id"), **answer(guest, view, request)}).encode() + b"\n"


def _identify(guest: Guest, spec: MachineSpec, request: dict[str, Any]) -> dict[str, Any]:
    identity = {key: request.get(key) for key in ("role", "slot", "hostname", "nics")}
    if guest.identity and any(guest.identity[key] != identity[key] for key in ("role", "slot")):
        return {"ok": False, "error": f"this guest is {guest.identity['role']} {guest.identity['slot']} already"}
    if not guest.identity and identity["hostname"]:
        guest.hostname = str(identity["hostname"])
    guest.identity = identity
    return {"ok": True, "host_keys": [f"ssh-ed25519 {digest(spec.sandbox + spec.name)} {spec.name}"]}


def _devices(view: View, seconds: int) -> str:
    """As proc(5) shows it: a NIC with carrier has seen one packet of 100 octets each way in every second since the boot."""
    lines = ["Inter-|   Receive                                                |  Transmit", " face |bytes    packets ..."]
    for nic in view.spec.nics:
        count = seconds if nic.index in view.carrier else 0
        lines.append(f"{nic.label:>6}: {100 * count} {count} 0 0 0 0 0 0 {100 * count} {count} 0 0 0 0 0 0")
    return "\n".join(lines) + "\n"


def _ports(guest: Guest, view: View) -> Iterable[dict[str, Any]]:
    cards: tuple[tuple[MachineSpec, Guest, frozenset[int]], ...] = ((view.spec, guest, view.carrier),)
    if any(nic.role is NicRole.INTERNAL for nic in view.spec.nics) and view.spec.role is Role.CONTROLLER:
        cards = view.cards
    for spec, card, carrier in cards:
        if card.dead or not card.identity:
            continue
        for nic in spec.nics:
            if nic.role is NicRole.TRAFFIC:
                yield {"label": nic.label, "mac": nic.mac, "mtu": 1500, "carrier": nic.index in carrier}
