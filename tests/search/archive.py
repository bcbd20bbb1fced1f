"""A small archive to search in: instances given by keyword, stored as files."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import orjson
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_core.delete.service import DeleteService
from dicom_core.dicom.reason_codes import FailureReason
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.clock import Clock
from dicom_core.index.index import Index
from dicom_core.search.effort import DEFAULT_EFFORT, Effort
from dicom_core.search.query import Query, SearchOptions, parse_query
from dicom_core.search.resources import Resource
from dicom_core.search.service import SearchResult, SearchService
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.storage.embedded_store import open_embedded
from dicom_core.store.report import StoredItem
from dicom_core.store.service import StoreService
from tests.dicom.factories import make_instance
from tests.store.requests import files_of

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
        tables, blobs = open_embedded(folder)
        self.tables, self.blobs = CountingTables(tables), CountingBlobs(blobs)
        self.index = Index(self.tables, self.blobs, Clock(), shards)
        self._stores = StoreService(self.index)
        self.service = SearchService(self.index, effort)
        self.partition = Partition("p", 1)
        self._numbers = count(2)

    def start_anew(self) -> None:
        """Go on in a data partition that is empty."""
        number = next(self._numbers)
        self.partition = Partition(f"p{number}", number)

    async def store(self, study: str, series: str, instance: str, /, **attributes: Any) -> None:
        """Store an instance unless there is one; attributes by keyword, None for an empty one."""
        data = make_instance(
            study=study,
            series=series,
            instance=instance,
            without=[keyword for keyword in ("PatientName", "Modality") if keyword not in attributes],
            **{"SpecificCharacterSet": "ISO_IR 192", "PatientID": None, **attributes},
        )
        report = await self._stores.store(self.partition, files_of(data), study=None, lenient=True)
        (item,) = report.items
        assert isinstance(item, StoredItem) or item.reason is FailureReason.ALREADY_STORED, item

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
