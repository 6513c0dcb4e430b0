"""What comes by streams."""

from __future__ import annotations

from dataclasses import dataclass

from rackless.client.decoding import Answer
from rackless.client.models import JobEnvelope, LabEvent, LinkEvent, MachineEvent, ResetEvent, StepEvent

Body = LabEvent | JobEnvelope | StepEvent | MachineEvent | LinkEvent | ResetEvent

BODIES: dict[str, type[Body]] = {
    "lab": LabEvent,
    "job": JobEnvelope,
    "step": StepEvent,
    "machine": MachineEvent,
    "link": LinkEvent,
    "reset": ResetEvent,
}
"""By the event's type. Others are a newer server's, and left out."""


class JobEvent(Answer):
    """kind: begin, note, done (text: the seconds it took) or failed."""

    number: int
    time: float
    step: str
    kind: str
    text: str


@dataclass(frozen=True)
class Event:
    """`id` grows; `watch(after=id)` goes on behind it."""

    id: int
    body: Body
