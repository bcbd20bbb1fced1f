"""The change feed's table, and appending to it: numbers without gaps, in order, each debt exactly once.

    directory              a row `{first sequence}` for every bucket: `time`, the last time of the bucket before, or 0
    {first sequence}       a bucket of some 100,000 events:
        head               `next` sequence, last `time`, `closed`, and `pending`: the debts appended and maybe not dropped yet
        e{last sequence}   a pack of events with consecutive sequence numbers and one time
        t{time}|{last}     the same pack by time: `first` and `last` sequence

Head and packs are written in one batch under the head's ETag, so numbers become visible in order. Times never go back,
so order by time is order by sequence.

A debt found in `pending` was appended before: whoever settles it again skips it. It leaves `pending` only after its
outbox row has gone. So a debt is owed if its outbox row still exists after the head, under whose ETag it is appended,
was read without it. Its own process need not look as long as nobody else has written the head in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Final, cast

from dicom_core.index.clock import Clock
from dicom_core.index.events import Event, dump_events
from dicom_core.index.keys import CHANGE_FEED_TABLE, INDEX_TABLE
from dicom_core.index.lane import Debt
from dicom_core.storage.ports import (
    AlreadyExists,
    ConditionFailed,
    Insert,
    Operation,
    Properties,
    Replace,
    Row,
    StorageUnavailable,
    Tables,
)

__all__ = ["DIRECTORY", "HEAD", "PACK_SIZE", "Feed", "Head", "pack_key", "sequence_key", "time_key"]

DIRECTORY: Final = "directory"
HEAD: Final = "head"
PACK_SIZE: Final = 150  # events in one row: with UIDs of full length still within one property
_PACKS: Final = 40  # in one batch
_DEBTS: Final = 200  # in one batch
_PENDING: Final = 400  # debts remembered before appending waits for some to be dropped
_ATTEMPTS: Final = 50
_ULID_TIME: Final = 10  # leading characters of a ulid that tell its time


def sequence_key(sequence: int) -> str:
    """A bucket's partition key and directory row key, from its first sequence number."""
    return f"{sequence:019d}"


def pack_key(last: int) -> str:
    """Row key of the pack that ends with sequence `last`."""
    return f"e{last:019d}"


def time_key(time: int, last: int) -> str:
    """Row key of a pack by its time (microseconds since 1970)."""
    return f"t{time:017d}|{last:019d}"


@dataclass(frozen=True, slots=True)
class Head:
    """The head row of a bucket: `bucket` is its first sequence number, `next` the one to give out."""

    bucket: int
    next: int
    time: int
    pending: tuple[str, ...]
    closed: bool
    etag: str

    def properties(self) -> Properties:
        return {"next": self.next, "time": self.time, "pending": "\n".join(self.pending), "closed": self.closed}

    @classmethod
    def of(cls, bucket: int, row: Row) -> Head:
        get = row.properties
        pending = tuple(cast(str, get["pending"]).split("\n")) if get["pending"] else ()
        return cls(bucket, cast(int, get["next"]), cast(int, get["time"]), pending, cast(bool, get["closed"]), row.etag)


@dataclass(eq=False, slots=True)
class _Owed:
    debt: Debt
    done: asyncio.Future[None]
    doubtful: bool  # others may have settled it, and forgotten it, before the head was read


