"""The reference router, and any guest with a Junos-style serial dialogue (dialects.py): from power-on to SSH with a password.

The dialogue is safe to repeat after a crash at any point: it finds out where the guest is from its prompt, drops a half-made
candidate, and applies the same statements again.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rackless.console.dialogue import DOUBT, NUDGE_FIRST, SETTLE, Dialogue, Reply
from rackless.console.hub import ConsoleHub
from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, GuestError, RacklessError
from rackless.routers.contract import MOST_RESETS, BootstrapResult, Progress, Reset, Wanted, silent
from rackless.routers.dialects import REFERENCE, Dialect
from rackless.routers.operation import OverSsh, readable
from rackless.routers.prompts import CLI, CONFIGURE, PASSWORD, PROMPTS, SHELL, At, refusal

MENU_SETTLE = 3.0
"""Seconds that a boot menu must stay before it counts as stuck: a healthy one passes by."""
LEAVE = 30.0
"""Seconds given to logging out of the console, after success or failure."""
ASK_ADDRESS = 0.25
"""Seconds between two looks at fxp0; one takes 0.1 s of a guest that has nothing else to do."""
STEP_AGAIN = 1.0
LOGGED_OUT = re.compile(r"logout\s*$")
"""What the login shells of Debian and FreeBSD say last."""
MOST_REFUSALS = 3
BEHIND_LOGIN = frozenset({At.SHELL, At.CLI, At.CONFIGURE, At.MORE, At.CONFIRM})


class StuckAtMenuError(GuestError):
    """The guest waits at its boot menu."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds of silence after which output counts as ended (`doubt`: when what looks like a prompt may be none), Enter is
    sent again (`nudge`), a boot menu counts as stuck; `again`: seconds before the same is tried once more."""

    settle: float = SETTLE
    doubt: float = DOUBT
    nudge: float = NUDGE_FIRST
    menu: float = MENU_SETTLE
    again: float = STEP_AGAIN


class ReferenceRouter(OverSsh):
    """See `routers.contract.RouterFamily`."""

    def __init__(self, pace: Pace | None = None, dialect: Dialect = REFERENCE) -> None:
        super().__init__()
        self._pace = pace or Pace()
        self._dialect = dialect

    @property
    def name(self) -> str:
        return self._dialect.name

    async def bootstrap(
        self, hub: ConsoleHub, wanted: Wanted, *, reset: Reset, deadline: Deadline, progress: Progress = silent
    ) -> BootstrapResult:
        hub.secret(*filter(None, (wanted.root_password, wanted.user_password, wanted.community)))
        for resets in range(MOST_RESETS + 1):
            async with hub.writer("bootstrap") as lease:
                talk = Talk(
                    Dialogue(
                        lease,
                        settle=self._pace.settle,
                        doubt=self._pace.doubt,
                        nudge=self._pace.nudge,
                        noise=self._dialect.noise,
                        sure=named(wanted.host_name) if wanted.host_keys else None,
                    ),
                    wanted,
                    (self._pace, self._dialect),
                    deadline,
                    progress,
                )
                try:
                    return await talk.whole(resets)
                except StuckAtMenuError as error:
                    if resets == MOST_RESETS:
                        raise GuestError(
                            f"{hub.name} was stuck at its boot menu, and {MOST_RESETS} resets did not help.",
                            hint="Look at its console; is the image whole?",
                        ) from error
            progress(f"stuck at the boot menu, resetting (try {resets + 1} of {MOST_RESETS})")
            await reset()
            hub.forget()
        raise AssertionError


def named(host: str) -> re.Pattern[str]:
    """The login prompt of a machine that has been told its name already."""
    return re.compile(rf"{re.escape(host)} login: ?")


class Talk:
    """One run of the dialogue."""

    def __init__(
        self, dialogue: Dialogue, wanted: Wanted, manner: tuple[Pace, Dialect], deadline: Deadline, progress: Progress
    ) -> None:
        self._say = dialogue
        self._wanted = wanted
        self._pace, self._dialect = manner
        self._deadline = deadline
        self._progress = progress
        self._had_password = False
        self._refusals = 0
        self._inside = False
        """True once a prompt behind the login was seen."""

    async def whole(self, resets: int) -> BootstrapResult:
        try:
            await self._enter()
            self._progress("configuring")
            await self._configure()
            address = await self._address()
            await self._to_shell()
            keys = self._wanted.host_keys or await self._host_keys()
        except RacklessError as error:
            if self._inside:
                await self._leave_after(error)
            raise
        await self._log_out(At.SHELL)
        return BootstrapResult(fxp0_address=address, host_keys=keys, resets=resets, had_password=self._had_password)

    async def _command(self, line: str, prompt: re.Pattern[str], what: str) -> str:
        return await self._say.command(line, prompt, what=what, deadline=self._deadline)

    async def _where(self, what: str, *, deadline: Deadline, fresh: bool = True) -> tuple[At, Reply]:
        return await self._say.expect(PROMPTS, what=what, deadline=deadline, nudge=True, fresh=fresh)

    # -- getting in

    async def _enter(self) -> None:
        """To configuration mode, from wherever the guest is."""
        self._progress("waiting for the login prompt")
        at, reply = await self._where("the guest to boot to a login prompt", deadline=self._deadline, fresh=False)
        tries, before = 0, None
        self._inside = at in BEHIND_LOGIN
        while at is not At.CONFIGURE:
            tries += 1
            if at is before:
                # A CLI whose daemon is still starting sends its user back: ask again, but not at once.
                await self._deadline.pause(self._pace.again)
            before = at
            if tries > self._dialect.steps:
                raise GuestError(
                    f"The console of {self._say.name} goes in circles at its {at.value}; last lines:\n{self._say.last_lines()}"
                )
            at, reply = await self._step(at, reply)
            self._inside = self._inside or at in BEHIND_LOGIN

    async def _step(self, at: At, reply: Reply) -> tuple[At, Reply]:
        if at is At.MENU:
            await self._menu(reply)
            return await self._where("the guest to leave its boot menu", deadline=self._deadline, fresh=False)
        if at is At.LOGIN:
            return await self._log_in()
        if at is At.PASSWORD:
            # Half a login of somebody else: let it fail.
            await self._say.send("")
        elif at is At.MORE:
            await self._say.send("q")
        elif at is At.CONFIRM:
            await self._say.send("no")
        elif at is At.SHELL:
            await self._say.send("cli")
        else:
            for line in self._dialect.terminal:
                await self._command(line, CLI, "the CLI to take the terminal's size")
            await self._say.send("configure")
        return await self._where(f"an answer at the {at.value}", deadline=self._deadline)

    async def _menu(self, reply: Reply) -> None:
        """A menu that stays silent is stuck; one that goes on by itself is not."""
        if await self._say.read_silence(min(self._pace.menu, self._deadline.left)):
            raise StuckAtMenuError(f"{self._say.name} is stuck at its boot menu ({reply.prompt}).")

    async def _log_in(self) -> tuple[At, Reply]:
        self._progress("logging in at the console")
        await self._say.send("root")
        at, reply = await self._say.expect(
            PROMPTS, seen={At.PASSWORD: PASSWORD}, what="root's shell or a password prompt", deadline=self._deadline
        )
        if at is not At.PASSWORD:
            return at, reply
        self._had_password = True
        await self._say.send_secret(self._wanted.root_password)
        at, reply = await self._where("root's shell after the password", deadline=self._deadline)
        if at is At.LOGIN and re.search(r"incorrect|failure|denied", reply.text, re.I):
            # One refusal may be of a line that got out of step, by an Enter that the guest had not read when it booted.
            self._refusals += 1
        if self._refusals == MOST_REFUSALS:
            raise GuestError(
                f"{self._say.name} has a root password already, and it is not the one wanted.",
                hint="Was it changed on the router? `rackless down` and `up` start from a fresh disk.",
            )
        return at, reply

    # -- configuring

    def _statements(self) -> list[str]:
        wanted = self._wanted
        address = wanted.fxp0.address
        version = ipaddress.ip_interface(address).version if address is not None else 4
        fxp0 = f"interfaces fxp0 unit 0 family {'inet' if version == 4 else 'inet6'}"
        lines = [
            *self._dialect.first,
            f"set system host-name {wanted.host_name}",
            "set system services ssh root-login allow",
            f"set system login user {wanted.user} class super-user",
        ]
        if wanted.community:
            lines.append(readable(wanted.community))
        if address is None:
            return [*lines, f"set {fxp0} dhcp"]
        lines += [*self._dialect.static_first, f"set {fxp0} address {address}"]
        if wanted.fxp0.gateway:
            way = "static route 0.0.0.0/0" if version == 4 else "rib inet6.0 static route ::/0"
            lines.append(f"set routing-options {way} next-hop {wanted.fxp0.gateway}")
        return lines

    async def _configure(self) -> None:
        # A candidate left by a try that died would be committed with ours.
        lines = ["top", "rollback 0", *self._statements()]
        said = await self._say.batch(lines, CONFIGURE, what="the statements to be taken", deadline=self._deadline)
        self._no_refusal(said, "a statement")
        await self._password("system root-authentication", self._wanted.root_password)
        if self._wanted.user != "root":
            await self._password(f"system login user {self._wanted.user} authentication", self._wanted.user_password)
        self._progress("committing")
        said = await self._command("commit", CONFIGURE, "the commit to end")
        if "commit complete" not in said:
            reason = refusal(said) or said.replace("[edit]", "").strip() or "it said nothing"
            raise GuestError(
                f"The commit on {self._say.name} failed: {self._clean(reason)}", hint="The console transcript shows the dialogue."
            )

    async def _password(self, path: str, password: str) -> None:
        prompts = {At.PASSWORD: PASSWORD, At.CONFIGURE: CONFIGURE}
        await self._say.send(f"set {path} plain-text-password")
        for question in ("the first password prompt", "the second password prompt"):
            at, reply = await self._say.expect(
                prompts, seen={At.PASSWORD: PASSWORD}, what=f"{question} of {path}", deadline=self._deadline
            )
            if at is not At.PASSWORD:
                raise GuestError(
                    f"{self._say.name} refused `set {path} plain-text-password`: "
                    f"{self._clean(refusal(reply.text) or reply.text.strip())}"
                )
            await self._say.send_secret(password)
        _, reply = await self._say.expect(
            {At.CONFIGURE: CONFIGURE}, what=f"the password of {path} to be taken", deadline=self._deadline, nudge=True
        )
        self._no_refusal(reply.text, f"the password of {path}")

    def _no_refusal(self, said: str, what: str) -> None:
        reason = refusal(said)
        if reason:
            raise GuestError(f"{self._say.name} refused {what}: {self._clean(reason)}")

    def _clean(self, text: str) -> str:
        return self._say.redactor.text(text)

    async def _address(self) -> str:
        """The address that fxp0 has in the end."""
        self._progress("waiting for the address of fxp0")
        while True:
            said = await self._command("run show interfaces terse fxp0", CONFIGURE, "the state of fxp0")
            wanted = self._wanted.fxp0.address
            address = fxp0_address(said, version=ipaddress.ip_interface(wanted).version if wanted else 4)
            if address:
                return address
            if self._deadline.over:
                raise self._deadline.missed("an address on fxp0", hint="Does the management network give addresses by DHCP?")
            await self._deadline.pause(ASK_ADDRESS)

    async def _host_keys(self) -> tuple[str, ...]:
        """As they lie in its file system; a router makes them when SSH is first turned on.

        Raises:
            DeadlineError: there are none.
        """
        limit = self._deadline.within(self._dialect.keys)
        while True:
            keys = host_keys(await self._command("cat /etc/ssh/ssh_host_*_key.pub", SHELL, "the SSH host keys"))
            if keys or not self._dialect.keys:
                return keys
            if limit.over:
                raise limit.missed("SSH host keys at the console", hint="Does the router's SSH server run?")
            await limit.pause(self._pace.again)

    # -- getting out

    async def _to_shell(self) -> None:
        """From configuration mode to root's shell."""
        at = At.CONFIGURE
        limit = self._deadline.within(LEAVE)
        while at is not At.SHELL:
            await self._say.send("no" if at is At.CONFIRM else "exit")
            at, _ = await self._where("the CLI to be left", deadline=limit)
            if at in {At.LOGIN, At.PASSWORD, At.MENU}:
                raise GuestError(f"{self._say.name} left its CLI to a {at.value}, not to a shell.")

    async def _log_out(self, start: At | None = None) -> None:
        """From `start`, or from anywhere, to the login prompt: a console left logged in would be an open door."""
        limit = Deadline(LEAVE)
        if start is None:
            await self._say.send("")
            start, _ = await self._where("a prompt before logging out", deadline=limit)
        at: At = start
        answers = {At.CONFIRM: "no", At.MORE: "q", At.PASSWORD: ""}
        while at is not At.LOGIN:
            if at is At.CONFIGURE:
                await self._say.command("rollback 0", CONFIGURE, what="the candidate to be dropped", deadline=limit)
                await self._say.send("exit configuration-mode")
            else:
                await self._say.send(answers.get(at, "exit"))
            # A login shell that says so is gone; the next login prompt may take seconds, and nobody needs it.
            at, _ = await self._say.expect(
                PROMPTS, seen={At.LOGIN: LOGGED_OUT}, what="the login prompt after logging out", deadline=limit, nudge=True
            )

    async def _leave_after(self, error: RacklessError) -> None:
        try:
            await self._log_out()
        except (DeadlineError, GuestError) as second:
            error.add_note(f"The console of {self._say.name} could not be logged out: {second.message}")


