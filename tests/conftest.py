"""For every suite: property tests assert no time and repeat the same examples; Ctrl-C reaches what a test starts; a database
of either kind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from hypothesis import HealthCheck, settings

from tests import sqlite
from tests.openstack import stack
from tests.postgresql import KINDS, Cluster, shared, stop_shared

settings.register_profile("rackless", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rackless")

# Who runs the tests may be logged in to a server.
os.environ["RACKLESS_URL"] = "local"

# What boots is to boot, and nothing of ours is to run beside it; those who test warm starts say so.
os.environ["RACKLESS_WARM"] = "no"

# Started in the background by a script, we ignore SIGINT, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """The guest's modules are not rewritten by pytest, which takes them for a part of our plugin: it would parse them when they
    are first used, in two threads at once, and CPython's parser fails at that now and then."""
    for hook in sys.meta_path:
        if isinstance(hook, AssertionRewritingHook):
            hook._must_rewrite -= {"mgmt", "snmp", "system"}


@pytest.fixture(autouse=True)
def files_as_before() -> Iterator[None]:
    """What sets the process's umask and leaves it so makes other tests' files unreadable to users that these start."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    after = os.umask(before)
    assert after == before, f"a umask of {after:03o} is left behind, not {before:03o}"


@pytest.fixture(scope="session")
def openstack_stack() -> Iterator[Path]:
    """The folder of the one stack of a session."""
    with stack.standing() as folder:
        yield folder


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """PostgreSQL for the tests of this process."""
    return shared()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a row: a test that uses this runs on both kinds."""
    return sqlite.ready(tmp_path) if request.param == "sqlite" else shared().ready()


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same without a table."""
    return f"sqlite:///{tmp_path}/rackless.sqlite" if request.param == "sqlite" else shared().fresh()


def pytest_sessionfinish() -> None:
    stop_shared()
