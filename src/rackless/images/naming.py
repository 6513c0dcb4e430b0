"""Which image a file is, by the names that vendors give: facts of the families. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, overload

from rackless.model import naming
from rackless.model.errors import InputError
from rackless.model.family import Family
from rackless.model.suggestions import did_you_mean

SLOT = "-card{slot}"
"""Last part of the name of an image that is prepared for each slot; what is imported is without it."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """`family` and `role` are "" where only a name was given."""

    image: str
    family: str = ""
    role: str = ""


@overload
def named(file: str, families: Sequence[Family], *, sure: Literal[True]) -> Target | None: ...


@overload
def named(file: str, families: Sequence[Family], *, family: str, role: str, name: str) -> Target: ...


def named(
    file: str, families: Sequence[Family], *, family: str = "", role: str = "", name: str = "", sure: bool = False
) -> Target | None:
    """The image that a file is to become: of the name given, else of the family and role given, else by the file's name.

    `sure`: only by the file's name; None when that says nothing.

    Raises:
        InputError: nobody says what it is, or the name is none.
    """
    if name:
        if not naming.is_name(name):
            raise InputError(f"'{name}' cannot be an image's name.", hint="Use lower-case letters, digits and single hyphens.")
        return Target(image=name, family=family, role=role)
    base = PurePosixPath(file).name
    wanted = [known for known in families if not family or known.name == family]
    if not wanted:
        raise InputError(
            f"There is no family {family!r}.", hint=did_you_mean(family, (known.name for known in families), "families")
        )
    for known in wanted:
        for facts in known.roles:
            for image, pattern in (*(((facts.image, facts.files)),), *((disk.image, disk.files) for disk in facts.more_disks)):
                if pattern and (not role or facts.role.value == role) and re.fullmatch(pattern, base, re.IGNORECASE):
                    return Target(image=image.removesuffix(SLOT), family=known.name, role=facts.role.value)
    if sure:
        return None
    if family:
        return _of_family(wanted[0], role)
    raise InputError(
        f"Nothing says which image {base} is.", hint="Say it with --name, or with --family and --role: vmx and controller, say."
    )


def _of_family(family: Family, role: str) -> Target:
    found = [facts for facts in family.roles if not role or facts.role.value == role]
    if len(found) != 1:
        roles = ", ".join(facts.role.value for facts in family.roles)
        raise InputError(f"The family {family.name} has machines of the roles {roles}.", hint="Say which with --role.")
    facts = found[0]
    if facts.image == "reference":
        raise InputError(f"The image of {family.name} is built here.", hint="Build it with `make images`.")
    return Target(image=facts.image.removesuffix(SLOT), family=family.name, role=facts.role.value)
