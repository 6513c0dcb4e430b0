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
BANNER = "/etc/ssh/banner"
START = 30.0
"""Seconds until sshd listens; alone on an emulated processor it takes 0.2."""


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
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
X11Forwarding no
PrintMotd no
PrintLastLog no
LoginGraceTime 60
AuthorizedKeysFile /etc/ssh/keys/%u
Subsystem sftp internal-sftp
Subsystem netconf {NETCONF}
PidFile /run/sshd.pid
"""
    text += _options(service or {})
    message = tree.get("system", {}).get("login", {}).get("message")
    files = {}
    if message:
        text += f"Banner {BANNER}\n"
        files[BANNER] = (message.replace("\\n", "\n").rstrip("\n") + "\n", 0o644)
    if netconf is not None:  # what follows a Match is of that port only
        text += f"""Match LocalPort {port}
    ForceCommand {NETCONF}
    PermitTTY no
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
"""
    return Part({CONFIG: (text, 0o600), **files}, True)


def _options(service: Tree) -> str:
    """What the configuration adds to the file; sshd takes the first value of a keyword, so these have no default above."""
    rows = {
        "max-sessions-per-connection": "MaxSessions {}",
        "client-alive-count-max": "ClientAliveCountMax {}",
    }
    found = [row.format(service[key]) for key, row in rows.items() if key in service]
    found.append(f"ClientAliveInterval {service.get('client-alive-interval', '60')}")
    found.append(f"MaxStartups {_startups(service)}")
    found.append("AllowTcpForwarding " + ("yes" if "tcp-forwarding" in service else "no"))
    without = "no-passwords" in service or "no-password-authentication" in service
    found.append("PasswordAuthentication " + ("no" if without else "yes"))
    return "".join(line + "\n" for line in found)


def _startups(service: Tree) -> str:
    """`connection-limit` counts sessions in the dialect; sshd limits those that are not logged in yet."""
    most = int(service.get("connection-limit", "75"))
    return f"{max(1, most * 2 // 3)}:30:{most}" if most < 60 else "20:30:60"


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if not new.data:
        engine.supervisor.stop("sshd")
        return
    changed = engine.put_files(None, new)
    if engine.world.live:
        os.makedirs("/run/sshd", 0o755, exist_ok=True)
    if changed and engine.supervisor.running("sshd"):  # one that is not running is its own check: it starts, or says why not
        checked = engine.world.run([PROGRAM, "-t", "-f", CONFIG])
        if checked.code != 0:
            raise Failed(f"ssh: {checked.err.strip().splitlines()[-1] if checked.err.strip() else 'sshd refuses its file'}")
    started = engine.supervisor.ensure(Daemon("sshd", [PROGRAM, "-D", "-f", CONFIG], ready="/run/sshd.pid", reload=True))
    if changed and not started:
        engine.supervisor.reload("sshd")
    elif changed and not engine.supervisor.wait_ready("sshd", START, once=True):
        said = (engine.world.read("/var/log/sshd.log") or "").strip().splitlines()
        raise Failed(f"ssh: {said[-1] if said else 'sshd does not start'}")
