"""Every route, as a method of its noun. Written by packaging/generate_client.py out of the API's document: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from rackless.client.asynchronous.calls import AsyncCalls, AsyncNoun, AsyncPages, AsyncStream, given, part

if TYPE_CHECKING:
    from rackless.client import models
else:
    from rackless.client.late import models


class AsyncServerOperations(AsyncNoun):
    async def server(self) -> models.Server:
        return await self._calls.answer(models.Server, "GET", "/v1/server")

    async def stop(self, *, pid: int | None = None) -> models.Stopping:
        """End the server, or only if it is process `pid` still. Labs go on running; jobs go on with the next server."""
        return await self._calls.answer(models.Stopping, "POST", "/v1/server/stop", query={"pid": pid})

    async def show_maintenance(self) -> models.MaintenanceState:
        """Of this server: behind a load balancer ask each by its own address, or its unix socket."""
        return await self._calls.answer(models.MaintenanceState, "GET", "/v1/server/maintenance")

    async def put_maintenance(self, *, on: bool) -> models.MaintenanceState:
        """On: this server finishes the steps that it is at, hands its jobs on to the others and begins none; load balancers
        are told to send nobody. Off: it works again. It stays so when the server is started anew.
        """
        return await self._calls.answer(models.MaintenanceState, "PUT", "/v1/server/maintenance", body=given({"on": on}))

    def doctor(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Finding]:
        """Look at everything; changes nothing (an accelerator is found by booting a tiny guest with it).

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Finding, "/v1/doctor", query={"limit": limit, "after": after})

    def make_backup(self) -> AbstractAsyncContextManager[AsyncStream]:
        """The store, the record of workflows and the state's files, of one moment; jobs go on meanwhile. It holds every secret
        there is.
        """
        return self._calls.stream("POST", "/v1/backup")

    async def list_ports(self) -> list[models.Listening]:
        """The TCP ports that the server listens on."""
        return await self._calls.answer(list[models.Listening], "GET", "/v1/server/ports")

    async def open_port(self, *, port: int = 0, plain: bool = False) -> models.Listening:
        """Make sure of a port for this machine's browser. It is on the loopback address, and kept for the servers that come
        after.
        """
        return await self._calls.answer(models.Listening, "POST", "/v1/server/ports", body=given({"port": port, "plain": plain}))

    async def show_metrics(self) -> str:
        """Numbers in Prometheus' text format. A few counting queries, however many labs there are."""
        return await self._calls.answer(str, "GET", "/metrics")

    async def healthz(self) -> models.Alive:
        """The process lives and takes requests. Touches nothing else."""
        return await self._calls.answer(models.Alive, "GET", "/healthz")

    async def readyz(self) -> models.Ready:
        """The server can do its work: store, provider, workflow engine, heartbeat, keepers, disk."""
        return await self._calls.answer(models.Ready, "GET", "/readyz")

    async def health_live(self) -> models.Alive:
        """For load balancers: the same as `/healthz`."""
        return await self._calls.answer(models.Alive, "GET", "/health/live")

    async def health_ready(self) -> models.Alive:
        """For load balancers: `ready`, or with status 503 `draining` (it is about to end, or in maintenance) or `not ready`. A
        server whose database is away for a short while is `ready`: it answers 503 with Retry-After itself.
        """
        return await self._calls.answer(models.Alive, "GET", "/health/ready")


