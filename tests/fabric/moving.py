"""A PostgreSQL with a standby that can take its place, TLS with client certificates, and the way to whichever is the primary.

That is what a node of a fabric has in Patroni and HAProxy, made by hand, so that a test decides what happens when.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.postgresql import BIN, DEADLINE

NAME = "primary.rackless.internal"
"""What the certificate of every PostgreSQL is for: whichever is the primary shows it."""


class Authority:
    """An authority and certificates of it, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a fabric")])
        self._write("ca.crt", self._signed(self._name, self._key.public_key(), None, ca=True))

    def certificate(self, file: str, name: str, *names: str) -> tuple[Path, Path]:
        """Of this common name, for these host names; the key is its owner's only."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._write(f"{file}.crt", self._signed(subject, key.public_key(), names, ca=False))
        form = serialization.PrivateFormat.PKCS8
        private = self._write(f"{file}.key", key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return made, private

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, names: tuple[str, ...] | None, *, ca: bool) -> bytes:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path


class Forwarder:
    """A TCP port of this machine whose connections go to another port, or are hung up, as HAProxy does without a server."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.to: int | None = None
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lead(self, to: int | None) -> None:
        """New connections go there (None: are hung up); those that stand break."""
        self.to = to
        for one in tuple(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.lead(None)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            try:
                assert self.to is not None
                there = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except (AssertionError, OSError):
                here.close()
                continue
            there.settimeout(None)
            self._open |= {here, there}
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)
        one.close()


class Postgres:
    """One of the two."""

    def __init__(self, top: Path, name: str, port: int) -> None:
        self.data = top / name
        self.port = port
        self.sockets = top
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []

    def do(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [*self._as, str(BIN / program), *words], capture_output=True, text=True, timeout=DEADLINE + 5, cwd="/", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        options = f"-k {self.sockets} -p {self.port} -c listen_addresses=127.0.0.1 -c max_connections=150"
        self.do("pg_ctl", "-D", str(self.data), "-w", "-t", str(DEADLINE), "-l", f"{self.data}.log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        if (self.data / "postmaster.pid").exists():
            self.do("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", str(DEADLINE), "stop")

    def ask(self, sql: str, database: str = "postgres") -> str:
        done = subprocess.run(
            ["psql", "-h", str(self.sockets), "-p", str(self.port), "-U", "rackless", "-d", database, "-Atc", sql],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Moving:
    """`primary` is where the way leads at first; `standby` follows it, and every commit waits for it."""

    def __init__(self) -> None:
        self.top = Path(tempfile.mkdtemp(prefix="rackless-mv."))
        self.authority = Authority(self.top)
        server = self.authority.certificate("postgres", "postgres", NAME)
        self._client = self.authority.certificate("application", "rackless")
        self.way = Forwarder()
        self.primary, self.standby = (Postgres(self.top, name, port) for name, port in zip("ab", _free(2), strict=True))
        if os.geteuid() == 0:
            for path in (self.top, *server, self.top / "ca.crt"):
                shutil.chown(path, "postgres", "postgres")
        self.top.chmod(0o755)
        (self.top / "ca.crt").chmod(0o644)
        self._make(*server)
        self.way.lead(self.primary.port)

    def _make(self, certificate: Path, key: Path) -> None:
        one, two = self.primary, self.standby
        one.do("initdb", "-D", str(one.data), "-U", "rackless", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        (one.data / "postgresql.auto.conf").write_text(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\nssl_ca_file = '{self.top / 'ca.crt'}'\n"
            "wal_level = replica\nhot_standby = on\nwal_log_hints = on\nfsync = off\nwal_receiver_timeout = 5s\n"
        )
        (one.data / "pg_hba.conf").write_text(
            "local all all trust\nlocal replication all trust\nhostssl all rackless 127.0.0.1/32 cert\n"
        )
        one.start()
        one.ask("CREATE DATABASE rackless")
        source = f"host={self.top} port={one.port} user=rackless application_name=b"
        two.do("pg_basebackup", "-D", str(two.data), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        two.start()
        one.ask("ALTER SYSTEM SET synchronous_standby_names = 'b'")
        one.ask("SELECT pg_reload_conf()")

    @property
    def url(self) -> str:
        """As a node's server has it: by name, verified, with a certificate in place of a password."""
        certificate, key = self._client
        words = {"hostaddr": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": self.top / "ca.crt"}
        words |= {"sslcert": certificate, "sslkey": key}
        query = "&".join(f"{name}={value}" for name, value in words.items())
        return f"postgresql://rackless@{NAME}:{self.way.port}/rackless?{query}"

    def promote(self) -> None:
        """The standby takes the place of the primary, which has ended or is ended."""
        self.primary.stop("immediate")
        self.standby.ask("SELECT pg_promote(true, 30)")
        self.standby.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.standby.ask("SELECT pg_reload_conf()")
        self.way.lead(self.standby.port)

    def close(self) -> None:
        self.way.close()
        for one in (self.primary, self.standby):
            with contextlib.suppress(AssertionError):
                one.stop("immediate")
        shutil.rmtree(self.top, ignore_errors=True)


def _free(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


def until(so: object, seconds: float = 60, what: object = "") -> None:
    """Wait until it is so; `what` may be called to say how it is."""
    end = time.monotonic() + seconds
    while not so():  # type: ignore[operator]
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.1)
