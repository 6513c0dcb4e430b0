"""What keeps the engines running: systemd where it is the first process, else `supervisor` (http://supervisord.org).

A program is described once, and its unit and its section are pure texts. Both start again what
ended, for ever: an engine that is killed comes back, and it is Patroni and etcd that say what it may be then.
When the machine starts only the daemon does, and starts the engines once it knows that they may run: a copy of a node's disk
starts none, nor does one of two nodes that may have been taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import os
import shlex
import socket
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from rackless.deadline import Deadline
from rackless.fabric.places import Places
from rackless.model.errors import ProviderError
from rackless.running import run, spawn

ACTING = 60.0
"""Seconds for one order; an engine that ends in order may take its `stop_wait`."""
PREFIX = "rackless-"
"""Of the units' names."""
RUNNING = frozenset({"active", "reloading"})
"""States of a unit that `systemctl is-active` takes for good (systemctl(1))."""
UNITS = "RACKLESS_FABRIC_UNITS"
"""Where units are written, if another folder is wanted than `unit_folder` finds."""
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
"""The second where the root is never written: units are there until the next boot, and the daemon, which the package's own unit
starts then, writes them anew."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """`before`: a command that is run before each start and after each end; that it fails changes nothing. `group`: its children
    are ended with it; PostgreSQL's are not Patroni's to lose. `order`: lower ones are started first."""

    name: str
    command: tuple[str, ...]
    user: str = "root"
    order: int = 100
    before: tuple[str, ...] = ()
    pid_files: tuple[Path, ...] = ()
    """Where it writes its process's number. After a boot that number is somebody else's, who would be taken for it: before each
    start those go that name no process of this program."""
    group: bool = True
    stop_wait: int = 30
    reload: str = "HUP"
    environment: Mapping[str, str] = field(default_factory=dict)
    first: bool = False
    """It is started with the machine, and starts the others."""
    after: str = ""
    """Of systemd: units it starts after."""
    nice: int = 0
    """Of systemd: below 0, it comes before others where processors are short (setpriority(2)). Who is late with heartbeats and
    leases is taken for dead."""


def _forgetting(program: Program) -> str:
    """The shell's words that remove stale files of process numbers."""
    name = Path(program.command[0]).name[:15]  # as the kernel keeps it: proc(5), /proc/PID/comm
    files = _words([str(path) for path in program.pid_files])
    return f'for f in {files}; do [ "$(cat /proc/$(cat $f)/comm)" = {name} ] || rm -f $f; done'


def unit(program: Program) -> str:
    """systemd.service(5)."""
    lines = [
        "[Unit]",
        f"Description=Rackless fabric: {program.name}",
        f"After=network-online.target time-sync.target {program.after}".rstrip(),
        "Wants=network-online.target",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=simple",
        f"User={program.user}",
        *(f"Environment={_quoted(f'{key}={value}')}" for key, value in sorted(program.environment.items())),
        *([f"ExecStartPre=-{_words(program.before)}", f"ExecStopPost=-{_words(program.before)}"] if program.before else []),
        *([f"ExecStartPre=-/bin/sh -c {_quoted(_forgetting(program), dollars=True)}"] if program.pid_files else []),
        f"ExecStart={_words(program.command)}",
        f"ExecReload=/bin/kill -{program.reload} $MAINPID",
        f"KillMode={'control-group' if program.group else 'process'}",
        f"TimeoutStopSec={program.stop_wait}",
        *([f"Nice={program.nice}"] if program.nice else []),
        "Restart=always",
        "RestartSec=1",
        "UMask=0077",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "ProtectHome=yes",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)


def section(program: Program, log: Path) -> str:
    """Of supervisord.conf. A percent sign begins an expansion there."""
    command = _words(program.command)
    first = ([_words(program.before)] if program.before else []) + ([_forgetting(program)] if program.pid_files else [])
    if first:
        command = _words(("/bin/sh", "-c", f"{{ {'; '.join(first)}; }} 2>/dev/null; exec {command}"))
    group = "true" if program.group else "false"
    environment = ",".join(f'{key}="{value}"' for key, value in sorted(program.environment.items()))
    lines = [
        f"[program:{program.name}]",
        f"command={command}",
        f"user={program.user}",
        f"priority={program.order}",
        *([f"environment={environment}"] if environment else []),
        f"autostart={'true' if program.first else 'false'}",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000",
        f"stopwaitsecs={program.stop_wait}",
        f"stopasgroup={group}",
        f"killasgroup={group}",
        "redirect_stderr=true",
        f"stdout_logfile={log / program.name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=3",
        "umask=077",
        "",
    ]
    return lines[0] + "\n" + "\n".join(line.replace("%", "%%") for line in lines[1:])


