"""Store requests for tests: files as a client sends them, in chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dicom_core.index.changes import PLAIN_TERMS, Terms
from dicom_core.index.index import Index
from dicom_core.store.report import StoreReport
from dicom_core.store.service import StoreService
from tests.dicom.factories import make_instance
from tests.index.factories import PARTITION

__all__ = ["chunked", "file_of", "files_of", "send"]


async def chunked(data: bytes, size: int = 256 * 1024) -> AsyncIterator[bytes | memoryview]:
    """A file's bytes in chunks."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def files_of(
    *files: bytes, error: Exception | None = None, size: int = 256 * 1024
) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
    """The files of a request, which goes wrong after the last one if there is an `error`."""
    for data in files:
        yield chunked(data, size)
    if error is not None:
        raise error


async def send(index: Index, *files: bytes, lenient: bool = True, study: str | None = None, terms: Terms = PLAIN_TERMS) -> StoreReport:
    """Store files as one request."""
    return await StoreService(index).store(PARTITION, files_of(*files), study=study, lenient=lenient, terms=terms)


def file_of(study: str, series: str, instance: str, *, size: int = 0, **attributes: object) -> bytes:
    """A DICOM file; with `size`, its pixel data have about that many bytes."""
    image = {"rows": size // 1024, "columns": 1024} if size else {}
    return make_instance(study=study, series=series, instance=instance, **image, **attributes)  # type: ignore[arg-type]  # any attribute
