"""Reading stored files from their beginning to their end, also from worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

from dicom_core.dicom.part10 import Header, NeedMoreBytes, NotDicom, read_header
from dicom_core.retrieve.workers import Workers

__all__ = ["Forward", "blocking", "read_beginning"]


class Forward:
    """Byte ranges out of pieces that follow each other; a range begins no earlier than the last byte of the one before."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self._start = 0

    def __call__(self, offset: int, length: int) -> bytes:
        """Read a range, which is cut short at the end of the file."""
        found: list[memoryview] = []
        while length > 0:
            at = offset - self._start
            taken = self._piece[at : at + length]
            if taken:
                found.append(taken)
                offset += len(taken)
                length -= len(taken)
                continue
            self._start += len(self._piece)
            self._piece = memoryview(next(self._pieces, b""))
            if not self._piece:
                break
        return b"".join(found)


def blocking(chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """Iterate over chunks from a thread, which waits while the event loop fetches them."""

    async def fetch() -> bytes:
        return await anext(chunks, b"")

    while chunk := asyncio.run_coroutine_threadsafe(fetch(), loop).result():
        yield chunk


async def read_beginning(chunks: AsyncIterator[bytes], size: int, workers: Workers) -> tuple[Header, bytes]:
    """Read the header of a file of `size` bytes, and the bytes that this took, whole chunks.

    A header without Pixel Data, or one in the last bytes of the file, comes with everything that follows.

    Raises:
        NotDicom: the header cannot be read.
    """
    head, wanted = b"", 1
    async for chunk in chunks:
        head = head + chunk if head else chunk
        if len(head) < wanted:
            continue
        complete = len(head) >= size
        try:
            return await workers.run(lambda: read_header(head, complete=complete)), head  # noqa: B023 (awaited here)
        except NeedMoreBytes as need:
            wanted = max(need.at_least, 2 * len(head)) if need.at_least < size else size
    raise NotDicom("the file is cut short")
