"""Instances that are documents, in the form that people read: encapsulated files as they are, structured reports as text.

Standard: PS3.18 8.7.4.1 (text and other rendered media types)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import orjson

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.part10 import NotDicom, read_header
from dicom_core.dicom.structured_report import Report, report, to_html, to_text
from dicom_core.errors import NotAcceptableError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.index.metadata import read_metadata
from dicom_core.index.rows import InstanceRow
from dicom_core.retrieve.layouts import read_range
from dicom_core.retrieve.lookup import key_of
from dicom_core.retrieve.workers import Workers

__all__ = ["DocumentService"]

_ENCAPSULATED: Final = {
    "1.2.840.10008.5.1.4.1.1.104.1": "application/pdf",
    "1.2.840.10008.5.1.4.1.1.104.2": "text/xml",  # CDA
}
_REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."  # begins the SOP classes of structured reports
_REPORT_FORMS: Final[dict[str, Callable[[Report], str]]] = {"text/html": to_html, "text/plain": to_text}
_DOCUMENT, _DOCUMENT_LENGTH = 0x00420011, 0x00420015


class DocumentService:
    """Retrieves documents; files of more than `max_bytes` are not opened."""

    def __init__(self, index: Index, workers: Workers, max_bytes: int) -> None:
        self._index = index
        self._workers = workers
        self._max_bytes = max_bytes

    async def find(self, partition: Partition, ids: Identifiers) -> InstanceRow | None:
        """Find an instance, or None when it is not stored."""
        row = await self._index.tables.get(INDEX_TABLE, self._index.partition_key(partition, ids.study), key_of(ids))
        return None if row is None else InstanceRow.of(row)

    def forms(self, row: InstanceRow | None) -> tuple[str, ...]:
        """The media types in which an instance can be read; none when it is no document."""
        if row is None:
            return ()
        if row.sop_class in _ENCAPSULATED:
            return (_ENCAPSULATED[row.sop_class],)
        return tuple(_REPORT_FORMS) if row.sop_class.startswith(_REPORTS) else ()

    async def document(self, row: InstanceRow, media_type: str) -> bytes:
        """Read an instance in one of its forms.

        Raises:
            NotFoundError: an encapsulated document is missing.
            NotAcceptableError: the file is too large, or damaged.
            BlobNotFound: the instance has just been replaced.
        """
        if media_type in _REPORT_FORMS:
            data_set = orjson.loads(await read_metadata(self._index.blobs, row))
            return await self._workers.run(lambda: _REPORT_FORMS[media_type](report(data_set)).encode())
        if row.size > self._max_bytes:
            raise NotAcceptableError("The file is too large to be rendered.")
        content = await read_range(self._index.blobs, row.blob, (0, row.size))
        document = await self._workers.run(partial(_encapsulated, content))
        if not document:
            raise NotFoundError("The instance holds no document.")
        return document


def _encapsulated(content: bytes) -> bytes:
    try:
        attributes = Attributes.of(read_header(content, complete=True))
    except NotDicom as error:
        raise NotAcceptableError("The file is damaged.") from error
    document = bytes(attributes.value(_DOCUMENT))
    length = attributes.number(_DOCUMENT_LENGTH)  # without the padding
    return document[: int(length)] if length is not None and 0 <= len(document) - length <= 1 else document
