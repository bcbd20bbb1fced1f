"""Reading the metadata document of an instance row, and the list of what it leaves out."""

from __future__ import annotations

import asyncio
from typing import Final

from dicom_core.dicom.bulk_data import parse_bulk_list
from dicom_core.dicom.json_model import Bulk
from dicom_core.index.rows import InstanceRow, Metadata, unpack_bulk_list, unpack_metadata
from dicom_core.storage.ports import Blobs

__all__ = ["read_bulk_list", "read_metadata", "read_packed"]

_IN_LOOP: Final = 16 * 1024  # compressed bytes that are not worth a thread


async def read_metadata(blobs: Blobs, row: InstanceRow) -> bytes:
    """The metadata document of a row that was read with its metadata, from the row itself or from the blob it names.

    Raises:
        BlobNotFound: the instance was deleted meanwhile.
    """
    assert row.metadata is not None
    return unpack_metadata(await read_packed(blobs, row.metadata))


async def read_bulk_list(blobs: Blobs, row: InstanceRow) -> list[Bulk]:
    """The list of the values that the metadata leaves out, likewise.

    Raises:
        BlobNotFound: as above.
    """
    assert row.metadata is not None
    packed = await read_packed(blobs, row.metadata)
    return parse_bulk_list(unpack_bulk_list(packed) if len(packed) <= _IN_LOOP else await asyncio.to_thread(unpack_bulk_list, packed))


async def read_packed(blobs: Blobs, metadata: Metadata) -> bytes:
    """Metadata as it is packed.

    Raises:
        BlobNotFound: as above.
    """
    if not metadata.blob:
        return metadata.packed
    return b"".join([chunk async for chunk in await blobs.read(metadata.blob)])
