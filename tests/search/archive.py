"""A small archive to search in: instances given by keyword, committed the way the store does."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import orjson
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_core.delete.service import DeleteService
from dicom_core.dicom.document import assemble
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.changes import store_instance
from dicom_core.index.clock import Clock
from dicom_core.index.index import Index
from dicom_core.index.lane import Change
from dicom_core.index.rows import InstanceRow, Metadata, pack_metadata
from dicom_core.index.summary import Summary
from dicom_core.search.effort import DEFAULT_EFFORT, Effort
from dicom_core.search.query import Query, SearchOptions, parse_query
from dicom_core.search.resources import Resource
from dicom_core.search.service import SearchResult, SearchService
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_blobs import EmbeddedBlobs
from dicom_core.storage.embedded_tables import EmbeddedTables

__all__ = ["Archive", "element", "resource_of", "tag"]


def tag(keyword: str) -> str:
    """The tag of a keyword as DICOM JSON has it; tags pass through."""
    number = tag_for_keyword(keyword)
    return keyword if number is None else f"{number:08X}"


def element(keyword: str, value: Any) -> dict[str, Any]:
    """A DICOM JSON element: a value, a list of values, items as mappings from keywords, or None for an empty one."""
    vr = dictionary_VR(keyword)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if vr == "PN":
        groups = ("Alphabetic", "Ideographic", "Phonetic")
        values = [{group: text for group, text in zip(groups, each.split("="), strict=False) if text} for each in values]
    elif vr == "SQ":
        values = [{tag(name): element(name, inner) for name, inner in sorted(item.items())} for item in values]
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def resource_of(path: str) -> tuple[Resource, str | None, str | None]:
    """The resource of a path such as `studies/1.2/series`, and its UIDs."""
    parts = path.strip("/").split("/")
    study = parts[1] if len(parts) > 1 else None
    series = parts[3] if len(parts) > 3 else None
    template = "/".join("{study}" if at == 1 else "{series}" if at == 3 else part for at, part in enumerate(parts))
    return next(resource for resource in Resource if resource.path == template), study, series


class Archive:
    """An empty archive in a folder, with counted storage."""

    def __init__(self, folder: Path, shards: int = 1, effort: Effort = DEFAULT_EFFORT) -> None:
        self.tables = CountingTables(EmbeddedTables(folder / "tables.sqlite"))
        self.blobs = CountingBlobs(EmbeddedBlobs(folder / "blobs"))
        self.index = Index(self.tables, self.blobs, Clock(), shards)
        self.service = SearchService(self.index, effort)
        self.partition = Partition("p", 1)
        self._numbers = count(2)

    def start_anew(self) -> None:
        """Go on in a data partition that is empty."""
        number = next(self._numbers)
        self.partition = Partition(f"p{number}", number)

    async def store(self, study: str, series: str, instance: str, /, **attributes: Any) -> None:
        """Store an instance; attributes by keyword."""
        uids = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
        elements: Mapping[str, Any] = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", **uids, **attributes}
        fragments = {tag(name): orjson.dumps(element(name, value)) for name, value in elements.items()}
        summary = Summary.of(fragments)
        key = self.index.partition_key(self.partition, study)
        journal = self.index.journal(key)
        await self.index.lane(key).commit(Change(journal.open, expected_absent=(journal.key,)))
        row = InstanceRow(
            study=study,
            series=series,
            instance=instance,
            version=self.index.clock.version(),
            transfer_syntax="1.2.840.10008.1.2.1",
            sop_class=str(elements["SOPClassUID"]),
            blob=journal.blob_name(0),
            size=1,
            document=summary.instance,
            metadata=Metadata(pack_metadata(assemble(fragments))),
        )
        await self.index.lane(key).commit(store_instance(self.partition.name, row, summary, journal, 0))

    async def delete(self, study: str, series: str | None = None, instance: str | None = None) -> None:
        """Delete a study, a series or an instance."""
        await DeleteService(self.index).delete(self.partition, Identifiers(study, series, instance))

    def query(self, path: str, raw: str = "", version: int = 2, **options: Any) -> Query:
        """A search of a path such as `studies/1.2/series`."""
        resource, study, series = resource_of(path)
        return parse_query(resource, raw, version=version, study=study, series=series, options=SearchOptions(**options))

    async def result(self, path: str, raw: str = "", version: int = 2, **options: Any) -> SearchResult:
        """Search."""
        return await self.service.search(self.partition, self.query(path, raw, version, **options), retrieve_url="http://host/v2")

    async def search(self, path: str, raw: str = "", version: int = 2, **options: Any) -> list[dict[str, Any]]:
        """Search, and parse the results."""
        result = await self.result(path, raw, version, **options)
        return [orjson.loads(document) for document in result.documents]

    async def uids(self, path: str, raw: str = "", version: int = 2, **options: Any) -> list[str]:
        """Search, and return the last UID of each result."""
        resource, _, _ = resource_of(path)
        last = tag(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")[resource.level - 1])
        return [found[last]["Value"][0] for found in await self.search(path, raw, version, **options)]

    async def close(self) -> None:
        """Finish what runs in the background, and close the storage."""
        await self.index.close()
        await self.tables.close()
        await self.blobs.close()
