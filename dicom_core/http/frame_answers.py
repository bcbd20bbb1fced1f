"""Answers that carry frames, one alone or several as parts of multipart/related.

Standard: PS3.18 8.7.3.3, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from dicom_core.http.accept import Representation
from dicom_core.http.conditional import Validators, validators
from dicom_core.http.multipart import Framing
from dicom_core.http.ranges import bytes_answer, wanted_span
from dicom_core.http.streaming import begun
from dicom_core.retrieve.frame_reading import Piece
from dicom_core.retrieve.frames import FoundFrames, FrameService

__all__ = ["frames_answer"]


async def frames_answer(request: Request, service: FrameService, found: FoundFrames, wanted: Representation) -> Response:
    """Answer with frames as negotiated, unless the client has them; a single part takes one frame."""
    state = validators(found.file.version, wanted, found.transfer_syntax, found.numbers, weak=wanted.multipart)
    if state.is_known(request.headers):
        return state.not_modified()
    answer = _multipart_frames if wanted.multipart else _single_frame
    return await answer(request, service, found, wanted.media_type, state)


async def _single_frame(request: Request, service: FrameService, found: FoundFrames, media_type: str, state: Validators) -> Response:
    """Answer with one frame, or with the range of it that the request asks for."""
    content_type = _content_type(media_type, found)
    if found.sizes is None:
        body = b"".join([piece async for _, piece in service.pieces(found)])
        return bytes_answer(request, body, content_type, state)
    span = wanted_span(request, found.sizes[0], state)
    headers = {**state.headers, **span.headers, "Content-Type": content_type}
    chunks = _chunks(service.pieces(found, span.start, span.length))
    return await begun(chunks, headers, status=span.status, length=span.length)


async def _multipart_frames(request: Request, service: FrameService, found: FoundFrames, media_type: str, state: Validators) -> Response:
    """Answer with frames in the order found, one part each."""
    framing, content_type = Framing(media_type), _content_type(media_type, found)
    length = None if found.sizes is None else framing.length((content_type, size) for size in found.sizes)
    headers = {**state.headers, "Content-Type": framing.content_type}
    return await begun(_parts(framing, content_type, len(found.numbers), service.pieces(found)), headers, length=length)


async def _parts(
    framing: Framing, content_type: str, count: int, pieces: AsyncGenerator[Piece, None]
) -> AsyncGenerator[bytes | memoryview, None]:
    """Put frames into parts; frames without bytes have no pieces."""
    opened = 0
    async with aclosing(pieces):
        async for position, piece in pieces:
            while opened <= position:
                yield framing.opening(content_type, first=opened == 0)
                opened += 1
            yield piece
    while opened < count:
        yield framing.opening(content_type, first=opened == 0)
        opened += 1
    yield framing.closing


async def _chunks(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[bytes | memoryview, None]:
    async with aclosing(pieces):
        async for _, piece in pieces:
            yield piece


def _content_type(media_type: str, found: FoundFrames) -> str:
    return f"{media_type}; transfer-syntax={found.transfer_syntax}"