class Feed:
    """Appends the events of committed batches; one append at a time in a process, many debts in each."""

    def __init__(self, tables: Tables, clock: Clock, bucket_size: int = 100_000) -> None:
        self._tables = tables
        self._clock = clock
        self._bucket_size = bucket_size
        self._waiting: list[_Owed] = []
        self._dropped: set[str] = set()
        self._head: Head | None = None
        self._bucket = 1  # the newest one seen
        self._read_at = ""  # when the head was last read, as the beginning of a ulid
        self._running: asyncio.Task[None] | None = None

    async def append(self, debt: Debt, *, doubtful: bool = False) -> None:
        """Append the events of a debt unless that was done before; visible on return.

        `doubtful` says that the outbox row was not just written by this process, so that others may settle it too.

        Raises:
            StorageUnavailable: it is unknown whether they were appended; append them again later.
        """
        doubtful = doubtful or debt.name[:_ULID_TIME] <= self._read_at
        owed = _Owed(debt, asyncio.get_running_loop().create_future(), doubtful)
        self._waiting.append(owed)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await owed.done

    def dropped(self, name: str) -> None:
        """Forget a debt whose outbox row is gone for good."""
        self._dropped.add(name)

    async def head(self) -> Head:
        """Read the head of the newest bucket."""
        async for page in self._tables.scan(CHANGE_FEED_TABLE, DIRECTORY, sequence_key(self._bucket), ":"):
            if page:
                self._bucket = int(page[-1].row_key)
        row = await self._tables.get(CHANGE_FEED_TABLE, sequence_key(self._bucket), HEAD)
        return Head.of(self._bucket, row) if row is not None else await self._open(self._bucket)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._take()
                try:
                    await self._append(batch)
                except Exception as error:  # those who wait must hear of it
                    for owed in batch:
                        if not owed.done.done():
                            owed.done.set_exception(error)
                else:
                    for owed in batch:
                        if not owed.done.done():
                            owed.done.set_result(None)
        finally:
            self._running = None

    def _take(self) -> tuple[list[_Owed], list[_Owed]]:
        """As many debts as one batch of packs holds."""
        count = 0
        for number, owed in enumerate(self._waiting):
            count += len(owed.debt.events)
            if number == _DEBTS or (number and count > PACK_SIZE * _PACKS):
                return self._waiting[:number], self._waiting[number:]
        return self._waiting, []

    async def _append(self, batch: list[_Owed]) -> None:
        for attempt in range(_ATTEMPTS):
            head = self._head or await self._read_head(batch)
            self._head = None
            if head.closed or head.next - head.bucket >= self._bucket_size:
                await self._roll(head)
                continue
            fresh = await self._still_owed({owed.debt.name: owed for owed in batch if owed.debt.name not in head.pending})
            if not fresh:
                self._head = head
                return
            events = [event for debt in fresh for event in debt.events]
            dropped = frozenset(self._dropped)
            pending = tuple(name for name in head.pending if name not in dropped) + tuple(debt.name for debt in fresh)
            if len(pending) - len(fresh) > _PENDING:
                raise StorageUnavailable("too many debts of the change feed are not settled")
            after = replace(head, next=head.next + len(events), time=max(self._clock.version(), head.time), pending=pending)
            operations: list[Operation] = [Replace(HEAD, after.properties(), head.etag), *_packs(head.next, after.time, events)]
            try:
                etags = await self._tables.commit(CHANGE_FEED_TABLE, sequence_key(head.bucket), operations)
            except (AlreadyExists, ConditionFailed):
                await asyncio.sleep(random.random() * min(0.002 * 2**attempt, 0.2))  # noqa: S311
                continue
            self._dropped -= dropped
            self._head = replace(after, etag=etags[0] or "")
            return
        raise StorageUnavailable("too many writers of the change feed")

    async def _read_head(self, batch: list[_Owed]) -> Head:
        """Read the head anew: others may have settled whatever was owed before."""
        head = await self.head()
        self._read_at = self._clock.ulid()[:_ULID_TIME]
        for owed in (*batch, *self._waiting):
            owed.doubtful = True
        return head

    async def _still_owed(self, found: dict[str, _Owed]) -> list[Debt]:
        """The debts without those that somebody else has settled meanwhile."""
        rows: defaultdict[str, list[str]] = defaultdict(list)
        for owed in found.values():
            if owed.doubtful:
                rows[owed.debt.partition_key].append(owed.debt.row_key)
        reads = [self._tables.get_many(INDEX_TABLE, partition_key, row_keys) for partition_key, row_keys in rows.items()]
        existing = {(key, name) for key, answer in zip(rows, await asyncio.gather(*reads), strict=True) for name in answer}
        debts = ((owed.debt, owed.doubtful) for owed in found.values())
        return [debt for debt, doubtful in debts if not doubtful or (debt.partition_key, debt.row_key) in existing]

    async def _roll(self, head: Head) -> None:
        """Close a full bucket and open the next; any step may have been done by others, or by someone who crashed."""
        try:
            if not head.closed:
                closed = replace(head, closed=True).properties()
                await self._tables.commit(CHANGE_FEED_TABLE, sequence_key(head.bucket), [Replace(HEAD, closed, head.etag)])
            row = Insert(sequence_key(head.next), {"time": head.time})
            await self._tables.commit(CHANGE_FEED_TABLE, DIRECTORY, [row])
        except (AlreadyExists, ConditionFailed):
            return  # others are at it: the next look shows where they are
        await self._open(head.next, head)

    async def _open(self, bucket: int, previous: Head | None = None) -> Head:
        """Write the head of a bucket whose directory row exists (the first bucket gets its row here)."""
        if bucket == 1:
            await self._insert(DIRECTORY, Insert(sequence_key(1), {"time": 0}))
        elif previous is None:
            previous = await self._previous(bucket)
        head = Head(bucket, bucket, previous.time if previous else 0, previous.pending if previous else (), closed=False, etag="")
        await self._insert(sequence_key(bucket), Insert(HEAD, head.properties()))
        row = await self._tables.get(CHANGE_FEED_TABLE, sequence_key(bucket), HEAD)
        if row is None:
            raise StorageUnavailable("the head of the change feed is missing")
        return Head.of(bucket, row)

    async def _previous(self, bucket: int) -> Head:
        """The head of the closed bucket before `bucket`."""
        before = 1
        async for page in self._tables.scan(CHANGE_FEED_TABLE, DIRECTORY, "0", sequence_key(bucket)):
            if page:
                before = int(page[-1].row_key)
        row = await self._tables.get(CHANGE_FEED_TABLE, sequence_key(before), HEAD)
        if row is None:
            raise StorageUnavailable("the change feed has lost a bucket")
        return Head.of(before, row)

    async def _insert(self, partition_key: str, row: Insert) -> None:
        with contextlib.suppress(AlreadyExists):  # somebody else was faster
            await self._tables.commit(CHANGE_FEED_TABLE, partition_key, [row])


def _packs(first: int, time: int, events: list[Event]) -> list[Operation]:
    """The rows of consecutive events, starting with sequence `first`."""
    rows: list[Operation] = []
    for start in range(0, len(events), PACK_SIZE):
        pack = events[start : start + PACK_SIZE]
        low, high = first + start, first + start + len(pack) - 1
        rows.append(Insert(pack_key(high), {"first": low, "time": time, "events": dump_events(pack)}))
        rows.append(Insert(time_key(time, high), {"first": low, "last": high}))
    return rows
