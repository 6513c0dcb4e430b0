"""PyEZ in console mode, unmodified, on a router's serial line: it logs in, configures and leaves. Runs in .venv-clients."""

import json
import sys

from jnpr.junos import Device
from jnpr.junos.utils.config import Config

login = json.load(sys.stdin)
device = Device(host="127.0.0.1", port=login["port"], mode="telnet", user=login["user"], password=login["password"],
                ssh_config="/dev/null")  # fmt: skip
device.open(gather_facts=False)
config = Config(device)
config.load("set interfaces ge-1/0/1 description by-console", format="set")
assert "by-console" in config.diff()
assert config.commit()
assert device.facts["model"] == "VMX"
device.close()
print("done")
