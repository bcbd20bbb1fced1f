"""One thread that writes for a whole process, and puts everything that waits into one transaction.

A durable commit costs one flush of the disk; sixty requests at once cost one too, not sixty, and none when nothing of them
has to last at once: then COMMIT leaves the flush to the next one, which flushes all of the log up to itself. Each batch has a
savepoint of its own, so that a refused one takes back nothing but itself. Answers go out after COMMIT, never before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from dicom_core.storage.ports import StorageUnavailable

__all__ = ["Answer", "Batch", "GroupWriter"]

Answer = list[str | None]
Batch = Callable[[sqlite3.Cursor], Answer]
"""Writes inside an open transaction and returns the commit's answer; whatever it raises refuses this batch alone."""

_MAX_GROUP = 64
_CHECKPOINT_BYTES = 16 * 1024 * 1024  # of log; copying it into the file takes 10-20 ms, after about 150 commits
_URGENT_BYTES = 8 * _CHECKPOINT_BYTES  # the checkpoint no longer waits for a quiet moment


class _Waiting:
    __slots__ = ("answer", "batch", "error", "future", "lasting", "log_bytes", "loop")

    def __init__(self, batch: Batch, log_bytes: int, *, lasting: bool) -> None:
        self.batch = batch
        self.log_bytes = log_bytes
        self.lasting = lasting
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answer] = self.loop.create_future()
        self.answer: Answer = []
        self.error: Exception | None = None

    def resolve(self) -> None:
        if self.future.done():  # the caller was cancelled meanwhile
            return
        if self.error is None:
            self.future.set_result(self.answer)
        else:
            self.future.set_exception(self.error)


class GroupWriter:
    """Commits batches in the order in which they come, through a connection that is its own from now on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._log_bytes = 0
        self._flushing = True  # as connections are opened
        self._closed = False
        self._closing = Lock()  # nothing is queued behind the end
        self._thread = Thread(target=self._run, name="table-writer", daemon=True)
        self._thread.start()

    async def commit(self, batch: Batch, log_bytes: int, *, lasting: bool) -> Answer:
        """Apply a batch, durably if it is to be `lasting`; `log_bytes` is about what it adds to the log.

        Raises:
            StorageUnavailable: it is unknown whether the batch was written.
        """
        waiting = _Waiting(batch, log_bytes, lasting=lasting)
        with self._closing:
            if self._closed:
                raise StorageUnavailable("the tables are closed")
            self._queue.put(waiting)
        return await waiting.future

    def close(self) -> None:
        """Write what is queued, then end the thread and close the connection."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            more = self._gather(group)
            self._commit(group)
            _resolve(group)
            self._checkpoint_when_due()
            if not more:
                return

    def _gather(self, group: list[_Waiting]) -> bool:
        while len(group) < _MAX_GROUP:
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                return True
            if waiting is None:
                return False
            group.append(waiting)
        return True

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            self._flush_commits(any(waiting.lasting for waiting in group))
            self._cursor.execute("BEGIN IMMEDIATE")
            for waiting in group:
                self._apply(waiting)
            self._cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # then the next group's BEGIN fails, and comes here again
                self._connection.rollback()
            for waiting in group:
                waiting.error = StorageUnavailable(str(error))

    def _flush_commits(self, flushing: bool) -> None:
        if flushing != self._flushing:
            self._cursor.execute(f"PRAGMA synchronous = {'FULL' if flushing else 'NORMAL'}")
            self._flushing = flushing

    def _apply(self, waiting: _Waiting) -> None:
        self._cursor.execute("SAVEPOINT batch")
        try:
            waiting.answer = waiting.batch(self._cursor)
        except sqlite3.Error:  # the transaction is lost, with all of its batches
            raise
        except Exception as error:  # one batch must not end the thread that all others need
            waiting.error = error
            self._cursor.execute("ROLLBACK TO batch")
        else:
            self._log_bytes += waiting.log_bytes
        self._cursor.execute("RELEASE batch")

    def _checkpoint_when_due(self) -> None:
        if self._log_bytes < _CHECKPOINT_BYTES or (self._log_bytes < _URGENT_BYTES and not self._queue.empty()):
            return
        self._log_bytes = 0
        try:
            self._cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            # Nothing is lost: the log keeps what could not be copied, and a lasting fault shows at the next commit.
            return


def _resolve(group: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in group:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, resolved in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, resolved)
        except RuntimeError:  # the loop was closed, so nobody waits there
            continue


def _resolve_all(group: list[_Waiting]) -> None:
    for waiting in group:
        waiting.resolve()
