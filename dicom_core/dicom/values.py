"""Values as they are compared: normalised text, words of names, dates and times as sortable text, numbers.

The same functions make index values and read queries, so that both sides always agree. Nothing here depends on the
index or on a query language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from math import isfinite

__all__ = ["RANGE_VRS", "Range", "is_date", "normalise", "number", "parse_range", "person_name_words", "sortable"]

RANGE_VRS = frozenset(("DA", "DT", "TM"))

_INTEGER_VRS = frozenset(("IS", "SL", "SS", "SV", "UL", "US", "UV"))
_CASELESS_VRS = frozenset(("AE", "AS", "CS", "LO", "SH", "UI"))
_WORD_BREAKS = re.compile(r"[\^= ]+")
_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"([01][0-9]|2[0-3])(?:([0-5][0-9])(?:([0-5][0-9]|60)(?:\.([0-9]{1,6}))?)?)?")
_DATE_TIME = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([01][0-9]|2[0-3])(?:([0-5][0-9])(?:([0-5][0-9]|60)(?:\.([0-9]{1,6}))?)?)?)?)?)?"
)
_OFFSET = re.compile(r"[+-][0-9]{4}$")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Range:
    """An inclusive range of sortable text; None is an open end. A single value starts and ends the range."""

    first: str | None
    last: str | None


def normalise(vr: str, text: str) -> str:
    """Bring a value into the form in which equal values are the same text.

    Padding is dropped. Names compare without regard to case and accents, short text without regard to case only, and a
    letter with an accent is the same however it is encoded; whole names keep their separators, but for those of empty
    groups at the end (PS3.5 6.2.1.2).
    """
    text = _unpadded(text)
    if vr == "PN":
        return _without_accents(text.rstrip("= "))
    text = text if text.isascii() else unicodedata.normalize("NFD", text)
    text = text.casefold() if vr in _CASELESS_VRS else text
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _unpadded(text: str) -> str:
    return text.rstrip("\0 ").lstrip(" ")


def _without_accents(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text)
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", bare.casefold())


def person_name_words(text: str) -> list[str]:
    """The normalised words of a name, in order, split at `^`, `=` and space."""
    return [word for word in _WORD_BREAKS.split(normalise("PN", text)) if word]


def is_date(text: str) -> bool:
    """Whether the text is a day of the calendar, as YYYYMMDD."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def sortable(vr: str, text: str) -> str | None:
    """A DA, TM or DT value as text whose order is that of time; None when it is not valid.

    Missing parts are the earliest: ``10`` is ten o'clock, ``2020`` the first instant of that year. The offset from UTC
    of a stored DT is ignored, as the Microsoft service does. DA stays YYYYMMDD, TM becomes HHMMSSFFFFFF, DT both.
    """
    text = _unpadded(text)
    if vr == "DA":
        return text if is_date(text) else None
    if vr == "TM":
        parts = _TIME.fullmatch(text)
        return _clock(*parts.groups()) if parts else None
    return _instant(_OFFSET.sub("", text))


def _instant(text: str) -> str | None:
    parts = _DATE_TIME.fullmatch(text)
    if parts is None:
        return None
    year, month, day, *clock = parts.groups()
    whole_day = f"{year}{month or '01'}{day or '01'}"
    return whole_day + _clock(*clock) if is_date(whole_day) else None


def _clock(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> str:
    return f"{hour or '00'}{minute or '00'}{second or '00'}{(fraction or '').ljust(6, '0')}"


def parse_range(vr: str, text: str, *, ordered: bool = True) -> Range:
    """Read a query for a DA, TM or DT: one value, or `a-b`, `a-`, `-b`. A DT with an offset from UTC is refused.

    Raises:
        ValueError: not a value or range, both ends empty, or (if they must be `ordered`) the first after the last.

    Standard: PS3.4 C.2.2.2.5
    """
    first, dash, last = text.strip(" ").partition("-")
    if not dash:
        value = _range_end(vr, first)
        return Range(value, value)
    found = Range(_range_end(vr, first) if first else None, _range_end(vr, last) if last else None)
    if found.first is None and found.last is None:
        raise ValueError("both ends of the range are empty")
    if ordered and found.first is not None and found.last is not None and found.first > found.last:
        raise ValueError("the range ends before it starts")
    return found


def _range_end(vr: str, text: str) -> str:
    value = _instant(text.strip(" ")) if vr == "DT" else sortable(vr, text)
    if value is None:
        raise ValueError(f"not a value of VR {vr}")
    return value


def number(vr: str, text: str) -> int | float | None:
    """The number that a text of a numeric VR stands for: whole for integer VRs; None when it is none or not finite."""
    text = _unpadded(text)
    if vr in _INTEGER_VRS:
        return int(text) if _INTEGER.fullmatch(text) else None
    if _REAL.fullmatch(text) is None:
        return None
    value = float(text)
    return value if isfinite(value) else None
