"""Who may read what: a real snmpd with the file that the configuration is rendered to, asked by an ordinary client."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgmt.render.snmp import CONFIG, MODULES, render
from mgmt.world import Folder

pytestmark = pytest.mark.root

NAME, ROUTING = ".1.3.6.1.2.1.1.5.0", ".1.3.6.1.2.1.4.1.0"
USERS = {
    "alice": ({"authentication-sha256": "alice-secret-1"}, {"privacy-aes128": "alice-secret-2"}),
    "bob": ({"authentication-sha": "bob-secret-1"}, {"privacy-des": "bob-secret-2"}),
    "carol": ({"authentication-md5": "carol-secret-1"}, {}),
}
PROTOCOLS = {"authentication-sha256": "SHA-256", "authentication-sha": "SHA", "authentication-md5": "MD5",
             "privacy-aes128": "AES", "privacy-des": "DES"}  # fmt: skip


def tree() -> dict[str, object]:
    users = {
        name: {kind: {f"{kind.split('-')[0]}-password": secret} for part in parts for kind, secret in part.items()}
        for name, parts in USERS.items()
    }
    levels = {"authentication": {"read-view": "some"}, "privacy": {"read-view": "some"}}
    access = {"readers": {"default-context-prefix": {"security-model": {"usm": {"security-level": levels}}}}}
    names = {name: {"group": "readers"} for name in USERS}
    vacm = {"security-to-group": {"security-model": {"usm": {"security-name": names}}}, "access": {"group": access}}
    view = {"oid": {".1.3.6.1.2.1": {}, ".1.3.6.1.2.1.4": {"exclude": True}}}
    communities = {"near": {"view": "some", "clients": {"client": {"127.0.0.0/8": {}}}},
                   "far": {"clients": {"client": {"192.0.2.0/24": {}}}}}  # fmt: skip
    usm = {"local-engine": {"user": users}}
    return {"snmp": {"name": "west", "view": {"some": view}, "community": communities, "v3": {"usm": usm, "vacm": vacm}}}


class Agent:
    def __init__(self, tmp: Path) -> None:
        self.ns = f"rl-access-{os.getpid()}"
        self.port = 16101
        part = render(tree(), Folder(str(tmp)))
        text, self.mode = part.files[CONFIG]
        self.conf = tmp / "snmpd.conf"
        self.conf.write_text(text.replace("udp:161,udp6:[::]:161", f"udp:127.0.0.1:{self.port}"))
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        subprocess.run(["ip", "-n", self.ns, "link", "set", "lo", "up"], check=True)
        modules = [word for module in MODULES.split() for word in ("-I", module)]
        words = ["/usr/sbin/snmpd", "-f", "-r", "-m", "", *modules, "-C", "-c", str(self.conf), "-Lf", str(tmp / "log"), "-p", ""]
        self.daemon = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, *words], env={**os.environ, "SNMP_PERSISTENT_DIR": str(tmp / "persist")}
        )

    def get(self, oid: str, *who: str) -> str:
        words = ["snmpget", "-m", "", "-On", "-t", "1", "-r", "1", *who, f"127.0.0.1:{self.port}", oid]
        done = subprocess.run(["ip", "netns", "exec", self.ns, *words], check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    def stop(self) -> None:
        self.daemon.terminate()
        self.daemon.wait(60)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")
    if not shutil.which("snmpd"):
        pytest.fail("this test needs snmpd (apt-get install snmpd)")
    made = Agent(tmp_path_factory.mktemp("access"))
    try:
        end = time.monotonic() + 20
        while "west" not in made.get(NAME, "-v2c", "-c", "near"):
            assert time.monotonic() < end, "snmpd never answered"
        yield made
    finally:
        made.stop()


def as_user(name: str, *, wrong: bool = False) -> list[str]:
    authentication, privacy = USERS[name]
    words = ["-v3", "-u", name, "-l", "authPriv" if privacy else "authNoPriv"]
    for (kind, secret), (a, b) in zip([*authentication.items(), *privacy.items()], (("-a", "-A"), ("-x", "-X")), strict=False):
        words += [a, PROTOCOLS[kind], b, "not-the-secret" if wrong else secret]
    return words


@pytest.mark.parametrize("name", USERS)
def test_a_user_reads_what_his_view_has(agent: Agent, name: str) -> None:
    assert '"west"' in agent.get(NAME, *as_user(name))
    assert "No Such Object" in agent.get(ROUTING, *as_user(name))
    assert "uthentication failure" in agent.get(NAME, *as_user(name, wrong=True))


def test_a_user_without_authentication_reads_nothing(agent: Agent) -> None:
    assert "west" not in agent.get(NAME, "-v3", "-l", "noAuthNoPriv", "-u", "alice")
    assert "Unknown user name" in agent.get(NAME, "-v3", "-l", "noAuthNoPriv", "-u", "mallory")


def test_a_community_is_for_its_clients_and_its_view(agent: Agent) -> None:
    assert '"west"' in agent.get(NAME, "-v2c", "-c", "near")
    assert "No Such Object" in agent.get(ROUTING, "-v2c", "-c", "near")
    assert "Timeout" in agent.get(NAME, "-v2c", "-c", "far")


def test_the_secrets_are_for_root_alone(agent: Agent) -> None:
    assert agent.mode == 0o600
    line = Path(f"/proc/{agent.daemon.pid}/cmdline").read_bytes()
    assert b"secret" not in line
