"""Alarms as SNMP notifications: alarmActiveState and alarmClearState of ALARM-MIB (RFC 3877), so that a manager needs no MIB of
ours. Beside autoload/walking.py, which asks, the only file that imports pysnmp."""

from __future__ import annotations

from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC192_SHA256,
    USM_PRIV_CFB128_AES,
    CommunityData,
    ContextData,
    NotificationType,
    ObjectIdentity,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    send_notification,
)
from pysnmp.proto.rfc1902 import ObjectIdentifier, OctetString

from rackless.fabric import messages
from rackless.fabric.receivers import Trap, password
from rackless.model.errors import ProviderError
from rackless.model.fabric import Alarm, Severity

ALARM = (1, 3, 6, 1, 2, 1, 118)
ACTIVE, CLEAR = (*ALARM, 0, 2), (*ALARM, 0, 3)
_TABLE = (*ALARM, 1, 2, 2, 1)
RESOURCE, DESCRIPTION, MODEL = (*_TABLE, 10), (*_TABLE, 11), (*_TABLE, 13)
_MODELS = (*ALARM, 1, 1, 3, 1, 3)
"""alarmModelNotificationId: what alarmActiveModelPointer points at, its instance ending in the model's state."""
STATES = {Severity.WARNING: 3, Severity.MINOR: 4, Severity.MAJOR: 5, Severity.CRITICAL: 6}
"""alarmModelState: 1 is clear, the worse the higher (RFC 3877, 3.3; figures as RFC 3877's ITU mapping has them)."""


async def send(trap: Trap, alarm: Alarm) -> None:
    """A trap has no answer: that it was sent says nothing of whether it came.

    Raises:
        ProviderError: it could not be sent.
    """
    engine = SnmpEngine(OctetString(hexValue=trap.engine)) if trap.engine else SnmpEngine()
    try:
        target = await UdpTransportTarget.create((trap.server, trap.port))
        made = NotificationType(ObjectIdentity(ACTIVE if alarm.cleared_at is None else CLEAR))
        wrong, _, _, _ = await send_notification(
            engine, _who(trap), target, ContextData(), "trap", made.add_varbinds(*_values(alarm))
        )
    except (PySnmpError, OSError) as error:
        raise ProviderError(f"The trap to {trap.server} could not be sent: {error}.") from error
    finally:
        engine.close_dispatcher()
    if wrong:
        raise ProviderError(f"The trap to {trap.server} could not be sent: {wrong}.")


def _who(trap: Trap) -> Any:
    if not trap.user:
        return CommunityData(trap.community or "public", mpModel=1)  # noqa: S508 - what the operator chose
    return UsmUserData(
        trap.user,
        authKey=password(trap.authentication_file) or None,
        privKey=password(trap.privacy_file) or None,
        authProtocol=USM_AUTH_HMAC192_SHA256 if trap.authentication_file else None,
        privProtocol=USM_PRIV_CFB128_AES if trap.privacy_file else None,
    )


def _values(alarm: Alarm) -> list[tuple[str, Any]]:
    state = 1 if alarm.cleared_at is not None else STATES[alarm.severity]
    # Instances: list name "" (the default one), time and index of the alarm are not kept here, so the key is all there is.
    return [
        (_dotted((*MODEL, 0)), ObjectIdentifier((*_MODELS, 0, 1, state))),
        (_dotted((*RESOURCE, 0)), ObjectIdentifier((0, 0))),
        (_dotted((*DESCRIPTION, 0)), OctetString(messages.sentence(alarm).encode())),
    ]


def _dotted(oid: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in oid)
