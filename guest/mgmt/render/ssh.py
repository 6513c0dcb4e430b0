"""`system services ssh` and `netconf ssh`: sshd's own file, and sshd running or not. Host keys are made by the guest's agent,
not here. NETCONF is a subsystem on both ports; port 830 has nothing else (RFC 6242, section 4)."""

from __future__ import annotations

import os

from ..supervisor import Daemon
from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/ssh/sshd_config"
ROOT_LOGIN = {"allow": "yes", "deny": "no", "deny-password": "prohibit-password"}
PROGRAM = "/usr/sbin/sshd"
NETCONF = "/usr/lib/rackless-router/netconf"
NETCONF_PORT = 830


def render(tree: Tree, world: Machine) -> Part:
    services = tree.get("system", {}).get("services", {})
    service, netconf = services.get("ssh"), services.get("netconf", {}).get("ssh")
    if service is None and netconf is None:
        return Part(data=False)
    port = int((netconf or {}).get("port", NETCONF_PORT))
    ports = [*([22] if service is not None else []), *([port] if netconf is not None else [])]
    listen = "\n".join(f"Port {one}" for one in ports)
    text = f"""# Made by the router's configuration: system services ssh
{listen}
PermitRootLogin {ROOT_LOGIN[(service or {}).get("root-login", "deny-password")]}
PermitEmptyPasswords no
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
X11Forwarding no
PrintMotd no
PrintLastLog no
LoginGraceTime 60
MaxStartups 20:30:60
ClientAliveInterval 60
AuthorizedKeysFile /etc/ssh/keys/%u
Subsystem sftp internal-sftp
Subsystem netconf {NETCONF}
PidFile /run/sshd.pid
"""
    if netconf is not None:
        text += f"""Match LocalPort {port}
    ForceCommand {NETCONF}
    PermitTTY no
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
"""
    return Part({CONFIG: (text, 0o600)}, True)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("sshd")
        return
    changed = engine.put_files(None, new)
    if engine.world.live:
        os.makedirs("/run/sshd", 0o755, exist_ok=True)
    if changed:
        checked = engine.world.run([PROGRAM, "-t", "-f", CONFIG])
        if checked.code != 0:
            raise Failed(f"ssh: {checked.err.strip().splitlines()[-1] if checked.err.strip() else 'sshd refuses its file'}")
    started = engine.supervisor.ensure(Daemon("sshd", [PROGRAM, "-D", "-f", CONFIG], ready="/run/sshd.pid", reload=True))
    if changed and not started:
        engine.supervisor.reload("sshd")
