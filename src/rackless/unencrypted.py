"""Transports over a unix socket, which carries no TLS: httpx would read the authorities of the whole system for each, 30 ms."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx


def transport(socket: Path) -> httpx.HTTPTransport:
    return httpx.HTTPTransport(uds=str(socket), verify=_trusting_nobody())


def asynchronous(socket: Path) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(uds=str(socket), verify=_trusting_nobody())


def _trusting_nobody() -> ssl.SSLContext:
    """It checks certificates, and there is none that it would take."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
