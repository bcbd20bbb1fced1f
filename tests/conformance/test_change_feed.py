"""The change feed: what became of events, and who may see what of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.place import MULTIPART, framed, instance_path
from tests.dicom.factories import make_instance
from tests.http.driver import Client, open_client

VERSIONS = ["v1.0-prerelease", "v1", "v2"]
MEMBERS = ["sequence", "partitionName", "studyInstanceUid", "seriesInstanceUid", "sopInstanceUid", "action", "timestamp", "state"]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A service of its own: the feed spans all partitions."""
    async with open_client(tmp_path) as opened:
        yield opened


async def _store(client: Client, *files: bytes, base: str = "/v2", method: str = "POST") -> None:
    answer = await client.send(method, f"{base}/studies", framed(*files), headers={"Content-Type": MULTIPART})
    assert answer.status in (200, 202, 409)


async def _delete(client: Client, path: str, base: str = "/v2") -> None:
    assert (await client.send("DELETE", f"{base}/{path}")).status == 204


async def _entries(client: Client, version: str = "v2", raw: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/{version}/changefeed?{raw}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.text
    entries: list[dict[str, Any]] = answer.json
    return entries


def _history(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["action"], entry["state"]) for entry in entries]


@pytest.mark.parametrize("version", VERSIONS)
async def test_shape(client: Client, version: str) -> None:
    await _store(client, make_instance(study="1.1", series="1.2", instance="1.3"), base="/v2/partitions/Ward")
    [entry] = await _entries(client, version)
    assert list(entry) == [*MEMBERS, "metadata"]
    timestamp = entry.pop("timestamp")
    assert datetime.fromisoformat(timestamp).utcoffset() is not None
    assert len(timestamp.partition(".")[2].partition("+")[0]) <= 7
    metadata = entry.pop("metadata")
    assert metadata["00080018"] == {"vr": "UI", "Value": ["1.3"]}
    assert list(entry.values()) == [1, "Ward", "1.1", "1.2", "1.3", "Create", "Current"]
    [bare] = await _entries(client, version, "includeMetadata=false")
    assert list(bare) == MEMBERS
    assert (await client.get(f"/{version}/changefeed/latest")).json == {**entry, "timestamp": timestamp, "metadata": metadata}


@pytest.mark.parametrize("version", VERSIONS)
async def test_create_delete_create(client: Client, version: str) -> None:
    await _store(client, make_instance(PatientID="first"))
    assert _history(await _entries(client, version)) == [("Create", "Current")]
    await _delete(client, instance_path())
    entries = await _entries(client, version)
    assert _history(entries) == [("Create", "Deleted"), ("Delete", "Deleted")]
    assert not any("metadata" in entry for entry in entries)
    await _store(client, make_instance(PatientID="second"))
    entries = await _entries(client, version)
    assert _history(entries) == [("Create", "Replaced"), ("Delete", "Replaced"), ("Create", "Current")]
    assert [entry["metadata"]["00100020"]["Value"] for entry in entries] == [["second"]] * 3


@pytest.mark.parametrize("version", VERSIONS)
async def test_one_event_for_each_instance(client: Client, version: str) -> None:
    files = [make_instance(study="1.1", series="1.2", instance=f"1.3.{number}") for number in range(5)]
    await _store(client, *files)
    await _store(client, make_instance(study="1.1", series="1.4", instance="1.5"))
    await _delete(client, "studies/1.1")
    entries = await _entries(client, version, "limit=100")
    assert [entry["sequence"] for entry in entries] == list(range(1, 13))
    assert [entry["action"] for entry in entries] == ["Create"] * 6 + ["Delete"] * 6
    assert {entry["sopInstanceUid"] for entry in entries[6:]} == {entry["sopInstanceUid"] for entry in entries[:6]}
    times = [datetime.fromisoformat(entry["timestamp"]) for entry in entries]
    assert times == sorted(times)


async def test_what_is_not_stored_has_no_event(client: Client) -> None:
    await _store(client, make_instance(), make_instance(), b"no file", make_instance(instance=None))
    assert _history(await _entries(client)) == [("Create", "Current")]
    await _store(client, make_instance(PatientID="other"))
    assert len(await _entries(client)) == 1
    assert (await client.send("DELETE", "/v2/studies/9.9")).status == 404
    assert len(await _entries(client)) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_same_instance_in_partitions(client: Client, version: str) -> None:
    for base in ("/v2", "/v2/partitions/a", "/v2/partitions/B"):
        await _store(client, make_instance(PatientID=base[-1]), base=base)
    await _delete(client, instance_path(), base="/v2/partitions/a")
    entries = await _entries(client, version)
    assert [(entry["partitionName"], entry["state"]) for entry in entries] == [
        ("Microsoft.Default", "Current"),
        ("a", "Deleted"),
        ("B", "Current"),
        ("a", "Deleted"),
    ]
    assert [entry["metadata"]["00100020"]["Value"] for entry in entries if "metadata" in entry] == [["2"], ["B"]]


@pytest.mark.parametrize("version", VERSIONS)
async def test_replaced_instances_show_the_current_version(client: Client, version: str) -> None:
    await _store(client, make_instance(PatientID="first"))
    await _store(client, make_instance(PatientID="second"), method="PUT")
    entries = await _entries(client, version)
    assert [entry["state"] for entry in entries] == ["Replaced", "Current"]
    assert [entry["metadata"]["00100020"]["Value"] for entry in entries] == [["second"]] * 2


@pytest.mark.parametrize(("offset", "limit"), [(0, 1), (0, 100), (3, 4), (11, 1), (12, 1), (100, 100)])
@pytest.mark.parametrize("version", VERSIONS[:2])
async def test_windows_of_sequence_numbers(client: Client, version: str, offset: int, limit: int) -> None:
    await _store(client, *(make_instance(instance=f"1.3.{number}") for number in range(12)))
    entries = await _entries(client, version, f"offset={offset}&limit={limit}")
    assert [entry["sequence"] for entry in entries] == [number for number in range(1, 13) if offset < number <= offset + limit]


async def test_windows_of_time(client: Client) -> None:
    for number in range(6):
        await _store(client, make_instance(instance=f"1.3.{number}"))
    every = await _entries(client)
    for first in range(6):
        start = quote(every[first]["timestamp"])
        assert await _entries(client, raw=f"startTime={start}") == every[first:]
        if first:
            assert await _entries(client, raw=f"endTime={start}") == every[:first]
        for last in range(first + 1, 6):
            window = f"startTime={start}&endTime={quote(every[last]['timestamp'])}"
            assert await _entries(client, raw=window) == every[first:last]
            assert await _entries(client, raw=f"{window}&offset=1&limit=2") == every[first:last][1:3]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("accept", ["text/html", "application/dicom+json", "nonsense"])
async def test_accept_is_ignored(client: Client, version: str, accept: str) -> None:
    await _store(client, make_instance())
    for path in ("changefeed", "changefeed/latest"):
        answer = await client.get(f"/{version}/{path}", accept)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["api-supported-versions"] == "1.0-prerelease, 1, 2"


@pytest.mark.parametrize("path", ["changefeed", "changefeed/latest"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_read_only(client: Client, path: str, method: str) -> None:
    answer = await client.send(method, f"/v2/{path}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["changefeed", "changefeed/latest"])
async def test_not_partitioned(client: Client, path: str) -> None:
    assert (await client.get(f"/v2/partitions/Microsoft.Default/{path}")).status == 404
