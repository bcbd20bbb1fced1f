"""Reading the byte ranges of frames: neighbours in one read, in the order asked for, without holding more than a chunk or two.

Frames are told apart by their position in the list that was asked for, from 0 on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from dicom_core.dicom.frames import Range
from dicom_core.retrieve.ahead import ahead
from dicom_core.storage.ports import BlobReader, Blobs

__all__ = ["Piece", "frame_pieces", "slice_ranges", "whole_frames"]

Piece = tuple[int, bytes | memoryview]
"""Position of a frame, and some of its bytes."""

_MAX_GAP: Final = 64 * 1024  # bytes read for nothing between two frames cost less than another read
_AHEAD: Final = 3  # reads


@dataclass(slots=True)
class _Read:
    """One read of a blob, and the segments (position, offset, length) in it, in ascending order."""

    offset: int
    end: int
    segments: list[tuple[int, int, int]]


async def frame_pieces(blobs: Blobs, blob: str, frames: Sequence[Sequence[Range]]) -> AsyncGenerator[Piece, None]:
    """Yield the bytes of frames, given by their ranges, as they are read; nothing for those without bytes.

    Raises:
        BlobNotFound: the blob is gone.
    """

    async def open_read(read: _Read) -> tuple[_Read, BlobReader]:
        return read, await blobs.read(blob, read.offset, read.end - read.offset)

    async def close_read(opened: tuple[_Read, BlobReader]) -> None:
        await opened[1].aclose()

    async def jobs() -> AsyncIterator[Coroutine[Any, Any, tuple[_Read, BlobReader]]]:
        for read in _reads(frames):
            yield open_read(read)

    async with aclosing(ahead(jobs(), _AHEAD, close_read)) as opened:
        async for read, reader in opened:
            async with aclosing(reader), aclosing(_pieces(read, reader)) as pieces:
                async for piece in pieces:
                    yield piece


async def whole_frames(pieces: AsyncGenerator[Piece, None], count: int) -> AsyncGenerator[tuple[int, bytes], None]:
    """Join the pieces of each frame; all of `count` frames are yielded."""
    at, gathered = 0, list[bytes | memoryview]()
    async with aclosing(pieces):
        async for position, piece in pieces:
            while at < position:
                yield at, b"".join(gathered)
                at, gathered = at + 1, []
            gathered.append(piece)
    while at < count:
        yield at, b"".join(gathered)
        at, gathered = at + 1, []


def slice_ranges(ranges: Sequence[Range], start: int, length: int) -> list[Range]:
    """The part of joined ranges that begins at `start` and has `length` bytes."""
    found = []
    for offset, size in ranges:
        first, last = max(start, 0), min(start + length, size)
        if first < last:
            found.append((offset + first, last - first))
        start -= size
    return found


def _reads(frames: Sequence[Sequence[Range]]) -> Iterator[_Read]:
    read: _Read | None = None
    for position, ranges in enumerate(frames):
        for offset, length in ranges:
            if length == 0:
                continue
            if read is None or not read.end <= offset <= read.end + _MAX_GAP:
                if read is not None:
                    yield read
                read = _Read(offset, offset, [])
            read.segments.append((position, offset, length))
            read.end = offset + length
    if read is not None:
        yield read


async def _pieces(read: _Read, reader: BlobReader) -> AsyncGenerator[Piece, None]:
    segments = iter(read.segments)
    position, offset, length = next(segments)
    start = read.offset
    async for chunk in reader:
        view, end = memoryview(chunk), start + len(chunk)
        while offset < end:
            piece = view[offset - start : offset - start + length]
            yield position, piece
            offset, length = offset + len(piece), length - len(piece)
            if length == 0:
                position, offset, length = next(segments, (0, read.end, 0))
                if length == 0:
                    break
        start = end
