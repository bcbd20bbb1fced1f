"""Pictures of stored frames; no more of a file is read than its header and the frame.

Standard: PS3.18 10.4.1.1.3, 10.4.1.1.5
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.codecs import CodecError, can_decode
from dicom_core.dicom.elements import Header
from dicom_core.dicom.frames import FrameLayout
from dicom_core.dicom.pixel_module import PixelModule, pixel_module
from dicom_core.dicom.render_options import RenderOptions
from dicom_core.dicom.rendering import render, render_animation
from dicom_core.dicom.transfer_syntaxes import transfer_syntax
from dicom_core.errors import NotAcceptableError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow
from dicom_core.retrieve.ahead import ahead
from dicom_core.retrieve.files import StoredFile
from dicom_core.retrieve.frame_reading import frame_pieces, whole_frames
from dicom_core.retrieve.header_part import read_header_part
from dicom_core.retrieve.inflating import inflated_frames
from dicom_core.retrieve.layouts import load_layout, read_range
from dicom_core.retrieve.lookup import find_instance, instance_pages, not_found
from dicom_core.retrieve.representative import representative
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import BlobNotFound

__all__ = ["Picture", "RenderService"]

T = TypeVar("T")

_TOGETHER: Final = 1024 * 1024  # bytes from the beginning of a file that are read at once, header and frame
_AHEAD: Final = 2  # pictures
_MAX_ANIMATED_PIXELS: Final = 64 * 1024 * 1024  # of all frames together, for they are all in memory


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered frame, with its number."""

    file: StoredFile
    frame: int
    content: bytes


@dataclass(frozen=True, slots=True)
class _Frames:
    """The header of a file, and the bytes of some of its frames by number."""

    header: Header
    pixels: PixelModule
    stored: dict[int, bytes]


