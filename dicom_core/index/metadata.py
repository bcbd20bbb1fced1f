"""Reading the metadata document of an instance row."""

from __future__ import annotations

from dicom_core.index.rows import InstanceRow, unpack_metadata
from dicom_core.storage.ports import Blobs

__all__ = ["read_metadata"]


async def read_metadata(blobs: Blobs, row: InstanceRow) -> bytes:
    """The metadata document of a row that was read with its metadata, from the row itself or from the blob it names.

    Raises:
        BlobNotFound: the instance was deleted meanwhile.
    """
    assert row.metadata is not None
    if not row.metadata.blob:
        return unpack_metadata(row.metadata.packed)
    reader = await blobs.read(row.metadata.blob)
    return unpack_metadata(b"".join([chunk async for chunk in reader]))