class AsyncFabricOperations(AsyncNoun):
    async def show_fabric(self) -> models.Fabric:
        """Every node: its functions, whether it lives, and how it is; and the alarms that stand. From memory: asks nobody."""
        return await self._calls.answer(models.Fabric, "GET", "/v1/fabric")

    def list_alarms(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.FabricAlarm]:
        """Alarms that stand, the worst first.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.FabricAlarm, "/v1/fabric/alarms", query={"limit": limit, "after": after})

    async def acknowledge_alarm(self, *, key: str) -> models.FabricAlarm:
        """Say that somebody takes care of it. It stands until what it is about is over."""
        return await self._calls.answer(models.FabricAlarm, "POST", "/v1/fabric/alarms/acknowledge", body=given({"key": key}))


class AsyncSiteOperations(AsyncNoun):
    def list_places(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.SitePlace]:
        """Where labs can be, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.SitePlace, "/v1/places", query={"limit": limit, "after": after})

    def check_place(self, place: str, *, quick: bool = False) -> AbstractAsyncContextManager[AsyncStream]:
        """Examine a place. NDJSON: {"name", "ok", "detail", "hint"} as soon as each is found, at last {"checked": how many,
        "bad": how many of them}. At a cloud two small machines show what only machines can (MTU from end to end), as the
        lab `check-PLACE`. What the examination makes there, it takes away again, also when the caller hangs up.

        Args:
            quick: Without the two machines.
        """
        return self._calls.stream("POST", f"/v1/places/{part(place)}/check", query={"quick": quick})

    async def clean_place(self, place: str, *, dry: bool = False) -> list[models.Clean]:
        """Take away what no lab uses of that which stays at a place for the next lab: uploaded images, flavors, networks.

        Args:
            dry: Only say what would go.
        """
        return await self._calls.answer(list[models.Clean], "POST", f"/v1/places/{part(place)}/clean", query={"dry": dry})

    def import_to_place(
        self, place: str, *, name: str, content: bytes | AsyncIterable[bytes]
    ) -> AbstractAsyncContextManager[AsyncStream]:
        """Take an OVA or a disk into a place itself (vSphere), as its vendor made it. NDJSON: {"doing", "percent"} while a
        disk is converted and while it is sent there, at last {"image"}, or {"error"}.

        Args:
            name: What blueprints and families call it.
        """
        return self._calls.stream("POST", f"/v1/places/{part(place)}/images", query={"name": name}, content=content)

    def list_vm_hosts(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.VmHost]:
        """The VM hosts, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.VmHost, "/v1/vm-hosts", query={"limit": limit, "after": after})

    async def enroll_vm_host(self, *, name: str, secret: str, request: str) -> models.Enrolled:
        """A host comes with its token, and gets its certificate."""
        return await self._calls.answer(
            models.Enrolled, "POST", "/v1/vm-hosts/enroll", body=given({"name": name, "secret": secret, "request": request})
        )

    async def invite_vm_host(self, place: str, *, url: str = "", seconds: float = 900.0) -> models.Invited:
        """A token with which that machine becomes the host of this name."""
        return await self._calls.answer(
            models.Invited, "POST", f"/v1/vm-hosts/{part(place)}/token", body=given({"url": url, "seconds": seconds})
        )

    async def remove_vm_host(self, place: str, *, force: bool = False) -> None:
        """End its enrolment: this server speaks to it no more, and it is told to serve nobody. Not while labs have something
        there, but with `force`.
        """
        await self._calls.call("DELETE", f"/v1/vm-hosts/{part(place)}", query={"force": force})

    async def evacuate_vm_host(self, place: str) -> list[models.MovedRow]:
        """Begin to make anew elsewhere in its group all that labs have at this host; one that does not answer is given up."""
        return await self._calls.answer(list[models.MovedRow], "POST", f"/v1/vm-hosts/{part(place)}/evacuate")

    def list_pools(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Pool]:
        """Console ports and forwarded ports; segment numbers and console ports of places, called numbers@PLACE (or @FABRIC).

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Pool, "/v1/pools", query={"limit": limit, "after": after})

    def list_hosts(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Host]:
        """The servers on this store; with SQLite there is one.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Host, "/v1/hosts", query={"limit": limit, "after": after})


class AsyncAuditOperations(AsyncNoun):
    def show_audit(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.AuditFinding]:
        """Every difference, by lab, kind and name. Changes nothing.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.AuditFinding, "/v1/audit", query={"limit": limit, "after": after})

    async def remove_leftovers(self) -> models.Removed:
        """Take away what carries our mark and no lab has."""
        return await self._calls.answer(models.Removed, "POST", "/v1/audit/remove")


