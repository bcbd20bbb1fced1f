"""Combined date and time matching: a date range and a time range as one range of instants.

Standard: PS3.4 C.2.2.2.5.1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dicom_core.errors import InvalidQuery
from dicom_core.search.conditions import Between, Condition, Equal, Instants, Test

__all__ = ["combine_dates_and_times"]

_TIME_OF: Final = {
    "00080020": "00080030",  # study
    "00080021": "00080031",  # series
    "00080022": "00080032",  # acquisition
    "00080023": "00080033",  # content
    "00100030": "00100032",  # patient's birth
    "00400244": "00400245",  # performed procedure step start
}
_LATEST: Final = "~"  # sorts after every time


def combine_dates_and_times(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Replace each date and its time by one condition, where both are given and one of them is a range.

    Raises:
        InvalidQuery: a time range that has no date ends before it starts.
    """
    times = {each.attribute.tag: each for each in conditions}
    combined = {}
    for each in conditions:
        time = times.get(_TIME_OF.get(each.attribute.tag, ""))
        if time is not None and (instants := _instants(each.test, time.attribute.tag, time.test)) is not None:
            combined[each.attribute.tag] = instants
    gone = {_TIME_OF[tag] for tag in combined}
    return tuple(_replaced(conditions, combined, gone))


def _replaced(conditions: tuple[Condition, ...], combined: dict[str, Instants], gone: set[str]) -> Iterator[Condition]:
    for each in conditions:
        tag = each.attribute.tag
        if tag not in gone:
            if isinstance(each.test, Between) and each.test.first is not None and (each.test.last or _LATEST) < each.test.first:
                raise InvalidQuery(f"{each.name} must not end before it starts.")
            yield replace(each, test=combined[tag]) if tag in combined else each


def _instants(date: Test, time_tag: str, time: Test) -> Instants | None:
    dates, times = _ends(date), _ends(time)
    if dates is None or times is None or (isinstance(date, Equal) and isinstance(time, Equal)):
        return None
    return Instants(
        time_tag,
        first=None if dates.first is None else dates.first + (times.first or ""),
        last=None if dates.last is None else dates.last + (times.last or _LATEST),
    )


def _ends(test: Test) -> Between | None:
    if isinstance(test, Equal) and len(test.values) == 1:
        (value,) = test.values
        return Between(value, value)
    return test if isinstance(test, Between) else None
