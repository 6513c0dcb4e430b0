"""Machines that run: servers of Nova, and the interfaces they have."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

from rackless.deadline import Deadline
from rackless.model.errors import AbsentError, CapacityError, ProviderError
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Kept
from rackless.providers.openstack.cloud import Cloud, status_of
from rackless.providers.openstack.marks import Marks
from rackless.providers.openstack.networks import Port

SETTLE_SECONDS = 900.0
"""For a server to reach a state: a first boot fetches the image, of some gigabytes perhaps, to its hypervisor."""
POLL_SECONDS = 0.7
IDENTITY = "rackless.json"
"""The file of a configuration drive that a guest reads as user data too (docs/reference/config-drive.md)."""
MICROVERSION = "2.79"
"""Tags with the request that makes a server (2.52), faults and attachments as they are today; Train has it."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """`task`: what Nova is doing with it. `since`: when we last switched it on."""

    id: str
    sandbox: str
    machine: str
    status: str
    task: str
    since: float
    ours: bool = True
    fault: str = ""

    @property
    def running(self) -> bool:
        return self.status == "ACTIVE" and self.task not in ("powering-off", "deleting")

    @property
    def settled(self) -> bool:
        return not self.task and self.status not in ("BUILD", "REBOOT", "HARD_REBOOT")


class Servers:
    def __init__(self, cloud: Cloud, marks: Marks) -> None:
        self._cloud = cloud
        self._marks = marks

    async def all(self, sandbox: str | None = None) -> list[Server]:
        """Of one sandbox or of all; asked by tag."""
        tags = self._marks.tag if sandbox is None else f"{self._marks.tag},{self._marks.lab(sandbox)}"

        def listed(cloud: Any) -> list[Any]:
            return list(cloud.compute.servers(details=True, tags=tags))

        found = [self._server(one) for one in await self._cloud.call("listing servers", listed)]
        return sorted(found, key=lambda server: (server.sandbox, server.machine, server.id))

    async def find(self, sandbox: str, machine: str) -> Server | None:
        """By its computed name, so that one that is not ours is seen too.

        Raises:
            ProviderError: it does not carry our mark.
        """
        title = self._marks.name(sandbox, machine)

        def named(cloud: Any) -> list[Any]:
            return [one for one in cloud.compute.servers(details=True, name=f"^{title}$") if one.name == title]

        found = [self._server(one) for one in await self._cloud.call(f"looking for {machine}", named)]
        if any(not server.ours for server in found):
            raise ProviderError(
                f"Machine {machine} of {sandbox} at {self._cloud.place.name} does not carry our mark.",
                hint=f"Look whose the server {title} is, and rename or remove it with its owner's tools.",
            )
        return min(found, key=lambda server: server.id, default=None)

    def _server(self, one: Any) -> Server:
        metadata = one.metadata or {}
        return Server(
            id=str(one.id), sandbox=str(metadata.get("rackless_lab", "")), machine=str(metadata.get("rackless_name", "")),
            status=str(one.status), task=str(one.task_state or ""), since=float(metadata.get("rackless_since", 0.0)),
            ours=self._marks.tag in (one.tags or []), fault=str((one.fault or {}).get("message", "")),
        )  # fmt: skip

    async def boot(self, spec: MachineSpec, image: str, flavor: str, ports: list[Port]) -> Server:
        """Make it, which switches it on. NICs come in the order of `ports`.

        Raises:
            CapacityError: no host has room for it; nothing is left of the try.
        """
        title = self._marks.name(spec.sandbox, spec.name)
        values: dict[str, Any] = {
            "name": title, "image_id": image, "flavor_id": flavor, "networks": [{"port": port.id} for port in ports],
            "tags": [self._marks.tag, self._marks.lab(spec.sandbox)],
            "metadata": {
                "rackless_lab": spec.sandbox, "rackless_name": spec.name, "rackless_since": f"{time.time():.3f}",
                **dict(spec.metadata),
            },
            "config_drive": bool(spec.config_drive or spec.metadata),
        }  # fmt: skip
        if self._cloud.place.availability_zone:
            values["availability_zone"] = self._cloud.place.availability_zone
        # The files of cloud-init are Nova's own to write.
        identity = next((file.content for file in spec.config_drive if file.path == IDENTITY), None)
        if identity is not None:
            values["user_data"] = base64.b64encode(identity.encode()).decode()

        def make(cloud: Any) -> str:
            there = [one for one in cloud.compute.servers(name=f"^{title}$") if one.name == title]
            made = there[0] if there else cloud.compute.create_server(microversion=MICROVERSION, **values)
            return str(made.id)

        made = await self._cloud.call(f"making the server of {spec.name}", make)
        server = await self.settle(made, spec.name, wanted="ACTIVE", failed_ok=True)
        if server.status == "ACTIVE":
            return server
        await self.delete(made, spec.name)
        said = server.fault or "it gave no reason"
        if "valid host" in said.lower() or "exceeded maximum number of retries" in said.lower():
            raise CapacityError(
                f"{self._cloud.place.name} has no host for {spec.name} ({', '.join(_demands(spec))}): {said}",
                hint="End other labs there, or look at the flavor's and the image's demands.",
            )
        raise ProviderError(
            f"{self._cloud.place.name} could not make {spec.name}: {said}", hint="Look at Nova's log of that server."
        )

    async def settle(
        self, server: str, name: str, *, wanted: str, failed_ok: bool = False, seconds: float = SETTLE_SECONDS
    ) -> Server:
        """Wait until Nova has ended what it does, and the server is in the state wanted."""
        deadline = Deadline(seconds)
        while True:
            now = await self.get(server, name)
            if now is None:
                raise AbsentError(
                    f"The server of machine {name} has vanished.", hint="Somebody else removed it; switch it on again."
                )
            if now.settled and (now.status == wanted or (failed_ok and now.status == "ERROR")):
                return now
            if now.settled and now.status == "ERROR":
                raise ProviderError(
                    f"The server of {name} is in error: {now.fault or 'no reason given'}.", hint="Restart the machine."
                )
            if deadline.over:
                raise deadline.missed(
                    f"{name} to be {wanted} at {self._cloud.place.name} (it is {now.status} {now.task})".rstrip()
                )
            await deadline.pause(POLL_SECONDS)

    async def get(self, server: str, name: str) -> Server | None:
        def ask(cloud: Any) -> Any:
            try:
                return cloud.compute.get_server(server)
            except Exception as error:
                if status_of(error) == 404:
                    return None
                raise

        one = await self._cloud.call(f"looking at {name}", ask)
        return None if one is None else self._server(one)

    async def stop(self, server: Server) -> None:
        await self._act(server, "stop", "SHUTOFF", lambda cloud: cloud.compute.stop_server(server.id))

    async def start(self, server: Server) -> None:
        def start(cloud: Any) -> None:
            cloud.compute.set_server_metadata(server.id, rackless_since=f"{time.time():.3f}")
            cloud.compute.start_server(server.id)

        await self._act(server, "start", "ACTIVE", start)

    async def reset(self, server: Server) -> None:
        await self._act(server, "reset", "ACTIVE", lambda cloud: cloud.compute.reboot_server(server.id, "HARD"))

    async def _act(self, server: Server, verb: str, wanted: str, work: Any) -> None:
        def once(cloud: Any) -> None:
            try:
                work(cloud)
            except Exception as error:
                # 409: Nova does it already, or it is done. What it is in the end is looked at anyway.
                if status_of(error) != 409:
                    raise

        await self._cloud.call(f"{verb} of {server.machine}", once)
        await self.settle(server.id, server.machine, wanted=wanted)

    async def delete(self, server: str, name: str) -> None:
        """And wait until it is gone, so that its ports are free. Absent is success."""
        await self._cloud.call(f"removing the server of {name}", lambda cloud: cloud.compute.delete_server(server))
        deadline = Deadline(SETTLE_SECONDS)
        while await self.get(server, name) is not None:
            if deadline.over:
                raise deadline.missed(f"the server of {name} to go")
            await deadline.pause(POLL_SECONDS)

    async def interfaces(self, server: str, name: str) -> set[str]:
        """The ports that it has now."""
        return await self._cloud.call(
            f"looking at the interfaces of {name}",
            lambda cloud: {str(one.port_id) for one in cloud.compute.server_interfaces(server)},
        )

    async def plug(self, server: str, name: str, port: str) -> None:
        """Repeatable."""

        # What was just unplugged still has its device for a moment.
        def attach(cloud: Any) -> None:
            if str(cloud.network.get_port(port).device_id or "") != server:
                cloud.compute.create_server_interface(server, port_id=port)

        await self._cloud.call(f"plugging a port into {name}", attach)

    async def unplug(self, server: str, name: str, port: str) -> None:
        """And wait until it is out. Absent is success."""

        def detach(cloud: Any) -> None:
            cloud.compute.delete_server_interface(port, server=server)

        await self._cloud.call(f"unplugging a port of {name}", detach)
        deadline = Deadline(SETTLE_SECONDS)
        while port in await self.interfaces(server, name):
            if deadline.over:
                raise deadline.missed(f"a port to leave {name}", hint="Its guest does not let go of the NIC; try power-cycle.")
            await deadline.pause(POLL_SECONDS)

    async def flavor(self, spec: MachineSpec, disk: int) -> str:
        """One of ours by name; made, or the smallest that is enough."""
        place = self._cloud.place
        title = f"{place.flavor_prefix}-{spec.memory}-{spec.vcpus}-{disk}"

        def find(cloud: Any) -> str | None:
            flavors = list(cloud.compute.flavors())
            for one in flavors:
                if one.name == title:
                    return str(one.id)
            if place.make_flavors:
                try:
                    wanted = {"name": title, "ram": spec.memory, "vcpus": spec.vcpus, "disk": disk}
                    return str(cloud.compute.create_flavor(**wanted, description=self._marks.tag).id)
                except Exception as error:
                    status = status_of(error)
                    if status == 409:
                        return str(cloud.compute.find_flavor(title).id)  # Another machine's turn made it meanwhile.
                    if status != 403:
                        raise  # Who may not make any takes one that is large enough.
            fit = [one for one in flavors if one.ram >= spec.memory and one.vcpus >= spec.vcpus and (one.disk or 0) >= disk]
            best = min(fit, key=lambda one: (one.ram, one.vcpus, one.disk), default=None)
            return None if best is None else str(best.id)

        found = await self._cloud.call(f"looking for a flavor for {spec.name}", find)
        if found is None:
            raise ProviderError(
                f"{place.name} has no flavor with {spec.memory} MiB, {spec.vcpus} processors and {disk} GiB for {spec.name}.",
                hint=f"Ask its operators for one (`openstack flavor create {title} --ram {spec.memory} --vcpus {spec.vcpus} "
                f"--disk {disk}`), or for the right to make them.",
            )
        return found

    async def made_flavors(self) -> tuple[Kept, ...]:
        """Those of this installation, by their description; clouds before Nova 2.55 keep none."""
        found = await self._cloud.call("listing flavors", lambda cloud: list(cloud.compute.flavors()))
        mine = [one for one in found if str(one.description or "") == self._marks.tag]
        return tuple(Kept(kind="flavor", name=str(one.name), id=str(one.id)) for one in mine)

    async def drop_flavor(self, flavor: str) -> None:
        await self._cloud.call("removing a flavor", lambda cloud: cloud.compute.delete_flavor(flavor))

    async def serial_address(self, server: str, name: str) -> str:
        """A websocket's URL with a token that is good once, and for some minutes."""

        from openstack import exceptions

        def ask(cloud: Any) -> str:
            wish = {"remote_console": {"protocol": "serial", "type": "serial"}}
            answer = cloud.compute.post(f"/servers/{server}/remote-consoles", json=wish, microversion="2.6")
            exceptions.raise_from_response(answer)
            return str(answer.json()["remote_console"]["url"])

        return await self._cloud.call(f"asking for the console of {name}", ask)


def _demands(spec: MachineSpec) -> list[str]:
    """What a hypervisor has to have for it."""
    flags = [f"a processor with {', '.join(spec.cpu_flags)}"] if spec.cpu_flags else []
    return [f"{spec.memory} MiB", f"{spec.vcpus} processors", *flags]
