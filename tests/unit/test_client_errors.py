"""Answers that are none of ours: a load balancer's, which has no server."""

from __future__ import annotations

import pytest

from rackless.client.errors import error_in
from rackless.model.errors import DefectError, RacklessError, ServerGoneError, UnavailableError

PAGE = b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"


@pytest.mark.parametrize(
    ("status", "kind"), [(503, UnavailableError), (502, ServerGoneError), (504, ServerGoneError), (500, DefectError)]
)
def test_a_load_balancer_without_a_server_is_no_defect(status: int, kind: type[RacklessError]) -> None:
    error = error_in(PAGE, status, "https://10.0.0.10")
    assert type(error) is kind
    assert "https://10.0.0.10" in error.message


def test_a_server_that_says_why_is_believed() -> None:
    body = b'{"code": "unavailable", "detail": "The database is away.", "hint": "Wait."}'
    error = error_in(body, 503, "https://10.0.0.10")
    assert isinstance(error, UnavailableError)
    assert error.message == "The database is away."
