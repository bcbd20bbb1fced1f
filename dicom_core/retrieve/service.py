"""Finding what is stored under a study, series or instance: files and metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, cast

from dicom_core.dicom.transcoding import can_transcode
from dicom_core.errors import BackendError, NotAcceptableError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, study_key
from dicom_core.index.rows import INSTANCE_SUMMARY, NO_ATTRIBUTES, InstanceRow, SeriesRow, StudyRow
from dicom_core.retrieve.files import Delivery, OpenFile, StoredFile, open_file, read_ahead
from dicom_core.retrieve.lookup import instance_pages, key_of, not_found
from dicom_core.retrieve.metadata import metadata_documents
from dicom_core.retrieve.transcoded import open_transcoded
from dicom_core.retrieve.workers import Workers
from dicom_core.storage.ports import BlobNotFound, Row

__all__ = ["ANY_SYNTAX", "FoundMetadata", "RetrieveService", "Span"]

ANY_SYNTAX: Final = "*"

Span = tuple[int, int]
"""Offset and length of the bytes wanted of a file."""


@dataclass(frozen=True, slots=True)
class FoundMetadata:
    """Metadata that was found and is not read yet.

    `tag` is another whenever the metadata is. `documents` yields DICOM JSON objects, joined by commas in batches.
    """

    tag: str
    documents: AsyncGenerator[bytes, None]


class RetrieveService:
    """Retrieves files and metadata; files of more than `max_converted_bytes` are not transcoded.

    Standard: PS3.18 10.4
    """

    def __init__(self, index: Index, workers: Workers, max_converted_bytes: int) -> None:
        self._index = index
        self._workers = workers
        self._max_converted_bytes = max_converted_bytes

    async def find(
        self, partition: Partition, ids: Identifiers, transfer_syntax: str = ANY_SYNTAX, *, original: bool = False
    ) -> list[Delivery]:
        """All files under the identifiers, if they can be had in the wanted transfer syntax.

        Raises:
            NotFoundError: there are none.
            NotAcceptableError: one of them is in a transfer syntax, or of a size, that forbids to transcode it.
        """
        deliveries = []
        async for page in instance_pages(self._index, partition, ids, INSTANCE_SUMMARY):
            for row in map(InstanceRow.of, page):
                file = StoredFile.of(row.first_version if original else row)
                deliveries.append(Delivery(file, file.transfer_syntax if transfer_syntax == ANY_SYNTAX else transfer_syntax))
        if not deliveries:
            raise not_found(ids)
        for delivery in deliveries:
            self._check(delivery)
        return deliveries

    async def open(
        self, partition: Partition, delivery: Delivery, span: Callable[[Delivery], Span] | None = None, *, original: bool = False
    ) -> OpenFile:
        """Open a file. If it was replaced since it was found, the present one is opened: mind its `delivery`.

        `span` tells which bytes are wanted of a file that is not transcoded.

        Raises:
            NotFoundError: it has been deleted.
            NotAcceptableError: it cannot be transcoded.
        """
        wanted = delivery.transfer_syntax if delivery.transcoded else ANY_SYNTAX
        while True:
            try:
                return await (self._open(delivery) if span is None else open_file(self._index.blobs, delivery, *span(delivery)))
            except BlobNotFound:
                file, missing = delivery.file, delivery
                [delivery] = await self.find(partition, Identifiers(file.study, file.series, file.instance), wanted, original=original)
                if delivery == missing:
                    raise

    async def open_all(self, deliveries: Sequence[Delivery]) -> AsyncGenerator[OpenFile, None]:
        """Open files in order, the next ones ahead of time.

        Raises:
            BackendError: one has been deleted or replaced since it was found. Part of the answer is out by then and its
                length promised, so it can only be broken off; asked again, it will be right.
        """
        async with aclosing(read_ahead(deliveries, self._open)) as opened:
            try:
                async for file in opened:
                    yield file
            except BlobNotFound as error:
                raise BackendError("An instance was deleted while it was retrieved.") from error

    async def metadata(
        self,
        partition: Partition,
        ids: Identifiers,
        *,
        bulk_data_url: str | None = None,
        original: bool = False,
        with_external: bool = False,
    ) -> FoundMetadata:
        """The metadata of all instances under the identifiers, with the URIs of bulk data if there is a URL to begin them.

        With `with_external` the external attributes of the study join them, and the tag tells which these are. The tag is read
        first: what changes after that is sent under the old tag, so clients will ask for it again.

        Raises:
            NotFoundError: there are none.
        """
        tables, key = self._index.tables, self._index.partition_key(partition, ids.study)
        external = await self._external(key, ids.study) if with_external else NO_ATTRIBUTES
        row = await tables.get(INDEX_TABLE, key, key_of(ids))
        if row is None:
            raise not_found(ids)
        pages = _page(row) if ids.instance is not None else instance_pages(self._index, partition, ids)
        documents = metadata_documents(
            pages, tables, self._index.blobs, key, bulk_data_url=bulk_data_url, original=original, external=external
        )
        tag = _tag(ids, row, original=original)
        if external != NO_ATTRIBUTES:
            tag += f"-{blake2b(external, digest_size=8).hexdigest()}"
        return FoundMetadata(tag, documents)

    async def _external(self, key: str, study: str) -> bytes:
        row = await self._index.tables.get(INDEX_TABLE, key, study_key(study), select=["external"])
        return NO_ATTRIBUTES if row is None else cast(bytes, row.properties["external"])

    async def _open(self, delivery: Delivery) -> OpenFile:
        if delivery.transcoded:
            return await open_transcoded(self._index.blobs, self._workers, delivery)
        return await open_file(self._index.blobs, delivery)

    def _check(self, delivery: Delivery) -> None:
        file = delivery.file
        if not delivery.transcoded:
            return
        if file.size > self._max_converted_bytes:
            raise NotAcceptableError("The file is too large to be transcoded; transfer-syntax=* asks for it as it is stored.")
        if not can_transcode(file.transfer_syntax, delivery.transfer_syntax, has_pixel_data=file.frames > 0):
            raise NotAcceptableError("The stored transfer syntax cannot be changed to the wanted one; transfer-syntax=* asks for any.")


async def _page(row: Row) -> AsyncIterator[list[Row]]:
    yield [row]


def _tag(ids: Identifiers, row: Row, *, original: bool) -> str:
    if ids.instance is not None:
        instance = InstanceRow.of(row)
        return str((instance.first_version if original else instance).version)
    parent = StudyRow.of(row) if ids.series is None else SeriesRow.of(row)
    return f"{parent.top}-{parent.instances}"
