"""A vCenter for tests: the simulator of `simulator/main.go`, built once, on loopback, with a certificate of its own authority.

`VCenter` is the server; `Controls` tells it what to do wrong and says what it was asked.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import http.client
import ipaddress
import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyVim import connect
from pyVmomi import vim

from rackless.model.places import Numbers, VspherePlace
from rackless.settings import Settings

SOURCE = Path(__file__).parent / "simulator"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rackless-vcenter"
USER = "labs@vsphere.local"
DATACENTER, CLUSTER, DATASTORE, SWITCH = "DC0", "DC0_C0", "LocalDS_0", "DVS0"


def built() -> Path:
    """The program, built of Debian's golang-github-vmware-govmomi-dev when its source has changed. Half a minute, once.

    Raises:
        RuntimeError: it can't be built; the tests fail, for a suite that is skipped proves nothing.
    """
    if shutil.which("go") is None:
        raise RuntimeError(
            "The vCenter simulator needs golang-go and golang-github-vmware-govmomi-dev: packaging/setup.sh --test"
        )
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.glob("*.go")))).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    program = CACHE / f"vcenter-{mark}"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Test processes beside this one want it too.
        if not program.exists():
            environment = {
                **os.environ,
                "GO111MODULE": "off",
                "GOPATH": "/usr/share/gocode",
                "GOCACHE": str(CACHE / "go"),
                "GOPROXY": "off",
                "CGO_ENABLED": "0",
            }
            fresh = program.with_suffix(".new")
            done = subprocess.run(
                ["go", "build", "-p", "2", "-o", fresh, "."],
                cwd=SOURCE,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"The vCenter simulator does not build:\n{done.stderr}")
            fresh.rename(program)
            for old in CACHE.glob("vcenter-*"):
                if old != program:
                    old.unlink()
    return program


def write_certificates(folder: Path) -> None:
    """ca.pem, and server.pem with server.key for 127.0.0.1."""
    now = datetime.datetime.now(datetime.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def certificate(subject: str, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey, *, authority: bool) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("Test authority"))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if not authority:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
            made = made.add_extension(names, critical=False)
        return made.sign(signer, hashes.SHA256())

    own, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(certificate("Test authority", own, own, authority=True).public_bytes(pem))
    (folder / "server.pem").write_bytes(certificate("vCenter", key, own, authority=False).public_bytes(pem))
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(plain)


@dataclass(frozen=True)
class Sent:
    """A request as the server received it."""

    method: str
    body: str


class VCenter:
    """A running simulator. `idle`: seconds after which a session that nobody uses ends."""

    def __init__(self, *, hosts: int = 2, idle: float = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rv"))
        write_certificates(self.folder)
        self.password = self.folder / "password"
        self.password.write_text(secrets.token_urlsafe(12) + "\n")
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                built(),
                "-certificate", self.folder / "server.pem", "-key", self.folder / "server.key",
                "-password", self.password, "-hosts", str(hosts), "-idle", f"{idle}s",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "TMPDIR": str(self.folder)},
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"The vCenter simulator did not start:\n{(self.folder / 'log').read_text()}")
        self.port = int(line)

    def place(self, **changed: Any) -> VspherePlace:
        place = VspherePlace(
            name="vmware",
            server="127.0.0.1",
            port=self.port,
            user=USER,
            password_file=self.password,
            ca_file=self.folder / "ca.pem",
            datacenter=DATACENTER,
            cluster=CLUSTER,
            datastore=DATASTORE,
            switch=SWITCH,
            numbers=Numbers(first=100, last=499),
            firewall_open=True,
        )
        return replace(place, **changed)

    def settings(self, name: str = "a") -> Settings:
        root = self.folder / name
        return Settings(state=root / "state", run=root / "run", images=root / "images", site_file=root / "site.yaml")

    @contextlib.contextmanager
    def admin(self) -> Iterator[Any]:
        """A connection of somebody else's, to see and to do what the provider is not asked for."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        password = self.password.read_text().strip()
        instance = connect.SmartConnect(host="127.0.0.1", port=self.port, user=USER, pwd=password, sslContext=context)
        try:
            yield instance.RetrieveContent()
        finally:
            connect.Disconnect(instance)

    def _control(self, verb: str, what: str, body: Any = None) -> Any:
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        line = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        try:
            line.request(verb, f"/control/{what}", body=None if body is None else json.dumps(body))
            answer = line.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text) if text else None
        finally:
            line.close()

    def fault(self, kind: str, method: str = "", *, skip: int = 0, times: int = 1, fault: str = "", inner: str = "") -> None:
        """Of the next requests (of `method`, of any otherwise), `skip` pass and `times` go wrong.

        `kind`: "fault" (the SOAP fault `fault`), "task" (a task that ends in it), "drop" (not done, no answer), "lost" (done,
        no answer), "stall" (never answered), "status" (HTTP 503), "stale" (what is read is as it was before, if it was other).
        """
        self._control(
            "POST", "fault", {"kind": kind, "method": method, "skip": skip, "times": times, "fault": fault, "inner": inner}
        )

    def clear(self) -> None:
        """No more faults, and nothing asked yet."""
        self._control("POST", "clear", {})

    def sent(self, method: str = "") -> list[Sent]:
        """The requests of `method`, or all, since `clear`."""
        return [Sent(**one) for one in self._control("GET", "log") or [] if method in ("", one["method"])]

    def image(
        self, path: str = "rackless-images/tiny", *, snapshots: tuple[str, ...] = ("ss1",), nics: int = 0, template: bool = False
    ) -> None:
        """A machine to clone: with nested snapshots of these names, each below the one before."""
        with self.admin() as content:
            folder = content.searchIndex.FindByInventoryPath(f"{DATACENTER}/vm")
            *above, name = path.split("/")
            for part in above:
                folder = next((one for one in folder.childEntity if one.name == part), None) or folder.CreateFolder(part)
            pool = content.searchIndex.FindByInventoryPath(f"{DATACENTER}/host/{CLUSTER}/Resources")
            scsi = vim.vm.device.ParaVirtualSCSIController(key=1000, busNumber=0, sharedBus="noSharing")
            backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True, fileName="")
            disk = vim.vm.device.VirtualDisk(key=2000, controllerKey=1000, unitNumber=0, capacityInKB=1024, backing=backing)
            add = vim.vm.device.VirtualDeviceSpec
            changes = [add(operation="add", device=scsi), add(operation="add", fileOperation="create", device=disk)]
            for number in range(nics):
                behind = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName="VM Network")
                changes.append(add(operation="add", device=vim.vm.device.VirtualE1000(key=-1 - number, backing=behind)))
            spec = vim.vm.ConfigSpec(
                name=name, memoryMB=32, numCPUs=1, guestId="otherGuest", deviceChange=changes,
                files=vim.vm.FileInfo(vmPathName=f"[{DATASTORE}]"),
            )  # fmt: skip
            machine = _done(folder.CreateVM_Task(config=spec, pool=pool))
            for each in snapshots:
                _done(machine.CreateSnapshot_Task(name=each, memory=False, quiesce=False))
            if template:
                machine.MarkAsTemplate()

    def file(self, path: str) -> Path:
        """Where the file at a datastore path really is."""
        store, _, inside = path.removeprefix("[").partition("] ")
        (folder,) = self.folder.glob(f"govcsim-*{store}-*")
        return folder / inside

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _done(task: Any) -> Any:
    """The simulator's tasks have ended when they are given."""
    info = task.info
    assert info.state == "success", info.error
    return info.result
