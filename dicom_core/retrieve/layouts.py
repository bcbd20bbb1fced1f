"""Frame layouts out of instance rows, and out of the blobs that take over from rows where there are many frames."""

from __future__ import annotations

from collections.abc import Iterable

from dicom_core.dicom.frames import FrameLayout, Range, parse_frame_layout
from dicom_core.retrieve.files import StoredFile
from dicom_core.storage.ports import Blobs

__all__ = ["load_layout", "read_range"]


async def load_layout(blobs: Blobs, file: StoredFile, frames: Iterable[int]) -> FrameLayout:
    """The layout of a file with pixel data, as much of it as these frames need.

    Raises:
        NotFoundError: one of the frames does not exist.
        BlobNotFound: the file is gone.
    """
    layout = parse_frame_layout(file.layout)
    missing = layout.missing_chunks(frames)
    if missing is None:
        return layout
    return layout.with_chunks(missing[0], await read_range(blobs, file.layout_blob, missing))


async def read_range(blobs: Blobs, blob: str, where: Range) -> bytes:
    """Read a byte range of a blob into memory."""
    chunks = [chunk async for chunk in await blobs.read(blob, *where)]
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
