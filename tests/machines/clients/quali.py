"""The flows of Quali's cloudshell-networking-juniper, unmodified, with a resource as CloudShell would describe it.

SNMP is enabled over the command line, the chassis is discovered, the configuration is saved and restored. Runs in .venv-clients.
"""

import json
import logging
import sys
from types import SimpleNamespace

from cloudshell.cli.service.cli import CLI
from cloudshell.cli.service.session_pool_manager import SessionPoolManager
from cloudshell.networking.juniper.cli.juniper_cli_configurator import JuniperCliConfigurator
from cloudshell.networking.juniper.flows.autoload_flow import JunOSAutoloadFlow
from cloudshell.networking.juniper.flows.configuration_flow import JuniperConfigurationFlow
from cloudshell.networking.juniper.flows.juniper_enable_disable_snmp_flow import JuniperEnableDisableSnmpFlow
from cloudshell.shell.core.driver_context import AutoLoadCommandContext, ResourceContextDetails
from cloudshell.shell.standards.networking.autoload_model import NetworkingResourceModel
from cloudshell.shell.standards.networking.resource_config import NetworkingResourceConfig
from cloudshell.snmp.snmp_configurator import EnableDisableSnmpConfigurator

SHELL = "Juniper JunOS Router 2G"
login = json.load(sys.stdin)
ATTRIBUTES = {
    "User": login["user"], "Password": login["password"], "Enable Password": "", "CLI Connection Type": "SSH",
    "CLI TCP Port": str(login["port"]), "Sessions Concurrency Limit": "1", "VRF Management Name": "",
    "SNMP Read Community": "quali", "SNMP Write Community": "", "SNMP V3 User": "", "SNMP V3 Password": "",
    "SNMP V3 Private Key": "", "SNMP V3 Authentication Protocol": "No Authentication Protocol",
    "SNMP V3 Privacy Protocol": "No Privacy Protocol", "SNMP Version": "v2c", "Enable SNMP": "True", "Disable SNMP": "False",
    "Console Server IP Address": "", "Console User": "", "Console Port": "0", "Console Password": "",
    "Backup Location": "", "Backup Type": "File System", "Backup User": "", "Backup Password": "",
}  # fmt: skip


class Api:
    """What the flows ask of the CloudShell server: passwords are in clear here, and no resource was loaded before."""

    def DecryptPassword(self, text):
        return SimpleNamespace(Value=text)

    def GetResourceDetails(self, name):
        return SimpleNamespace(UniqeIdentifier="1", ChildResources=[], ResourceAttributes=[])


named = {f"{SHELL}.{name}": value for name, value in ATTRIBUTES.items()}
resource = ResourceContextDetails(
    "1", "r", "r", "Resource", login["host"], SHELL, "CS_Router", "", named, None, None, "", "2.0.0"
)
config = NetworkingResourceConfig.from_context(AutoLoadCommandContext(None, resource), Api())
log = logging.getLogger("quali")
cli = JuniperCliConfigurator.from_config(config, log, CLI(SessionPoolManager(max_pool_size=1)))
switch = JuniperEnableDisableSnmpFlow(cli)
snmp = EnableDisableSnmpConfigurator.from_config(switch, config, log)
# The resource has no attribute for SNMP's port; it is another one only where the router is behind forwarded ports.
snmp._snmp_configurator._snmp_parameters.port = login["snmp_port"]
found = JunOSAutoloadFlow(snmp).discover(["[Jj]uniper"], NetworkingResourceModel.from_resource_config(config))
resources = {one.relative_address: one for one in found.resources}
attributes = {(one.relative_address, one.attribute_name.rpartition(".")[2]): one.attribute_value for one in found.attributes}
assert attributes["", "Vendor"] == "Juniper"
assert attributes["CH0", "Serial Number"].startswith("RR")
assert attributes["", "OS Version"] == login["release"]
assert attributes["", "Model"] == "Vmx"
assert {"CH0", "CH0/M0", "CH0/M0/SM0", "CH0/M1", "CH0/M1/SM0"} <= set(resources)
ports = {one.name: address for address, one in resources.items() if one.model.endswith(".GenericPort")}
assert set(ports) == {"ge-0-0-0", "ge-0-0-1", "ge-1-0-0", "ge-1-0-1"}
for name, mac in login["macs"].items():
    port = ports[name.replace("/", "-")]
    card = name.removeprefix("ge-").partition("/")[0]
    assert port.startswith(f"CH0/M{card}/SM0/P"), port
    assert (attributes[port, "MAC Address"], attributes[port, "Duplex"]) == (mac, "Full")
assert attributes[ports["ge-0-0-0"], "IPv4 Address"] == "10.0.0.1"
assert "2001:db8::1" in attributes[ports["ge-0-0-0"], "IPv6 Address"]

configuration = JuniperConfigurationFlow(config, cli)
saved = configuration.save("local:/var/tmp", "running")
for method in ("override", "append"):
    configuration.restore(f"local:/var/tmp/{saved}", "running", method)
switch.disable_snmp(snmp._snmp_configurator._snmp_parameters)
print("done")
