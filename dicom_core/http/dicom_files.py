"""Answers that carry Part 10 files, alone or as parts of multipart/related.

Standard: PS3.18 8.7.3.1, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from starlette.responses import Response

from dicom_core.http.multipart import Framing
from dicom_core.http.streaming import Closeable, StreamedResponse
from dicom_core.retrieve.files import OpenFile, StoredFile

__all__ = ["multipart_file", "multipart_files", "single_file"]

Buffers = AsyncGenerator[bytes | memoryview, None]

_JOINED: Final = 64 * 1024  # a chunk up to this length is copied behind its part's header, which is cheaper than sending twice


async def single_file(opened: OpenFile) -> Response:
    """Answer with one file as it is."""
    content_type = _content_type(opened.file)
    if opened.is_whole:
        await opened.aclose()
        return Response(opened.first, media_type=content_type)
    return StreamedResponse(_chunks(opened), {"Content-Type": content_type}, length=opened.file.size, source=opened)


def multipart_file(opened: OpenFile) -> Response:
    """Answer with one file as the only part."""
    return _multipart([opened.file], _just(opened), opened)


def multipart_files(files: Sequence[StoredFile], opened: AsyncGenerator[OpenFile, None]) -> Response:
    """Answer with files, one part each, that are opened in order while the answer is being sent."""
    return _multipart(files, opened, opened)


def _multipart(files: Sequence[StoredFile], opened: AsyncGenerator[OpenFile, None], source: Closeable) -> Response:
    framing = Framing("application/dicom")
    length = framing.length((_content_type(file), file.size) for file in files)
    return StreamedResponse(_parts(framing, opened), {"Content-Type": framing.content_type}, length=length, source=source)


async def _parts(framing: Framing, opened: AsyncGenerator[OpenFile, None]) -> Buffers:
    first = True
    async for file in opened:
        opening = framing.opening(_content_type(file.file), first=first)
        first = False
        if len(file.first) <= _JOINED:
            yield opening + file.first
        else:
            yield opening
            yield file.first
        async for chunk in file.others:
            yield chunk
    yield framing.closing


async def _chunks(opened: OpenFile) -> Buffers:
    yield opened.first
    async for chunk in opened.others:
        yield chunk


async def _just(opened: OpenFile) -> AsyncGenerator[OpenFile, None]:
    yield opened


def _content_type(file: StoredFile) -> str:
    return f"application/dicom; transfer-syntax={file.transfer_syntax}"
