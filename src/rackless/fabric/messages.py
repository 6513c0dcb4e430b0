"""An alarm in the forms in which others take it: JSON, a mail, a line of syslog. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

from rackless.model.fabric import Alarm, Severity

SYSLOG: Mapping[Severity, int] = {Severity.CRITICAL: 2, Severity.MAJOR: 3, Severity.MINOR: 4, Severity.WARNING: 5}
"""RFC 5674's mapping of X.733's severities is to 1 to 4, with `alert` for critical; `alert` wakes people up at many places, so
ours begin one lower."""
CLEARED = 6
ENTERPRISE = "rackless@32473"
"""Of the structured data: 32473 is the number for examples and documentation (RFC 5612); we have none of our own."""


def state(alarm: Alarm) -> str:
    return "cleared" if alarm.cleared_at is not None else alarm.severity.value


def sentence(alarm: Alarm) -> str:
    return f"{state(alarm)}: {alarm.key}: {alarm.cause}" + (f" {alarm.hint}" if alarm.cleared_at is None else "")


def as_json(alarm: Alarm, fabric: str) -> dict[str, Any]:
    """For a webhook."""
    return {
        "fabric": fabric,
        "alarm": alarm.key,
        "name": alarm.name,
        "state": "cleared" if alarm.cleared_at is not None else "raised",
        "severity": alarm.severity.value,
        "since": alarm.since,
        "cleared_at": alarm.cleared_at,
        "node": alarm.node,
        "subject": alarm.subject,
        "cause": alarm.cause,
        "hint": alarm.hint,
    }


def as_mail(alarm: Alarm, fabric: str, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Raises ValueError: an address is none."""
    message = EmailMessage()
    message["From"] = Address(addr_spec=sender)
    message["To"] = [Address(addr_spec=each) for each in to]
    message["Subject"] = f"[{fabric}] {state(alarm)}: {alarm.key}"
    message["Date"] = datetime.fromtimestamp(alarm.cleared_at or alarm.since, UTC)
    message["Message-ID"] = make_msgid(domain="rackless.invalid")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers
    since = datetime.fromtimestamp(alarm.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [alarm.cause, "", f"Since: {since}", f"Severity: {alarm.severity.value}"]
    if alarm.cleared_at is None:
        lines += ["", f"What to do: {alarm.hint}"]
    else:
        lines.append(f"Cleared: {datetime.fromtimestamp(alarm.cleared_at, UTC).strftime('%Y-%m-%d %H:%M:%S UTC')}")
    message.set_content("\n".join(lines) + "\n")
    return message


def as_syslog(alarm: Alarm, fabric: str, host: str, facility: int) -> bytes:
    """One message of RFC 5424."""
    level = CLEARED if alarm.cleared_at is not None else SYSLOG[alarm.severity]
    when = datetime.fromtimestamp(alarm.cleared_at or alarm.since, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {
        "fabric": fabric,
        "alarm": alarm.key,
        "state": "cleared" if alarm.cleared_at is not None else "raised",
        "severity": alarm.severity.value,
        "node": alarm.node,
        "hint": alarm.hint,
    }
    data = " ".join([ENTERPRISE, *(f'{name}="{_escaped(value)}"' for name, value in fields.items() if value)])
    name = "".join(letter for letter in alarm.name if 33 <= ord(letter) <= 126)[:32] or "-"
    own = "".join(letter for letter in host if 33 <= ord(letter) <= 126)[:255] or "-"
    return f"<{facility * 8 + level}>1 {when} {own} rackless - {name} [{data}] \ufeff{sentence(alarm)}".encode()


def _escaped(value: str) -> str:
    """As PARAM-VALUE demands (RFC 5424, 6.3.3)."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
