"""The change feed as it lies in its table, read without any code of the feed, and checked on the way."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, cast

from dicom_core.index.events import Action, Event, load_events
from dicom_core.storage.ports import Row, Tables

__all__ = ["FeedEntry", "check_one_event_per_version", "read_feed", "rows_of"]

TABLE = "changefeed"


class FeedEntry(NamedTuple):
    """An event with the number and the time (microseconds since 1970) that the feed gave it."""

    sequence: int
    time: int
    event: Event


async def rows_of(tables: Tables, table: str, partition_key: str) -> list[Row]:
    """Every row of a partition, in order."""
    return [row async for page in tables.scan(table, partition_key, "!", "~~") for row in page]


async def read_feed(tables: Tables) -> list[FeedEntry]:
    """Every event in order; numbers are unique and without gaps, times never go back, and both sets of rows agree."""
    entries: list[FeedEntry] = []
    buckets = await rows_of(tables, TABLE, "directory")
    for number, bucket in enumerate(buckets):
        rows = {row.row_key: row.properties for row in await rows_of(tables, TABLE, bucket.row_key)}
        first = int(bucket.row_key)
        assert first == len(entries) + 1, "a bucket starts where the one before ends"
        assert not entries or cast(int, bucket.properties["time"]) >= entries[-1].time
        if not rows:  # the bucket was about to be opened
            assert number == len(buckets) - 1
            continue
        head = rows.pop("head")
        by_time = {}
        for key in sorted(key for key in rows if key.startswith("e")):
            pack = rows.pop(key)
            events = load_events(cast(bytes, pack["events"]))
            low, time = cast(int, pack["first"]), cast(int, pack["time"])
            assert low == len(entries) + 1, "no gaps"
            assert int(key[1:]) == low + len(events) - 1
            assert not entries or entries[-1].time <= time
            entries += [FeedEntry(low + offset, time, event) for offset, event in enumerate(events)]
            by_time[f"t{time:017d}|{key[1:]}"] = {"first": low, "last": int(key[1:])}
        assert rows == by_time, "the rows by time are those of the packs"
        assert head["next"] == len(entries) + 1
        assert not entries or cast(int, head["time"]) >= entries[-1].time
        assert head["closed"] is True or number >= len(buckets) - 2
    return entries


def check_one_event_per_version(
    entries: list[FeedEntry], present: dict[tuple[str, str, str, str], int], *, replacing: bool = False
) -> None:
    """Each instance version came once and, unless it is `present` (by partition and UIDs), went once.

    With `replacing`, a version may have gone because a later one came.
    """
    changes: dict[tuple[str, str, str, str], dict[Action, Counter[int]]] = {}
    for _, _, event in entries:
        actions = changes.setdefault((event.partition, event.study, event.series, event.instance), {action: Counter() for action in Action})
        actions[event.action][event.version] += 1
    assert present.keys() <= changes.keys(), "every instance was announced"
    for instance, actions in changes.items():
        created, deleted = actions[Action.CREATE], actions[Action.DELETE]
        assert set(created.values()) <= {1}, f"{instance} was announced twice"
        expected = Counter(deleted)
        if instance in present:
            expected[present[instance]] += 1
        replaced = created - expected if replacing else Counter[int]()
        assert created - replaced == expected, f"{instance}: events do not tell what happened"
        assert all(version < max(created) for version in replaced), f"{instance}: its last version went without an event"
