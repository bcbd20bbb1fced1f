"""Taking in one file: its header is parsed from its first bytes while the rest streams on to blob storage."""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, Final, TypeVar

from dicom_core.dicom.part10 import Header, NeedMoreBytes, Scanner, read_header, trailer_scanner

__all__ = ["Chunks", "Incoming", "Streamed", "Whole", "drain", "take_in"]

Chunks = AsyncIterator[bytes | memoryview]
T = TypeVar("T")

SMALL: Final = 1024 * 1024  # files up to this size are taken whole
_MAX_HEADER: Final = 16 * 1024 * 1024  # headers beyond this are parsed from a temporary file
_PREAMBLE: Final = bytes(128)
_PIECE: Final = 1024 * 1024
_PIXEL_DATA: Final = b"\xe0\x7f\x10\x00"  # the tag of Pixel Data, little endian
_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_FILE_META: Final = 1024  # bytes at the beginning of a file in which its transfer syntax is looked for
_INLINE: Final = 256 * 1024  # bytes of header that are parsed without leaving the event loop


@dataclass(slots=True)
class Whole:
    """A file in memory, read to its end. `data` is what is to be stored: the preamble is zeroed."""

    header: Header
    data: list[bytes | memoryview]

    @property
    def size(self) -> int:
        return sum(map(len, self.data))

    @property
    def header_size(self) -> int:
        """Bytes before Pixel Data, or of the whole file when it has none; unknown, so very many, of a deflated one."""
        if self.header.pixel_data is not None:
            return self.header.pixel_data.offset
        return _MAX_HEADER if self.header.deflated else self.size


class Streamed:
    """A file whose header is known and whose rest is still arriving.

    `chunks` yields what is to be stored. After its end, `finish` completes the header with what follows Pixel Data.
    """

    def __init__(self, header: Header, head: bytes | memoryview, rest: Chunks, *, complete: bool = False) -> None:
        self.header = header
        self._head = memoryview(head)
        self._rest = rest
        self._scanner = None if complete else trailer_scanner(header)

    @property
    def header_size(self) -> int:
        """Bytes before Pixel Data; without it, more than are held in memory."""
        return self.header.pixel_data.offset if self.header.pixel_data is not None else _MAX_HEADER

    async def chunks(self) -> Chunks:
        """The bytes to store: zeroed preamble, then everything as it came."""
        yield _PREAMBLE
        if self._scanner is not None:
            await self._scan(self._scanner, self._head[self._scanner.start :])
        yield self._head[len(_PREAMBLE) :]
        async for chunk in self._rest:
            if self._scanner is not None:
                await self._scan(self._scanner, chunk)
            yield chunk

    async def _scan(self, scanner: Scanner, chunk: bytes | memoryview) -> None:
        await off_loop(_MAX_HEADER if self.header.deflated else 0, lambda: scanner.feed(chunk))

    def finish(self) -> bool:
        """Add the elements after Pixel Data to the header; whether there are any.

        Raises:
            NotDicom: the file is cut short.
        """
        if self._scanner is None:
            return False
        trailer = self._scanner.finish()
        self.header.elements += trailer
        self.header.fragments = self._scanner.fragments
        return bool(trailer)


Incoming = Whole | Streamed


async def take_in(chunks: Chunks) -> Incoming:
    """Read the beginning of a file until its header is known; small files are read whole.

    Raises:
        NotDicom: no readable DICOM file; `chunks` may not be at its end.
    """
    buffer: list[bytes | memoryview] = []
    size, wanted = 0, SMALL
    async for chunk in chunks:
        buffer.append(chunk)
        size += len(chunk)
        if size <= wanted:
            continue
        data = b"".join(buffer)
        buffer = [data]
        try:
            header = await off_loop(size, lambda data=data: read_header(data, complete=False))  # type: ignore[misc]
        except NeedMoreBytes as need:
            wanted = max(need.at_least, 2 * size)
            if wanted > _MAX_HEADER:
                return await _spooled(data, chunks)
            continue
        return Streamed(header, data, chunks)
    data = b"".join(buffer)  # no view: values that are bytes cost less, and the JSON of those seen before is remembered
    header = await off_loop(_header_size(data), lambda: read_header(data, complete=True))
    return Whole(header, [_PREAMBLE, memoryview(data)[len(_PREAMBLE) :]])


async def drain(chunks: Chunks) -> None:
    """Pass over the rest of a file."""
    async for _ in chunks:
        pass


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """Run work on `size` bytes of header: in a thread when it would hold up the event loop."""
    return work() if size <= _INLINE else await asyncio.to_thread(work)


async def _spooled(head: bytes | memoryview, rest: Chunks) -> Streamed:
    """Read a file with a huge header (say, an encapsulated document) into a temporary file, and parse it there."""
    spool = await asyncio.to_thread(tempfile.TemporaryFile)
    await asyncio.to_thread(spool.write, head)
    async for chunk in rest:
        await asyncio.to_thread(spool.write, chunk)
    header = await asyncio.to_thread(_parse_file, spool)
    return Streamed(header, _PREAMBLE, _pieces(spool), complete=True)


def _parse_file(spool: IO[bytes]) -> Header:
    spool.flush()
    return read_header(memoryview(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)), complete=True)


async def _pieces(spool: IO[bytes]) -> Chunks:
    await asyncio.to_thread(spool.seek, len(_PREAMBLE))
    while piece := await asyncio.to_thread(spool.read, _PIECE):
        yield piece
    spool.close()


def _header_size(data: bytes | memoryview) -> int:
    """About how many bytes of a file are header: a guess that decides only where it is parsed."""
    head = bytes(data[:_INLINE])
    if head.find(_DEFLATED, 0, _FILE_META) >= 0:
        return _MAX_HEADER  # however small the file is
    found = head.find(_PIXEL_DATA)
    return len(data) if found < 0 else found
