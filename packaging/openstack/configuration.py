"""What the services of the test stack are told: their configuration files, as texts made of the folder they are in.

Figures that matter, and why:
  MTUs of 9000: VXLAN leaves 8950, so that the internal network of a router is not under 1500 (the seed's trap).
  durability off everywhere: the stack lives for one run of the tests.
  `interface = public`: one end point a service is enough.
"""

from __future__ import annotations

import os
from pathlib import Path

KEYSTONE = "http://127.0.0.1:15000/v3"
GLANCE = "http://127.0.0.1:19292"
PLACEMENT = "http://127.0.0.1:18778"
NEUTRON = "http://127.0.0.1:19696"
NOVA = "http://127.0.0.1:18774"
SERIAL_PORT = 16083
RABBIT_PORT = 15672
MARIADB_PORT = 13306
HOST = "lab"
PASSWORD = "stack"  # loopback of a network namespace only
QUEUE = f"rabbit://stack:{PASSWORD}@127.0.0.1:{RABBIT_PORT}/"
DATABASES = ("keystone", "glance", "placement", "neutron", "nova_api", "nova_cell0", "nova_cell1")
VLANS = (100, 199)

Section = dict[str, object]


def database(name: str) -> str:
    return f"mysql+pymysql://stack:{PASSWORD}@127.0.0.1:{MARIADB_PORT}/{name}?charset=utf8mb4"


def _login() -> Section:
    return {
        "auth_url": KEYSTONE,
        "auth_type": "password",
        "username": "service",
        "password": PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": "RegionOne",
    }


def _middleware() -> Section:
    roles: Section = {"service_token_roles_required": "true", "service_token_roles": "service"}
    return {**_login(), "www_authenticate_uri": KEYSTONE, "interface": "public", **roles}


def _peer() -> Section:
    return {**_login(), "valid_interfaces": "public"}