class AsyncImagesOperations(AsyncNoun):
    def list_images(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.ImageLine]:
        """Every build of every image, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.ImageLine, "/v1/images", query={"limit": limit, "after": after})

    async def upload(
        self, name: str, *, content: bytes | AsyncIterable[bytes], sha256: str = "", current: bool = True
    ) -> models.ImageLine:
        """Take in a build: the archive of another installation, or a bootable disk in qcow2 or raw. The same one again is no
        harm.

        Args:
            sha256: Of the body, to be compared.
            current: New machines get it from now on.
        """
        return await self._calls.answer(
            models.ImageLine, "PUT", f"/v1/images/{part(name)}", query={"sha256": sha256, "current": current}, content=content
        )

    async def import_image(
        self,
        *,
        file: str,
        content: bytes | AsyncIterable[bytes],
        family: str = "",
        role: str = "",
        name: str = "",
        sha256: str = "",
        current: bool = True,
    ) -> list[models.ImageLine]:
        """Take in somebody else's machine: an OVA, a disk in qcow2, VMDK or raw, or the archive a vendor packs several in.

        All of its images come, or none; one who hangs up before the end has changed nothing. Who accepts
        application/x-ndjson is told, once all is sent, what is being done: {"doing", "percent"}, percent null where it is
        not known; at last {"images"}, or {"error"}.

        Args:
            file: The file's name, which often says what it is.
            family: Whose image it is.
            role: Of which of the family's machines.
            name: Name of the image, whatever the file says.
            sha256: Of the body, to be compared.
            current: New machines get it from now on.
        """
        return await self._calls.answer(
            list[models.ImageLine],
            "POST",
            "/v1/images/import",
            query={"file": file, "family": family, "role": role, "name": name, "sha256": sha256, "current": current},
            content=content,
        )

    async def prepare(
        self,
        name: str,
        *,
        slot: int,
        wait: float = 1800.0,
        slot_file: str = "",
        partition: int | None = None,
        current: bool = True,
    ) -> models.ImageLine:
        """Make the image of a card that knows its slot: the number written into its file system, booted once, halted.

        Args:
            wait: Seconds that its one boot may take.
        """
        return await self._calls.answer(
            models.ImageLine,
            "POST",
            f"/v1/images/{part(name)}/prepare",
            query={"wait": wait},
            body=given({"slot": slot, "slot_file": slot_file, "partition": partition, "current": current}),
        )

    def download(self, name: str, digest: str) -> AbstractAsyncContextManager[AsyncStream]:
        """The build as an archive that `upload` takes."""
        return self._calls.stream("GET", f"/v1/images/{part(name)}/{part(digest)}")

    async def make_current(self, name: str, digest: str) -> None:
        """Let new machines get that build from now on."""
        await self._calls.call("PUT", f"/v1/images/{part(name)}/{part(digest)}/current")

    async def prune(self, *, dry: bool = False, gone: bool = False, templates: bool = False) -> list[models.Pruned]:
        """Remove builds that are not current and that no lab uses, what builders left behind, and warm templates that no new
        machine starts from; with `templates`, all of those.
        """
        return await self._calls.answer(
            list[models.Pruned], "POST", "/v1/images/prune", body=given({"dry": dry, "gone": gone, "templates": templates})
        )

    async def warm_up(
        self,
        *,
        text: str,
        wait: float = 1800.0,
        file: str = "blueprint.yaml",
        files: dict[str, str] | None = None,
        complete: bool = False,
        name: str | None = None,
    ) -> list[models.Warmed]:
        """Make the warm templates that the machines of this blueprint can start from; those that are there already are not
        made again. One machine of each kind is booted for it, one after the other.

        Args:
            wait: Seconds that it may take.
            file: Its name, for the places of problems.
            files: Content of each file it refers to, by the name it uses.
            complete: All that could be read was sent: do not ask for files.
            name: Name of the lab, instead of the blueprint's.
        """
        return await self._calls.answer(
            list[models.Warmed],
            "POST",
            "/v1/images/warm",
            query={"wait": wait},
            body=given({"text": text, "file": file, "files": files, "complete": complete, "name": name}),
        )


class AsyncPlansOperations(AsyncNoun):
    async def make_plan(
        self,
        *,
        text: str,
        file: str = "blueprint.yaml",
        files: dict[str, str] | None = None,
        complete: bool = False,
        name: str | None = None,
    ) -> models.Summary:
        """Every machine, port, wire and network that the blueprint would make, with names, MACs and addresses; where it would
        be, and what those places can't do of it. No secrets.

        Args:
            file: Its name, for the places of problems.
            files: Content of each file it refers to, by the name it uses.
            complete: All that could be read was sent: do not ask for files.
            name: Name of the lab, instead of the blueprint's.
        """
        return await self._calls.answer(
            models.Summary,
            "POST",
            "/v1/plans",
            body=given({"text": text, "file": file, "files": files, "complete": complete, "name": name}),
        )

    async def blueprint_schema(self) -> Any:
        """The JSON schema (draft 2020-12) of a blueprint, for editors."""
        return await self._calls.call("GET", "/v1/blueprints/schema")


class AsyncLabsOperations(AsyncNoun):
    async def deploy(
        self,
        *,
        text: str,
        file: str = "blueprint.yaml",
        files: dict[str, str] | None = None,
        complete: bool = False,
        name: str | None = None,
        begins: float | None = None,
        seconds: float | None = None,
        ends: float | None = None,
        queue: bool = False,
        saves: bool = False,
        cold: bool = False,
    ) -> models.Started:
        """Make the lab of a blueprint now or book it for later, or bring back what is missing of it.

        Args:
            file: Its name, for the places of problems.
            files: Content of each file it refers to, by the name it uses.
            complete: All that could be read was sent: do not ask for files.
            name: Name of the lab, instead of the blueprint's.
            begins: When it begins; null for now.
            seconds: For how long; null for no end, or for `ends`.
            ends: Until when.
            queue: Wait for the first time that it fits, if it does not fit then.
            saves: Keep the configurations of its routers when its time is over.
            cold: Have its machines boot, whatever warm templates there are.
        """
        return await self._calls.answer(
            models.Started,
            "POST",
            "/v1/labs",
            body=given(
                {
                    "text": text,
                    "file": file,
                    "files": files,
                    "complete": complete,
                    "name": name,
                    "begins": begins,
                    "seconds": seconds,
                    "ends": ends,
                    "queue": queue,
                    "saves": saves,
                    "cold": cold,
                }
            ),
        )

    def list_labs(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.LabLine]:
        """Those that the caller may see, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.LabLine, "/v1/labs", query={"limit": limit, "after": after})

    async def show(self, name: str, *, all: bool | None = None) -> models.Lab:
        """What is known of a lab, with what the place itself says of its machines now; `all` of it for operators.

        Args:
            all: With what is for operators (machines of cards, internal networks); null: if you may see it.
        """
        return await self._calls.answer(models.Lab, "GET", f"/v1/labs/{part(name)}", query={"all": all})

    async def take_down(self, name: str, *, wait: float = 0, saves: bool = False) -> models.Started | None:
        """Take away all that carries the lab's mark. A job that runs on it is told to stop first. `saves`: keep
        configurations.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.optional(
            models.Started, "DELETE", f"/v1/labs/{part(name)}", query={"wait": wait, "saves": saves}
        )

    async def cancel(self, job: str) -> None:
        """Tell a job to stop. What it made stays owned by its lab."""
        await self._calls.call("POST", f"/v1/jobs/{part(job)}/cancel")

    async def show_blueprint(self, name: str, *, live: bool = False) -> models.LabBlueprint:
        """What the lab was made from, as it was written; or what is there now, as a blueprint that makes the same. Text alone
        for who accepts text/plain. Viewers see no passwords, and no files.
        """
        return await self._calls.answer(models.LabBlueprint, "GET", f"/v1/labs/{part(name)}/blueprint", query={"live": live})

    async def apply(
        self,
        name: str,
        *,
        text: str,
        wait: float = 0,
        file: str = "blueprint.yaml",
        files: dict[str, str] | None = None,
        complete: bool = False,
        replace: bool = False,
        prune: bool = False,
        dry_run: bool = False,
    ) -> models.Applied:
        """Let a lab become one of this blueprint: what is new is made, what is gone is removed, what is equal is not touched.

        Args:
            wait: Seconds to wait for the job's end before answering.
            file: Its name, for the places of problems.
            files: Content of each file it refers to, by the name it uses.
            complete: All that could be read was sent: do not ask for files.
            replace: Machines may be switched off and made anew, where the change needs it.
            prune: Wires that were drawn live and are not in the blueprint go.
            dry_run: Answer what would change, and change nothing.
        """
        return await self._calls.answer(
            models.Applied,
            "PUT",
            f"/v1/labs/{part(name)}/blueprint",
            query={"wait": wait},
            body=given(
                {
                    "text": text,
                    "file": file,
                    "files": files,
                    "complete": complete,
                    "replace": replace,
                    "prune": prune,
                    "dry_run": dry_run,
                }
            ),
        )

    def show_inventory(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.RouterInventory]:
        """Chassis, cards and ports of each router that was read, by the router's name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(
            self._calls, models.RouterInventory, f"/v1/labs/{part(name)}/inventory", query={"limit": limit, "after": after}
        )

    async def show_layout(self, name: str) -> models.Layout:
        """The places that were chosen."""
        return await self._calls.answer(models.Layout, "GET", f"/v1/labs/{part(name)}/layout")

    async def put_layout(self, name: str, *, nodes: dict[str, models.Place] | None = None) -> models.Layout:
        """Exactly these places; none gives all back to the automatic layout. Names that the lab does not have are left out."""
        return await self._calls.answer(models.Layout, "PUT", f"/v1/labs/{part(name)}/layout", body=given({"nodes": nodes}))

    async def change_layout(self, name: str, *, nodes: dict[str, models.Place | None] | None = None) -> models.Layout:
        """Move some, and leave the others where they are."""
        return await self._calls.answer(models.Layout, "PATCH", f"/v1/labs/{part(name)}/layout", body=given({"nodes": nodes}))


