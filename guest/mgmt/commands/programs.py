"""Commands that run a program of the user: ping, traceroute, ssh, shells, monitors, and work with files."""

from __future__ import annotations

from .. import valuetypes as t
from ..devices import device
from . import answers
from .arguments import DETAIL, HOST, INTERFACE, ONE_INTERFACE, ROUTING_INSTANCE, file
from .words import CONFIGURE, OPERATE, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]


NETCONF = "/usr/lib/rackless-router/netconf"


def _ssh(session: Session, given: Given, operations: Operations) -> None:
    argv = ["ssh"]
    if "source" in given:
        argv += ["-b", given["source"]]
    session.run_program([*argv, "-l", given.get("user", session.user), "--", given["host"]])


def _shell(session: Session, given: Given, operations: Operations) -> None:
    """The one shell there is, whichever is named, with the prompt of the one that is named; clients of this dialect name csh."""
    if "command" in given:
        session.run_program(["/bin/sh", "-c", given["command"]])
        return
    at = f"root@{session.host_name}:~ # " if session.user == "root" else "$ " if given.get("kind") == "sh" else "% "
    session.channel.run(["/usr/bin/env", f"PS1={at}", "/bin/sh"], capture=False)


def _junoscript(session: Session, given: Given, operations: Operations) -> None:
    """NETCONF at this terminal, until it ends."""
    session.channel.run([session.datastore.world.path(NETCONF)], capture=False)


def _monitor(session: Session, given: Given, operations: Operations) -> None:
    """The kernel's counters of an interface, once a second until ^C; once where nobody looks."""
    look = ["ip", "-s", "link", "show", "dev", device(session.datastore.running, given["interface"])]
    session.run_program(["watch", "-n", "1", "-t", *look] if session.channel.tty else look)


def _monitor_all(session: Session, given: Given, operations: Operations) -> None:
    """All interfaces with their packets, every second until ^C; once where nobody looks."""
    look = ["ip", "-s", "-h", "link", "show", "up"]
    session.run_program(["watch", "-n", "1", "-t", *look] if session.channel.tty else look)


def _traffic(session: Session, given: Given, operations: Operations) -> None:
    """What passes an interface, by tcpdump, which runs as the user. Where nobody can stop it, it has an end."""
    argv = ["tcpdump", "-n", "-l"]
    argv += ["-i", device(session.datastore.running, given["interface"]) if "interface" in given else "any"]
    if "detail" in given:
        argv.append("-v")
    if "extensive" in given:
        argv.append("-vv")
    if "layer2-headers" in given:
        argv.append("-e")
    if "count" in given or not session.channel.tty:
        argv += ["-c", given.get("count", "10")]
    if "matching" in given:
        argv += ["--", *given["matching"].split()]
    session.run_program(argv if session.channel.tty else ["timeout", "30", *argv])


_TWO_FILES = (file("source", "Source of the file"), file("destination", "Destination of the file"))
_PATH = (file("path", "Path of the file"),)

FILE = Word(
    "file",
    "Perform file operations",
    Word(
        "archive",
        "Archives files from the system",
        run=answers.FILE_ARCHIVE,
        options=(
            Option("compress", "Compress the archive"),
            Option("destination", "Name of the archive", t.file_name),
            Option("source", "Path of the files to archive", t.file_name),
        ),
        level=OPERATE,
    ),
    Word(
        "checksum",
        "Calculate file checksum",
        Word("md5", "Calculate MD5 checksum", run=answers.FILE_MD5, arguments=_PATH),
        Word("sha-256", "Calculate SHA256 checksum", run=answers.FILE_SHA256, arguments=_PATH),
        Word("sha1", "Calculate SHA1 checksum", run=answers.FILE_SHA1, arguments=_PATH),
    ),
    Word("copy", "Copy files", run=answers.FILE_COPY, arguments=_TWO_FILES, level=OPERATE),
    Word("delete", "Delete files", run=answers.FILE_DELETE, arguments=_PATH, level=OPERATE),
    Word(
        "list",
        "List file information",
        run=answers.FILE_LIST,
        arguments=(Argument("path", t.file_name, "Path of a file or folder"),),
        options=(DETAIL,),
    ),
    Word("rename", "Rename files", run=answers.FILE_RENAME, arguments=_TWO_FILES, level=OPERATE),
    Word("show", "Show file contents", run=answers.FILE_SHOW, arguments=(file("filename", "Name of the file"),)),
)

