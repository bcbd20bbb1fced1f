"""Metadata documents out of instance rows, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final

from dicom_core.index.keys import INDEX_TABLE
from dicom_core.index.rows import InstanceRow, unpack_metadata
from dicom_core.retrieve.ahead import ahead
from dicom_core.storage.ports import BlobNotFound, Blobs, Row, Tables

__all__ = ["metadata_documents"]

_BATCH: Final = 64  # rows
_AHEAD: Final = 2  # batches
_IN_LOOP: Final = 16 * 1024  # compressed bytes that are not worth a thread


async def metadata_documents(
    pages: AsyncIterator[list[Row]], tables: Tables, blobs: Blobs, partition_key: str
) -> AsyncGenerator[bytes, None]:
    """Yield the documents of instance rows in batches, joined by commas; the next batches are decompressed in threads."""

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, bytes]]:
        async for page in pages:
            for start in range(0, len(page), _BATCH):
                yield _join(page[start : start + _BATCH])

    async def _join(rows: Sequence[Row]) -> bytes:
        packed = [piece for row in rows if (piece := await _packed(row))]
        if sum(map(len, packed)) <= _IN_LOOP:
            return _unpack(packed)
        return await asyncio.to_thread(_unpack, packed)

    async def _packed(row: Row) -> bytes:
        metadata = InstanceRow.of(row).metadata
        assert metadata is not None, "the row was read with its metadata"
        if not metadata.blob:
            return metadata.packed
        try:
            return b"".join([chunk async for chunk in await blobs.read(metadata.blob)])
        except BlobNotFound:  # the instance has been replaced or deleted since its row was read
            now = await tables.get(INDEX_TABLE, partition_key, row.row_key)
            return b"" if now is None else await _packed(now)

    async with aclosing(ahead(jobs(), _AHEAD)) as batches:
        async for batch in batches:
            if batch:
                yield batch


def _unpack(packed: Sequence[bytes]) -> bytes:
    return b",".join([unpack_metadata(document) for document in packed])
