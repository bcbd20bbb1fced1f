"""Answers that carry Part 10 files, alone or as parts of multipart/related.

Standard: PS3.18 8.7.3.1, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from starlette.responses import Response

from dicom_core.http.multipart import Framing
from dicom_core.http.streaming import StreamedResponse
from dicom_core.retrieve.files import OpenFile, StoredFile

__all__ = ["multipart_files", "single_file"]

Buffers = AsyncGenerator[bytes | memoryview, None]

_JOINED: Final = 64 * 1024  # a chunk up to this length is copied behind its part's header, which is cheaper than sending twice


async def single_file(opened: OpenFile) -> Response:
    """Answer with one file as it is."""
    content_type = _content_type(opened.file)
    if opened.is_whole:
        await opened.aclose()
        return Response(opened.first, media_type=content_type)
    return StreamedResponse(_chunks(opened), {"Content-Type": content_type}, length=opened.file.size)


def multipart_files(files: Sequence[StoredFile], opened: AsyncGenerator[OpenFile, None]) -> Response:
    """Answer with files, one part each, that are opened in order while the answer is being sent."""
    framing = Framing("application/dicom")
    length = framing.length((_content_type(file), file.size) for file in files)
    return StreamedResponse(_parts(framing, opened), {"Content-Type": framing.content_type}, length=length)


async def _parts(framing: Framing, opened: AsyncGenerator[OpenFile, None]) -> Buffers:
    first = True
    async with aclosing(opened):
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
    try:
        yield opened.first
        async for chunk in opened.others:
            yield chunk
    finally:
        await opened.aclose()


def _content_type(file: StoredFile) -> str:
    return f"application/dicom; transfer-syntax={file.transfer_syntax}"
