"""What of a call may be tried again, and when. One of these a call; it decides, and touches nothing.

A call that changes something carries an Idempotency-Key, the same at each try: the server does it once.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 6
FIRST, MOST = 0.2, 8.0
"""Seconds before the first retry, doubled each time up to the most, and up to a half more by chance."""
PATIENCE = 60.0
"""Seconds that all pauses of a call may take together; a server that asks for more has its word passed on."""
BUSY = frozenset({429, 503})


class Retries:
    def __init__(self) -> None:
        self._tried = 0
        self._waited = 0.0

    def after_answer(self, status: int, retry_after: str | None) -> float | None:
        """Seconds until the next try; None when the answer stands."""
        return self._next(seconds(retry_after)) if status in BUSY else None

    def after_break(self) -> float | None:
        """The same when there was no answer."""
        return self._next(None)

    def _next(self, asked: float | None) -> float | None:
        self._tried += 1
        pause = min(MOST, FIRST * 2 ** (self._tried - 1)) * random.uniform(1, 1.5) if asked is None else asked
        if self._tried >= TRIES or self._waited + pause > PATIENCE:
            return None
        self._waited += pause
        return pause


def seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3). None when there is none that can be read."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(
        0.0,
        (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() - datetime.fromtimestamp(time.time(), UTC).timestamp(),
    )
