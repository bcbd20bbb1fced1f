"""Changes of the index in random sequences: the rows always agree with each other and with a naive model."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_core.delete.service import DeleteService
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers
from dicom_core.index.changes import Deleted, NotDue, Outdated, Stored, Terms, Whole, delete_instances
from dicom_core.index.keys import INDEX_TABLE, expired, expiry_key, instance_key, instances_of, series_key, study_key
from dicom_core.index.rows import SeriesRow, StudyRow
from dicom_core.index.search_rows import MAX_EXTERNAL_ROWS, external_values
from dicom_core.index.sweeper import sweep
from dicom_core.storage.ports import StorageError
from tests.feed_rows import read_feed
from tests.index.factories import PARTITION, Storage, element, open_storage, store
from tests.invariants import check_invariants

STUDIES, SERIES, INSTANCES = ("1.1", "1.2"), ("2.1", "2.2"), ("3.1", "3.2", "3.3")

Step = tuple[str, str, str | None, str | None, dict[str, object]]

ATTRIBUTES: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "PatientName": st.sampled_from([None, "Doe^Jane", "Müller^Jörg=山^田", " ", "a b c d e f g h i j k"]),
        "PatientID": st.sampled_from([None, "1", "2", "x" * 64]),
        "Modality": st.sampled_from([None, "CT", "MR", "ct"]),
        "StudyDate": st.sampled_from([None, "20200101", "20240229"]),
        "StudyDescription": st.sampled_from([None, "A|B", "~!}", "y" * 9000]),
        "ManufacturerModelName": st.sampled_from([None, "M1", ["M1", "M2"]]),
        "StudyTime": st.sampled_from([None, "10"]),
    },
)
STORES: st.SearchStrategy[Step] = st.tuples(
    st.just("store"), st.sampled_from(STUDIES), st.sampled_from(SERIES), st.sampled_from(INSTANCES), ATTRIBUTES
)
REPLACES: st.SearchStrategy[Step] = st.tuples(
    st.just("replace"), st.sampled_from(STUDIES), st.sampled_from(SERIES), st.sampled_from(INSTANCES), ATTRIBUTES
)
TERMS = st.builds(
    Terms,
    lifetime=st.sampled_from([0, 7, 2**63]),
    external=st.dictionaries(
        st.sampled_from(["00191001", "00191002"]), st.sampled_from([element("LO", "A"), element("LO", "B|"), element("PN", "A^B C")])
    ),
)
DELETES: st.SearchStrategy[Step] = st.tuples(
    st.just("delete"), st.sampled_from(STUDIES), st.none() | st.sampled_from(SERIES), st.none() | st.sampled_from(INSTANCES), st.just({})
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(STORES | REPLACES | DELETES, TERMS), max_size=14), st.sampled_from([1, 8]))
def test_random_changes_keep_every_row_in_agreement(steps: list[tuple[Step, Terms]], shards: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), steps, shards))


async def _play(folder: Path, steps: list[tuple[Step, Terms]], shards: int) -> None:
    model: set[tuple[str, str, str]] = set()
    async with open_storage(folder, shards) as storage:
        index = storage.index()
        for (kind, study, series, instance, attributes), terms in steps:
            if kind != "delete" and series and instance:
                replaces = kind == "replace"
                expected = Stored.EXISTED if (study, series, instance) in model and not replaces else Stored.CREATED
                assert await store(index, study, series, instance, PARTITION, replace(terms, replaces=replaces), **attributes) is expected
                model.add((study, series, instance))
            else:
                named = Identifiers(study, series, instance if series else None)
                gone = {ids for ids in model if all(part in (None, own) for part, own in zip(_parts(named), ids, strict=True))}
                try:
                    await DeleteService(index).delete(PARTITION, named)
                    assert gone
                except NotFoundError:
                    assert not gone
                model -= gone
            present = await check_invariants(storage.tables, storage.blobs, shards, swept=False)
            assert {ids[1:] for ids in present} == model
        await index.close()
        await check_invariants(storage.tables, storage.blobs, shards, replacing=True)


def _parts(ids: Identifiers) -> tuple[str | None, str | None, str | None]:
    return ids.study, ids.series, ids.instance


async def _study(storage: Storage, study: str = "1") -> StudyRow:
    row = await storage.tables.get(INDEX_TABLE, "microsoft.default~0", study_key(study))
    assert row is not None
    return StudyRow.of(row)


async def test_an_instance_is_stored_once(storage: Storage) -> None:
    index = storage.index()
    assert await store(index, "1", "2", "3", PatientName="A") is Stored.CREATED
    assert await store(index, "1", "2", "3", PatientName="B") is Stored.EXISTED
    await index.close()
    assert b'"A"' in (await _study(storage)).document
    await check_invariants(storage.tables, storage.blobs, 1)


async def test_a_replaced_instance_is_a_new_version_of_the_same(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3", Modality="CT", PatientName="A", StudyTime="10")
    await store(index, "1", "2", "4")
    before = await _study(storage)
    assert await store(index, "1", "2", "3", PARTITION, Terms(replaces=True), Modality="MR") is Stored.CREATED
    study = await _study(storage)
    assert (study.instances, study.series, study.modalities, study.newest) == (2, 1, {"MR": 1}, ("2", "3"))
    assert study.created == before.created
    assert study.top == study.last > before.top
    assert b'"A"' in study.document, "what it lacks is kept"
    assert b'"10"' not in study.document
    await index.close()
    events = [(entry.event.action, entry.event.instance) for entry in await read_feed(storage.tables)]
    assert events == [("Create", "3"), ("Create", "4"), ("Create", "3")]
    await check_invariants(storage.tables, storage.blobs, 1, replacing=True)


async def test_what_is_to_be_replaced_may_be_absent(storage: Storage) -> None:
    index = storage.index()
    assert await store(index, "1", "2", "3", PARTITION, Terms(replaces=True)) is Stored.CREATED
    await index.close()
    assert len(await check_invariants(storage.tables, storage.blobs, 1)) == 1


async def test_a_delete_planned_before_a_replacement_is_outdated(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "3")
    key = index.partition_key(PARTITION, "1")
    rows = [row async for page in storage.tables.scan(INDEX_TABLE, key, *instances_of("1")) for row in page]
    await store(index, "1", "2", "3", PARTITION, Terms(replaces=True))
    with pytest.raises(Outdated):
        await index.lane(key).commit(delete_instances(PARTITION.name, rows, known={}))


async def test_the_latest_store_decides_when_a_study_expires(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1", PARTITION, Terms(lifetime=1_000))
    first = await _study(storage)
    assert first.expires == first.top + 1_000
    await store(index, "1", "2", "1", PARTITION, Terms(lifetime=2_000))
    assert await _study(storage) == first, "nothing was stored"
    await store(index, "1", "2", "2", PARTITION, Terms(lifetime=2_000))
    await store(index, "2", "2", "2", PARTITION, Terms(lifetime=2**63))
    study = await _study(storage)
    assert study.expires == study.top + 2_000
    keys = [row.row_key async for page in storage.tables.scan(INDEX_TABLE, "microsoft.default~0", *expired(study.expires)) for row in page]
    assert keys == [expiry_key(study.expires, "1")]
    assert (await _study(storage, "2")).expires == 2**63 - 1
    await DeleteService(index).delete(PARTITION, Identifiers("1", "2", "2"))
    assert (await _study(storage)).expires == study.expires
    await store(index, "1", "2", "3")
    assert (await _study(storage)).expires == 0


@pytest.mark.parametrize(("lifetime", "late", "goes"), [(10, -1, False), (10, 0, True), (10, 1, True), (0, 0, False)])
async def test_instances_are_deleted_only_when_their_study_is_due(storage: Storage, lifetime: int, late: int, goes: bool) -> None:
    index = storage.index()
    await store(index, "1", "2", "3", PARTITION, Terms(lifetime=lifetime))
    key = index.partition_key(PARTITION, "1")
    rows = [row async for page in storage.tables.scan(INDEX_TABLE, key, *instances_of("1")) for row in page]
    study = await _study(storage)
    change = delete_instances(PARTITION.name, rows, known={}, whole=Whole(None, study.top, due=study.top + lifetime + late))
    if goes:
        assert await index.lane(key).commit(change) == Deleted(1, study.top)
    else:
        with pytest.raises(NotDue):
            await index.lane(key).commit(change)


async def test_external_attributes_of_later_stores_join_the_earlier_ones(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1", PARTITION, Terms(external={"00191001": element("LO", "A"), "00191002": element("LO", "B")}))
    await store(index, "1", "2", "2")
    await store(index, "1", "2", "3", PARTITION, Terms(external={"00191002": element("LO", "C"), "00191003": element("SS", -3)}))
    study = await _study(storage)
    assert (
        study.external
        == b'{"00191001":{"vr":"LO","Value":["A"]},\n"00191002":{"vr":"LO","Value":["C"]},\n"00191003":{"vr":"SS","Value":[-3]}}'
    )
    assert external_values(study.external) == [("00191001m", "a"), ("00191002m", "c"), ("00191003m", "-3")]
    await DeleteService(index).delete(PARTITION, Identifiers("1", "2", "3"))
    assert (await _study(storage)).external == study.external


async def test_a_study_has_no_more_external_attributes_than_can_be_indexed(storage: Storage) -> None:
    index = storage.index()
    many = {f"001910{number:02X}": element("LO", f"{number}") for number in range(MAX_EXTERNAL_ROWS)}
    await store(index, "1", "2", "1", PARTITION, Terms(external=many))
    with pytest.raises(StorageError):
        await store(index, "1", "2", "2", PARTITION, Terms(external={"00191101": element("LO", "A")}))
    await store(index, "1", "2", "3", PARTITION, Terms(external={"00191001": element("LO", "A")}))
    await DeleteService(index).delete(PARTITION, Identifiers("1"))
    await index.close()
    await sweep(index, [PARTITION], outbox_age=0, journal_age=0)
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}


async def test_counts_and_modalities_follow_the_series(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1", Modality="CT")
    await store(index, "1", "2", "2", Modality="MR")
    await store(index, "1", "3", "3", Modality="MR")
    await store(index, "1", "4", "4")
    study = await _study(storage)
    assert (study.instances, study.series, study.modalities) == (4, 3, {"MR": 2})
    await DeleteService(index).delete(PARTITION, Identifiers("1", "3"))
    study = await _study(storage)
    assert (study.instances, study.series, study.modalities) == (3, 2, {"MR": 1})


async def test_deleting_the_newest_instance_keeps_indexed_values_and_names_its_heir(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1", PatientName="A", StudyTime="10", StationName="S1")
    await store(index, "1", "3", "2", PatientName="B", StudyTime="11", StationName="S2")
    await DeleteService(index).delete(PARTITION, Identifiers("1", "3", "2"))
    study = await _study(storage)
    assert study.newest == ("2", "1")
    assert b'"B"' in study.document, "earlier values do not come back"
    assert b'"10"' in study.document
    assert b'"S1"' in study.latest


async def test_versions_of_a_study_are_never_used_twice_even_when_the_clock_lags(storage: Storage) -> None:
    ahead, behind = storage.index(now=lambda: 1000.0), storage.index(now=lambda: 10.0)
    await store(ahead, "1", "2", "1")
    for _ in range(3):
        await store(behind, "1", "2", "2")
        await DeleteService(behind).delete(PARTITION, Identifiers("1", "2", "2"))
    await behind.close()
    versions = [entry.event.version for entry in await read_feed(storage.tables) if entry.event.instance == "2"]
    assert versions == [1_000_000_001, 1_000_000_001, 1_000_000_002, 1_000_000_002, 1_000_000_003, 1_000_000_003]
    assert (await _study(storage)).top == 1_000_000_000


async def test_a_delete_that_needs_an_heir_and_has_none_is_outdated(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1")
    await store(index, "1", "2", "2")
    key = index.partition_key(PARTITION, "1")
    row = await storage.tables.get(INDEX_TABLE, key, instance_key("1", "2", "2"))
    assert row is not None
    with pytest.raises(Outdated):
        await index.lane(key).commit(delete_instances(PARTITION.name, [row], known={}))
    assert (await _study(storage)).instances == 2


async def test_deleting_rows_that_are_gone_deletes_nothing(storage: Storage) -> None:
    index = storage.index()
    await store(index, "1", "2", "1")
    key = index.partition_key(PARTITION, "1")
    rows = [row async for page in storage.tables.scan(INDEX_TABLE, key, *instances_of("1")) for row in page]
    change = delete_instances(PARTITION.name, rows, known={})
    assert [await index.lane(key).commit(change), await index.lane(key).commit(change)] == [Deleted(1), Deleted(0)]


async def test_a_refusal_never_rests_on_what_another_process_has_changed(storage: Storage) -> None:
    one, other = storage.index(), storage.index()
    await store(one, "1", "2", "1", Modality="CT")  # `one` remembers instance 1 as the newest
    await store(other, "1", "2", "2")
    await DeleteService(one).delete(PARTITION, Identifiers("1", "2", "1"))
    row = await storage.tables.get(INDEX_TABLE, "microsoft.default~0", series_key("1", "2"))
    assert row is not None
    assert (SeriesRow.of(row).instances, SeriesRow.of(row).newest) == (1, "2")


async def test_a_value_in_every_indexed_attribute_changes_in_one_batch(storage: Storage) -> None:
    def values(number: int) -> dict[str, object]:
        names = " ".join(f"{word}{number}" for word in "abcdefghijklm")
        date = f"2020010{number}"
        texts = {keyword: f"{keyword}{number}" for keyword in ("PatientID", "AccessionNumber", "StudyDescription", "ManufacturerModelName")}
        return {"PatientName": names, "ReferringPhysicianName": names, "PatientBirthDate": date, "StudyDate": date, **texts}

    index = storage.index()
    for number in range(20):
        await store(index, "1", f"2.{number}", "1", Modality=f"M{number}")
    await store(index, "1", "2.1", "2", **values(1), Modality="X1")
    await store(index, "1", "2.1", "3", **values(2), Modality="X2")
    await DeleteService(index).delete(PARTITION, Identifiers("1"))
    await index.close()
    await sweep(index, [PARTITION], outbox_age=0, journal_age=0)
    assert await check_invariants(storage.tables, storage.blobs, 1) == {}
