"""The header of a stored file, read for its own sake: only as much of the file as it takes."""

from __future__ import annotations

from functools import partial

from dicom_core.dicom.part10 import MAX_HEADER_BYTES, Header, NeedMoreBytes, NotDicom, read_header
from dicom_core.errors import NotAcceptableError
from dicom_core.retrieve.files import StoredFile
from dicom_core.retrieve.layouts import read_range
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import Blobs

__all__ = ["read_header_part"]

_GUESS = 64 * 1024  # bytes


async def read_header_part(
    blobs: Blobs, workers: Workers, file: StoredFile, *, beginning: bytes = b"", guess: int = 0
) -> tuple[Header, bytes]:
    """Read the header of a file, and the bytes that this took; elements after Pixel Data are not looked for.

    `beginning` is what is at hand of the file. `guess` is how long the header probably is, if there is
    reason to know.

    Raises:
        NotAcceptableError: the header cannot be read.
        BlobNotFound: the file is gone.
    """
    data, wanted = beginning, len(beginning) or guess or _GUESS
    while True:
        if len(data) < min(wanted, file.size):
            more = await read_range(blobs, file.blob, (len(data), min(wanted, file.size) - len(data)))
            data = data + more if data else more
        try:
            return await workers.run(partial(read_header, data, complete=len(data) >= file.size)), data
        except NeedMoreBytes as need:
            if need.at_least > MAX_HEADER_BYTES:
                raise NotAcceptableError("The file has too much before its pixel data.") from need
            wanted = max(need.at_least, 2 * len(data))
        except NotDicom as error:
            raise NotAcceptableError("The file is damaged.") from error
