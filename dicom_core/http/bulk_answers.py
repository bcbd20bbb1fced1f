"""Answers that carry bulk data: one value alone, or values as parts of multipart/related.

Standard: PS3.18 8.7.3.3, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from dicom_core.dicom.transfer_syntaxes import OCTET_STREAM
from dicom_core.http.conditional import Validators
from dicom_core.http.multipart import Framing
from dicom_core.http.ranges import wanted_span
from dicom_core.http.streaming import begun
from dicom_core.identifiers import Partition
from dicom_core.retrieve.bulk_data import BulkDataService, BulkPart, BulkValue

__all__ = ["multipart_values", "single_value"]

Buffers = AsyncGenerator[bytes | memoryview, None]


async def single_value(request: Request, service: BulkDataService, partition: Partition, value: BulkValue, state: Validators) -> Response:
    """Answer with one value, or with the range of it that the request asks for; nobody knows the length of what is decompressed."""
    headers = {**state.headers, "Content-Type": _content_type(value.whole)}
    if value.size is None:
        return await begun(service.content(partition, value), headers)
    span = wanted_span(request, value.size, state)
    content = service.content(partition, value, span.start, span.length)
    return await begun(content, {**headers, **span.headers}, status=span.status, length=span.length)


async def multipart_values(
    service: BulkDataService, partition: Partition, values: AsyncGenerator[BulkValue, None], base_url: str, headers: Mapping[str, str]
) -> Response:
    """Answer with values, a part for each, or for each of its frames where they are compressed.

    Every part tells its own URL.
    """
    framing = Framing(OCTET_STREAM)
    return await begun(_parts(service, partition, values, base_url, framing), {**headers, "Content-Type": framing.content_type})


async def _parts(
    service: BulkDataService, partition: Partition, values: AsyncGenerator[BulkValue, None], base_url: str, framing: Framing
) -> Buffers:
    first = True
    async with aclosing(values):
        async for value in values:
            async with aclosing(service.parts(partition, value)) as parts:
                async for part in parts:
                    if isinstance(part, BulkPart):
                        yield framing.opening(_content_type(part), first=first, location=f"{base_url}/{part.location}")
                        first = False
                    else:
                        yield part
    yield framing.closing


def _content_type(part: BulkPart) -> str:
    return f"{OCTET_STREAM}; transfer-syntax={part.transfer_syntax}"
