"""NCRONTAB schedules: ``{second} {minute} {hour} {day} {month} {day of week}``, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

__all__ = ["Schedule"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_AHEAD = 366 * 8 + 1  # a 29 February can be eight years away


@dataclass(frozen=True, slots=True)
class Schedule:
    """The moments whose every field is in the set for it; a day must fit both as day of month and as day of week."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Parse six fields, or five: then the seconds are 0.

        Raises:
            ValueError: the schedule is malformed.
        """
        fields = text.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise ValueError(f"schedule '{text}' must have six fields")
        second, minute, hour, day, month, weekday = fields
        return cls(
            _parse_field(second, 0, 59),
            _parse_field(minute, 0, 59),
            _parse_field(hour, 0, 23),
            _parse_field(day, 1, 31),
            _parse_field(month, 1, 12, _MONTHS),
            _parse_field(weekday, 0, 6, _WEEKDAYS),
        )

    def next_after(self, moment: datetime) -> datetime:
        """Return the first scheduled moment that is later.

        Raises:
            ValueError: there is none, as for 31 February.
        """
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for ahead in range(_DAYS_AHEAD):
            date = start.date() + timedelta(days=ahead)
            if date.month in self.months and date.day in self.days and date.isoweekday() % 7 in self.weekdays:
                clock = self._first_time(start.time() if ahead == 0 else time())
                if clock is not None:
                    return datetime.combine(date, clock, moment.tzinfo)
        raise ValueError("the schedule never comes due")

    def _first_time(self, earliest: time) -> time | None:
        for hour in (hour for hour in self.hours if hour >= earliest.hour):
            for minute in self.minutes:
                if (hour, minute) < (earliest.hour, earliest.minute):
                    continue
                for second in self.seconds:
                    if time(hour, minute, second) >= earliest:
                        return time(hour, minute, second)
        return None


def _parse_field(text: str, lowest: int, highest: int, names: tuple[str, ...] = ()) -> tuple[int, ...]:
    """Parse a list of ``*``, ``a``, ``a-b``, each with an optional ``/step``; `a/step` runs to the end of the field."""
    values: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = lowest, highest
        else:
            low = _parse_value(first, lowest, highest, names)
            high = _parse_value(last, lowest, highest, names) if dash else highest if step else low
        if step and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"schedule field '{text}' has a bad step")
        if low > high:
            raise ValueError(f"schedule field '{text}' has a range that ends before it starts")
        values.update(range(low, high + 1, int(step or 1)))
    return tuple(sorted(values))


def _parse_value(text: str, lowest: int, highest: int, names: tuple[str, ...]) -> int:
    if text[:3].lower() in names:
        return names.index(text[:3].lower()) + lowest
    if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
        raise ValueError(f"schedule value '{text}' is not within {lowest} to {highest}")
    return int(text)
