"""Single frames out of stored files: one row and one ranged read where the stored bytes are wanted, else also the header.

Standard: PS3.18 10.4.1.1.4, 8.7.3.3
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from dicom_core.dicom.frames import FrameLayout, Range
from dicom_core.dicom.pixel_module import PixelModule, pixel_module
from dicom_core.dicom.transcoding import can_transcode, transcode_frame
from dicom_core.dicom.transfer_syntaxes import MEDIA_TYPE_DEFAULTS, OCTET_STREAM, syntaxes_of_media_type, transfer_syntax
from dicom_core.errors import NotAcceptableError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.retrieve.ahead import ahead
from dicom_core.retrieve.files import StoredFile
from dicom_core.retrieve.frame_reading import Piece, frame_pieces, slice_ranges, whole_frames
from dicom_core.retrieve.header_part import read_header_part
from dicom_core.retrieve.inflating import inflated_frames
from dicom_core.retrieve.layouts import load_layout
from dicom_core.retrieve.lookup import find_instance
from dicom_core.retrieve.repeated import RepeatedFrames
from dicom_core.retrieve.workers import Workers

__all__ = ["FoundFrames", "FrameService"]

_ANY_SYNTAX: Final = "*"
_CONVERTED_AHEAD: Final = 2  # frames
_KEPT: Final = 64 * 1024 * 1024  # bytes of converted frames that are asked for again
_IN_LOOP: Final = 256 * 1024  # bytes of a frame whose cutting is not worth a thread


@dataclass(frozen=True, slots=True)
class FoundFrames:
    """Frames that were found and are not read yet, in the order asked for.

    `transfer_syntax` is that in which they are to be given out.
    """

    file: StoredFile
    layout: FrameLayout
    numbers: tuple[int, ...]
    ranges: list[list[Range]]
    transfer_syntax: str

    @property
    def converted(self) -> bool:
        """Whether the frames are to have other bytes than in the stored data set."""
        stored, wanted = transfer_syntax(self.file.transfer_syntax), transfer_syntax(self.transfer_syntax)
        if stored.uid == wanted.uid:
            return False
        return stored.encapsulated or wanted.encapsulated or stored.big_endian != wanted.big_endian

    @property
    def sizes(self) -> list[int] | None:
        """Bytes of each frame, where frames lie in the stored file just as they are to be given out."""
        if self.converted or self.deflated or not self.layout.exact:
            return None
        return [sum(length for _, length in ranges) for ranges in self.ranges]

    @property
    def deflated(self) -> bool:
        """Whether the ranges are those of the inflated data set."""
        return transfer_syntax(self.file.transfer_syntax).deflated

    def cut(self, position: int, data: bytes) -> bytes:
        """Take one frame out of the bytes of its ranges."""
        as_stored = self.transfer_syntax == self.file.transfer_syntax
        return self.layout.cut(self.numbers[position], data, stored_order=as_stored)


class FrameService:
    """Retrieves frames, always those of an instance's original version.

    `max_bytes` limits what has to be in memory as a whole: deflated files, and frames that are converted.
    """

    def __init__(self, index: Index, workers: Workers, max_bytes: int) -> None:
        self._index = index
        self._workers = workers
        self._max_bytes = max_bytes

    async def find(
        self, partition: Partition, ids: Identifiers, numbers: Sequence[int] | None, media_type: str, wanted_syntax: str
    ) -> FoundFrames:
        """Find frames that can be had as the media type, in the wanted transfer syntax; ``*`` is the stored one if it fits the type.

        No `numbers` mean all frames.

        Raises:
            NotFoundError: no such instance, or no pixel data, or one of the frames does not exist.
            NotAcceptableError: the frames cannot be had like this.
            BlobNotFound: the instance has just been replaced.
        """
        file = StoredFile.of((await find_instance(self._index, partition, ids)).first_version)
        if file.frames == 0:
            raise NotFoundError("The instance has no pixel data.")
        target = _target(file.transfer_syntax, media_type, wanted_syntax)
        if not can_transcode(file.transfer_syntax, target):
            raise NotAcceptableError("The stored transfer syntax cannot be changed to the wanted one; transfer-syntax=* asks for any.")
        numbers = range(1, file.frames + 1) if numbers is None else numbers
        layout = await load_layout(self._index.blobs, file, numbers)
        found = FoundFrames(file, layout, tuple(numbers), layout.frame_ranges(numbers), target)
        self._check_size(found)
        return found

    async def pieces(self, found: FoundFrames, start: int = 0, length: int | None = None) -> AsyncGenerator[Piece, None]:
        """Read frames and, where needed, convert them; `start` and `length` limit what is read of a single one with a known size.

        Raises:
            CodecError: a frame cannot be converted.
            BlobNotFound: the instance has just been replaced.
        """
        if length is not None:
            found = replace(found, ranges=[slice_ranges(found.ranges[0], start, length)])
        stored = self._stored(found)
        async with aclosing(stored if found.sizes is not None else self._whole(found, stored)) as pieces:
            async for piece in pieces:
                yield piece

    def _stored(self, found: FoundFrames) -> AsyncGenerator[Piece, None]:
        if found.deflated:
            return inflated_frames(self._index.blobs, self._workers, found.file, found.ranges)
        return frame_pieces(self._index.blobs, found.file.blob, found.ranges)

    async def _whole(self, found: FoundFrames, stored: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
        """Cut frames out of what was read, and convert them, some ahead of time."""
        pixels = await self._pixels(found.file) if found.converted else None
        repeated = RepeatedFrames(found.numbers, _KEPT)

        async def jobs() -> AsyncIterator[Coroutine[Any, Any, Piece]]:
            async with aclosing(whole_frames(stored, len(found.numbers))) as frames:
                async for position, data in frames:
                    yield job(position, data)

        async def job(position: int, data: bytes) -> Piece:
            if pixels is None and len(data) <= _IN_LOOP:
                return position, found.cut(position, data)
            work = partial(_converted, found, position, data, pixels)
            return position, await repeated.at(position, partial(self._workers.run, work, begun=position > 0))

        async with aclosing(ahead(jobs(), _CONVERTED_AHEAD)) as frames:
            async for frame in frames:
                yield frame

    async def _pixels(self, file: StoredFile) -> PixelModule:
        header, _ = await read_header_part(self._index.blobs, self._workers, file)
        pixels = pixel_module(header)
        if pixels is None:
            raise NotFoundError("The instance has no pixel data.")
        return pixels

    def _check_size(self, found: FoundFrames) -> None:
        if found.sizes is not None:
            return
        if found.deflated:
            unique = {where for ranges in found.ranges for where in ranges}
            needed = max(found.file.size, sum(length for _, length in unique))
        else:
            needed = max(sum(length for _, length in ranges) for ranges in found.ranges)
        if needed > self._max_bytes:
            raise NotAcceptableError("The pixel data is too large to be given out in another form than it is stored.")


def _target(stored_syntax: str, media_type: str, wanted_syntax: str) -> str:
    """The transfer syntax in which frames are to be given out."""
    if wanted_syntax != _ANY_SYNTAX:
        return wanted_syntax
    if media_type == OCTET_STREAM or stored_syntax in syntaxes_of_media_type(media_type):
        return stored_syntax
    return MEDIA_TYPE_DEFAULTS[media_type]


def _converted(found: FoundFrames, position: int, data: bytes, pixels: PixelModule | None) -> bytes:
    frame = found.cut(position, data)
    return frame if pixels is None else transcode_frame(frame, found.file.transfer_syntax, found.transfer_syntax, pixels)