class AsyncSnapshotsOperations(AsyncNoun):
    def list_all_snapshots(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.SnapshotLine]:
        """Of all labs, also of those that have ended, by lab and time.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.SnapshotLine, "/v1/snapshots", query={"limit": limit, "after": after})

    async def import_snapshot(self, *, content: bytes | AsyncIterable[bytes]) -> models.SnapshotLine:
        """Take in what another installation has exported. QEMU reads what is in it: take it from nobody you don't trust."""
        return await self._calls.answer(models.SnapshotLine, "POST", "/v1/snapshots", content=content)

    def list_snapshots(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.SnapshotLine]:
        """Of a lab, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(
            self._calls, models.SnapshotLine, f"/v1/labs/{part(name)}/snapshots", query={"limit": limit, "after": after}
        )

    async def take_snapshot(self, name: str, *, body_name: str, wait: float = 0, keep: bool = False) -> models.Started:
        """The state of all machines of a lab at one moment: memory, devices, disks. They are stopped for as long as that
        takes.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started,
            "POST",
            f"/v1/labs/{part(name)}/snapshots",
            query={"wait": wait},
            body=given({"name": body_name, "keep": keep}),
        )

    async def restore_snapshot(self, name: str, snapshot: str, *, wait: float = 0) -> models.Started:
        """Have all machines of a lab that is up go on from there. What they did since is lost; wires are as they are now.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "POST", f"/v1/labs/{part(name)}/snapshots/{part(snapshot)}/restore", query={"wait": wait}
        )

    async def remove_snapshot(self, name: str, snapshot: str) -> None:
        """Absent is success."""
        await self._calls.call("DELETE", f"/v1/labs/{part(name)}/snapshots/{part(snapshot)}")

    async def revive_snapshot(self, lab: str, snapshot: str, *, wait: float = 0) -> models.Started:
        """Make the lab of a snapshot anew, and have its machines go on from there: one that has ended, or was another
        installation's. It has the passwords that it had.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "POST", f"/v1/snapshots/{part(lab)}/{part(snapshot)}/restore", query={"wait": wait}
        )

    async def remove_kept_snapshot(self, lab: str, snapshot: str) -> None:
        """Also of a lab that has ended. Absent is success."""
        await self._calls.call("DELETE", f"/v1/snapshots/{part(lab)}/{part(snapshot)}")

    def export_snapshot(self, lab: str, snapshot: str) -> AbstractAsyncContextManager[AsyncStream]:
        """The snapshot as one file. It holds the lab's passwords and keys, and the memory of its machines."""
        return self._calls.stream("GET", f"/v1/snapshots/{part(lab)}/{part(snapshot)}")


