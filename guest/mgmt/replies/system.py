"""`show version` and `show system`."""

from __future__ import annotations

import os
import time

from system.product import DIALECT, MODEL, TITLE

from .. import store as stored
from ..xmltree import Element
from .reply import RELEASE, columns, information, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session

    Given = dict[str, str]


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))


def ago(seconds: float) -> str:
    days, rest = divmod(max(0, int(seconds)), 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def span(seconds: float) -> str:
    """`1 day, 2 hours, 3 minutes, 4 seconds`, without leading nothings."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count or parts or name == "second":
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(parts)


def release(session: Session) -> str:
    return (session.datastore.world.read(RELEASE) or "0.1.0").strip().splitlines()[0]


# ---- what the kernel tells


def boot_time(session: Session) -> tuple[float, float]:
    """(seconds since the epoch of the boot, seconds since)."""
    up = float((session.datastore.world.read("/proc/uptime") or "0 0").split()[0])
    return time.time() - up, up


def meminfo(session: Session) -> dict[str, int]:
    """The kernel's own names (proc(5)) and bytes."""
    found = {}
    for line in (session.datastore.world.read("/proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        found[name] = int(value.split()[0]) * 1024
    return found


def memory(session: Session) -> tuple[int, int]:
    """(bytes of memory, bytes in use)."""
    found = meminfo(session)
    total = found.get("MemTotal", 0)
    return total, total - found.get("MemAvailable", total)


def cpu(session: Session) -> dict[str, int]:
    """Percent of time since boot, by the original's kinds (proc(5))."""
    words = (session.datastore.world.read("/proc/stat") or "cpu").splitlines()[0].split()[1:8]
    user, nice, system, idle, wait, hard, soft = ([int(word) for word in words] + [0] * 7)[:7]
    total = max(1, user + nice + system + idle + wait + hard + soft)
    kinds = {"user": user, "background": nice, "system": system, "interrupt": hard + soft}
    shares = {name: 100 * value // total for name, value in kinds.items()}
    return {**shares, "idle": 100 - sum(shares.values())}


def load(session: Session) -> tuple[str, str, str]:
    words = (session.datastore.world.read("/proc/loadavg") or "0.00 0.00 0.00").split()
    return words[0], words[1], words[2]


# ---- show version


def version(session: Session, given: Given) -> Element:
    root = Element("software-information")
    root.add("host-name", session.host_name or "router")
    root.add("product-model", MODEL)
    root.add("product-name", MODEL)
    root.add("junos-version", DIALECT)
    kernel = session.datastore.world.run(["uname", "-sr"]).out.strip()
    inside = f"{TITLE} {release(session)}" + (f", {kernel}" if kernel else "")
    for name, comment in (
        ("junos", f"JUNOS Software Release [{DIALECT}]"),
        ("os-kernel", f"JUNOS OS Kernel 64-bit  [{inside}]"),
    ):
        package = root.add("package-information")
        package.add("name", name)
        package.add("comment", comment)
    return root


def version_text(root: Element, given: Given) -> str:
    lines = [
        f"Hostname: {root.value('host-name')}\nModel: {root.value('product-model')}\nJunos: {root.value('junos-version')}\n",
        *(f"{one.value('comment')}\n" for one in root.all("package-information")),
    ]
    return "".join(lines)


def information_of(session: Session, given: Given) -> Element:
    from .chassis import serial_number

    root = Element("system-information")
    root.add("hardware-model", MODEL)
    root.add("os-name", "junos")
    root.add("os-version", DIALECT)
    root.add("serial-number", serial_number(session))
    root.add("host-name", session.host_name or "router")
    return root


def information_text(root: Element, given: Given) -> str:
    titles = {"hardware-model": "Model", "os-name": "Family", "os-version": "Junos", "host-name": "Hostname"}
    order = ("hardware-model", "os-name", "os-version", "host-name")
    return "".join(f"{titles[name]}: {root.value(name)}\n" for name in order)


def host(session: Session, given: Given) -> Element:
    return output(session.host_name + "\n" if session.host_name else "")


# ---- show system


def uptime(session: Session, given: Given) -> Element:
    root = information("system-uptime-information", "uptime")
    now = time.time()
    started, up = boot_time(session)
    root.add("current-time").add("date-time", moment(now), junos_seconds=str(int(now)))
    _since(root.add("system-booted-time"), started, up)
    loaded = session.datastore.loaded
    if loaded:
        configured = root.add("last-configured-time")
        _since(configured, loaded, now - loaded)
        last = next(iter(stored.history(session.datastore.world)), None)
        if last is not None:
            configured.add("user", last[1].user)
    more = root.add("uptime-information")
    more.add("date-time", time.strftime("%H:%M%p", time.localtime(now)), junos_seconds=str(int(now)))
    more.add("up-time", ago(up), junos_seconds=str(int(up)))
    more.add("active-user-count", len(session.datastore.sessions))
    for name, value in zip(("1", "5", "15"), load(session), strict=True):
        more.add(f"load-average-{name}", value)
    return root


def _since(made: Element, when: float, length: float) -> None:
    made.add("date-time", moment(when), junos_seconds=str(int(when)))
    made.add("time-length", ago(length), junos_seconds=str(int(length)))


def uptime_text(root: Element, given: Given) -> str:
    lines = [f"Current time: {root.value('current-time/date-time')}\n"]
    for title, name in (("System booted", "system-booted-time"), ("Last configured", "last-configured-time")):
        one = root.find(name)
        if one is not None:
            by = f" by {one.value('user')}" if one.find("user") is not None else ""
            lines.append(f"{title}: {one.value('date-time')} ({one.value('time-length')} ago){by}\n")
    more = root.find("uptime-information")
    assert more is not None
    averages = ", ".join(more.value(f"load-average-{name}") for name in ("1", "5", "15"))
    users = more.value("active-user-count")
    lines.append(f"{more.value('date-time')}  up {more.value('up-time')}, {users} users, load averages: {averages}\n")
    return "".join(lines)


def users(session: Session, given: Given) -> Element:
    root = information("system-users-information", "users")
    more = root.add("uptime-information")
    _, up = boot_time(session)
    more.add("date-time", time.strftime("%H:%M%p"), junos_seconds=str(int(time.time())))
    more.add("up-time", ago(up), junos_seconds=str(int(up)))
    more.add("active-user-count", len(session.datastore.sessions))
    table = more.add("user-table")
    for number, other in sorted(session.datastore.sessions.items()):
        entry = table.add("user-entry")
        entry.add("user", other.user)
        entry.add("tty", other.terminal or "-")
        entry.add("from", "-")
        entry.add("command", f"cli (session {number}, {'configuration' if other.configuring else 'operational'} mode)")
    return root


def users_text(root: Element, given: Given) -> str:
    table = root.find("uptime-information/user-table")
    assert table is not None
    rows: list[tuple[str, ...]] = [("USER", "TTY", "FROM", "WHAT")]
    rows += [(one.value("user"), one.value("tty"), one.value("from"), one.value("command")) for one in table.children]
    return columns(rows, (16, 12, 20, 0))


def processes(session: Session, given: Given) -> Element:
    if "extensive" in given:
        done = session.datastore.world.run(["ps", "-eo", "pid,user,stat,pcpu,rss,time,args"])
        return output(done.out)
    lines = [f"{'Daemon':<12} State\n", *(f"{name:<12} running\n" for name in session.datastore.daemons())]
    return output("".join(lines))


def storage(session: Session, given: Given) -> Element:
    root = information("system-storage-information", "storage")
    seen = set()
    for line in (session.datastore.world.read("/proc/mounts") or "").splitlines():
        name, place, kind = line.split()[:3]
        if kind in ("proc", "sysfs", "devpts", "cgroup2", "devtmpfs", "securityfs") or place in seen:
            continue
        seen.add(place)
        try:
            found = os.statvfs(place)
        except OSError:
            continue
        if not found.f_blocks:
            continue
        blocks = [count * found.f_frsize // 1024 for count in (found.f_blocks, found.f_blocks - found.f_bfree, found.f_bavail)]
        one = root.add("filesystem")
        one.add("filesystem-name", name)
        for title, count in zip(("total-blocks", "used-blocks", "available-blocks"), blocks, strict=True):
            one.add(title, count, junos_format=f"{count // 1024}M")
        one.add("used-percent", f"{100 * blocks[1] // max(1, blocks[1] + blocks[2])}")
        one.add("mounted-on", place)
    return root


def storage_text(root: Element, given: Given) -> str:
    rows: list[tuple[str, ...]] = [("Filesystem", "Size", "Used", "Avail", "Capacity", "Mounted on")]
    for one in root.children:
        sizes = (f"{int(one.value(f'{name}-blocks')) // 1024}M" for name in ("total", "used", "available"))
        rows.append((one.value("filesystem-name"), *sizes, one.value("used-percent") + "%", " " + one.value("mounted-on")))
    return columns(rows, (20, -9, -9, -9, -9, 0))


MEMORY_ROWS = (("Total memory", "total"), ("Active memory", "active"), ("Inactive memory", "inactive"), ("Cache memory", "cache"),
               ("Free memory", "free"))  # fmt: skip


def memory_usage(session: Session, given: Given) -> Element:
    root = information("system-memory-information", "system-memory")
    found = meminfo(session)
    total = found.get("MemTotal", 0)
    sizes = {
        "total": total,
        "active": found.get("Active", 0),
        "inactive": found.get("Inactive", 0),
        "cache": found.get("Cached", 0),
        "free": found.get("MemFree", 0),
    }
    summary = root.add("system-memory-summary-information")
    for name, size in sizes.items():
        summary.add(f"system-memory-{name}", size // 1024)
        summary.add(f"system-memory-{name}-percent", 100 * size // total if total else 0)
    return root


def memory_text(root: Element, given: Given) -> str:
    summary = root.children[0]
    lines = ["System memory usage distribution:\n"]
    for title, name in MEMORY_ROWS:
        size, share = (summary.value(f"system-memory-{name}{end}") for end in ("", "-percent"))
        lines.append(f"{title:>22}: {size:>10} Kbytes ({share:>3}%)\n")
    return "".join(lines)


def revision(session: Session, given: Given) -> Element:
    """Of the active configuration: when it was committed, and a sum of its text."""
    import zlib

    root = Element("commit-revision-information")
    last = next((commit for number, commit in stored.history(session.datastore.world) if number == 0), None)
    if last is None:
        return root
    root.add("revision", f"re0-{last.seconds}-{zlib.crc32(last.text.encode()) % 100000}")
    if "detail" in given:
        root.add("user", last.user)
        root.add("client", last.via)
        root.add("date-time", last.when, junos_seconds=str(last.seconds))
        if session.datastore.unconfirmed is not None:
            root.add("comment", f"commit confirmed, rollback in {last.minutes}mins")
        if last.comment:
            root.add("log", last.comment)
    return root


def revision_text(root: Element, given: Given) -> str:
    titles = {"revision": "Revision", "user": "User", "client": "Client", "date-time": "Time", "comment": "Comment", "log": "Log"}
    return "".join(f"{titles[one.tag]}: {one.text}\n" for one in root.children)


def commits(session: Session, given: Given) -> Element:
    root = Element("commit-information")
    for number, commit in stored.history(session.datastore.world):
        one = root.add("commit-history")
        one.add("sequence-number", number)
        one.add("user", commit.user)
        one.add("client", commit.via)
        one.add("date-time", commit.when, junos_seconds=str(commit.seconds))
        if commit.minutes:
            one.add("comment", f"commit confirmed, rollback in {commit.minutes}mins")
        if commit.comment:
            one.add("log", commit.comment)
    return root


def commits_text(root: Element, given: Given) -> str:
    lines = []
    for one in root.children:
        confirmed = f" {one.value('comment')}" if one.find("comment") is not None else ""
        by = f"{one.value('date-time')} by {one.value('user')} via {one.value('client')}"
        lines.append(f"{one.value('sequence-number'):<3} {by}{confirmed}\n")
        if one.find("log") is not None:
            lines.append(f"    {one.value('log')}\n")
    return "".join(lines)
