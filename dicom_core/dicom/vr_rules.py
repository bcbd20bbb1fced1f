"""What a value of each VR may look like: the full rules of the standard, and the minimum that indexing needs.

A rule takes one value, decoded and without trailing spaces, and returns what is wrong with it or None. The wording is
that of the Microsoft service, whose clients parse it.

Standard: PS3.5 6.2, relaxed as the Microsoft service does
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicom_core.dicom.values import is_date

__all__ = ["FULL", "LEAST_BYTES", "MINIMUM", "NUL_PADDED_VRS", "USUAL", "Rule"]

Rule = Callable[[str], str | None]
_Match = Callable[[Any], object]

NUL_PADDED_VRS = frozenset(("AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
"""VRs whose values may end with NUL where the full rules apply."""

LEAST_BYTES = {"FD": 8, "FL": 4, "SL": 4, "SS": 2, "UL": 4, "US": 2}
"""The minimum rule of binary numbers: at least one value, of this many bytes."""

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_CONTROL_BUT_ESC = r"\x00-\x1a\x1c-\x1f\x7f-\x9f"
_YEAR, _HOUR, _SIXTY = "[0-9]{4}", "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_CLOCK = rf"{_HOUR}(?:{_SIXTY}(?:(?:{_SIXTY}|60)(?:\.[0-9]{{1,6}})?)?)?"
_OFFSET = r"(?:\+(?:(?:0[0-9]|1[0-3])[0-5][0-9]|1400)|-(?!0000)(?:(?:0[0-9]|1[01])[0-5][0-9]|1200))?"

_DAY = rf"{_YEAR}(?:0[0-9]|1[0-2])(?:[0-2][0-9]|3[01])"
_INSTANT = rf"{_YEAR}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12][0-9]|3[01])(?:{_CLOCK})?)?)?{_OFFSET}"


def _pattern(pattern: str) -> _Match:
    return re.compile(pattern, re.DOTALL).fullmatch


def _at_most(length: int) -> tuple[_Match, str]:
    return lambda value: len(value) <= length, f"value exceeds maximum length of {length} characters"


def _each(*requirements: tuple[_Match, str]) -> Rule:
    """A rule of several requirements, each with what is wrong when it is not met; the first one unmet counts."""

    def rule(value: str) -> str | None:
        return next((wrong for met, wrong in requirements if not met(value)), None)

    return rule


@dataclass(frozen=True, slots=True)
class _Component:
    """Two digits of a date or time."""

    name: str
    start: int
    least: int
    most: int

    def wrong(self, text: str) -> str | None:
        digits = text[self.start : self.start + 2]
        if not digits or self.least <= int(digits) <= self.most:
            return None
        return f"{self.name} component cannot be 0" if int(digits) < self.least else f"{self.name} component exceeds {self.most}"


def _temporal(point: str, shape: str, components: tuple[_Component, ...], wrong_shape: str) -> Rule:
    """A rule for one date or time, or a range of two of which one may be missing, each with trailing spaces.

    `point` is a right one, `shape` one that is right but for the ranges of its components.
    """
    right = _pattern(rf"(?:{point})? *(?:-(?:{point})? *)?")
    shaped = re.compile(rf"({shape})? *(?:-({shape})? *)?").fullmatch

    def rule(value: str) -> str | None:
        if right(value):
            return None
        sides = shaped(value)
        texts = [side for side in sides.groups() if side] if sides else []
        wrongs = (component.wrong(text) for text in texts for component in components)
        return next((wrong for wrong in wrongs if wrong is not None), wrong_shape)

    return rule


_DATE = _temporal(
    _DAY,
    "[0-9]{8}",
    (_Component("month", 4, 0, 12), _Component("day", 6, 0, 31)),
    "one of the date values does not match the pattern YYYYMMDD",
)
_TIME = _temporal(
    _CLOCK,
    r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?",
    (_Component("hour", 0, 0, 23), _Component("minutes", 2, 0, 59), _Component("seconds", 4, 0, 60)),
    "value does not mach pattern HH or HHMM or HHMMSS or HHMMSS.F{1-6}",
)
_DATE_TIME = _temporal(
    _INSTANT,
    r"(?:[0-9]{14}\.[0-9]{1,6}|[0-9]{4}(?:[0-9]{2}){0,5})",
    (
        _Component("month", 4, 1, 12),
        _Component("day", 6, 1, 31),
        _Component("hours", 8, 0, 23),
        _Component("minutes", 10, 0, 59),
        _Component("seconds", 12, 0, 60),
    ),
    "value does not mach pattern YYYY[MM[DD[HH[MM[SS[.F{1-6}]]]]]]",
)


def _date_time(value: str) -> str | None:
    if "-0000" in value:
        return "negative UTC hours component with value -0000 is not allowed"
    if value.strip(" ") == "-":
        return "both dateTime components in range cannot be empty"
    return _DATE_TIME(value)


def _fits_32_bits(value: str) -> bool:
    return len(value) < 1000 and -(1 << 31) <= int(value) < 1 << 31


_INTEGER = _each(
    (_pattern(r" *[+-]?[0-9]+ *"), "value is not an integer string"),
    (_fits_32_bits, "value too large to fit 32 bit integer"),
)

_PERSON_NAME = _each(
    (_pattern(r"[^=]*(?:=[^=]*){0,2}"), "value contains too many groups"),
    (_pattern(r"[^=]{0,64}(?:=[^=]{0,64})*"), "value exceeds maximum length of 64 characters"),
    (_pattern(rf"[^{_CONTROL_BUT_ESC}]*"), "value contains invalid control character"),
    (_pattern(r"[^=^]*(?:\^[^=^]*){0,4}(?:=[^=^]*(?:\^[^=^]*){0,4})*"), "value contains too many components"),
)

_UID = _each(
    _at_most(64),
    (_pattern(r"[0-9.]*"), "value contains invalid characters other than '0'-'9' and '.'"),
    (_pattern(r"(?!.*(?:^|\.)0[0-9]).*"), "components must not have leading zeros"),
    (_pattern(r"(?!\.)(?!.*\.\.).*(?<!\.)"), "a component can not be empty"),
)

FULL: dict[str, Rule] = {
    "AE": _each(
        _at_most(16),
        (_pattern(" *[^ ].*"), "value may not consist only of spaces"),
        (_pattern(rf"[^\\{_CONTROL}]*"), "value contains invalid control character"),
    ),
    "AS": _each((_pattern("[0-9]{3}[DWMY]"), "value does not have pattern 000[DWMY]")),
    "CS": _each(
        _at_most(16),
        (
            _pattern("[A-Z0-9_ ]*"),
            "value contains invalid character. Only uppercase characters, digits, space and underscore are allowed",
        ),
    ),
    "DA": _DATE,
    "DS": _each(
        _at_most(16),
        (_pattern(r" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"), "value is no decimal string"),
    ),
    "DT": _date_time,
    "IS": _INTEGER,
    "LO": _each(_at_most(64), (_pattern(rf"[^\\{_CONTROL_BUT_ESC}]*"), "value contains invalid character")),
    "LT": _each(_at_most(10240)),
    "PN": _PERSON_NAME,
    "SH": _each((_pattern(rf"[^\\{_CONTROL_BUT_ESC}]*"), "value contains invalid character"), _at_most(16)),
    "ST": _each(_at_most(1024)),
    "TM": _TIME,
    "UI": _UID,
}
"""By VR, for values that are not empty; VRs that are not listed have no rule."""

USUAL: dict[str, _Match] = {
    "AE": _pattern(rf"(?! )[^\\{_CONTROL}]{{1,16}}"),
    "AS": _pattern("[0-9]{3}[DWMY]"),
    "CS": _pattern("[A-Z0-9_ ]{1,16}"),
    "DA": _pattern(_DAY),
    "DS": _pattern(r"-?[0-9]{1,7}(?:\.[0-9]{1,7})?"),
    "DT": _pattern(_INSTANT),
    "IS": _pattern("-?[0-9]{1,9}"),
    "LO": _pattern(rf"[^\\{_CONTROL_BUT_ESC}]{{1,64}}"),
    "LT": _pattern(".{1,10240}"),
    "PN": _pattern(rf"[^=^{_CONTROL_BUT_ESC}]{{0,30}}(?:\^[^=^{_CONTROL_BUT_ESC}]{{0,30}})?"),
    "SH": _pattern(rf"[^\\{_CONTROL_BUT_ESC}]{{1,16}}"),
    "ST": _pattern(".{1,1024}"),
    "TM": _pattern(_CLOCK),
    "UI": _pattern(r"(?=.{1,64}\Z)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*"),
}
"""By VR, for all of FULL: one quick match that shows most right values to be so; the rule has the last word."""


def _length_at_most(length: int) -> tuple[_Match, str]:
    return lambda value: len(value) <= length, f"Value length exceeds maximum length of {length}."


def _restated(rule: Rule, wrong: str) -> Rule:
    return lambda value: wrong if rule(value) is not None else None


_NO_CONTROL = (_pattern(rf"[^\\{_CONTROL_BUT_ESC}]*"), "Value contains invalid character.")

MINIMUM: dict[str, Rule] = {
    "AE": _each(_length_at_most(16)),
    "AS": _each((lambda value: len(value) == 4, "Value length is not 4.")),
    "CS": _each(_length_at_most(16)),
    "DA": _each((is_date, "Value cannot be parsed as a valid date.")),
    "DT": _restated(_date_time, "Value cannot be parsed as a valid date and time."),
    "IS": _restated(_INTEGER, "Value cannot be parsed as a valid integer."),
    "LO": _each(_length_at_most(64), _NO_CONTROL),
    "PN": _each(
        (_pattern(r"[^=]*(?:=[^=]*){0,2}"), "Value contains more than 3 groups."),
        (_pattern(r"[^=]{0,64}(?:=[^=]{0,64})*"), "Value length exceeds maximum length of 64."),
        (_pattern(rf"[^{_CONTROL_BUT_ESC}]*"), "Value contains invalid character."),
        (_pattern(r"[^=^]*(?:\^[^=^]*){0,4}(?:=[^=^]*(?:\^[^=^]*){0,4})*"), "Value contains more than 5 components."),
    ),
    "SH": _each(_length_at_most(16)),
    "TM": _restated(_TIME, "Value cannot be parsed as a valid time."),
    "UI": _each(
        (
            _pattern("[0-9.]{0,63}[0-9]"),
            "DICOM Identifier is invalid. Value length should not exceed the maximum length of 64 characters. "
            "Value should contain characters in '0'-'9' and '.'. Each component must start with non-zero number.",
        )
    ),
}
"""By VR, for values that are not empty; LEAST_BYTES has those of binary numbers."""
