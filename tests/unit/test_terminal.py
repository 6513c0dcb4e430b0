"""This terminal, joined to a line."""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest

from rackless.client.terminal import LEAVE, join_line


def test_nothing_reads_a_line_any_more_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    reading, writing = os.pipe()
    os.write(writing, b"show version\r" + LEAVE)
    before = threading.active_count()
    with here, there, os.fdopen(reading) as keyboard, os.fdopen(writing, "w"):
        monkeypatch.setattr(sys, "stdin", keyboard)
        join_line(here)
        assert there.recv(100) == b"show version\r"
        assert threading.active_count() == before
