"""Power that goes away in the middle of a commit: the router comes back with the old configuration or the new one, in its files
and in the running system, never with a mixture or none; and what was told to be committed is there."""

from __future__ import annotations

import os
import random
import re
import select
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rackless import settings
from rackless.images import store
from rackless.images.store import Image
from tests.machines.reference_vm import MAC, Vm

CUTS = int(os.environ.get("RACKLESS_POWER_CUTS", "6"))
"""How often the power goes; `make test-all` asks for 50."""
pytestmark = [pytest.mark.machines, pytest.mark.timeout(600 + 60 * CUTS)]
SEED = int(os.environ.get("RACKLESS_SEED", str(random.SystemRandom().randrange(10**6))))
PASSWORD = "$6$salt$egUxKNxDs8kPfh8iPMNcosMhb2eWah6d3R44JDm5Rj/j/XWR5E33QPd0YmHXoDHOIDR6kL5D3JcQcz0O8FHE00"
"""A crypt(5) hash of \"secret\"."""
LOOK = (
    'cli -c "show configuration | display set | no-more"; echo name $(hostname); ip -4 -o addr show lo | grep 10.9; '
    "grep -i syslocation /etc/snmp/snmpd.conf; getent passwd | grep user; vtysh -c 'show running-config' | grep 'route 10.99'"
)


def statements(number: int) -> list[str]:
    """One statement for each part of the system that a commit acts on, all with the number in them."""
    return [
        f"set system host-name power{number}",
        f"set interfaces lo0 unit 0 family inet address 10.9.0.{number}/32",
        f"set snmp location place{number}",
        "set snmp community public",
        f"set system login user user{number} class read-only authentication encrypted-password {PASSWORD}",
        f"set routing-options static route 10.99.{number}.0/24 discard",
    ]


def script(number: int) -> str:
    start = [f"set system root-authentication encrypted-password {PASSWORD}", "delete interfaces lo0", "delete snmp",
             "delete system login", "delete routing-options"]  # fmt: skip
    return "; ".join(["configure", *(start if number > 1 else start[:1]), *statements(number), "commit and-quit"])


class Victim:
    """One router whose power is cut again and again."""

    def __init__(self, folder: Path, name: str, image: Image) -> None:
        self.vm = Vm(folder, name, image, [("hubport,hubid=9", MAC.format(9, 0, 0)), ("hubport,hubid=1", MAC.format(9, 0, 1))],
                     cache="writeback")  # fmt: skip
        self.chance = random.Random(f"{SEED} {name}")
        self.seconds = 1.0
        self.number = 1
        self.found: list[str] = []

    def begin(self) -> None:
        self.vm.start()
        self.vm.identify("controller", None, ["fxp0", "int"])
        self.vm.log_in()
        started = time.monotonic()
        told = self.vm.shell(f"cli -c '{script(1)}'", 60)
        self.seconds = time.monotonic() - started
        assert "commit complete" in told, told

    def cut(self) -> None:
        """Commit the next number and lose power at any moment of it."""
        self.vm.console.send(f"cli -c '{script(self.number + 1)}'\n".encode())
        self._wait(self.chance.uniform(0.3, 2.0) * self.seconds)
        self.vm.kill()
        told = "commit complete" in self.vm.console.buffer.decode(errors="replace")
        self.vm.start()
        self.vm.identify("controller", None, ["fxp0", "int"])
        self._log_in_again()
        shown = self.vm.wait_for(LOOK, r"route 10\.99", 60)
        numbers = set(re.findall(r"(?:power|10\.9\.0\.|place|user|10\.99\.)(\d+)", shown))
        assert len(numbers) == 1, f"a mixture of {sorted(numbers)}: {shown}"
        now = int(numbers.pop())
        assert now in ({self.number + 1} if told else {self.number, self.number + 1}), shown
        assert shown.count("root-authentication") == 1
        assert all(place in shown for place in (f"name power{now}", f"inet 10.9.0.{now}/32", f"place{now}\n", f"\nuser{now}:"))
        self.found.append("told" if told else "new" if now > self.number else "old")
        self.number = now

    def _wait(self, seconds: float) -> None:
        """Read what the console says meanwhile; a guest that can't write stands still."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.vm.console.sock], [], [], left)[0]:
                self.vm.console.buffer += self.vm.console.sock.recv(65536)

    def _log_in_again(self) -> None:
        self.vm.console.until(r"login: ", 120)
        self.vm.console.send(b"root\n")
        self.vm.console.until(r"Password: ", 30)
        self.vm.console.send(b"secret\n")
        self.vm.console.until(r"# $", 30)


def test_power_lost_in_the_middle_of_commits(tmp_path: Path) -> None:
    image = store.find(settings.load().images, "reference")
    victims = [Victim(tmp_path, f"vcp{number}", image) for number in range(2)]

    def run(victim: Victim) -> None:
        try:
            victim.begin()
            for _ in range(CUTS // 2):
                victim.cut()
        finally:
            victim.vm.kill()

    with ThreadPoolExecutor(2) as both:
        outcomes = [both.submit(run, victim) for victim in victims]
    for outcome, victim in zip(outcomes, victims, strict=True):
        assert outcome.exception() is None, f"RACKLESS_SEED={SEED}, after {victim.found}: {outcome.exception()}"
    print(f"seed {SEED}: {[victim.found for victim in victims]}")
