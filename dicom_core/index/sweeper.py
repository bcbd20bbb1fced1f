"""Finishing what crashed requests left: owed change feed events, owed blob deletions, and blobs that no row refers to.

Every step may be repeated, and may run beside live requests and other sweepers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import cast

from dicom_core.identifiers import Partition
from dicom_core.index.clock import ulid_time
from dicom_core.index.index import Index
from dicom_core.index.journal import done_uploads, upload_number
from dicom_core.index.keys import INDEX_TABLE, JOURNAL_AND_OUTBOX
from dicom_core.index.lane import Debt
from dicom_core.storage.ports import ConditionFailed, Delete, Replace, Row, StorageError

__all__ = ["Swept", "sweep"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Swept:
    """What a sweep finished."""

    debts: int = 0
    requests: int = 0
    blobs: int = 0


async def sweep(index: Index, partitions: Iterable[Partition], *, outbox_age: float, journal_age: float) -> Swept:
    """Settle debts older than `outbox_age` seconds, and clean up after requests older than `journal_age` seconds.

    A request that is alive but older than `journal_age` fails when it commits, with nothing lost that was acknowledged.
    """
    swept = Swept()
    now = index.clock.seconds()
    pending = (await index.feed.head()).pending
    owed: set[str] = set()
    for key in [key for partition in partitions for key in index.partition_keys(partition)]:
        async for row in _rows(index, key):
            ulid = row.row_key[2:]
            age = now - ulid_time(ulid)
            try:
                if row.row_key.startswith("O|"):
                    owed.add(ulid)
                    if age >= outbox_age:
                        await _settle(index, Debt.of(key, row))
                        swept.debts += 1
                elif age >= journal_age:
                    swept.blobs += await _clean(index, key, row)
                    swept.requests += 1
            except StorageError as error:
                _log.warning("sweeping %s is left to the next time: %s", row.row_key, type(error).__name__)
    for name in pending:
        if name not in owed and now - ulid_time(name) >= max(outbox_age, 60):
            index.feed.dropped(name)  # its outbox row is gone, but the process that knew has died
    return swept


async def _rows(index: Index, key: str) -> AsyncIterator[Row]:
    async for page in index.tables.scan(INDEX_TABLE, key, *JOURNAL_AND_OUTBOX):
        for row in page:
            yield row


async def _settle(index: Index, debt: Debt) -> None:
    if debt.events:
        await index.feed.append(debt, doubtful=True)
    await index.blobs.delete(debt.blobs)
    await index.tables.commit(INDEX_TABLE, debt.partition_key, [Delete(debt.row_key)])
    index.feed.dropped(debt.name)


async def _clean(index: Index, key: str, row: Row) -> int:
    """Delete the blobs of a request that never committed; closing its journal first keeps it from committing later."""
    try:
        [etag] = await index.tables.commit(INDEX_TABLE, key, [Replace(row.row_key, {**row.properties, "closed": True}, row.etag)])
    except ConditionFailed:
        return 0  # the request is alive after all
    prefix = cast(str, row.properties["prefix"])
    done = done_uploads(cast(bytes, row.properties["done"]))
    garbage = [name async for name in index.blobs.list(prefix) if upload_number(name, prefix) not in done]
    await index.blobs.delete(garbage)
    await index.tables.commit(INDEX_TABLE, key, [Delete(row.row_key, etag)])
    return len(garbage)
