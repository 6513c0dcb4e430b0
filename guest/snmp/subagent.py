"""The router's tables as a sub-agent of snmpd, over the AgentX protocol (RFC 2741) on a unix socket.

It runs from the start in a fork of the agent (system.keeper) and sleeps until snmpd makes the socket; so it costs no start of a
Python, and the tables are only loaded when somebody is there to ask for them.
"""

from __future__ import annotations

import os
import socket
import time

from snmp.arrival import Arrival

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SOCKET = "/run/agentx.sock"
SILENT = "/etc/snmp/no-traps"
"""Interfaces that nobody is told of, by the configuration (mgmt.render.snmp)."""
BACKOFF = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts at a socket that is there and refuses: snmpd binds it before it listens. Then an arrival counts."""
LOOK = 30.0
"""Seconds after which a socket that refused is tried again even if nothing arrived."""


def attempt(path: str) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        line.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    except OSError:
        line.close()
        raise
    return line


def connect(path: str, arrival: Arrival) -> socket.socket:
    """Wait, for ever, until snmpd takes the connection."""
    while True:
        for pause in BACKOFF:
            line = attempt(path)
            if line is not None:
                return line
            if not os.path.exists(path):
                break
            time.sleep(pause)
        arrival.wait(LOOK if os.path.exists(path) else None)


def main() -> None:
    """The router's: with its paths and its log."""
    from system import links

    run(SOCKET, "/run/chassisd.json", links.say, SILENT)


def run(path: str, chassis: str, say: Callable[[str], None], silent: str = "") -> None:
    """Serve for ever at snmpd's socket `path`.

    `chassis`: chassisd's file; `say`: takes a line for the log; `silent`: as Facts has it.
    """
    arrival = Arrival(os.path.dirname(path))
    line = connect(path, arrival)

    from snmp.facts import Facts
    from snmp.lookup import Lookup
    from snmp.session import Lost, Session
    from snmp.tables import COLUMNS, TABLES
    from snmp.traps import LinkWatch

    facts = Facts(chassis, silent=silent)
    lookup, watch = Lookup(TABLES, COLUMNS, facts), LinkWatch(facts)
    while True:
        session = Session(line, lookup, say, watch)
        try:
            session.open()
            session.serve()
        except (Lost, OSError) as error:
            say(f"snmp: connection to snmpd ended: {error}")
        finally:
            session.close()
            line.close()
        # A master that hangs up on each connection must not be asked without a pause.
        time.sleep(BACKOFF[-1] if time.monotonic() - session.began < BACKOFF[-1] else 0)
        line = connect(path, arrival)
