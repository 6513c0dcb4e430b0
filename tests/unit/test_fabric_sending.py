"""Alarms as their receivers get them: small real receivers in this process, by HTTP, SMTP, syslog (UDP, TCP) and SNMP (2c, 3)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rackless.fabric import messages
from rackless.fabric.receivers import Email, Receivers, Syslog, Trap, read
from rackless.fabric.sending import Sending
from rackless.model.errors import InputError
from rackless.model.fabric import Alarm, Severity

ALARM = Alarm(
    name="disk-full",
    severity=Severity.MINOR,
    since=1_790_000_000.25,
    cause='/var on n1 is 81 % full: "a] b\\".',
    hint="Enlarge it.",
    node="n1",
    subject="/var",
)
CLEARED = replace(ALARM, cleared_at=1_790_000_100.0)
Taken = asyncio.Queue[Any]


@asynccontextmanager
async def sending(receivers: Receivers) -> AsyncIterator[Sending]:
    made = Sending(receivers, "lab")
    task = asyncio.create_task(made.keep())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def listening(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(both, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def taken(queue: Taken) -> Any:
    return await asyncio.wait_for(queue.get(), 20)


# ---- webhook


async def test_a_webhook_that_fails_is_asked_again_and_gets_all_in_order() -> None:
    got: Taken = asyncio.Queue()
    answers = iter(("500 Sorry", "200 OK", "204 No Content"))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.I)
        assert found is not None
        body = await reader.readexactly(int(found[1]))
        answer = next(answers)
        if answer.startswith("2"):
            await got.put(json.loads(body))
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()

    async with listening(talk) as port, sending(Receivers(webhook=f"http://127.0.0.1:{port}/hook")) as made:
        await made.tell(ALARM)
        await made.tell(CLEARED)
        first, second = await taken(got), await taken(got)
    assert (first["alarm"], first["state"], first["severity"], first["fabric"]) == ("disk-full:n1:/var", "raised", "minor", "lab")
    assert (first["cause"], first["hint"], first["since"]) == (ALARM.cause, ALARM.hint, ALARM.since)
    assert (second["state"], second["cleared_at"]) == ("cleared", CLEARED.cleared_at)


# ---- mail


async def test_a_mail() -> None:
    """The receiver speaks as much of RFC 5321 as takes a mail."""
    got: Taken = asyncio.Queue()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        envelope: list[str] = []
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                body = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                await got.put((envelope, email.message_from_bytes(body, policy=email.policy.default)))
                writer.write(b"250 taken\r\n")
                continue
            envelope.append(line)
            writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")
            if word == "QUIT":
                return

    async with listening(talk) as port:
        wanted = Email(server="127.0.0.1", port=port, sender="lab@example.net", to=("ann@example.net", "bob@example.net"))
        async with sending(Receivers(email=wanted)) as made:
            await made.tell(ALARM)
            envelope, mail = await taken(got)
    to = [line for line in envelope if line.lower().startswith("rcpt")]
    assert to == [
        "rcpt TO:<ann@example.net>",
        "rcpt TO:<bob@example.net>",
    ]
    assert mail["subject"] == "[lab] minor: disk-full:n1:/var"
    assert (mail["to"], mail["auto-submitted"]) == ("ann@example.net, bob@example.net", "auto-generated")
    text = mail.get_content()
    assert ALARM.cause in text
    assert "What to do: Enlarge it." in text
    assert "Since: 2026-09-21 14:13:20 UTC" in text


# ---- syslog

LINE = re.compile(
    r"<(?P<priority>\d+)>1 (?P<time>\S+) (?P<host>\S+) rackless - (?P<id>\S+) "
    r'\[(?P<data>(?:[^"\]]|"(?:[^"\\\]]|\\.)*")*)\] \ufeff(?P<text>.*)'
)
"""RFC 5424, 6."""


def parsed(line: bytes) -> tuple[int, str, dict[str, str], str]:
    found = LINE.fullmatch(line.decode())
    assert found is not None, line
    data = dict(re.findall(r'(\w+)="((?:[^"\\\]]|\\.)*)"', found["data"]))
    return (
        int(found["priority"]),
        found["time"],
        {name: re.sub(r"\\(.)", r"\1", value) for name, value in data.items()},
        found["text"],
    )


async def test_syslog_over_udp() -> None:
    got: Taken = asyncio.Queue()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        async with sending(Receivers(syslog=Syslog(server="127.0.0.1", port=port))) as made:
            await made.tell(ALARM)
            await made.tell(CLEARED)
            first, second = parsed(await taken(got)), parsed(await taken(got))
    finally:
        transport.close()
    assert first[:2] == (16 * 8 + 4, "2026-09-21T14:13:20.250Z")
    assert first[2] == {
        "fabric": "lab",
        "alarm": "disk-full:n1:/var",
        "state": "raised",
        "severity": "minor",
        "node": "n1",
        "hint": "Enlarge it.",
    }
    assert ALARM.cause in first[3]
    assert (second[0], second[2]["state"]) == (16 * 8 + 6, "cleared")


async def test_syslog_over_tcp_counts_octets() -> None:
    got: Taken = asyncio.Queue()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int((await reader.readuntil(b" ")).decode())
        await got.put(await reader.readexactly(size))
        assert await reader.read() == b""

    async with listening(talk) as port, sending(Receivers(syslog=tcp(port))) as made:
        await made.tell(replace(ALARM, severity=Severity.CRITICAL))
        assert parsed(await taken(got))[0] == 3 * 8 + 2


def tcp(port: int) -> Syslog:
    return Syslog(server="127.0.0.1", port=port, protocol="tcp", facility=3)


def test_what_is_special_in_structured_data_is_escaped() -> None:
    odd = replace(ALARM, hint='a"b]c\\d')
    assert parsed(messages.as_syslog(odd, "lab", "h", 16))[2]["hint"] == odd.hint


# ---- SNMP


@asynccontextmanager
async def manager(setup: Callable[[Any], None]) -> AsyncIterator[tuple[int, Taken]]:
    """A receiver of notifications of SNMP's versions 2c and 3; what it takes are lists of (oid, value)."""
    from pysnmp.carrier.asyncio.dgram import udp
    from pysnmp.entity import config, engine
    from pysnmp.entity.rfc3413 import ntfrcv

    made = engine.SnmpEngine()
    transport = udp.UdpTransport().open_server_mode(("127.0.0.1", 0))
    config.add_transport(made, udp.DOMAIN_NAME, transport)
    setup(made)
    got: Taken = asyncio.Queue()

    def take(engine: Any, reference: Any, context: Any, name: Any, values: Any, about: Any) -> None:
        got.put_nowait([(tuple(oid), value.prettyPrint()) for oid, value in values])

    ntfrcv.NotificationReceiver(made, take)
    while transport.transport is None:
        await asyncio.sleep(0)
    try:
        yield transport.transport.get_extra_info("sockname")[1], got
    finally:
        made.close_dispatcher()


