"""Store requests of metadata and bulk data: what the parts of the body are.

Standard: PS3.18 10.5.1.1, 8.6.1.2.1
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Final

from dicom_core.dicom.json_objects import InvalidDocument, JsonObject, read_objects
from dicom_core.dicom.native_model import from_xml
from dicom_core.dicom.transfer_syntaxes import MEDIA_TYPE_DEFAULTS, OCTET_STREAM
from dicom_core.errors import InvalidMultipart, PayloadTooLargeError, UnsupportedMediaTypeError
from dicom_core.http.dicom_json import DICOM_JSON
from dicom_core.http.dicom_xml import DICOM_XML
from dicom_core.http.media_types import MediaType, parse_media_type
from dicom_core.http.multipart import Part
from dicom_core.store.described import DescribedFiles
from dicom_core.store.intake import Chunks
from dicom_core.store.report import FailedItem

__all__ = ["METADATA_TYPES", "described_files"]

METADATA_TYPES: Final = frozenset((DICOM_JSON, DICOM_XML))
_MAX_METADATA: Final = 32 * 1024 * 1024  # bytes of all metadata of a request
_MAX_VALUES: Final = 1 << 22  # of a JSON document, about: each takes a hundred bytes of memory, be it two characters long
_MAX_DATA_SETS: Final = 1 << 16
_IN_MEMORY: Final = 1024 * 1024  # bulk data up to this size stays off the disk
_COMPRESSED: Final = {name.lower(): uid for name, uid in MEDIA_TYPE_DEFAULTS.items() if name != OCTET_STREAM}


async def described_files(
    first: Part, metadata_type: str, others: AsyncIterator[Part], max_bytes: int
) -> AsyncGenerator[Chunks | FailedItem, None]:
    """Go through the files that a body of metadata and bulk data makes; they begin when all of it has arrived.

    Parts of `metadata_type`, the first among them, are metadata, all others bulk data with a Content-Location.

    Raises:
        InvalidMultipart: metadata cannot be read, or a part has no place.
        PayloadTooLargeError: the metadata, or all files together, are too large.
        UnsupportedMediaTypeError: a part is a file or metadata of the other kind.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as spool:
        described = DescribedFiles(spool)
        room = _MAX_METADATA - await _read_metadata(first, metadata_type, described, _MAX_METADATA)
        async for part in others:
            kind = parse_media_type(part.headers.get("content-type", OCTET_STREAM))
            if kind is not None and kind.type == metadata_type:
                room -= await _read_metadata(part, metadata_type, described, room)
            else:
                await described.add_bulk_data(_location(part, kind), part.chunks, _transfer_syntax(kind))
        async for file in described.files(max_bytes):
            yield file


async def _read_metadata(part: Part, metadata_type: str, described: DescribedFiles, room: int) -> int:
    """Take a metadata part; return its length."""
    pieces: list[bytes] = []
    length = 0
    async for chunk in part.chunks:
        length += len(chunk)
        if length > room:
            raise PayloadTooLargeError(f"The metadata is longer than the limit of {_MAX_METADATA} bytes.")
        pieces.append(bytes(chunk))
    try:
        described.data_sets += await asyncio.to_thread(_read, b"".join(pieces), metadata_type)
    except InvalidDocument as error:
        raise InvalidMultipart(str(error)) from None
    if len(described.data_sets) > _MAX_DATA_SETS:
        raise PayloadTooLargeError(f"There are more than {_MAX_DATA_SETS} instances.")
    return length


def _read(data: bytes, metadata_type: str) -> list[JsonObject]:
    if metadata_type == DICOM_XML:
        return [from_xml(data)]
    if sum(map(data.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise PayloadTooLargeError("The metadata has too many values.")
    return read_objects(data)


def _location(part: Part, kind: MediaType | None) -> str:
    if kind is None or kind.type == "application/dicom" or kind.type in METADATA_TYPES:
        raise UnsupportedMediaTypeError("A part of the body is neither metadata of the first part's type nor bulk data.")
    location = part.headers.get("content-location")
    if not location:
        raise InvalidMultipart("A bulk data part has no Content-Location.")
    return location


def _transfer_syntax(kind: MediaType | None) -> str:
    """The transfer syntax of a bulk data part, empty when its type says nothing of one."""
    return "" if kind is None else kind.parameters.get("transfer-syntax") or _COMPRESSED.get(kind.type, "")
