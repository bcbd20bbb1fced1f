"""The change feed over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from tests.http.driver import Client
from tests.store.requests import file_of, send

VERSIONS = ["v1.0-prerelease", "v1", "v2"]


@pytest.fixture
async def filled(client: Client) -> Client:
    """Twelve stored instances, one of which is deleted again."""
    for number in range(12):
        await send(client.services.index, file_of("1.1", "1.2", f"1.3.{number}"))
    await client.send("DELETE", "/v2/studies/1.1/series/1.2/instances/1.3.0")
    return client


async def sequences(client: Client, url: str) -> list[int]:
    answer = await client.get(url)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return [entry["sequence"] for entry in answer.json]


@pytest.mark.parametrize("version", VERSIONS)
async def test_nothing_has_changed_yet(client: Client, version: str) -> None:
    answer = await client.get(f"/{version}/changefeed")
    assert (answer.status, answer.json) == (200, [])
    answer = await client.get(f"/{version}/changefeed/latest")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_entry_tells_what_happened_and_how_things_are(filled: Client, version: str) -> None:
    [first, second] = (await filled.get(f"/{version}/changefeed?limit=2")).json
    assert datetime.fromisoformat(first.pop("timestamp")).tzinfo is not None
    assert first == {
        "sequence": 1,
        "partitionName": "Microsoft.Default",
        "studyInstanceUid": "1.1",
        "seriesInstanceUid": "1.2",
        "sopInstanceUid": "1.3.0",
        "action": "Create",
        "state": "Deleted",
    }
    assert second["state"] == "Current"
    assert second["metadata"]["00080018"] == {"vr": "UI", "Value": ["1.3.1"]}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_latest_entry(filled: Client, version: str) -> None:
    latest = (await filled.get(f"/{version}/changefeed/latest")).json
    assert (latest["sequence"], latest["action"], latest["state"]) == (13, "Delete", "Deleted")
    await send(filled.services.index, file_of("1.1", "1.2", "1.3.99"))
    latest = (await filled.get(f"/{version}/changefeed/latest?INCLUDEMETADATA=False")).json
    assert (latest["sequence"], latest["action"], latest["state"]) == (14, "Create", "Current")
    assert "metadata" not in latest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(1, 11)),
        ("?limit=100", range(1, 14)),
        ("?offset=10", range(11, 14)),
        ("?Offset=3&LIMIT=4", range(4, 8)),
        ("?offset=13", []),
        ("?offset=9223372036854775807", []),
        ("?startTime=nonsense&endTime=nonsense&unknown=1", range(1, 11)),
    ],
)
@pytest.mark.parametrize("version", VERSIONS[:2])
async def test_version_1_reads_by_sequence(filled: Client, version: str, query: str, expected: range) -> None:
    assert await sequences(filled, f"/{version}/changefeed{query}") == list(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(1, 14)),
        ("?limit=200", range(1, 14)),
        ("?offset=10&limit=2", range(11, 13)),
        ("?offset=13", []),
        ("?offset=9223372036854775807", []),
        ("?startTime=2000-01-01T00:00:00Z", range(1, 14)),
        ("?starttime=2000-01-01T00:00:00%2B01:00&ENDTIME=2000-01-02T00:00:00-05:00", []),
        ("?endTime=9999-12-31T23:59:59.9999999Z", range(1, 14)),
        ("?startTime=9999-12-31T23:59:59.9999999Z", []),
        ("?startTime=0001-01-01T00:00:00Z&endTime=0001-01-01T00:00:01Z", []),
        ("?startTime=2000-01-01Z", range(1, 14)),
        ("?startTime=20000101T000000Z&endTime=99991231T235959.5%2B0100", range(1, 14)),
        ("?startTime=&endTime=", range(1, 14)),
        ("?unknown=1", range(1, 14)),
    ],
)
async def test_version_2_reads_by_time(filled: Client, query: str, expected: range) -> None:
    assert await sequences(filled, f"/v2/changefeed{query}") == list(expected)


async def test_the_start_is_inclusive_and_the_end_exclusive(filled: Client) -> None:
    times = [entry["timestamp"] for entry in (await filled.get("/v2/changefeed?includeMetadata=false")).json]
    start, end = quote(times[3]), quote(times[7])
    assert await sequences(filled, f"/v2/changefeed?startTime={start}&endTime={end}") == [4, 5, 6, 7]
    assert await sequences(filled, f"/v2/changefeed?startTime={start}&endTime={end}&offset=1&limit=2") == [5, 6]
    finer = quote(times[3].replace("+00:00", "1+00:00"))  # a tenth of a microsecond later
    assert await sequences(filled, f"/v2/changefeed?startTime={finer}&endTime={end}") == [5, 6, 7]
    elsewhere = quote((datetime.fromisoformat(times[3]) + timedelta(hours=1)).isoformat().replace("+00:00", "+01:00"))
    assert await sequences(filled, f"/v2/changefeed?startTime={elsewhere}&endTime={end}") == [4, 5, 6, 7]


BAD = [
    "limit=0",
    "limit=-1",
    "limit=x",
    "limit=",
    "limit=1.5",
    "limit=1_0",
    "offset=-1",
    "offset=x",
    "offset=9223372036854775808",
    "offset=99999999999999999999999999999999999999999999999999",
    "includeMetadata=yes",
    "includeMetadata=",
    "includeMetadata=1",
]


@pytest.mark.parametrize("query", [*BAD, "limit=101"])
@pytest.mark.parametrize("version", VERSIONS[:2])
async def test_version_1_refuses_bad_parameters(client: Client, version: str, query: str) -> None:
    answer = await client.get(f"/{version}/changefeed?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert query.partition("=")[0] in answer.text


@pytest.mark.parametrize(
    "query",
    [
        *BAD,
        "limit=201",
        "startTime=nonsense",
        "startTime=2024-01-31T12:00:00",
        "endTime=2024-01-31",
        "endTime=2024-01-31T12:00:00+01:00",
        "startTime=2024-02-30T12:00:00Z",
        "startTime=20240131T120000",
        "startTime=2024-0131T12:0000Z",
        "startTime=20240131",
        "startTime=2024-01-31T25:00:00Z",
        "startTime=2024-01-31T12:00:00%2B99:00",
        "startTime=0000-01-01T00:00:00Z",
        "endTime=2024-01-31T12:00:00Z&startTime=2024-01-31T12:00:00Z",
        "endTime=2024-01-31T12:00:00Z&startTime=2024-01-31T12:00:00-01:00",
    ],
)
async def test_version_2_refuses_bad_parameters(client: Client, query: str) -> None:
    answer = await client.get(f"/v2/changefeed?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.text


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_latest_entry_refuses_a_bad_parameter(client: Client, version: str) -> None:
    assert (await client.get(f"/{version}/changefeed/latest?includeMetadata=x")).status == 400


async def test_changes_of_all_partitions_are_in_the_feed(client: Client) -> None:
    boundary = {"Content-Type": "application/dicom"}
    for partition in ("a", "B"):
        await client.send("POST", f"/v2/partitions/{partition}/studies", file_of("1.1", "1.2", "1.3"), headers=boundary)
    assert [entry["partitionName"] for entry in (await client.get("/v2/changefeed")).json] == ["a", "B"]
