"""Our machines in a vCenter: found by name or by what their mark says, with what they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from rackless.model.errors import AbsentError, ProviderError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec
from rackless.providers.contract import Ref, RefKind, served
from rackless.providers.vsphere import hardware, marks, properties
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.session import Session

LISTED = (
    "name",
    "config.extraConfig",
    "config.instanceUuid",
    "config.uuid",
    "runtime.powerState",
    "runtime.bootTime",
    "runtime.host",
)
WHOLE = (*LISTED, "config.hardware.device", "config.files.vmPathName")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A virtual machine. `mark` None: not ours. `spec` None: a disk that no machine has yet. `devices` may not have been read."""

    entity: Any
    name: str
    mark: marks.Mark | None
    spec: MachineSpec | None
    machine: str
    """The machine's name, also where its spec can't be read; empty: a bare disk."""
    on: bool
    since: float
    host: Any
    uuid: str
    devices: tuple[Any, ...] = ()
    path: str = ""
    """Of its configuration file: "[datastore] folder/name.vmx"."""

    @property
    def serial(self) -> Any:
        return hardware.serial_of(self.devices)


def found(entity: Any, facts: dict[str, Any]) -> Found:
    options = facts.get("config.extraConfig")
    uuids = (facts.get("config.instanceUuid"), facts.get("config.uuid"))
    mark = marks.read_mark(options, uuids)
    text = marks.option(options, marks.MACHINE)
    spec = marks.read_machine(text)
    boot = facts.get("runtime.bootTime")
    name = str(facts.get("name", ""))
    on = facts.get("runtime.powerState") == "poweredOn"
    return Found(
        entity=entity,
        name=name,
        mark=mark,
        spec=spec,
        machine=spec.name if spec is not None else name.rpartition(".")[0] if text else "",
        on=on,
        since=boot.timestamp() if on and boot is not None else 0.0,
        host=facts.get("runtime.host"),
        uuid=str(uuids[0] or ""),
        devices=tuple(facts.get("config.hardware.device") or ()),
        path=str(facts.get("config.files.vmPathName") or ""),
    )


class Machines:
    def __init__(self, session: Session, inventory: Inventory, site: str) -> None:
        self._session, self._inventory, self._site = session, inventory, site
        self._known: dict[tuple[str, str], Any] = {}

    def remember(self, sandbox: str, name: str, entity: Any) -> None:
        self._known[sandbox, name] = entity

    def forget(self, sandbox: str, name: str) -> None:
        self._known.pop((sandbox, name), None)

    async def named(self, sandbox: str, name: str) -> Found | None:
        """Whatever is at the name that this machine has, ours or not."""
        return await self._look(sandbox, name, lambda: self._at(sandbox, marks.machine_name(sandbox, name)))

    async def _at(self, sandbox: str, name: str) -> Any:
        place = self._session.place
        return await self._session.find(self._inventory.path("vm", place.folder, marks.folder_name(self._site, sandbox), name))

    async def with_disk(self, sandbox: str, disk: str) -> Found | None:
        """The machine that has the disk, or that is no more than it."""
        mark = marks.mark(self._site, sandbox, disk)
        seen = await self._look(sandbox, f"{disk}/", lambda: self._marked(mark))
        return seen if seen is not None and seen.mark == mark else None

    async def _marked(self, mark: marks.Mark) -> Any:
        index = (await self._session.content()).searchIndex
        place = self._session.place
        datacenter = (await self._inventory.grounds()).datacenter
        for instance in (True, False) if place.cloning == "instant" else (True,):
            entity = await self._session.call(
                index,
                "FindByUuid",
                datacenter=datacenter,
                uuid=mark.uuid,
                vmSearch=True,
                instanceUuid=instance,
                doing=f"look for {mark.disk}",
            )
            if entity is not None:
                return entity
        return None

    async def _look(self, sandbox: str, key: str, find: Any) -> Found | None:
        """Twice, if what we remembered is gone: somebody may have put another in its place."""
        for _ in range(2):
            entity = self._known.get((sandbox, key)) or await find()
            if entity is None:
                return None
            try:
                said = await self._session.read(properties.of([entity], vim.VirtualMachine, *WHOLE))
            except AbsentError:
                self.forget(sandbox, key)
                continue
            if not said:
                return None
            self.remember(sandbox, key, entity)
            return found(entity, said[0][1])
        return None

    async def need(self, sandbox: str, name: str) -> Found:
        """Raises: AbsentError: there is no such machine of ours. ProviderError: what is there is another's."""
        seen = await self.named(sandbox, name)
        if seen is not None and seen.mark is None:
            raise ProviderError(f"The machine {name} in {sandbox} does not carry our mark.", hint="Look in vCenter whose it is.")
        if seen is None or not seen.machine or seen.machine != name:
            raise AbsentError(f"There is no machine {name} in {sandbox}.", hint="Make it first.")
        return seen

    def mine(self, seen: Found, sandbox: str | None) -> bool:
        return seen.mark is not None and seen.mark.site == self._site and sandbox in (None, seen.mark.sandbox)

    def refs(self, seen: Found) -> list[Ref]:
        """What this machine is to the contract: a disk, and a machine if it is one already."""
        if seen.mark is None:
            return []
        disk = Ref(kind=RefKind.DISK, sandbox=seen.mark.sandbox, name=seen.mark.disk)
        return [self.ref(seen), disk] if seen.machine else [disk]

    def ref(self, seen: Found) -> Ref:
        return Ref(
            kind=RefKind.MACHINE,
            sandbox=seen.mark.sandbox if seen.mark is not None else "",
            name=seen.machine,
            running=seen.on,
            endpoints=self._endpoints(seen) if seen.on else {},
            since=seen.since,
            uuid=seen.uuid,
        )

    def _endpoints(self, seen: Found) -> dict[str, str]:
        spec = seen.spec
        if spec is None:
            return {}
        ends = {}
        if spec.console_port is not None:
            host = self._inventory.known_host(seen.host)
            ends["console"] = f"{host}:{spec.console_port}"
        management = next((nic for nic in spec.nics if nic.role is NicRole.MANAGEMENT and nic.address), None)
        if management is not None and management.address is not None:
            address = management.address.partition("/")[0]
            ends.update({forward.service: served(address, forward.guest_port) for forward in spec.forwards})
        return ends
