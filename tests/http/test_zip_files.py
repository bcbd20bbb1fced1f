"""Retrieve over HTTP: studies, series and instances as ZIP archives."""

from __future__ import annotations

import io
from zipfile import ZIP_STORED, ZipFile

import pytest

from dicom_core.http.streaming import BrokenOff
from dicom_core.identifiers import DEFAULT_PARTITION
from tests.dicom.factories import make_instance
from tests.dicom.pixel_files import read_dataset
from tests.http.driver import Answer, Client
from tests.http.storing import store_file
from tests.retrieve.seeding import EXPLICIT_LITTLE, Seed, seed

_SEEDS = (
    Seed("1.1", "1.1.1", "1.1.1.1", b"first", version=11),
    Seed("1.1", "1.1.1", "1.1.1.2", b"second" * 100_000, version=1_700_000_000_000_000),
    Seed("1.1", "1.1.2", "1.1.2.1", b"t" * 2_500_000, version=15),
    Seed("1.10", "1.10.1", "1.10.1.1", b"compressed", version=20, transfer_syntax="1.2.840.10008.1.2.4.50"),
)
_STUDY = "/v2/studies/1.1"


def _archive(answer: Answer) -> ZipFile:
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    archive = ZipFile(io.BytesIO(answer.body))
    assert archive.testzip() is None
    return archive


@pytest.fixture
async def seeded(client: Client) -> Client:
    await seed(client.services.index, await client.services.partitions.find(DEFAULT_PARTITION), *_SEEDS)
    return client


@pytest.mark.parametrize("accept", ["application/zip", "application/zip; transfer-syntax=*", "image/png, application/ZIP; q=0.5"])
@pytest.mark.parametrize(
    ("path", "expected", "name"),
    [
        (_STUDY, _SEEDS[:3], "1.1"),
        (f"{_STUDY}/series/1.1.1", _SEEDS[:2], "1.1.1"),
        (f"{_STUDY}/series/1.1.2/instances/1.1.2.1", _SEEDS[2:3], "1.1.2.1"),
        ("/v2/studies/1.10", _SEEDS[3:], "1.10"),
    ],
    ids=["study", "series", "instance", "compressed"],
)
async def test_archive(seeded: Client, path: str, expected: tuple[Seed, ...], name: str, accept: str) -> None:
    answer = await seeded.get(path, accept)
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.zip"'
    archive = _archive(answer)
    assert {each.filename: archive.read(each) for each in archive.infolist()} == {
        f"{each.study}/{each.series}/{each.instance}.dcm": each.data for each in expected
    }
    assert {each.compress_type for each in archive.infolist()} == {ZIP_STORED}


async def test_files_bear_the_time_when_they_were_stored(seeded: Client) -> None:
    archive = _archive(await seeded.get(_STUDY, "application/zip"))
    assert [each.date_time[:3] for each in archive.infolist()] == [(1980, 1, 1), (2023, 11, 14), (1980, 1, 1)]


async def test_files_can_be_transcoded(client: Client) -> None:
    files = [
        await store_file(client, make_instance(rows=8, columns=8, instance=f"1.{n}", transfer_syntax=s))
        for n, s in enumerate(("1.2.840.10008.1.2", EXPLICIT_LITTLE, "1.2.840.10008.1.2.1.99"))
    ]
    archive = _archive(await client.get(files[0].url.partition("/series")[0], "application/zip; transfer-syntax=1.2.840.10008.1.2.5"))
    data_sets = [read_dataset(archive.read(name)) for name in archive.namelist()]
    assert [each.file_meta.TransferSyntaxUID for each in data_sets] == ["1.2.840.10008.1.2.5"] * 3
    alone = _archive(await client.get(files[0].url, f"application/zip; transfer-syntax={EXPLICIT_LITTLE}"))
    assert read_dataset(alone.read(alone.namelist()[0])).PixelData == data_sets[0].pixel_array.tobytes()


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/v2/studies/9", "application/zip", 404),
        ("/v2/studies/x", "application/zip", 400),
        (_STUDY, "application/zip; q=0", 406),
        (_STUDY, "application/zip; transfer-syntax=1.2.3", 406),
        ("/v2/studies/1.10", "application/zip; transfer-syntax=1.2.840.10008.1.2.4.102", 406),
    ],
)
async def test_no_archive(seeded: Client, path: str, accept: str, status: int) -> None:
    assert (await seeded.get(path, accept)).status == status


@pytest.mark.parametrize("accept", ["application/zip, */*", 'application/zip, multipart/related; type="application/dicom"; q=0.1'])
async def test_parts_wherever_they_are_accepted(seeded: Client, accept: str) -> None:
    answer = await seeded.get("/v2/studies/1.1", accept)
    assert answer.headers["content-type"].startswith("multipart/related")


async def test_head_and_clients_that_leave(seeded: Client) -> None:
    head = await seeded.send("HEAD", _STUDY, headers={"Accept": "application/zip"})
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", "application/zip")
    await seeded.send("GET", _STUDY, headers={"Accept": "application/zip"}, leaves=True)


async def test_answer_breaks_off_when_an_instance_is_deleted_meanwhile(client: Client) -> None:
    seeds = [Seed("1", "1.1", f"1.1.{n}", bytes(1000), version=n) for n in range(1, 20)]
    await seed(client.services.index, await client.services.partitions.find(DEFAULT_PARTITION), *seeds)

    async def delete() -> None:
        await client.services.index.blobs.delete([seeds[15].blob])

    with pytest.raises(BrokenOff):
        await client.send("GET", "/v2/studies/1", headers={"Accept": "application/zip"}, before_body=delete)
