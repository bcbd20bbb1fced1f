"""What must hold in storage at any moment, and what must hold after a sweep, checked on the rows and blobs as they lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from dicom_core.dicom.document import fragments
from dicom_core.identifiers import DEFAULT_PARTITION
from dicom_core.index.keys import INDEX_TABLE, instance_key, partition_key, series_key, shard_of, study_key
from dicom_core.index.rows import InstanceRow, SeriesRow, StudyRow
from dicom_core.index.search_rows import MAX_EXTERNAL_ROWS, external_values, search_rows
from dicom_core.index.summary import modality_of
from dicom_core.storage.ports import Blobs, Row, Tables
from tests.feed_rows import check_one_event_per_version, read_feed, rows_of

__all__ = ["check_invariants"]

Instances = dict[tuple[str, str, str, str], int]
"""Versions by data partition, study, series and instance."""


async def check_invariants(
    tables: Tables,
    blobs: Blobs,
    shards: int,
    *,
    partitions: Iterable[str] = (DEFAULT_PARTITION,),
    swept: bool = True,
    replacing: bool = False,
) -> Instances:
    """Assert everything that must hold, and return the instances that are stored.

    Before a sweep (`swept` false) there may be journal and outbox rows, blobs without a row, and events still to come.
    With `replacing`, some instances were stored over others.
    """
    present: Instances = {}
    referenced: set[str] = set()
    for partition in partitions:
        for shard in range(shards):
            rows = await rows_of(tables, INDEX_TABLE, partition_key(partition, shard))
            found = _check_shard(rows, shard, shards, swept=swept)
            present |= {(partition, row.study, row.series, row.instance): row.version for row in found}
            referenced.update(name for row in found for name in row.blobs)
    stored = {name async for name in blobs.list("")}
    assert referenced <= stored, f"blobs are lost: {referenced - stored}"
    entries = await read_feed(tables)
    if swept:
        assert stored == referenced, f"blobs are left behind: {stored - referenced}"
        check_one_event_per_version(entries, present, replacing=replacing)
    return present


def _check_shard(rows: list[Row], shard: int, shards: int, *, swept: bool) -> list[InstanceRow]:
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row.row_key[0]].append(row)
    assert kinds.keys() <= set("SEIXTJO")
    if swept:
        assert not kinds["J"], "journal rows are left"
        assert not kinds["O"], "outbox rows are left"
    derived = {key: values for kind in "SEI" for row in kinds[kind] for key, values in search_rows(row.row_key, row.properties).items()}
    assert {row.row_key: row.properties for kind in "XT" for row in kinds[kind]} == derived, "derived rows are those of the other rows"
    instances = [InstanceRow.of(row) for row in kinds["I"]]
    series = [SeriesRow.of(row) for row in kinds["E"]]
    studies = [StudyRow.of(row) for row in kinds["S"]]
    assert all(shard_of(row.study, shards) == shard for row in instances)
    assert [row.row_key for row in kinds["I"]] == sorted(instance_key(row.study, row.series, row.instance) for row in instances)
    _check_series(series, instances)
    _check_studies(studies, series, instances)
    return instances


def _check_series(series: list[SeriesRow], instances: list[InstanceRow]) -> None:
    members: defaultdict[str, list[InstanceRow]] = defaultdict(list)
    for instance in instances:
        members[series_key(instance.study, instance.series)].append(instance)
    assert members.keys() == {series_key(row.study, row.series) for row in series}, "a series is its instances"
    for row in series:
        own = members[series_key(row.study, row.series)]
        newest = max(own, key=lambda instance: instance.version)
        assert row.instances == len(own)
        assert (row.newest, row.top) == (newest.instance, newest.version)
        assert row.created <= min(instance.version for instance in own)
        assert row.modality == modality_of(fragments(row.document))


def _check_studies(studies: list[StudyRow], series: list[SeriesRow], instances: list[InstanceRow]) -> None:
    members: defaultdict[str, list[InstanceRow]] = defaultdict(list)
    for instance in instances:
        members[study_key(instance.study)].append(instance)
    assert members.keys() == {study_key(row.study) for row in studies}, "a study is its instances"
    for row in studies:
        own = members[study_key(row.study)]
        newest = max(own, key=lambda instance: instance.version)
        assert row.instances == len(own)
        assert row.series == len({instance.series for instance in own})
        assert (row.newest, row.top) == ((newest.series, newest.instance), newest.version)
        assert row.created <= min(instance.version for instance in own)
        assert len({instance.version for instance in own}) == len(own), "versions are unique in a study"
        modalities = Counter(one.modality for one in series if one.study == row.study and one.modality)
        assert row.modalities == modalities
        assert len(external_values(row.external)) <= MAX_EXTERNAL_ROWS
