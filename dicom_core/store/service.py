"""Storing the files of one request: take in, examine, upload, and commit when the whole request has arrived.

Nothing is committed before the end of the request, because a later part may yet refuse all of it. Until then uploads
lie under a journal row, which the commits consume.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dicom_core.dicom.bulk_data import bulk_list
from dicom_core.dicom.document import assemble, vr
from dicom_core.dicom.examination import Examined, examine
from dicom_core.dicom.part10 import NotDicom
from dicom_core.dicom.reason_codes import FailureReason
from dicom_core.dicom.vr_dictionary import lookup
from dicom_core.identifiers import Partition
from dicom_core.index.changes import PLAIN_TERMS, Stored, Terms, store_instance
from dicom_core.index.index import Index
from dicom_core.index.journal import JournalClosed
from dicom_core.index.rows import InstanceRow, Metadata, fits_in_row, pack_metadata
from dicom_core.index.summary import Summary
from dicom_core.index.uploads import Upload
from dicom_core.storage.ports import StorageError
from dicom_core.store.frame_index import frame_layout
from dicom_core.store.intake import Chunks, Incoming, Streamed, Whole, drain, off_loop, take_in
from dicom_core.store.report import FailedItem, StoredItem, StoreReport

__all__ = ["StoreService"]

_log = logging.getLogger(__name__)

_MAX_LAYOUT: Final = 8 * 1024  # bytes of a frame layout that lie in the instance row
_UPLOADS: Final = 8  # small files on their way to storage at once, per request


@dataclass(slots=True)
class _Candidate:
    """An instance whose file is uploaded, or on its way while `uploading` runs; not yet committed."""

    row: InstanceRow
    summary: Summary
    upload: Upload
    item: StoredItem
    layout_chunks: bytes
    uploading: asyncio.Task[None] | None = None


class StoreService:
    """Stores instances; see `store`."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def store(
        self,
        partition: Partition,
        files: AsyncIterator[Chunks | FailedItem],
        *,
        study: str | None,
        lenient: bool,
        terms: Terms = PLAIN_TERMS,
    ) -> StoreReport:
        """Store every file of a request, each for itself, in order.

        `files` yields the byte chunks of one file after the other, or what it knows to fail. When it raises, the whole request
        is refused: nothing is stored, and the error passes through. `study` restricts the request to one study. `lenient`
        selects the validation of API version 2. The terms hold for each study of which an instance is stored.

        Raises:
            BadRequestError: an external attribute has another VR than the one first used for it.
        """
        request = _Request(self._index, partition, study, lenient=lenient, terms=terms)
        try:
            await request.check_terms()
            async for file in files:
                await request.receive(file)
            await request.settle_terms()
        except BaseException:
            request.abandon()
            raise
        return await request.commit()


