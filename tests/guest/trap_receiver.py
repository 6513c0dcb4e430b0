"""Receives SNMP v1 and v2c notifications and prints each as a line of JSON. Run as a program, with the UDP ports to listen at."""

from __future__ import annotations

import json
import selectors
import socket
import sys
from typing import Any

from pyasn1.codec.ber import decoder
from pysnmp.proto import api

GENERIC = "1.3.6.1.6.3.1.1.5."


def told(data: bytes) -> dict[str, Any]:
    """Of SNMPv1, the generic trap is told by the name that RFC 3584 gives it in SNMPv2."""
    version = int(api.decodeMessageVersion(data))
    protocol: Any = api.PROTOCOL_MODULES[version]
    message, _ = decoder.decode(data, asn1Spec=protocol.Message())
    pdu = protocol.apiMessage.get_pdu(message)
    found = {"version": version + 1, "community": str(protocol.apiMessage.get_community(message))}
    if version == 0:
        trap = protocol.apiTrapPDU
        found["trap"] = f"{GENERIC}{int(trap.get_generic_trap(pdu)) + 1}"
        found["enterprise"] = str(trap.get_enterprise(pdu))
        binds = trap.get_varbinds(pdu)
    else:
        binds = protocol.apiPDU.get_varbinds(pdu)
    found["values"] = {str(name): value.prettyPrint() for name, value in binds}
    found.setdefault("trap", found["values"].get("1.3.6.1.6.3.1.1.4.1.0"))
    return found


def main() -> None:
    ready = selectors.DefaultSelector()
    for port in map(int, sys.argv[1:]):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind(("127.0.0.1", port))
        ready.register(end, selectors.EVENT_READ, port)
    print(json.dumps("listening"), flush=True)
    while True:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            print(json.dumps({"port": key.data, **told(key.fileobj.recv(65536))}), flush=True)


if __name__ == "__main__":
    main()
