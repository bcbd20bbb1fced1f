"""Answers in the Native DICOM Model: data sets as XML, one part each.

Standard: PS3.18 8.7.3.2, PS3.19 A.1
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from starlette.responses import Response

from dicom_core.dicom.json_objects import read_objects
from dicom_core.dicom.native_model import to_xml
from dicom_core.errors import NotAcceptableError
from dicom_core.http.accept import accept_dicom_json
from dicom_core.http.media_types import parse_accept
from dicom_core.http.multipart import Framing
from dicom_core.http.streaming import StreamedResponse

__all__ = ["DICOM_XML", "streamed_xml", "wants_xml", "xml", "xml_document"]

DICOM_XML: Final = "application/dicom+xml"

_IN_LOOP: Final = 16 * 1024  # bytes of JSON that are not worth a thread


def wants_xml(accept: str, *, multipart: bool = True) -> bool:
    """Whether a client is to get XML, multipart or one document: only where it takes no DICOM JSON.

    Raises:
        NotAcceptableError: it takes neither.
    """
    try:
        accept_dicom_json(accept)
    except NotAcceptableError:
        for entry in parse_accept(accept):
            kind = entry.parameters.get("type", "").lower() if entry.type == "multipart/related" else entry.type
            if kind == DICOM_XML and (entry.type != DICOM_XML) == multipart and entry.weight > 0:
                return True
        raise
    return False


async def xml_document(document: bytes) -> bytes:
    """A DICOM JSON object as an XML document."""
    return (await _converted(document))[0]


async def xml(documents: Sequence[bytes], headers: Mapping[str, str] | None = None) -> Response:
    """Answer with one part for each of some DICOM JSON objects."""
    framing = Framing(DICOM_XML)
    body = _framed(framing, await _converted(b",".join(documents)), first=True) + framing.closing
    return Response(body, 200, headers, framing.content_type)


async def streamed_xml(batches: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> Response | None:
    """Answer with one part for each of the DICOM JSON objects that come in batches, joined by commas; None when there are none.

    The first batch is awaited, so that errors there are answered as errors.
    """
    first = await anext(batches, None)
    if first is None:
        return None
    framing = Framing(DICOM_XML)
    return StreamedResponse(_parts(framing, first, batches), {**headers, "Content-Type": framing.content_type}, source=batches)


async def _parts(framing: Framing, first: bytes, batches: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield _framed(framing, await _converted(first), first=True)
    async for batch in batches:
        yield _framed(framing, await _converted(batch), first=False)
    yield framing.closing


def _framed(framing: Framing, documents: Sequence[bytes], *, first: bool) -> bytes:
    parts = [framing.opening(DICOM_XML, first=first and not number) + document for number, document in enumerate(documents)]
    return b"".join(parts)


async def _converted(batch: bytes) -> list[bytes]:
    return _convert(batch) if len(batch) <= _IN_LOOP else await asyncio.to_thread(_convert, batch)


def _convert(batch: bytes) -> list[bytes]:
    return [to_xml(document) for document in read_objects(b"[%b]" % batch)]
