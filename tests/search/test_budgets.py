"""Storage calls of each kind of search."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.archive import Archive

N = 8

# calls by path and query: scans and reads of many rows at once
BUDGETS = [
    ("studies", "", N, 0),
    ("studies", "PatientID=x", N, 0),
    ("studies", "StudyDate=20200101&ModalitiesInStudy=CT&limit=100", N, 0),
    ("studies", "PatientName=*oe*", N, 0),
    ("studies", "PatientName=doe&fuzzymatching=true", 3 * N, 0),  # names that begin so, names with such a word, names of many words
    ("studies", "PatientName=jo&fuzzymatching=true", 3 * N, 0),
    ("studies", "StudyDate=20200101-20200131", N, 0),  # and N reads where a scan leaves out what it need not read
    ("studies", "StudyInstanceUID=1.1", 0, 1),
    ("studies", "StudyInstanceUID=1.1,1.2", 0, 2),
    ("studies", "limit=101&includefield=00081030,00080060", N, N),
    ("studies", "includefield=all", N, N),
    ("studies", "includefield=SliceThickness", N, 2 * N),
    ("series", "", N, N),
    ("series", "StudyInstanceUID=1.1", 1, 1),
    ("series", "SeriesInstanceUID=1.1.1", N, 1),
    ("series", "StudyInstanceUID=1.1&SeriesInstanceUID=1.1.1", 0, 1),
    ("instances", "", N, N),
    ("instances", "StudyInstanceUID=1.1&SeriesInstanceUID=1.1.1", 1, 1),
    ("instances", "SOPInstanceUID=1.1.1.1", N, 1),
    ("studies/1.1/series", "", 1, 0),
    ("studies/1.1/series", "Modality=CT", 1, 0),
    ("studies/1.1/series", "SeriesInstanceUID=1.1.1", 0, 1),
    ("studies/1.1/instances", "", 2, 0),
    ("studies/1.1/series/1.1.1/instances", "", 1, 0),
    ("studies/1.1/series/1.1.1/instances", "includefield=SliceThickness", 1, 1),
]


@pytest.fixture
async def filled(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path, N)
    for number in range(1, 41):
        values = {"PatientID": "x", "PatientName": "Joe^Doe", "StudyDate": "20200101", "Modality": "CT", "SliceThickness": 1}
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1", **values)
    return archive


@pytest.mark.parametrize("version", [1, 2])
async def test_calls_do_not_depend_on_the_number_of_results(filled: Archive, version: int) -> None:
    for path, raw, scans, reads in BUDGETS:
        query = filled.query(path, raw, version)
        await filled.index.close()
        filled.tables.reset()
        filled.blobs.reset()
        result = await filled.service.search(filled.partition, query)
        assert result.documents
        calls = filled.tables.snapshot()
        assert (calls.pop("scan", 0), calls.pop("get_many", 0)) == (scans, reads), (path, raw)
        assert not calls
        assert filled.blobs.total == 0
    await filled.close()


async def test_one_shard_answers_a_page_with_one_call(archive: Archive) -> None:
    for number in range(150):
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1", PatientID="x", PatientName="Joe^Doe")
    await archive.index.close()
    for raw in ("", "PatientID=x", "limit=101"):
        query = archive.query("studies", raw)
        archive.tables.reset()
        result = await archive.service.search(archive.partition, query)
        assert len(result.documents) == query.limit
        assert archive.tables.snapshot() == {"scan": 1}


async def test_a_page_reads_little_more_than_it_returns(tmp_path: Path) -> None:
    archive = Archive(tmp_path, N)
    for number in range(300):
        await archive.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1", PatientID="x")
    await archive.index.close()
    query = archive.query("studies", "PatientID=x&limit=10")
    archive.tables.reset()
    assert len((await archive.service.search(archive.partition, query)).documents) == 10
    assert archive.tables.snapshot() == {"scan": N}
    assert archive.tables.items["scan"] < 300
    await archive.close()
