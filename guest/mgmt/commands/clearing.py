"""`clear`: neighbors, sessions and counters begin anew."""

from __future__ import annotations

from .. import valuetypes as t
from ..devices import instances, vrf_name
from . import answers
from .arguments import DOMAIN_OPTION, INSTANCE, INTERFACE_OPTION, INTERFACES_ARGUMENT, PEER
from .words import CONFIGURE, OPERATE, Argument, Late, Option, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session
    from ..statements import Operation
    from .words import Given

    Operations = tuple[Operation, ...]


def _vtysh(name: str, help_: str, daemon: str, command: str, *, arguments: tuple[Argument, ...] = (),
           options: tuple[Option, ...] = ()) -> Word:  # fmt: skip
    """A word that makes FRR's `daemon` run `command`; `{peer}` in it is the argument, or `*`, `{vrf}` the instance's name with
    what FRR wants before it, and a space behind."""

    def run(session: Session, given: Given, operations: Operations) -> None:
        instance = given.get("instance", "master")
        if instance != "master" and instance not in instances(session.datastore.running):
            session.fail(f"error: instance {instance} not found")
            return
        if daemon not in session.datastore.daemons():
            session.fail(f"error: {daemon} is not running")
            return
        vrf = "" if instance == "master" else f"vrf {vrf_name(instance)} "
        line = command.format(peer=given.get("neighbor-address", "*"), vrf=vrf)
        if "soft" in given or "soft-inbound" in given:
            line += " soft in" if "soft-inbound" in given else " soft"
        done = session.datastore.world.run(["vtysh", "-d", daemon, "-c", line])
        if done.code != 0 or done.out.startswith("%"):
            session.fail(f"error: {(done.out or done.err).strip()}")

    return Word(name, help_, run=run, arguments=arguments, options=options, level=OPERATE)


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


def _log(session: Session, given: Given, operations: Operations) -> None:
    """A log file becomes empty; whoever writes to it goes on."""
    world, name = session.datastore.world, given["filename"]
    if "/" in name or name.startswith(".") or name not in world.names("/var/log"):
        session.fail(f"error: could not resolve file: /var/log/{name}")
        return
    try:
        with open(world.path(f"/var/log/{name}"), "r+b") as file:
            file.truncate(0)
    except OSError as error:
        session.fail(f"error: /var/log/{name}: {error.strerror}")


CLEAR = Word(
    "clear",
    "Clear information in the system",
    _flush("arp", "Clear address resolution information", "-4"),
    Word(
        "bgp",
        "Clear Border Gateway Protocol information",
        _vtysh(
            "neighbor",
            "Clear BGP sessions",
            "bgpd",
            "clear bgp {vrf}{peer}",
            arguments=(PEER,),
            options=(
                INSTANCE,
                Option("soft", "Send routes again, and ask for the neighbor's; the session stays"),
                Option("soft-inbound", "Ask for the neighbor's routes; the session stays"),
            ),
        ),
    ),
    Word(
        "bridge",
        "Clear bridging information",
        Word(
            "mac-table",
            "Clear the learned MAC addresses",
            run=_forget,
            options=(DOMAIN_OPTION, INTERFACE_OPTION),
            level=OPERATE,
        ),
    ),
    Word(
        "firewall",
        "Clear firewall counters",
        Word("all", "Clear the counters of all filters", run=answers.CLEAR_FIREWALL_ALL, level=OPERATE),
        Word(
            "filter",
            "Clear the counters of a filter",
            run=answers.CLEAR_FIREWALL,
            arguments=(Argument("filtername", t.text, "Name of the filter", mandatory=True),),
            options=(Option("counter", "Name of the counter", t.text),),
            level=OPERATE,
        ),
        level=OPERATE,
    ),
    Word(
        "interfaces",
        "Clear interface information",
        Word(
            "statistics",
            "Set interface statistics to zero",
            run=answers.CLEAR_STATISTICS,
            arguments=(INTERFACES_ARGUMENT,),
            level=OPERATE,
        ),
    ),
    Word("ipv6", "Clear IPv6 information", _flush("neighbors", "Clear IPv6 neighbor cache", "-6")),
    Word(
        "isis",
        "Clear IS-IS information",
        _vtysh("adjacency", "Clear IS-IS adjacencies", "isisd", "clear isis {vrf}neighbor", options=(INSTANCE,)),
    ),
    Word(
        "log",
        "Clear contents of log file",
        run=_log,
        arguments=(
            Argument(
                "filename",
                t.file_name,
                "Name of log file",
                mandatory=True,
                known=lambda session: session.datastore.world.names("/var/log"),
            ),
        ),
        level=CONFIGURE,
    ),
    Word(
        "ospf",
        "Clear Open Shortest Path First information",
        _vtysh("neighbor", "Clear OSPF neighbors", "ospfd", "clear ip ospf {vrf}interface", options=(INSTANCE,)),
    ),
    Word(
        "ospf3",
        "Clear Open Shortest Path First version 3 information",
        _vtysh("neighbor", "Clear OSPF3 neighbors", "ospf6d", "clear ipv6 ospf6 {vrf}interface", options=(INSTANCE,)),
    ),
    Late("vmhost", "Clear what was requested of the VM host", "vmhost.CLEAR", level=CONFIGURE),
)
