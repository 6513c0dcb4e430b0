"""Configuration drives: a CD of a few small files, kept beside the machine that has it in its drive."""

from __future__ import annotations

import asyncio
from http.client import HTTPSConnection
from urllib.parse import quote, urlencode

from rackless.images import configdisk
from rackless.model.errors import AbsentError, ProviderError
from rackless.model.plan import MachineSpec
from rackless.providers.vsphere import hardware
from rackless.providers.vsphere.faults import BREAKS, RefusedError, broken
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.machines import Found
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.tasks import Tasks

SEND = 120.0
"""Seconds for a file of some kilobytes."""


class Drives:
    def __init__(self, session: Session, tasks: Tasks, inventory: Inventory) -> None:
        self._session, self._tasks, self._inventory = session, tasks, inventory

    async def write(self, machine: Found, spec: MachineSpec) -> str:
        """Put the machine's drive beside it; the same content at each try. Returns its datastore path."""
        beside, _, _ = machine.path.rpartition("/")
        path = f"{beside}/{hardware.DRIVE}"
        disc = configdisk.iso({file.path: file.content.encode() for file in spec.config_drive})
        cookie = await self._session.cookie()
        await asyncio.wait_for(asyncio.to_thread(self._put, path, disc, cookie), SEND)
        return path

    def _put(self, path: str, content: bytes, cookie: str) -> None:
        """By HTTP, as vSphere takes files (vSphere Web Services SDK Programming Guide, "Datastore File Access")."""
        place = self._session.place
        store, _, inside = path.removeprefix("[").partition("] ")
        where = f"/folder/{quote(inside)}?{urlencode({'dcPath': place.datacenter, 'dsName': store})}"
        doing = f"write {path}"
        line = HTTPSConnection(place.server, place.port, timeout=SEND, context=self._session.trust())
        try:
            self._session.calls["PUT"] += 1
            line.request("PUT", where, body=content, headers={"Cookie": cookie, "Content-Type": "application/octet-stream"})
            answer = line.getresponse()
            answer.read()
        except BREAKS as error:
            raise broken(error, place.server, doing) from error
        finally:
            line.close()
        if answer.status not in (200, 201, 204):
            raise ProviderError(
                f"vCenter could not {doing}: {answer.status} {answer.reason}.",
                hint="See that the account may write to the datastore (Datastore.FileManagement), and that it has room.",
            )

    async def remove(self, machine: Found) -> None:
        """Before the machine lets go of it: a drive that no machine has would be found by nobody."""
        drive = hardware.drive_of(machine.devices)
        if drive is None:
            return
        content = await self._session.content()
        datacenter = (await self._inventory.grounds()).datacenter
        path = hardware.drive_file(drive)
        try:
            await self._tasks.run(
                content.fileManager,
                "DeleteDatastoreFile_Task",
                name=path,
                datacenter=datacenter,
                doing=f"remove {path}",
                within=SEND,
            )
        except (AbsentError, RefusedError) as error:
            if isinstance(error, RefusedError) and "FileNotFound" not in error.kinds:
                raise
