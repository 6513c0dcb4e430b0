"""What a wire does to the frames that it carries, as people write it: 20ms, 1%, 10m."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KEYS = ("delay", "jitter", "loss", "rate")
MOST_DELAY = 10.0
"""Seconds; more is a slip of the unit."""
LEAST_RATE, MOST_RATE = 8_000, 100_000_000_000
"""Bit/s. At the least, a frame of 9 KB takes nine seconds."""
_TIME = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)\Z")
_TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%\Z")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(k|m|g)(?:bit)?\Z")
_RATES = {"g": 1_000_000_000, "m": 1_000_000, "k": 1_000}


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """In each direction of its own. Seconds; `loss` as a share of all frames; `rate` in bit/s, None for no limit."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    rate: int | None = None

    def texts(self) -> dict[str, str]:
        """As people write it; what is not impaired is left out."""
        found = {
            "delay": _time(self.delay),
            "jitter": _time(self.jitter),
            "loss": f"{_short(self.loss * 100)}%" if self.loss else "",
        }
        if self.rate is not None:
            unit = next((unit for unit, size in _RATES.items() if self.rate % size == 0), "k")
            found["rate"] = f"{_short(self.rate / _RATES[unit])}{unit}"
        return {key: text for key, text in found.items() if text}

    def __str__(self) -> str:
        return ", ".join(f"{key} {text}" for key, text in self.texts().items())


def read(wish: Mapping[str, str | None]) -> Impairment | None:
    """`wish`: texts by KEYS. None when it asks for nothing.

    Raises:
        ValueError: one can't be; the message is a sentence, and begins with its key.
    """
    delay, jitter = (_read_time(key, wish.get(key)) for key in ("delay", "jitter"))
    loss, rate = _read_loss(wish.get("loss")), _read_rate(wish.get("rate"))
    if jitter > delay:
        raise ValueError(
            f"jitter is {wish['jitter']}, and no frame arrives before it was sent; give a delay of as much at least."
        )
    found = Impairment(delay=delay, jitter=jitter, loss=loss, rate=rate)
    return found if found != Impairment() else None


def _read_time(key: str, text: str | None) -> float:
    if not text:
        return 0.0
    match = _TIME.match(text.strip().lower())
    seconds = float(match[1]) * _TIMES[match[2]] if match else -1.0
    if not 0 <= seconds <= MOST_DELAY:
        raise ValueError(f"{key} '{text}' is no time from 0 to {MOST_DELAY:g} s; write for example 20ms, 500us or 1s.")
    return seconds


def _read_loss(text: str | None) -> float:
    if not text:
        return 0.0
    match = _SHARE.match(text.strip())
    share = float(match[1]) / 100 if match else -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"loss '{text}' is no share of the frames; write for example 1% or 0.5%.")
    return share


def _read_rate(text: str | None) -> int | None:
    if not text:
        return None
    match = _RATE.match(text.strip().lower())
    rate = round(float(match[1]) * _RATES[match[2]]) if match else 0
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise ValueError(f"rate '{text}' is none from 8k to 100g (bit/s); write for example 64k, 10m or 1g.")
    return rate


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    unit = next((unit for unit, size in _TIMES.items() if seconds >= size * (1 - 1e-9)), "us")
    return f"{_short(seconds / _TIMES[unit])}{unit}"


def _short(number: float) -> str:
    """Six digits, and no exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
