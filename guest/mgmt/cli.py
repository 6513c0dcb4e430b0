"""The command line's client: a terminal for the daemon. Few imports: under emulation each costs the user time.

`cli` talks with the user; `cli -c 'COMMAND; COMMAND'` and `cli < FILE` run commands, stop at the first that fails (`-k`: go
on) and then exit with 1; `-e` shows each command with its prompt. Programs such as ping run here, with the user's own rights.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps; typeshed leaves it out
import _socket
import os
import sys

from mgmt import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from mgmt.editor import Editor

SOCKET = "/run/mgd.sock"
USAGE = "usage: cli [-k] [-e] [-c 'COMMAND; COMMAND ...']"
NETCONF = (["/usr/lib/rackless-router/netconf"], ["netconf"], ["xml-mode netconf need-trailer"])
"""Commands of ssh that mean the NETCONF subsystem: its program, and two that clients use where there are no subsystems."""
COPIES = ("-t", "-f")
"""What scp says to its other end (`scp -t PATH`, `scp -f PATH`): to receive, to send."""
PATIENCE = 300
"""Tenths of a second that the daemon may take to open its socket (it starts at boot, beside the login)."""


def connect(path: str) -> socket.socket:
    """The daemon's socket; OSError when it does not come."""
    nap = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    patience = int(os.environ.get("MGD_PATIENCE", PATIENCE))
    for attempt in range(patience + 1):
        try:
            nap.connect(path)
            return nap  # type: ignore[return-value]  # the C type has all that is used here
        except (FileNotFoundError, ConnectionRefusedError):
            if attempt == patience:
                raise
            import time

            time.sleep(0.1)
    raise AssertionError("unreachable")


