"""The management daemon: holds the configuration, serves the command line over a unix socket, follows the network interfaces.

`python3 -m mgmt.daemon [--root FOLDER] [--socket PATH]`. With `--root` it acts on a folder instead of this machine.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import struct
import sys
import threading
import time

from . import wire
from .datastore import Datastore
from .schema import ROOT
from .session import Session
from .supervisor import Supervisor
from .world import Folder, Machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SOCKET = "/run/mgd.sock"
LOG = "/var/log/mgd.log"
LOG_MOST = 1_000_000
"""Bytes of the log before it is begun anew (one old one is kept)."""


class SocketChannel:
    """The client program at the other end of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.tty = False
        self.echoed = False

    def text(self, text: str, *, paging: bool = False) -> None:
        if text:
            wire.send(self._sock, wire.TEXT, ("1" if paging else "0") + text)

    def _answer(self) -> tuple[str, str]:
        kind, body = wire.receive(self._sock)
        if kind != wire.ANSWER:
            raise ValueError("the client did not answer")
        status, _, text = body.partition("\0")
        return status, text

    def ask(self, prompt: str, *, echo: bool) -> str | None:
        wire.send(self._sock, wire.ASK, "1" if echo else "0", prompt)
        status, text = self._answer()
        return text if status == "0" else None

    def run(self, argv: list[str], *, capture: bool) -> tuple[int, str]:
        wire.send(self._sock, wire.RUN, "1" if capture else "0", *argv)
        status, text = self._answer()
        return int(status), text

    def terminal(self) -> str | None:
        wire.send(self._sock, wire.TERMINAL)
        status, text = self._answer()
        return text if status == "0" else None

    def read(self, path: str) -> str:
        wire.send(self._sock, wire.READ, path)
        status, text = self._answer()
        if status != "0":
            raise OSError(text)
        return text

    def write(self, path: str, text: str) -> None:
        wire.send(self._sock, wire.WRITE, path, text)
        status, reason = self._answer()
        if status != "0":
            raise OSError(reason)


class Server:
    """Accepts clients; one thread each. The datastore's lock orders what they do."""

    def __init__(self, datastore: Datastore, path: str, log: Callable[[str], None]) -> None:
        self._datastore = datastore
        self._path = path
        self._log = log
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """Open the socket: for root and for the group of the router's users."""
        from .render.users import GROUP_ID

        if os.path.exists(self._path):
            os.unlink(self._path)
        self._listener.bind(self._path)
        os.chmod(self._path, 0o660)
        if os.geteuid() == 0:
            os.chown(self._path, 0, GROUP_ID)
        self._listener.listen(128)

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._client, args=(sock,), daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        if os.path.exists(self._path):
            os.unlink(self._path)

    def _client(self, sock: socket.socket) -> None:
        uid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        session: Session | None = None
        try:
            user = self._user(uid)
            channel = SocketChannel(sock)
            kind, body = wire.receive(sock)
            if kind == wire.NETCONF:
                from .netconf.server import serve

                serve(sock, self._datastore, user, self._log)
                return
            if kind != wire.HELLO:
                return
            tty, _, terminal = body.partition("\0")
            channel.tty = tty == "tty"
            channel.echoed = tty != ""
            with self._datastore.lock:  # held at start until the configuration is there
                session = Session(self._datastore, channel, user, terminal)
            if session.level == 0:
                channel.text(f"error: user {user} has no login class on this router\n")
                wire.send(sock, wire.BYE)
                return
            self._datastore.sessions[session.number] = session
            self._talk(sock, session)
        except (OSError, EOFError, ValueError) as error:
            if not isinstance(error, (EOFError, BrokenPipeError, ConnectionResetError)):
                self._log(f"client: {error}")
        finally:
            if session is not None:
                session.close()
                self._datastore.sessions.pop(session.number, None)
            sock.close()

    def _user(self, uid: int) -> str:
        if uid == os.geteuid():
            return "root"
        return pwd.getpwuid(uid).pw_name

    def _talk(self, sock: socket.socket, session: Session) -> None:
        ok = True
        while True:
            if session.closed:
                wire.send(sock, wire.BYE)
                return
            length = "" if session.screen_length < 0 else str(session.screen_length)
            wire.send(sock, wire.PROMPT, "0" if ok else "1", session.banner(), session.prompt(), length)
            while True:
                kind, body = wire.receive(sock)
                if kind != wire.ASSIST:
                    break
                key, _, text = body.partition("\0")
                found = session.assist(text, key)
                wire.send(sock, wire.HELP, found.insert, "\n".join(found.lines))
            if kind == wire.LINE:
                ok = self._line(session, body)

    def _line(self, session: Session, line: str) -> bool:
        """One line; a fault of ours ends the command, not the session."""
        try:
            return session.execute(line)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001  # the router's other users must not lose their sessions
            import traceback

            self._log(f"command '{_redacted(line)}': {traceback.format_exc()}")
            session.channel.text(f"error: internal fault ({type(error).__name__}), see {LOG}\n")
            return False


