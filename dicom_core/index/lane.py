"""Group commit: one lane for each partition key of the index turns waiting changes into few atomic batches.

A change is a pure function of rows: it reads them, writes others, and returns an outcome. The lane reads the union of
the rows that its waiting changes name, applies one change after the other in memory, and commits what fits in one
batch. When another process was faster (an ETag no longer matches), it reads again and applies again.

Rows that were just written or read are remembered with their ETags, and rows that a change expects to be absent are not
read at first: the commit itself tells when either was wrong.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from dicom_core.index.clock import Clock
from dicom_core.index.events import Event, dump_events, load_events
from dicom_core.index.keys import INDEX_TABLE, outbox_key
from dicom_core.index.view import View
from dicom_core.storage.ports import (
    MAX_BATCH_ROWS,
    AlreadyExists,
    ConditionFailed,
    Delete,
    Insert,
    Operation,
    Properties,
    Replace,
    Row,
    StorageError,
    StorageUnavailable,
    Tables,
)

__all__ = ["Change", "Debt", "Lane", "Settle"]

T = TypeVar("T")

_REMEMBERED: Final = 512  # rows per lane
_ATTEMPTS: Final = 30
_SETTLED_TOGETHER: Final = 4  # batches at most, while more changes wait: the change feed takes their events in one commit
_LINGER: Final = 0.05  # seconds that rows that leave wait for a batch to ride along with


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A change of rows: `apply` may touch only the rows named in `reads` and `expected_absent`, and must be pure.

    `known` may hold rows of `reads` that were just read anyway.
    """

    apply: Callable[[View], T]
    reads: tuple[str, ...] = ()
    expected_absent: tuple[str, ...] = ()
    known: Mapping[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Debt:
    """What a committed batch still owes: it lies in the outbox row `row_key` until it is settled."""

    partition_key: str
    row_key: str
    events: list[Event]
    blobs: list[str]

    @property
    def name(self) -> str:
        """The ulid of the outbox row, unique over all partitions."""
        return self.row_key[2:]

    def properties(self) -> Properties:
        return {"events": dump_events(self.events), "blobs": "\n".join(self.blobs).encode()}

    @classmethod
    def of(cls, partition_key: str, row: Row) -> Debt:
        events, blobs = cast(bytes, row.properties["events"]), cast(bytes, row.properties["blobs"])
        return cls(partition_key, row.row_key, load_events(events), blobs.decode().split("\n") if blobs else [])


class Settle(Protocol):
    """Pays a debt: appends its events, deletes its blobs, then drops the outbox row. Errors leave the rest to the sweeper.

    On return the batch that owed it is durable, too.

    Raises:
        StorageError: it is unknown whether that batch lasts.
    """

    async def __call__(self, debt: Debt) -> None: ...


@dataclass(eq=False, slots=True)
class _Waiting:
    change: Change[Any]
    done: asyncio.Future[Any]


@dataclass(slots=True)
class _Batch:
    """Changes that share a commit, with their outcomes, which count only when the commit succeeds."""

    view: View
    taken: list[tuple[_Waiting, object]] = field(default_factory=list)
    refused: list[tuple[_Waiting, Exception]] = field(default_factory=list)


class Lane:
    """The commits of this process to one partition key of the index table."""

    def __init__(self, tables: Tables, partition_key: str, clock: Clock, settle: Settle) -> None:
        self.partition_key = partition_key
        self._tables = tables
        self._clock = clock
        self._settle = settle
        self._known: OrderedDict[str, Row] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self._leaving: dict[str, Callable[[], None] | None] = {}  # rows to delete whenever a batch has room
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._settling: set[asyncio.Task[None]] = set()

    async def commit(self, change: Change[T]) -> T:
        """Apply a change durably and return its outcome, once everything it owes the change feed is paid.

        An exception raised by `change.apply` refuses the change and passes through; nothing of it is written.

        Raises:
            StorageUnavailable: it is unknown whether the change was written.
        """
        waiting = _Waiting(change, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._start()
        outcome: T = await waiting.done
        return outcome

    def leave(self, row_key: str, gone: Callable[[], None] | None = None) -> None:
        """Delete a row soon, with the next batch that has room; nobody waits for it, `gone` is called afterwards."""
        self._leaving[row_key] = gone
        self._linger()

    async def close(self) -> None:
        """Finish everything that waits."""
        while self._waiting or self._leaving or self._running or self._settling:
            self._start()
            await asyncio.wait({*self._settling, *([self._running] if self._running else [])})

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is None and (self._waiting or self._leaving):
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        owing: list[tuple[_Batch, Debt]] = []
        rounds = 0
        try:
            while True:
                written = await self._round()
                if written is not None:
                    owing.append(written)
                rounds += 1
                if not self._waiting:
                    break
                if rounds % _SETTLED_TOGETHER == 0:
                    self._finish_soon(owing)
                    owing = []
        finally:
            self._finish_soon(owing)
            self._running = None
            self._linger()

    def _linger(self) -> None:
        """See to it that rows leave when no batch comes to take them along."""
        if self._leaving and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LINGER, self._start)

    async def _round(self) -> tuple[_Batch, Debt] | None:
        """Commit one batch, however often it takes; if it owes something, those who wait for it are not told yet."""
        trusted = True
        for attempt in range(_ATTEMPTS):
            self._waiting = deque(waiting for waiting in self._waiting if not waiting.done.cancelled())
            crowded = len(self._leaving) > 2 * MAX_BATCH_ROWS  # full batches have little room for the rows that leave
            candidates = [] if crowded else list(islice(self._waiting, MAX_BATCH_ROWS))
            try:
                batch = self._apply(candidates, await self._load(candidates, trusted=trusted))
                if batch.refused and trusted:  # a refusal must not rest on rows that others may have changed
                    trusted = False
                    continue
                return await self._write(batch)
            except (AlreadyExists, ConditionFailed) as conflict:
                self._left([conflict.row_key])  # if it was to leave, the sweeper took it away
                trusted = False
                await asyncio.sleep(random.random() * min(0.002 * 2**attempt, 0.2))  # noqa: S311
            except Exception as error:  # whatever it is, those who wait must hear of it
                self._fail(candidates, error)
                return None
        self._fail(candidates, StorageUnavailable("too many conflicting writers"))
        return None

    async def _load(self, candidates: list[_Waiting], *, trusted: bool) -> dict[str, Row | None]:
        """The rows that the candidates name; without trust everything is read."""
        rows: dict[str, Row | None] = {}
        missing: dict[str, None] = {}
        for waiting in candidates:
            for key in waiting.change.expected_absent:
                if trusted:
                    rows.setdefault(key, None)
                else:
                    missing[key] = None
            for key in waiting.change.reads:
                known = self._known.get(key) or waiting.change.known.get(key) if trusted else None
                if known is None:
                    missing[key] = None
                else:
                    rows[key] = known
        if missing:
            found = await self._tables.get_many(INDEX_TABLE, self.partition_key, list(missing))
            rows |= {key: found.get(key) for key in missing}
        return rows

    def _apply(self, candidates: Iterable[_Waiting], rows: dict[str, Row | None]) -> _Batch:
        """Apply changes one after the other until the batch is full."""
        batch = _Batch(View(rows))
        for waiting in candidates:
            try:
                outcome = waiting.change.apply(batch.view)
                kept = batch.view.keep()
            except Exception as refusal:
                batch.view.discard()
                batch.refused.append((waiting, refusal))
                continue
            if not kept:
                if not batch.taken:
                    batch.refused.append((waiting, StorageError("the change is larger than a batch")))
                break
            batch.taken.append((waiting, outcome))
        return batch

    async def _write(self, batch: _Batch) -> tuple[_Batch, Debt] | None:
        """Commit a batch with what it owes and the rows that leave; those who wait are told, unless it owes something."""
        view = batch.view
        operations = view.operations()
        debt = Debt(self.partition_key, outbox_key(self._clock.ulid()), view.events, view.blobs)
        if view.events or view.blobs:
            operations.append(Insert(debt.row_key, debt.properties()))
        leaving = list(islice(self._leaving, MAX_BATCH_ROWS - len(operations)))
        operations += [Delete(key) for key in leaving]
        if operations:
            # What is told at once must last. Events make the batch last when they are appended; nobody waits for rows that leave.
            lasting = bool(batch.taken or batch.refused) and not view.events
            etags = await self._tables.commit(INDEX_TABLE, self.partition_key, operations, lasting=lasting)
            self._left(leaving)
            self._remember(operations, etags)
        settled = {id(waiting) for waiting, _ in (*batch.taken, *batch.refused)}
        self._waiting = deque(waiting for waiting in self._waiting if id(waiting) not in settled)
        for waiting, refusal in batch.refused:
            _answer(waiting, refusal=refusal)
        if view.events or view.blobs:
            return batch, debt
        for waiting, outcome in batch.taken:
            _answer(waiting, outcome)
        return None

    def _finish_soon(self, owing: list[tuple[_Batch, Debt]]) -> None:
        if owing:
            task = asyncio.create_task(self._finish(owing))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _finish(self, owing: list[tuple[_Batch, Debt]]) -> None:
        """Settle debts, then tell those who wait."""
        failures = await asyncio.gather(*(self._settle(debt) for _, debt in owing), return_exceptions=True)
        for (batch, _), failure in zip(owing, failures, strict=True):
            for waiting, outcome in batch.taken:
                _answer(waiting, outcome, refusal=failure if isinstance(failure, Exception) else None)

    def _remember(self, operations: list[Operation], etags: list[str | None]) -> None:
        """Keep study, series and journal rows as written; the next change of them need not read."""
        for operation, etag in zip(operations, etags, strict=True):
            if operation.row_key[0] not in "SEJ":
                continue
            self._known.pop(operation.row_key, None)
            if isinstance(operation, (Insert, Replace)) and etag is not None:
                self._known[operation.row_key] = Row(operation.row_key, dict(operation.properties), etag)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _left(self, keys: Iterable[str]) -> None:
        for key in keys:
            gone = self._leaving.pop(key, None)
            if gone is not None:
                gone()

    def _fail(self, candidates: list[_Waiting], error: Exception) -> None:
        self._known.clear()
        self._leaving.clear()  # the sweeper finds them
        for waiting in candidates:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            _answer(waiting, refusal=error)


def _answer(waiting: _Waiting, outcome: object = None, *, refusal: Exception | None = None) -> None:
    if waiting.done.done():  # cancelled by who waited
        return
    if refusal is None:
        waiting.done.set_result(outcome)
    else:
        waiting.done.set_exception(refusal)
