from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dicom_core.index.attributes import Level
from dicom_core.index.keys import (
    ALL,
    JOURNAL_AND_OUTBOX,
    KeyRange,
    escape,
    everything,
    exact,
    expired,
    expiry_key,
    instance_key,
    instances_of,
    journal_key,
    newest,
    outbox_key,
    partition_key,
    prefix,
    search_key,
    series_key,
    series_of,
    shard_of,
    study_key,
    uids_of,
    value_range,
)
from dicom_core.storage.limits import check_key
from dicom_core.storage.ports import MAX_KEY_CHARACTERS

VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60) | st.text("ab!|}~^ ", min_size=1, max_size=12)
LONG_VALUES = st.text("ab|é", min_size=100, max_size=400)
UIDS = st.from_regex(re.compile(r"[0-9.]{0,63}[0-9]"), fullmatch=True)
TAG = "00100010"


def within(key: str, key_range: KeyRange) -> bool:
    start, end = key_range
    return start <= key < end


@given(VALUES | LONG_VALUES, UIDS, UIDS, UIDS)
def test_keys_of_any_value_are_allowed_and_short_enough(value: str, study: str, series: str, instance: str) -> None:
    key = search_key(Level.INSTANCE, TAG + "w", value, 0, study, series, instance)
    check_key(key)
    assert len(key) <= MAX_KEY_CHARACTERS
    assert uids_of(Level.INSTANCE, key) == (study, series, instance)


@given(VALUES | LONG_VALUES, VALUES | LONG_VALUES)
def test_different_values_have_different_keys(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(VALUES, VALUES)
def test_an_exact_range_catches_its_value_alone(one: str, other: str) -> None:
    key = search_key(Level.STUDY, TAG, other, 5, "1.2")
    assert within(key, exact(Level.STUDY, TAG, one)) == (one == other)


@given(VALUES, VALUES)
def test_a_prefix_range_catches_what_starts_with_it(start: str, other: str) -> None:
    key = search_key(Level.SERIES, TAG, other, 5, "1.2", "1.3")
    assert within(key, prefix(Level.SERIES, TAG, start)) == other.startswith(start)


@given(LONG_VALUES, st.integers(1, 400))
def test_a_prefix_range_of_a_long_value_misses_nothing(value: str, length: int) -> None:
    assert within(search_key(Level.STUDY, TAG, value, 5, "1.2"), prefix(Level.STUDY, TAG, value[:length]))


DATES = st.dates().map(lambda day: f"{day:%Y%m%d}".rjust(8, "0"))


@given(DATES, st.none() | DATES, st.none() | DATES)
def test_a_value_range_holds_both_of_its_ends(value: str, first: str | None, last: str | None) -> None:
    key = search_key(Level.STUDY, "00080020", value, 5, "1.2")
    expected = (first is None or first <= value) and (last is None or value <= last)
    assert within(key, value_range(Level.STUDY, "00080020", first, last)) == expected


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_later_creations_sort_first(one: int, other: int) -> None:
    assert (newest(one) < newest(other)) == (one > other)


def test_ranges_of_levels_and_tags_do_not_overlap() -> None:
    ranges = [
        everything(Level.STUDY),
        everything(Level.SERIES),
        everything(Level.INSTANCE),
        exact(Level.STUDY, "00100010", "a"),
        exact(Level.STUDY, "00100010w", "a"),
        exact(Level.STUDY, "00100020", "a"),
        series_of("1.2"),
        series_of("1.2.3"),
        instances_of("1.2"),
        instances_of("1.2.3"),
        JOURNAL_AND_OUTBOX,
        expired(2**63 - 1),
        (study_key("1.2"), study_key("1.2") + "!"),
    ]
    ordered = sorted(ranges)
    assert all(before[1] <= after[0] for before, after in pairwise(ordered))


def test_ranges_hold_what_they_are_named_for() -> None:
    assert within(search_key(Level.STUDY, ALL, "", 7, "1.2"), everything(Level.STUDY))
    assert within(series_key("1.2", "3"), series_of("1.2"))
    assert not within(series_key("1.2.1", "3"), series_of("1.2"))
    assert within(instance_key("1.2", "3", "4"), instances_of("1.2"))
    assert within(instance_key("1.2", "3", "4"), instances_of("1.2", "3"))
    assert not within(instance_key("1.2", "3.1", "4"), instances_of("1.2", "3"))
    assert within(journal_key("0" * 26), JOURNAL_AND_OUTBOX)
    assert within(outbox_key("Z" * 26), JOURNAL_AND_OUTBOX)


@given(UIDS, st.integers(1, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_studies_that_have_expired_are_one_range(study: str, expires: int, now: int) -> None:
    check_key(expiry_key(expires, study))
    assert within(expiry_key(expires, study), expired(now)) == (expires <= now)


@given(UIDS, st.integers(1, 64))
def test_a_study_has_one_shard_of_those_there_are(study: str, shards: int) -> None:
    shard = shard_of(study, shards)
    assert 0 <= shard < shards
    assert shard == shard_of(study, shards)


def test_partition_keys_ignore_letter_case() -> None:
    assert partition_key("Ward", 3) == partition_key("wARD", 3) == "ward~3"
