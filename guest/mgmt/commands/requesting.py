"""`request` and `restart`."""

from __future__ import annotations

from .. import valuetypes as t
from .committing import REQUEST_CONFIGURATION
from .words import CONFIGURE, Argument, Late, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]


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


SERVICES = {
    "routing": ("zebra", "mgmtd", "staticd", "bgpd", "ospfd", "ospf6d", "isisd", "bfdd"),
    "snmp": ("snmpd",),
    "lldpd-service": ("lldpd",),
    "ntpd-service": ("chronyd",),
    "interface-control": ("udhcpc",),
}
"""The dialect's names of processes, and the daemons that do their work here."""


def _restart(session: Session, given: Given, operations: Operations) -> None:
    name = given["daemon"]
    there = [one for one in SERVICES.get(name, (name,)) if one in session.datastore.daemons()]
    if not there:
        session.fail(f"error: {name} is not running")
        return
    for one in there:
        session.datastore.restart(one)
    session.out(f"{name} restarted")


REQUEST = Word(
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
    Late("vmhost", "Make requests of the VM host below this router", "vmhost.REQUESTS", level=CONFIGURE),
    level=CONFIGURE,
)

RESTART = Word(
    "restart",
    "Restart software process",
    run=_restart,
    arguments=(
        Argument(
            "daemon",
            t.pattern("process", r"[a-z0-9-]+", "the name of a daemon is needed"),
            "Name of the process",
            mandatory=True,
            known=lambda session: sorted({*session.datastore.daemons(), *SERVICES}),
        ),
    ),
    options=(
        Option("gracefully", "Gracefully restart the process"),
        Option("immediately", "Immediately restart (SIGKILL) the process"),
        Option("soft", "Soft reset (SIGHUP) the process"),
    ),
    level=CONFIGURE,
)
