from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local_host.schedules import Schedule


def _next(schedule: str, moment: str) -> str:
    return Schedule.parse(schedule).next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC)).isoformat(" ").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("schedule", "moment", "expected"),
    [
        ("* * * * * *", "2026-01-01 00:00:00.5", "2026-01-01 00:00:01"),
        ("0 */5 * * * *", "2026-01-01 00:00:00", "2026-01-01 00:05:00"),
        ("*/5 * * * *", "2026-01-01 23:57:01", "2026-01-02 00:00:00"),
        ("30 0 4 * * *", "2026-01-01 04:00:30", "2026-01-02 04:00:30"),
        ("0 0 9-17/4 * * MON-fri", "2026-01-02 17:00:00", "2026-01-05 09:00:00"),
        ("0 0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 0 13 * 5", "2026-01-01 00:00:00", "2026-02-13 00:00:00"),
        ("0 0 0 1 January,7 *", "2026-01-01 00:00:00", "2026-07-01 00:00:00"),
        ("10,20 0 0 * * *", "2026-01-01 00:00:10", "2026-01-01 00:00:20"),
        ("50/5 * * * * *", "2026-01-01 00:00:50", "2026-01-01 00:00:55"),
    ],
)
def test_next_after(schedule: str, moment: str, expected: str) -> None:
    assert _next(schedule, moment) == expected


@pytest.mark.parametrize(
    "schedule", ["", "* * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "5-1 * * * * *", "*/0 * * * * *", "x * * * * *", "00:05:00"]
)
def test_malformed_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        Schedule.parse(schedule)


def test_schedule_without_any_moment() -> None:
    with pytest.raises(ValueError, match="never"):
        _next("0 0 0 31 2 *", "2026-01-01 00:00:00")
