"""Users, their tokens, with whom labs are shared, and the log of who changed what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.pages import Page, Pages
from rackless.identity.mapping import NAME, RESERVED
from rackless.model.durations import MOST
from rackless.model.errors import ForbiddenError, InputError, StateError
from rackless.model.people import Role
from rackless.sandboxes import passwords
from rackless.store import access, openid, sandboxes, users

router = APIRouter(tags=["people"], responses=RESPONSES)


class User(BaseModel):
    """`password`: there is one to log in with. `provider`: the OpenID provider by which they log in; null for local users."""

    name: str
    role: Role
    password: bool
    disabled: bool
    created: float
    provider: str | None = None


class NewUser(BaseModel):
    name: str
    role: Role = Role.USER
    password: str | None = None


class UserChange(BaseModel):
    """What is null stays. One who is disabled, or whose password changes, loses their tokens."""

    role: Role | None = None
    password: str | None = None
    disabled: bool | None = None


class Token(BaseModel):
    """`token` is told once, when it is made. Times are seconds since the epoch."""

    label: str
    created: float
    expires: float | None
    token: str | None = None


class NewToken(BaseModel):
    label: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    seconds: float | None = Field(None, gt=0, le=MOST, description="For how long; null for no end")


class NewPassword(BaseModel):
    old: str = ""
    new: str


class Self(BaseModel):
    name: str
    role: Role
    via: str


class AccessLine(BaseModel):
    id: int
    time: float
    who: str
    via: str
    action: str
    path: str
    status: int


def _users(db: sa.Connection, rows: Iterable[users.UserRow]) -> list[User]:
    by = openid.providers(db)
    return [
        User(
            name=row.name,
            role=row.role,
            password=row.password is not None,
            disabled=row.disabled,
            created=row.created,
            provider=by.get(row.name),
        )
        for row in rows
    ]


@router.get("/self")
async def whoami(who: Who) -> Self:
    """Who the server takes you for."""
    return Self(name=who.name, role=who.role, via=who.via)


@router.get("/users")
async def list_users(here: Here, asked: Pages) -> Page[User]:
    """By name."""
    after = asked.after(str)

    def look(db: sa.Connection) -> list[User]:
        return _users(db, users.all_users(db, most=asked.more, after=after[0] if after else ""))

    return asked.page(await here.database.read(look), lambda user: (user.name,), lambda user: user)


@router.post("/users", status_code=201)
async def add_user(body: NewUser, here: Here) -> User:
    if not NAME.fullmatch(body.name) or body.name in RESERVED:
        raise InputError(f"'{body.name}' cannot be a user's name.", hint="Use small letters, digits and . _ @ -, a letter first.")
    kept = await asyncio.to_thread(passwords.hashed, body.password) if body.password is not None else None

    def add(db: sa.Connection) -> User:
        return _users(db, [users.add(db, body.name, body.role, kept)])[0]

    return await here.database.run(add)


@router.patch("/users/{user}")
async def change_user(user: str, body: UserChange, here: Here) -> User:
    kept = await asyncio.to_thread(passwords.hashed, body.password) if body.password is not None else None

    def change(db: sa.Connection) -> User:
        if kept is not None:
            _check_local(db, user)
        return _users(db, [users.change(db, user, role=body.role, password=kept, disabled=body.disabled)])[0]

    return await here.database.run(change)


def _check_local(db: sa.Connection, user: str) -> None:
    """Raises StateError when a password would be a second way in."""
    if (provider := openid.provider_of(db, user)) is not None:
        raise StateError(f"{user} logs in by {provider}, not with a password.", hint="Change the password there.")


@router.delete("/users/{user}", status_code=204)
async def remove_user(user: str, here: Here) -> None:
    """Their labs must have ended."""

    def remove(db: sa.Connection) -> None:
        left = [row.name for row in sandboxes.live(db) if row.owner == user]
        if left:
            raise StateError(f"{user} has labs: {', '.join(left)}.", hint="Take them down first, or disable the user.")
        users.remove(db, user)

    await here.database.run(remove)


@router.post("/users/{user}/password", status_code=204)
async def change_password(user: str, body: NewPassword, here: Here, who: Who) -> None:
    """Of oneself, with the old one; an admin's word is enough for others'."""
    row = await here.database.read(users.get, user)
    await here.database.read(_check_local, user)
    if not who.has(Role.ADMIN) and not await asyncio.to_thread(passwords.matches, row.password, body.old):
        raise ForbiddenError("The old password is another one.", hint="An admin can set a new one.")
    kept = await asyncio.to_thread(passwords.hashed, body.new)
    await here.database.run(users.change, user, password=kept)


@router.get("/users/{user}/tokens")
async def list_tokens(user: str, here: Here, asked: Pages) -> Page[Token]:
    """Oldest first; without the tokens themselves."""
    after = asked.after(int)
    rows = await here.database.read(users.tokens_of, user, most=asked.more, after=after[0] if after else 0)
    return asked.page(rows, lambda row: (row.id,), _token)


def _token(row: users.TokenRow, secret: str | None = None) -> Token:
    return Token(label=row.label, created=row.created, expires=row.expires, token=secret)


@router.post("/users/{user}/tokens", status_code=201)
async def add_token(user: str, body: NewToken, here: Here) -> Token:
    """Another of the same label takes the place of the first."""
    expires = None if body.seconds is None else time.time() + body.seconds
    row, secret = await here.database.run(users.new_token, user, body.label, expires)
    return _token(row, secret)


@router.delete("/users/{user}/tokens/{label}", status_code=204)
async def revoke_token(user: str, label: str, here: Here) -> None:
    await here.database.run(users.revoke, user, label)


@router.get("/labs/{name}/shares")
async def list_shares(name: str, here: Here, asked: Pages) -> Page[str]:
    """The users that may use the lab beside its owner, by name."""

    def look(db: sa.Connection) -> list[str]:
        return users.shared_with(db, sandboxes.get(db, name).id)

    return asked.of_all(await here.database.read(look), lambda user: (user,), str, str)


@router.put("/labs/{name}/shares/{user}", status_code=204)
async def share(name: str, user: str, here: Here) -> None:
    def put(db: sa.Connection) -> None:
        users.share(db, sandboxes.get(db, name).id, user)

    await here.database.run(put)


@router.delete("/labs/{name}/shares/{user}", status_code=204)
async def unshare(name: str, user: str, here: Here) -> None:
    def take(db: sa.Connection) -> None:
        users.unshare(db, sandboxes.get(db, name).id, user)

    await here.database.run(take)


@router.get("/access-log")
async def log(here: Here, asked: Pages) -> Page[AccessLine]:
    """Who changed what, newest first, also what was refused."""
    after = asked.after(int)
    rows = await here.database.read(access.newest, asked.more, after[0] if after else None)
    return asked.page(rows, lambda row: (row.id,), lambda row: AccessLine(**vars(row)))
