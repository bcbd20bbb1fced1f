"""The instances that events are about, as they are now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from dicom_core.index.events import Event
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, partition_key, shard_of
from dicom_core.index.rows import INSTANCE_SUMMARY
from dicom_core.storage.ports import Row

__all__ = ["Place", "current_instances", "place_of"]

Place = tuple[str, str]
"""Partition key and row key of an instance."""

_MANY: Final = 4  # instances of one series that are worth reading a range for
_SPARE: Final = 2  # how many times more rows of the range may be read


def place_of(event: Event, shards: int) -> Place:
    """Where the row of an event's instance is."""
    return partition_key(event.partition, shard_of(event.study, shards)), instance_key(event.study, event.series, event.instance)


async def current_instances(index: Index, places: Iterable[Place], *, metadata: bool) -> dict[Place, Row]:
    """The instance rows at these places that exist, with their metadata if it is wanted.

    Instances of one series, which are stored and deleted together, are read together.
    """
    series: defaultdict[Place, set[str]] = defaultdict(set)
    for partition, row_key in places:
        series[partition, row_key.rpartition("|")[0]].add(row_key)
    single: defaultdict[str, set[str]] = defaultdict(set)
    ranges: list[tuple[str, list[str]]] = []
    for (partition, _), row_keys in series.items():
        if len(row_keys) < _MANY:
            single[partition] |= row_keys
        else:
            ranges.append((partition, sorted(row_keys)))
    found: dict[Place, Row] = {}
    scans = [_read_range(index, partition, row_keys, metadata=metadata) for partition, row_keys in ranges]
    for (partition, _), (rows, missed) in zip(ranges, await asyncio.gather(*scans), strict=True):
        found |= {(partition, row.row_key): row for row in rows}
        single[partition] |= missed
    partitions = [partition for partition, row_keys in single.items() if row_keys]
    reads = [index.tables.get_many(INDEX_TABLE, partition, sorted(single[partition])) for partition in partitions]
    for partition, answer in zip(partitions, await asyncio.gather(*reads), strict=True):
        found |= {(partition, row_key): row for row_key, row in answer.items()}
    return found


async def _read_range(index: Index, partition: str, row_keys: list[str], *, metadata: bool) -> tuple[list[Row], set[str]]:
    """Read the range of sorted row keys, unless it holds much else; the rows, and the keys that were not reached."""
    limit = _SPARE * len(row_keys)
    wanted = set(row_keys)
    found: list[Row] = []
    seen, last = 0, ""
    select = None if metadata else INSTANCE_SUMMARY
    async for page in index.tables.scan(INDEX_TABLE, partition, row_keys[0], row_keys[-1] + "!", limit=limit, select=select):
        found += [row for row in page if row.row_key in wanted]
        seen += len(page)
        last = page[-1].row_key if page else last
    return found, {key for key in wanted if key > last} if seen == limit else set()