def supervised(places: Places) -> str:
    """supervisord.conf itself; the programs are files beside it."""
    top = places.own
    return f"""\
[unix_http_server]
file={top / "supervisor.sock"}
chmod=0700
[supervisord]
logfile={places.log / "supervisord.log"}
pidfile={top / "supervisord.pid"}
childlogdir={places.log}
user=root
umask=077
minfds=8192
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{top / "supervisor.sock"}
[include]
files={top / "programs"}/*.conf
"""


def _words(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _quoted(text: str, *, dollars: bool = False) -> str:
    """`dollars`: they are the shell's, not systemd's."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if dollars else text}"'


def program_folders() -> tuple[str, ...]:
    """Where the engines' programs are: in RACKLESS_FABRIC_PROGRAMS, beside this Python, where the Debian package has Patroni, and
    on the PATH."""
    folders = (
        *os.environ.get("RACKLESS_FABRIC_PROGRAMS", "").split(":"),
        str(Path(sys.executable).parent),
        str(Path(sys.prefix) / "fabric/bin"),
        *os.environ.get("PATH", "").split(":"),
        *("/usr/sbin", "/sbin"),
    )
    return tuple(filter(None, folders))


def unit_folder(folders: Sequence[Path] = UNIT_FOLDERS) -> Path:
    """The first that can be written."""
    return next((folder for folder in folders if os.access(folder, os.W_OK)), folders[0])


def program_path(name: str, *more: str) -> str:
    """
    Raises:
        ProviderError: it is not installed.
    """
    for folder in (*program_folders(), *more):
        if os.access(found := Path(folder) / name, os.X_OK):
            return str(found)
    raise ProviderError(
        f"The program {name} is not installed.", hint="`packaging/setup.sh --fabric`, or the Debian package, does."
    )


class Supervision(Protocol):
    async def begin(self) -> None:
        """Be there to be told."""
        ...

    async def have(self, programs: Sequence[Program]) -> frozenset[str]:
        """These run, and no others of the fabric's; those whose description changed are started anew. Safe to repeat.

        Returns:
            Those that were started: they have read what there is.
        """
        ...

    async def reload(self, name: str) -> None:
        """Let it read its configuration anew."""
        ...

    async def restart(self, name: str) -> None: ...

    async def down(self) -> tuple[str, ...]:
        """Those that should run and do not."""
        ...

    async def end(self) -> None:
        """None runs any more, and none will."""
        ...


def here(places: Places) -> Supervision:
    return Systemd() if Path("/run/systemd/system").is_dir() else Supervisor(places)


class Supervisor:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._file = places.own / "supervisord.conf"
        self._folder = places.own / "programs"
        self._socket = places.own / "supervisor.sock"
        self._wanted: dict[str, Program] = {}
        self._told = False

    async def begin(self) -> None:
        """Start supervisord itself, unless it runs."""
        self._places.own.write("supervisord.conf", supervised(self._places))
        self._folder.mkdir(exist_ok=True, mode=0o700)
        if await self._answers():
            return
        self._socket.unlink(missing_ok=True)
        spawn([program_path("supervisord"), "-n", "-c", self._file], log=self._places.log / "supervisord.out")
        deadline = Deadline(ACTING)
        while not await self._answers():
            if deadline.over:
                raise deadline.missed("supervisord to answer", hint=f"{self._places.log / 'supervisord.out'} has its words.")
            await deadline.pause(0.2)

    async def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        return (await self._ctl("pid", check=False)).strip().isdecimal()

    async def have(self, programs: Sequence[Program]) -> frozenset[str]:
        self._wanted = {one.name: one for one in programs}
        texts = {f"{one.name}.conf": section(one, self._places.log) for one in programs}
        there = {path.name: path.read_text(encoding="utf-8") for path in self._folder.glob("*.conf")}
        if texts == there and self._told:
            return frozenset()
        for name in there.keys() - texts.keys():
            (self._folder / name).unlink()
        for name, text in texts.items():
            (self._folder / name).write_text(text, encoding="utf-8")
        await self._ctl("update")
        await self._ctl("start", "all", check=False)  # those that run are said to, as a failure
        self._told = True
        return frozenset(one.name for one in programs if there.get(f"{one.name}.conf") != texts[f"{one.name}.conf"])

    async def reload(self, name: str) -> None:
        await self._ctl("signal", self._wanted[name].reload, name, check=False)

    async def restart(self, name: str) -> None:
        await self._ctl("restart", name)

    async def down(self) -> tuple[str, ...]:
        states = await asyncio.to_thread(self._states)
        return tuple(sorted(name for name in self._wanted if states.get(name) not in {"RUNNING", "STARTING"}))

    def _states(self) -> dict[str, str]:
        """By program (http://supervisord.org/api.html); none while supervisord does not answer. supervisorctl asks the same, and
        costs a start of Python each time."""
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error), _Unix(self._socket) as transport:
            found = xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport).supervisor.getAllProcessInfo()
            return {str(one["name"]): str(one["statename"]) for one in cast(list[dict[str, object]], found)}
        return {}

    async def end(self) -> None:
        if await self._answers():
            await self._ctl("shutdown", check=False)
            deadline = Deadline(ACTING)
            while (self._places.own / "supervisord.pid").exists():
                if deadline.over:
                    raise deadline.missed("supervisord to end")
                await deadline.pause(0.2)

    async def _ctl(self, *words: str, check: bool = True) -> str:
        done = await run([program_path("supervisorctl"), "-c", self._file, *words], deadline=ACTING, check=check)
        return done.out.decode(errors="replace")


class _Unix(xmlrpc.client.Transport):
    """Of one question."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __enter__(self) -> _Unix:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        self._connection = "localhost", connection
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(ACTING)
        connection.sock.connect(str(self._path))
        return connection


class Systemd:
    def __init__(self, units: Path | None = None) -> None:
        self._units = units or Path(os.environ.get(UNITS) or unit_folder())
        self._told = False
        self._runtime = ["--runtime"] if self._units.is_relative_to("/run") else []
        self._wanted: dict[str, Program] = {}

    async def begin(self) -> None:
        return

    async def have(self, programs: Sequence[Program]) -> frozenset[str]:
        self._wanted = {one.name: one for one in programs}
        texts = {self._file(one.name): unit(one) for one in sorted(programs, key=lambda one: one.order)}
        first = {self._file(one.name) for one in programs if one.first}
        gone = [path for path in self._units.glob(f"{PREFIX}fabric-*.service") if path not in texts]
        gone.sort(key=lambda path: path != self._file("node"))  # the daemon would start again what is ended before it
        for path in gone:
            await self._ctl("disable", *self._runtime, "--now", path.name)
            path.unlink()
        changed = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in changed:
            path.write_text(texts[path], encoding="utf-8")
        if gone or changed:
            await self._ctl("daemon-reload")
        for path in texts if gone or changed or not self._told else ():
            if path in first:
                await self._ctl("enable", *self._runtime, path.name)
            await self._ctl("start", path.name)
        for path in changed:
            if path != self._file("node"):  # which says this
                await self._ctl("restart", path.name)
        self._told = True
        return frozenset(one.name for one in programs if self._file(one.name) in changed)

    async def reload(self, name: str) -> None:
        await self._ctl("reload", self._file(name).name)

    async def restart(self, name: str) -> None:
        await self._ctl("restart", self._file(name).name)

    async def down(self) -> tuple[str, ...]:
        if not self._wanted:
            return ()
        names = sorted(self._wanted)
        done = await run(["systemctl", "is-active", *(self._file(name).name for name in names)], deadline=ACTING, check=False)
        states = done.out.decode(errors="replace").split()
        return tuple(name for name, state in itertools.zip_longest(names, states) if name and state not in RUNNING)

    async def end(self) -> None:
        await self.have([])

    def _file(self, name: str) -> Path:
        return self._units / f"{PREFIX}fabric-{name}.service"

    async def _ctl(self, *words: str) -> None:
        await run(["systemctl", *words], deadline=ACTING)
