"""Store by PUT: instances that are there are replaced. Expiry headers of any store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance
from tests.http.driver import Answer, Client, open_client

TIME, OPTION, LEVEL = "msdicom-expiry-time-milliseconds", "msdicom-expiry-option", "msdicom-expiry-level"
INSTANCE_PATH = f"/v2/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


async def store(client: Client, file: bytes, method: str = "POST", path: str = "/v2/studies", **headers: str) -> Answer:
    return await client.send(method, path, file, headers={"Content-Type": "application/dicom", **headers})


async def expires(client: Client) -> bool:
    """Whether the study is to be deleted some time."""
    services = client.services
    key = services.index.partition_key((await services.partitions.all())[0].partition, STUDY)
    row = await services.index.tables.get("dicom", key, f"S|{STUDY}")
    assert row is not None
    return row.properties["expires"] != 0


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_put_replaces_what_post_refuses(client: Client, version: str) -> None:
    first, second = make_instance(PatientName="First", StudyDescription="One"), make_instance(PatientName="Second")
    path = f"/{version}/studies"
    created = await store(client, first, "PUT", path)
    assert created.status == 200
    refused = await store(client, second, "POST", path)
    assert refused.status == 409
    assert refused.json["00081198"]["Value"][0]["00081197"]["Value"] == [45070]
    before = await client.get(f"{INSTANCE_PATH}/metadata")
    replaced = await store(client, second, "PUT", path)
    assert (replaced.status, replaced.json) == (200, created.json)
    got = await client.get(INSTANCE_PATH, "application/dicom; transfer-syntax=*")
    assert got.body == bytes(128) + second[128:]
    after = await client.get(f"{INSTANCE_PATH}/metadata")
    assert after.json[0]["00100010"]["Value"] == [{"Alphabetic": "Second"}]
    assert after.headers["etag"] != before.headers["etag"]
    assert (await client.get("/v2/studies?PatientName=First")).status == 204
    (study,) = (await client.get("/v2/studies?PatientName=second&includefield=NumberOfStudyRelatedInstances")).json
    assert study["00201208"]["Value"] == [1]
    feed = (await client.get("/v2/changefeed?includeMetadata=false")).json
    assert [(entry["action"], entry["state"]) for entry in feed] == [("Create", "Replaced"), ("Create", "Current")]


async def test_put_into_a_study_takes_instances_of_that_study_only(client: Client) -> None:
    assert (await store(client, make_instance(), "PUT", f"/v2/studies/{STUDY}")).status == 200
    answer = await store(client, make_instance(), "PUT", "/v2/studies/1.2")
    assert answer.status == 409
    assert answer.json["00081198"]["Value"][0]["00081197"]["Value"] == [43265]
    assert (await store(client, make_instance(), "PUT", "/v2/partitions/ward/studies")).status == 200


GOOD = {
    "all three": {TIME: "60000", OPTION: "RelativeToNow", LEVEL: "Study"},
    "the time alone": {TIME: "1"},
    "any letter case": {TIME: "1", OPTION: "relativetonow", LEVEL: "STUDY"},
    "a very long time": {TIME: "9" * 19},
}
BAD = {
    "no time": {OPTION: "RelativeToNow", LEVEL: "Study"},
    "zero": {TIME: "0"},
    "negative": {TIME: "-1"},
    "fraction": {TIME: "1.5"},
    "empty": {TIME: ""},
    "huge": {TIME: "9" * 5000},
    "other option": {TIME: "1", OPTION: "Absolute"},
    "other level": {TIME: "1", LEVEL: "Series"},
}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("headers", GOOD.values(), ids=GOOD.keys())
async def test_a_store_may_set_an_expiry(client: Client, method: str, headers: dict[str, str]) -> None:
    assert (await store(client, make_instance(), method, **headers)).status == 200
    assert await expires(client)


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD.keys())
async def test_bad_expiry_headers_refuse_the_whole_request(client: Client, headers: dict[str, str]) -> None:
    answer = await store(client, make_instance(), **headers)
    assert answer.status == 400
    assert "msdicom-expiry-" in answer.text
    assert (await client.get("/v2/studies")).status == 204
    assert (await store(client, make_instance(), path="/v1/studies", **headers)).status == 200, "version 1 takes no notice"
    assert not await expires(client)


@pytest.mark.parametrize(("method", "path"), [("POST", "/v2/studies"), ("PUT", "/v2/studies"), ("POST", "/v1/studies")])
async def test_a_store_without_the_headers_cancels_it(client: Client, method: str, path: str) -> None:
    await store(client, make_instance(), **{TIME: "60000"})
    await store(client, make_instance())
    assert await expires(client), "nothing was stored"
    file = make_instance() if method == "PUT" else make_instance(instance=f"{INSTANCE}.1")
    assert (await store(client, file, method, path)).status == 200
    assert not await expires(client)


async def test_expired_studies_are_gone_after_the_timer(tmp_path: Path) -> None:
    async with open_client(tmp_path) as client:
        await store(client, make_instance(), **{TIME: "1"})
        await store(client, make_instance(study="9.9", instance="9.9.9"), **{TIME: "3600000"})
        await store(client, make_instance(), path="/v2/partitions/ward/studies", **{TIME: "1"})
        await client.services.expire()
        assert (await client.get(f"/v2/studies/{STUDY}/metadata")).status == 404
        assert (await client.get("/v2/partitions/ward/studies")).status == 204
        assert len((await client.get("/v2/studies")).json) == 1
        assert [entry["state"] for entry in (await client.get("/v2/changefeed")).json].count("Deleted") == 4
