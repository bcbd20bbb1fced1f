from __future__ import annotations

from dicom_core.index.clock import Clock, ulid_time


def test_versions_grow_even_when_the_time_stands_still_or_goes_back() -> None:
    times = iter([5.0, 5.0, 4.0, 6.0])
    clock = Clock(lambda: next(times))
    assert [clock.version() for _ in range(4)] == [5_000_000, 5_000_001, 5_000_002, 6_000_000]


def test_versions_are_exact_as_json_numbers() -> None:
    assert Clock(lambda: 9_000_000_000.0).version() < 2**53  # the year 2255


def test_ulids_sort_by_time_and_tell_it() -> None:
    times = iter([1_700_000_000.125, 1_700_000_000.126])
    clock = Clock(lambda: next(times))
    first, second = clock.ulid(), clock.ulid()
    assert first < second
    assert len(first) == 26
    assert (ulid_time(first), ulid_time(second)) == (1_700_000_000.125, 1_700_000_000.126)


def test_ulids_of_one_moment_differ() -> None:
    clock = Clock(lambda: 1.0)
    assert len({clock.ulid() for _ in range(1000)}) == 1000
