"""Answers that carry Part 10 files, alone or as parts of multipart/related.

Standard: PS3.18 8.7.3.1, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from starlette.responses import Response

from dicom_core.http.conditional import Validators
from dicom_core.http.multipart import Framing
from dicom_core.http.ranges import Span
from dicom_core.http.streaming import Closeable, StreamedResponse
from dicom_core.retrieve.files import Delivery, OpenFile

__all__ = ["just", "multipart_file", "multipart_files", "single_file", "transcoded_file"]

Buffers = AsyncGenerator[bytes | memoryview, None]

_JOINED: Final = 64 * 1024  # a chunk up to this length is copied behind its part's header, which is cheaper than sending twice


def single_file(opened: OpenFile, state: Validators, span: Span) -> Response:
    """Answer with one file, or the range of it that was opened."""
    headers = {**state.headers, **span.headers, "Content-Type": _content_type(opened.delivery)}
    return StreamedResponse(_chunks(opened), headers, status=span.status, length=span.length, source=opened)


def transcoded_file(opened: OpenFile, state: Validators) -> Response:
    """Answer with one file whose length nobody knows yet."""
    return StreamedResponse(_chunks(opened), {**state.headers, "Content-Type": _content_type(opened.delivery)}, source=opened)


def multipart_file(opened: OpenFile, state: Validators) -> Response:
    """Answer with one file as the only part."""
    return _multipart([opened.delivery], just(opened), opened, state.headers)


def multipart_files(deliveries: Sequence[Delivery], opened: AsyncGenerator[OpenFile, None]) -> Response:
    """Answer with files, one part each, that are opened in order while the answer is being sent."""
    return _multipart(deliveries, opened, opened, {})


def _multipart(
    deliveries: Sequence[Delivery], opened: AsyncGenerator[OpenFile, None], source: Closeable, headers: Mapping[str, str]
) -> Response:
    framing = Framing("application/dicom")
    parts = [(_content_type(delivery), delivery.size) for delivery in deliveries]
    length = framing.length((kind, size or 0) for kind, size in parts) if all(size is not None for _, size in parts) else None
    return StreamedResponse(_parts(framing, opened), {**headers, "Content-Type": framing.content_type}, length=length, source=source)


async def _parts(framing: Framing, opened: AsyncGenerator[OpenFile, None]) -> Buffers:
    first = True
    async for file in opened:
        opening = framing.opening(_content_type(file.delivery), first=first)
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


async def just(opened: OpenFile) -> AsyncGenerator[OpenFile, None]:
    """One file, where several could be."""
    yield opened


def _content_type(delivery: Delivery) -> str:
    return f"application/dicom; transfer-syntax={delivery.transfer_syntax}"
