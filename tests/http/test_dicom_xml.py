"""Data sets as XML over HTTP: metadata, search results, and what a store request is answered."""

from __future__ import annotations

import json

import pytest

from dicom_core.dicom.json_objects import read_objects
from dicom_core.dicom.native_model import from_xml
from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance
from tests.http.driver import Client

_XML = 'multipart/related; type="application/dicom+xml"'
_STUDY = f"/v2/studies/{STUDY}"
_FILE = {"Content-Type": "application/dicom"}


@pytest.fixture
async def stored(client: Client) -> Client:
    for number in range(3):
        answer = await client.send("POST", "/v2/studies", make_instance(instance=f"{INSTANCE}.{number}"), headers=_FILE)
        assert answer.status == 200
    return client


@pytest.mark.parametrize(
    "path",
    [
        f"{_STUDY}/metadata",
        f"{_STUDY}/metadata?bulkdata=uri",
        f"{_STUDY}/series/{SERIES}/metadata",
        f"{_STUDY}/series/{SERIES}/instances/{INSTANCE}.1/metadata",
        f"{_STUDY}/instances?includefield=all",
        "/v2/studies",
        "/v2/partitions/Microsoft.Default/series",
    ],
)
async def test_xml_says_what_json_says(stored: Client, path: str) -> None:
    answer, other = await stored.get(path, _XML), await stored.get(path)
    assert (answer.status, other.status) == (200, 200)
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"; boundary=')
    parts = answer.parts()
    assert {kind for kind, _ in parts} == {"application/dicom+xml"}
    assert [from_xml(part) for _, part in parts] == read_objects(other.body)


async def test_metadata_of_many_instances(client: Client) -> None:
    for number in range(70):
        await client.send("POST", "/v2/studies", make_instance(instance=f"{INSTANCE}.{number}"), headers=_FILE)
    answer = await client.get(f"{_STUDY}/metadata", _XML)
    assert {from_xml(part)["00080018"]["Value"][0] for _, part in answer.parts()} == {f"{INSTANCE}.{n}" for n in range(70)}


async def test_entity_tag_is_that_of_the_xml(stored: Client) -> None:
    answer = await stored.get(f"{_STUDY}/metadata", _XML)
    other = await stored.get(f"{_STUDY}/metadata")
    assert answer.headers["etag"] != other.headers["etag"]
    assert (await stored.get(f"{_STUDY}/metadata", _XML, if_none_match=answer.headers["etag"])).status == 304
    assert (await stored.get(f"{_STUDY}/metadata", _XML, if_none_match=other.headers["etag"])).status == 200


@pytest.mark.parametrize(
    "accept",
    [
        f"{_XML}, application/dicom+json",
        f"{_XML}, */*; q=0.1",
        "multipart/related; type=application/dicom+xml, application/json",
    ],
)
@pytest.mark.parametrize("path", [f"{_STUDY}/metadata", "/v2/studies"])
async def test_json_wherever_it_is_accepted(stored: Client, path: str, accept: str) -> None:
    assert (await stored.get(path, accept)).headers["content-type"] == "application/dicom+json"


@pytest.mark.parametrize("accept", [f"{_XML}; q=0", "application/dicom+xml", "multipart/related", "application/xml"])
@pytest.mark.parametrize("path", [f"{_STUDY}/metadata", "/v2/studies"])
async def test_neither_accepted(stored: Client, path: str, accept: str) -> None:
    assert (await stored.get(path, accept)).status == 406


async def test_nothing_found(client: Client) -> None:
    answer = await client.get("/v2/studies", _XML)
    assert (answer.status, answer.body) == (204, b"")
    assert (await client.get(f"{_STUDY}/metadata", _XML)).status == 404


async def test_answer_to_a_store_request(client: Client) -> None:
    for expected in (200, 409):
        answer = await client.send("POST", _STUDY, make_instance(), headers={**_FILE, "Accept": "application/dicom+xml"})
        assert (answer.status, answer.headers["content-type"]) == (expected, "application/dicom+xml")
    failed = from_xml(answer.body)["00081198"]["Value"][0]
    assert failed["00081155"]["Value"] == [INSTANCE]
    assert failed["00081197"] == {"vr": "US", "Value": ["45070"]}
    answer = await client.send("POST", _STUDY, make_instance(), headers={**_FILE, "Accept": "application/dicom+xml, */*"})
    assert json.loads(answer.body)
    assert (await client.send("POST", _STUDY, make_instance(), headers={**_FILE, "Accept": _XML})).status == 406