class Client:
    """One session: gives lines to the daemon and does what it asks."""

    def __init__(self, sock: socket.socket, script: list[str] | None, *, keep_going: bool, echo: bool) -> None:
        self._sock = sock
        self._script = script
        self._keep_going = keep_going
        self._echo = echo
        self._tty = script is None and os.isatty(0) and os.isatty(1)
        self._input = b""
        self._ended = False
        self._failed = False
        self._editor: Editor | None = None
        self._length: int | None = None
        if self._tty:
            from mgmt.editor import Editor

            self._editor = Editor(self._assist)

    def run(self) -> int:
        """Until the end of the session; the exit status."""
        try:
            terminal = os.ttyname(0).removeprefix("/dev/") if os.isatty(0) else ""
        except OSError:
            terminal = ""
        wire.send(self._sock, wire.HELLO, "tty" if self._tty else "echo" if self._echo else "", terminal)
        if self._editor is not None:
            self._editor.start()
        try:
            while self._frame():
                pass
        finally:
            if self._editor is not None:
                self._editor.stop()
        return 1 if self._failed else 0

    # ---- what the daemon says

    def _frame(self) -> bool:
        kind, body = wire.receive(self._sock)
        if kind == wire.TEXT:
            self._text(body[1:], paging=body[0] == "1")
        elif kind == wire.PROMPT:
            return self._prompt(*body.split("\0"))
        elif kind == wire.ASK:
            echo, _, prompt = body.partition("\0")
            self._reply(self._ask(prompt, echo == "1"))
        elif kind == wire.RUN:
            capture, *argv = body.split("\0")
            code, text = self._program(argv, capture == "1")
            wire.send(self._sock, wire.ANSWER, str(code), text)
        elif kind == wire.TERMINAL:
            self._reply(self._terminal())
        elif kind == wire.READ:
            self._read(body)
        elif kind == wire.WRITE:
            self._write(*body.split("\0", 1))
        elif kind == wire.BYE:
            return False
        return True

    def _reply(self, text: str | None) -> None:
        wire.send(self._sock, wire.ANSWER, "1" if text is None else "0", text or "")

    def _prompt(self, status: str, banner: str, prompt: str, length: str) -> bool:
        self._failed = self._failed or status == "1"
        if status == "1" and not self._tty and not self._keep_going:
            return False
        self._length = int(length) if length else None
        if self._editor is not None:
            if banner:
                self._put("\n" + banner + "\n")
            line = self._editor.line(prompt)
        else:
            line = self._next(prompt)
            if self._echo and line:
                self._put((banner + "\n" if banner else "") + prompt + line + "\n")
        if line is None:
            return False
        wire.send(self._sock, wire.LINE, line)
        return True

    def _next(self, prompt: str) -> str | None:
        """The next command of a batch. One that ends with `?` asks for help, as the key does for people."""
        while True:
            line = self._script_line() if self._script is not None else self._input_line()
            if line is None or not line.endswith("?") or line.count('"') % 2:
                return line
            if self._echo:
                self._put(prompt + line + "\n")
            lines = self._assist("?", line[:-1])[1]
            self._put(lines + "\n" if lines else "")

    def _script_line(self) -> str | None:
        return self._script.pop(0) if self._script else None

    def _input_line(self) -> str | None:
        """The next line of standard input."""
        while b"\n" not in self._input and not self._ended:
            part = os.read(0, 65536)
            self._ended = not part
            self._input += part
        if not self._input:
            return None
        line, _, self._input = self._input.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    def _assist(self, key: str, text: str) -> tuple[str, str]:
        wire.send(self._sock, wire.ASSIST, key, text)
        _, body = wire.receive(self._sock)
        insert, _, lines = body.partition("\0")
        return insert, lines

    # ---- what the daemon asks for

    def _ask(self, prompt: str, echo: bool) -> str | None:
        if self._editor is not None:
            return self._editor.ask(prompt, echo)
        return self._input_line()

    def _terminal(self) -> str | None:
        if self._editor is not None:
            self._editor.stop()
        lines = []
        while True:
            line = self._input_line()
            if line is None or line == "\x04":
                break
            lines.append(line)
        if self._editor is not None:
            self._ended = False
            self._editor.start()
        return "\n".join(lines)

    def _program(self, argv: list[str], capture: bool) -> tuple[int, str]:
        if self._editor is not None:
            self._editor.stop()
        sys.stdout.flush()
        actions = []
        ours = theirs = -1
        if capture:
            ours, theirs = os.pipe()
            actions = [(os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, theirs, 2)]
        text = b""
        try:
            child = os.posix_spawnp(
                argv[0], argv, os.environ, file_actions=actions, setsigdef=[_signal.SIGINT, _signal.SIGQUIT, _signal.SIGTSTP]
            )
        except OSError as error:
            self._put(f"error: {argv[0]}: {error.strerror}\n")
            return 127, ""
        finally:
            if capture:
                os.close(theirs)
        while capture:
            part = os.read(ours, 65536)
            if not part:
                os.close(ours)
                break
            text += part
        _, status = os.waitpid(child, 0)
        if self._editor is not None:
            self._editor.start()
        return os.waitstatus_to_exitcode(status) & 0xFF, text.decode("utf-8", "replace")

    def _read(self, path: str) -> None:
        try:
            with open(os.path.expanduser(path), "rb") as file:
                text = file.read(wire.LARGEST // 2).decode("utf-8", "replace").replace("\0", "")
        except OSError as error:
            wire.send(self._sock, wire.ANSWER, "1", str(error.strerror))
            return
        wire.send(self._sock, wire.ANSWER, "0", text)

    def _write(self, path: str, text: str) -> None:
        # Configurations hold secrets: a new file is for its owner only.
        try:
            handle = os.open(os.path.expanduser(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            wire.send(self._sock, wire.ANSWER, "1", str(error.strerror))
            return
        wire.send(self._sock, wire.ANSWER, "0", "")

    # ---- showing

    def _put(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(1, data) :]

    def _text(self, text: str, *, paging: bool) -> None:
        if self._editor is None or not paging:
            self._put(text)
            return
        height, width = self._editor.size()
        if self._length is not None:
            height = self._length
        if height == 0:
            self._put(text)
            return
        for piece in pages(text, height, width):
            if piece is None:
                if self._editor.more() == "q":
                    return
            else:
                self._put(piece)


def pages(text: str, height: int, width: int) -> Iterator[str | None]:
    """The text in pieces of a screen less one line; None where the user is asked for more."""
    rows, piece = 0, ""
    for line in text.splitlines(keepends=True):
        needs = max(1, -(-len(line.rstrip("\n")) // max(width, 1)))
        if rows + needs > max(height - 1, 1) and piece:
            yield piece
            yield None
            rows, piece = 0, ""
        piece += line
        rows += needs
    if piece:
        yield piece


def _copy(words: list[str]) -> int:
    """Be the other end of scp, with the user's own rights. No shell looks at the words: nothing else can be started by them."""
    paths = [word.strip("'\"") for word in words[1:]]
    try:
        os.execvp("scp", ["scp", *paths])
    except OSError as error:
        os.write(2, f"scp: {error.strerror}\n".encode())
        return 127


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    keep_going = echo = False
    script: list[str] | None = None
    if arguments[:1] == ["-c"] and arguments[1:] in NETCONF:
        # sshd starts subsystems and commands by the user's shell, which is this program.
        from mgmt.netconf.pipe import main as netconf

        return netconf()
    if arguments[:1] == ["-c"] and len(arguments) == 2 and arguments[1].startswith("scp "):
        copy = arguments[1].split()
        if set(COPIES) & set(copy):
            return _copy(copy)
    while arguments:
        word = arguments.pop(0)
        if word == "-k":
            keep_going = True
        elif word == "-e":
            echo = True
        elif word == "-c" and arguments:
            from mgmt.tokens import commands

            script = commands(arguments.pop(0))
        else:
            os.write(2, (USAGE + "\n").encode())
            return 2
    try:
        sock = connect(os.environ.get("MGD_SOCKET", SOCKET))
    except OSError as error:
        os.write(2, f"error: the management daemon does not answer: {error.strerror}\n".encode())
        return 1
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTSTP, _signal.SIG_IGN)
    client = Client(sock, script, keep_going=keep_going, echo=echo)
    try:
        return client.run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os.write(2, b"error: the management daemon has gone away\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
