"""Stored files as retrieval sees them, and reading many of them one after the other without waiting in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dicom_core.index.rows import InstanceRow
from dicom_core.retrieve.ahead import ahead
from dicom_core.storage.ports import Blobs

__all__ = ["Delivery", "OpenFile", "StoredFile", "open_file", "read_ahead"]

_AHEAD: Final = 3  # files; each holds one chunk in memory


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A Part 10 file of the store: `size` in bytes, `blob` its name there, frames and layout as in `InstanceRow`."""

    study: str
    series: str
    instance: str
    version: int
    transfer_syntax: str
    blob: str
    size: int
    frames: int = 0
    layout: bytes = b""
    layout_blob: str = ""

    @classmethod
    def of(cls, row: InstanceRow) -> StoredFile:
        return cls(
            study=row.study,
            series=row.series,
            instance=row.instance,
            version=row.version,
            transfer_syntax=row.transfer_syntax,
            blob=row.blob,
            size=row.size,
            frames=row.frames,
            layout=row.layout,
            layout_blob=row.layout_blob,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored file as it is to be sent: in its own transfer syntax, or transcoded."""

    file: StoredFile
    transfer_syntax: str

    @property
    def transcoded(self) -> bool:
        return self.transfer_syntax != self.file.transfer_syntax

    @property
    def size(self) -> int | None:
        """Bytes to be sent; nobody knows those of a transcoded file before its end."""
        return None if self.transcoded else self.file.size


class _Source(Protocol):
    def aclose(self) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose first chunk is at hand; iterate over the others once."""

    delivery: Delivery
    first: bytes
    others: AsyncIterator[bytes]
    source: _Source

    async def aclose(self) -> None:
        """Let go of it."""
        await self.source.aclose()


async def open_file(blobs: Blobs, delivery: Delivery, start: int = 0, length: int | None = None) -> OpenFile:
    """Open a file as it is stored, or a range of it, and read its first chunk.

    Raises:
        BlobNotFound: it is gone.
    """
    reader = await blobs.read(delivery.file.blob, start, length)
    try:
        chunks = aiter(reader)
        return OpenFile(delivery, await anext(chunks, b""), chunks, reader)
    except BaseException:
        await reader.aclose()
        raise


async def read_ahead(
    deliveries: Iterable[Delivery], open_one: Callable[[Delivery], Coroutine[Any, Any, OpenFile]]
) -> AsyncGenerator[OpenFile, None]:
    """Open files in order, the next ones while the consumer is busy with one; each is closed when the next is asked for.

    Raises:
        BlobNotFound: a file is gone.
    """

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, OpenFile]]:
        for delivery in deliveries:
            yield open_one(delivery)

    async with aclosing(ahead(jobs(), _AHEAD, OpenFile.aclose)) as opened:
        async for file in opened:
            async with aclosing(file):
                yield file
