"""What every layout of frames can tell: the byte ranges of frames in the stored file, and itself as bytes.

Frames are numbered from 1. Ranges are (offset, length) in the stored file; of a deflated file, in its inflated data set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from dicom_core.errors import NotAcceptableError, NotFoundError

__all__ = ["FrameLayout", "Range", "UndeterminedFrames"]

Range = tuple[int, int]
"""Offset and length, in bytes."""


class FrameLayout(ABC):
    """Where the frames of one instance lie.

    A layout with many frames has a second form: `head` fits a table row, `chunks` is kept elsewhere, and `missing_chunks` and
    `with_chunks` bring back the part that some frames need. Layouts without chunks are all head.
    """

    __slots__ = ()

    number_of_frames: int
    chunks: bytes = b""

    @property
    @abstractmethod
    def head(self) -> bytes:
        """Everything but the chunks."""

    @property
    def exact(self) -> bool:
        """Tell whether the ranges of a frame hold the frame as stored and nothing else, so that `cut` has nothing to do."""
        return True

    @abstractmethod
    def frame_ranges(self, frames: Iterable[int]) -> list[list[Range]]:
        """Locate frames: for each the ranges whose bytes, joined and `cut`, are the frame as stored.

        Raises:
            NotFoundError: there is no such frame.
            NotAcceptableError: the file does not tell where its frames begin.
        """

    def cut(self, frame: int, data: bytes, *, stored_order: bool = False) -> bytes:
        """Take exactly one frame out of the bytes of its ranges; they differ only where frames share bytes or words."""
        return data

    def to_bytes(self) -> bytes:
        """Give head and chunks as one, to be read by `parse_frame_layout`."""
        return self.head + self.chunks

    def missing_chunks(self, frames: Iterable[int]) -> Range | None:
        """Tell which range of the chunks `frame_ranges` needs and this layout does not hold."""
        return None

    def with_chunks(self, offset: int, chunks: bytes) -> FrameLayout:
        """Hold the chunks that begin at an offset, as `missing_chunks` has asked for."""
        return self

    def _check(self, frame: int) -> None:
        if not 1 <= frame <= self.number_of_frames:
            raise NotFoundError(f"Frame {frame} does not exist.")


class UndeterminedFrames(FrameLayout):
    """Frames that exist, but nobody can tell where: several fragments each, and nothing that says how many."""

    __slots__ = ("number_of_frames",)

    def __init__(self, number_of_frames: int) -> None:
        self.number_of_frames = number_of_frames

    @property
    def head(self) -> bytes:
        return b"U" + self.number_of_frames.to_bytes(8, "little")

    @classmethod
    def parse(cls, head: bytes) -> UndeterminedFrames:
        return cls(int.from_bytes(head[1:9], "little"))

    def frame_ranges(self, frames: Iterable[int]) -> list[list[Range]]:
        for frame in frames:
            self._check(frame)
        raise NotAcceptableError("The pixel data does not tell where its frames begin.")
