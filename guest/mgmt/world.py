"""The one seam between the management plane and the machine: run a command, read and write a file.

`Machine` is the real one. `Folder` keeps its files under a folder and answers commands from a file, and writes down what was
asked: the same daemon, with nothing around it changed. It is what the stories in tests/ run on.
"""

from __future__ import annotations

import os
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .vmhost import HostLine


class Result:
    """How a command ended. Code 124 is a deadline that passed, 127 a program that is not there."""

    __slots__ = ("code", "err", "out")

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


class Machine:
    """The system that this daemon runs on. `root` is put before every path."""

    live = True
    """False where no daemon may be started and no interface watched."""
    host_line: HostLine | None = None
    """To the VM host below this router, once somebody asked for it (vmhost.py)."""

    def __init__(self, root: str = "") -> None:
        self.root = root.rstrip("/")

    def path(self, path: str) -> str:
        return self.root + path

    def run(self, argv: Sequence[str], stdin: str = "", deadline: float = 30.0) -> Result:
        """Run to the end; never raises for the command's own failure. `deadline` in seconds."""
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, text=True, timeout=deadline, errors="replace", check=False
            )
        except subprocess.TimeoutExpired:
            return Result(124, "", f"{argv[0]} did not end within {deadline:g} s")
        except OSError as error:
            return Result(127, "", f"{argv[0]}: {error.strerror}")
        return Result(done.returncode, done.stdout, done.stderr)

    def links(self) -> list[dict[str, Any]]:
        """The network interfaces with their addresses, as `ip -j addr show` has them (and `ifalias`, which that leaves out).

        Raises:
            OSError: the kernel does not answer.
        """
        from system import netlink

        return netlink.links()

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.path(path))

    def read(self, path: str) -> str | None:
        """Text of a file, or None when there is none."""
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf-8", "replace")

    def read_bytes(self, path: str) -> bytes | None:
        try:
            with open(self.path(path), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(
        self, path: str, text: str, mode: int = 0o644, owner: tuple[int, int] | None = None, *, lasting: bool = False
    ) -> None:
        self.write_bytes(path, text.encode(), mode, owner, lasting=lasting)

    def write_bytes(self, path: str, data: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None, *,
                    lasting: bool = False) -> None:  # fmt: skip
        """Replace a file in one step. `lasting` waits until it is on the disk. `owner` is (uid, gid)."""
        real = self.path(path)
        os.makedirs(os.path.dirname(real), exist_ok=True)
        fresh = real + ".new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fchmod(handle, mode)
            if owner is not None and os.geteuid() == 0:
                os.fchown(handle, *owner)
            if lasting:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(fresh, real)
        if lasting:
            self.settle(os.path.dirname(path))

    def settle(self, folder: str) -> None:
        """Wait until the names in a folder are on the disk."""
        handle = os.open(self.path(folder), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: str) -> None:
        """Absent is success."""
        try:
            os.unlink(self.path(path))
        except FileNotFoundError:
            return

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.path(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []


class Folder(Machine):
    """A machine that is a folder. Commands go to `<root>/commands.log`; their answers come from `<root>/answers.json`:
    a mapping of the command line to its output (text, or JSON as it is), or to {code, out, err}. An unknown command succeeds
    silently."""

    live = False

    def links(self) -> list[dict[str, Any]]:
        import json

        done = self.run(["ip", "-j", "addr", "show"])
        if done.code != 0:
            raise OSError(done.err.strip())
        shown: list[dict[str, Any]] = json.loads(done.out or "[]")
        for link in shown:
            link.setdefault("ifalias", (self.read(f"/sys/class/net/{link['ifname']}/ifalias") or "").rstrip("\n"))
        return shown

    def run(self, argv: Sequence[str], stdin: str = "", deadline: float = 30.0) -> Result:
        import json

        line = " ".join(argv)
        with open(self.path("/commands.log"), "a", encoding="utf-8") as log:
            log.write(line + "\n" + "".join(f"  < {part}\n" for part in stdin.splitlines()))
        text = self.read("/answers.json")
        answer = json.loads(text).get(line, "") if text else ""
        if isinstance(answer, dict) and "code" in answer:
            return Result(int(answer["code"]), str(answer.get("out", "")), str(answer.get("err", "")))
        return Result(0, answer if isinstance(answer, str) else json.dumps(answer), "")
