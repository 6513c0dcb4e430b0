"""From answers to a node: which files each start writes, and which steps the first one takes. Pure.

The root is never written (docs/explanation/vmhost-appliance.md), so files go to /run at each start; those that other programs
look for in /etc are mounted over what the image has there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rackless.appliance.answers import JOINING, Answers, Part

RUN = "run/rackless-appliance"
BOUND = f"{RUN}/etc/"
"""What lies below it is mounted over the file of /etc with that name."""
SET_UP = f"{RUN}/set-up"
"""Is there once a password is set: without it SSH and web do not start (ConditionPathExists of their units)."""
SINGLE, MEMBER = f"{RUN}/single", f"{RUN}/member"
"""One of them is there, for the units of a server by itself or of a node."""
ADMIN = "admin"
ROLES = {Part.JOIN: "full", Part.APPLICATION: "app", Part.WITNESS: "witness"}
SERVER = "rackless.service"
FABRIC = "rackless-fabric.service"


@dataclass(frozen=True, kw_only=True)
class File:
    """`path` below the root."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command that may be repeated. `secret`: the answer that it reads from its standard input."""

    name: str
    about: str
    words: tuple[str, ...]
    secret: str = ""
    once: bool = False
    """What it made stays: it is not taken again once it was done."""
    patience: int = 300
    """Seconds after which it is given up."""


def network(answers: Answers) -> str:
    """For systemd-networkd (systemd.network(5))."""
    lines = ["[Match]", "Type=ether", "", "[Network]"]
    if answers.interface is None:
        lines.append("DHCP=yes")
    else:
        lines += [f"Address={answers.interface}", "DHCP=no", "IPv6AcceptRA=no"]
        if answers.gateway is not None:
            lines.append(f"Gateway={answers.gateway}")
    lines += [f"DNS={server}" for server in answers.dns]
    lines += ["", "[Link]", "RequiredForOnline=yes"]
    return "\n".join(lines) + "\n"


def clock(answers: Answers) -> str:
    """For chrony, of a server by itself; a fabric writes its own."""
    lines = [f"server {source} iburst" for source in answers.ntp] or ["pool 2.debian.pool.ntp.org iburst"]
    return "\n".join([*lines, "driftfile /var/lib/chrony/chrony.drift", "makestep 1 3", "rtcsync", "cmdport 0", ""])


def shadow(image: str, hashed: str) -> str:
    """The image's accounts, with the password of admin: no other can log in with one."""
    kept = [line for line in image.splitlines() if line and line.partition(":")[0] != ADMIN]
    return "\n".join([*kept, f"{ADMIN}:{hashed or '!'}:20000:0:99999:7:::"]) + "\n"


def files(answers: Answers, *, hashed: str, accounts: str) -> tuple[File, ...]:
    """
    Args:
        hashed: the password of admin as crypt(5) has it; "" when none is set.
        accounts: shadow(5) of the image.
    """
    name = answers.hostname
    own = str(answers.interface.ip) if answers.interface else "127.0.1.1"
    found = [
        File(path="run/systemd/network/10-rackless.network", text=network(answers)),
        File(path=f"{BOUND}hostname", text=f"{name}\n"),
        File(path=f"{BOUND}hosts", text=f"127.0.0.1 localhost\n{own} {name}\n::1 localhost\n"),
        File(path=f"{BOUND}shadow", text=shadow(accounts, hashed), mode=0o600),
        File(path=f"{RUN}/ssh-keys/{ADMIN}", text=f"{answers.ssh_key}\n" if answers.ssh_key else ""),
        File(path=f"{RUN}/environment", text="RACKLESS_STATE=/var/lib/rackless\n"),
    ]
    if answers.dns:
        found.append(File(path="run/resolv.conf", text="".join(f"nameserver {server}\n" for server in answers.dns)))
    if hashed:
        if answers.part is Part.SINGLE:
            found.append(File(path=f"{RUN}/chrony.conf", text=clock(answers)))
        found.append(File(path=SET_UP, text=f"{answers.part}\n"))
        found.append(File(path=SINGLE if answers.part is Part.SINGLE else MEMBER, text=""))
    return tuple(found)


def fabric_words(answers: Answers) -> tuple[str, ...]:
    """What makes this machine a node. Secrets are not among them: they are read from standard input."""
    assert answers.interface is not None
    own = ("--address", str(answers.interface.ip), *(word for source in answers.ntp for word in ("--ntp", source)), "--set-clock")
    if answers.part in JOINING:
        return ("rackless-fabric", "join", "--name", answers.hostname, *own, "--role", ROLES[answers.part])
    virtual = ("--virtual-address", f"{answers.virtual_ip}/{answers.interface.network.prefixlen}") if answers.virtual_ip else ()
    return ("rackless-fabric", "init", "--node", answers.hostname, *own, *virtual)


def start(unit: str) -> tuple[str, ...]:
    """Waits until it is up. What is asked for with `--no-block` in a start could not be told to have failed."""
    return ("systemctl", "start", unit)


def online(answers: Answers) -> tuple[str, ...]:
    """Waits until the address is there. Of a fixed one the kernel is asked, too: networkd takes addresses away when it is started
    anew and gives them back a moment later, and its own waiting is content with one that the kernel made."""
    waiting = "/lib/systemd/systemd-networkd-wait-online"
    if answers.interface is None:
        return (waiting, "--any", "--timeout=120")
    asking = 'until ip -o address show to "$1" -tentative up | grep -q .; do sleep 0.2; done'
    systemd = f"[ ! -d /run/systemd/system ] || {waiting} --any --operational-state=routable --timeout=120"
    return ("/bin/sh", "-ec", f"{systemd}; {asking}", "online", str(answers.interface.ip))


def steps(answers: Answers) -> tuple[Step, ...]:
    """In their order. All of them may be taken again after any was cut off."""
    found = [
        Step(name="network", about="Network", words=("systemctl", "restart", "systemd-networkd.service")),
        Step(name="online", about="The network is up", words=online(answers), patience=150),
    ]
    if answers.part is Part.SINGLE:
        found.append(Step(name="clock", about="Clock", words=start("chrony.service")))
        found.append(Step(name="server", about="Server and web page", words=start(SERVER), patience=900))
    else:
        joined = answers.part in JOINING
        found.append(
            Step(
                name="fabric",
                about="Joining the fabric" if joined else "A new fabric",
                words=fabric_words(answers),
                secret="token" if joined else "",
                once=True,
                patience=1800,
            )
        )
    if answers.part not in JOINING:
        # A fabric's users are in its database: who joins brings none.
        words = ("/usr/lib/rackless/bin/web-admin", ADMIN)
        about = "User admin of the web page"
        found.append(Step(name="web", about=about, words=words, secret="password", once=True, patience=900))  # noqa: S106
    return (*found, Step(name="ssh", about="SSH", words=start("ssh.service")))


def web_address(answers: Answers) -> str:
    """Where the page is, as far as it is known beforehand."""
    host = answers.virtual_ip or (answers.interface.ip if answers.interface else None)
    if answers.part in JOINING:
        return ""
    port = ":8443" if answers.part is Part.SINGLE else ""
    return f"https://{host}{port}/" if host else f"https://{answers.hostname}{port}/"


def outcome(answers: Answers, failed: Mapping[str, str]) -> str:
    """What is said at the end. `failed`: steps with what they said."""
    if failed:
        return "Not set up: " + " ".join(f"{name}: {why}" for name, why in failed.items())
    web = web_address(answers)
    return f"Set up as {answers.part}." + (f" Web page: {web}" if web else " The web page is the fabric's.")
