"""Retrieve over HTTP: files as stored, and metadata."""

from __future__ import annotations

import pytest

from dicom_core.http.streaming import BrokenOff
from dicom_core.identifiers import DEFAULT_PARTITION, Identifiers
from tests.http.driver import Client
from tests.retrieve.seeding import EXPLICIT_LITTLE, Seed, seed

_JPEG = "1.2.840.10008.1.2.4.50"
_MULTIPART = 'multipart/related; type="application/dicom"'
_ANY = f"{_MULTIPART}; transfer-syntax=*"

_SEEDS = (
    Seed("1.1", "1.1.1", "1.1.1.1", b"first", version=11),
    Seed("1.1", "1.1.1", "1.1.1.2", b"second" * 100_000, version=12),
    Seed("1.1", "1.1.2", "1.1.2.1", b"t" * 2_500_000, version=15, spilled=True),
    Seed("1.10", "1.10.1", "1.10.1.1", b"compressed", version=20, transfer_syntax=_JPEG),
)
_STUDY = "/v2/studies/1.1"
_INSTANCE = f"{_STUDY}/series/1.1.1/instances/1.1.1.1"
_COMPRESSED = "/v2/studies/1.10/series/1.10.1/instances/1.10.1.1"


@pytest.fixture
async def seeded(client: Client) -> Client:
    partition = await client.services.partitions.find(DEFAULT_PARTITION)
    await seed(client.services.index, partition, *_SEEDS)
    return client


@pytest.mark.parametrize(
    ("path", "expected"),
    [(_STUDY, _SEEDS[:3]), (f"{_STUDY}/series/1.1.1", _SEEDS[:2]), (f"{_STUDY}/series/1.1.2", _SEEDS[2:3]), (_INSTANCE, _SEEDS[:1])],
    ids=["study", "series", "series of one", "instance"],
)
@pytest.mark.parametrize("accept", [None, "*/*", _MULTIPART, _ANY])
async def test_files_as_parts(seeded: Client, path: str, expected: tuple[Seed, ...], accept: str | None) -> None:
    answer = await seeded.get(path, accept)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert "content-length" in answer.headers
    kind = f"application/dicom; transfer-syntax={EXPLICIT_LITTLE}"
    assert sorted(answer.parts()) == sorted((kind, each.data) for each in expected)


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_file_alone(seeded: Client, number: int) -> None:
    wanted = _SEEDS[number]
    answer = await seeded.get(f"{_STUDY}/series/{wanted.series}/instances/{wanted.instance}", "application/dicom")
    assert (answer.status, answer.body) == (200, wanted.data)
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT_LITTLE}"
    assert answer.headers["content-length"] == str(len(wanted.data))


async def test_stored_transfer_syntax_is_named(seeded: Client) -> None:
    answer = await seeded.get(_COMPRESSED, "application/dicom; transfer-syntax=*")
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={_JPEG}"


@pytest.mark.parametrize("path", [_COMPRESSED, "/v2/studies/1.10"])
async def test_other_transfer_syntax_than_stored_is_not_acceptable(seeded: Client, path: str) -> None:
    answer = await seeded.get(path, _MULTIPART)
    assert answer.status == 406
    assert answer.text


@pytest.mark.parametrize("path", ["", "/metadata"])
@pytest.mark.parametrize(
    "resource",
    [
        "/v2/studies/1",
        "/v2/studies/1.1/series/9",
        "/v2/studies/1.10/series/1.1.1",
        "/v2/studies/1.1/series/1.1.2/instances/1.1.1.1",
        "/v2/studies/1.1/series/1.1.1/instances/9",
    ],
)
async def test_nothing_there(seeded: Client, resource: str, path: str) -> None:
    answer = await seeded.get(resource + path)
    assert answer.status == 404
    assert "not found" in answer.text


