"""Where bench/peer_libvirt.py's daemon runs, and what its machines' wires are. Neither of the two is the machine's own libvirt.

`Session`: an unprivileged daemon keeps everything below its XDG folders; who runs
the bench as root is somebody else in a user namespace of the daemon's own. `System`: a privileged daemon in mount and network
namespaces of its own, where its folders are empty and its bridges are seen by nobody; it needs root.
"""

from __future__ import annotations

import contextlib
import os
import socket
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Protocol

from peer import Task, call

from rackless.model.plan import PortRef

NOBODY = 9
"""A UDP port at which nobody listens."""
QUIET = 'stdio_handler = "file"\nsecurity_driver = "none"\n'
"""No confinement, and logs without a virtlogd of their own."""
FOLDERS = {"HOME": "", "XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}
"""Where an unprivileged libvirt keeps what it has."""
OWN = ("/run/libvirt", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")
"""Where a privileged libvirt keeps what it has."""


class Ground(Protocol):
    name: str
    path: str
    """Of the daemon's address: which driver it is."""

    def prepare(self) -> dict[str, str]:
        """Write what the daemon reads; what its environment has besides."""

    def command(self, daemon: list[str]) -> list[str]: ...
    async def make(self, pid: int) -> None:
        """What wires need besides machines. `pid`: of the daemon."""

    async def unmake(self, pid: int) -> None: ...
    def backend(self, interface: ET.Element, port: PortRef, far: PortRef | None) -> None:
        """What an interface is joined to. `far`: the port at its other end; None: nobody."""

    def close(self) -> None: ...


class Session:
    """Wires are UDP on the loopback."""

    name = "UDP"
    path = "session"

    def __init__(self, task: Task) -> None:
        self._top = task.top
        self._numbers: dict[PortRef, int] = {}

    def prepare(self) -> dict[str, str]:
        for name in FOLDERS.values():
            (self._top / name / "libvirt").mkdir(parents=True, exist_ok=True)
        (self._top / "config/libvirt/qemu.conf").write_text(QUIET)
        return {key: str(self._top / name) for key, name in FOLDERS.items()}

    def command(self, daemon: list[str]) -> list[str]:
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *daemon] if os.geteuid() == 0 else daemon

    async def make(self, pid: int) -> None:
        return

    async def unmake(self, pid: int) -> None:
        return

    def backend(self, interface: ET.Element, port: PortRef, far: PortRef | None) -> None:
        interface.set("type", "udp")
        source = ET.SubElement(interface, "source", address="127.0.0.1", port=str(self._number(far) if far else NOBODY))
        ET.SubElement(source, "local", address="127.0.0.1", port=str(self._number(port)))

    def _number(self, port: PortRef) -> int:
        """The UDP port of a NIC."""
        if port not in self._numbers:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind(("127.0.0.1", 0))
                self._numbers[port] = one.getsockname()[1]
        return self._numbers[port]

    def close(self) -> None:
        return


class System:
    """Wires are bridges of two taps."""

    name = "bridges"
    path = "system"

    def __init__(self, task: Task) -> None:
        self._top = task.top
        self._made: list[Path] = []
        self._of = {port: f"wire{number}" for number, ports in enumerate(task.wires()) for port in ports}
        self._alone = {port: f"alone{number}" for number, port in enumerate(task.free)}
        self._bridges = [*dict.fromkeys(self._of.values()), *self._alone.values(), "joined"]

    def prepare(self) -> dict[str, str]:
        nobody = 'user = "root"\ngroup = "root"\ndynamic_ownership = 0\ncgroup_controllers = []\nnamespaces = []\n'
        (self._top / "qemu.conf").write_text(QUIET + nobody)
        (self._top / "run").mkdir()
        # A folder has to be there for something to be mounted over it.
        self._made = [Path(path) for path in OWN if not os.path.lexists(path)]
        for path in self._made:
            path.mkdir()
        mounts = [f"mount -t tmpfs none {path}" for path in (*OWN, "/sys/fs/cgroup")]
        lines = ["set -e", *mounts, f"cp {self._top}/qemu.conf /etc/libvirt/", "ip link set lo up", 'exec "$@"', ""]
        (self._top / "enter").write_text("\n".join(lines))
        return {"HOME": str(self._top)}

    def command(self, daemon: list[str]) -> list[str]:
        return ["unshare", "--net", "--mount", "sh", str(self._top / "enter"), *daemon]

    async def make(self, pid: int) -> None:
        await self._links(pid, [line for name in self._bridges for line in (f"add {name} type bridge", f"set {name} up")])

    async def unmake(self, pid: int) -> None:
        await self._links(pid, [f"del {name}" for name in self._bridges])

    async def _links(self, pid: int, lines: list[str]) -> None:
        file = self._top / "links"
        file.write_text("".join(f"link {line}\n" for line in lines))
        await call("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-batch", file)

    def backend(self, interface: ET.Element, port: PortRef, far: PortRef | None) -> None:
        interface.set("type", "bridge")
        bridge = self._of.get(port) or ("joined" if far else self._alone[port])
        ET.SubElement(interface, "source", bridge=bridge)

    def close(self) -> None:
        for path in self._made:
            with contextlib.suppress(OSError):
                path.rmdir()
