"""Reading search rows newest first: several sorted streams, page by page, merged as they are consumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace

from dicom_core.index.attributes import Level
from dicom_core.index.keys import KeyRange
from dicom_core.search.filtering import Filter
from dicom_core.search.hits import Hit, Rows, together
from dicom_core.storage.ports import Row

__all__ = ["Merge", "Stream", "Work"]


class Work:
    """How many rows a search may still look at; None for any number. `gave_up`: it wanted more."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self.gave_up = False

    def allowed(self) -> bool:
        """Whether the search may go on."""
        self.gave_up = self.gave_up or (self._left is not None and self._left <= 0)
        return not self.gave_up

    def take(self, rows: int) -> None:
        """Count rows as looked at."""
        if self._left is not None:
            self._left -= rows


class Stream:
    """The search rows of one range in one shard that pass a filter, in order of their keys: newest first where it is one value.

    `ended`: everything was read, or the search was `cut` short.
    """

    def __init__(
        self, rows: Rows, shard: str, level: Level, key_range: KeyRange, *, select: Sequence[str], size: int, max_size: int, work: Work
    ) -> None:
        self._rows = rows
        self._shard = shard
        self._level = level
        self._start, self._end = key_range
        self._select = select
        self._size = size
        self._max_size = max_size
        self._work = work
        self.hits: deque[Hit] = deque()
        self.ended = False
        self.cut = False

    async def fill(self, keep: Filter) -> None:
        """Read on until there is a hit, or nothing more to read."""
        while not self.hits and not self.ended:
            page = await self._page()
            self.hits.extend(await keep.passing([_hit_of(row, self._level) for row in page], self._rows))

    async def _page(self) -> list[Row]:
        if not self._work.allowed():
            self.ended = self.cut = True
            return []
        pages = self._rows.scan(self._shard, (self._start, self._end), limit=self._size, select=self._select)
        found = [row async for page in pages for row in page]
        self._work.take(len(found))
        self.ended = len(found) < self._size
        if found:
            self._start = f"{found[-1].row_key} "  # no key that can follow sorts below
        self._size = min(4 * self._size, self._max_size)
        return found


class Merge:
    """Several streams as one, newest first, each hit once."""

    def __init__(self, streams: Sequence[Stream], keep: Filter) -> None:
        self._streams = streams
        self._keep = keep
        self._heads: list[tuple[str, int]] | None = None  # the order of each stream's next hit
        self._last = ""

    async def take(self, wanted: int) -> list[Hit]:
        """The next hits; fewer than wanted at the end only."""
        if self._heads is None:
            await together(stream.fill(self._keep) for stream in self._streams)
            self._heads = [(stream.hits[0].order, number) for number, stream in enumerate(self._streams) if stream.hits]
            heapify(self._heads)
        taken: list[Hit] = []
        while self._heads and len(taken) < wanted:
            order, number = self._heads[0]
            stream = self._streams[number]
            hit = stream.hits.popleft()
            if order != self._last:
                self._last = order
                taken.append(hit)
            if not stream.hits:
                await stream.fill(self._keep)
            if stream.hits:
                heapreplace(self._heads, (stream.hits[0].order, number))
            else:
                heappop(self._heads)
        return taken

    @property
    def certain(self) -> bool:
        """Whether the hits taken are surely the newest: no stream that was cut short ran dry."""
        return not any(stream.cut and not stream.hits for stream in self._streams)

    def rest(self) -> tuple[int, bool]:
        """How many further hits are known, and whether that is all of them."""
        orders = {hit.order for stream in self._streams for hit in stream.hits} - {self._last}
        return len(orders), all(stream.ended and not stream.cut for stream in self._streams)


def _hit_of(row: Row, level: Level) -> Hit:
    """What a search row has found."""
    before, _, *uids = row.row_key.rsplit("|", level + 1)
    hit = Hit(tuple(uids), row.row_key[len(before) + 1 :])
    if row.properties:
        hit.rows[level - 1] = row
    return hit
