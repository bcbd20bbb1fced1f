"""From the text of a parameter to a test, by VR.

Standard: PS3.4 C.2.2.2; value forms as the Microsoft service takes them
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dicom_core.dicom.comparison import FLOAT_VRS, INTEGER_VRS, comparable
from dicom_core.dicom.values import normalise, number, parse_range, person_name_words
from dicom_core.errors import InvalidQuery
from dicom_core.search.conditions import AnyOf, Anything, Between, Empty, Equal, Like, Test, Words

__all__ = ["Matching", "is_uid", "parse_test"]

_TEXT: Final = frozenset(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"))
_LIST: Final = re.compile(r"[,\\]")
_UID: Final = re.compile(r"[0-9.]{0,63}[0-9]", re.ASCII)
_INSTANTS: Final = {
    "DA": "a date as YYYYMMDD",
    "TM": "a time as HHMMSS.FFFFFF",
    "DT": "a date and time as YYYYMMDDHHMMSS.FFFFFF without an offset from UTC",
}


@dataclass(frozen=True, slots=True)
class Matching:
    """How the request wants values to be matched; with `combined`, a time range may pass midnight, as its dates may differ."""

    fuzzy: bool = False
    empty: bool = False
    multiple: bool = False
    any_order: bool = False
    combined: bool = False


def parse_test(name: str, vr: str, text: str, matching: Matching) -> Test:
    """What a parameter asks of an attribute; `text` is trimmed.

    Raises:
        InvalidQuery: the text is no value, range or list of this VR, or the VR cannot be searched; names the parameter.
    """
    parse = _PARSERS.get(vr)
    if parse is None:
        raise InvalidQuery(f"{name} cannot be searched for: it has no single text, date, time or number.")
    if matching.empty and text in ("", '""'):
        return Empty()
    if not text:
        raise InvalidQuery(f"{name} has no value.")
    items = [text] if vr == "UI" or not matching.multiple else [item.strip() for item in _LIST.split(text)]
    if not all(items):
        raise InvalidQuery(f"{name} has an empty value in its list.")
    return _any_of([parse(name, vr, item, matching) for item in items])


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    values = [test.values for test in tests if isinstance(test, Equal)]
    if len(values) == len(tests):
        return Equal(frozenset().union(*values))
    return AnyOf(tuple(tests))


def _text(name: str, vr: str, text: str, matching: Matching) -> Test:
    if text == "*":
        return Anything()
    value = normalise(vr, text)
    if not value:
        raise InvalidQuery(f"{name} has no value.")
    return Like(value) if "*" in text or "?" in text else Equal(frozenset((value,)))


def _age(name: str, vr: str, text: str, matching: Matching) -> Test:
    value = normalise(vr, text)
    if not value:
        raise InvalidQuery(f"{name} has no value.")
    return Equal(frozenset((value,)))


def _person_name(name: str, vr: str, text: str, matching: Matching) -> Test:
    if not matching.fuzzy:
        return _text(name, vr, text, matching)
    if '"' in text:
        raise InvalidQuery(f"{name} cannot have a quotation mark with fuzzymatching.")
    if "*" in text or "?" in text:
        return _text(name, vr, text, matching)
    words = tuple(person_name_words(normalise(vr, text)))
    if not words:
        raise InvalidQuery(f"{name} has no word to match.")
    return Words(words, matching.any_order)


def is_uid(text: str) -> bool:
    """Whether the text has the form of a UID, as the Microsoft service sees it."""
    return _UID.fullmatch(text) is not None


def _uids(name: str, vr: str, text: str, matching: Matching) -> Test:
    items = [item.strip() for item in _LIST.split(text)]
    listed = len(items) > 1
    if "*" in text or "?" in text or (listed and not all(map(is_uid, items))):
        raise InvalidQuery(f"{name} must be a UID or a list of UIDs.")
    values = frozenset(normalise(vr, item) for item in items)
    if "" in values:
        raise InvalidQuery(f"{name} has no value.")
    return Equal(values)


def _instant(name: str, vr: str, text: str, matching: Matching) -> Test:
    try:
        found = parse_range(vr, text, ordered=not (matching.combined and vr == "TM"))
    except ValueError as error:
        raise InvalidQuery(f"{name} must be {_INSTANTS[vr]}, or a range of two with a hyphen: {error}.") from None
    return Between(found.first, found.last) if "-" in text or found.first is None else Equal(frozenset((found.first,)))


def _number(name: str, vr: str, text: str, matching: Matching) -> Test:
    value = number(vr, text)
    if value is None or (vr in INTEGER_VRS and not -(1 << 63) <= value < 1 << 63):
        raise InvalidQuery(f"{name} must be a {'whole ' if vr in INTEGER_VRS else ''}number.")
    held = comparable(vr, text)
    return Equal(frozenset((held,) if held else ()))  # a number that the VR cannot hold is found nowhere


_PARSERS: Final[dict[str, Callable[[str, str, str, Matching], Test]]] = {
    **dict.fromkeys(_TEXT, _text),
    "AS": _age,
    "PN": _person_name,
    "UI": _uids,
    **dict.fromkeys(_INSTANTS, _instant),
    **dict.fromkeys(INTEGER_VRS | FLOAT_VRS, _number),
}
