"""Operational mode: the words. What they show is in the `show_` files."""

from __future__ import annotations

from .. import valuetypes as t
from ..bridging import domains
from ..devices import device
from ..editors import EXCLUSIVE, PRIVATE, SHARED
from ..replies import ports
from . import answers
from .committing import REQUEST_CONFIGURATION, SHOW_RESCUE, SHOW_ROLLBACK
from .display import show_difference, show_tree, stage, when
from .words import CONFIGURE, OPERATE, VIEW, Argument, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given, Run

    Operations = tuple[Operation, ...]

NETCONF = "/usr/lib/rackless-router/netconf"


def _configure(mode: str) -> Run:
    def run(session: Session, given: Given, operations: Operations) -> None:
        from .configuration import enter

        enter(session, mode)

    return run


def _show_configuration(session: Session, given: Given, operations: Operations) -> None:
    store = session.datastore
    steps = operations[0][0] if operations else ()
    compared = stage(session, "compare")
    if compared is not None:
        show_difference(session, store.committed(int(compared.get("rollback", "1"))), store.active, steps)
        return
    if not steps and store.loaded and all(stage(session, name) is None for name in ("set", "xml", "json")):
        session.out(f"## Last commit: {when(store.loaded)} by {store.loaded_by}")
    show_tree(session, store.active, steps, active=True)


def _quit(session: Session, given: Given, operations: Operations) -> None:
    session.closed = True


def _cli(session: Session, given: Given, operations: Operations) -> None:
    names = {0: "none", 1: "read-only", 2: "operator", 3: "super-user"}
    session.out(f"CLI screen length set to {'the terminal' if session.screen_length < 0 else session.screen_length}")
    session.out(f"CLI screen width set to {'the terminal' if session.screen_width < 0 else session.screen_width}")
    session.out(f"CLI user {session.user}, class {names[session.level]}")


def _screen_length(session: Session, given: Given, operations: Operations) -> None:
    session.screen_length = int(given["lines"])
    session.out(f"Screen length set to {given['lines']}")


def _screen_width(session: Session, given: Given, operations: Operations) -> None:
    session.screen_width = int(given["columns"])
    session.out(f"Screen width set to {given['columns']}")


def _ssh(session: Session, given: Given, operations: Operations) -> None:
    argv = ["ssh"]
    if "source" in given:
        argv += ["-b", given["source"]]
    session.run_program([*argv, "-l", given.get("user", session.user), "--", given["host"]])


def _complete_on_space(session: Session, given: Given, operations: Operations) -> None:
    session.complete_on_space = given["state"] == "on"
    session.out(f"{'Enabling' if session.complete_on_space else 'Disabling'} complete-on-space")


def _timestamp(session: Session, given: Given, operations: Operations) -> None:
    session.timestamp = "" if "disable" in given else given.get("format", "%b %d %T")
    session.out(f"CLI timestamp set to: {session.timestamp}" if session.timestamp else "CLI timestamp disabled")


def _idle_timeout(session: Session, given: Given, operations: Operations) -> None:
    """Sessions of this router never time out; a time is taken and said, as clients expect it."""
    minutes = int(given.get("minutes", "0"))
    session.out(f"Idle timeout set to {minutes} minutes" if minutes else "Idle timeout disabled")


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


def _system(verb: str, question: str, argv: list[str]) -> Word:
    def run(session: Session, given: Given, operations: Operations) -> None:
        if session.channel.tty:
            answer = session.channel.ask(f"{question} [yes,no] (no) ", echo=True)
            if (answer or "").strip().lower() not in ("y", "yes"):
                return
        done = session.datastore.world.run(argv)
        if done.code != 0:
            session.fail(f"error: {done.err.strip() or 'the system refuses'}")
            return
        session.out(f"{verb} requested")

    return Word(verb, question.rstrip(" ?"), run=run, level=CONFIGURE)


