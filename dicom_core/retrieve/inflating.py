"""Frames of deflated files, which can be found in no other way than by inflating all that lies before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from dicom_core.dicom.deflated import Inflated
from dicom_core.dicom.frames import Range
from dicom_core.dicom.part10 import NotDicom
from dicom_core.errors import NotAcceptableError
from dicom_core.retrieve.files import StoredFile
from dicom_core.retrieve.forward import Forward
from dicom_core.retrieve.frame_reading import Piece
from dicom_core.retrieve.header_part import read_header_part
from dicom_core.retrieve.layouts import read_range
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import Blobs

__all__ = ["inflated_frames"]

_EVERYTHING: Final = 1 << 62


async def inflated_frames(
    blobs: Blobs, workers: Workers, file: StoredFile, frames: Sequence[Sequence[Range]]
) -> AsyncGenerator[Piece, None]:
    """Yield frames of a deflated file, which is held in memory, given by their ranges in the inflated data set.

    Raises:
        NotAcceptableError: the file is damaged.
        BlobNotFound: the file is gone.
    """
    content = await read_range(blobs, file.blob, (0, file.size))
    header, _ = await read_header_part(blobs, workers, file, beginning=content)
    found = await workers.run(lambda: _ranges(memoryview(content)[header.data_set_offset :], frames))
    for position, ranges in enumerate(frames):
        for where in ranges:
            yield position, found[where]


def _ranges(deflated: memoryview, frames: Sequence[Sequence[Range]]) -> dict[Range, bytes]:
    """Inflate a data set once, keeping the ranges that are wanted."""
    read = Forward(Inflated(deflated, complete=True).pieces(_EVERYTHING))
    try:
        return {where: read(*where) for where in sorted({where for ranges in frames for where in ranges})}
    except NotDicom as error:
        raise NotAcceptableError("The file is damaged.") from error
