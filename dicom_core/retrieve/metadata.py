"""Metadata documents out of instance rows, many at a time, with the URIs of bulk data if wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final

from dicom_core.dicom.bulk_data import parse_bulk_list, with_bulk_data_uris
from dicom_core.dicom.document import assemble
from dicom_core.dicom.external_metadata import with_external
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.index.metadata import read_packed
from dicom_core.index.rows import NO_ATTRIBUTES, InstanceRow, unpack_bulk_list, unpack_metadata
from dicom_core.retrieve.ahead import ahead
from dicom_core.storage.ports import BlobNotFound, Blobs, Row, Tables

__all__ = ["metadata_documents"]

_BATCH: Final = 64  # rows
_AHEAD: Final = 2  # batches
_IN_LOOP: Final = 16 * 1024  # compressed bytes that are not worth a thread


async def metadata_documents(
    pages: AsyncIterator[list[Row]],
    tables: Tables,
    blobs: Blobs,
    partition_key: str,
    *,
    bulk_data_url: str | None = None,
    original: bool = False,
    external: bytes = NO_ATTRIBUTES,
) -> AsyncGenerator[bytes, None]:
    """Yield the documents of instance rows in batches, joined by commas; the next batches are decompressed in threads.

    With `bulk_data_url`, which is what precedes ``/studies`` in URLs, they have the URIs of what they leave out. `original`
    asks for the documents before the first update. The attributes of the document `external` join each of them.
    """

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, bytes]]:
        async for page in pages:
            for start in range(0, len(page), _BATCH):
                yield _join(page[start : start + _BATCH])

    async def _join(rows: Sequence[Row]) -> bytes:
        packed = [(row.row_key, piece) for row in rows if (piece := await _packed(row))]
        if sum(len(piece) for _, piece in packed) <= _IN_LOOP:
            return _unpack(packed, bulk_data_url, external)
        return await asyncio.to_thread(_unpack, packed, bulk_data_url, external)

    async def _packed(row: Row) -> bytes:
        instance = InstanceRow.of(row)
        metadata = instance.first_version.metadata if original else instance.metadata
        assert metadata is not None, "the row was read with its metadata"
        try:
            return await read_packed(blobs, metadata)
        except BlobNotFound:  # the instance has been replaced or deleted since its row was read
            now = await tables.get(INDEX_TABLE, partition_key, row.row_key)
            return b"" if now is None else await _packed(now)

    async with aclosing(ahead(jobs(), _AHEAD)) as batches:
        async for batch in batches:
            if batch:
                yield batch


def _unpack(packed: Sequence[tuple[str, bytes]], bulk_data_url: str | None, external: bytes) -> bytes:
    if bulk_data_url is None:
        documents = [unpack_metadata(piece) for _, piece in packed]
    else:
        documents = [_with_uris(key, piece, bulk_data_url) for key, piece in packed]
    if external != NO_ATTRIBUTES:
        documents = [assemble(with_external(document, external)) for document in documents]
    return b",".join(documents)


def _with_uris(row_key: str, packed: bytes, url: str) -> bytes:
    _, study, series, instance = row_key.split("|")
    base = f"{url}/studies/{study}/series/{series}/instances/{instance}/bulkdata"
    return with_bulk_data_uris(unpack_metadata(packed), parse_bulk_list(unpack_bulk_list(packed)), base)
