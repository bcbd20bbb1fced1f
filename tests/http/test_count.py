"""Counting what a search finds."""

from __future__ import annotations

import pytest

from dicom_core.search.query import parse_query
from dicom_core.search.resources import Resource
from tests.http.driver import Client
from tests.store.requests import file_of, send

COUNTS = [
    ("studies", "", 3),
    ("series", "", 4),
    ("instances", "", 6),
    ("studies/1.1/series", "", 2),
    ("studies/1.1/instances", "", 4),
    ("studies/1.1/series/1.1.1/instances", "", 3),
    ("studies", "PatientID=a", 2),
    ("studies", "00100020=A&ModalitiesInStudy=MR", 1),
    ("studies", "PatientName=do&fuzzymatching=true", 3),
    ("studies", "PatientName=do*", 3),
    ("studies", "PatientID=*", 3),
    ("studies", "StudyInstanceUID=1.1,1.3,1.9", 2),
    ("studies", "PatientID=nobody", 0),
    ("series", "Modality=CT", 3),
    ("series", "SeriesDescription=x*", 0),
    ("series", "PatientID=a&Modality=CT", 2),
    ("instances", "PatientID=a&Modality=CT", 4),
    ("studies/1.9/series", "", 0),
    ("studies/1.1/series/1.9/instances", "", 0),
]


@pytest.fixture
async def filled(client: Client) -> Client:
    """Three studies of two patients; the first has a series of three instances and one of one."""
    for study, series, instance, patient, modality in (
        ("1.1", "1.1.1", "1.1.1.1", "a", "CT"),
        ("1.1", "1.1.1", "1.1.1.2", "a", "CT"),
        ("1.1", "1.1.1", "1.1.1.3", "a", "CT"),
        ("1.1", "1.1.2", "1.1.2.1", "a", "MR"),
        ("1.2", "1.2.1", "1.2.1.1", "a", "CT"),
        ("1.3", "1.3.1", "1.3.1.1", "b", "CT"),
    ):
        await send(client.services.index, file_of(study, series, instance, PatientID=patient, PatientName="Doe^Jane", Modality=modality))
    return client


@pytest.mark.parametrize("version", ["v1.0-prerelease", "v1", "v2"])
@pytest.mark.parametrize("page", ["", "limit=1&offset=2&includefield=all", "limit=0&OFFSET=x&includefield="])
async def test_counts(filled: Client, version: str, page: str) -> None:
    for path, query, count in COUNTS:
        for base in (f"/{version}", f"/{version}/partitions/microsoft.default"):
            answer = await filled.get(f"{base}/{path}/count?{query}&{page}")
            assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
            assert answer.json == {"count": count}, (path, query)


@pytest.mark.parametrize("path", sorted({path for path, _, _ in COUNTS}))
@pytest.mark.parametrize("query", ["unknown=1", "PatientAge=1", "SOPInstanceUID=%20", "fuzzymatching=1"])
async def test_bad_conditions(client: Client, path: str, query: str) -> None:
    for answer in (await client.get(f"/v2/{path}/count?{query}"), await client.get(f"/v2/{path}?{query}")):
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


async def test_bad_paths(client: Client) -> None:
    for path in ("studies/x/series/count", "studies/1.2/series/x/instances/count", "partitions/unknown/studies/count"):
        assert (await client.get(f"/v2/{path}")).status == 400


async def test_head_and_other_methods(client: Client) -> None:
    assert (await client.send("HEAD", "/v2/studies/count")).status == 200
    assert (await client.send("POST", "/v2/series/count")).status == 405


def test_a_count_has_no_page() -> None:
    raw = "PatientID=x&limit=7&offset=3&includefield=PatientAge"
    query = parse_query(Resource.STUDIES, raw, version=2, paged=False)
    assert (query.limit, query.offset, query.named) == (100, 0, frozenset())
