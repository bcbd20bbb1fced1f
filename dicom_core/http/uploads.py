"""The files in the body of a store request, as they are or as metadata with bulk data.

Standard: PS3.18 10.5.1, 8.6.1.2
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from starlette.datastructures import Headers

from dicom_core.errors import InvalidMultipart, UnsupportedMediaTypeError
from dicom_core.http.described_uploads import METADATA_TYPES, described_files
from dicom_core.http.media_types import MediaType, parse_media_type
from dicom_core.http.multipart import limited, read_parts
from dicom_core.store.intake import Chunks
from dicom_core.store.report import FailedItem

__all__ = ["Files", "check_body_type", "uploaded_files"]

Files = AsyncGenerator[Chunks | FailedItem, None]

_FILE: Final = "application/dicom"
_MULTIPART: Final = "multipart/related"


def check_body_type(headers: Headers) -> MediaType | None:
    """Parse the Content-Type of a request; None when it has none.

    Raises:
        UnsupportedMediaTypeError: it is neither multipart/related nor application/dicom, or the body is compressed.
    """
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaTypeError("The body must come as it is, without a Content-Encoding.")
    content_type = headers.get("content-type")
    if not content_type:
        return None
    parsed = parse_media_type(content_type)
    if parsed is None or parsed.type not in (_MULTIPART, _FILE):
        raise UnsupportedMediaTypeError("")
    return parsed


def uploaded_files(body: AsyncIterator[bytes], content_type: MediaType | None, max_bytes: int) -> Files:
    """Go through the files of a body, each as its chunks, while they arrive.

    When the first part is metadata, the others are its bulk data, and the files come when all is there (`described_files`).

    Raises:
        UnsupportedMediaTypeError: there is no content type, or a multipart one without boundary. While iterating: a part
            is no DICOM file according to its own content type or, of the first part, to the parameter ``type``.
        InvalidMultipart: another root than the first part is asked for. While iterating: the framing is broken.
        PayloadTooLargeError: while iterating: there are more than `max_bytes`.
    """
    if content_type is None:
        raise UnsupportedMediaTypeError("The request needs a Content-Type: multipart/related or application/dicom.")
    if content_type.type == _FILE:
        return _single(body, max_bytes)
    boundary = content_type.parameters.get("boundary", "").strip()
    if not boundary:
        raise UnsupportedMediaTypeError("The Content-Type multipart/related needs a boundary.")
    if "start" in content_type.parameters:
        raise InvalidMultipart("The Content-Type parameter start is not supported: the first part is the root.")
    return _parts(body, boundary, content_type.parameters.get("type", ""), max_bytes)


async def _single(body: AsyncIterator[bytes], max_bytes: int) -> Files:
    yield limited(body, max_bytes)


async def _parts(body: AsyncIterator[bytes], boundary: str, root_type: str, max_bytes: int) -> Files:
    default, first = root_type, True
    async with aclosing(read_parts(body, boundary, max_bytes)) as parts:
        async for part in parts:
            kind = parse_media_type(part.headers.get("content-type", default))
            if first and kind is not None and kind.type in METADATA_TYPES:
                async with aclosing(described_files(part, kind.type, parts, max_bytes)) as files:
                    async for file in files:
                        yield file
                return
            if kind is None or kind.type != _FILE:
                raise UnsupportedMediaTypeError("Every part of the body must be of the type application/dicom.")
            default, first = "", False
            yield part.chunks