def files(top: Path, venv: Path) -> dict[Path, str]:
    """Every file and its text."""
    etc = top / "etc"
    log = top / "log"
    lock = {"lock_path": top / "lock"}
    quiet = {"driver": "noop"}
    keystone = {
        "DEFAULT": {"log_file": log / "keystone.log"},
        "database": {"connection": database("keystone")},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": etc / "keystone/fernet"},
        "credential": {"key_repository": etc / "keystone/credential"},
        "identity": {"password_hash_rounds": 4},
    }
    glance = {
        "DEFAULT": {
            "log_file": log / "glance.log",
            "enabled_backends": "file:file",
            "node_staging_uri": f"file://{top}/staging",
            "worker_self_reference_url": GLANCE,
        },
        "database": {"connection": database("glance")},
        "glance_store": {"default_backend": "file"},
        "file": {"filesystem_store_datadir": top / "images"},
        "os_glance_staging_store": {"filesystem_store_datadir": top / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": top / "tasks"},
        "paste_deploy": {"flavor": "keystone", "config_file": venv / "etc/glance/glance-api-paste.ini"},
        "oslo_concurrency": lock,
        "oslo_messaging_notifications": quiet,
        "keystone_authtoken": _middleware(),
    }
    placement = {
        "DEFAULT": {"log_file": log / "placement.log"},
        "api": {"auth_strategy": "keystone"},
        "placement_database": {"connection": database("placement")},
        "keystone_authtoken": _middleware(),
    }
    return {
        etc / "keystone/keystone.conf": _ini(keystone),
        etc / "glance/glance-api.conf": _ini(glance),
        etc / "placement/placement.conf": _ini(placement),
        etc / "neutron/neutron.conf": _ini(_neutron(top, venv)),
        etc / "nova/nova.conf": _ini(_nova(top, venv)),
        etc / "nova/api-paste.ini": (venv / "etc/nova/api-paste.ini").read_text(),
        etc / "libvirt/qemu.conf": QEMU,
        etc / "libvirt/libvirtd.conf": 'auth_unix_rw = "none"\n',
        etc / "rabbitmq/rabbitmq.conf": RABBIT,
        etc / "rabbitmq/plugins": "[].\n",
        # OpenStack's WSGI modules parse sys.argv themselves: under gunicorn its worker would be born again for ever.
        # Nova asks Neutron for the ports of a page of servers in one URL, up to 8192 octets long; gunicorn would take 4094.
        etc / "gunicorn.py": "import sys\nsys.argv = sys.argv[:1]\nlimit_request_line = 8190\n",
    }


def _neutron(top: Path, venv: Path) -> dict[str, Section]:
    return {
        "DEFAULT": {
            "log_file": top / "log/neutron.log",
            "host": HOST,
            "core_plugin": "ml2",
            "service_plugins": "trunk,router",
            "auth_strategy": "keystone",
            "api_paste_config": venv / "etc/neutron/api-paste.ini",
            "transport_url": QUEUE,
            "state_path": top / "state",
            "dhcp_agent_notification": "false",
            "rpc_workers": 1,
            "rpc_state_report_workers": 0,
            "global_physnet_mtu": 9000,
            # Of the agent that routes between networks and gives floating addresses; it reads this file too.
            "interface_driver": "openvswitch",
            "enable_metadata_proxy": "false",
        },
        "database": {"connection": database("neutron")},
        "oslo_concurrency": {"lock_path": top / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
        "ml2": {
            "type_drivers": "local,flat,vlan,vxlan",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security",
            "path_mtu": 9000,
        },
        "ml2_type_vxlan": {"vni_ranges": "1:65535"},
        "ml2_type_vlan": {"network_vlan_ranges": f"physnet1:{VLANS[0]}:{VLANS[1]}"},
        "securitygroup": {"enable_security_group": "true", "firewall_driver": "noop"},
        "ovs": {"local_ip": "127.0.0.1", "datapath_type": "netdev", "bridge_mappings": "physnet1:br-phys1"},
        # The agent asks every two seconds by default; a monitor tells it of ports at once either way.
        "agent": {"tunnel_types": "vxlan", "root_helper": "", "polling_interval": 1},
        "quotas": {"quota_network": 500, "quota_subnet": 500, "quota_port": 2000},
        "keystone_authtoken": _middleware(),
        "nova": _peer(),
        "placement": _peer(),
    }


def pretended() -> bool:
    """Whether Nova's own fake driver stands for libvirt: RACKLESS_STACK_COMPUTE=fake, for measuring requests."""
    return os.environ.get("RACKLESS_STACK_COMPUTE") == "fake"


def _nova(top: Path, venv: Path) -> dict[str, Section]:
    # A server of the fake driver has no interface that a switch could find and tell of.
    fake: Section = {"compute_driver": "fake.FakeDriver", "vif_plugging_timeout": 0, "vif_plugging_is_fatal": "false"}
    return {
        "DEFAULT": {
            "my_ip": "127.0.0.1",
            "host": HOST,
            "state_path": top / "state",
            "instances_path": top / "instances",
            "log_dir": top / "log",
            "transport_url": QUEUE,
            "compute_driver": "libvirt.LibvirtDriver",
            "rootwrap_config": venv / "etc/nova/rootwrap.conf",
            "vif_plugging_timeout": 90,
            "vif_plugging_is_fatal": "true",
            "cpu_allocation_ratio": 64,
            "ram_allocation_ratio": 8,
            "disk_allocation_ratio": 32,
            "reserved_host_memory_mb": 64,
            "shutdown_timeout": 10,
            # Disks stand on the image as it is, instead of on a raw copy of it.
            "force_raw_images": "false",
            **(fake if pretended() else {}),
        },
        "api_database": {"connection": database("nova_api")},
        "database": {"connection": database("nova_cell1")},
        "api": {"auth_strategy": "keystone"},
        "quota": {"instances": 200, "cores": 400, "ram": 400000},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": -1},
        "oslo_concurrency": {"lock_path": top / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
        "vnc": {"enabled": "false"},
        "serial_console": {
            "enabled": "true",
            "base_url": f"ws://127.0.0.1:{SERIAL_PORT}/",
            "proxyclient_address": "127.0.0.1",
            "serialproxy_host": "127.0.0.1",
            "serialproxy_port": SERIAL_PORT,
        },
        "glance": {"api_servers": GLANCE},
        "wsgi": {"api_paste_config": top / "etc/nova/api-paste.ini"},
        "libvirt": {"connection_uri": "qemu:///system", "virt_type": "qemu", "cpu_mode": "none"},
        "workarounds": {"disable_rootwrap": "true"},
        "keystone_authtoken": _middleware(),
        "neutron": _peer(),
        "placement": _peer(),
        "service_user": {**_peer(), "send_service_user_token": "true"},
    }


QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
"""
RABBIT = f"""\
default_user = stack
default_pass = {PASSWORD}
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.console.level = warning
"""


def environment(top: Path, venv: Path) -> dict[str, str]:
    """Of every process of the stack. `sudo` in bin/ just runs: privsep asks for it, and all this is root's anyway."""
    etc = top / "etc"
    return {
        "PATH": f"{top}/bin:{venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(top),
        "LANG": "C.UTF-8",
        "OVS_RUNDIR": str(top / "ovs"),
        "OVS_DBDIR": str(top / "ovs"),
        "OVS_LOGDIR": str(top / "log"),
        "OS_KEYSTONE_CONFIG_DIR": str(etc / "keystone"),
        "OS_KEYSTONE_CONFIG_FILES": str(etc / "keystone/keystone.conf"),
        "OS_GLANCE_CONFIG_DIR": str(etc / "glance"),
        "OS_PLACEMENT_CONFIG_DIR": str(etc / "placement"),
        "OS_NEUTRON_CONFIG_DIR": str(etc / "neutron"),
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        "OS_NOVA_CONFIG_DIR": str(etc / "nova"),
        "OS_NOVA_CONFIG_FILES": "api-paste.ini;nova.conf",
    }


def rabbit_environment(top: Path) -> dict[str, str]:
    mine = top / "rabbitmq"
    return {
        "RABBITMQ_NODENAME": "stack@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(RABBIT_PORT),
        "RABBITMQ_DIST_PORT": "25673",
        "RABBITMQ_MNESIA_BASE": str(mine / "mnesia"),
        "RABBITMQ_LOG_BASE": str(mine / "log"),
        "RABBITMQ_PID_FILE": str(mine / "pid"),
        "RABBITMQ_CONFIG_FILE": str(top / "etc/rabbitmq/rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(top / "etc/rabbitmq/plugins"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": "14369",
        "HOME": str(mine),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 1:1",
    }


def _ini(sections: dict[str, Section]) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()) for name, values in sections.items()
    )


CLOUDS = f"""\
clouds:
  admin:
    auth: {{auth_url: "{KEYSTONE}", username: admin, password: {PASSWORD}, project_name: admin,
           user_domain_id: default, project_domain_id: default}}
    region_name: RegionOne
  tenant:
    auth: {{auth_url: "{KEYSTONE}", username: tenant, password: {PASSWORD}, project_name: tenant,
           user_domain_id: default, project_domain_id: default}}
    region_name: RegionOne
"""
