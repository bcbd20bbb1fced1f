"""Frames of encapsulated Pixel Data: the lengths of all fragments, packed into chunks of some hundred frames.

Fragments lie one behind the other, each with an item header of eight bytes before it, so their lengths tell their offsets.
A chunk stands alone: finding one frame of 100,000 costs unpacking one chunk of about two kilobytes.

Standard: PS3.5 A.4
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from struct import Struct

from dicom_core.dicom.elements import Fragments
from dicom_core.dicom.frame_layout import FrameLayout, Range

__all__ = ["FRAMES_PER_CHUNK", "EncapsulatedFrames"]

FRAMES_PER_CHUNK = 512

_ITEM_HEADER_BYTES = 8
_HEAD = Struct("<cIIII")  # kind, frames, frames per chunk, chunks, bytes of the compressed chunk ends
_CHUNK = Struct("<QI?")  # offset of the first fragment, number of fragments, whether their number per frame follows


@dataclass(frozen=True, slots=True)
class EncapsulatedFrames(FrameLayout):
    """Frames that consist of one or more whole fragments.

    `chunk_ends` are the ends of all chunks; `chunks` holds those from `chunks_offset` on that are at hand.
    """

    number_of_frames: int
    frames_per_chunk: int
    chunk_ends: array[int]
    chunks: bytes = b""
    chunks_offset: int = 0

    @classmethod
    def of(cls, fragments: Fragments, fragments_per_frame: Sequence[int]) -> EncapsulatedFrames:
        """Lay out frames that take the fragments in order, so and so many each."""
        chunks, first = [], 0
        for start in range(0, len(fragments_per_frame), FRAMES_PER_CHUNK):
            counts = array("I", fragments_per_frame[start : start + FRAMES_PER_CHUNK])
            stop = first + sum(counts)
            chunks.append(_packed(fragments.offsets[first], fragments.lengths[first:stop], counts))
            first = stop
        ends = array("I", accumulate(map(len, chunks)))
        return cls(len(fragments_per_frame), FRAMES_PER_CHUNK, ends, b"".join(chunks))

    @property
    def head(self) -> bytes:
        ends = zlib.compress(self.chunk_ends.tobytes())
        return _HEAD.pack(b"E", self.number_of_frames, self.frames_per_chunk, len(self.chunk_ends), len(ends)) + ends

    @classmethod
    def parse(cls, layout: bytes) -> EncapsulatedFrames:
        """Read a head, with or without chunks behind it."""
        _, frames, per_chunk, _, size = _HEAD.unpack_from(layout)
        ends = array("I", zlib.decompress(layout[_HEAD.size : _HEAD.size + size]))
        return cls(frames, per_chunk, ends, layout[_HEAD.size + size :])

    def missing_chunks(self, frames: Iterable[int]) -> Range | None:
        wanted = sorted({self._chunk_of(frame) for frame in frames})
        if not wanted:
            return None
        start, end = self._chunk_range(wanted[0])[0], self._chunk_range(wanted[-1])[1]
        held = self.chunks_offset <= start and end <= self.chunks_offset + len(self.chunks)
        return None if held else (start, end - start)

    def with_chunks(self, offset: int, chunks: bytes) -> EncapsulatedFrames:
        return replace(self, chunks=chunks, chunks_offset=offset)

    def frame_ranges(self, frames: Iterable[int]) -> list[list[Range]]:
        chunks: dict[int, _Chunk] = {}
        ranges = []
        for frame in frames:
            number = self._chunk_of(frame)
            if number not in chunks:
                chunks[number] = self._chunk(number)
            ranges.append(chunks[number].ranges((frame - 1) % self.frames_per_chunk))
        return ranges

    def _chunk_of(self, frame: int) -> int:
        self._check(frame)
        return (frame - 1) // self.frames_per_chunk

    def _chunk_range(self, number: int) -> tuple[int, int]:
        return self.chunk_ends[number - 1] if number else 0, self.chunk_ends[number]

    def _chunk(self, number: int) -> _Chunk:
        start, end = self._chunk_range(number)
        return _Chunk.unpack(self.chunks[start - self.chunks_offset : end - self.chunks_offset])


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The fragments of consecutive frames; `counts` is empty when each frame has one."""

    offset: int
    lengths: memoryview[int]
    counts: memoryview[int]

    @classmethod
    def unpack(cls, packed: bytes) -> _Chunk:
        chunk = memoryview(zlib.decompress(packed))
        offset, fragments, counted = _CHUNK.unpack_from(chunk)
        lengths = chunk[_CHUNK.size : _CHUNK.size + 4 * fragments].cast("I")
        return cls(offset, lengths, chunk[_CHUNK.size + 4 * fragments :].cast("I") if counted else lengths[:0])

    def ranges(self, index: int) -> list[Range]:
        first = sum(self.counts[:index]) if self.counts else index
        count = self.counts[index] if self.counts else 1
        position = self.offset + sum(self.lengths[:first]) + _ITEM_HEADER_BYTES * first
        ranges = []
        for length in self.lengths[first : first + count]:
            ranges.append((position, length))
            position += length + _ITEM_HEADER_BYTES
        return ranges


def _packed(offset: int, lengths: array[int], counts: array[int]) -> bytes:
    counted = len(lengths) != len(counts)
    chunk = _CHUNK.pack(offset, len(lengths), counted) + lengths.tobytes()
    return zlib.compress(chunk + counts.tobytes() if counted else chunk)
