"""A whole OpenStack on the loopback of this network namespace, out of real services, for the tests of the provider.

    stack.py up FOLDER      start one whose state is all below FOLDER; returns when it can boot machines (about a minute)
    stack.py down FOLDER    end it, and with it every process that it has; FOLDER stays, for its logs

    keystone, glance, placement, neutron, nova (wheels in .venv-openstack), RabbitMQ, MariaDB, libvirt with QEMU in software,
    Open vSwitch with its datapath in user space (Debian's packages). `packaging/setup.sh --openstack` installs all of it.

All processes are in one PID namespace, and this program is its first: they end when it does, whatever happens. They are in one
mount namespace too, in which the fixed paths of libvirt are folders below FOLDER. So any number of stacks can run on a machine,
each in a network namespace of its own. `FOLDER/clouds.yaml` has the clouds `admin` and `tenant`; `FOLDER/log` says what happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import configuration as conf

HERE = Path(__file__).resolve().parent
VENV = Path(sys.executable).parents[1]
UP_SECONDS = 900.0
"""Deadline of everything together: about a minute on two processors that have nothing else to do, and some have."""
STEP_SECONDS = 300.0
"""Of one service; one that dies is told of at once."""
FIXED = {
    "etc": "/etc/libvirt",
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
}
QEMU, QEMU_BESIDE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-i386"
GUNICORN = (
    "gunicorn",
    "--workers",
    "1",
    "--threads",
    "8",
    "--worker-class",
    "gthread",
    "--timeout",
    "300",
    "--no-control-socket",
)


class Failed(Exception):
    """Why the stack did not come up."""


class Stack:
    """Starts the processes, and tells when they work."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.venv = VENV
        self.env = {**conf.environment(top, VENV), "OS_CLIENT_CONFIG_FILE": str(top / "clouds.yaml")}
        self.began = time.monotonic()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def start(self, name: str, *command: object, env: dict[str, str] | None = None) -> None:
        with (self.top / f"log/{name}.out").open("wb") as out:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def call(self, *command: object, text: str | None = None) -> str:
        """Run a program to its end. Raises Failed with the end of what it said."""
        words = [str(part) for part in command]
        ran = subprocess.run(words, env=self.env, input=text, capture_output=True, text=True, timeout=UP_SECONDS, check=False)
        if ran.returncode:
            raise Failed(f"{' '.join(words[:4])} failed ({ran.returncode}):\n{(ran.stdout + ran.stderr)[-2000:]}")
        return ran.stdout

    def wait(self, what: str, ready: Callable[[], object], seconds: float = STEP_SECONDS) -> None:
        """Until `ready()` is true; a call that fails is not ready yet. Raises Failed when a process died, or at the deadline."""
        end = time.monotonic() + seconds
        while True:
            why = ""
            try:
                if ready():
                    self.say(what)
                    return
            except (OSError, subprocess.SubprocessError, Failed, urllib.error.URLError) as error:
                why = f" ({error})"
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise Failed(f"{name} ended with {process.returncode}: {self.tail(name)}")
            if time.monotonic() > end:
                raise Failed(f"No {what} after {seconds:.0f} s{why}. Its log is in {self.top}/log.")
            time.sleep(0.2)

    def tail(self, name: str) -> str:
        return (self.top / f"log/{name}.out").read_text(errors="replace")[-2000:]

    def bring_up(self) -> None:
        self.prepare()
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(step) for step in (self.rabbit, self.databases, self.switch, self.libvirt)]:
                done.result()
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(step) for step in (self.identity, self.others, self.compute_schema)]:
                done.result()
        self.services()
        self.ready()

    def prepare(self) -> None:
        """Folders, files, and libvirt's fixed paths on our own."""
        top = self.top
        for name in ("log", "bin", "lock", "state", "images", "instances", "staging", "tasks", "ovs", "mariadb"):
            (top / name).mkdir(parents=True, exist_ok=True)
        for name in ("keystone/fernet", "keystone/credential"):
            (top / "etc" / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("rabbitmq/mnesia", "rabbitmq/log"):
            (top / name).mkdir(parents=True, exist_ok=True)
        for path, text in conf.files(top, self.venv).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (top / "clouds.yaml").write_text(conf.CLOUDS)
        sudo = top / "bin/sudo"
        sudo.write_text('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n')
        sudo.chmod(0o755)
        for name, path in FIXED.items():
            mine = top / "etc/libvirt" if name == "etc" else top / "libvirt" / name
            mine.mkdir(parents=True, exist_ok=True)
            Path(path).mkdir(parents=True, exist_ok=True)
            self.call("mount", "--bind", mine, path)
        if Path("/dev/kvm").exists():
            # Machines are emulated here on any host, and a KVM that hangs would hold libvirt up for minutes.
            self.call("mount", "--bind", "/dev/null", "/dev/kvm")
        # A guest leaves checksums to virtio's host, and Open vSwitch in user space hands the frames on without them: TCP to the
        # host would get nothing through. So virtio does not offer it here. QEMU finds its files beside where it is itself.
        wrapper = top / "bin/qemu"
        wrapper.write_text(f'#!/bin/sh\nexec {QEMU_BESIDE} "$@" -global virtio-net-pci.csum=off\n')
        wrapper.chmod(0o755)
        self.call("mount", "--bind", QEMU, QEMU_BESIDE)
        self.call("mount", "--bind", wrapper, QEMU)
        for name, user in (("rabbitmq", "rabbitmq"), ("mariadb", "mysql")):
            self.call("chown", "-R", f"{user}:", top / name)

    def rabbit(self) -> None:
        rabbit = ("setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--init-groups", "/usr/lib/rabbitmq/bin/rabbitmq-server")
        self.start("rabbitmq", *rabbit, env=conf.rabbit_environment(self.top))
        self.wait("RabbitMQ", lambda: _listens(conf.RABBIT_PORT))

    def databases(self) -> None:
        data, end = self.top / "mariadb/data", self.top / "mariadb/socket"
        install = ("mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-test-db")
        self.call(*install, "--auth-root-authentication-method=normal")
        fast = ("--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--sync-binlog=0", "--performance-schema=off")
        self.start(
            "mariadb",
            *("mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}", f"--socket={end}", "--bind-address=127.0.0.1"),
            *(
                f"--port={conf.MARIADB_PORT}",
                "--innodb-buffer-pool-size=128M",
                "--max-connections=400",
                "--skip-name-resolve",
                *fast,
            ),
        )
        client = ("mariadb", "--no-defaults", "-S", end, "-uroot")
        self.wait("MariaDB", lambda: self.call(*client, "-e", "select 1"))
        make = "".join(f"create database {name} character set utf8mb4 collate utf8mb4_general_ci;" for name in conf.DATABASES)
        user = f"create user stack@'127.0.0.1' identified by '{conf.PASSWORD}'; grant all on *.* to stack@'127.0.0.1';"
        self.call(*client, text=make + user)

    def switch(self) -> None:
        run = self.top / "ovs"
        self.call("ovsdb-tool", "create", run / "conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        ends = (f"--remote=punix:{run}/db.sock", "--remote=ptcp:6640:127.0.0.1")
        self.start("ovsdb", "ovsdb-server", run / "conf.db", *ends, f"--unixctl={run}/ovsdb.ctl")
        self.wait("OVS database", (run / "db.sock").exists)
        self.call("ovs-vsctl", "--no-wait", "init")
        self.start("vswitchd", "ovs-vswitchd", f"unix:{run}/db.sock", f"--unixctl={run}/vswitchd.ctl")
        self.call("ovs-vsctl", "--timeout=60", "add-br", "br-phys1", "--", "set", "bridge", "br-phys1", "datapath_type=netdev")
        self.say("Open vSwitch")

    def libvirt(self) -> None:
        self.start("libvirtd", "libvirtd", f"--pid-file={self.top}/libvirtd.pid")
        self.wait("libvirt", lambda: self.call("virsh", "-c", "qemu:///system", "version"))

    def identity(self) -> None:
        etc = self.top / "etc/keystone"
        manage = ("keystone-manage", "--config-file", etc / "keystone.conf")
        self.call(*manage, "db_sync")
        for what in ("fernet_setup", "credential_setup"):
            self.call(*manage, what, "--keystone-user", "root", "--keystone-group", "root")
        region = ("--bootstrap-region-id", "RegionOne", "--bootstrap-public-url", conf.KEYSTONE)
        self.call(*manage, "bootstrap", "--bootstrap-password", conf.PASSWORD, *region)
        self.serve("keystone", "keystone.wsgi.api", conf.KEYSTONE)
        self.answers("keystone", conf.KEYSTONE)
        self.call(self.venv / "bin/python", HERE / "catalogue.py", "admin")
        self.say("catalogue")

    def others(self) -> None:
        etc = self.top / "etc"
        self.call("glance-manage", "--config-file", etc / "glance/glance-api.conf", "db_sync")
        self.call("placement-manage", "--config-file", etc / "placement/placement.conf", "db", "sync")
        self.call(self.venv / "bin/python", HERE / "neutron_schema.py", etc / "neutron/neutron.conf")
        self.say("schemas of glance, placement, neutron")

    def compute_schema(self) -> None:
        manage = ("nova-manage", "--config-file", self.top / "etc/nova/nova.conf")
        self.call(*manage, "api_db", "sync")
        self.call(*manage, "cell_v2", "map_cell0", "--database_connection", conf.database("nova_cell0"))
        self.call(*manage, "db", "sync")
        self.call(*manage, "cell_v2", "create_cell", "--name", "cell1")
        self.say("schema of nova")

    def serve(self, name: str, module: str, url: str) -> None:
        bind = url.removeprefix("http://").partition("/")[0]
        self.start(name, *GUNICORN, "-c", self.top / "etc/gunicorn.py", "-b", bind, f"{module}:application")

    def answers(self, name: str, url: str) -> None:
        self.wait(name, lambda: _answers(url))

    def services(self) -> None:
        neutron = self.top / "etc/neutron/neutron.conf"
        nova = ("--config-file", self.top / "etc/nova/nova.conf")
        self.serve("glance", "glance.wsgi.api", conf.GLANCE)
        self.serve("placement", "placement.wsgi.api", conf.PLACEMENT)
        self.serve("neutron", "neutron.wsgi.api", conf.NEUTRON)
        self.serve("nova-api", "nova.wsgi.osapi_compute", conf.NOVA)
        self.answers("neutron", conf.NEUTRON)
        self.start("neutron-rpc", "neutron-rpc-server", "--config-file", neutron)
        for name, program in (("neutron-ovs", "neutron-openvswitch-agent"), ("neutron-l3", "neutron-l3-agent")):
            self.start(name, program, "--config-file", neutron, "--log-file", self.top / f"log/{name}.log")
        for name in ("nova-conductor", "nova-scheduler", "nova-compute", "nova-serialproxy"):
            self.start(name, name, *nova)
        for name, url in (("glance", conf.GLANCE), ("placement", conf.PLACEMENT), ("nova", conf.NOVA)):
            self.answers(name, url)

    def ready(self) -> None:
        """Until a machine could be placed and its ports bound: a port that is bound before its agent lives stays broken."""
        import openstack

        os.environ["OS_CLIENT_CONFIG_FILE"] = str(self.top / "clouds.yaml")
        cloud = openstack.connect(cloud="admin")
        self.wait("nova's services", lambda: sum(one.state == "up" for one in cloud.compute.services()) == 3)

        def placed() -> bool:
            # The periodic discovery of hosts would take most of a minute.
            self.call("nova-manage", "--config-file", self.top / "etc/nova/nova.conf", "cell_v2", "discover_hosts")
            return bool(list(cloud.compute.hypervisors()))

        self.wait("a hypervisor", placed)
        self.wait("the switch's agent", lambda: any(one.is_alive for one in cloud.network.agents(host=conf.HOST)))

    def end(self) -> None:
        """In the order in which they lean on each other; who does not heed it in time is killed with the namespace."""
        for name in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                self.processes[name].terminate()
        until = time.monotonic() + 5
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return True


def _answers(url: str) -> bool:
    """Also with "not authorized" and "several versions"; not with "service unavailable"."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status)
    except urllib.error.HTTPError as error:
        return error.code != 503


def run(top: Path) -> int:
    """The first process: waits for all that are orphaned here (libvirt takes an unburied QEMU for one that can't be killed)."""
    stack = os.fork()
    if stack == 0:
        os._exit(_live(top))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(stack, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == stack:
            return os.waitstatus_to_exitcode(status)


def _live(top: Path) -> int:
    """Start everything and tell `up` by the file `outcome`; end everything at SIGTERM."""
    stack = Stack(top)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        stack.bring_up()
        _tell(top, {"seconds": round(time.monotonic() - stack.began, 1)})
        while True:
            signal.pause()
    except SystemExit:
        return 0
    except Exception as error:  # whatever it is, `up` must say it
        _tell(top, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    finally:
        stack.end()


def _tell(top: Path, outcome: dict[str, object]) -> None:
    draft = top / "outcome.new"
    draft.write_text(json.dumps(outcome))
    draft.replace(top / "outcome")


def up(top: Path) -> int:
    if (top / "pid").exists():
        print(f"Error: there is a stack in {top} already.\nHint: end it with `stack.py down {top}`.", file=sys.stderr)
        return 1
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir(parents=True)
    top.chmod(0o755)  # RabbitMQ and MariaDB run as users of their own.
    with (top / "stack.log").open("wb") as log:
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        command = [*apart, sys.executable, str(Path(__file__).resolve()), "run", str(top)]
        keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (top / "pid").write_text(f"{keeper.pid} {_birth(keeper.pid)}")
    end = time.monotonic() + UP_SECONDS
    while time.monotonic() < end and keeper.poll() is None and not (top / "outcome").exists():
        time.sleep(0.2)
    outcome = json.loads((top / "outcome").read_text()) if (top / "outcome").exists() else {"failed": "it said nothing"}
    if "failed" in outcome:
        print(f"Error: the stack in {top} did not come up: {outcome['failed']}", file=sys.stderr)
        print((top / "stack.log").read_text()[-3000:], file=sys.stderr)
        down(top)
        return 1
    print(f"up in {outcome['seconds']} s; OS_CLIENT_CONFIG_FILE={top}/clouds.yaml OS_CLOUD=admin")
    return 0


def down(top: Path) -> int:
    """Repeatable. The number of a process alone would not say that it is ours: it was born when we wrote it down."""
    file = top / "pid"
    if file.exists():
        pid, birth = (int(part) for part in file.read_text().split())
        child = _only_child(pid) if _birth(pid) == birth else None
        if child is not None:
            os.kill(child, signal.SIGTERM)
            end = time.monotonic() + 15
            while time.monotonic() < end and _birth(pid) == birth:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.1)
        if _birth(pid) == birth:
            os.kill(pid, signal.SIGKILL)  # and with it, by --kill-child, the whole namespace
        file.unlink()
    return 0


def _birth(pid: int) -> int:
    """When a process began, in ticks since boot (proc(5), field 22 of stat); 0 for none."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if fields[0] == "Z" else int(fields[19])
    return 0


def _only_child(pid: int) -> int | None:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[0]) if found else None


if __name__ == "__main__":
    verbs = {"up": up, "down": down, "run": run}
    if len(sys.argv) != 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](Path(sys.argv[2]).resolve()))
