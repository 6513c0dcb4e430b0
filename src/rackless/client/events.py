"""What comes by streams."""

from __future__ import annotations

from rackless.client.decoding import Answer


class JobEvent(Answer):
    """kind: begin, note, done (text: the seconds it took) or failed."""

    number: int
    time: float
    step: str
    kind: str
    text: str
