"""Stories of a router that administers the host below it: tests/stories/vmhost-cli/<case>/cmdlist.

The real client and the real daemon, and the host's real end of the channel, with a host that is remembered only. A line `! ...`
is something that happens to that host. To accept what is now said: UPDATE_STORIES=1.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.guest.netconf_client import Netconf
from tests.guest.test_mgmt_stories import ENVIRONMENT, client, prepare, settled, wait_for
from tests.guest.vmhost_played import PlayedHost
from tests.unit.vmhost_memory import RememberedHost

from rackless.model.vmhost import Reason
from rackless.model.vmhost_verbs import Verb
from rackless.vmhost.channel import Policy

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "stories/vmhost-cli").glob("*/cmdlist"))


class Router:
    """Its folder, and the host below."""

    def __init__(self, root: Path) -> None:
        self.root = root
        prepare(root, None)
        for folder in ("var/tmp", "root", "proc"):
            (root / folder).mkdir(parents=True)
        (root / "proc/uptime").write_text("4711.5 1.0\n")
        (root / "var/tmp/vmhost-26.4R1.tgz").write_bytes(b"signed 26.4R1 " + bytes(100_000))
        (root / "var/tmp/unsigned.tgz").write_bytes(b"unsigned")
        self.host = RememberedHost()
        self.played = PlayedHost(root, self.host)
        self.events: dict[str, Callable[[], object]] = {
            "guest reboots": self.host.guest_reboots,
            "guest hangs": lambda: self.host.guest_reboots(Reason.GUEST_WATCHDOG),
            "guest panics": lambda: self.host.guest_reboots(Reason.PANIC),
            "host reboots": self.host.host_reboots,
            "host panics": lambda: self.host.host_reboots(Reason.PANIC),
            "disk recovered": self.host.recovered,
            "agent stops": self.played.stops,
            "agent starts": self.starts,
            "owner refuses zeroize": lambda: self.played.change(Policy(refused=frozenset((Verb.ZEROIZE,)))),
        }

    def starts(self) -> None:
        self.played.port.unlink(missing_ok=True)
        self.played.starts()

    def transcript(self, commands: str) -> str:
        said, batch = "", ""
        for line in [*commands.splitlines(), "! "]:
            if not line.startswith("! "):
                batch += line + "\n"
                continue
            if batch:
                done = client(self.root, "-k", "-e", stdin=batch)
                assert done.stderr == ""
                said += settled(done.stdout)
                batch = ""
            if line != "! ":
                self.events[line.removeprefix("! ")]()
                said += line + "\n"
        return said


@pytest.fixture
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    import subprocess
    import sys

    top = tmp_path_factory.mktemp("v")
    made = Router(top / "r")
    command = [sys.executable, "-m", "mgmt.daemon", "--root", str(made.root)]
    with (top / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        wait_for(made.root / "run/mgd.sock", daemon)
        yield made
    finally:
        daemon.terminate()
        daemon.wait(60)
        made.played.ends()
    assert (top / "daemon.log").read_text() == ""


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_story(router: Router, case: Path) -> None:
    said = router.transcript((case / "cmdlist").read_text())
    expect = case / "expect"
    if os.environ.get("UPDATE_STORIES"):
        expect.write_text(said)
    assert said == expect.read_text()


def test_netconf_has_the_same(router: Router) -> None:
    session = Netconf(router.root)
    said = session.rpc("<get-vmhost-version-information/>")
    assert "<current-root-set>p</current-root-set>" in said
    assert "<set-junos-version>router-26.2R1</set-junos-version>" in said
    said = session.rpc("<get-vmhost-uptime-information><re0/></get-vmhost-uptime-information>")
    assert "<vmhost-last-reboot-reason>0x1:power cycle/failure</vmhost-last-reboot-reason>" in said
    said = session.rpc("<request-vmhost-package-add><package-name>/var/tmp/vmhost-26.4R1.tgz</package-name><no-validate/>"
                       "</request-vmhost-package-add>")  # fmt: skip
    assert "<package-result>0</package-result>" in said
    assert "<output>Writing the alternate set ...</output>" in said
    assert "not signed" in session.rpc(
        "<request-vmhost-package-add><package-name>/var/tmp/unsigned.tgz</package-name></request-vmhost-package-add>"
    )
    said = session.rpc("<request-vmhost-reboot><at>+5</at></request-vmhost-reboot>")
    assert "<request-reboot-status>Reboot of the VM host at " in said
    assert "<rpc-error>" in session.rpc("<request-vmhost-poweroff/>")
    said = session.rpc("<command format='text'>show vmhost uptime re0 | match \"Vmhost last reboot reason\"</command>")
    assert "Vmhost last reboot reason: 0x1:power cycle/failure" in said
    assert "root: add 100014 bytes validate=False reboot=False" in router.host.asked
