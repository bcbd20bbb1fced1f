"""Reading the instance rows under a study, series or instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from dicom_core.errors import BackendError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, instances_of, series_key, study_key
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow
from dicom_core.storage.ports import BlobNotFound, Row

__all__ = ["find_instance", "instance_pages", "key_of", "not_found", "settled"]

T = TypeVar("T")

_ATTEMPTS: Final = 3


async def instance_pages(
    index: Index, partition: Partition, ids: Identifiers, select: tuple[str, ...] | None = None, *, limit: int | None = None
) -> AsyncIterator[list[Row]]:
    """Yield the instance rows under the identifiers, ordered by UID, in pages; none when there are none."""
    key = index.partition_key(partition, ids.study)
    if ids.instance is not None:
        row = await index.tables.get(INDEX_TABLE, key, key_of(ids), select=select)
        if row is not None:
            yield [row]
        return
    async for page in index.tables.scan(INDEX_TABLE, key, *instances_of(ids.study, ids.series), limit=limit, select=select):
        yield page


async def find_instance(index: Index, partition: Partition, ids: Identifiers) -> InstanceRow:
    """The row of an instance, without its metadata.

    Raises:
        NotFoundError: it is not stored.
    """
    row = await index.tables.get(INDEX_TABLE, index.partition_key(partition, ids.study), key_of(ids), select=INSTANCE_SUMMARY)
    if row is None:
        raise not_found(ids)
    return InstanceRow.of(row)


def key_of(ids: Identifiers) -> str:
    """The row key of the study, series or instance."""
    if ids.series is None:
        return study_key(ids.study)
    return series_key(ids.study, ids.series) if ids.instance is None else instance_key(ids.study, ids.series, ids.instance)


def not_found(ids: Identifiers) -> NotFoundError:
    """The error that says that there is nothing under the identifiers."""
    level = "study" if ids.series is None else "series" if ids.instance is None else "instance"
    return NotFoundError(f"The specified {level} was not found.")


async def settled(attempt: Callable[[], Awaitable[T]]) -> T:
    """Carry out an attempt, which reads a row and then its blobs, anew when the instance was replaced in between.

    Raises:
        BackendError: it is replaced all the time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except BlobNotFound:
            continue
    raise BackendError("The instance was replaced while it was retrieved.")
