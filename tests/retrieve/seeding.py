"""Instances put into the index and the blob store directly, without a store request."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from dicom_core.identifiers import Partition
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, series_key, study_key
from dicom_core.index.rows import InstanceRow, Metadata, SeriesRow, StudyRow, pack_metadata
from dicom_core.storage.ports import Upsert

__all__ = ["Seed", "seed"]

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Seed:
    """An instance: `data` is its file, `spilled` puts its metadata into a blob of its own."""

    study: str
    series: str
    instance: str
    data: bytes = b"file"
    version: int = 1
    transfer_syntax: str = EXPLICIT_LITTLE
    spilled: bool = False

    @property
    def blob(self) -> str:
        return f"{self.study}/{self.instance}/{self.version}"

    @property
    def document(self) -> bytes:
        return json.dumps({"00080018": {"vr": "UI", "Value": [self.instance]}}, separators=(",", ":")).encode()

    def row(self) -> InstanceRow:
        metadata = Metadata(blob=f"{self.blob}.json") if self.spilled else Metadata(pack_metadata(self.document))
        return InstanceRow(
            study=self.study,
            series=self.series,
            instance=self.instance,
            version=self.version,
            transfer_syntax=self.transfer_syntax,
            sop_class="1.2",
            blob=self.blob,
            size=len(self.data),
            document=b"{}",
            metadata=metadata,
        )


async def seed(index: Index, partition: Partition, *seeds: Seed) -> None:
    """Store instances; all of a study must be given in one call."""
    for each in seeds:
        await index.blobs.put(each.blob, [each.data])
        if each.spilled:
            await index.blobs.put(f"{each.blob}.json", [pack_metadata(each.document)])
    studies: dict[str, list[Seed]] = defaultdict(list)
    for each in seeds:
        studies[each.study].append(each)
    for study, instances in studies.items():
        rows = {instance_key(each.study, each.series, each.instance): each.row().properties() for each in instances}
        rows[study_key(study)] = _study(study, instances).properties()
        for name in {each.series for each in instances}:
            members = [each for each in instances if each.series == name]
            rows[series_key(study, name)] = _series(study, name, members).properties()
        operations = [Upsert(key, properties) for key, properties in rows.items()]
        for start in range(0, len(operations), 100):
            await index.tables.commit(INDEX_TABLE, index.partition_key(partition, study), operations[start : start + 100])


def _study(study: str, instances: list[Seed]) -> StudyRow:
    newest = max(instances, key=lambda each: each.version)
    series = len({each.series for each in instances})
    return StudyRow(study, 1, newest.version, newest.version, len(instances), series, (newest.series, newest.instance), {}, b"{}", b"{}")


def _series(study: str, series: str, instances: list[Seed]) -> SeriesRow:
    newest = max(instances, key=lambda each: each.version)
    return SeriesRow(study, series, 1, newest.version, len(instances), newest.instance, "", b"{}", b"{}")
