"""`show` of the system: chassis, interfaces, services, logs, the configuration and the session itself."""

from __future__ import annotations

from .. import valuetypes as t
from . import answers
from .arguments import (
    BRIEF,
    DETAIL,
    EXTENSIVE,
    INTERFACE_ARGUMENT,
    INTERFACES_ARGUMENT,
    NO_RESOLVE,
    ROUTING_INSTANCE,
    SLOT,
)
from .committing import SHOW_RESCUE, SHOW_ROLLBACK
from .display import show_difference, show_tree, stage, when
from .words import OPERATE, Argument, Late, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]


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


def _cli(session: Session, given: Given, operations: Operations) -> None:
    names = {0: "none", 1: "read-only", 2: "operator", 3: "super-user"}
    session.out(f"CLI complete-on-space set to {'on' if session.complete_on_space else 'off'}")
    session.out(f"CLI screen-length set to {'the terminal' if session.screen_length < 0 else session.screen_length}")
    session.out(f"CLI screen-width set to {'the terminal' if session.screen_width < 0 else session.screen_width}")
    session.out(f"CLI timestamp {f'set to {session.timestamp}' if session.timestamp else 'disabled'}")
    session.out(f"CLI user {session.user}, class {names[session.level]}")


_CHASSIS = Word(
    "chassis",
    "Show chassis information",
    Word("alarms", "Show chassis alarm status", run=answers.CHASSIS_ALARMS),
    Word("environment", "Show component status and temperature", run=answers.CHASSIS_ENVIRONMENT),
    Word(
        "fpc",
        "Show Flexible PIC Concentrator status",
        Word("pic-status", "Show PIC status", run=answers.CHASSIS_PICS, arguments=(SLOT,)),
        run=answers.CHASSIS_FPC,
        arguments=(SLOT,),
        options=(DETAIL,),
    ),
    Word("hardware", "Show installed hardware components", run=answers.CHASSIS_HARDWARE, options=(DETAIL, EXTENSIVE)),
    Word(
        "routing-engine",
        "Show Routing Engine status",
        run=answers.CHASSIS_ENGINE,
        arguments=(Argument("slot", t.number("slot", 0, 0), "Slot of the routing engine"),),
    ),
    Word("temperature-thresholds", "Show chassis temperature threshold settings", run=answers.CHASSIS_TEMPERATURES),
)

_INTERFACES = Word(
    "interfaces",
    "Show interface information",
    Word(
        "diagnostics",
        "Show interface diagnostics information",
        Word("optics", "Show interface optics diagnostics information", run=answers.OPTICS, arguments=(INTERFACES_ARGUMENT,)),
    ),
    run=answers.INTERFACES,
    arguments=(INTERFACES_ARGUMENT,),
    options=(
        BRIEF,
        Option("descriptions", "Display interface description strings"),
        DETAIL,
        EXTENSIVE,
        Option("media", "Display media information"),
        ROUTING_INSTANCE,
        Option("statistics", "Display statistics"),
        Option("terse", "Display terse output"),
    ),
)

_LLDP = Word(
    "lldp",
    "Show Link Layer Discovery Protocol information",
    Word("local-information", "Show LLDP local information", run=answers.LLDP_LOCAL),
    Word(
        "neighbors",
        "Show LLDP neighbors",
        Word("detail", "Show all that is known of all neighbors", run=answers.LLDP_NEIGHBORS_DETAIL),
        Word(
            "interface", "Show all that is known of a port's neighbor", run=answers.LLDP_NEIGHBOR, arguments=(INTERFACE_ARGUMENT,)
        ),
        run=answers.LLDP_NEIGHBORS,
    ),
    Word(
        "statistics",
        "Show LLDP statistics",
        Word("interface", "Show LLDP statistics of a port", run=answers.LLDP_STATISTICS_OF, arguments=(INTERFACE_ARGUMENT,)),
        run=answers.LLDP_STATISTICS,
    ),
    run=answers.LLDP,
    options=(DETAIL,),
)

_LOG = Word(
    "log",
    "Show contents of log file",
    run=answers.LOG,
    arguments=(
        Argument("filename", t.file_name, "Name of log file", known=lambda session: session.datastore.world.names("/var/log")),
    ),
    level=OPERATE,
)

_SYSTEM = Word(
    "system",
    "Show system information",
    Word("alarms", "Show system alarm status", run=answers.SYSTEM_ALARMS),
    Word(
        "commit",
        "Show commit history",
        Word("revision", "Show the revision of the active configuration", run=answers.SYSTEM_REVISION, options=(DETAIL,)),
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
    Word("storage", "Show local storage data", run=answers.SYSTEM_STORAGE, options=(DETAIL,)),
    Word("uptime", "Show time since system and processes started", run=answers.SYSTEM_UPTIME),
    Word("users", "Show users who are currently logged in", run=answers.SYSTEM_USERS, options=(NO_RESOLVE,)),
)

SHOW_SYSTEM = (
    _CHASSIS,
    Word("cli", "Show command-line interface settings", run=_cli),
    Word("configuration", "Show current configuration", run=_show_configuration, statement="show"),
    Word("host", "Show hostname and address", run=answers.HOST),
    _INTERFACES,
    Word(
        "lacp",
        "Show Link Aggregation Control Protocol information",
        Word(
            "interfaces",
            "Show LACP interface information",
            run=answers.LACP,
            arguments=(Argument("interface-name", INTERFACES_ARGUMENT.type, "Name of the aggregate"),),
            options=(EXTENSIVE,),
        ),
    ),
    _LLDP,
    _LOG,
    Word(
        "ntp",
        "Show Network Time Protocol information",
        Word("associations", "Display status of peers", run=answers.NTP, options=(NO_RESOLVE,)),
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
    _SYSTEM,
    Word("version", "Show software process revision levels", run=answers.VERSION, options=(BRIEF, DETAIL)),
    Late("vmhost", "Show information of the VM host below this router", "vmhost.SHOW"),
)
