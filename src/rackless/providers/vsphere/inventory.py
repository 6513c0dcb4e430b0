"""The part of a vCenter's inventory that a place is: found once by name, and kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from rackless.model.errors import AbsentError, InputError
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.faults import RefusedError
from rackless.providers.vsphere.session import Session


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """`datastore` None: that of the image. `switch` None: standard switches. MTU in octets; 0: not known."""

    datacenter: Any
    machines: Any
    """The datacenter's folder of virtual machines."""
    cluster: Any
    pool: Any
    datastore: Any
    switch: Any
    switch_uuid: str
    switch_mtu: int
    balanced: bool
    """DRS chooses the host."""


class Inventory:
    def __init__(self, session: Session, site: str) -> None:
        self._session = session
        self._site = site
        self._grounds: Grounds | None = None
        self._finding = asyncio.Lock()
        self._folders: dict[str, Any] = {}
        self._making = asyncio.Lock()
        self._hosts: dict[str, str] = {}

    async def grounds(self) -> Grounds:
        """Raises: InputError: something that the site file names is not there."""
        async with self._finding:
            if self._grounds is None:
                self._grounds = await self._find()
        return self._grounds

    @property
    def switch_mtu(self) -> int | None:
        """Octets; None: not known, or not yet."""
        return (self._grounds.switch_mtu or None) if self._grounds is not None else None

    def path(self, *parts: str) -> str:
        """An inventory path under the datacenter."""
        return "/".join((self._session.place.datacenter, *(part.strip("/") for part in parts)))

    async def _find(self) -> Grounds:
        place = self._session.place
        inside = ("Resources", *([place.resource_pool] if place.resource_pool else []))
        datacenter = await self._named(place.datacenter, "datacenter", place.datacenter)
        cluster = await self._named(self.path("host", place.cluster), "cluster", place.cluster)
        pool = await self._named(self.path("host", place.cluster, *inside), "resource-pool", place.resource_pool)
        datastore = (
            await self._named(self.path("datastore", place.datastore), "datastore", place.datastore) if place.datastore else None
        )
        switch = await self._named(self.path("network", place.switch), "switch", place.switch) if place.switch else None
        if switch is None and not place.standard_switch:
            raise InputError(
                f"The place {place.name} has no switch.", hint="Name a `switch`, or a `standard-switch` of the hosts."
            )
        wanted = [
            properties.of([datacenter], vim.Datacenter, "vmFolder"),
            properties.of([cluster], vim.ComputeResource, "configurationEx"),
        ]
        if switch is not None:
            wanted.append(properties.of([switch], vim.DistributedVirtualSwitch, "uuid", "config"))
        said = {one._moId: facts for one, facts in await self._session.read(*wanted)}
        balancing = getattr(said.get(cluster._moId, {}).get("configurationEx"), "drsConfig", None)
        about = said.get(switch._moId, {}) if switch is not None else {}
        return Grounds(
            datacenter=datacenter,
            machines=said[datacenter._moId]["vmFolder"],
            cluster=cluster,
            pool=pool,
            datastore=datastore,
            switch=switch,
            switch_uuid=str(about.get("uuid", "")),
            switch_mtu=int(getattr(about.get("config"), "maxMtu", 0) or 0),
            balanced=bool(getattr(balancing, "enabled", False)),
        )

    async def _named(self, path: str, what: str, name: str) -> Any:
        found = await self._session.find(path)
        if found is None:
            raise InputError(
                f"The place {self._session.place.name} names the {what} {name}, and the vCenter has no {path}.",
                hint=f"Correct `{what}` in the site file, or see that the account may see it.",
            )
        return found

    async def home(self, sandbox: str, *, make: bool = False) -> Any:
        """The folder of a sandbox's machines, or None; of all of ours with an empty name."""
        names = [part for part in self._session.place.folder.split("/") if part]
        names += [marks.folder_name(self._site, sandbox)] if sandbox else []
        if sandbox in self._folders:
            return self._folders[sandbox]
        found = await self._session.find(self.path("vm", *names))
        if found is None and make:
            async with self._making:
                found = (await self.grounds()).machines
                for count, name in enumerate(names, 1):
                    found = await self._folder(found, name, self.path("vm", *names[:count]))
        if found is not None:
            self._folders[sandbox] = found
        return found

    async def _folder(self, parent: Any, name: str, path: str) -> Any:
        there = await self._session.find(path)
        if there is not None:
            return there
        try:
            return await self._session.call(parent, "CreateFolder", name=name, doing=f"make the folder {path}")
        except RefusedError as error:
            if "DuplicateName" not in error.kinds:
                raise
            return await self._session.find(path)  # Another made it meanwhile.

    async def image_folder(self) -> Any:
        """The folder of images, made if it is not there."""
        names = [part for part in self._session.place.image_folder.split("/") if part]
        async with self._making:
            found = (await self.grounds()).machines
            for count, name in enumerate(names, 1):
                found = await self._folder(found, name, self.path("vm", *names[:count]))
        return found

    def forget(self, sandbox: str) -> None:
        self._folders.pop(sandbox, None)

    async def tidy(self, sandbox: str, destroy: Any) -> bool:
        """Take the sandbox's folder away if nothing is in it. True: none of ours is left.

        Under the lock that makes folders: destroying one takes along what is in it.
        """
        async with self._making:
            ours = await self.home("")
            if ours is None:
                return True
            home = await self.home(sandbox) if sandbox else None
            try:
                said = await self._session.read(
                    *([properties.of([home], vim.Folder, "childEntity")] if home is not None else []),
                    properties.along(ours, vim.Folder, "childEntity", {vim.Folder: ("name",)}),
                )
            except AbsentError:
                self.forget(sandbox)
                return False
            inside = {one._moId: list(facts["childEntity"]) for one, facts in said if "childEntity" in facts}
            labs = {one._moId for one, facts in said if str(facts.get("name", "")).endswith(f".{self._site}")}
            if home is not None and not inside.get(home._moId):
                self.forget(sandbox)
                await destroy(home)
                labs.discard(home._moId)
            return not labs

    async def host_name(self, host: Any) -> str:
        """The name or address by which vCenter knows the host, and by which we reach its ports."""
        if host._moId not in self._hosts:
            await self.hosts()
        if host._moId not in self._hosts:
            raise AbsentError(
                f"The host {host._moId} is not one of the cluster {self._session.place.cluster}.", hint="Move the machine back."
            )
        return self._hosts[host._moId]

    def known_host(self, host: Any) -> str:
        """Its name, if the hosts have been read; otherwise the vCenter's."""
        return self._hosts.get(getattr(host, "_moId", ""), self._session.place.server)

    async def host_names(self) -> list[str]:
        """Of the cluster, as last read: that one came since is found when a machine is on it."""
        await self.know_hosts()
        return list(self._hosts.values())

    async def know_hosts(self) -> None:
        if not self._hosts:
            await self.hosts()

    async def read(self, *wanted: Any) -> list[tuple[Any, dict[str, Any]]]:
        return await self._session.read(*wanted)

    async def hosts(self) -> list[tuple[Any, dict[str, Any]]]:
        """Those of the cluster, with what is known of each."""
        grounds = await self.grounds()
        paths = (
            "name",
            "runtime.connectionState",
            "runtime.inMaintenanceMode",
            "configManager.networkSystem",
            "configManager.firewallSystem",
        )
        found = await self._session.read(properties.along(grounds.cluster, vim.ComputeResource, "host", {vim.HostSystem: paths}))
        self._hosts = {one._moId: str(facts["name"]) for one, facts in found}
        return found

    async def processors(self) -> list[tuple[Any, dict[str, Any]]]:
        """Of the cluster's hosts that can take machines, what their processors can."""
        grounds = await self.grounds()
        paths = (
            "runtime.connectionState",
            "config.maskedFeatureCapability",
            "config.featureCapability",
            "capability.nestedHVSupported",
        )
        found = await self._session.read(properties.along(grounds.cluster, vim.ComputeResource, "host", {vim.HostSystem: paths}))
        return [(one, facts) for one, facts in found if facts.get("runtime.connectionState") == "connected"]
