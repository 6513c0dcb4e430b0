"""GNS3 server as a peer of bench/peers.py: a server of its own on the loopback, driven by its REST API (version 3).

All its folders are in the bench's. `packaging/setup.sh --peers` puts it into .venv-peers.
"""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Any

import httpx
from bare import said_ready
from peer import CALL_SECONDS, QEMU, START_SECONDS, Notes, Refused, Task, gone, sweep

from rackless.deadline import Deadline
from rackless.model.plan import MachineSpec, PortRef
from rackless.qemu.command import CHANNEL_NAME

PROGRAM = Path(__file__).parents[1] / ".venv-peers/bin/gns3server"


def missing() -> str:
    """Why it can't run here; empty if it can."""
    return "" if PROGRAM.exists() else "GNS3 server is not installed: packaging/setup.sh --peers"


class Gns3:
    """A project with a QEMU node a machine and a link a wire; started and stopped with the project's own verbs."""

    def __init__(self, task: Task) -> None:
        self.title = "GNS3"
        self.notes = Notes()
        self._task = task
        self._server: asyncio.subprocess.Process | None = None
        self._api = httpx.AsyncClient(timeout=CALL_SECONDS, trust_env=False)
        self._project = ""
        self._nodes: dict[str, str] = {}
        self._free_link = ""

    async def begin(self) -> None:
        top = self._task.top
        for name in ("images/QEMU", "projects", "secrets", "home"):
            (top / name).mkdir(parents=True, exist_ok=True)
        files = {"disk.qcow2": self._task.image.disk, "kernel": self._task.image.kernel, "initrd": self._task.image.initrd}
        for name, file in files.items():
            if file is not None:
                (top / "images/QEMU" / name).symlink_to(file)
        port, password = _free_port(), secrets.token_hex(16)
        _write(top / "gns3_server.conf", _configuration(self._task, port, password))
        words = [str(PROGRAM), "--config", str(top / "gns3_server.conf")]
        environ = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(top / "home"), "LC_ALL": "C.UTF-8"}
        with (top / "log").open("wb") as log:
            quiet = asyncio.subprocess.DEVNULL
            self._server = await asyncio.create_subprocess_exec(*words, stdin=quiet, stdout=log, stderr=log, env=environ, cwd=top)
        self._api.base_url = httpx.URL(f"http://127.0.0.1:{port}/v3/")
        self.title = f"GNS3 {(await self._answering())['version']}"
        found = await self._ask("POST", "access/users/authenticate", {"username": "admin", "password": password})
        self._api.headers["Authorization"] = f"Bearer {found['access_token']}"

    async def _answering(self) -> Any:
        deadline = Deadline(START_SECONDS)
        while True:
            with contextlib.suppress(httpx.TransportError):
                return await self._ask("GET", "version")
            if deadline.over or (self._server is not None and self._server.returncode is not None):
                raise deadline.missed(f"GNS3's server to answer; its log ends with {(self._task.top / 'log').read_text()[-500:]}")
            await deadline.pause(0.2)

    async def _ask(self, method: str, way: str, body: object = None) -> Any:
        """Raises Refused with the server's own words."""
        answer = await self._api.request(method, way, json=body)
        if answer.is_error:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                raise Refused(str(answer.json()["message"]))
            raise Refused(f"{answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def deploy(self) -> None:
        task = self._task
        self._project = (await self._ask("POST", "projects", {"name": task.plan.sandbox}))["project_id"]
        for spec in task.plan.machines:
            self._nodes[spec.name] = (await self._ask("POST", f"projects/{self._project}/nodes", self._node(spec)))["node_id"]
        for a, b in task.wires():
            await self._link(a, b)
        try:
            await self._ask("POST", f"projects/{self._project}/nodes/start")
        except Refused as refused:
            # Without its uBridge it says so only when it has started QEMU, and leaves that running.
            self.notes.refused["start of nodes"] = str(refused)
        await asyncio.gather(*(said_ready(spec, task.channel(spec.name)) for spec in task.plan.machines))

    async def _link(self, a: PortRef, b: PortRef) -> str:
        ends = [{"node_id": self._nodes[port.machine], "adapter_number": port.nic, "port_number": 0} for port in (a, b)]
        return str((await self._ask("POST", f"projects/{self._project}/links", {"nodes": ends}))["link_id"])

    def _node(self, spec: MachineSpec) -> dict[str, object]:
        """bench/bare.py's machine in GNS3's words. What it has no word for is among its `options`."""
        task = self._task
        channel = f"socket,id=channel,path={task.channel(spec.name)},server=on,wait=off"
        options = [
            *task.how.arguments(spec.memory),
            *(
                "-device",
                "virtio-serial-pci",
                "-chardev",
                channel,
                "-device",
                f"virtserialport,chardev=channel,name={CHANNEL_NAME}",
            ),
            *("-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"),
            *("-device", "vmgenid,guid=auto"),
        ]
        properties = {
            "qemu_path": QEMU,
            "platform": "x86_64",
            "ram": spec.memory,
            "cpus": spec.vcpus,
            "hda_disk_image": "disk.qcow2",
            "hda_disk_interface": "virtio",
            "linked_clone": True,
            "kernel_image": "kernel",
            "initrd": "initrd",
            "kernel_command_line": f"{task.image.append} {task.how.append}".strip(),
            "adapters": len(spec.nics),
            "adapter_type": "virtio-net-pci",
            "mac_address": spec.nics[0].mac,
            "on_close": "power_off",
            "options": " ".join(options),
        }
        custom = [{"adapter_number": nic.index, "mac_address": nic.mac} for nic in spec.nics]
        base = {"compute_id": "local", "name": spec.name, "node_type": "qemu", "console_type": "telnet"}
        return {**base, "properties": properties, "custom_adapters": custom}

    async def join(self) -> None:
        self._free_link = await self._link(*self._task.free)

    async def part(self) -> None:
        await self._ask("DELETE", f"projects/{self._project}/links/{self._free_link}")

    async def end(self) -> None:
        await self._ask("POST", f"projects/{self._project}/nodes/stop")
        await self._ask("DELETE", f"projects/{self._project}")
        await gone(self._task.top)

    async def close(self) -> None:
        await self._api.aclose()
        if self._server is not None and self._server.returncode is None:
            self._server.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait(), 20)
        await sweep(self._task.top)


def _configuration(task: Task, port: int, password: str) -> configparser.ConfigParser:
    """Listens on the loopback only, and tells nobody of its crashes."""
    top = task.top
    config = configparser.ConfigParser()
    folders = {
        f"{name}_path": str(top / name) for name in ("images", "projects", "appliances", "symbols", "configs", "resources")
    }
    more = {"secrets_dir": str(top / "secrets"), "compute_password": secrets.token_hex(16), "report_errors": "False"}
    builtin = {"enable_builtin_templates": "False", "install_builtin_appliances": "False"}
    config["Server"] = {"host": "127.0.0.1", "port": str(port), **folders, **more, **builtin}
    config["Controller"] = {"default_admin_username": "admin", "default_admin_password": password}
    config["Qemu"] = {"enable_hardware_acceleration": str(task.how.name == "kvm")}
    return config


def _write(file: Path, config: configparser.ConfigParser) -> None:
    """It has passwords: nobody else reads it."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        config.write(out)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