MONITOR = Word(
    "monitor",
    "Show real-time debugging information",
    Word(
        "interface",
        "Show interface traffic",
        Word("traffic", "Show the traffic of all interfaces", run=_monitor_all),
        run=_monitor,
        arguments=(ONE_INTERFACE,),
    ),
    Word(
        "traffic",
        "Show real-time network traffic information",
        run=_traffic,
        options=(
            Option("count", "Number of packets to show", t.number("count", 1, 1000000)),
            DETAIL,
            Option("extensive", "Display extensive output"),
            Option("interface", "Name of interface", INTERFACE),
            Option("layer2-headers", "Display the link's headers"),
            Option("matching", "Expression of packets to show", t.text),
            Option("no-resolve", "Don't attempt to print addresses symbolically"),
        ),
        level=CONFIGURE,
    ),
)

PING = Word(
    "ping",
    "Ping remote target",
    run=answers.PING,
    arguments=(HOST,),
    options=(
        Option("count", "Number of ping requests to send", t.number("count", 1, 2000000000)),
        Option("do-not-fragment", "Don't fragment echo request packets"),
        Option("inet", "Force ping to IPv4 destination", early=True),
        Option("inet6", "Force ping to IPv6 destination", early=True),
        Option("interface", "Source interface", INTERFACE),
        Option("interval", "Delay between ping requests (seconds)", t.number("seconds", 1, 3600)),
        Option("no-resolve", "Don't attempt to print addresses symbolically"),
        Option("rapid", "Send requests rapidly (default count of 5)"),
        Option("size", "Size of request packets (bytes of payload)", t.number("size", 0, 65468)),
        Option("source", "Source address of echo request", t.address),
        ROUTING_INSTANCE,
        Option("ttl", "IP time-to-live value", t.number("ttl", 1, 255)),
        Option("wait", "Delay after sending last packet (seconds)", t.number("seconds", 1, 3600)),
    ),
    level=OPERATE,
)

TRACEROUTE = Word(
    "traceroute",
    "Trace route to remote host",
    run=answers.TRACEROUTE,
    arguments=(HOST,),
    options=(
        Option("no-resolve", "Don't attempt to print addresses symbolically"),
        ROUTING_INSTANCE,
        Option("source", "Source address", t.address),
        Option("ttl", "Highest number of hops", t.number("ttl", 1, 255)),
        Option("wait", "Seconds to wait for an answer", t.number("seconds", 1, 60)),
    ),
    level=OPERATE,
)

SSH = Word(
    "ssh",
    "Start secure shell on another host",
    run=_ssh,
    arguments=(HOST,),
    options=(Option("source", "Source address", t.address), Option("user", "Login name", t.user_name)),
    level=OPERATE,
)

START = Word(
    "start",
    "Start shell",
    Word(
        "shell",
        "Start a shell",
        run=_shell,
        arguments=(Argument("kind", t.one_of("shell", csh="Shell", sh="Shell"), "Kind of shell"),),
        options=(Option("command", "Shell command to run", t.text, early=True),),
        level=CONFIGURE,
    ),
)

JUNOSCRIPT = Word(
    "junoscript",
    "Start a NETCONF session at this terminal",
    run=_junoscript,
    options=(Option("netconf", "By NETCONF"), Option("need-trailer", "Say where the session ends")),
    hidden=True,
)
