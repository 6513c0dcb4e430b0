"""The standing stack of the tests: one for a whole session, in the network namespace of the tests.

RACKLESS_OPENSTACK names the folder of one that stands already (packaging/openstack/stack.py up FOLDER) and is left standing. A
stack that does not come up fails the tests: it is never skipped.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rackless.model.places import Numbers, OpenStackPlace

TOP = Path(__file__).parents[2]
PROGRAM = [str(TOP / ".venv-openstack/bin/python"), str(TOP / "packaging/openstack/stack.py")]


@contextmanager
def standing() -> Iterator[Path]:
    """The folder of a stack that works."""
    there = os.environ.get("RACKLESS_OPENSTACK")
    if there:
        yield Path(there)
        return
    with tempfile.TemporaryDirectory(prefix="rackless-openstack-", dir="/var/tmp") as name:
        folder = Path(name) / "stack"
        Path(name).chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PYTHON"))}
        ran = subprocess.run([*PROGRAM, "up", str(folder)], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"The stack did not come up; run packaging/setup.sh --openstack.\n{ran.stdout}{ran.stderr}"
        try:
            yield folder
        finally:
            subprocess.run([*PROGRAM, "down", str(folder)], env=environment, check=True)


def place(folder: Path, **changed: Any) -> OpenStackPlace:
    """The stack as a place of a site, with its administrator's rights: numbers of networks are theirs to give."""
    values: dict[str, Any] = {
        "name": "stack",
        "cloud": "admin",
        "clouds_file": folder / "clouds.yaml",
        "segment_type": "vlan",
        "physical_network": "physnet1",
        "numbers": Numbers(first=100, last=199),
    }
    return OpenStackPlace(**{**values, **changed})


def admin(folder: Path) -> Any:
    """A connection past the provider, to plant things and to look at what is left."""
    import openstack
    from openstack import config

    return openstack.connection.Connection(
        config=config.OpenStackConfig(config_files=[str(folder / "clouds.yaml")]).get_one("admin")
    )
