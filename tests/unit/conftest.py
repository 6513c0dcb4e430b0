"""Fixtures of several suites here."""

from tests.unit.api_client import client

__all__ = ["client"]
