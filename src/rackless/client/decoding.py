"""JSON -> the types of models.py."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rackless.model.errors import DefectError

T = TypeVar("T")

SECRET = frozenset({"password", "root_password", "community", "token", "ticket", "key"})
"""Fields of answers that hold one."""


class Answer(BaseModel):
    """What a newer server tells besides is kept. Built when first used: most programs use few."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True, protected_namespaces=())

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without secrets: what is printed comes into logs and test reports."""
        for name, value in super().__repr_args__():
            yield name, "***" if name in SECRET and isinstance(value, str) else value


class Word(StrEnum):
    """One of these words, or one that only a newer server knows."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made


@dataclass(frozen=True)
class Page(Generic[T]):
    """`next`: what the page after this one is asked for with; None: this is the last."""

    items: list[T]
    next: str | None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def decoded(kind: type[T], value: Any, what: str) -> T:
    """The value as this type.

    Raises:
        DefectError: it is none; the server is of a version that this one does not know.
    """
    try:
        found: T = _adapter(cast(Hashable, kind)).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DefectError(
            f"The answer to {what} is not as this version knows it: {place}: {first['msg']}.",
            hint="`rackless --version` on both sides tells which is older; `client.ask` gives answers as they are.",
        ) from error
    return found
