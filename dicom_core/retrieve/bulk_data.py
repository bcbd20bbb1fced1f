"""Bulk data out of stored files: a ranged read for each value, from where the list beside the metadata says that it lies.

Values are given out uncompressed and in little endian, or as they are stored.

Standard: PS3.18 10.4.1.1.5, 10.4.1.1.6, 8.7.3.3
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from dicom_core.dicom.byte_order import UNIT_OF_VR, swapped
from dicom_core.dicom.frame_layout import UndeterminedFrames
from dicom_core.dicom.frames import parse_frame_layout
from dicom_core.dicom.json_model import Bulk
from dicom_core.dicom.pixel_module import pixel_module
from dicom_core.dicom.transcoding import JoinedBits, can_transcode, swapped_unit
from dicom_core.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, OCTET_STREAM, transfer_syntax
from dicom_core.errors import NotAcceptableError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.metadata import read_bulk_list
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow
from dicom_core.retrieve.files import StoredFile
from dicom_core.retrieve.frames import FrameService
from dicom_core.retrieve.header_part import read_header_part
from dicom_core.retrieve.inflating import inflated_frames
from dicom_core.retrieve.lookup import instance_pages, not_found
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import BlobReader, Row

__all__ = ["BulkDataService", "BulkPart", "BulkValue", "Selection"]

_ANY_SYNTAX: Final = "*"
_PIXEL_DATA: Final = frozenset(("7FE00008", "7FE00009", "7FE00010"))
_FRAMES: Final = 1024  # that are looked up at once

Buffers = AsyncGenerator[bytes | memoryview, None]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which values are wanted: all, those of pixel data, or the one at a path of `dicom.json_model.Bulk`."""

    path: str | None = None
    pixel_data: bool = False

    def covers(self, bulk: Bulk) -> bool:
        """Whether a value is wanted; empty ones never are."""
        if bulk.length == 0 or (self.pixel_data and bulk.path not in _PIXEL_DATA):
            return False
        return self.path is None or bulk.path == self.path

    @property
    def may_be_pixel_data(self) -> bool:
        return self.path is None or self.path in _PIXEL_DATA


@dataclass(frozen=True, slots=True)
class BulkPart:
    """The beginning of a value, or of one of its compressed frames, in a stream of both; its bytes follow.

    `location` is the path of its URL, from ``studies`` on.
    """

    location: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class BulkValue:
    """A value that was found and is not read yet; `transfer_syntax` is that in which it is to be given out."""

    file: StoredFile
    bulk: Bulk
    transfer_syntax: str

    @property
    def is_compressed(self) -> bool:
        """Whether the value lies in the file as frames, each of them compressed."""
        return self.bulk.length is None

    @property
    def parts(self) -> int:
        """Number of parts that it takes: compressed frames come apart."""
        return self.file.frames if self.is_compressed and transfer_syntax(self.transfer_syntax).encapsulated else 1

    @property
    def size(self) -> int | None:
        """Bytes of the value, if the file has them just so."""
        return self.bulk.length

    @property
    def whole(self) -> BulkPart:
        """The beginning of the value in one part."""
        return BulkPart(f"{self._instance}/bulkdata/{self.bulk.path.replace('/', '.')}", self.transfer_syntax)

    def frame(self, number: int) -> BulkPart:
        """The beginning of one compressed frame."""
        return BulkPart(f"{self._instance}/frames/{number}", self.transfer_syntax)

    @property
    def _instance(self) -> str:
        return f"studies/{self.file.study}/series/{self.file.series}/instances/{self.file.instance}"