class AsyncTimesOperations(AsyncNoun):
    async def extend(self, name: str, *, seconds: float | None = None, ends: float | None = None) -> models.LabTimes:
        """Give a lab another end, later or sooner, if what it has is free until then.

        Args:
            seconds: Longer by this than it has now; from now, if it has no end.
            ends: Until then.
        """
        return await self._calls.answer(
            models.LabTimes, "POST", f"/v1/labs/{part(name)}/extend", body=given({"seconds": seconds, "ends": ends})
        )

    async def calendar(self) -> models.CalendarBody:
        """How much labs hold now, and of how much. Who holds it, and when: the list of bookings."""
        return await self._calls.answer(models.CalendarBody, "GET", "/v1/calendar")

    def list_bookings(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Held]:
        """Labs that have not ended, by the time of their begin; after them those that wait in the queue.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Held, "/v1/bookings", query={"limit": limit, "after": after})

    def show_history(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.HistoryEntry]:
        """Who did what with the newest lab of this name, and why, oldest first; of an ended one too.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(
            self._calls, models.HistoryEntry, f"/v1/labs/{part(name)}/history", query={"limit": limit, "after": after}
        )


class AsyncWiresOperations(AsyncNoun):
    async def connect(self, name: str, *, a: str, b: str, wait: float = 0) -> models.Started:
        """Join two free ports behind their running machines.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "POST", f"/v1/labs/{part(name)}/wires", query={"wait": wait}, body=given({"a": a, "b": b})
        )

    async def disconnect(self, name: str, *, a: str, b: str, wait: float = 0) -> models.Started:
        """Take the wire between two ends away.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "DELETE", f"/v1/labs/{part(name)}/wires", query={"a": a, "b": b, "wait": wait}
        )

    async def link(self, name: str, *, end: str, up: bool, wait: float = 0, other: str | None = None) -> models.Started:
        """Let both ends of a wire lose their carrier, or get it back.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started,
            "PATCH",
            f"/v1/labs/{part(name)}/wires",
            query={"wait": wait},
            body=given({"end": end, "other": other, "up": up}),
        )

    async def impair(
        self,
        name: str,
        *,
        end: str,
        wait: float = 0,
        other: str | None = None,
        delay: str | None = None,
        jitter: str | None = None,
        loss: str | None = None,
        rate: str | None = None,
    ) -> models.Started:
        """Let a wire delay, lose or slow down the frames that it carries, or no more. Behind running machines; nothing
        reboots.

        Args:
            wait: Seconds to wait for the job's end before answering.
            delay: 20ms, 500us, 1s.
            jitter: how much more or less than the delay: 2ms.
            loss: share of the frames: 1%.
            rate: bit/s: 64k, 10m, 1g.
        """
        return await self._calls.answer(
            models.Started,
            "PUT",
            f"/v1/labs/{part(name)}/wires/impairment",
            query={"wait": wait},
            body=given({"end": end, "other": other, "delay": delay, "jitter": jitter, "loss": loss, "rate": rate}),
        )

    def capture(self, name: str, *, end: str) -> AbstractAsyncContextManager[AsyncStream]:
        """The frames of a port in both directions, as a pcap stream. Hanging up ends the capture.

        Args:
            end: west:ge-0/0/0.
        """
        return self._calls.stream("GET", f"/v1/labs/{part(name)}/capture", query={"end": end})


class AsyncMachinesOperations(AsyncNoun):
    async def restart(self, name: str, machine: str, *, wait: float = 0) -> models.Started:
        """Off and on; its wires stay.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "POST", f"/v1/labs/{part(name)}/machines/{part(machine)}/restart", query={"wait": wait}
        )

    async def transcript(self, name: str, machine: str) -> str:
        """All that the serial line showed, without secrets. A card's is for operators."""
        return await self._calls.answer(str, "GET", f"/v1/labs/{part(name)}/machines/{part(machine)}/transcript")


