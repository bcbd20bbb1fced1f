"""Instances, rows and processes for tests of the index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from dicom_core.dicom.document import assemble
from dicom_core.identifiers import DEFAULT_PARTITION, Partition
from dicom_core.index.changes import PLAIN_TERMS, Stored, Terms, store_instance
from dicom_core.index.clock import Clock
from dicom_core.index.feed import Feed
from dicom_core.index.index import Index
from dicom_core.index.rows import InstanceRow, Metadata, pack_metadata
from dicom_core.index.summary import Summary
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.storage.ports import Blobs, Tables

__all__ = ["PARTITION", "Storage", "element", "instance_row", "metadata", "open_storage", "store"]

PARTITION = Partition(DEFAULT_PARTITION, 1)

_TAGS = {
    "PatientID": ("00100020", "LO"),
    "PatientName": ("00100010", "PN"),
    "PatientBirthDate": ("00100030", "DA"),
    "AccessionNumber": ("00080050", "SH"),
    "ReferringPhysicianName": ("00080090", "PN"),
    "StudyDate": ("00080020", "DA"),
    "StudyTime": ("00080030", "TM"),
    "StudyDescription": ("00081030", "LO"),
    "Modality": ("00080060", "CS"),
    "ManufacturerModelName": ("00081090", "LO"),
    "SeriesDescription": ("0008103E", "LO"),
    "ReferencedStudySequence": ("00081110", "SQ"),
    "StationName": ("00081010", "SH"),
}


@dataclass(slots=True)
class Storage:
    """One storage, on which any number of processes (indexes) work."""

    tables: Tables
    blobs: Blobs
    shards: int = 1
    indexes: list[Index] = field(default_factory=list)

    def index(self, *, now: Callable[[], float] | None = None, bucket_size: int = 100_000) -> Index:
        """A new process."""
        clock = Clock() if now is None else Clock(now)
        index = Index(self.tables, self.blobs, clock, self.shards, Feed(self.tables, clock, bucket_size))
        self.indexes.append(index)
        return index


@asynccontextmanager
async def open_storage(folder: Path, shards: int = 1) -> AsyncIterator[Storage]:
    """An embedded store in a folder; its processes end with it."""
    storage = Storage(*open_embedded(folder), shards)
    try:
        yield storage
        for index in storage.indexes:
            await index.close()
    finally:
        await storage.tables.close()
        await storage.blobs.close()


def element(vr: str, *values: object) -> bytes:
    """The JSON of an element; names are given as text."""
    if not values:
        return orjson.dumps({"vr": vr})
    return orjson.dumps({"vr": vr, "Value": [{"Alphabetic": value} if vr == "PN" and value is not None else value for value in values]})


def metadata(**attributes: object) -> dict[str, bytes]:
    """The fragments of a metadata document from keywords; None makes an empty element, a list several values."""
    found = {}
    for keyword, value in attributes.items():
        tag, vr = _TAGS[keyword]
        found[tag] = element(vr, *(value if isinstance(value, list) else [] if value is None else [value]))
    return found


def instance_row(study: str, series: str, instance: str, version: int = 1, blob: str = "b", document: bytes = b"{}") -> InstanceRow:
    """An instance row with little in it."""
    packed = Metadata(pack_metadata(document))
    return InstanceRow(study, series, instance, version, "1.2.840.10008.1.2.1", "1.2.3", blob, 4, b"{}", packed)


async def store(
    index: Index,
    study: str,
    series: str,
    instance: str,
    partition: Partition = PARTITION,
    terms: Terms = PLAIN_TERMS,
    /,
    **attributes: object,
) -> Stored:
    """Store an instance with these attributes, as one request would."""
    fragments = metadata(**attributes)
    key = index.partition_key(partition, study)
    upload = await index.uploads.begin(key)
    await index.blobs.put(upload.name, [b"file"])
    row = instance_row(study, series, instance, index.clock.version(), upload.name, assemble(fragments))
    change = store_instance(partition.name, row, Summary.of(fragments), upload.journal, upload.number, terms=terms)
    stored = await index.lane(key).commit(change)
    index.uploads.end(upload, clear=True)
    return stored
