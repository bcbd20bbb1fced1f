"""The version before the first update, with rows as an update leaves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dicom_core.identifiers import DEFAULT_PARTITION
from dicom_core.index.keys import INDEX_TABLE, instance_key
from dicom_core.index.rows import InstanceRow, Metadata, OriginalVersion, pack_metadata
from dicom_core.storage.ports import Upsert
from tests.dicom.pixel_files import make_file, read_dataset
from tests.http.driver import Client
from tests.http.storing import Stored, store_file

_SINGLE = "application/dicom; transfer-syntax=*"
_JPEG_2000 = "1.2.840.10008.1.2.4.90"


@pytest.fixture
async def updated(client: Client) -> Stored:
    """An instance whose update has renamed the patient, and made its pixels darker, which no update does, to tell them apart."""
    bright, dark = (make_file(np.full((1, 16, 16), shade, "u1"), PatientID=name) for shade, name in ((200, "before"), (10, "after")))
    stored = await store_file(client, bright)
    index = client.services.index
    key = index.partition_key(await client.services.partitions.find(DEFAULT_PARTITION), "2.25.1")
    row = await index.tables.get(INDEX_TABLE, key, instance_key("2.25.1", "2.25.2", "2.25.3"))
    assert row is not None
    old = InstanceRow.of(row)
    await index.blobs.put("updated/file", [dark])
    new = replace(
        old,
        blob="updated/file",
        size=len(dark),
        metadata=Metadata(pack_metadata(b'{"00100020":{"vr":"LO","Value":["after"]}}')),
        original=OriginalVersion(
            old.version - 1_000_000, old.transfer_syntax, old.blob, old.size, old.frames, old.layout, old.layout_blob, old.metadata
        ),
    )
    await index.tables.commit(INDEX_TABLE, key, [Upsert(row.row_key, new.properties())])
    return stored


@pytest.mark.parametrize(
    ("header", "expected"), [("true", "before"), ("TRUE", "before"), ("false", "after"), ("1", "after"), ("", "after")]
)
async def test_files(client: Client, updated: Stored, header: str, expected: str) -> None:
    for syntax in ("*", _JPEG_2000):
        single = await client.get(updated.url, f"application/dicom; transfer-syntax={syntax}", msdicom_request_original=header)
        assert read_dataset(single.body).PatientID == expected
        for path in (updated.study, updated.series):
            accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
            [(_, content)] = (await client.get(path, accept, msdicom_request_original=header)).parts()
            assert read_dataset(content).PatientID == expected


@pytest.mark.parametrize(("header", "expected"), [("true", "before"), ("no", "after")])
async def test_metadata(client: Client, updated: Stored, header: str, expected: str) -> None:
    tags = set()
    for path in (updated.url, updated.series, updated.study):
        answer = await client.get(f"{path}/metadata", msdicom_request_original=header)
        assert answer.json[0]["00100020"]["Value"] == [expected]
        tags.add(answer.headers["etag"])
    other = await client.get(f"{updated.url}/metadata", msdicom_request_original="true" if header == "no" else "no")
    assert other.headers["etag"] not in tags


async def test_versions_have_their_own_tags(client: Client, updated: Stored) -> None:
    now = await client.get(updated.url, _SINGLE)
    before = await client.get(updated.url, _SINGLE, msdicom_request_original="true")
    assert now.headers["etag"] != before.headers["etag"]
    assert now.headers["last-modified"] != before.headers["last-modified"]


@pytest.mark.parametrize("header", ["true", "false"])
async def test_frames_are_of_the_original_and_pictures_of_the_latest_version(client: Client, updated: Stored, header: str) -> None:
    frame = await client.get(f"{updated.url}/frames/1", "application/octet-stream", msdicom_request_original=header)
    assert frame.body == bytes([200]) * 256
    window = "window=128,256,linear-exact"
    picture = await client.get(f"{updated.url}/rendered?{window}", "image/png", msdicom_request_original=header)
    other = await client.get(f"{updated.url}/rendered?{window}", "image/png")
    assert picture.body == other.body


async def test_deleting_takes_both_versions(client: Client, updated: Stored) -> None:
    assert (await client.send("DELETE", updated.study)).status == 204
    await client.services.index.close()
    assert [name async for name in client.services.index.blobs.list("")] == []