def _redacted(line: str) -> str:
    return line if "password" not in line and "community" not in line else line.split(maxsplit=1)[0] + " ..."


def watch_links(changed: Callable[[], None]) -> None:
    """Call `changed` after network interfaces came, went or changed (rtnetlink(7)); bursts are taken together."""
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    listener.bind((0, 1))  # RTMGRP_LINK
    while True:
        try:
            listener.recv(65536)
            listener.settimeout(0.05)
            while listener.recv(65536):
                pass
        except TimeoutError:
            pass
        except OSError as error:
            if error.errno != 105:  # ENOBUFS: messages were lost; look at all, as we do anyway
                raise
        listener.settimeout(None)
        changed()


SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/all/keep_addr_on_down": "1",
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/all/arp_announce": "2",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/fib_multipath_hash_policy": "1",
    "net/ipv4/igmp_max_memberships": "1000",
    "net/ipv4/ping_group_range": "0 2147483647",
}
"""A router forwards, answers ARP only for the interface's own addresses, keeps IPv6 addresses of interfaces that go
down, and lets its users ping."""


def set_sysctls(log: Callable[[str], None]) -> None:
    for name, value in SYSCTLS.items():
        try:
            with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            log(f"sysctl {name}: {error.strerror}")


def logger(world: Machine) -> Callable[[str], None]:
    path = world.path(LOG)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = threading.Lock()

    def log(text: str) -> None:
        with lock:
            if os.path.exists(path) and os.path.getsize(path) > LOG_MOST:
                os.rename(path, path + ".0")
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(handle, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode("utf-8", "replace"))
            os.close(handle)

    return log


def end(server: Server) -> None:
    """SIGTERM's handler: end the process from here. An exception would be lost where the signal comes during a callback, as those
    of an import are, and the daemon would go on; what is on the disk stands a lost power supply as well."""
    try:
        server.close()
    finally:
        os._exit(0)


def main(arguments: list[str]) -> int:
    root = arguments[arguments.index("--root") + 1] if "--root" in arguments else ""
    path = arguments[arguments.index("--socket") + 1] if "--socket" in arguments else root + SOCKET
    world = Folder(root) if root else Machine()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    log = logger(world)
    supervisor = Supervisor(world, log)
    datastore = Datastore(world, supervisor, ROOT, log)
    server = Server(datastore, path, log)
    if world.live:
        set_sysctls(log)
    signal.signal(signal.SIGTERM, lambda *_: end(server))
    # Clients may connect at once; they wait for the lock that start() holds.
    with datastore.lock:
        server.listen()
        threading.Thread(target=server.serve, daemon=True).start()
        datastore.start()
    log("ready")
    try:
        if world.live:
            watch_links(datastore.links_changed)
        else:
            threading.Event().wait()
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