TRAP = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)


def looked_at(values: list[tuple[tuple[int, ...], str]], notification: str, state: int) -> None:
    found = dict(values)
    assert found[TRAP] == notification
    model = next(value for oid, value in values if oid[:12] == (1, 3, 6, 1, 2, 1, 118, 1, 2, 2, 1, 13))
    assert model.rsplit(".", 1)[1] == str(state)
    text = next(value for oid, value in values if oid[:12] == (1, 3, 6, 1, 2, 1, 118, 1, 2, 2, 1, 11))
    assert ALARM.cause in text


async def test_traps_of_version_2c() -> None:
    def setup(made: Any) -> None:
        from pysnmp.entity import config

        config.add_v1_system(made, "area", "labs")

    async with (
        manager(setup) as (port, got),
        sending(Receivers(snmp=Trap(server="127.0.0.1", port=port, community="labs"))) as made,
    ):
        await made.tell(ALARM)
        await made.tell(CLEARED)
        looked_at(await taken(got), "1.3.6.1.2.1.118.0.2", 4)
        looked_at(await taken(got), "1.3.6.1.2.1.118.0.3", 1)


async def test_traps_of_version_3(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("authentic-1\n")
    (tmp_path / "p").write_text("priv4te-enough\n")

    def setup(made: Any) -> None:
        from pysnmp.entity import config
        from pysnmp.proto.rfc1902 import OctetString

        keys = (config.USM_AUTH_HMAC192_SHA256, "authentic-1", config.USM_PRIV_CFB128_AES, "priv4te-enough")
        # Of a trap, the sender's engine is the one that counts (RFC 3414, 1.5.1): the manager has to know it.
        config.add_v3_user(made, "ann", *keys, securityEngineId=OctetString(hexValue=ENGINE))

    trap = Trap(
        server="127.0.0.1",
        user="ann",
        authentication_file=str(tmp_path / "a"),
        privacy_file=str(tmp_path / "p"),
        engine=ENGINE,
    )
    async with manager(setup) as (port, got), sending(Receivers(snmp=replace(trap, port=port))) as made:
        await made.tell(ALARM)
        looked_at(await taken(got), "1.3.6.1.2.1.118.0.2", 4)


ENGINE = "80007ed9047261636b6c657373"


# ---- who is told


def test_receivers_are_read(tmp_path: Path) -> None:
    file = tmp_path / "alarms.yaml"
    assert read(file) == Receivers()
    file.write_text(
        "webhook: http://h/\nemail: {server: m, sender: a@b, to: [c@d], tls: starttls}\nsyslog: {server: s, protocol: tcp}\n"
    )
    assert read(file) == Receivers(
        webhook="http://h/",
        email=Email(server="m", sender="a@b", to=("c@d",), tls="starttls"),
        syslog=Syslog(server="s", protocol="tcp"),
    )
    for text, wrong in (
        ("email: {server: m}", "email.sender"),
        ("pager: x", "no receiver pager"),
        ("syslog: {server: s, port: x}", "syslog.port"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=wrong):
            read(file)


async def test_with_nobody_to_tell_it_goes_on() -> None:
    """A server's readiness looks at what it keeps."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Sending(Receivers(), "lab").keep(), 0.05)
