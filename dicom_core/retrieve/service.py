"""Finding what is stored under a study, series or instance: files and metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from dicom_core.errors import BackendError, NotAcceptableError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, instances_of, series_key, study_key
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow, SeriesRow, StudyRow
from dicom_core.retrieve.files import OpenFile, StoredFile, open_file, read_ahead
from dicom_core.retrieve.metadata import metadata_documents
from dicom_core.storage.ports import BlobNotFound, Row

__all__ = ["ANY_SYNTAX", "FoundMetadata", "RetrieveService"]

ANY_SYNTAX: Final = "*"


@dataclass(frozen=True, slots=True)
class FoundMetadata:
    """Metadata that was found and is not read yet.

    `tag` is another whenever the metadata is. `documents` yields DICOM JSON objects, joined by commas in batches.
    """

    tag: str
    documents: AsyncGenerator[bytes, None]


class RetrieveService:
    """Retrieves files and metadata.

    Standard: PS3.18 10.4
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    async def find(self, partition: Partition, ids: Identifiers, transfer_syntax: str = ANY_SYNTAX) -> list[StoredFile]:
        """All files under the identifiers, if they can be had in the wanted transfer syntax.

        Raises:
            NotFoundError: there are none.
            NotAcceptableError: one of them is in another transfer syntax.
        """
        files = [StoredFile.of(InstanceRow.of(row)) async for page in self._rows(partition, ids, INSTANCE_SUMMARY) for row in page]
        if not files:
            raise _not_found(ids)
        if transfer_syntax != ANY_SYNTAX and any(file.transfer_syntax != transfer_syntax for file in files):
            raise NotAcceptableError("Stored in another transfer syntax than the wanted one; transfer-syntax=* asks for any.")
        return files

    async def open(self, partition: Partition, file: StoredFile) -> OpenFile:
        """Open a file. If it was replaced since it was found, the present one is opened: mind its `file`.

        Raises:
            NotFoundError: it has been deleted.
        """
        while True:
            try:
                return await open_file(self._index.blobs, file)
            except BlobNotFound:
                missing, [file] = file, await self.find(partition, Identifiers(file.study, file.series, file.instance))
                if file == missing:
                    raise

    async def open_all(self, files: Iterable[StoredFile]) -> AsyncGenerator[OpenFile, None]:
        """Open files in order, the next ones ahead of time.

        Raises:
            BackendError: one has been deleted or replaced since it was found. Part of the answer is out by then and its
                length promised, so it can only be broken off; asked again, it will be right.
        """
        async with aclosing(read_ahead(self._index.blobs, files)) as opened:
            try:
                async for file in opened:
                    yield file
            except BlobNotFound as error:
                raise BackendError("An instance was deleted while it was retrieved.") from error

    async def metadata(self, partition: Partition, ids: Identifiers, *, bulk_data_url: str | None = None) -> FoundMetadata:
        """The metadata of all instances under the identifiers, with the URIs of bulk data if there is a URL to begin them.

        The tag is read first: what changes after that is sent under the old tag, so clients will ask for it again.

        Raises:
            NotFoundError: there are none.
        """
        tables, key = self._index.tables, self._index.partition_key(partition, ids.study)
        row = await tables.get(INDEX_TABLE, key, _key(ids))
        if row is None:
            raise _not_found(ids)
        pages = _page(row) if ids.instance is not None else self._rows(partition, ids)
        return FoundMetadata(_tag(ids, row), metadata_documents(pages, tables, self._index.blobs, key, bulk_data_url=bulk_data_url))

    async def _rows(self, partition: Partition, ids: Identifiers, select: tuple[str, ...] | None = None) -> AsyncIterator[list[Row]]:
        tables, key = self._index.tables, self._index.partition_key(partition, ids.study)
        if ids.instance is not None:
            row = await tables.get(INDEX_TABLE, key, _key(ids), select=select)
            if row is not None:
                yield [row]
            return
        async for page in tables.scan(INDEX_TABLE, key, *instances_of(ids.study, ids.series), select=select):
            yield page


async def _page(row: Row) -> AsyncIterator[list[Row]]:
    yield [row]


def _key(ids: Identifiers) -> str:
    if ids.series is None:
        return study_key(ids.study)
    return series_key(ids.study, ids.series) if ids.instance is None else instance_key(ids.study, ids.series, ids.instance)


def _tag(ids: Identifiers, row: Row) -> str:
    if ids.instance is not None:
        return str(InstanceRow.of(row).version)
    parent = StudyRow.of(row) if ids.series is None else SeriesRow.of(row)
    return f"{parent.top}-{parent.instances}"


def _not_found(ids: Identifiers) -> NotFoundError:
    level = "study" if ids.series is None else "series" if ids.instance is None else "instance"
    return NotFoundError(f"The specified {level} was not found.")
