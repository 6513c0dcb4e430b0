"""Expect, with prompt discipline, over the serial line of a machine.

What the ancestors of this file got wrong, and what is done here: a `#` inside `## SECRET-DATA` or a progress bar was taken for
a prompt: here a prompt is the whole last line, at the end of all output, after silence; the echo of a command was taken
for its answer: here an answer begins
on a later line than the echo; a kernel message inside a prompt hung the wait: here a
silent line is nudged with Enter, where Enter does no harm; waits had no deadline: here there is one, handed down, and a
missed one says what was awaited and shows the last lines, without secrets.
"""

from __future__ import annotations

import asyncio
import codecs
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rackless.console.hub import Lease
from rackless.console.redaction import ESCAPES, Redactor
from rackless.console.transcript import rendered
from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, GuestError

SETTLE = 0.02
"""Seconds of silence after which the end of the output counts as the end, when it is a prompt nothing else looks like. What comes
in pieces from an emulated guest is 1 to 20 ms apart within a line, and no piece of a line is such a prompt."""
DOUBT = 0.4
"""The same for a prompt that other output may look like while it comes: `#` alone, `OK`, `login:`."""
NUDGE_FIRST, NUDGE_MOST = 3.0, 15.0
"""Seconds of silence without a prompt before Enter is sent again: first, doubling, at most."""
SLACK = 0.001
"""Seconds by which silence may be shorter than wanted: it is a sum of waits."""
BABBLE = 4.0
"""How many times that a guest which is never silent is let talk before Enter is sent into it."""
REOPEN = 60.0
"""Seconds that a line which dropped may stay away when something is to be written to it."""
LAST_LINES = 8
CHUNK = 1024
"""Bytes written at once: below the 4096 that a Linux terminal holds for a program that is not reading yet."""

_DOUBTFUL = re.compile(r"^.{0,3}$|(?:login|boot):$|^[^@]*[#$%]$")

Key = TypeVar("Key")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came before the prompt (without the echo of the command), and the prompt's own line."""

    text: str
    prompt: str
    before: str
    """The line above the prompt's."""