class AsyncRoutersOperations(AsyncNoun):
    def credentials(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Credentials]:
        """The logins of every router, in the order of the blueprint.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(
            self._calls, models.Credentials, f"/v1/labs/{part(name)}/credentials", query={"limit": limit, "after": after}
        )

    async def save(self, name: str, *, wait: float = 0, routers: list[str] | None = None) -> models.Started:
        """Read the committed configurations. Fetch each with `saved` afterwards.

        Args:
            wait: Seconds to wait for the job's end before answering.
        """
        return await self._calls.answer(
            models.Started, "POST", f"/v1/labs/{part(name)}/save", query={"wait": wait}, body=given({"routers": routers})
        )

    async def saved(self, name: str, owner: str) -> str:
        """The configuration that the last `save` read, as set statements (passwords in it are hashes)."""
        return await self._calls.answer(str, "GET", f"/v1/labs/{part(name)}/saved/{part(owner)}")

    def run(self, name: str, owner: str, *, command: str, user: str = "root") -> AbstractAsyncContextManager[AsyncStream]:
        """Run a command on a router (over SSH) or host. NDJSON: {"out": base64}, {"err": base64}, at last {"exit": status}."""
        return self._calls.stream(
            "POST", f"/v1/labs/{part(name)}/run/{part(owner)}", body=given({"command": command, "user": user})
        )


class AsyncExchangeOperations(AsyncNoun):
    async def import_topology(self, *, text: str, file: str = "topology.clab.yml") -> models.ImportedBlueprint:
        """A blueprint of a containerlab topology (`.clab.yml`), and what could not be carried over.

        Args:
            file: Its name, for the places of problems.
        """
        return await self._calls.answer(
            models.ImportedBlueprint, "POST", "/v1/imports/containerlab", body=given({"text": text, "file": file})
        )

    async def export(self, name: str, *, format: models.ExportFormat) -> str:
        """The lab, with the wires that it has now, for another tool. No secret is in it.

        Args:
            format: What to write.
        """
        return await self._calls.answer(str, "GET", f"/v1/labs/{part(name)}/export", query={"format": format})

    async def apply_connectivity_changes(self, name: str, *, driverRequest: models.DriverRequest) -> models.ConnectivityResponse:
        """CloudShell's ApplyConnectivityChanges: the actions are carried out one by one, in ascending order of Vnic Name, and
        each has its result. Two NICs in one VLAN are the ends of a wire.
        """
        return await self._calls.answer(
            models.ConnectivityResponse,
            "POST",
            f"/v1/labs/{part(name)}/cloudshell/apply-connectivity-changes",
            body=given({"driverRequest": driverRequest}),
        )

    async def show_counters(self, name: str) -> models.Counters:
        """Traffic of every port, as the routers and hosts count it themselves. Read at most once a second, whoever asks."""
        return await self._calls.answer(models.Counters, "GET", f"/v1/labs/{part(name)}/counters")


class AsyncJobsOperations(AsyncNoun):
    def list_jobs(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Job]:
        """Jobs of a lab, newest first; of an ended lab too.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Job, f"/v1/labs/{part(name)}/jobs", query={"limit": limit, "after": after})

    async def show_job(self, job: str) -> models.Job:
        return await self._calls.answer(models.Job, "GET", f"/v1/jobs/{part(job)}")

    def events(self, job: str, *, after: int = 0, follow: bool = False) -> AbstractAsyncContextManager[AsyncStream]:
        """Events as NDJSON, one `JobEvent` a line; or as server-sent events of type `step`, and at the job's end one of type
        `end` with the `Job`.

        Args:
            after: Number of the last event seen.
            follow: Stay until the job ends; server-sent events always do.
        """
        return self._calls.stream("GET", f"/v1/jobs/{part(job)}/events", query={"after": after, "follow": follow})


