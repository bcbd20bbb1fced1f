"""Reading events by sequence number and by time, without scanning what lies before them.

The directory row of a bucket tells where it starts; a bucket's rows by time tell the sequence number at which a moment
begins. Numbers have no gaps, so that everything else is arithmetic.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from dicom_core.index.events import Event, load_events
from dicom_core.index.feed import DIRECTORY, HEAD, PACK_SIZE, pack_key, sequence_key, time_key
from dicom_core.index.keys import CHANGE_FEED_TABLE
from dicom_core.storage.ports import Row, Tables

__all__ = ["FeedReader", "Published"]


@dataclass(frozen=True, slots=True)
class Published:
    """An event with its number and the time (microseconds since 1970) at which it became visible."""

    sequence: int
    time: int
    event: Event


class FeedReader:
    """Reads the change feed's table. It remembers where buckets start, which never changes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._starts: list[int] = []  # first sequence number of each bucket, ascending
        self._times: list[int] = []  # the last time before each bucket

    async def read(self, first: int, count: int, *, before: int | None = None) -> list[Published]:
        """The events from sequence number `first` on, `count` at most, those from the time `before` on left out."""
        await self._look_for_buckets()
        found: list[Published] = []
        end = first + count
        for start in self._starts[max(0, bisect_right(self._starts, first) - 1) : bisect_left(self._starts, end)]:
            keys = pack_key(max(first, start)), pack_key(end + PACK_SIZE)  # the last pack wanted ends below that
            async for row in self._rows(start, *keys):
                low, time = cast(int, row.properties["first"]), cast(int, row.properties["time"])
                if low >= end or (before is not None and time >= before):
                    return found
                events = enumerate(load_events(cast(bytes, row.properties["events"])), low)
                found += [Published(sequence, time, event) for sequence, event in events if first <= sequence < end]
        return found

    async def first_since(self, time: int) -> int | None:
        """The sequence number of the first event at `time` or later, None when there is none."""
        await self._look_for_buckets()
        if not self._starts:
            return None
        # where the bucket before ends at `time` itself, the first event of that time may lie there
        bucket = self._starts[max(0, bisect_left(self._times, time) - 1)]
        async for row in self._rows(bucket, time_key(time, 0), "u", limit=1):
            return cast(int, row.properties["first"])
        return None

    async def last(self) -> int:
        """The highest sequence number, 0 when there is none."""
        await self._look_for_buckets()
        if not self._starts:
            return 0
        head = await self._tables.get(CHANGE_FEED_TABLE, sequence_key(self._starts[-1]), HEAD)
        return (cast(int, head.properties["next"]) if head is not None else self._starts[-1]) - 1

    async def _look_for_buckets(self) -> None:
        """Learn of buckets that were begun since the last time."""
        seen = self._starts[-1] + 1 if self._starts else 0
        async for page in self._tables.scan(CHANGE_FEED_TABLE, DIRECTORY, sequence_key(seen), ":"):
            for row in page:
                start = int(row.row_key)
                if not self._starts or start > self._starts[-1]:  # another request may have been faster
                    self._starts.append(start)
                    self._times.append(cast(int, row.properties["time"]))

    async def _rows(self, bucket: int, start: str, end: str, *, limit: int | None = None) -> AsyncIterator[Row]:
        async for page in self._tables.scan(CHANGE_FEED_TABLE, sequence_key(bucket), start, end, limit=limit):
            for row in page:
                yield row
