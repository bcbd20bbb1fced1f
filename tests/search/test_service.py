"""Searching an archive: order, pages, values, and what is returned of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicom_core.index.keys import INDEX_TABLE, study_key
from dicom_core.search.effort import Effort
from dicom_core.storage.ports import Delete
from tests.search.archive import Archive, tag


async def fill(archive: Archive, studies: int, **attributes: Any) -> None:
    """Studies 1.1, 1.2, ... of one instance each."""
    for number in range(1, studies + 1):
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1", **attributes)


def value(result: dict[str, Any], keyword: str) -> Any:
    return result[tag(keyword)]["Value"][0]


async def test_newest_first_on_every_resource(sharded: Archive) -> None:
    for uids in ("1.1 1.1.1 1.1.1.1", "1.2 1.2.1 1.2.1.1", "1.1 1.1.2 1.1.2.1", "1.1 1.1.1 1.1.1.2"):
        await sharded.store(*uids.split())
    assert await sharded.uids("studies") == ["1.2", "1.1"]
    assert await sharded.uids("series") == ["1.1.2", "1.2.1", "1.1.1"]
    assert await sharded.uids("instances") == ["1.1.1.2", "1.1.2.1", "1.2.1.1", "1.1.1.1"]
    assert await sharded.uids("studies/1.1/series") == ["1.1.2", "1.1.1"]
    assert await sharded.uids("studies/1.1/instances") == ["1.1.1.2", "1.1.2.1", "1.1.1.1"]
    assert await sharded.uids("studies/1.1/series/1.1.1/instances") == ["1.1.1.2", "1.1.1.1"]


async def test_pages_follow_one_another(sharded: Archive) -> None:
    await fill(sharded, 12, PatientID="x")
    for raw in ("", "PatientID=x&", "PatientID=x*&"):
        pages = [await sharded.uids("studies", f"{raw}limit=5&offset={offset}") for offset in (0, 5, 10, 15)]
        assert [uid for page in pages for uid in page] == [f"1.{number}" for number in range(12, 0, -1)]
        assert [len(page) for page in pages] == [5, 5, 2, 0]


async def test_an_offset_beyond_everything_finds_nothing(archive: Archive) -> None:
    await fill(archive, 2)
    assert await archive.uids("studies", "offset=9223372036854775807") == []


async def test_unknown_uids_in_the_path_find_nothing(archive: Archive) -> None:
    await fill(archive, 1)
    assert await archive.uids("studies/9.9/series") == []
    assert await archive.uids("studies/1.1/series/9.9/instances") == []


async def test_other_partitions_are_not_seen(archive: Archive) -> None:
    await fill(archive, 1)
    archive.start_anew()
    for path in ("studies", "series", "instances", "studies/1.1/series"):
        assert await archive.uids(path) == []


async def test_the_latest_value_wins_and_empty_ones_do_not(archive: Archive) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", PatientID="A", StudyID="1", Modality="CT")
    await archive.store("1.1", "1.1.1", "1.1.1.2", PatientID="B", StudyID="2", Modality="MR")
    await archive.store("1.1", "1.1.1", "1.1.1.3", PatientID=None, StudyID="3")
    (found,) = await archive.search("studies", "PatientID=b&ModalitiesInStudy=MR&StudyID=3")
    assert (value(found, "PatientID"), value(found, "StudyID"), value(found, "ModalitiesInStudy")) == ("B", "3", "MR")
    assert await archive.uids("studies", "PatientID=A") == []
    assert await archive.uids("studies", "ModalitiesInStudy=CT") == []
    await archive.delete("1.1", "1.1.1", "1.1.1.2")
    await archive.delete("1.1", "1.1.1", "1.1.1.3")
    (found,) = await archive.search("studies", "PatientID=b&StudyID=1")
    assert (value(found, "PatientID"), value(found, "StudyID")) == ("B", "1")


async def test_deleted_studies_are_found_no_more(archive: Archive) -> None:
    await fill(archive, 2, PatientID="x")
    await archive.delete("1.2")
    assert await archive.uids("studies", "PatientID=x") == ["1.1"]
    assert await archive.uids("instances") == ["1.1.1.1"]


async def test_computed_attributes(archive: Archive) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", Modality="CT")
    await archive.store("1.1", "1.1.2", "1.1.2.1", Modality="MR")
    await archive.store("1.1", "1.1.2", "1.1.2.2")
    named = "includefield=ModalitiesInStudy,NumberOfStudyRelatedInstances,NumberOfSeriesRelatedInstances"
    (study,) = await archive.search("studies", named)
    assert study[tag("ModalitiesInStudy")] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert study[tag("NumberOfStudyRelatedInstances")] == {"vr": "IS", "Value": [3]}
    assert tag("NumberOfSeriesRelatedInstances") not in study
    for path in ("series", "studies/1.1/series", "instances", "studies/1.1/series/1.1.2/instances"):
        newest = (await archive.search(path, named))[0]
        assert value(newest, "NumberOfSeriesRelatedInstances") == 2
        assert value(newest, "NumberOfStudyRelatedInstances") == 3
    (study,) = await archive.search("studies", "includefield=all")
    assert not {tag("ModalitiesInStudy"), tag("NumberOfStudyRelatedInstances")} & study.keys()


async def test_modalities_are_omitted_when_there_are_none(archive: Archive) -> None:
    await fill(archive, 1)
    (study,) = await archive.search("studies", "includefield=ModalitiesInStudy")
    assert tag("ModalitiesInStudy") not in study
    assert await archive.uids("studies", "ModalitiesInStudy=&emptyvaluematching=true") == ["1.1"]


async def test_what_the_service_alone_knows_is_returned_when_named(archive: Archive) -> None:
    await fill(archive, 1)
    named = "includefield=RetrieveURL,InstanceAvailability"
    for path, url in (
        ("studies", "http://host/v2/studies/1.1"),
        ("series", "http://host/v2/studies/1.1/series/1.1.1"),
        ("instances", "http://host/v2/studies/1.1/series/1.1.1/instances/1.1.1.1"),
    ):
        (found,) = await archive.search(path, named, 1)
        assert found[tag("RetrieveURL")] == {"vr": "UR", "Value": [url]}
        assert found[tag("InstanceAvailability")] == {"vr": "CS", "Value": ["ONLINE"]}
        (found,) = await archive.search(path, "includefield=all", 1)
        assert not {tag("RetrieveURL"), tag("InstanceAvailability")} & found.keys()


async def test_the_file_s_own_availability_is_kept(archive: Archive) -> None:
    await fill(archive, 1, InstanceAvailability="NEARLINE")
    for raw in ("", "includefield=InstanceAvailability"):
        assert value((await archive.search("studies", raw, 1))[0], "InstanceAvailability") == "NEARLINE"


async def test_attributes_that_rows_do_not_hold_come_from_the_newest_instance(archive: Archive) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", SliceThickness=1, PatientID="x")
    await archive.store("1.1", "1.1.1", "1.1.1.2", SliceThickness=2, PatientID="y")
    for path in ("studies", "series", "studies/1.1/series"):
        (found,) = await archive.search(path, "includefield=SliceThickness")
        assert value(found, "SliceThickness") == 2
    newest, oldest = await archive.search("studies/1.1/series/1.1.1/instances", "includefield=SliceThickness,PatientID")
    assert (value(newest, "SliceThickness"), value(oldest, "SliceThickness")) == (2, 1)
    assert (value(newest, "PatientID"), value(oldest, "PatientID")) == ("y", "x")


async def test_attributes_too_long_for_a_row_are_read_from_the_instance(archive: Archive) -> None:
    steps = [{"ScheduledProcedureStepID": f"S{number}" * 8} for number in range(400)]
    await archive.store("1.1", "1.1.1", "1.1.1.1", RequestAttributesSequence=steps, AdditionalPatientHistory="x" * 9_000)
    (series,) = await archive.search("series", "", 1)
    assert len(series[tag("RequestAttributesSequence")]["Value"]) == 400
    (study,) = await archive.search("studies", "includefield=AdditionalPatientHistory")
    assert value(study, "AdditionalPatientHistory") == "x" * 9_000


async def test_results_are_ordered_by_tag(archive: Archive) -> None:
    await fill(archive, 1, PatientName="A", Modality="CT", Rows=1, StudyDate="20200101", InstitutionName="I", SliceThickness=1)
    for path in ("studies", "series", "instances"):
        (found,) = await archive.search(path, "includefield=all", 1)
        assert list(found) == sorted(found)


async def test_all_series_of_a_page_may_lie_in_one_old_study(tmp_path: Path) -> None:
    archive = Archive(tmp_path, effort=Effort(at_once=1))
    await fill(archive, 4, PatientID="x")
    for number in range(2, 6):
        await archive.store("1.1", f"1.1.{number}", f"1.1.{number}.1", PatientID="x")
    assert await archive.uids("series", "PatientID=x&limit=2") == ["1.1.5", "1.1.4"]
    assert await archive.uids("series", "PatientID=x&limit=3&offset=3") == ["1.1.2", "1.4.1", "1.3.1"]
    assert await archive.uids("series", "PatientID=x") == ["1.1.5", "1.1.4", "1.1.3", "1.1.2", "1.4.1", "1.3.1", "1.2.1", "1.1.1"]
    await archive.close()


async def test_series_of_another_study_may_come_between(tmp_path: Path) -> None:
    archive = Archive(tmp_path, effort=Effort(at_once=1))
    for uids in ("1.1 1.1.1", "1.1 1.1.2", "1.1 1.1.3", "1.2 1.2.1", "1.1 1.1.4"):
        await archive.store(uids.split()[0], uids.split()[1], f"{uids.split()[1]}.1", PatientID="x")
    assert await archive.uids("series", "PatientID=x&limit=2") == ["1.1.4", "1.2.1"]
    await archive.close()


async def test_a_short_walk_is_trusted_only_if_it_saw_everything_newer(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 2, Effort(many=1, trial=2, page=2, spare=0))
    shards = {number: archive.index.partition_key(archive.partition, f"1.{number}") for number in range(1, 40)}
    other, one = (
        sorted(number for number, shard in shards.items() if shard == key) for key in archive.index.partition_keys(archive.partition)
    )
    first, second, *rest = one
    for number, patient in ((first, "x"), (other[0], "x"), (second, "x"), *((number, "y") for number in rest[:8])):
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1", PatientID=patient)
    assert await archive.uids("series", "PatientID=x&limit=1") == [f"1.{second}.1"]
    await archive.close()


async def test_a_study_that_matches_twice_is_one_result(sharded: Archive) -> None:
    await sharded.store("1.1", "1.1.1", "1.1.1.1", Modality="CT", PatientName="Jo^Joan")
    await sharded.store("1.1", "1.1.2", "1.1.2.1", Modality="MR", PatientName="Jo^Joan")
    assert await sharded.uids("studies", "ModalitiesInStudy=CT,MR&multiplevaluematching=true") == ["1.1"]
    assert await sharded.uids("studies", "PatientName=jo&fuzzymatching=true") == ["1.1"]
    query = sharded.query("studies", "ModalitiesInStudy=CT,MR&multiplevaluematching=true")
    assert (await sharded.service.count(sharded.partition, query)).count == 1


NAMES = ["^Leading", "Van der Berg^Jan", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Müller^Jörg", "O'Neil!^A~b", "a" * 64 + "=" + "b" * 64]
FUZZY = [
    ("lead", 0),
    ("van der", 1),
    ("der be", 1),
    ("berg jan", 1),
    ("yam", 2),
    ("山 太", 2),
    ("や", 2),
    ("mull", 3),
    ("jorg", 3),
    ("o'n", 4),
    ("a~", 4),
    ("a" * 64, 5),
    ("b" * 60, 5),
]


@pytest.mark.parametrize(("words", "number"), FUZZY)
async def test_fuzzy_names_of_all_kinds(archive: Archive, words: str, number: int) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", PatientName=NAMES[number])
    raw = "".join(f"%{byte:02x}" for byte in words.encode())
    assert await archive.uids("studies", f"PatientName={raw}&fuzzymatching=true") == ["1.1"]
    assert await archive.uids("studies", f"PatientName={raw}&fuzzymatching=true", any_order_names=True) == ["1.1"]
    assert await archive.uids("studies", f"PatientName={raw}x&fuzzymatching=true") == []


async def test_words_of_a_name_follow_one_another(archive: Archive) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", PatientName="Anna^Maria^Longest")
    for words, found in (("anna+longest", []), ("maria+long", ["1.1"]), ("longest+maria", []), ("a+m+l", ["1.1"]), ("a+longest", [])):
        assert await archive.uids("studies", f"PatientName={words}&fuzzymatching=true") == found
    assert await archive.uids("studies", "PatientName=longest+anna&fuzzymatching=true", any_order_names=True) == ["1.1"]


async def test_names_of_many_words_are_found_by_each_of_them(archive: Archive) -> None:
    words = [f"{letter}a" for letter in "abcdefghijklmno"]
    await archive.store("1.1", "1.1.1", "1.1.1.1", PatientName="=".join("^".join(words[start : start + 5]) for start in (0, 5, 10)))
    for word in words:
        assert await archive.uids("studies", f"PatientName={word}&fuzzymatching=true") == ["1.1"]
    assert await archive.uids("studies", "PatientName=n+oa&fuzzymatching=true") == ["1.1"]
    assert await archive.uids("studies", "PatientName=oa+n&fuzzymatching=true") == []
    assert await archive.uids("studies", "PatientName=x,oa&fuzzymatching=true&multiplevaluematching=true") == ["1.1"]


async def test_long_values_are_told_apart(archive: Archive) -> None:
    await archive.store("1.1", "1.1.1", "1.1.1.1", StudyDescription="é" * 63 + "a")
    await archive.store("1.2", "1.2.1", "1.2.1.1", StudyDescription="é" * 63 + "b")
    prefix = "%C3%A9" * 63
    assert await archive.uids("studies", f"StudyDescription={prefix}a") == ["1.1"]
    assert await archive.uids("studies", f"StudyDescription={prefix}b*") == ["1.2"]
    assert await archive.uids("studies", f"StudyDescription={prefix}*") == ["1.2", "1.1"]


async def test_null_padded_values_are_found_either_way(archive: Archive) -> None:
    await fill(archive, 1, PatientID="abc\0")
    assert await archive.uids("studies", "PatientID=abc") == ["1.1"]
    assert await archive.uids("studies", "PatientID=abc%00") == ["1.1"]


async def test_lists_of_uids(sharded: Archive) -> None:
    await fill(sharded, 4)
    assert await sharded.uids("studies", "StudyInstanceUID=1.1,1.3,9.9") == ["1.3", "1.1"]
    assert await sharded.uids("series", "StudyInstanceUID=1.1%5C1.3") == ["1.3.1", "1.1.1"]
    assert await sharded.uids("series", "SeriesInstanceUID=1.1.1%5C1.4.1") == ["1.4.1", "1.1.1"]
    assert await sharded.uids("instances", "StudyInstanceUID=1.1,1.2&SeriesInstanceUID=1.1.1,1.3.1") == ["1.1.1.1"]
    assert await sharded.uids("instances", "SOPInstanceUID=1.1.1.1,1.2.1.1,1.2.1.2") == ["1.2.1.1", "1.1.1.1"]
    assert await sharded.uids("studies", "StudyInstanceUID=not/a/uid") == []


async def test_long_lists_of_uids(archive: Archive) -> None:
    for number in range(70):
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1")
    listed = ",".join(f"1.{number}" for number in range(66))
    assert await archive.uids("series", f"StudyInstanceUID={listed}&limit=2") == ["1.65.1", "1.64.1"]


async def test_a_warning_tells_how_many_results_follow(sharded: Archive) -> None:
    await fill(sharded, 7, PatientID="x")
    for raw in ("PatientID=x&limit=3&offset=1", "PatientID=x*&limit=3&offset=1"):
        result = await sharded.result("studies", raw)
        assert result.warnings[0].startswith("There are ")
        if not result.at_least:
            assert result.warnings == ["There are 3 additional results that can be requested"]
    assert (await sharded.result("studies", "limit=3&offset=4")).warnings == []


async def test_a_warning_tells_of_literal_matching(archive: Archive) -> None:
    query = archive.query("studies", "PatientName=a*&fuzzymatching=true")
    (warning,) = (await archive.service.search(archive.partition, query)).warnings
    assert "PatientName" in warning
    assert (await archive.service.count(archive.partition, query)).warnings == [warning]
    assert (await archive.result("studies", "PatientName=a&PatientID=b*&fuzzymatching=true")).warnings == []


async def test_a_search_gives_up_and_says_so(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 3, Effort(rows_examined=20, page=4, spare=0))
    await fill(archive, 60, PatientID="x", StudyID="1")
    result = await archive.result("studies", "PatientID=*y")
    assert (result.documents, result.complete) == ([], False)
    assert len(result.warnings) == 1
    count = await archive.service.count(archive.partition, archive.query("studies", "StudyID=1"))
    assert 0 < count.count < 60
    assert not count.complete
    assert len(count.warnings) == 1
    found = await archive.result("studies", "PatientID=*x&limit=5")
    assert found.complete
    assert len(found.documents) == 5
    assert (await archive.result("studies", "PatientID=x&ModalitiesInStudy=CT")).complete
    await archive.close()


async def test_counts_ignore_the_page(archive: Archive) -> None:
    await fill(archive, 5, PatientID="x")
    for path, raw in (("studies", "limit=1&offset=3"), ("series", "PatientID=x&limit=1"), ("instances", "PatientID=x*&offset=4")):
        assert (await archive.service.count(archive.partition, archive.query(path, raw))).count == 5


async def test_rows_that_vanish_between_reads_are_left_out(archive: Archive) -> None:
    await fill(archive, 3)
    key = archive.index.partition_key(archive.partition, "1.2")
    await archive.tables.commit(INDEX_TABLE, key, [Delete(study_key("1.2"))])
    assert await archive.uids("studies", "includefield=PatientAge,SliceThickness") == ["1.3", "1.1"]
    assert await archive.uids("series") == ["1.3.1", "1.1.1"]