class AsyncLocksOperations(AsyncNoun):
    def list_locks(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Lock]:
        """Every lock that there was, held or not.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Lock, "/v1/locks", query={"limit": limit, "after": after})

    def lock_log(self, lock: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.LockEntry]:
        """Who had a lock, newest first.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.LockEntry, f"/v1/locks/{part(lock)}/log", query={"limit": limit, "after": after})

    async def acquire_lock(self, lock: str, *, seconds: float, holder: str = "", wait: float = 0) -> models.Lock:
        """Take a lock, at once or within the time one would wait. A lease that is over may be taken over.

        Args:
            seconds: How long it is held, if it is not renewed.
        """
        return await self._calls.answer(
            models.Lock, "POST", f"/v1/locks/{part(lock)}", body=given({"seconds": seconds, "holder": holder, "wait": wait})
        )

    async def release_lock(self, lock: str, *, token: int) -> None:
        """Give a lock back: its owner, with its token."""
        await self._calls.call("DELETE", f"/v1/locks/{part(lock)}", query={"token": token})

    async def renew_lock(self, lock: str, *, token: int, seconds: float) -> models.Lock:
        """Another lease from now on, for its owner with its token."""
        return await self._calls.answer(
            models.Lock, "POST", f"/v1/locks/{part(lock)}/renew", body=given({"token": token, "seconds": seconds})
        )

    async def break_lock(self, lock: str, *, why: str) -> models.Lock:
        """Take a lock away from whoever has it; its log keeps who did, and why."""
        return await self._calls.answer(models.Lock, "POST", f"/v1/locks/{part(lock)}/break", body=given({"why": why}))


class AsyncSessionOperations(AsyncNoun):
    async def log_in(self, *, body: models.Login | models.Redeemed) -> models.Self:
        """Open a session: the answer sets its cookie."""
        return await self._calls.answer(models.Self, "POST", "/v1/session", body=body)

    async def log_out(self) -> None:
        """End the session that asks."""
        await self._calls.call("DELETE", "/v1/session")

    async def make_ticket(self) -> models.Ticket:
        """Something that opens one more session of yours: from the unix socket, or from a session, which it does not outlive."""
        return await self._calls.answer(models.Ticket, "POST", "/v1/session/tickets")

    def list_sessions(self, user: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Session]:
        """The sessions of a user that are open, oldest first.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Session, f"/v1/users/{part(user)}/sessions", query={"limit": limit, "after": after})

    async def end_sessions(self, user: str) -> None:
        """End all sessions of a user."""
        await self._calls.call("DELETE", f"/v1/users/{part(user)}/sessions")

    async def end_session(self, user: str, number: str) -> None:
        await self._calls.call("DELETE", f"/v1/users/{part(user)}/sessions/{part(number)}")

    def list_providers(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.LoginProvider]:
        """The OpenID providers by which one may log in here.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.LoginProvider, "/v1/session/providers", query={"limit": limit, "after": after})

    async def begin_login(self, provider: str) -> None:
        """Send the browser to the provider."""
        await self._calls.call("GET", f"/v1/session/oidc/{part(provider)}")

    async def end_login(
        self,
        provider: str,
        *,
        code: str | None = None,
        state: str | None = None,
        error: str | None = None,
        iss: str | None = None,
    ) -> None:
        """Where the provider sends the browser back to: opens a session, and leads to the page. What went wrong is told a
        browser in the page's address, `#login-error=...`.
        """
        await self._calls.call(
            "GET", f"/v1/session/oidc/{part(provider)}/callback", query={"code": code, "state": state, "error": error, "iss": iss}
        )


