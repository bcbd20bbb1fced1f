from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dicom_core.delete.service import DeleteService
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.changes import Stored, Terms
from dicom_core.index.events import Action
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, study_key
from dicom_core.index.rows import SeriesRow, StudyRow
from dicom_core.index.sweeper import sweep
from dicom_core.storage.counting import CountingBlobs, CountingTables
from dicom_core.store.report import StoredItem
from tests.delete.interrupted import Interrupted
from tests.feed_rows import read_feed, rows_of
from tests.index.factories import PARTITION, Storage, element, open_storage, store
from tests.invariants import check_invariants
from tests.store.requests import file_of, send

OTHER = Partition("Other", 2)


async def seed(index: Index) -> None:
    """Two series of two instances, and another study with one."""
    for series, instance in [("1", "1"), ("2", "2"), ("1", "3"), ("2", "4")]:
        await store(index, "1", series, instance, Modality=f"M{series}")
    await store(index, "9", "9", "9")


@pytest.mark.parametrize(
    ("named", "left"),
    [
        (Identifiers("1"), "9"),
        (Identifiers("1", "2"), "1 3 9"),
        (Identifiers("1", "1"), "2 4 9"),
        (Identifiers("1", "2", "4"), "1 2 3 9"),
        (Identifiers("1", "1", "3"), "1 2 4 9"),
        (Identifiers("1", "1", "1"), "2 3 4 9"),
    ],
    ids=str,
)
async def test_a_delete_takes_away_what_is_named_and_nothing_else(storage: Storage, named: Identifiers, left: str) -> None:
    index = storage.index()
    await seed(index)
    await DeleteService(index).delete(PARTITION, named)
    await index.close()
    assert {ids[3] for ids in await check_invariants(storage.tables, storage.blobs, 1)} == set(left.split())
    deleted = [entry.event.instance for entry in await read_feed(storage.tables) if entry.event.action is Action.DELETE]
    assert sorted(deleted) == sorted({"1", "2", "3", "4", "9"} - set(left.split()))


@pytest.mark.parametrize(
    "named",
    [
        Identifiers("7"),
        Identifiers("1", "7"),
        Identifiers("7", "1"),
        Identifiers("1", "1", "7"),
        Identifiers("1", "7", "1"),
        Identifiers("1", "2", "1"),
        Identifiers("7", "1", "1"),
    ],
    ids=str,
)
async def test_nothing_is_found_under_other_identifiers(storage: Storage, named: Identifiers) -> None:
    index = storage.index()
    await seed(index)
    with pytest.raises(NotFoundError):
        await DeleteService(index).delete(PARTITION, named)
    assert len(await check_invariants(storage.tables, storage.blobs, 1, swept=False)) == 5


@pytest.mark.parametrize("named", [Identifiers("1"), Identifiers("1", "2"), Identifiers("1", "2", "4")], ids=str)
async def test_a_second_delete_finds_nothing_and_the_same_can_be_stored_again(storage: Storage, named: Identifiers) -> None:
    index = storage.index()
    await seed(index)
    deletes = DeleteService(index)
    await deletes.delete(PARTITION, named)
    with pytest.raises(NotFoundError):
        await deletes.delete(PARTITION, named)
    await store(index, "1", "2", "4")
    await index.close()
    assert (PARTITION.name, "1", "2", "4") in await check_invariants(storage.tables, storage.blobs, 1)