def fxp0_address(said: str, *, version: int = 4) -> str | None:
    """The address with prefix length in the output of `show interfaces terse fxp0`; of IPv6, which is told in a column of several
    lines, the first that is not link-local."""
    pattern = r"\binet\s+(\d+\.\d+\.\d+\.\d+/\d+)" if version == 4 else r"(?:\binet6\s+|^\s+)([0-9a-fA-F:]+/\d+)"
    for found in re.finditer(pattern, said, re.M):
        with contextlib.suppress(ValueError):
            interface = ipaddress.ip_interface(found[1])
            if interface.version == version and not interface.is_link_local:
                return str(interface)
    return None


def host_keys(said: str) -> tuple[str, ...]:
    """OpenSSH public keys among the lines; one that a kernel message tore apart does not decode and is left out."""
    return tuple(_whole_keys(said.splitlines()))


def _whole_keys(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        found = re.match(r"((?:ssh|ecdsa)-[\w-]+) ([A-Za-z0-9+/]+=*)(?: |$)", line.strip())
        if not found:
            continue
        try:
            blob = base64.b64decode(found[2], validate=True)
        except binascii.Error:
            continue
        length = int.from_bytes(blob[:4])
        if blob[4 : 4 + length].decode(errors="replace") == found[1]:
            yield f"{found[1]} {found[2]}"