class BulkDataService:
    """Retrieves values; `max_bytes` limits deflated files, which have to be in memory as a whole."""

    def __init__(self, index: Index, workers: Workers, frames: FrameService, max_bytes: int) -> None:
        self._index = index
        self._workers = workers
        self._frames = frames
        self._max_bytes = max_bytes

    async def find(
        self, partition: Partition, ids: Identifiers, selection: Selection, wanted_syntax: str, *, original: bool = False
    ) -> AsyncGenerator[BulkValue, None]:
        """Look the instances up, and return their values; those of several instances are read page by page.

        Raises:
            NotFoundError: there are no instances.
            NotAcceptableError: the pixel data of one cannot be decompressed.
        """
        found: list[Row] = []
        select = INSTANCE_SUMMARY if ids.instance is None else None
        async for page in instance_pages(self._index, partition, ids, select):
            found = page or found
            for row in page if selection.may_be_pixel_data else ():
                _check(StoredFile.of(_version(InstanceRow.of(row), original=original)), wanted_syntax)
        if not found:
            raise not_found(ids)
        pages = instance_pages(self._index, partition, ids) if ids.instance is None else _page(found)
        return self._values(pages, selection, wanted_syntax, original=original)

    async def _values(
        self, pages: AsyncIterator[list[Row]], selection: Selection, wanted_syntax: str, *, original: bool
    ) -> AsyncGenerator[BulkValue, None]:
        async for page in pages:
            for row in page:
                version = _version(InstanceRow.of(row), original=original)
                file = StoredFile.of(version)
                for bulk in await read_bulk_list(self._index.blobs, version):
                    if selection.covers(bulk) and (bulk.length is not None or file.frames > 0):
                        yield BulkValue(file, bulk, _syntax(file, bulk, wanted_syntax))

    async def parts(self, partition: Partition, value: BulkValue) -> AsyncGenerator[BulkPart | bytes | memoryview, None]:
        """Read a value: a beginning and then bytes, for each part of it."""
        if value.parts == 1:
            yield value.whole
            async with aclosing(self.content(partition, value)) as content:
                async for chunk in content:
                    yield chunk
            return
        begun = 0
        async with aclosing(self._pieces(partition, value)) as pieces:
            async for number, piece in pieces:
                for frame in range(begun + 1, number + 1):  # those in between are empty
                    yield value.frame(frame)
                begun = number
                yield piece
        for frame in range(begun + 1, value.parts + 1):
            yield value.frame(frame)

    async def content(self, partition: Partition, value: BulkValue, start: int = 0, length: int | None = None) -> Buffers:
        """Read a value in one part; `start` and `length` limit what is read of one with a known size.

        Raises:
            NotAcceptableError: it is too large, or damaged.
            BlobNotFound: the instance has just been replaced or deleted.
        """
        if value.size is None:
            bits = await self._joined_bits(value)
            async with aclosing(self._pieces(partition, value)) as pieces:
                async for _, piece in pieces:
                    yield piece if bits is None else bits.add(piece)
            if bits is not None:
                yield bits.rest()
            return
        wanted = value.size - start if length is None else length
        stored = await self._stored(value, start, wanted)
        async with aclosing(stored) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _joined_bits(self, value: BulkValue) -> JoinedBits | None:
        """What puts decompressed frames together that do not consist of whole bytes; each comes in one piece."""
        if transfer_syntax(value.transfer_syntax).encapsulated:
            return None
        header, _ = await read_header_part(self._index.blobs, self._workers, value.file, guess=value.bulk.offset)
        pixels = pixel_module(header)
        return JoinedBits(pixels.frame_bits) if pixels is not None and pixels.frame_bits % 8 else None

    async def _stored(self, value: BulkValue, start: int, length: int) -> Buffers:
        """Open a range of a value that lies in the file as it is, apart from its byte order."""
        file, blobs = value.file, self._index.blobs
        syntax = transfer_syntax(file.transfer_syntax)
        offset = value.bulk.offset
        if syntax.deflated:
            if max(file.size, value.bulk.length or 0) > self._max_bytes:
                raise NotAcceptableError("The instance is too large to be inflated.")
            return _only_pieces(inflated_frames(blobs, self._workers, file, [[(offset + start, length)]]))
        unit = await self._unit(value) if syntax.big_endian and value.transfer_syntax != file.transfer_syntax else 1
        if unit == 1:
            return _chunks(await blobs.read(file.blob, offset + start, length))
        before = start % unit
        end = min(value.bulk.length or 0, -(-(start + length) // unit) * unit)
        reader = await blobs.read(file.blob, offset + start - before, end - start + before)
        return _limited(_swapped(reader, unit), before, length)

    async def _unit(self, value: BulkValue) -> int:
        """Bytes that swap in a big endian value; for pixel data that takes its attributes."""
        if value.bulk.path not in _PIXEL_DATA:
            return UNIT_OF_VR.get(value.bulk.vr, 1)
        header, _ = await read_header_part(self._index.blobs, self._workers, value.file, guess=value.bulk.offset)
        return swapped_unit(header)

    async def _pieces(self, partition: Partition, value: BulkValue) -> AsyncGenerator[tuple[int, bytes | memoryview], None]:
        """Read compressed pixel data as frame numbers and bytes, decompressed if so wanted; each frame has a piece at least."""
        ids = Identifiers(value.file.study, value.file.series, value.file.instance)
        for numbers in _batches(value.file.frames):
            found = await self._frames.find(partition, ids, numbers, OCTET_STREAM, value.transfer_syntax)
            async with aclosing(self._frames.pieces(found)) as pieces:
                async for position, piece in pieces:
                    yield numbers[position], piece


async def _page(rows: list[Row]) -> AsyncIterator[list[Row]]:
    yield rows


def _version(row: InstanceRow, *, original: bool) -> InstanceRow:
    return row.first_version if original else row


def _check(file: StoredFile, wanted_syntax: str) -> None:
    """Refuse an instance whose pixel data cannot be had as wanted."""
    stored = file.transfer_syntax
    if file.frames == 0 or not transfer_syntax(stored).encapsulated:
        return
    if wanted_syntax != _ANY_SYNTAX and not can_transcode(stored, wanted_syntax):
        raise NotAcceptableError("The pixel data cannot be decompressed; transfer-syntax=* asks for it as it is stored.")
    if isinstance(parse_frame_layout(file.layout), UndeterminedFrames):
        raise NotAcceptableError("The pixel data does not tell where its frames begin.")


def _syntax(file: StoredFile, bulk: Bulk, wanted_syntax: str) -> str:
    """The transfer syntax in which a value is to be given out; only pixel data and byte order differ among them."""
    matters = bulk.length is None or transfer_syntax(file.transfer_syntax).big_endian
    return file.transfer_syntax if wanted_syntax == _ANY_SYNTAX and matters else EXPLICIT_VR_LITTLE_ENDIAN


def _batches(count: int) -> Iterator[range]:
    for start in range(1, count + 1, _FRAMES):
        yield range(start, min(start + _FRAMES, count + 1))


async def _chunks(reader: BlobReader) -> Buffers:
    async with aclosing(reader):
        async for chunk in reader:
            yield chunk


async def _only_pieces(pieces: AsyncGenerator[tuple[int, bytes | memoryview], None]) -> Buffers:
    async with aclosing(pieces):
        async for _, piece in pieces:
            yield piece


async def _swapped(reader: BlobReader, unit: int) -> Buffers:
    rest = b""
    async with aclosing(reader):
        async for chunk in reader:
            data = rest + chunk if rest else chunk
            whole = len(data) - len(data) % unit
            rest = data[whole:]
            yield swapped(memoryview(data)[:whole], unit)
    if rest:
        yield rest


async def _limited(chunks: Buffers, skipped: int, length: int) -> Buffers:
    """Leave bytes out at the beginning, and end after `length` more."""
    async with aclosing(chunks):
        async for chunk in chunks:
            kept = memoryview(chunk)[skipped : skipped + length]
            skipped = max(0, skipped - len(chunk))
            length -= len(kept)
            if kept:
                yield kept
