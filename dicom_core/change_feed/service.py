"""The change feed as its readers see it: every create, update and delete of an instance, in order, over all partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dicom_core.change_feed.current import Place, current_instances, place_of
from dicom_core.change_feed.reader import FeedReader, Published
from dicom_core.index.index import Index
from dicom_core.index.metadata import read_metadata
from dicom_core.index.rows import InstanceRow
from dicom_core.storage.ports import BlobNotFound

__all__ = ["ChangeFeedService", "Entry", "State"]


class State(StrEnum):
    """What became of the instance version that an event made or removed."""

    CURRENT = "Current"
    REPLACED = "Replaced"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, and its instance as it is now: `metadata` is the document of the current version, if asked for and there is one."""

    published: Published
    state: State
    metadata: bytes | None


class ChangeFeedService:
    """Reads the change feed. Every page takes the same few storage calls, wherever it lies."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._reader = FeedReader(index.tables)

    async def by_sequence(self, after: int, limit: int, *, metadata: bool) -> list[Entry]:
        """The events with after < sequence number <= after + limit."""
        return await self._entries(await self._reader.read(after + 1, limit), metadata=metadata)

    async def by_time(self, start: int | None, end: int | None, *, skip: int, limit: int, metadata: bool) -> list[Entry]:
        """The events with start <= time < end (microseconds since 1970) without the first `skip`, `limit` at most."""
        first = 1 if start is None or start <= 0 else await self._reader.first_since(start)
        if first is None:
            return []
        return await self._entries(await self._reader.read(first + skip, limit, before=end), metadata=metadata)

    async def latest(self, *, metadata: bool) -> Entry | None:
        """The newest event, None when there is none."""
        last = await self._reader.last()
        entries = await self._entries(await self._reader.read(last, 1), metadata=metadata) if last else []
        return entries[0] if entries else None

    async def _entries(self, published: Sequence[Published], *, metadata: bool) -> list[Entry]:
        places = [place_of(each.event, self._index.shards) for each in published]
        rows = await current_instances(self._index, places, metadata=metadata)
        instances = {place: InstanceRow.of(row) for place, row in rows.items()}
        documents: dict[Place, bytes] = {}
        if metadata:
            read = await asyncio.gather(*map(self._document, instances.values()))
            documents = {place: document for place, document in zip(instances, read, strict=True) if document is not None}
            instances = {place: instances[place] for place in documents}  # the others have just been deleted
        return [
            Entry(each, _state(each, instances.get(place)), documents.get(place)) for each, place in zip(published, places, strict=True)
        ]

    async def _document(self, instance: InstanceRow) -> bytes | None:
        try:
            return await read_metadata(self._index.blobs, instance)
        except BlobNotFound:
            return None


def _state(published: Published, instance: InstanceRow | None) -> State:
    if instance is None:
        return State.DELETED
    return State.CURRENT if instance.version == published.event.version else State.REPLACED