class Dialogue:
    """One conversation by the holder of a `Lease`. Not for two tasks at a time."""

    def __init__(
        self,
        lease: Lease,
        *,
        settle: float = SETTLE,
        doubt: float = DOUBT,
        nudge: float = NUDGE_FIRST,
        reopen: float = REOPEN,
        noise: re.Pattern[str] | None = None,
        sure: re.Pattern[str] | None = None,
    ) -> None:
        """`noise`: from there on a line is a message that has nothing to do with the dialogue. `sure`: a prompt that nothing else
        looks like, though others of its kind are in doubt."""
        self._lease = lease
        self._noise = noise
        self._sure = sure
        self._settle = settle
        self._doubt = doubt
        self._reopen = reopen
        self._nudge = nudge
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._raw = ""
        self._echo = ""

    @property
    def name(self) -> str:
        return self._lease.hub.name

    @property
    def redactor(self) -> Redactor:
        return self._lease.hub.redactor

    def lines(self) -> list[str]:
        """The lines of the output since the last `send`, as a terminal shows them; the last one is unfinished."""
        lines = [rendered(line) for line in re.sub(r"\r+\n", "\n", ESCAPES.sub("", self._raw)).split("\n")]
        return lines if self._noise is None else _without(lines, self._noise)

    def last_lines(self) -> str:
        """For error messages: the last lines that are not empty, without secrets."""
        shown = [line.strip() for line in self.lines() if line.strip()][-LAST_LINES:]
        return self.redactor.text("\n".join(shown))

    async def send(self, line: str) -> None:
        """A line and Enter. What came before is forgotten: an old prompt is never taken for the new one."""
        self._raw = ""
        self._echo = line.strip()
        await self._write(line + "\r")

    async def send_secret(self, secret: str) -> None:
        """As `send`; no echo is expected, and should it come, it is redacted, as the secret is everywhere from now on."""
        self._lease.hub.secret(secret)
        await self.send(secret)
        self._echo = ""

    async def control(self, letter: str) -> None:
        """Control and a letter, without Enter; what came before is kept."""
        await self._write(chr(ord(letter.upper()) - 64))

    async def _write(self, text: str) -> None:
        data = text.encode()
        limit = Deadline(self._reopen)
        for at in range(0, len(data), CHUNK):
            await limit.wait(
                self._lease.write(data[at : at + CHUNK]),
                f"the console line of {self.name} to open",
                hint="Is the machine still running? `rackless show` tells.",
            )

    async def read_silence(self, seconds: float) -> bool:
        """Take in what comes. True as soon as the line was silent for `seconds`, False when something came."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._lease.read()
        except TimeoutError:
            return True
        if not data:
            raise GuestError(f"The console of {self.name} was closed during a dialogue.", hint="Is the machine still running?")
        self._raw = (self._raw + self._decoder.decode(data))[-262144:]
        return False

    def _at_prompt(self, prompts: Mapping[Key, re.Pattern[str]], *, fresh: bool) -> Key | None:
        lines = self.lines()
        if fresh and len(lines) < 2:
            return None
        return next((key for key, pattern in prompts.items() if pattern.fullmatch(lines[-1])), None)

    def _seen(self, seen: Mapping[Key, re.Pattern[str]]) -> Key | None:
        lines = self.lines()[1:]
        if self._noise is not None:  # a message may stand in the midst of it, and Enter would not draw it again
            lines += [glue.join(pair) for pair in itertools.pairwise(lines) for glue in ("", " ")]
        return next((key for key, pattern in seen.items() if any(pattern.match(line) for line in lines)), None)

    async def expect(
        self,
        prompts: Mapping[Key, re.Pattern[str]],
        *,
        what: str,
        deadline: Deadline,
        seen: Mapping[Key, re.Pattern[str]] | None = None,
        nudge: bool = False,
        fresh: bool = True,
        hint: str = "",
    ) -> tuple[Key, Reply]:
        """Wait until the output ends with one of `prompts` as its whole last line and stays silent.

        `seen`: also matched at the start of any line since the last `send`, for prompts that Enter must not draw again (a
        password's), so that a kernel message after them does no harm. `nudge` sends Enter on a silent line that shows no
        prompt: only where Enter is harmless. `fresh`: the prompt must stand on a line that began since the last `send`,
        which the echo's Enter does.

        Raises:
            DeadlineError: with what was awaited, for how long, and the last lines.
        """
        pause = self._nudge
        silent = 0.0
        nudged = False
        last = asyncio.get_running_loop().time()
        step = self._settle
        while True:
            if deadline.over:
                raise self._missed(deadline, what, hint)
            step = min(step, max(deadline.left, 0.001))
            if not await self.read_silence(step):
                silent, step = 0.0, self._settle
                if nudge and asyncio.get_running_loop().time() - last > BABBLE * pause:
                    # A guest that talks all the time: its prompt stands somewhere above, and is drawn anew.
                    pause, nudged, last = min(pause * 2, NUDGE_MOST), True, asyncio.get_running_loop().time()
                    await self._write("\r")
                continue
            silent += step
            key = self._at_prompt(prompts, fresh=fresh)
            trial = self._trial(nudged=nudged) if key is not None else math.inf
            if key is not None and silent >= trial - SLACK:
                return key, self._reply()
            if key is None and seen and (key := self._seen(seen)) is not None:
                return key, self._reply()
            if key is None and nudge and silent >= pause - SLACK:
                silent, pause, nudged, last = 0.0, min(pause * 2, NUDGE_MOST), True, asyncio.get_running_loop().time()
                await self._write("\r")
            # Nothing is decided before one of these is over, or something comes.
            step = max(self._settle, min(trial, pause if nudge and key is None else math.inf) - silent)

    def _trial(self, *, nudged: bool) -> float:
        """Seconds that a prompt must stand unchanged. A prompt may be an old one, drawn for an Enter that was sent on a silent
        line and is read only now; the echo of what was sent last comes after such a one."""
        *lines, last = self.lines()
        if self._echo and _packed(self._echo) not in _packed("".join(lines)):  # a message may stand in the middle of it
            return self._nudge
        if nudged:
            return max(self._doubt, self._nudge / 3)
        sure = self._sure is not None and self._sure.fullmatch(last) is not None
        return self._settle if sure or not _DOUBTFUL.search(last) else self._doubt

    def _missed(self, deadline: Deadline, what: str, hint: str) -> DeadlineError:
        shown = self.last_lines() or "(nothing)"
        return DeadlineError(
            f"The console of {self.name}: waited {deadline.spent:.1f} s for {what}, and it did not come. Last lines:\n{shown}",
            hint=hint or f"`rackless console` shows what {self.name} is doing.",
        )

    def _reply(self) -> Reply:
        *body, prompt = self.lines()
        if self._echo and body and self._echo in body[0]:
            body = body[1:]
        return Reply(text="\n".join(body).strip("\n"), prompt=prompt, before=body[-1] if body else "")

    async def command(self, line: str, prompt: re.Pattern[str], *, what: str, deadline: Deadline) -> str:
        """Send a line, wait for the prompt, return the output between."""
        await self.send(line)
        _, reply = await self.expect({True: prompt}, what=what, deadline=deadline, nudge=True)
        return reply.text

    async def batch(self, lines: Sequence[str], prompt: re.Pattern[str], *, what: str, deadline: Deadline) -> str:
        """Send several lines in one go, wait until the guest has taken them all, return all output.

        The guest has taken a line when it shows the prompt after it, at the start of a line. A prompt that a kernel message
        tore apart is made up for by the Enter sent on a silent line.
        """
        await self.send("\r".join(lines))
        self._echo = lines[-1]
        start = re.compile(prompt.pattern + r"(?:\s|\Z)")
        while True:
            _, reply = await self.expect({True: prompt}, what=what, deadline=deadline, nudge=True)
            seen = sum(1 for line in self.lines()[1:] if start.match(line))
            if seen >= len(lines):
                return reply.text
            if await self.read_silence(self._nudge):
                await self._write("\r")


def _packed(text: str) -> str:
    """Without blanks, of which one may have been lost where a message tore the line apart."""
    return "".join(text.split())


def _without(lines: list[str], noise: re.Pattern[str]) -> list[str]:
    """The lines as they were without the messages between them: a prompt that one of them came after is the last line again."""
    kept: list[str] = []
    after = False
    for line in lines:
        found = noise.search(line)
        before = line if found is None else line[: found.start()].rstrip()
        after = found is not None or (after and not line)
        if before or found is None:
            kept.append(before)
    while after and len(kept) > 1 and not kept[-1]:
        kept.pop()
    return kept
