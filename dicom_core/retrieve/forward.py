"""Reading stored files from their beginning to their end, also from worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial

from dicom_core.dicom.part10 import MAX_HEADER_BYTES, Header, NeedMoreBytes, NotDicom, read_header
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
    read, length, wanted = list[bytes](), 0, 1
    async for chunk in chunks:
        read.append(chunk)
        length += len(chunk)
        if length < wanted:
            continue
        head = read[0] if len(read) == 1 else b"".join(read)
        read = [head]
        try:
            return await workers.run(partial(read_header, head, complete=length >= size)), head
        except NeedMoreBytes as need:
            if need.at_least > MAX_HEADER_BYTES:
                raise NotDicom("the header is too large") from need
            wanted = min(size, max(need.at_least, 2 * length))
    raise NotDicom("the file is cut short")
