"""Data partitions: names, creation, separation, and their list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_core.http.routes import bindings
from tests.conformance.place import HOST, MULTIPART, framed, instance_path, reasons, stored
from tests.dicom.factories import INSTANCE, STUDY, make_instance
from tests.http.driver import Answer, Client, open_client

VERSIONS = ["v1.0-prerelease", "v1", "v2"]
OTHERS = [
    (binding.route.method, binding.template.partition("{partitionName}/")[2])
    for binding in bindings()
    if "{partitionName}" in binding.template and binding.route.method in ("GET", "DELETE")
]
WELL_FORMED = ["a", "A", "0", "_", "-", "a.b-c_D", "x" * 64, "Microsoft.Default", "microsoft.default", "..a", "1"]
MALFORMED = ["x" * 65, "a%20b", "a!", "%C3%A4", "a%2Cb", "a@b", "a+b", "a$", "(a)", "a%00", "a%0A", "~"]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with open_client(tmp_path) as opened:
        yield opened


async def _store(client: Client, base: str, *files: bytes, path: str = "studies") -> Answer:
    return await client.send("POST", f"{base}/{path}", framed(*(files or [make_instance()])), headers={"Content-Type": MULTIPART})


def _filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


async def _names(client: Client, version: str = "v2") -> list[str]:
    return [entry["partitionName"] for entry in (await client.get(f"/{version}/partitions")).json]


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_default_partition_always_exists(client: Client, version: str) -> None:
    answer = await client.get(f"/{version}/partitions")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    [entry] = answer.json
    assert list(entry) == ["partitionKey", "partitionName", "createdDate"]
    assert (entry["partitionKey"], entry["partitionName"]) == (1, "Microsoft.Default")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", entry["createdDate"])
    assert (await client.get(f"/{version}/partitions/Microsoft.Default/studies")).status == 204


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", WELL_FORMED)
async def test_store_creates_a_partition(client: Client, version: str, name: str) -> None:
    answer = await _store(client, f"/{version}/partitions/{name}")
    assert answer.status == 200
    [item] = stored(answer)
    assert item["00081190"]["Value"] == [f"{HOST}/{version}/partitions/{name}/{instance_path()}"]
    default = name.lower() == "microsoft.default"
    assert await _names(client) == ["Microsoft.Default"] + [name] * (not default)
    assert (await client.get(f"/{version}/partitions/{name}/{instance_path()}")).status == 200
    assert (await client.get(f"/{version}/{instance_path()}")).status == (200 if default else 404)


@pytest.mark.parametrize("version", VERSIONS)
async def test_store_in_a_study_creates_a_partition(client: Client, version: str) -> None:
    answer = await _store(client, f"/{version}/partitions/new", path=f"studies/{STUDY}")
    assert answer.json["00081190"]["Value"] == [f"{HOST}/{version}/partitions/new/studies/{STUDY}"]
    assert await _names(client) == ["Microsoft.Default", "new"]


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize(("method", "path"), [("POST", "studies"), ("POST", "studies/1"), *OTHERS])
async def test_malformed_name(client: Client, name: str, method: str, path: str) -> None:
    headers = {"Content-Type": MULTIPART} if method == "POST" else {}
    answer = await client.send(method, f"/v2/partitions/{name}/{_filled(path)}", framed(make_instance()), headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text
    assert await _names(client) == ["Microsoft.Default"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "path"), OTHERS)
async def test_unknown_partition(client: Client, version: str, method: str, path: str) -> None:
    answer = await client.send(method, f"/{version}/partitions/unknown/{_filled(path)}")
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text
    assert await _names(client) == ["Microsoft.Default"]


async def test_letter_case_of_names_does_not_matter(client: Client) -> None:
    await _store(client, "/v2/partitions/Ward-A")
    assert reasons(await _store(client, "/v2/partitions/WARD-a")) == [45070]
    assert await _names(client) == ["Microsoft.Default", "Ward-A"]
    assert (await client.get("/v2/partitions/ward-A/studies")).status == 200
    answer = await _store(client, "/v2/partitions/wARD-a", make_instance(instance="1.2"))
    assert stored(answer)[0]["00081190"]["Value"][0].startswith(f"{HOST}/v2/partitions/wARD-a/studies/")


async def test_keys_and_list(client: Client) -> None:
    for name in ("one", "two", "Three"):
        await _store(client, f"/v2/partitions/{name}")
    entries = (await client.get("/v2/partitions")).json
    assert [entry["partitionName"] for entry in entries] == ["Microsoft.Default", "one", "two", "Three"]
    keys = [entry["partitionKey"] for entry in entries]
    assert keys == sorted(set(keys))
    assert keys[0] == 1


@pytest.mark.parametrize("accept", ["text/html", "application/dicom+json", "nonsense", "*/*;q=0"])
async def test_list_ignores_accept(client: Client, accept: str) -> None:
    answer = await client.get("/v2/partitions", accept)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


async def test_the_same_instance_in_several_partitions(client: Client) -> None:
    for base in ("/v2", "/v2/partitions/a", "/v2/partitions/b"):
        assert (await _store(client, base, make_instance(PatientID=base[-1]))).status == 200
    for base in ("/v2", "/v2/partitions/a", "/v2/partitions/b"):
        assert reasons(await _store(client, base)) == [45070]
        [metadata] = (await client.get(f"{base}/{instance_path()}/metadata")).json
        assert metadata["00100020"]["Value"] == [base[-1]]
        assert len((await client.get(f"{base}/instances")).json) == 1
    assert (await client.send("DELETE", f"/v2/partitions/a/studies/{STUDY}")).status == 204
    statuses = [(await client.get(f"{base}/{instance_path()}")).status for base in ("/v2", "/v2/partitions/a", "/v2/partitions/b")]
    assert statuses == [200, 404, 200]


async def test_default_partition_by_name_and_without(client: Client) -> None:
    await _store(client, "/v2")
    for base in ("/v2", "/v2/partitions/Microsoft.Default", "/v2/partitions/microsoft.default"):
        assert [item["0020000D"]["Value"] for item in (await client.get(f"{base}/studies")).json] == [[STUDY]]
    assert reasons(await _store(client, "/v2/partitions/microsoft.DEFAULT")) == [45070]


@pytest.mark.parametrize(
    ("headers", "status"), [({"Content-Type": "text/plain"}, 415), ({}, 415), ({"Content-Type": MULTIPART, "Accept": "text/html"}, 406)]
)
async def test_refused_store_stores_nothing(client: Client, headers: dict[str, str], status: int) -> None:
    answer = await client.send("POST", "/v2/partitions/p/studies", framed(make_instance()), headers=headers)
    assert answer.status == status
    assert (await client.get("/v2/partitions/p/studies")).status in (204, 400)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_partitions_can_only_be_listed(client: Client, method: str) -> None:
    answer = await client.send(method, "/v2/partitions")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_partition_itself_is_no_resource(client: Client) -> None:
    await _store(client, "/v2/partitions/p")
    for method in ("GET", "DELETE", "PUT"):
        assert (await client.send(method, "/v2/partitions/p")).status == 404


async def test_changes_name_their_partition(client: Client) -> None:
    await _store(client, "/v2")
    await _store(client, "/v2/partitions/P.1", make_instance(instance=f"{INSTANCE}.1"))
    entries = (await client.get("/v2/changefeed")).json
    assert {entry["sopInstanceUid"]: entry["partitionName"] for entry in entries} == {
        INSTANCE: "Microsoft.Default",
        f"{INSTANCE}.1": "P.1",
    }
