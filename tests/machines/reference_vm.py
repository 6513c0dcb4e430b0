"""The least QEMU that boots the reference image: tests of the image must not lean on the product's own QEMU layer."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from rackless.images.store import Image

MAC = "52:00:00:{:02x}:{:02x}:{:02x}"


def connect(path: Path, deadline: float) -> socket.socket:
    """Connect to a socket that QEMU is about to make."""
    end = time.monotonic() + deadline
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
        except OSError:
            sock.close()
            if time.monotonic() > end:
                raise
            select.select([], [], [], 0.05)
        else:
            return sock


class Lines:
    """A byte stream read with deadlines."""

    def __init__(self, path: Path) -> None:
        self.sock = connect(path, 20)
        self.buffer = b""
        self.seen = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def until(self, pattern: str, deadline: float) -> str:
        """Text up to and with the pattern.

        Raises:
            TimeoutError: with all that came instead.
        """
        end = time.monotonic() + deadline
        while True:
            text = self.buffer.decode(errors="replace")
            found = re.search(pattern, text)
            if found:
                self.buffer = text[found.end() :].encode()
                return text[: found.end()]
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError(f"{pattern!r} did not come; what came: {text[-2000:]}")
            data = self.sock.recv(65536)
            if not data:
                raise TimeoutError(f"closed before {pattern!r}; what came: {text[-2000:]}")
            self.buffer += data


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Device models. `nics`: used in turn; `disk`: what the drive `disk0` hangs on; `others`: devices that nothing hangs on."""

    nics: tuple[str, ...] = ("virtio-net-pci",)
    disk: str = "-device virtio-blk-pci,drive=disk0"
    others: str = "-device virtio-rng-pci -device virtio-serial-pci"


VIRTIO = Hardware()


class Vm:
    """One guest. `nics`: values of -netdev without their id, each with its MAC. Not `direct`: by the disk's own bootloader.
    Not `channel`: no host channel. `cache`: of the disk; `unsafe` loses what the guest has flushed when QEMU is killed."""

    def __init__(
        self,
        folder: Path,
        name: str,
        image: Image,
        nics: list[tuple[str, str]],
        *,
        memory: int = 192,
        direct: bool = True,
        channel: bool = True,
        hardware: Hardware = VIRTIO,
        cache: str = "unsafe",
    ) -> None:
        self.folder, self.name, self.image, self.nics, self.memory, self.direct = folder, name, image, nics, memory, direct
        self.extra: list[str] = []
        self.has_channel, self.hardware, self.cache = channel, hardware, cache
        self.process: subprocess.Popen[bytes] | None = None
        self.disk = folder / f"{name}.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "qcow2", str(self.disk)],
            check=True,
            timeout=60,
        )

    def path(self, kind: str) -> Path:
        return self.folder / f"{self.name}.{kind}"

    def command(self) -> list[str]:
        words = (
            f"qemu-system-x86_64 -name {self.name} -machine pc -accel tcg,tb-size=64 -m {self.memory} -nodefaults -no-user-config"
        )
        words += f" -display none -drive if=none,id=disk0,file={self.disk},format=qcow2,cache={self.cache}"
        words += f" {self.hardware.disk} {self.hardware.others}"
        words += f" -chardev socket,id=serial,path={self.path('serial')},server=on,wait=off -serial chardev:serial"
        words += f" -chardev socket,id=channel,path={self.path('channel')},server=on,wait=off"
        if self.has_channel:
            words += " -device virtserialport,chardev=channel,name=org.rackless.channel.0"
        words += f" -qmp unix:{self.path('qmp')},server=on,wait=off"
        command = words.split()
        for index, ((netdev, mac), model) in enumerate(zip(self.nics, itertools.cycle(self.hardware.nics), strict=False)):
            command += [
                "-netdev",
                f"{netdev},id=nic{index}",
                "-device",
                f"{model},netdev=nic{index},id=dev{index},mac={mac}",
            ]
        command += self.extra
        if self.direct:
            command += ["-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", self.image.append]
        return command

    def start(self) -> None:
        with self.path("log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.console = Lines(self.path("serial"))
        self.channel = Lines(self.path("channel"))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            for kind in ("serial", "channel", "qmp"):
                self.path(kind).unlink(missing_ok=True)

    def ask(self, do: str, /, *, within: float = 30, **fields: object) -> dict[str, object]:
        """One request; the first answers when the guest has booted, so it is preceded by pings until one comes back."""
        end = time.monotonic() + 120
        while True:
            try:
                self._exchange("ping", 2, {})
                break
            except TimeoutError:
                if time.monotonic() > end:
                    raise
        return self._exchange(do, within, fields)

    def _exchange(self, do: str, deadline: float, fields: dict[str, object]) -> dict[str, object]:
        token = os.urandom(6).hex()
        self.channel.send(json.dumps({"id": token, "do": do, **fields}).encode() + b"\n")
        line = self.channel.until(r'\{[^\n]*"id": "' + token + r'"[^\n]*\n', deadline)
        answer: dict[str, object] = json.loads(line.splitlines()[-1])
        return answer

    def identify(self, role: str, slot: int | None, labels: list[str], **more: object) -> dict[str, object]:
        nics = [
            {"index": index, "mac": mac, "label": label}
            for index, ((_, mac), label) in enumerate(zip(self.nics, labels, strict=True))
        ]
        return self.ask("identify", role=role, slot=slot, hostname=self.name, time=time.time(), nics=nics, **more)

    def qmp(self, execute: str, **arguments: object) -> None:
        monitor = Lines(self.path("qmp"))
        monitor.until(r"QMP.*\n", 20)
        for request in ({"execute": "qmp_capabilities"}, {"execute": execute, "arguments": arguments}):
            monitor.send(json.dumps(request).encode() + b"\n")
            answer = monitor.until(r'\{"(return|error)".*\n', 20)
            assert '"return"' in answer, answer
        monitor.sock.close()

    def log_in(self) -> None:
        self.console.until(rf"{self.name} login: ", 120)
        self.console.send(b"root\n")
        self.console.until(r"# $", 30)

    def shell(self, command: str, deadline: float = 30) -> str:
        """Run a command in the console's shell and return what it printed."""
        token = os.urandom(4).hex()
        self.console.send(f"{command}; echo {token[:4]}''{token[4:]}\n".encode())
        text = self.console.until(token + r"\s*\r?\n", deadline)
        self.console.until(r"# $", deadline)
        return text.replace("\r", "")

    def wait_for(self, command: str, pattern: str, deadline: float) -> str:
        """Repeat a command until its output has the pattern."""
        end = time.monotonic() + deadline
        while True:
            text = self.shell(command)
            if re.search(pattern, text):
                return text
            if time.monotonic() > end:
                raise TimeoutError(f"{command} never showed {pattern!r}: {text}")
            select.select([], [], [], 0.3)
