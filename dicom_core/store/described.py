"""Files that come as metadata with their bulk data beside them: kept until the request is all there, then written one by one.

Standard: PS3.18 10.5.1, 8.6.1.2
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import IO, Final

from dicom_core.dicom.json_data_set import BulkPart, MissingBulkData, Segment, file_segments, first_value
from dicom_core.dicom.json_model import Message
from dicom_core.dicom.json_objects import InvalidDocument, JsonObject
from dicom_core.dicom.reason_codes import FailureReason
from dicom_core.dicom.validation import error_comments
from dicom_core.errors import PayloadTooLargeError
from dicom_core.store.intake import Chunks
from dicom_core.store.report import FailedItem

__all__ = ["DescribedFiles"]

_PIECE: Final = 1024 * 1024


@dataclass(slots=True)
class DescribedFiles:
    """The data sets of one request, and the bulk data that they refer to, in a temporary file."""

    spool: IO[bytes]
    data_sets: list[JsonObject] = field(default_factory=list)
    _bulk: dict[str, list[BulkPart]] = field(default_factory=dict)
    _size: int = 0

    async def add_bulk_data(self, uri: str, chunks: AsyncIterator[bytes | memoryview], transfer_syntax: str) -> None:
        """Keep a value, or a frame, that data sets may refer to by a URI; `transfer_syntax` is that of compressed pixel data."""
        offset, first_bytes = self._size, b""
        async for chunk in chunks:
            first_bytes = (first_bytes + bytes(chunk[:4]))[:4]
            await asyncio.to_thread(self.spool.write, chunk)
            self._size += len(chunk)
        self._bulk.setdefault(uri, []).append(BulkPart(offset, self._size - offset, transfer_syntax, first_bytes))

    async def files(self, max_bytes: int) -> AsyncGenerator[Chunks | FailedItem, None]:
        """Write a file for each data set, as its chunks; a data set that makes none is an item that failed.

        Raises:
            PayloadTooLargeError: the files have more than `max_bytes` together, some bulk data being used more than once.
        """
        size = 0
        for data_set in self.data_sets:
            try:
                segments = await asyncio.to_thread(file_segments, data_set, self._bulk)
            except InvalidDocument as error:
                faults = [] if error.tag is None else [Message(error.tag, None, str(error))]
                yield _failed(data_set, FailureReason.VALIDATION_FAILED, *error_comments(faults))
            except MissingBulkData:
                yield _failed(data_set, FailureReason.PROCESSING_FAILURE)
            else:
                size += sum(len(segment) if isinstance(segment, bytes) else segment.length for segment in segments)
                if size > max_bytes:
                    raise PayloadTooLargeError(f"What is to be stored is longer than the limit of {max_bytes} bytes.")
                yield self._chunks(segments)

    async def _chunks(self, segments: list[Segment]) -> Chunks:
        for segment in segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            for start in range(0, segment.length, _PIECE):
                yield await asyncio.to_thread(self._read, segment.offset + start, min(_PIECE, segment.length - start))

    def _read(self, offset: int, length: int) -> bytes:
        self.spool.seek(offset)
        return self.spool.read(length)


def _failed(data_set: JsonObject, reason: FailureReason, *messages: str) -> FailedItem:
    return FailedItem(first_value(data_set, "00080016") or None, first_value(data_set, "00080018") or None, reason, messages)
