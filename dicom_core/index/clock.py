"""Time as the index sees it: versions (watermarks) and time-ordered unique ids, both from one injectable clock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Clock", "ulid_time"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_VALUE: Final = {letter: value for value, letter in enumerate(_ALPHABET)}


class Clock:
    """Gives out times that never repeat or go back within a process.

    `now` returns seconds since 1970 and is replaced in tests.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._last = 0

    def seconds(self) -> float:
        """Seconds since 1970."""
        return self._now()

    def version(self) -> int:
        """Return a new version: microseconds since 1970, below 2^53, greater than any before in this process."""
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        return self._last

    def ulid(self) -> str:
        """Return a unique id of 26 characters that sorts by time (48 bit of milliseconds, 80 bit of randomness)."""
        value = (int(self._now() * 1000) << 80) | secrets.randbits(80)
        return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def ulid_time(ulid: str) -> float:
    """Seconds since 1970 at which a ulid was made."""
    value = 0
    for letter in ulid[:10]:
        value = value << 5 | _VALUE[letter]
    return value / 1000
