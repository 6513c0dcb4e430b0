"""`system syslog`: busybox's syslogd for files and remote hosts. It runs always: `messages` is there without being asked for.

busybox reads selectors from its own file (facility.level path); remote hosts get everything that is logged, which its -R does,
and one host is all it knows: further ones are told in the log.
"""

from __future__ import annotations

from ..supervisor import Daemon
from .part import Engine, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

CONFIG = "/etc/syslog.conf"
FOLDER = "/var/log"
FACILITIES = {"any": "*", "authorization": "auth,authpriv", "daemon": "daemon", "kernel": "kern", "user": "user", "ftp": "ftp",
              "firewall": "local3", "change-log": "local6", "interactive-commands": "local7", "conflict-log": "local5",
              "pfe": "local4", "dfc": "local1", "external": "local2", "ntp": "daemon", "security": "auth"}  # fmt: skip
SEVERITIES = {"any": "debug", "info": "info", "notice": "notice", "warning": "warning", "error": "err", "critical": "crit",
              "alert": "alert", "emergency": "emerg", "none": "none"}  # fmt: skip
DEFAULT = "*.notice;auth,authpriv.info"


def render(tree: Tree, world: Machine) -> Part:
    syslog = tree.get("system", {}).get("syslog", {})
    if not syslog:
        return Part(data=None)
    files = dict(syslog.get("file", {}))
    rows = [f"{_selectors(entry) or DEFAULT}\t{FOLDER}/{name}" for name, entry in files.items()]
    if "messages" not in files:
        rows.append(f"{DEFAULT}\t{FOLDER}/messages")
    hosts = [f"{name}:{entry.get('port', '514')}" if ":" not in name else name for name, entry in syslog.get("host", {}).items()]
    archive = syslog.get("archive", {})
    size = max(1, _bytes(archive.get("size", "1m")) // 1024)
    return Part(
        {CONFIG: ("\n".join(rows) + "\n", 0o644)},
        {"hosts": hosts, "size": size, "files": min(99, int(archive.get("files", "3")))},
    )


def _bytes(text: str) -> int:
    return int(text.rstrip("kmg")) * {"k": 1024, "m": 1024**2, "g": 1024**3}.get(text[-1], 1)


def _selectors(entry: Tree) -> str:
    return ";".join(f"{FACILITIES[key]}.{SEVERITIES[level]}" for key, level in entry.items() if key in FACILITIES)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    if new.data is None:
        engine.supervisor.stop("syslogd")
        engine.world.remove(CONFIG)
        return
    changed = engine.put_files(None, new)
    argv = ["/bin/busybox", "syslogd", "-n", "-f", CONFIG, "-s", str(new.data["size"]), "-b", str(new.data["files"])]
    for host in new.data["hosts"]:
        argv += ["-R", host]
    if new.data["hosts"]:
        argv.append("-L")  # also here, not only there
    if changed:
        engine.supervisor.stop("syslogd")  # it reads its file at its start only
    engine.supervisor.ensure(Daemon("syslogd", argv, ready="/dev/log"))
