"""The pytest plugin: entry point `rackless`. Loaded in every run of pytest, so it imports nothing until a lab is asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rackless.client import Client
    from rackless.testing.bringing import Labs
    from rackless.testing.lab import Lab

LABS: pytest.StashKey[Labs] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rackless", "labs of virtual routers")
    group.addoption("--lab", metavar="FILE", help="Blueprint of the `lab` fixture, for tests that name none.")
    group.addoption("--keep-lab", action="store_true", help="Leave labs up, and use those that a run before has left.")
    group.addoption("--use-lab", metavar="NAME", help="Use this lab, which is up, whatever blueprint a test names; it stays.")
    group.addoption("--lab-for", metavar="SPAN", help="When a lab ends if pytest does not end it: 90m, 2h (the default).")
    parser.addini("rackless_lab", "Blueprint of the `lab` fixture, from the directory of this file.", default="")
    parser.addini("rackless_lab_for", "As --lab-for.", default="2h")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab(file): blueprint of the `lab` fixture, from the directory of the test's file.")


@pytest.fixture(scope="session")
def lab_client() -> Iterator[Client]:
    """The server that RACKLESS_URL names, or `rackless login` kept; else this machine's, started when needed."""
    from rackless.client import Client

    with Client() as client:
        yield client


@pytest.fixture(scope="session")
def labs(request: pytest.FixtureRequest, lab_client: Client) -> Iterator[Labs]:
    """`labs(FILE)` is the lab of a blueprint: for fixtures of a session or module."""
    from rackless.model.durations import seconds
    from rackless.testing.bringing import Labs

    config = request.config
    wanted = config.getoption("--lab-for") or config.getini("rackless_lab_for")
    try:
        length = seconds(wanted)
    except ValueError as error:
        raise pytest.UsageError(f"--lab-for: {error}") from error
    made = Labs(
        lab_client,
        keep=bool(config.getoption("--keep-lab")),
        length=length,
        worker=str(getattr(config, "workerinput", {}).get("workerid", "")),
        use=config.getoption("--use-lab") or "",
        folder=_folder(config),
        tell=_teller(config),
    )
    config.stash[LABS] = made
    yield made
    made.close()


@pytest.fixture
def lab(request: pytest.FixtureRequest, labs: Labs) -> Lab:
    """The lab of the blueprint that the test's marker names, else --lab, else `rackless_lab` of the ini file."""
    from rackless.testing.bringing import SetUpError

    try:
        return labs(_blueprint(request))
    except SetUpError as error:
        reason = str(error)
    pytest.fail(reason, pytrace=False)  # out here: it stands for itself, without how it came here


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    made = config.stash.get(LABS, None)
    if made is not None and made.keep and made.names:
        terminalreporter.section("labs that were kept")
        for name in made.names:
            terminalreporter.write_line(f"{name}: rackless show {name}; rackless down {name}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """An interrupt can come between any two lines of pytest's own: what its fixtures did not take down goes here."""
    made = config.stash.get(LABS, None)
    if made is not None:
        made.close()
        made.client.close()


def _blueprint(request: pytest.FixtureRequest) -> Path:
    marker = request.node.get_closest_marker("lab")
    if marker is not None:
        if len(marker.args) != 1 or marker.kwargs:
            raise pytest.UsageError(f"{request.node.nodeid}: the marker `lab` takes a file's name.")
        return Path(request.path).parent / str(marker.args[0])
    config = request.config
    if (option := config.getoption("--lab")) is not None:
        return config.invocation_params.dir / str(option)
    if ini := config.getini("rackless_lab"):
        return (config.inipath.parent if config.inipath else config.rootpath) / str(ini)
    if config.getoption("--use-lab"):
        return Path()
    pytest.fail(
        "There is no blueprint: use @pytest.mark.lab(FILE), --lab FILE, or rackless_lab in pytest's ini file.", pytrace=False
    )


def _folder(config: pytest.Config) -> Path:
    """Beside pytest's own cache, where there is one."""
    cache = getattr(config, "cache", None)
    return Path(cache.mkdir("rackless")) if cache is not None else Path(tempfile.mkdtemp(prefix="rackless-"))


def _teller(config: pytest.Config) -> Callable[[str], None]:
    """Progress goes to the terminal, whatever is captured; workers of pytest-xdist have none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capturing = config.pluginmanager.get_plugin("capturemanager")

    def tell(text: str) -> None:
        if reporter is None or config.get_verbosity() < 0:
            return
        with capturing.global_and_fixture_disabled() if capturing is not None else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"rackless: {text}")

    return tell
