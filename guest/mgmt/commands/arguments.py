"""Arguments and options that many operational commands take."""

from __future__ import annotations

from .. import valuetypes as t
from ..bridging import domains
from ..devices import instances
from .words import Argument, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..session import Session


def interface_names(session: Session) -> list[str]:
    from ..replies import ports

    return ports.names(session)


def _instances(session: Session) -> list[str]:
    return ["master", *instances(session.datastore.running)]


INTERFACE = t.pattern("interface-name", r"[A-Za-z0-9][\w./:-]*", "an interface like ge-0/0/0 is needed")
WILDCARD = t.pattern("interface-name", r"[A-Za-z0-9*?\[][\w./:*?\[\]!-]*", "an interface like ge-0/0/0 or ge-* is needed")
INTERFACES_ARGUMENT = Argument("interface", WILDCARD, "Name of interface", known=interface_names)
INTERFACE_ARGUMENT = Argument("interface", INTERFACE, "Name of interface", known=interface_names)
ONE_INTERFACE = Argument("interface", INTERFACE, "Name of interface", known=interface_names, mandatory=True)
INTERFACE_OPTION = Option("interface", "Name of interface", INTERFACE)
HOST = Argument("host", t.host, "Hostname or IP address of remote host", mandatory=True)
PEER = Argument("neighbor-address", t.address, "Address of the neighbor")
ONE_PEER = Argument("neighbor-address", t.address, "Address of the neighbor", mandatory=True)
SLOT = Argument("fpc-slot", t.number("fpc-slot", 0, 11), "FPC slot number")
INSTANCE = Option("instance", "Name of routing instance", t.text)
INSTANCE_ARGUMENT = Argument("instance", t.text, "Name of routing instance", known=_instances)
ROUTING_INSTANCE = Option("routing-instance", "Name of routing instance", t.text)
NO_RESOLVE = Option("no-resolve", "Don't attempt to print addresses symbolically")
BRIEF = Option("brief", "Display brief output")
DETAIL = Option("detail", "Display detailed output")
EXTENSIVE = Option("extensive", "Display extensive output")
LONG = (BRIEF, DETAIL, EXTENSIVE)


DOMAIN = Argument(
    "bridge-domain", t.text, "Name of bridge domain", known=lambda session: sorted(domains(session.datastore.running))
)
DOMAIN_OPTION = Option("bridge-domain", "Name of bridge domain", DOMAIN.type)
MAC = t.pattern("mac-address", r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", "a MAC address like 00:00:5e:00:53:01 is needed")


def file(name: str, help_: str) -> Argument:
    return Argument(name, t.file_name, help_, mandatory=True)
