"""A change feed of any length, written as it lies in its table, and what reading it must give."""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass, field

from dicom_core.change_feed.reader import Published
from dicom_core.index.events import Action, Event, dump_events
from dicom_core.index.feed import DIRECTORY, HEAD, PACK_SIZE, pack_key, sequence_key, time_key
from dicom_core.index.keys import CHANGE_FEED_TABLE
from dicom_core.storage.ports import Insert, Operation, Properties, Tables

__all__ = ["BuiltFeed", "build_feed", "event"]

_SIZES = (1, 2, 100, *(PACK_SIZE,) * 4)


def event(sequence: int) -> Event:
    """The event with a sequence number."""
    return Event(Action.CREATE, "Microsoft.Default", f"1.{sequence // 1000}", "2", str(sequence), sequence)


@dataclass(slots=True)
class BuiltFeed:
    """The times of all events, by sequence number from 1 on; a naive reader of them."""

    times: list[int] = field(default_factory=list)

    def published(self, first: int, end: int) -> list[Published]:
        """The events with first <= sequence number < end."""
        return [Published(number, self.times[number - 1], event(number)) for number in range(first, min(end, len(self.times) + 1))]

    def since(self, time: int) -> int:
        """The sequence number of the first event at a time or later."""
        return bisect_left(self.times, time) + 1


async def build_feed(tables: Tables, events: int, bucket_size: int, seed: int = 0) -> BuiltFeed:
    """Write a feed of packs of random sizes; some packs share their time with the one before."""
    chance = random.Random(seed)
    feed = BuiltFeed()
    time = 1_600_000_000_000_000
    while len(feed.times) < events:
        start = len(feed.times) + 1
        await tables.commit(CHANGE_FEED_TABLE, DIRECTORY, [Insert(sequence_key(start), {"time": feed.times[-1] if feed.times else 0})])
        rows: list[Operation] = []
        while (first := len(feed.times) + 1) < min(start + bucket_size, events + 1):
            size = min(chance.choice(_SIZES), start + bucket_size - first, events + 1 - first)
            time += chance.choice((0, 1, 1000, 60_000_000))
            last = first + size - 1
            rows.append(Insert(pack_key(last), {"first": first, "time": time, "events": dump_events(map(event, range(first, last + 1)))}))
            rows.append(Insert(time_key(time, last), {"first": first, "last": last}))
            feed.times += [time] * size
        head: Properties = {"next": len(feed.times) + 1, "time": time, "pending": "", "closed": len(feed.times) < events}
        rows.append(Insert(HEAD, head))
        for number in range(0, len(rows), 100):
            await tables.commit(CHANGE_FEED_TABLE, sequence_key(start), rows[number : number + 100])
    return feed
