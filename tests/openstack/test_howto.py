"""docs/howto/openstack.md, followed literally from its step 2 on: project, user, policy, flavors, credentials, site, check."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import howto
from tests.machines.cli import Installation, await_that
from tests.openstack import stack

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(900)]
DOCUMENT = "openstack.md"


class Client:
    """The `openstack` commands of the document, done by the SDK: their words are checked as the client would."""

    def __init__(self, cloud: Any, password: str) -> None:
        self._cloud, self._password = cloud, password
        self.made: list[tuple[Any, Any]] = []

    def run(self, words: list[str]) -> None:
        parser = argparse.ArgumentParser(exit_on_error=False)
        identity = self._cloud.identity
        match words[:2]:
            case ["project", "create"]:
                (name,) = words[2:]
                self.made.append((identity.delete_project, identity.create_project(name=name, domain_id="default")))
            case ["user", "create"]:
                parser.add_argument("--password-prompt", action="store_true", required=True)
                parser.add_argument("name")
                given = parser.parse_args(words[2:])
                user = identity.create_user(name=given.name, password=self._password, domain_id="default")
                self.made.append((identity.delete_user, user))
            case ["role", "create"]:
                (name,) = words[2:]
                self.made.append((identity.delete_role, identity.create_role(name=name)))
            case ["role", "add"]:
                for option in ("--project", "--user", "role"):
                    parser.add_argument(option)
                given = parser.parse_args(words[2:])
                project, user = identity.find_project(given.project), identity.find_user(given.user)
                identity.assign_project_role_to_user(project, user, identity.find_role(given.role))
            case ["flavor", "create"]:
                for option in ("--ram", "--vcpus", "--disk"):
                    parser.add_argument(option, type=int, required=True)
                parser.add_argument("name")
                given = vars(parser.parse_args(words[2:]))
                if self._cloud.compute.find_flavor(given["name"]) is None:
                    self.made.append((self._cloud.compute.delete_flavor, self._cloud.compute.create_flavor(**given)))
            case ["quota", "set"]:
                for option in ("--instances", "--cores", "--ram", "--networks", "--ports"):
                    parser.add_argument(option, type=int, required=True)
                parser.add_argument("project")
                given = vars(parser.parse_args(words[2:]))
                project = identity.find_project(given.pop("project"))
                network = {name: given.pop(name) for name in ("networks", "ports")}
                self._cloud.set_compute_quotas(project.id, **given)
                self._cloud.set_network_quotas(project.id, **{name.removesuffix("s"): most for name, most in network.items()})
            case _:
                raise AssertionError(f"The document has a command that this test does not know: {words}")

    def undo(self) -> None:
        for remove, thing in reversed(self.made):
            remove(thing)


@pytest.fixture
def administrator(openstack_stack: Path) -> Iterator[Client]:
    made = Client(stack.admin(openstack_stack), "long and secret")
    yield made
    made.undo()


def test_the_document_leads_to_a_place_for_labs(openstack_stack: Path, administrator: Client, tmp_path: Path) -> None:
    site, clouds, first = (tmp_path / name for name in ("site.yaml", "clouds.yaml", "first.yaml"))
    policy = openstack_stack / "etc/neutron/policy.yaml"
    here = Installation.make(RACKLESS_SITE=str(site))
    try:
        # 2. As administrator.
        for words in howto.commands(DOCUMENT, "2.", "openstack"):
            administrator.run(words)
        (rules,) = [block for block in howto.blocks(DOCUMENT, "2.") if '"create_network:' in block]
        policy.write_text(rules)

        # 3. The password is in a file of its own.
        (file,) = [block for block in howto.blocks(DOCUMENT, "3.") if block.startswith("clouds:")]
        address = re.search(r'auth_url: "([^"]+)"', (openstack_stack / "clouds.yaml").read_text())
        assert address is not None
        clouds.write_text(
            "".join(line for line in howto.filled(file, auth_url=address[1]).splitlines(True) if "cacert" not in line)
        )
        (tmp_path / "secure.yaml").write_text("clouds: {munich: {auth: {password: long and secret}}}\n")
        member = _login(clouds)
        network = member.network.create_network(name="lab-management", is_port_security_enabled=False)
        member.network.create_subnet(
            network_id=network.id, ip_version=4, cidr="10.20.0.0/24", gateway_ip=None, is_dhcp_enabled=False
        )

        # 4. and 5.
        (example,) = howto.commands(DOCUMENT, "4.", "rackless")
        every, least = here.run(*example).out, howto.blocks(DOCUMENT, "4.")[1]
        keys = [line.strip().partition(":")[0] for line in least.splitlines() if line.startswith("    ")]
        assert [key for key in keys if f"{key}:" not in every] == []
        site.write_text(howto.filled(least, clouds_file=clouds, numbers="180-189"))
        here.run("stop", check=False)
        listing, check = howto.commands(DOCUMENT, "5.", "rackless")
        assert "munich" in here.run(*listing).out

        def bad() -> list[str]:
            found = here.run(*check, "--quick", "--json", check=False).json()
            return [f"{one['name']}: {one['detail']}" for one in found if not one["ok"]]

        # Neutron reads its policy again in its own time.
        await_that("nothing bad", bad, lambda found: not found, deadline=300)

        # 7.
        first.write_text(howto.blocks(DOCUMENT, "7.")[0])
        plan, *_ = howto.commands(DOCUMENT, "7.", "rackless")
        shown = here.run(*(str(first) if word == "first.yaml" else word for word in plan)).out
        assert "munich" in shown
        here.run("site", "clean", "munich")
        member.network.delete_network(network)
    finally:
        policy.write_text("{}\n")  # Neutron complains at each request of one that is gone.
        here.close()


def _login(clouds: Path) -> Any:
    import openstack
    from openstack import config

    files = {"config_files": [str(clouds)], "secure_files": [str(clouds.with_name("secure.yaml"))]}
    return openstack.connection.Connection(config=config.OpenStackConfig(**files).get_one("munich"))
