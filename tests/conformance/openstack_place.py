"""OpenStack as a place of the suite: the standing stack of real services, which every test of a session shares.

Its machines have a boot sector for a disk, which echoes what the serial line says.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.openstack import stack

from rackless.model.errors import NotFoundError
from rackless.model.site import Site
from rackless.providers.contract import Provider, Ref, RefKind
from rackless.providers.openstack.marks import Marks
from rackless.providers.openstack.provider import OpenStackProvider
from rackless.providers.site_id import site_id
from rackless.settings import Settings

# 16-bit code at 0x7c00: wait for an interrupt of the timer; while the line's status (port 0x3fd, 8250's LSR) has bit 0 (a byte is
# there), take the byte (0x3f8) and send it back.
ECHO = bytes.fromhex("fb f4 bafd03 ec a801 74f7 baf803 ec ee ebf0")


@dataclass(frozen=True)
class TinyImage:
    disk: Path


class OpenStackVenue:
    """`changed`: fields of the place."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self._stack = folder
        self._changed = changed
        self._top = tempfile.TemporaryDirectory(prefix="rl")
        self._ports = 20000
        self._foreign = ""
        raw, self._disk = Path(self._top.name, "raw"), Path(self._top.name, "tiny.qcow2")
        raw.write_bytes(ECHO.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, self._disk], check=True)

    def settings(self, name: str = "a") -> Settings:
        root = Path(self._top.name) / name
        return Settings(state=root / "state", run=root / "run", images=root / "images", site_file=root / "site.yaml")

    def find(self, name: str) -> TinyImage:
        if name != "tiny":
            raise NotFoundError(f"There is no image {name}.", hint="Build it.")
        return TinyImage(self._disk)

    def provider(self, site: str = "a") -> OpenStackProvider:
        return OpenStackProvider(stack.place(self._stack, **self._changed), self.settings(site), Site(), self.find)

    def other_site(self) -> Provider:
        return self.provider("b")

    def plant_foreign(self, sandbox: str, name: str) -> Ref:
        """A server that somebody made by hand, under the name that one of ours would have."""
        self.provider()
        cloud = stack.admin(self._stack)
        image = cloud.image.create_image(name="foreign", filename=str(self._disk), disk_format="qcow2", container_format="bare")
        flavor = cloud.compute.create_flavor(name=f"foreign-{id(self)}", ram=64, vcpus=1, disk=1)
        title = Marks(site_id(self.settings().state / "site-id")).name(sandbox, name)
        server = cloud.compute.create_server(name=title, image_id=image.id, flavor_id=flavor.id, networks="none")
        self._foreign = cloud.compute.wait_for_server(server, interval=0.5).id
        cloud.image.delete_image(image)
        cloud.compute.delete_flavor(flavor)
        return Ref(kind=RefKind.MACHINE, sandbox=sandbox, name=name)

    def foreign_lives(self, ref: Ref) -> bool:
        return bool(stack.admin(self._stack).compute.get_server(self._foreign).status == "ACTIVE")

    def free_port(self) -> int:
        self._ports += 1
        return self._ports

    def end(self) -> None:
        """Everything of ours goes by the provider's own verbs, and nothing but the installation's own things is left."""
        cloud = stack.admin(self._stack)
        if self._foreign:
            cloud.compute.delete_server(self._foreign)
        asyncio.run(self._remove_all())
        for name in ("a", "b"):
            site = site_id(self.settings(name).state / "site-id") if self.settings(name).state.exists() else "none"
            left = [one.name for one in cloud.network.ports() if site in str(one.description)]
            left += [one.name for one in cloud.compute.servers() if site in one.name]
            assert left == []
            for network in [one for one in cloud.network.networks() if site in one.name]:
                assert network.name.endswith("--parking"), network.name
                cloud.network.delete_network(network)
            for image in [one for one in cloud.image.images() if site in one.name]:
                assert "rackless_kind" not in image.properties, image.name
                cloud.image.delete_image(image)
        self._top.cleanup()

    async def _remove_all(self) -> None:
        for provider in (self.provider(), self.provider("b")):
            for ref in await provider.owned():
                await provider.remove(ref)
            assert await provider.owned() == ()
