"""Secrets replaced by ******** in what a terminal shows: whole texts, and streams that arrive in any pieces.

A terminal does not show a typed secret as one run of characters: a line editor wraps it at the edge (" \\r", "\\r\\n"), moves
with escape sequences, and rubs out with backspaces. So a secret is looked for in two views of the text without that
noise: one in which a backspace does nothing, and one in which it takes the character before it.
"""

from __future__ import annotations

import re

STARS = "********"
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78cDEHMNOZ])")
"""ECMA-48 control sequences, OSC strings and the two-character escapes that terminals' programs send."""
SHOWN_EARLY = 4
"""A possible start of a secret shorter than this many characters may be shown while more is awaited."""
WINDOW = 8
"""A secret is looked for in so many times its length of the newest text; more noise than that no terminal puts into it."""
_NOISE = re.compile(rf"(?:{ESCAPES.pattern})| (?=\r)|[\r\n\x00\x07]")
_FLAT = re.compile(_NOISE.pattern + "|\\x08")
_TAIL = re.compile(r"(?: |\x1b[^a-zA-Z~]{0,16})\Z")
"""At the end of what has come so far: this may turn out to be noise, a wrap's " \\r" or an escape sequence."""

View = tuple[list[str], list[tuple[int, int]]]


def _view(text: str, *, rub_out: bool) -> View:
    """The characters of `text` without noise, and for each the span of `text` from it to the end of noise after it."""
    shown: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        noise = _NOISE.match(text, at)
        if noise:
            at = noise.end()
        elif text[at] == "\b":
            if rub_out and shown:
                shown.pop()
                spans.pop()
            at += 1
        else:
            shown.append(text[at])
            spans.append((at, at + 1))
            at += 1
    return shown, spans


class Redactor:
    """Knows the secrets; every console of a machine has one, and texts and streams go through it."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """Register a secret from now on. An empty one is ignored: it would redact everything."""
        if secret and secret not in self._secrets:
            self._secrets = tuple(sorted((*self._secrets, secret), key=len, reverse=True))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Longest first."""
        return self._secrets

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets are in `text`, merged and in order."""
        if not any(secret in _FLAT.sub("", text) for secret in self._secrets) and "\b" not in text:
            return []
        found: list[tuple[int, int]] = []
        for rub_out in (False, True) if "\b" in text else (False,):
            shown, spans = _view(text, rub_out=rub_out)
            flat = "".join(shown)
            for secret in self._secrets:
                at = flat.find(secret)
                while at >= 0:
                    found.append((spans[at][0], spans[at + len(secret) - 1][1]))
                    at = flat.find(secret, at + 1)
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def text(self, text: str) -> str:
        """`text` with every secret replaced."""
        parts: list[str] = []
        at = 0
        for start, end in self.spans(text):
            parts += [text[at:start], STARS]
            at = end
        return "".join([*parts, text[at:]])

    def unfinished(self, text: str) -> tuple[int, int]:
        """(index, length) of the longest tail of `text` that may be the start of a secret; (len(text), 0) if none is."""
        index, longest = len(text), 0
        if not self._secrets:
            return index, longest
        before = max(0, len(text) - WINDOW * len(self._secrets[0]))
        text = _TAIL.sub("", text[before:])
        for rub_out in (False, True):
            shown, spans = _view(text, rub_out=rub_out)
            flat = "".join(shown)
            for secret in self._secrets:
                for length in range(min(len(secret) - 1, len(flat)), longest, -1):
                    if flat.endswith(secret[:length]):
                        index, longest = min(index, before + spans[-length][0]), length
                        break
        return index, longest

    def stream(self) -> RedactedStream:
        return RedactedStream(self)


class RedactedStream:
    """Text in pieces, out without secrets. What may be the start of a secret is held back until more comes."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._text = ""
        """What is held back, and before it some text that was given out: a secret may have begun there."""
        self._shown = 0
        """Characters of `_text` that were given out."""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        self._text += piece
        out: list[str] = []
        at = self._shown
        for start, end in self._redactor.spans(self._text):
            if end > at:
                out += [self._text[at:start], STARS]
                at = end
        keep = max(at, self._redactor.unfinished(self._text)[0])
        out.append(self._text[at:keep])
        longest = len(self._redactor.secrets[0]) if self._redactor.secrets else 0
        cut = max(0, keep - WINDOW * longest)
        self._text, self._shown = self._text[cut:], keep - cut
        return "".join(out)

    def quiet(self) -> str:
        """On silence: a short possible start of a secret is shown, so that a person at the line sees his echo."""
        if self._redactor.unfinished(self._text)[1] >= SHOWN_EARLY:
            return ""
        out = self._text[self._shown :]
        self._shown = len(self._text)
        return out

    def end(self) -> str:
        """At the end of the stream: what is left, hidden if it is a good part of a secret."""
        out = self._text[self._shown :]
        if out and self._redactor.unfinished(self._text)[1] >= SHOWN_EARLY:
            out = STARS
        self._text, self._shown = "", 0
        return out
