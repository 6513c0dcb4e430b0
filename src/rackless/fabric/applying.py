"""What is decided becomes so on this node: configurations are written, engines started, told anew, stopped. Repeatable; a node
that is as it should be is not touched."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
from pathlib import Path

from rackless.fabric import facts, haproxy_socket
from rackless.fabric.engines import application, chrony, etcd, haproxy, keepalived, patroni
from rackless.fabric.places import Folder, Places
from rackless.fabric.supervision import Program, Supervision, program_path
from rackless.fabric.voting import Seat
from rackless.model.errors import ProviderError
from rackless.model.fabric import Function, Layout, Node

log = logging.getLogger(__name__)

APPLICATION = "RACKLESS_FABRIC_APPLICATION"
"""Another program than this server as the application: a command line, to which the server's own words are added."""
CLOCK = "RACKLESS_FABRIC_CLOCK"
"""`leave`: the fabric's chrony sets no clock (this machine's is somebody else's); `none`: there is no chrony."""
SERVER = (sys.executable, "-m", "rackless.cli.main")
URGENT, SOON = -10, -5
"""Niceness of what answers in time or is taken for dead, and of what serves the whole fabric. The application and the machines of
its labs come after them."""
BEGAN = "began"
"""Beside etcd's data: the number of the member as which it began."""
POSTGRESQL = Path("/usr/lib/postgresql")