class AsyncPeopleOperations(AsyncNoun):
    async def whoami(self) -> models.Self:
        """Who the server takes you for."""
        return await self._calls.answer(models.Self, "GET", "/v1/self")

    def list_users(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.User]:
        """By name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.User, "/v1/users", query={"limit": limit, "after": after})

    async def add_user(self, *, name: str, role: models.Role | None = None, password: str | None = None) -> models.User:
        return await self._calls.answer(
            models.User, "POST", "/v1/users", body=given({"name": name, "role": role, "password": password})
        )

    async def change_user(
        self, user: str, *, role: models.Role | None = None, password: str | None = None, disabled: bool | None = None
    ) -> models.User:
        return await self._calls.answer(
            models.User,
            "PATCH",
            f"/v1/users/{part(user)}",
            body=given({"role": role, "password": password, "disabled": disabled}),
        )

    async def remove_user(self, user: str) -> None:
        """Their labs must have ended."""
        await self._calls.call("DELETE", f"/v1/users/{part(user)}")

    async def change_password(self, user: str, *, new: str, old: str = "") -> None:
        """Of oneself, with the old one; an admin's word is enough for others'."""
        await self._calls.call("POST", f"/v1/users/{part(user)}/password", body=given({"old": old, "new": new}))

    def list_tokens(self, user: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.Token]:
        """Oldest first; without the tokens themselves.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.Token, f"/v1/users/{part(user)}/tokens", query={"limit": limit, "after": after})

    async def add_token(self, user: str, *, label: str, seconds: float | None = None) -> models.Token:
        """Another of the same label takes the place of the first.

        Args:
            seconds: For how long; null for no end.
        """
        return await self._calls.answer(
            models.Token, "POST", f"/v1/users/{part(user)}/tokens", body=given({"label": label, "seconds": seconds})
        )

    async def revoke_token(self, user: str, label: str) -> None:
        await self._calls.call("DELETE", f"/v1/users/{part(user)}/tokens/{part(label)}")

    def list_shares(self, name: str, *, limit: int = 100, after: str | None = None) -> AsyncPages[str]:
        """The users that may use the lab beside its owner, by name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, str, f"/v1/labs/{part(name)}/shares", query={"limit": limit, "after": after})

    async def share(self, name: str, user: str) -> None:
        await self._calls.call("PUT", f"/v1/labs/{part(name)}/shares/{part(user)}")

    async def unshare(self, name: str, user: str) -> None:
        await self._calls.call("DELETE", f"/v1/labs/{part(name)}/shares/{part(user)}")

    def log(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.AccessLine]:
        """Who changed what, newest first, also what was refused.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.AccessLine, "/v1/access-log", query={"limit": limit, "after": after})

    async def show_quota(self, user: str) -> models.UserQuota:
        """What a user may have, alone and together with their groups, and what they have."""
        return await self._calls.answer(models.UserQuota, "GET", f"/v1/users/{part(user)}/quota")

    async def change_quota(
        self, user: str, *, limits: dict[str, float | None] | None = None, default: list[str] | None = None
    ) -> models.UserQuota:
        """Labs that are there stay, also where they are beyond it now.

        Args:
            limits: By name: labs, routers, machines, memory, processors, disk, machine_hours, longest, ahead.
            default: Names of limits.
        """
        return await self._calls.answer(
            models.UserQuota, "PATCH", f"/v1/users/{part(user)}/quota", body=given({"limits": limits, "default": default})
        )

    def list_groups(self, *, limit: int = 100, after: str | None = None) -> AsyncPages[models.UserGroup]:
        """By name.

        Args:
            limit: Items of a page at most.
            after: `next` of the page before; without it the first page.
        """
        return AsyncPages(self._calls, models.UserGroup, "/v1/groups", query={"limit": limit, "after": after})

    async def add_group(self, *, name: str) -> models.UserGroup:
        return await self._calls.answer(models.UserGroup, "POST", "/v1/groups", body=given({"name": name}))

    async def remove_group(self, group: str) -> None:
        """Its users stay, and their labs."""
        await self._calls.call("DELETE", f"/v1/groups/{part(group)}")

    async def join_group(self, group: str, user: str) -> None:
        """Their labs count for the group from now on."""
        await self._calls.call("PUT", f"/v1/groups/{part(group)}/members/{part(user)}")

    async def leave_group(self, group: str, user: str) -> None:
        """Their labs count for the group no longer."""
        await self._calls.call("DELETE", f"/v1/groups/{part(group)}/members/{part(user)}")

    async def show_group_quota(self, group: str) -> models.QuotaBody:
        """What a group's users may have together, and what they have."""
        return await self._calls.answer(models.QuotaBody, "GET", f"/v1/groups/{part(group)}/quota")

    async def change_group_quota(
        self, group: str, *, limits: dict[str, float | None] | None = None, default: list[str] | None = None
    ) -> models.QuotaBody:
        """Labs that are there stay, also where they are beyond it now.

        Args:
            limits: By name: labs, routers, machines, memory, processors, disk, machine_hours, longest, ahead.
            default: Names of limits.
        """
        return await self._calls.answer(
            models.QuotaBody, "PATCH", f"/v1/groups/{part(group)}/quota", body=given({"limits": limits, "default": default})
        )


class AsyncEventsOperations(AsyncNoun):
    def stream_events(
        self, *, lab: str | None = None, topics: str = "", after: int | None = None
    ) -> AbstractAsyncContextManager[AsyncStream]:
        """What happens to labs, their jobs, machines and wires, as far as the caller may see them. The data of an event is a
        LabEvent, JobEnvelope, StepEvent, MachineEvent or LinkEvent; a comment comes after 15 s of silence. When what was
        asked for is forgotten (50,000 events are kept) the first event is `reset`.

        Args:
            lab: Of this lab only.
            topics: Some of labs, jobs, steps, machines, links, with commas between.
            after: Only those after this id; without it from now on.
        """
        return self._calls.stream("GET", "/v1/events", query={"lab": lab, "topics": topics, "after": after})


class AsyncOperations:
    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self.server = AsyncServerOperations(calls)
        self.fabric = AsyncFabricOperations(calls)
        self.site = AsyncSiteOperations(calls)
        self.audit = AsyncAuditOperations(calls)
        self.images = AsyncImagesOperations(calls)
        self.plans = AsyncPlansOperations(calls)
        self.labs = AsyncLabsOperations(calls)
        self.snapshots = AsyncSnapshotsOperations(calls)
        self.times = AsyncTimesOperations(calls)
        self.wires = AsyncWiresOperations(calls)
        self.machines = AsyncMachinesOperations(calls)
        self.routers = AsyncRoutersOperations(calls)
        self.exchange = AsyncExchangeOperations(calls)
        self.jobs = AsyncJobsOperations(calls)
        self.locks = AsyncLocksOperations(calls)
        self.session = AsyncSessionOperations(calls)
        self.people = AsyncPeopleOperations(calls)
        self.events = AsyncEventsOperations(calls)
