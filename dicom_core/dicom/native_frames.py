"""Frames of uncompressed Pixel Data: arithmetic.

Frames follow each other without padding, so that frames of single bits can begin and end inside a byte, and frames of an odd
number of bytes inside a word.

Standard: PS3.5 8.1.1, 8.2
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from dicom_core.dicom.byte_order import swapped
from dicom_core.dicom.frame_layout import FrameLayout, Range

__all__ = ["NativeFrames"]

_HEAD = Struct("<cQQQ?")


@dataclass(frozen=True, slots=True)
class NativeFrames(FrameLayout):
    """Frames of `frame_bits` each from `offset` on.

    With `swapped_words`, samples of up to 8 bits were written as big endian words, two to a word.
    """

    offset: int
    frame_bits: int
    number_of_frames: int
    swapped_words: bool = False

    @property
    def head(self) -> bytes:
        return _HEAD.pack(b"N", self.offset, self.frame_bits, self.number_of_frames, self.swapped_words)

    @classmethod
    def parse(cls, head: bytes) -> NativeFrames:
        return cls(*_HEAD.unpack_from(head)[1:])

    @property
    def exact(self) -> bool:
        return self.frame_bits % 8 == 0 and not self.swapped_words

    def frame_ranges(self, frames: Iterable[int]) -> list[list[Range]]:
        return [[self._range(frame)] for frame in frames]

    def _range(self, frame: int) -> Range:
        self._check(frame)
        start, end = (frame - 1) * self.frame_bits // 8, (frame * self.frame_bits + 7) // 8
        if self.swapped_words:
            start, end = start & ~1, (end + 1) & ~1
        return self.offset + start, end - start

    def cut(self, frame: int, data: bytes, *, stored_order: bool = False) -> bytes:
        if self.swapped_words and not stored_order:
            data = swapped(data, 2)
        start = self._range(frame)[0] - self.offset
        skipped_bits = (frame - 1) * self.frame_bits - 8 * start
        size = (self.frame_bits + 7) // 8
        if skipped_bits % 8 == 0 and self.frame_bits % 8 == 0:
            skipped = skipped_bits // 8
            return data if skipped == 0 and len(data) == size else data[skipped : skipped + size]
        # The first pixel is the least significant bit of the first byte, hence of the number that all bytes make.
        number = int.from_bytes(data, "little") >> skipped_bits
        return (number & ((1 << self.frame_bits) - 1)).to_bytes(size, "little")