def _vtysh(name: str, help_: str, daemon: str, command: str, *, arguments: tuple[Argument, ...] = ()) -> Word:
    """A word that makes FRR's `daemon` run `command`; `{}` in it is the argument, or `*`."""

    def run(session: Session, given: Given, operations: Operations) -> None:
        if daemon not in session.datastore.daemons():
            session.fail(f"error: {daemon} is not running")
            return
        line = command.format(next(iter(given.values()), "*"))
        done = session.datastore.world.run(["vtysh", "-d", daemon, "-c", line])
        if done.code != 0 or done.out.startswith("%"):
            session.fail(f"error: {(done.out or done.err).strip()}")

    return Word(name, help_, run=run, arguments=arguments, level=OPERATE)


def _flush(name: str, help_: str, family: str) -> Word:
    """A word that makes the kernel forget the neighbors of a family."""

    def run(session: Session, given: Given, operations: Operations) -> None:
        done = session.datastore.world.run(["ip", family, "neighbor", "flush", "all"])
        if done.code != 0:
            session.fail(f"error: {done.err.strip()}")

    return Word(name, help_, run=run, level=OPERATE)


def _forget(session: Session, given: Given, operations: Operations) -> None:
    """The bridges forget the stations that they have learned."""
    from ..replies.bridge import forget

    problem = forget(session, given)
    if problem:
        session.fail(f"error: {problem}")


def _monitor(session: Session, given: Given, operations: Operations) -> None:
    """The kernel's counters of an interface, once a second until ^C; once where nobody looks."""
    look = ["ip", "-s", "link", "show", "dev", device(session.datastore.running, given["interface"])]
    session.run_program(["watch", "-n", "1", "-t", *look] if session.channel.tty else look)


def _help(session: Session, given: Given, operations: Operations) -> None:
    """Commands whose words or help hold the text."""
    wanted = given["text"].lower()

    def search(word: Word, path: str) -> None:
        for child in word.children:
            here = f"{path} {child.name}".strip()
            if child.run is not None and (wanted in here or wanted in child.help.lower()):
                session.out(f"{here}\n    {child.help}")
            search(child, here)

    search(ROOT, "")


def _restart(session: Session, given: Given, operations: Operations) -> None:
    if not session.datastore.restart(given["daemon"]):
        session.fail(f"error: {given['daemon']} is not running")
        return
    session.out(f"{given['daemon']} restarted")


def _interface_names(session: Session) -> list[str]:
    return ports.names(session)


INTERFACE = t.pattern("interface-name", r"[A-Za-z0-9][\w./:-]*", "an interface like ge-0/0/0 is needed")
_WILDCARD = t.pattern("interface-name", r"[A-Za-z0-9*?\[][\w./:*?\[\]!-]*", "an interface like ge-0/0/0 or ge-* is needed")
_INTERFACE_ARGUMENT = Argument("interface", _WILDCARD, "Name of interface", known=_interface_names)
_HOST = Argument("host", t.host, "Hostname or IP address of remote host", mandatory=True)

_PEER = Argument("neighbor-address", t.address, "Address of the neighbor")
_SLOT = Argument("fpc-slot", t.number("fpc-slot", 0, 11), "FPC slot number")
_LONG = (Option("brief", "Display brief output"), Option("detail", "Display detailed output"),
         Option("extensive", "Display extensive output"))  # fmt: skip

_DOMAIN = Argument("bridge-domain", t.text, "Name of bridge domain",
                   known=lambda session: sorted(domains(session.datastore.running)))  # fmt: skip
