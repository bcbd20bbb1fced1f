"""What a search has found, and the rows that it reads of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from dicom_core.identifiers import Partition
from dicom_core.index.attributes import Level
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, KeyRange, instance_key, newest, series_key, study_key
from dicom_core.storage.ports import Row

__all__ = ["Hit", "Needs", "Rows", "together"]

T = TypeVar("T")

_KEYS: Final[dict[Level, Callable[..., str]]] = {Level.STUDY: study_key, Level.SERIES: series_key, Level.INSTANCE: instance_key}
_REMEMBERED: Final = 4_000  # rows of one request

Needs = Mapping[Level, frozenset[str]]  # the properties of the rows of each level that are to be read; none: no row


@dataclass(slots=True)
class Hit:
    """A study, series or instance, named by the UIDs from the study down.

    `order` ascends from the newest to the oldest. `rows` are the rows read so far, by level: its own and those above.
    A search row stands for the row it covers.
    """

    uids: tuple[str, ...]
    order: str = ""
    rows: list[Row | None] = field(default_factory=lambda: [None, None, None])

    def row(self, level: Level) -> Row:
        """The row of a level, which must have been read."""
        row = self.rows[level - 1]
        assert row is not None
        return row

    def has(self, level: Level, properties: Iterable[str]) -> bool:
        """Whether a row with these properties has been read."""
        row = self.rows[level - 1]
        return row is not None and row.properties.keys() >= set(properties)

    def sort_by(self, created: int) -> None:
        """Take the place of something created at this time, among equals that of its UIDs."""
        self.order = f"{newest(created)}|{'|'.join(self.uids)}"


class Rows:
    """The study, series and instance rows of one data partition, as one request reads them."""

    def __init__(self, index: Index, partition: Partition) -> None:
        self._index = index
        self._partition = partition
        self._read: dict[str, Row | None] = {}
        self.shards: Final = index.partition_keys(partition)

    def scan(self, shard: str, key_range: KeyRange, *, select: Sequence[str], limit: int | None = None) -> AsyncIterator[list[Row]]:
        """Pages of the rows in a key range of a shard, which is given by its partition key."""
        return self._index.tables.scan(INDEX_TABLE, shard, *key_range, limit=limit, select=select)

    def shard(self, study: str) -> str:
        """The partition key that holds everything of a study."""
        return self._index.partition_key(self._partition, study)

    async def load(self, hits: Sequence[Hit], needs: Needs) -> list[Hit]:
        """Read the rows that hits need and do not have yet, many at once. Hits whose row is gone are left out."""
        missing = [
            (hit, level, _KEYS[level](*hit.uids[:level]))
            for level, properties in needs.items()
            if properties
            for hit in hits
            if not hit.has(level, properties)
        ]
        if not missing:
            return list(hits)
        rows = await self._get({key: hit.uids[0] for hit, _, key in missing})
        gone = set()
        for hit, level, key in missing:
            hit.rows[level - 1] = row = rows[key]
            if row is None:
                gone.add(id(hit))
        return [hit for hit in hits if id(hit) not in gone]

    async def instances(self, uids: Sequence[tuple[str, str, str]]) -> list[Row | None]:
        """Instance rows with their metadata."""
        keys = [instance_key(*each) for each in uids]
        rows = await self._get({key: each[0] for key, each in zip(keys, uids, strict=True)})
        return [rows[key] for key in keys]

    async def _get(self, studies: Mapping[str, str]) -> dict[str, Row | None]:
        """Rows by key, None for absent ones, with one call per shard; given by key with the study of each."""
        rows = {key: self._read[key] for key in studies if key in self._read}
        by_shard: dict[str, list[str]] = {}
        for key, study in studies.items():
            if key not in rows:
                by_shard.setdefault(self.shard(study), []).append(key)
        answers = await together(self._index.tables.get_many(INDEX_TABLE, shard, keys) for shard, keys in by_shard.items())
        for keys, found in zip(by_shard.values(), answers, strict=True):
            rows.update((key, found.get(key)) for key in keys)
        if len(self._read) > _REMEMBERED:
            self._read.clear()
        self._read.update(rows)
        return rows


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all; a single one without the cost of a task."""
    several = list(coroutines)
    return [await several[0]] if len(several) == 1 else list(await asyncio.gather(*several))
