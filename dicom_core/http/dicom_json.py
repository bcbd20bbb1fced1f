"""Answers in DICOM JSON, put together from documents that are bytes already.

Standard: PS3.18 Annex F
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from starlette.responses import Response

from dicom_core.http.streaming import StreamedResponse

__all__ = ["DICOM_JSON", "array", "streamed_array"]

DICOM_JSON: Final = "application/dicom+json"


def array(documents: Sequence[bytes], headers: Mapping[str, str] | None = None) -> Response:
    """Answer with the documents as one JSON array."""
    return Response(b"".join((b"[", b",".join(documents), b"]")), 200, headers, DICOM_JSON)


async def streamed_array(batches: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> Response | None:
    """Answer with one JSON array of documents that come in batches, joined by commas; None when there are no documents.

    The first two batches are awaited, so that errors there are answered as errors and short arrays are sent whole.
    """
    first = await anext(batches, None)
    if first is None:
        return None
    second = await anext(batches, None)
    if second is None:
        return array([first], headers)
    return StreamedResponse(_array(first, second, batches), {**headers, "Content-Type": DICOM_JSON}, source=batches)


async def _array(first: bytes, second: bytes, batches: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield b"["
    yield first
    yield b","
    yield second
    async for batch in batches:
        yield b","
        yield batch
    yield b"]"
