"""Stored files as retrieval sees them, and reading many of them one after the other without waiting in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from dicom_core.index.rows import InstanceRow
from dicom_core.retrieve.ahead import ahead
from dicom_core.storage.ports import BlobReader, Blobs

__all__ = ["OpenFile", "StoredFile", "open_file", "read_ahead"]

_AHEAD: Final = 3  # files; each holds one chunk in memory


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A Part 10 file of the store: `size` in bytes, `blob` its name there."""

    study: str
    series: str
    instance: str
    transfer_syntax: str
    blob: str
    size: int

    @classmethod
    def of(cls, row: InstanceRow) -> StoredFile:
        return cls(row.study, row.series, row.instance, row.transfer_syntax, row.blob, row.size)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open file whose first chunk has been read; iterate over the others once."""

    file: StoredFile
    first: bytes
    others: AsyncIterator[bytes]
    reader: BlobReader

    @property
    def is_whole(self) -> bool:
        """Whether `first` is all of it."""
        return len(self.first) == self.file.size

    async def aclose(self) -> None:
        """Let go of it."""
        await self.reader.aclose()


async def open_file(blobs: Blobs, file: StoredFile) -> OpenFile:
    """Open a file and read its first chunk.

    Raises:
        BlobNotFound: it is gone.
    """
    reader = await blobs.read(file.blob)
    try:
        chunks = aiter(reader)
        return OpenFile(file, await anext(chunks, b""), chunks, reader)
    except BaseException:
        await reader.aclose()
        raise


async def read_ahead(blobs: Blobs, files: Iterable[StoredFile]) -> AsyncGenerator[OpenFile, None]:
    """Open files in order, the next ones while the consumer is busy with one; each is closed when the next is asked for.

    Raises:
        BlobNotFound: a file is gone.
    """

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, OpenFile]]:
        for file in files:
            yield open_file(blobs, file)

    async with aclosing(ahead(jobs(), _AHEAD, OpenFile.aclose)) as opened:
        async for file in opened:
            async with aclosing(file):
                yield file