class RenderService:
    """Renders frames, always those of an instance's latest version; files of more than `max_bytes` are not rendered."""

    def __init__(self, index: Index, workers: Workers, max_bytes: int) -> None:
        self._index = index
        self._workers = workers
        self._max_bytes = max_bytes

    async def find(self, partition: Partition, ids: Identifiers, frame: int) -> StoredFile:
        """Find an instance that has this frame.

        Raises:
            NotFoundError: no such instance or frame.
            NotAcceptableError: the file is too large.
        """
        file = StoredFile.of(await find_instance(self._index, partition, ids))
        if file.size > self._max_bytes:
            raise NotAcceptableError("The file is too large to be rendered.")
        _check_frame(file, frame)
        return file

    async def representative(self, partition: Partition, ids: Identifiers, frame: int | None = None) -> tuple[StoredFile, int]:
        """Find the instance and frame that stand for a study, a series, an instance, or, with `frame`, for itself.

        Raises:
            NotFoundError: there is nothing, or nothing with pixel data.
            NotAcceptableError: nothing of it can be decoded.
        """
        if frame is not None:
            file = StoredFile.of(await find_instance(self._index, partition, ids))
            _check_frame(file, frame)
            return file, frame
        file = StoredFile.of(await representative(self._index, partition, ids))
        return file, (file.frames + 1) // 2

    async def picture(self, file: StoredFile, frame: int, options: RenderOptions) -> Picture:
        """Render one frame.

        Raises:
            NotAcceptableError: it cannot be decoded.
            BlobNotFound: the instance has just been replaced.
        """
        found = await self._read(file, (frame,))
        content = await self._run(
            lambda: render(found.stored[frame], file.transfer_syntax, found.pixels, Attributes.of(found.header), options, frame=frame)
        )
        return Picture(file, frame, content)

    async def animation(self, file: StoredFile, options: RenderOptions) -> bytes:
        """Render all frames of an instance as one film.

        Raises:
            NotAcceptableError: they cannot be decoded, or are too many.
            BlobNotFound: the instance has just been replaced.
        """
        numbers = range(1, file.frames + 1)
        header, _ = await read_header_part(self._index.blobs, self._workers, file)
        pixels = pixel_module(header)
        if pixels is not None and pixels.rows * pixels.columns * file.frames > _MAX_ANIMATED_PIXELS:
            raise NotAcceptableError("The instance has too many pixels to be rendered as a film.")
        found = await self._read(file, numbers)
        frames = [(number, found.stored[number]) for number in numbers]
        return await self._run(lambda: render_animation(frames, file.transfer_syntax, found.pixels, Attributes.of(found.header), options))

    async def pictures(self, partition: Partition, ids: Identifiers, options: RenderOptions) -> AsyncGenerator[Picture, None]:
        """Render every frame of a study or series, in order; what turns out to be damaged, or was deleted, is left out.

        Raises:
            NotFoundError: there is nothing, or nothing with pixel data.
            NotAcceptableError: nothing of it can be rendered.
        """
        files = await self._renderable(partition, ids)

        async def jobs() -> AsyncIterator[Coroutine[Any, Any, Picture | None]]:
            for file in files:
                for frame in range(1, file.frames + 1):
                    yield job(file, frame)

        async def job(file: StoredFile, frame: int) -> Picture | None:
            try:
                return await self.picture(file, frame, options)
            except (NotAcceptableError, BlobNotFound):
                return None

        count = 0
        async with aclosing(ahead(jobs(), _AHEAD)) as pictures:
            async for picture in pictures:
                if picture is not None:
                    count += 1
                    yield picture
        if not count:
            raise NotAcceptableError("The pixel data cannot be rendered.")

    async def _renderable(self, partition: Partition, ids: Identifiers) -> list[StoredFile]:
        files = []
        async for page in instance_pages(self._index, partition, ids, INSTANCE_SUMMARY):
            files += [StoredFile.of(InstanceRow.of(row)) for row in page]
        if not files:
            raise not_found(ids)
        with_pixels = [file for file in files if file.frames]
        if not with_pixels:
            raise NotFoundError("There is no pixel data.")
        return [file for file in with_pixels if can_decode(file.transfer_syntax) and file.size <= self._max_bytes]

    async def _read(self, file: StoredFile, numbers: Sequence[int]) -> _Frames:
        """Read the header and some frames: in one read where they lie close to the beginning."""
        if not can_decode(file.transfer_syntax):
            raise CodecError("The stored transfer syntax cannot be decoded.")
        layout = await load_layout(self._index.blobs, file, numbers)
        ranges = layout.frame_ranges(numbers)
        ends = [offset + length for each in ranges for offset, length in each]
        if sum(length for each in ranges for _, length in each) > self._max_bytes:
            raise NotAcceptableError("The pixel data is too large to be rendered.")
        if transfer_syntax(file.transfer_syntax).deflated:
            header, joined = await asyncio.gather(self._header(file), self._inflated(file, ranges))
        elif max(ends, default=0) <= _TOGETHER:
            beginning = await read_range(self._index.blobs, file.blob, (0, max(ends, default=0)))
            header, data = await read_header_part(self._index.blobs, self._workers, file, beginning=beginning)
            joined = [b"".join([data[offset : offset + length] for offset, length in each]) for each in ranges]
        else:
            header, joined = await asyncio.gather(self._header(file, layout), self._joined(file, ranges))
        pixels = pixel_module(header)
        if pixels is None:
            raise NotFoundError("The instance has no pixel data.")
        return _Frames(header, pixels, {number: layout.cut(number, data) for number, data in zip(numbers, joined, strict=True)})

    async def _header(self, file: StoredFile, layout: FrameLayout | None = None) -> Header:
        """Read the header alone; it ends before the first frame."""
        guess = None if layout is None or layout.missing_chunks((1,)) else layout.frame_ranges((1,))[0]
        header, _ = await read_header_part(self._index.blobs, self._workers, file, guess=guess[0][0] if guess else 0)
        return header

    async def _joined(self, file: StoredFile, ranges: Sequence[Sequence[tuple[int, int]]]) -> list[bytes]:
        pieces = frame_pieces(self._index.blobs, file.blob, ranges)
        return [data async for _, data in whole_frames(pieces, len(ranges))]

    async def _inflated(self, file: StoredFile, ranges: Sequence[Sequence[tuple[int, int]]]) -> list[bytes]:
        if file.size > self._max_bytes:
            raise NotAcceptableError("The file is too large to be rendered.")
        pieces = inflated_frames(self._index.blobs, self._workers, file, ranges)
        return [data async for _, data in whole_frames(pieces, len(ranges))]

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._workers.run(lambda: _refused(work))


def _refused(work: Callable[[], T]) -> T:
    """Render; what is wrong with attributes that nobody has foreseen makes an image that cannot be shown."""
    try:
        return work()
    except (ArithmeticError, LookupError, OSError, ValueError) as error:
        raise CodecError("The image cannot be rendered.") from error


def _check_frame(file: StoredFile, frame: int) -> None:
    if file.frames == 0:
        raise NotFoundError("The instance has no pixel data.")
    if frame > file.frames:
        raise NotFoundError(f"Frame {frame} does not exist.")
