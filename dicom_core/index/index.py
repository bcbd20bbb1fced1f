"""The index of one process: its lanes, and the paying of what committed batches owe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from dicom_core.identifiers import Partition
from dicom_core.index.clock import Clock
from dicom_core.index.external_tags import ExternalTags
from dicom_core.index.feed import Feed
from dicom_core.index.keys import INDEX_TABLE, partition_key, shard_of
from dicom_core.index.lane import Debt, Lane
from dicom_core.index.uploads import Uploads
from dicom_core.storage.ports import Blobs, ConditionFailed, Replace, StorageError, Tables

__all__ = ["Index"]

_log = logging.getLogger(__name__)


class Index:
    """Commits to the index tables. `shards` is the number of shards of every data partition, fixed for the store's life."""

    def __init__(self, tables: Tables, blobs: Blobs, clock: Clock, shards: int, feed: Feed | None = None) -> None:
        self.tables = tables
        self.blobs = blobs
        self.clock = clock
        self.shards = shards
        self.feed = feed or Feed(tables, clock)
        self.uploads = Uploads(self.lane, clock)
        self.external_tags = ExternalTags(tables)
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    def partition_key(self, partition: Partition, study: str) -> str:
        """The partition key under which everything of a study lies."""
        return partition_key(partition.name, shard_of(study, self.shards))

    def partition_keys(self, partition: Partition) -> list[str]:
        """The partition keys of all shards of a data partition."""
        return [partition_key(partition.name, shard) for shard in range(self.shards)]

    def lane(self, key: str) -> Lane:
        """The lane of a partition key."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(self.tables, key, self.clock, self.settle)
        return lane

    async def settle(self, debt: Debt) -> None:
        """Append a debt's events; its blobs and its outbox row go in the background. What fails is left to the sweeper.

        Raises:
            StorageError: the batch that owes it may not be durable.
        """
        try:
            if debt.events:
                await self.feed.append(debt)  # a commit that lasts, and the batch with it
        except StorageError:
            _log.warning("the change feed did not take the events of %s; the sweeper will append them", debt.row_key)
            await self._make_last(debt)
            return
        self.background(self._drop(debt))

    async def _make_last(self, debt: Debt) -> None:
        """Write a debt's outbox row again, which makes the batch durable that wrote it first."""
        with suppress(ConditionFailed):  # whoever has settled it has seen to that
            await self.tables.commit(INDEX_TABLE, debt.partition_key, [Replace(debt.row_key, debt.properties(), None)])

    def background(self, work: Coroutine[Any, Any, object]) -> None:
        """Run work that no answer waits for; `close` does."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drop(self, debt: Debt) -> None:
        try:
            if debt.blobs:
                await self.blobs.delete(debt.blobs)
        except StorageError:
            _log.warning("blobs of %s could not be deleted; the sweeper will", debt.row_key)
            return
        self.lane(debt.partition_key).leave(debt.row_key, lambda: self.feed.dropped(debt.name))

    async def close(self) -> None:
        """Finish what runs in the background."""
        self.uploads.close()
        for _ in range(2):  # what the lanes commit is settled in the background, which leaves rows to the lanes
            while self._tasks:
                await asyncio.wait(set(self._tasks))
            for lane in self._lanes.values():
                await lane.close()
