"""Ansible with the collection junipernetworks.junos, unmodified, plays ansible.yml on a router. Runs in .venv-clients."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

login = json.load(sys.stdin)
ROOT = Path(sys.prefix)
common = {
    "ansible_host": login["host"],
    "ansible_port": login["port"],
    "ansible_user": login["user"],
    "ansible_password": login["password"],
    "ansible_network_os": "junipernetworks.junos.junos",
    "ansible_python_interpreter": sys.executable,
    "release": login["release"],
}
ways = {
    "netconf": {"ansible_connection": "ansible.netcommon.netconf"},
    "command_line": {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_cli_ssh_type": "paramiko"},
}
with tempfile.TemporaryDirectory() as home:
    inventory = Path(home, "inventory.json")
    inventory.touch(0o600)
    inventory.write_text(json.dumps({way: {"hosts": {f"r-{way}": {**common, **how}}} for way, how in ways.items()}))
    done = subprocess.run(
        [ROOT / "bin/ansible-playbook", "-i", inventory, Path(__file__).with_name("ansible.yml")],
        env={
            **os.environ,
            "HOME": home,
            "ANSIBLE_HOME": home,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_PERSISTENT_COMMAND_TIMEOUT": "120",
            "ANSIBLE_PERSISTENT_CONNECT_TIMEOUT": "60",
        },
        check=False,
        stdin=subprocess.DEVNULL,
    )
sys.exit(done.returncode) if done.returncode else print("done")