async def test_another_partition_is_left_alone(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3")
    await store(index, "1", "2", "3", OTHER)
    await DeleteService(index).delete(OTHER, Identifiers("1"))
    with pytest.raises(NotFoundError):
        await DeleteService(index).delete(OTHER, Identifiers("1"))
    await index.close()
    found = await check_invariants(storage.tables, storage.blobs, 1, partitions=(PARTITION.name, OTHER.name))
    assert found.keys() == {(PARTITION.name, "1", "2", "3")}


async def test_requests_that_delete_the_same_at_once_announce_it_once(storage: Storage) -> None:
    one, other = storage.index(), storage.index()
    await seed(one)
    deletes = [DeleteService(index).delete(PARTITION, Identifiers("1")) for index in (one, other, one, other)]
    outcomes = await asyncio.gather(*deletes, return_exceptions=True)
    assert any(outcome is None for outcome in outcomes)
    assert all(outcome is None or isinstance(outcome, NotFoundError) for outcome in outcomes)
    await one.close()
    await other.close()
    await sweep(one, [PARTITION], outbox_age=0, journal_age=0)
    assert len(await check_invariants(storage.tables, storage.blobs, 1)) == 1


async def test_deleting_one_by_one_takes_modalities_and_counts_with_it(storage: Storage) -> None:
    index = storage.index()
    await seed(index)
    deletes = DeleteService(index)
    for series, instance, modalities in [("2", "4", {"M1": 1, "M2": 1}), ("2", "2", {"M1": 1}), ("1", "3", {"M1": 1})]:
        await deletes.delete(PARTITION, Identifiers("1", series, instance))
        row = await storage.tables.get(INDEX_TABLE, "microsoft.default~0", study_key("1"))
        assert row is not None
        assert StudyRow.of(row).modalities == modalities
        await check_invariants(storage.tables, storage.blobs, 1, swept=False)


async def test_a_study_of_many_series_is_deleted(storage: Storage) -> None:
    index = storage.index()
    files = [
        file_of("1", f"2.{number}", "3", Modality=f"M{number}", ManufacturerModelName="M", PerformedProcedureStepStartDate="20200101")
        for number in range(35)
    ]
    await send(index, *files)
    await DeleteService(index).delete(PARTITION, Identifiers("1"))
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


@pytest.mark.parametrize("instances", [1, 2, 10, 11])
async def test_a_study_with_every_search_row_that_there_can_be_is_deleted(storage: Storage, instances: int) -> None:
    index = storage.index()
    names = "a b c d e f g h i j=1 2 3 4"
    texts = dict.fromkeys(("PatientID", "AccessionNumber", "StudyDescription", "ManufacturerModelName"), "x")
    dates = dict.fromkeys(("PatientBirthDate", "StudyDate", "PerformedProcedureStepStartDate"), "20200101")
    attributes: dict[str, Any] = {"PatientName": names, "ReferringPhysicianName": names, **texts, **dates}
    terms = Terms(lifetime=10**12, external={f"0019{0x1000 + number:04X}": element("LO", "x") for number in range(40)})
    modalities = [file_of("1", f"2.{number}", f"2.{number}", Modality=f"M{number}", **attributes) for number in range(16)]
    report = await send(index, *modalities, *(file_of("1", "3", f"3.{number}", **attributes) for number in range(instances)), terms=terms)
    assert all(isinstance(item, StoredItem) for item in report.items)
    deletes = DeleteService(index)
    await deletes.delete(PARTITION, Identifiers("1", "2.7"))
    await deletes.delete(PARTITION, Identifiers("1"))
    await index.close()
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


async def test_deleting_a_series_of_a_hundred_takes_few_calls(storage: Storage) -> None:
    tables, blobs = CountingTables(storage.tables), CountingBlobs(storage.blobs)
    index = Storage(tables, blobs).index()
    await send(index, *(file_of("1", "2", f"1.{number}") for number in range(100)), file_of("1", "3", "9"))
    await index.close()
    tables.reset()
    blobs.reset()
    await DeleteService(index).delete(PARTITION, Identifiers("1", "2"))
    assert tables.total <= 10, tables.snapshot()
    await index.close()
    assert blobs.snapshot() == {"delete": 100}


async def _seen(storage: Storage) -> list[tuple[object, ...]]:
    """The studies and series as their rows tell, the newest first, and the events of each instance, without times and versions."""
    rows = await rows_of(storage.tables, INDEX_TABLE, "microsoft.default~0")
    studies = [StudyRow.of(row) for row in rows if row.row_key[0] == "S"]
    series = [SeriesRow.of(row) for row in rows if row.row_key[0] == "E"]
    return [
        *(
            (row.study, row.instances, row.series, row.newest, row.modalities, row.document, row.latest, row.external, bool(row.expires))
            for row in sorted(studies, key=lambda row: -row.created)
        ),
        *(
            (row.study, row.series, row.instances, row.newest, row.modality, row.document, row.latest)
            for row in sorted(series, key=lambda row: -row.created)
        ),
    ]


async def test_a_study_that_is_never_empty_is_found(tmp_path: Path) -> None:
    async with open_storage(tmp_path) as plain:
        tables = Interrupted(plain.tables)
        one, other = Storage(tables, plain.blobs).index(), plain.index()
        await store(other, "1", "2", "3")
        tables.at = 1
        deleting = asyncio.create_task(DeleteService(one).delete(PARTITION, Identifiers("1")))
        await tables.reached.wait()
        await store(other, "1", "2", "4")
        await DeleteService(other).delete(PARTITION, Identifiers("1", "2", "3"))
        tables.go_on.set()
        await deleting
        for index in (one, other):
            await index.close()
        assert await check_invariants(plain.tables, plain.blobs, 1) == {}


_ALL = {"PatientID": "old", "PatientName": "O L D", "StudyDate": "20200101", "ManufacturerModelName": "old", "Modality": "OT"}


@pytest.mark.parametrize(
    "stored", [("2.0", "3.0"), ("2.0", "3.39"), ("2.0", "4"), ("2.9", "4")], ids=["first", "last", "new", "new series"]
)
@pytest.mark.parametrize("named", [Identifiers("1"), Identifiers("1", "2.0")], ids=str)
@pytest.mark.parametrize(("series", "batch"), [(1, 2), (2, 1), (2, 2)])
async def test_a_store_beside_a_delete_ends_as_if_one_came_after_the_other(
    tmp_path: Path, stored: tuple[str, str], named: Identifiers, batch: int, series: int
) -> None:
    async def seed(index: Index) -> None:
        terms = Terms(lifetime=10**12, external={"00191001": element("LO", "old")})
        *instances, newest = [(f"2.{number % series}", f"3.{number // series}") for number in range(40 * series)]
        await asyncio.gather(*(store(index, "1", *ids, PARTITION, terms, **_ALL) for ids in instances))
        await store(index, "1", *newest, PARTITION, terms, **_ALL)
        await store(index, "9", "9", "9")

    async def delete(index: Index) -> None:
        await DeleteService(index).delete(PARTITION, named)

    async def store_one(index: Index) -> Stored:
        return await store(index, "1", *stored, PARTITION, Terms(external={"00191002": element("LO", "new")}), StudyDescription="new")

    allowed = []
    for order in ((delete, store_one), (store_one, delete)):
        async with open_storage(tmp_path / order[0].__name__) as serial:
            index = serial.index()
            await seed(index)
            outcomes = [await each(index) for each in order]
            allowed.append((next(filter(None, outcomes)), await _seen(serial)))
    async with open_storage(tmp_path / "both") as plain:
        tables = Interrupted(plain.tables)
        one, other = Storage(tables, plain.blobs).index(), plain.index()
        await seed(other)
        await other.close()
        tables.at = batch
        deleting = asyncio.create_task(delete(one))
        await tables.reached.wait()
        outcome = await store_one(other)
        tables.go_on.set()
        await deleting
        for index in (one, other):
            await index.close()
        await sweep(other, [PARTITION], outbox_age=0, journal_age=0)
        await check_invariants(plain.tables, plain.blobs, 1)
        assert (outcome, await _seen(plain)) in allowed