_MAC = t.pattern("mac-address", r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", "a MAC address like 00:00:5e:00:53:01 is needed")

SHOW = Word(
    "show",
    "Show system information",
    Word(
        "arp",
        "Show system Address Resolution Protocol table entries",
        run=answers.ARP,
        options=(
            Option("interface", "Name of interface", INTERFACE),
            Option("no-resolve", "Don't attempt to print addresses symbolically"),
        ),
    ),
    Word(
        "bgp",
        "Show Border Gateway Protocol information",
        Word(
            "neighbor",
            "Show the BGP neighbors",
            run=answers.BGP_NEIGHBOR,
            arguments=(_PEER,),
        ),
        Word("summary", "Show overview of BGP information", run=answers.BGP_SUMMARY),
    ),
    Word(
        "bridge",
        "Show bridging information",
        Word(
            "domain",
            "Show bridge domain information",
            run=answers.BRIDGE_DOMAIN,
            arguments=(_DOMAIN,),
            options=(Option("interface", "Name of interface", INTERFACE),),
        ),
        Word(
            "mac-table",
            "Show the learned MAC addresses",
            run=answers.BRIDGE_MACS,
            arguments=(Argument("address", _MAC, "MAC address"),),
            options=(
                Option("bridge-domain", "Name of bridge domain", _DOMAIN.type),
                Option("interface", "Name of interface", INTERFACE),
                Option("vlan-id", "VLAN of the bridge domain", t.number("vlan-id", 1, 4094)),
            ),
        ),
    ),
    Word(
        "chassis",
        "Show chassis information",
        Word("alarms", "Show chassis alarm status", run=answers.CHASSIS_ALARMS),
        Word("environment", "Show component status and temperature", run=answers.CHASSIS_ENVIRONMENT),
        Word(
            "fpc",
            "Show Flexible PIC Concentrator status",
            Word("pic-status", "Show PIC status", run=answers.CHASSIS_PICS, arguments=(_SLOT,)),
            run=answers.CHASSIS_FPC,
            arguments=(_SLOT,),
            options=(Option("detail", "Display detailed output"),),
        ),
        Word("hardware", "Show installed hardware components", run=answers.CHASSIS_HARDWARE),
        Word("routing-engine", "Show Routing Engine status", run=answers.CHASSIS_ENGINE),
        Word("temperature-thresholds", "Show chassis temperature threshold settings", run=answers.CHASSIS_TEMPERATURES),
    ),
    Word("cli", "Show command-line interface settings", run=_cli),
    Word("configuration", "Show current configuration", run=_show_configuration, statement="show"),
    Word("host", "Show hostname and address", run=answers.HOST),
    Word(
        "interfaces",
        "Show interface information",
        Word(
            "diagnostics",
            "Show interface diagnostics information",
            Word("optics", "Show interface optics diagnostics information", run=answers.OPTICS, arguments=(_INTERFACE_ARGUMENT,)),
        ),
        run=answers.INTERFACES,
        arguments=(_INTERFACE_ARGUMENT,),
        options=(
            Option("brief", "Display brief output"),
            Option("descriptions", "Display interface description strings"),
            Option("detail", "Display detailed output"),
            Option("extensive", "Display extensive output"),
            Option("media", "Display media information"),
            Option("routing-instance", "Name of routing instance", t.text),
            Option("statistics", "Display statistics"),
            Option("terse", "Display terse output"),
        ),
    ),
    Word("ipv6", "Show IPv6 information", Word("neighbors", "Show IPv6 neighbor cache", run=answers.IPV6_NEIGHBORS)),
    Word(
        "isis",
        "Show Intermediate System-to-Intermediate System information",
        Word("adjacency", "Show the IS-IS adjacency database", run=answers.ISIS_ADJACENCY, options=_LONG),
        Word("database", "Show the IS-IS link-state database", run=answers.ISIS_DATABASE),
        Word("interface", "Show IS-IS interface information", run=answers.ISIS_INTERFACE),
    ),
    Word(
        "lldp",
        "Show Link Layer Discovery Protocol information",
        Word("neighbors", "Show LLDP neighbors", run=answers.LLDP_NEIGHBORS),
    ),
    Word(
        "log",
        "Show contents of log file",
        run=answers.LOG,
        arguments=(
            Argument(
                "filename", t.file_name, "Name of log file", known=lambda session: session.datastore.world.names("/var/log")
            ),
        ),
        level=OPERATE,
    ),
    Word(
        "ntp",
        "Show Network Time Protocol information",
        Word(
            "associations",
            "Display status of peers",
            run=answers.NTP,
            options=(Option("no-resolve", "Don't attempt to print addresses symbolically"),),
        ),
    ),
    Word(
        "ospf",
        "Show Open Shortest Path First information",
        Word("database", "Show link-state database", run=answers.OSPF_DATABASE),
        Word("interface", "Show interface information", run=answers.OSPF_INTERFACE),
        Word("neighbor", "Show neighbor status", run=answers.OSPF_NEIGHBOR, options=_LONG),
        Word("overview", "Show OSPF overview", run=answers.OSPF_OVERVIEW),
    ),
    Word(
        "ospf3",
        "Show Open Shortest Path First version 3 information",
        Word("database", "Show link-state database", run=answers.OSPF3_DATABASE),
        Word("interface", "Show interface information", run=answers.OSPF3_INTERFACE),
        Word("neighbor", "Show neighbor status", run=answers.OSPF3_NEIGHBOR),
    ),
    Word(
        "route",
        "Show routing table information",
        Word(
            "instance",
            "Show routing instance information",
            run=answers.ROUTE_INSTANCE,
            arguments=(Argument("instance", t.text, "Name of routing instance"),),
            options=_LONG,
        ),
        Word("summary", "Show summary statistics", run=answers.ROUTE_SUMMARY),
        run=answers.ROUTE,
        arguments=(Argument("destination", t.Type("destination", t.address_or_prefix), "IP address or prefix"),),
        options=(
            Option(
                "protocol",
                "Name of the protocol",
                t.one_of(
                    "protocol",
                    bgp="BGP",
                    direct="Directly connected",
                    isis="IS-IS",
                    local="Local addresses",
                    ospf="OSPF",
                    ospf3="OSPF version 3",
                    static="Static",
                ),
            ),
            Option("active-path", "Show active paths"),
            Option("exact", "Show the exact prefix only"),
            Option("table", "Name of routing table", t.text),
            Option("terse", "Display terse output"),
            *_LONG,
        ),
    ),
    Word(
        "services",
        "Show services information",
        Word(
            "rpm",
            "Show real-time performance monitoring",
            Word("probe-results", "Show the results of probes", run=answers.PROBE_RESULTS),
        ),
    ),
    Word(
        "snmp",
        "Show Simple Network Management Protocol information",
        Word("statistics", "Show SNMP agent statistics", run=answers.SNMP),
        run=answers.SNMP,
    ),
    Word(
        "system",
        "Show system information",
        Word("alarms", "Show system alarm status", run=answers.SYSTEM_ALARMS),
        Word(
            "commit",
            "Show commit history",
            Word(
                "revision",
                "Show the revision of the active configuration",
                run=answers.SYSTEM_REVISION,
                options=(Option("detail", "Display detailed output"),),
            ),
            run=answers.SYSTEM_COMMIT,
        ),
        Word("information", "Show general system information", run=answers.SYSTEM_INFORMATION),
        Word("memory", "Show system memory usage", run=answers.SYSTEM_MEMORY),
        Word(
            "processes",
            "Show the router's own daemons",
            run=answers.SYSTEM_PROCESSES,
            options=(Option("extensive", "Show all processes of the system"),),
        ),
        SHOW_RESCUE,
        SHOW_ROLLBACK,
        Word("storage", "Show local storage data", run=answers.SYSTEM_STORAGE),
        Word("uptime", "Show time since system and processes started", run=answers.SYSTEM_UPTIME),
        Word("users", "Show users who are currently logged in", run=answers.SYSTEM_USERS),
    ),
    Word("version", "Show software process revision levels", run=answers.VERSION),
)


def _file(name: str, help_: str) -> Argument:
    return Argument(name, t.file_name, help_, mandatory=True)


_TWO_FILES = (_file("source", "Source of the file"), _file("destination", "Destination of the file"))

ROOT = Word(
    "",
    "Operational mode",
    Word(
        "clear",
        "Clear information in the system",
        _flush("arp", "Clear address resolution information", "-4"),
        Word(
            "bgp",
            "Clear Border Gateway Protocol information",
            _vtysh("neighbor", "Clear BGP sessions", "bgpd", "clear bgp {}", arguments=(_PEER,)),
        ),
        Word(
            "bridge",
            "Clear bridging information",
            Word(
                "mac-table",
                "Clear the learned MAC addresses",
                run=_forget,
                options=(
                    Option("bridge-domain", "Name of bridge domain", _DOMAIN.type),
                    Option("interface", "Name of interface", INTERFACE),
                ),
                level=OPERATE,
            ),
        ),
        Word("ipv6", "Clear IPv6 information", _flush("neighbors", "Clear IPv6 neighbor cache", "-6")),
        Word(
            "isis",
            "Clear IS-IS information",
            _vtysh("adjacency", "Clear IS-IS adjacencies", "isisd", "clear isis neighbor"),
        ),
        Word(
            "ospf",
            "Clear Open Shortest Path First information",
            _vtysh("neighbor", "Clear OSPF neighbors", "ospfd", "clear ip ospf neighbor"),
        ),
        Word(
            "ospf3",
            "Clear Open Shortest Path First version 3 information",
            _vtysh("neighbor", "Clear OSPF3 neighbors", "ospf6d", "clear ipv6 ospf6 interface"),
        ),
    ),
    Word(
        "configure",
        "Manipulate software configuration information",
        Word(EXCLUSIVE, "Obtain exclusive lock (other users cannot make changes)", run=_configure(EXCLUSIVE), level=CONFIGURE),
        Word(
            PRIVATE,
            "Work in private database (other users do not view or modify changes)",
            run=_configure(PRIVATE),
            level=CONFIGURE,
        ),
        run=_configure(SHARED),
        level=CONFIGURE,
    ),
    Word("exit", "Exit the management session", run=_quit),
    Word(
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
            Word("md5", "Calculate MD5 checksum", run=answers.FILE_MD5, arguments=(_file("path", "Path of the file"),)),
            Word("sha-256", "Calculate SHA256 checksum", run=answers.FILE_SHA256, arguments=(_file("path", "Path of the file"),)),
            Word("sha1", "Calculate SHA1 checksum", run=answers.FILE_SHA1, arguments=(_file("path", "Path of the file"),)),
        ),
        Word("copy", "Copy files", run=answers.FILE_COPY, arguments=_TWO_FILES, level=OPERATE),
        Word("delete", "Delete files", run=answers.FILE_DELETE, arguments=(_file("path", "Path of the file"),), level=OPERATE),
        Word(
            "list",
            "List file information",
            run=answers.FILE_LIST,
            arguments=(Argument("path", t.file_name, "Path of a file or folder"),),
            options=(Option("detail", "Display detailed output"),),
        ),
        Word("rename", "Rename files", run=answers.FILE_RENAME, arguments=_TWO_FILES, level=OPERATE),
        Word("show", "Show file contents", run=answers.FILE_SHOW, arguments=(_file("filename", "Name of the file"),)),
    ),
    Word(
        "help",
        "Provide help information",
        Word(
            "apropos",
            "Find commands by a word",
            run=_help,
            arguments=(Argument("text", t.text, "Text to look for", mandatory=True),),
        ),
    ),
    Word(
        "monitor",
        "Show real-time debugging information",
        Word(
            "interface",
            "Show interface traffic",
            run=_monitor,
            arguments=(Argument("interface", INTERFACE, "Name of interface", known=_interface_names, mandatory=True),),
        ),
    ),
    Word(
        "ping",
        "Ping remote target",
        run=answers.PING,
        arguments=(_HOST,),
        options=(
            Option("count", "Number of ping requests to send", t.number("count", 1, 2000000000)),
            Option("do-not-fragment", "Don't fragment echo request packets"),
            Option("inet", "Force ping to IPv4 destination", early=True),
            Option("inet6", "Force ping to IPv6 destination", early=True),
            Option("interface", "Source interface", INTERFACE),
            Option("interval", "Delay between ping requests (seconds)", t.number("seconds", 1, 3600)),
            Option("rapid", "Send requests rapidly (default count of 5)"),
            Option("size", "Size of request packets (bytes of payload)", t.number("size", 0, 65468)),
            Option("source", "Source address of echo request", t.address),
            Option("ttl", "IP time-to-live value", t.number("ttl", 1, 255)),
            Option("wait", "Delay after sending last packet (seconds)", t.number("seconds", 1, 3600)),
        ),
        level=OPERATE,
    ),
    Word(
        "junoscript",
        "Start a NETCONF session at this terminal",
        run=_junoscript,
        options=(Option("netconf", "By NETCONF"), Option("need-trailer", "Say where the session ends")),
        level=VIEW,
        hidden=True,
    ),
    Word("quit", "Exit the management session", run=_quit),
    Word(
        "request",
        "Make system-level requests",
        Word(
            "system",
            "Perform system-level operations",
            REQUEST_CONFIGURATION,
            _system("halt", "Halt the system ?", ["/bin/busybox", "halt"]),
            _system("power-off", "Power Off the system ?", ["/bin/busybox", "poweroff"]),
            _system("reboot", "Reboot the system ?", ["/bin/busybox", "reboot"]),
        ),
        level=CONFIGURE,
    ),
    Word(
        "restart",
        "Restart software process",
        run=_restart,
        arguments=(
            Argument(
                "daemon",
                t.pattern("process", r"[a-z0-9]+", "the name of a daemon is needed"),
                "Name of the process",
                mandatory=True,
                known=lambda session: session.datastore.daemons(),
            ),
        ),
        level=CONFIGURE,
    ),
    Word(
        "set",
        "Set CLI properties",
        Word(
            "cli",
            "Set CLI properties",
            Word(
                "complete-on-space",
                "Set whether typing space completes current word",
                run=_complete_on_space,
                arguments=(
                    Argument("state", t.one_of("state", on="Enable", off="Disable"), "Whether Space completes", mandatory=True),
                ),
            ),
            Word(
                "idle-timeout",
                "Set maximum idle time before login session ends",
                run=_idle_timeout,
                arguments=(Argument("minutes", t.number("minutes", 0, 100000), "Minutes; 0 is never"),),
            ),
            Word(
                "screen-length",
                "Set number of lines on screen",
                run=_screen_length,
                arguments=(Argument("lines", t.number("lines", 0, 10000), "Number of lines; 0 never pages", mandatory=True),),
            ),
            Word(
                "screen-width",
                "Set number of characters on a line",
                run=_screen_width,
                arguments=(Argument("columns", t.number("columns", 0, 1024), "Number of columns", mandatory=True),),
            ),
            Word(
                "timestamp",
                "Timestamp CLI output",
                run=_timestamp,
                options=(Option("disable", "Disable timestamp"), Option("format", "Format of the time (strftime)", t.text)),
            ),
        ),
    ),
    SHOW,
    Word(
        "ssh",
        "Start secure shell on another host",
        run=_ssh,
        arguments=(_HOST,),
        options=(Option("source", "Source address", t.address), Option("user", "Login name", t.user_name)),
        level=OPERATE,
    ),
    Word(
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
    ),
    Word(
        "traceroute",
        "Trace route to remote host",
        run=answers.TRACEROUTE,
        arguments=(_HOST,),
        options=(
            Option("source", "Source address", t.address),
            Option("ttl", "Highest number of hops", t.number("ttl", 1, 255)),
            Option("wait", "Seconds to wait for an answer", t.number("seconds", 1, 60)),
        ),
        level=OPERATE,
    ),
)