class _Request:
    def __init__(self, index: Index, partition: Partition, study: str | None, *, lenient: bool, terms: Terms) -> None:
        self._index = index
        self._partition = partition
        self._study = study
        self._lenient = lenient
        self._terms = terms
        self._external = {tag: vr(element) for tag, element in terms.external.items()}
        self._items: list[_Candidate | FailedItem] = []
        self._multi_valued: set[str] = set()
        self._uploading = asyncio.Semaphore(_UPLOADS)

    async def check_terms(self) -> None:
        """Refuse the request before its files have come, if that is already clear."""
        if self._external:
            await self._index.external_tags.check(self._external)

    async def settle_terms(self) -> None:
        """Settle what later requests cannot change, unless nothing will be stored anyway."""
        if self._external and any(isinstance(item, _Candidate) for item in self._items):
            await self._index.external_tags.settle(self._external)

    async def receive(self, file: Chunks | FailedItem) -> None:
        """Take in one file and see to its upload."""
        if isinstance(file, FailedItem):
            self._items.append(file)
            return
        try:
            incoming = await take_in(file)
            examined = await self._examine(incoming)
            if examined.refused is not None:
                self._items.append(_refusal(examined, examined.refused))
            else:
                await self._upload(incoming, examined)
        except NotDicom:
            self._items.append(FailedItem(None, None, FailureReason.VALIDATION_FAILED, ()))
        await drain(file)

    async def commit(self) -> StoreReport:
        """Commit every candidate whose upload succeeded."""
        await self._uploads()  # so that the candidates are committed in the order of the request
        items = await asyncio.gather(*map(self._settle, self._items))
        return StoreReport(items, frozenset(self._multi_valued))

    def abandon(self) -> None:
        """Throw away what was uploaded, in the background."""
        self._index.background(self._discard())

    async def _examine(self, incoming: Incoming) -> Examined:
        header = incoming.header
        return await off_loop(incoming.header_size, lambda: examine(header, lenient=self._lenient, study=self._study))

    async def _upload(self, incoming: Incoming, examined: Examined) -> None:
        """Upload a file: a small one in the background, a streamed one as it arrives."""
        upload = await self._index.uploads.begin(self._index.partition_key(self._partition, examined.study_instance_uid))
        if isinstance(incoming, Whole):
            candidate = await self._candidate(incoming, examined, upload, incoming.size)
            await self._uploading.acquire()
            candidate.uploading = asyncio.create_task(self._put(incoming, candidate))
            self._items.append(candidate)
            return
        item: _Candidate | FailedItem | None = None
        certain = True
        try:
            item = await self._stream(incoming, examined, upload)
        except StorageError as error:
            certain = False
            item = _processing_failure(examined.sop_class_uid, examined.sop_instance_uid, error)
        finally:
            if not isinstance(item, _Candidate):  # what was uploaded is nobody's
                self._index.background(self._throw_away(upload, [upload.name], certain=certain))
        self._items.append(item)

    async def _stream(self, incoming: Streamed, examined: Examined, upload: Upload) -> _Candidate | FailedItem:
        """Upload a file as it arrives; what follows Pixel Data may yet refuse it."""
        size = await self._index.blobs.put_stream(upload.name, incoming.chunks())
        if incoming.finish():
            examined = await self._examine(incoming)
            if examined.refused is not None:
                return _refusal(examined, examined.refused)
        candidate = await self._candidate(incoming, examined, upload, size)
        candidate.uploading = asyncio.create_task(self._put_companions(candidate))
        return candidate

    async def _put(self, incoming: Whole, candidate: _Candidate) -> None:
        try:
            await self._index.blobs.put(candidate.row.blob, incoming.data, lasting=False)  # the commit to come lasts
            await self._put_companions(candidate)
        finally:
            self._uploading.release()

    async def _put_companions(self, candidate: _Candidate) -> None:
        """Move metadata and frame layouts that are too large for a row to blobs of their own."""
        chunks, metadata = candidate.layout_chunks, candidate.row.metadata
        if len(candidate.row.layout) + len(chunks) <= _MAX_LAYOUT:
            candidate.row = replace(candidate.row, layout=candidate.row.layout + chunks)
        else:
            name = candidate.row.blob + ".frames"
            await self._index.blobs.put(name, [chunks], lasting=False)
            candidate.row = replace(candidate.row, layout_blob=name)
        if metadata is not None and not fits_in_row(metadata.packed):
            name = candidate.row.blob + ".json"
            await self._index.blobs.put(name, [metadata.packed], lasting=False)
            candidate.row = replace(candidate.row, metadata=Metadata(blob=name))

    async def _candidate(self, incoming: Incoming, examined: Examined, upload: Upload, size: int) -> _Candidate:
        document = assemble(examined.fragments)
        bulk = bulk_list(examined.bulk)
        packed = await off_loop(len(document) + len(bulk), lambda: pack_metadata(document, bulk))
        summary = Summary.of(examined.fragments)
        layout = frame_layout(incoming.header, size)
        row = InstanceRow(
            study=examined.study_instance_uid,
            series=examined.series_instance_uid,
            instance=examined.sop_instance_uid,
            version=self._index.clock.version(),
            transfer_syntax=incoming.header.transfer_syntax_uid,
            sop_class=examined.sop_class_uid,
            blob=upload.name,
            size=size,
            document=summary.instance,
            metadata=Metadata(packed),
            frames=layout.number_of_frames if layout is not None else 0,
            layout=layout.head if layout is not None else b"",
        )
        self._multi_valued.update(_keyword(tag) for tag in examined.multi_valued)
        item = StoredItem(row.sop_class, row.study, row.series, row.instance, examined.warning, tuple(examined.messages))
        return _Candidate(row, summary, upload, item, layout.chunks if layout is not None else b"")

    async def _settle(self, item: _Candidate | FailedItem) -> StoredItem | FailedItem:
        """Commit a candidate whose upload has ended."""
        if isinstance(item, FailedItem):
            return item
        row, upload = item.row, item.upload
        try:
            if item.uploading is not None:
                await item.uploading
            change = store_instance(self._partition.name, row, item.summary, upload.journal, upload.number, terms=self._terms)
            outcome = await self._index.lane(upload.journal.partition_key).commit(change)
        except JournalClosed as error:  # the sweeper may have looked before the upload was done
            self._index.background(self._throw_away(upload, row.blobs, certain=False))
            return _processing_failure(row.sop_class, row.instance, error)
        except StorageError as error:
            self._index.uploads.end(upload, clear=False)  # the blob may exist, and so may the row
            return _processing_failure(row.sop_class, row.instance, error)
        self._index.uploads.end(upload, clear=True)
        if outcome is Stored.EXISTED:
            return FailedItem(row.sop_class, row.instance, FailureReason.ALREADY_STORED, ())
        return item.item

    async def _discard(self) -> None:
        for candidate in await self._uploads():
            uploading = candidate.uploading
            certain = uploading is None or uploading.exception() is None
            await self._throw_away(candidate.upload, candidate.row.blobs, certain=certain)

    async def _uploads(self) -> list[_Candidate]:
        """Wait until no upload is under way, and return the candidates."""
        candidates = [item for item in self._items if isinstance(item, _Candidate)]
        uploads = [candidate.uploading for candidate in candidates if candidate.uploading is not None]
        await asyncio.gather(*uploads, return_exceptions=True)
        return candidates

    async def _throw_away(self, upload: Upload, names: Sequence[str], *, certain: bool) -> None:
        """Delete blobs that no row refers to; a failed upload, which is not `certain`, may show up yet."""
        try:
            await self._index.blobs.delete(names)
        except StorageError:
            certain = False
        self._index.uploads.end(upload, clear=certain)


def _refusal(examined: Examined, reason: FailureReason) -> FailedItem:
    return FailedItem(examined.sop_class_uid or None, examined.sop_instance_uid or None, reason, tuple(examined.messages))


def _processing_failure(sop_class: str, instance: str, error: StorageError) -> FailedItem:
    _log.warning("an instance could not be stored: %s", type(error).__name__)
    return FailedItem(sop_class, instance, FailureReason.PROCESSING_FAILURE, ())


def _keyword(tag: int) -> str:
    entry = lookup(tag)
    return entry.keyword if entry is not None else f"{tag:08X}"
