"""Stored files in another transfer syntax, transcoded while they are read: one pass over the file, a frame at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from dicom_core.dicom.codecs import CodecError
from dicom_core.dicom.deflated import Inflated
from dicom_core.dicom.elements import Element
from dicom_core.dicom.frames import FrameLayout
from dicom_core.dicom.part10 import Header, NotDicom, TrailerScanner, read_header
from dicom_core.dicom.pixel_data_scanner import MAX_TRAILER_BYTES
from dicom_core.dicom.transcoding import Reader, transcode
from dicom_core.retrieve.files import Delivery, OpenFile, StoredFile
from dicom_core.retrieve.forward import Forward, blocking, read_beginning
from dicom_core.retrieve.layouts import load_layout, read_range
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import BlobReader, Blobs

__all__ = ["open_transcoded"]

_ITEM_HEADER_BYTES: Final = 8  # at least one follows the fragments
_EVERYTHING: Final = 1 << 62


async def open_transcoded(blobs: Blobs, workers: Workers, delivery: Delivery) -> OpenFile:
    """Open a file and transcode its first frame.

    Raises:
        CodecError: the file cannot be transcoded.
        BlobNotFound: it is gone.
    """
    reader = await blobs.read(delivery.file.blob)
    try:
        chunks = await _transcoded(blobs, workers, delivery, reader)
        return OpenFile(delivery, await anext(chunks, b""), chunks, _Conversion(chunks, reader))
    except NotDicom as error:
        await reader.aclose()
        raise CodecError("The file is damaged.") from error
    except BaseException:
        await reader.aclose()
        raise


@dataclass(frozen=True, slots=True)
class _Conversion:
    chunks: AsyncGenerator[bytes, None]
    reader: BlobReader

    async def aclose(self) -> None:
        await self.chunks.aclose()
        await self.reader.aclose()


async def _transcoded(blobs: Blobs, workers: Workers, delivery: Delivery, reader: BlobReader) -> AsyncGenerator[bytes, None]:
    file, loop = delivery.file, asyncio.get_running_loop()
    layout = await load_layout(blobs, file, range(1, file.frames + 1)) if file.frames else None
    chunks = aiter(reader)
    header, head = await read_beginning(chunks, file.size, workers)
    if header.deflated:
        header, read = await _inflated(header, head, chunks, workers)
    else:
        if len(head) < file.size:
            header = replace(header, elements=[*header.elements, *await _trailer(blobs, file, header, layout)])
        read = Forward(chain((head,), blocking(chunks, loop)))
    return workers.iterate(transcode(header, layout, read, delivery.transfer_syntax))


async def _inflated(header: Header, head: bytes, chunks: AsyncIterator[bytes], workers: Workers) -> tuple[Header, Reader]:
    """Read a deflated file whole, as its parts can be found in no other way."""
    content = b"".join([head, *[chunk async for chunk in chunks]])
    header = await workers.run(lambda: read_header(content, complete=True))
    data_set = memoryview(content)[header.data_set_offset :]
    return header, Forward(Inflated(data_set, complete=True).pieces(_EVERYTHING))


async def _trailer(blobs: Blobs, file: StoredFile, header: Header, layout: FrameLayout | None) -> list[Element]:
    """Read the elements after Pixel Data, which an overlong or damaged trailer may lack."""
    pixel_data = header.pixel_data
    if pixel_data is None or layout is None:
        return []
    encapsulated = pixel_data.length is None
    offset, length = layout.frame_ranges((layout.number_of_frames,))[0][-1] if encapsulated else (pixel_data.offset, pixel_data.length or 0)
    end = offset + length
    if end + _ITEM_HEADER_BYTES >= file.size:
        return []
    scanner = TrailerScanner(replace(header, pixel_data=replace(pixel_data, offset=end, length=None if encapsulated else 0)))
    try:
        scanner.feed(await read_range(blobs, file.blob, (end, MAX_TRAILER_BYTES + 2 * _ITEM_HEADER_BYTES)))
        return scanner.finish()
    except NotDicom:
        return []