class Applying:
    def __init__(self, places: Places, supervision: Supervision) -> None:
        self._places = places
        self._supervision = supervision
        self.quiet = False
        """The server of this node does not run: its store is being filled."""

    async def apply(self, layout: Layout, node: Node, seat: Seat) -> None:
        """Make this node what it is to be. `seat`: of its etcd (voting.py)."""
        changed: set[str] = set()
        programs = [self.daemon()]
        if seat.runs:
            programs.append(self._etcd(layout, node, seat))
        if node.has(Function.DATABASE) or node.has(Function.REPLICA):
            programs.append(self._patroni(layout, node, changed))
        if node.has(Function.BALANCER):
            programs.append(await self._haproxy(layout, node, changed))
        if node.has(Function.ADDRESS) and not node.maintenance:
            programs.append(await self._keepalived(layout, node, changed))
        if node.has(Function.APPLICATION) and not node.maintenance and not self.quiet:
            programs.append(self._application(node, changed))
        if layout.time_sources and os.environ.get(CLOCK) != "none":
            programs.append(self._chrony(layout, changed))
        changed -= await self._supervision.have(programs)
        if seat.stale:
            self.aside(self._places.etcd)
        for name in sorted(changed - {"haproxy"}):
            log.info("%s reads its configuration anew", name)
            await self._supervision.reload(name)
        if "haproxy" in changed:
            await self._rebalance(layout, node)

    @property
    def begun(self) -> str | None:
        """As which member its etcd began, empty if that was not kept; None: it did not."""
        folder = self._places.etcd
        if not (folder / "data" / "member").exists():
            return None
        try:
            return (folder / BEGAN).read_text(encoding="ascii")
        except FileNotFoundError:
            return ""

    async def leave(self, seat: Seat) -> None:
        """This node is none of a fabric's any more: nothing runs, but etcd until its vote is taken; what engines kept goes."""
        places = self._places
        await self._supervision.have([self.daemon(), *([self._voting()] if seat.runs else [])])
        for folder in (places.etcd, places.haproxy, places.keepalived, places.chrony, places.application):
            if folder != places.etcd or not seat.runs:
                shutil.rmtree(folder.path, ignore_errors=True)

    async def wait(self) -> None:
        """Nothing runs but the daemon; what engines kept stays."""
        await self._supervision.have([self.daemon()])

    def aside(self, folder: Folder) -> None:
        """An engine's data is out of its way, in the place of what was put there before."""
        data, kept = folder / "data", folder / "aside"
        if data.exists():
            shutil.rmtree(kept, ignore_errors=True)
            data.rename(kept)

    # One engine each

    def daemon(self) -> Program:
        keep = (
            "RACKLESS_FABRIC",
            "RACKLESS_FABRIC_PROGRAMS",
            "RACKLESS_FABRIC_UNITS",
            APPLICATION,
            CLOCK,
            "PYTHONPATH",
            "PATH",
            "RACKLESS_LOG",
        )
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        environment["RACKLESS_FABRIC"] = str(self._places.top)
        words = (sys.executable, "-m", "rackless.fabric", "run")
        return Program(name="node", command=words, order=1, group=False, environment=environment, first=True, nice=URGENT)

    def _certify(self, folder: Folder) -> bool:
        """True if one of the copies is new."""
        folder.make()
        own = self._places.own
        node = own.pair
        files = {
            "ca.crt": own.authority.read_bytes(),
            "node.crt": node.certificate.read_bytes(),
            "node.key": node.key.read_bytes(),
        }
        return any([folder.write(name, data) for name, data in files.items()])

    def _etcd(self, layout: Layout, node: Node, seat: Seat) -> Program:
        folder = self._places.etcd
        self._certify(folder)  # etcd reads them anew with each connection
        if self.begun is None:
            folder.write("etcd.json", etcd.configuration(layout, node, folder, dict(seat.others)))
            folder.write(BEGAN, seat.member)
        return self._voting()

    def _voting(self) -> Program:
        folder = self._places.etcd
        command = (program_path("etcd"), "--config-file", str(folder / "etcd.json"))
        return Program(name="etcd", command=command, user=folder.user, order=10, nice=URGENT)

    def _patroni(self, layout: Layout, node: Node, changed: set[str]) -> Program:
        folder = self._places.postgresql
        new = self._certify(folder)
        (folder / "run").mkdir(exist_ok=True, mode=0o700)
        shutil.chown(folder / "run", folder.user, folder.user)
        new |= folder.write("patroni.json", patroni.configuration(layout, node, folder, binaries=postgresql()))
        if new:
            changed.add("patroni")
        command = (program_path("patroni"), str(folder / "patroni.json"))
        # Its children are PostgreSQL's, which ends in order when Patroni tells it to.
        return Program(
            name="patroni",
            command=command,
            user=folder.user,
            order=20,
            group=False,
            stop_wait=60,
            after="postgresql.service",
            nice=SOON,
        )

    async def _haproxy(self, layout: Layout, node: Node, changed: set[str]) -> Program:
        folder, own = self._places.haproxy, self._places.own
        new = self._certify(folder)
        new |= folder.write("node.pem", own.pair.certificate.read_bytes() + own.pair.key.read_bytes())
        new |= folder.write("web.pem", own.path.joinpath("web.crt").read_bytes() + own.path.joinpath("web.key").read_bytes())
        if new:
            folder.path.joinpath("haproxy.cfg").unlink(missing_ok=True)  # only a reload reads certificates
        if folder.write("haproxy.cfg", haproxy.configuration(layout, node, folder)):
            changed.add("haproxy")
        command = (program_path("haproxy"), "-W", "-db", "-f", str(folder / "haproxy.cfg"))
        return Program(name="haproxy", command=command, order=30, reload="USR2", nice=SOON)

    async def _rebalance(self, layout: Layout, node: Node) -> None:
        """Applications that come are told to the running process; all else is read from the file."""
        try:
            if await haproxy_socket.take_up(self._places.haproxy, layout):
                return
        except ProviderError as error:
            log.info("haproxy is reloaded: %s", error.message)
        await self._supervision.reload("haproxy")

    async def _keepalived(self, layout: Layout, node: Node, changed: set[str]) -> Program:
        folder = self._places.keepalived
        folder.make()
        interface = (await facts.interface(node.address)).name
        folder.write(keepalived.CHECK, keepalived.check())
        if folder.write("keepalived.conf", keepalived.configuration(layout, node, folder, interface)):
            changed.add("keepalived")
        pids = {what: folder / f"{what}.pid" for what in ("pid", "vrrp_pid", "checkers_pid")}
        run = [f"--{what}={path}" for what, path in pids.items()]
        command = (program_path("keepalived"), "-n", "-l", "-G", "-D", "-P", "-f", str(folder / "keepalived.conf"), *run)
        before = (program_path("ip"), *keepalived.clearing(layout, interface)[1:])
        files = tuple(pids.values())
        return Program(name="keepalived", command=command, order=40, before=before, pid_files=files, nice=URGENT)

    def _application(self, node: Node, changed: set[str]) -> Program:
        folder, own = self._places.application, self._places.own
        folder.make()
        files = ("ca.crt", "application.crt", "application.key")
        if any([folder.write(name, own.path.joinpath(name).read_bytes()) for name in files]):
            changed.add("application")
        words = shlex.split(os.environ.get(APPLICATION, "")) or [*SERVER, "serve"]
        command = (*words, *application.arguments(node, folder))
        # Machines are its children and outlive it.
        return Program(
            name="application", command=command, user=folder.user, order=50, group=False, environment=self._served(node)
        )

    def restoring(self, node: Node) -> tuple[list[str], dict[str, str]]:
        """The words that put a backup into this node's store, but for the file, and what its server has in its environment."""
        return [*SERVER, "restore"], self._served(node)

    def _served(self, node: Node) -> dict[str, str]:
        folder = self._places.application
        keep = ("RACKLESS_FABRIC", "RACKLESS_STATE", "RACKLESS_RUN", "RACKLESS_IMAGES", "RACKLESS_SITE", "PYTHONPATH", "PATH")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        # A folder of its own for each: the server that was here before the fabric keeps what it has.
        for variable, name in (("RACKLESS_STATE", "state"), ("RACKLESS_RUN", "run")):
            environment.setdefault(variable, str(folder / name))
        url = application.database_url(folder)
        return environment | {"RACKLESS_DATABASE": url, "RACKLESS_FABRIC_NODE": node.id, "HOME": str(folder.path)}

    def _chrony(self, layout: Layout, changed: set[str]) -> Program:
        folder = self._places.chrony
        folder.make()
        folder.write("chrony.conf", chrony.configuration(layout, folder))
        leave = ["-x"] if os.environ.get(CLOCK) == "leave" else []
        command = (program_path("chronyd"), "-n", "-u", "root", *leave, "-f", str(folder / "chrony.conf"))
        return Program(name="chrony", command=command, order=5, pid_files=(folder / chrony.PID,))


def postgresql() -> Path:
    """The newest there is. Raises ProviderError when there is none."""
    found = sorted(POSTGRESQL.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise ProviderError("PostgreSQL is not installed.", hint="`packaging/setup.sh --fabric`, or the Debian package, does.")
    return found[-1].parent
