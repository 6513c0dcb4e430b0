"""Alarms are told in order and until taken: a receiver that is away for less than an hour misses none."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable

import httpx

from rackless.fabric import messages
from rackless.fabric.receivers import Email, Receivers, Syslog, password
from rackless.model.errors import ProviderError, RacklessError
from rackless.model.fabric import Alarm

log = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds for one receiver to take one alarm."""
PAUSE, LONGEST = 1.0, 60.0
"""Seconds until the next try, twice as long each time."""
OLD = 3600.0
"""Seconds after which an alarm is not told any more."""
MOST = 1000
"""Alarms that wait for one receiver at most; then the oldest is dropped."""

Send = Callable[[Alarm], Awaitable[None]]


class Sending:
    """`fabric`: the name that receivers are told. Use `tell`, with `keep` as a task."""

    def __init__(self, receivers: Receivers, fabric: str = "") -> None:
        self._receivers, self._fabric = receivers, fabric or socket.gethostname()
        self._ways: dict[str, Send] = {}
        if receivers.webhook:
            self._ways["webhook"] = self._webhook
        if receivers.email is not None:
            self._ways["email"] = self._email
        if receivers.syslog is not None:
            self._ways["syslog"] = self._syslog
        if receivers.snmp is not None:
            self._ways["snmp"] = self._snmp
        self._waiting: dict[str, deque[tuple[float, Alarm]]] = {way: deque(maxlen=MOST) for way in self._ways}
        self._more = {way: asyncio.Event() for way in self._ways}

    async def tell(self, alarm: Alarm) -> None:
        """Returns at once."""
        for way, waiting in self._waiting.items():
            waiting.append((time.monotonic(), alarm))
            self._more[way].set()

    async def keep(self) -> None:
        """Send until cancelled; each receiver by itself, so that none waits for another."""
        async with asyncio.TaskGroup() as tasks:
            for way in self._ways:
                tasks.create_task(self._one(way))
            await asyncio.Event().wait()  # also when there is nobody to tell: what is kept does not end

    async def _one(self, way: str) -> None:
        waiting, pause = self._waiting[way], PAUSE
        while True:
            if not waiting:
                self._more[way].clear()
                await self._more[way].wait()
            told, alarm = waiting[0]
            try:
                async with asyncio.timeout(DEADLINE):
                    await self._ways[way](alarm)
            except (RacklessError, OSError, httpx.HTTPError, ValueError, TimeoutError) as error:
                if time.monotonic() - told < OLD:
                    log.warning("alarm %s by %s: %s; tried again in %g s", alarm.key, way, error or "no answer in time", pause)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST)
                    continue
                log.warning("alarm %s by %s was never taken: %s", alarm.key, way, error)
            pause = PAUSE
            if waiting and waiting[0] == (told, alarm):
                waiting.popleft()

    # ---- the ways

    async def _webhook(self, alarm: Alarm) -> None:
        async with httpx.AsyncClient(timeout=DEADLINE) as client:
            answer = await client.post(self._receivers.webhook, json=messages.as_json(alarm, self._fabric))
            answer.raise_for_status()

    async def _email(self, alarm: Alarm) -> None:
        assert self._receivers.email is not None
        await asyncio.to_thread(_mail, self._receivers.email, alarm, self._fabric)

    async def _syslog(self, alarm: Alarm) -> None:
        wanted = self._receivers.syslog
        assert wanted is not None
        await _log(wanted, messages.as_syslog(alarm, self._fabric, socket.gethostname(), wanted.facility))

    async def _snmp(self, alarm: Alarm) -> None:
        from rackless.fabric import traps  # pysnmp takes half a second to import

        assert self._receivers.snmp is not None
        await traps.send(self._receivers.snmp, alarm)


def _mail(wanted: Email, alarm: Alarm, fabric: str) -> None:
    message = messages.as_mail(alarm, fabric, wanted.sender, wanted.to)
    trust = ssl.create_default_context()
    try:
        client: smtplib.SMTP = (
            smtplib.SMTP_SSL(wanted.server, wanted.port, timeout=DEADLINE, context=trust)
            if wanted.tls == "tls"
            else smtplib.SMTP(wanted.server, wanted.port, timeout=DEADLINE)
        )
        with client:
            if wanted.tls == "starttls":
                client.starttls(context=trust)
            if wanted.user:
                client.login(wanted.user, password(wanted.password_file))
            client.send_message(message)
    except smtplib.SMTPException as error:
        raise ProviderError(f"The mail server {wanted.server} did not take it: {error}.") from error


async def _log(wanted: Syslog, line: bytes) -> None:
    if wanted.protocol == "udp":
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(wanted.server, wanted.port)
        )
        transport.sendto(line)
        transport.close()
        return
    trust = ssl.create_default_context() if wanted.protocol == "tls" else None
    _, writer = await asyncio.open_connection(wanted.server, wanted.port, ssl=trust)
    try:
        writer.write(str(len(line)).encode() + b" " + line)  # RFC 6587, 3.4.1
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()