async def test_trailing_spaces_of_uids_do_not_matter(seeded: Client) -> None:
    answer = await seeded.get("/v2/studies/1.1%20%20/metadata")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/v2/partitions/unknown/studies/x", "image/png", 400),
        ("/v2/studies/x", "image/png", 400),
        ("/v2/studies/9", "image/png", 406),
        ("/v2/studies/9", "application/dicom", 406),
        ("/v2/studies/9", None, 404),
        ("/v2/studies/x/metadata", "image/png", 406),
        ("/v2/studies/x/metadata", None, 400),
        ("/v2/partitions/unknown/studies/x/metadata", "image/png", 400),
        ("/v2/studies/9/metadata", "application/json", 404),
    ],
)
async def test_order_of_checks(seeded: Client, path: str, accept: str | None, status: int) -> None:
    assert (await seeded.get(path, accept)).status == status


@pytest.mark.parametrize(
    ("path", "expected", "tag"),
    [
        (_STUDY, {"1.1.1.1", "1.1.1.2", "1.1.2.1"}, '"15-3"'),
        (f"{_STUDY}/series/1.1.1", {"1.1.1.1", "1.1.1.2"}, '"12-2"'),
        (_INSTANCE, {"1.1.1.1"}, '"11"'),
        (f"{_STUDY}/series/1.1.2/instances/1.1.2.1", {"1.1.2.1"}, '"15"'),
    ],
    ids=["study", "series", "instance", "spilled"],
)
async def test_metadata(seeded: Client, path: str, expected: set[str], tag: str) -> None:
    answer = await seeded.get(f"{path}/metadata")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.headers["etag"] == tag
    assert {document["00080018"]["Value"][0] for document in answer.json} == expected
    assert len(answer.json) == len(expected)
    known = await seeded.get(f"{path}/metadata", if_none_match=f'W/"1", {tag}')
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", tag)
    other = await seeded.get(f"{path}/metadata", if_none_match='"1"')
    assert other.status == 200


async def test_metadata_of_many_instances(client: Client) -> None:
    seeds = [Seed("1", f"1.{n % 3}", f"1.{n % 3}.{n}", version=n) for n in range(1, 301)]
    await seed(client.services.index, await client.services.partitions.find(DEFAULT_PARTITION), *seeds)
    answer = await client.get("/v2/studies/1/metadata")
    assert {document["00080018"]["Value"][0] for document in answer.json} == {each.instance for each in seeds}
    assert len(answer.json) == 300


async def test_partitions_are_apart(client: Client) -> None:
    one, other = await client.services.partitions.ensure("one"), await client.services.partitions.ensure("other")
    await seed(client.services.index, one, Seed("1", "1.1", "1.1.1", b"one", version=1))
    await seed(client.services.index, other, Seed("1", "1.1", "1.1.1", b"other", version=2))
    path = "studies/1/series/1.1/instances/1.1.1"
    for name in ("one", "ONE", "other"):
        answer = await client.get(f"/v1/partitions/{name}/{path}", "application/dicom")
        assert answer.body == name.lower().encode()
    assert (await client.get(f"/v1/{path}")).status == 404


async def test_instance_replaced_while_it_is_looked_for(seeded: Client) -> None:
    partition = await seeded.services.partitions.find(DEFAULT_PARTITION)
    service = seeded.services.retrieve
    [delivery] = await service.find(partition, _identifiers())
    await seed(seeded.services.index, partition, Seed("1.1", "1.1.1", "1.1.1.1", b"newer", version=30))
    await seeded.services.index.blobs.delete([delivery.file.blob])
    opened = await service.open(partition, delivery)
    assert (opened.first, opened.delivery.size) == (b"newer", 5)
    await opened.aclose()


async def test_answer_breaks_off_when_an_instance_is_deleted_meanwhile(client: Client) -> None:
    seeds = [Seed("1", "1.1", f"1.1.{n}", bytes(1000), version=n) for n in range(1, 20)]
    await seed(client.services.index, await client.services.partitions.find(DEFAULT_PARTITION), *seeds)

    async def delete() -> None:
        await client.services.index.blobs.delete([seeds[15].blob])

    with pytest.raises(BrokenOff):
        await client.send("GET", "/v2/studies/1", before_body=delete)


def _identifiers() -> Identifiers:
    return Identifiers("1.1", "1.1.1", "1.1.1.1")
