"""vSphere as a place of the suite: govmomi's simulator, which every test of a session shares."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from tests.vsphere import vcenter

from rackless.model.errors import NotFoundError
from rackless.model.site import Site
from rackless.providers.contract import Provider, Ref, RefKind
from rackless.providers.vsphere import marks
from rackless.providers.vsphere.provider import VsphereProvider


def no_image(name: str) -> Any:
    raise NotFoundError(f"There is no image {name}.", hint="Import it.")


class VsphereVenue:
    """`server` outlives the place: whatever a test leaves behind is found by `end`."""

    def __init__(self, server: vcenter.VCenter, **changed: Any) -> None:
        self.server = server
        self._changed = changed
        self._made: list[VsphereProvider] = []
        self._foreign = ""
        server.clear()

    def provider(self, site: str = "a", **changed: Any) -> VsphereProvider:
        place = self.server.place(**{**self._changed, **changed})
        made = VsphereProvider(place, self.server.settings(site), Site(), no_image)
        self._made.append(made)
        return made

    def other_site(self) -> Provider:
        return self.provider("b")

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A machine that somebody made by hand in a folder of ours, under a name that one of ours would have."""
        ours = self.provider()
        with self.server.admin() as content:
            where = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm")
            for part in (ours.place.folder, marks.folder_name(ours.site, sandbox)):
                where = next((one for one in where.childEntity if one.name == part), None) or where.CreateFolder(part)
        self._foreign = f"{ours.place.folder}/{marks.folder_name(ours.site, sandbox)}/{marks.machine_name(sandbox, name)}"
        self.server.image(self._foreign)
        return Ref(kind=RefKind.MACHINE, sandbox=sandbox, name=name)

    def foreign_lives(self, ref: Ref) -> bool:
        with self.server.admin() as content:
            return content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/{self._foreign}") is not None

    def free_port(self) -> int:
        with socket.socket() as end:
            end.bind(("127.0.0.11", 0))
            return int(end.getsockname()[1])

    def end(self) -> None:
        self.server.clear()
        asyncio.run(self._remove_all())
        if self._foreign:
            with self.server.admin() as content:
                where = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/{self._foreign}")
                folder = content.searchIndex.FindByInventoryPath(f"{vcenter.DATACENTER}/vm/{self._foreign.rpartition('/')[0]}")
                where.Destroy_Task()
                folder.Destroy_Task()

    async def _remove_all(self) -> None:
        for site in ("a", "b"):
            provider = self.provider(site)
            for _ in range(2):
                for ref in await provider.owned():
                    await provider.remove(ref)
            assert await provider.owned() == ()
        for provider in self._made:
            await provider.close()
