"""Bulk data over HTTP: its URIs in metadata, and its values."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_core.dicom.json_model import EXCLUDED_VRS
from tests.dicom.bundled import READABLE, path, pydicom_read, quiet
from tests.dicom.factories import SERIES, STUDY, data_element, make_data_set, make_instance
from tests.dicom.pixel_files import read_dataset
from tests.http.driver import Answer, Client, open_client
from tests.http.storing import Stored, store_file

_PREFIX = "1.2.840.10008.1.2"
_EXPLICIT, _BIG, _DEFLATED, _RLE, _MPEG = (f"{_PREFIX}{suffix}" for suffix in (".1", ".2", ".1.99", ".5", ".4.102"))
_OCTETS = "application/octet-stream"
_PARTS = f'multipart/related; type="{_OCTETS}"'
_STUDY = f"/v2/studies/{STUDY}"
_VALUE = bytes(range(250)) * 4

Part = tuple[str, str, bytes]


def _parts(answer: Answer) -> list[Part]:
    """Content type, location and content of every part."""
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith(f"{_PARTS}; boundary=")
    split = [(head.partition("\r\nContent-Location: http://dicom.test"), content) for head, content in answer.parts()]
    return [(kind, location, content) for (kind, _, location), content in split]


def _uris(value: Any) -> list[str]:
    """All URIs of bulk data in DICOM JSON."""
    if isinstance(value, dict):
        own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
        return own + [uri for each in value.values() for uri in _uris(each)]
    return [uri for each in value for uri in _uris(each)] if isinstance(value, list) else []


def _without_bulk_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_bulk_data(each) for key, each in value.items() if not isinstance(each, dict) or each["vr"] not in EXCLUDED_VRS
        }
    return [_without_bulk_data(each) for each in value] if isinstance(value, list) else value


def _with_values(number: int = 0, **options: Any) -> bytes:
    nested = make_data_set({"PatientID": "nested"})
    nested.add(data_element(0x00091002, "OB", _VALUE[:100]))
    elements = [
        data_element(0x00091001, "OW", _VALUE),
        data_element(0x00091003, "SQ", [pydicom.Dataset(), nested]),
        data_element(0x00091004, "UN", b""),
        data_element(0xFFFCFFFC, "OB", bytes(10)),
    ]
    return make_instance(rows=4, columns=6, bits=16, instance=f"1.2.3.{number}", elements=elements, **options)


@pytest.fixture
async def stored(client: Client) -> Stored:
    return await store_file(client, _with_values())


@pytest.mark.parametrize("parameters", ["bulkdata=uri", "BulkData=URI&other=1"])
@pytest.mark.parametrize("level", ["study", "series", "url"])
async def test_uris_in_metadata(client: Client, stored: Stored, level: str, parameters: str) -> None:
    url = f"{getattr(stored, level)}/metadata"
    plain, answer = await client.get(url), await client.get(f"{url}?{parameters}")
    [document] = answer.json
    base = f"http://dicom.test{stored.url}/bulkdata"
    assert document["00091001"] == {"vr": "OW", "BulkDataURI": f"{base}/00091001"}
    assert document["00091003"]["Value"][1]["00091002"] == {"vr": "OB", "BulkDataURI": f"{base}/00091003.2.00091002"}
    assert document["00091004"] == {"vr": "UN"}
    assert document["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{base}/7FE00010"}
    assert list(document) == sorted(document)
    assert [_without_bulk_data(document)] == plain.json
    assert plain.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("parameters", ["bulkdata=", "bulkdata=none", "uri=bulkdata"])
async def test_other_parameters_change_nothing(client: Client, stored: Stored, parameters: str) -> None:
    assert (await client.get(f"{stored.url}/metadata?{parameters}")).body == (await client.get(f"{stored.url}/metadata")).body


async def test_uris_by_setting_in_a_partition(tmp_path: Path) -> None:
    async with open_client(tmp_path, bulk_data_uris=True) as client:
        base = "/v1/partitions/p/studies"
        await client.send("POST", base, _with_values(), headers={"Content-Type": "application/dicom"})
        uris = _uris((await client.get(f"{base}/{STUDY}/metadata")).json)
        assert len(uris) == 4
        for uri in uris:
            assert uri.startswith(f"http://dicom.test{base}/{STUDY}/series/{SERIES}/instances/1.2.3.0/bulkdata/")
            assert (await client.get(uri.removeprefix("http://dicom.test"))).status == 200


@pytest.mark.parametrize("accept", [None, "*/*", _PARTS, f"{_PARTS}; transfer-syntax={_EXPLICIT}", 'multipart/related; type="*/*"'])
async def test_values_of_an_instance(client: Client, stored: Stored, accept: str | None) -> None:
    parts = _parts(await client.get(f"{stored.url}/bulkdata", accept))
    assert {kind for kind, _, _ in parts} == {f"{_OCTETS}; transfer-syntax={_EXPLICIT}"}
    pixels = read_dataset(stored.data).PixelData
    assert {location.removeprefix(f"{stored.url}/bulkdata/"): content for _, location, content in parts} == {
        "00091001": _VALUE,
        "00091003.2.00091002": _VALUE[:100],
        "7FE00010": pixels,
        "FFFCFFFC": bytes(10),
    }
    for _, location, content in parts:
        assert _parts(await client.get(location, accept)) == [(f"{_OCTETS}; transfer-syntax={_EXPLICIT}", location, content)]
        alone = await client.get(location, _OCTETS)
        assert (alone.status, alone.body) == (200, content)
        assert alone.headers["content-type"] == f"{_OCTETS}; transfer-syntax={_EXPLICIT}"


@pytest.mark.parametrize("resource", ["bulkdata", "pixeldata"])
async def test_values_of_many_instances(client: Client, resource: str) -> None:
    instances = [await store_file(client, _with_values(number)) for number in range(5)]
    for base in (instances[0].study, instances[0].series):
        parts = _parts(await client.get(f"{base}/{resource}"))
        found = {location.partition("/bulkdata/")[::2] for _, location, _ in parts}
        tags = ["00091001", "00091003.2.00091002", "7FE00010", "FFFCFFFC"] if resource == "bulkdata" else ["7FE00010"]
        assert found == {(each.url, tag) for each in instances for tag in tags}
        assert len(parts) == len(found)


@pytest.mark.parametrize("name", READABLE)
async def test_bundled_files(client: Client, name: str) -> None:
    """Every value comes as pydicom reads it, pixel data as pydicom decompresses it."""
    stored = await store_file_or_none(client, path(name).read_bytes())
    if stored is None:
        return
    answer = await client.get(f"{stored.url}/metadata?bulkdata=uri")
    with quiet():
        data_set = pydicom_read(name)
    for uri in _uris(answer.json):
        url = uri.removeprefix("http://dicom.test")
        tags = url.rpartition("/")[2].split(".")
        if len(tags) > 1 or tags[0] == "7FE00010":
            continue
        found = await client.get(url, f"{_OCTETS}; transfer-syntax=*")
        assert (found.status, found.body) == (200, data_set.get_item(int(tags[0], 16)).value), url


async def store_file_or_none(client: Client, data: bytes) -> Stored | None:
    answer = await client.send("POST", "/v2/studies", data, headers={"Content-Type": "application/dicom"})
    if answer.status == 409:
        return None
    url = answer.json["00081199"]["Value"][0]["00081190"]["Value"][0]
    return Stored(url.removeprefix("http://dicom.test"), data)


@pytest.mark.parametrize("syntax", [_PREFIX, _EXPLICIT, _BIG, _DEFLATED])
@pytest.mark.parametrize("bits", [8, 16, 32])
async def test_uncompressed_syntaxes(client: Client, syntax: str, bits: int) -> None:
    samples = np.arange(48, dtype=f"u{bits // 8}").reshape(2, 4, 6) * 5
    pixels = samples.astype(samples.dtype.newbyteorder("big" if syntax == _BIG else "little")).tobytes()
    stored = await store_file(client, make_instance(transfer_syntax=syntax, rows=4, columns=6, frames=2, bits=bits, pixel_data=pixels))
    little = samples.astype(samples.dtype.newbyteorder("little")).tobytes()
    for url in (f"{stored.url}/pixeldata", f"{stored.url}/bulkdata/7fe00010"):
        assert (await client.get(url, _OCTETS)).body == little
        for start, end in ((0, 0), (1, 6), (3, 47), (5, 40)):
            answer = await client.get(url, _OCTETS, range=f"bytes={start}-{end}")
            assert (answer.status, answer.body) == (206, little[start : end + 1])
    as_stored = await client.get(f"{stored.url}/pixeldata", f"{_OCTETS}; transfer-syntax=*")
    assert as_stored.body == pixels
    assert as_stored.headers["content-type"].endswith(f"transfer-syntax={_BIG if syntax == _BIG else _EXPLICIT}")


async def test_big_endian_values(client: Client) -> None:
    words = np.arange(500, dtype=">u2").tobytes()
    stored = await store_file(client, make_instance(transfer_syntax=_BIG, raw_elements=[(0x00091001, "OW", words)]))
    answer = await client.get(f"{stored.url}/bulkdata/00091001", _OCTETS)
    assert answer.body == np.arange(500, dtype="<u2").tobytes()


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "693_J2KI.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"])
async def test_compressed_pixel_data(client: Client, name: str) -> None:
    stored = await store_file(client, path(name).read_bytes())
    data_set = pydicom_read(name)
    frames = int(data_set.get("NumberOfFrames", 1))
    fragments = list(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=frames))
    parts = _parts(await client.get(f"{stored.url}/pixeldata", f"{_PARTS}; transfer-syntax=*"))
    assert [content for _, _, content in parts] == fragments
    assert {kind for kind, _, _ in parts} == {f"{_OCTETS}; transfer-syntax={data_set.file_meta.TransferSyntaxUID}"}
    places = [f"frames/{n}" for n in range(1, frames + 1)] if frames > 1 else ["bulkdata/7FE00010"]
    assert [location.removeprefix(f"{stored.url}/") for _, location, _ in parts] == places
    [(kind, location, whole)] = _parts(await client.get(f"{stored.url}/pixeldata"))
    assert (kind, location) == (f"{_OCTETS}; transfer-syntax={_EXPLICIT}", f"{stored.url}/bulkdata/7FE00010")
    uncompressed = await client.get(stored.url, f"application/dicom; transfer-syntax={_EXPLICIT}")
    assert whole == read_dataset(uncompressed.body).PixelData[: len(whole)]
    assert (await client.get(f"{stored.url}/pixeldata", _OCTETS)).body == whole
    alone = await client.get(f"{stored.url}/pixeldata", f"{_OCTETS}; transfer-syntax=*")
    assert alone.status == (406 if frames > 1 else 200)


async def test_compressed_frames_that_end_inside_of_a_byte(client: Client) -> None:
    pixels = np.packbits(np.random.default_rng(1).integers(0, 2, 45, dtype="u1"), bitorder="little").tobytes()
    stored = await store_file(client, make_instance(rows=3, columns=5, frames=3, bits=1, pixel_data=pixels))
    compressed = await client.get(stored.url, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90")
    base = "/v2/partitions/compressed/studies"
    assert (await client.send("POST", base, compressed.body, headers={"Content-Type": "application/dicom"})).status == 200
    answer = await client.get(f"{base}/{STUDY}/pixeldata")
    assert [content for _, _, content in _parts(answer)] == [pixels]


async def test_pixel_data_that_cannot_be_decompressed(client: Client) -> None:
    plain = await store_file(client, _with_values())
    film = await store_file(client, make_instance(transfer_syntax=_MPEG, rows=4, columns=4, instance="1.9", pixel_data=[b"film" * 100]))
    for url in (f"{film.url}/pixeldata", f"{film.url}/bulkdata", f"{film.study}/bulkdata", f"{film.study}/pixeldata"):
        assert (await client.get(url)).status == 406
    parts = _parts(await client.get(f"{film.study}/pixeldata", f"{_PARTS}; transfer-syntax=*"))
    assert {content for _, _, content in parts} == {b"film" * 100, read_dataset(plain.data).PixelData}


@pytest.mark.parametrize("resource", ["pixeldata", "bulkdata/7FE00010"])
async def test_videos(client: Client, resource: str) -> None:
    film = await store_file(client, make_instance(transfer_syntax=_MPEG, rows=4, columns=4, pixel_data=[b"film" * 100]))
    for accept, query in (("video/mp4", ""), (f"video/mp4; transfer-syntax={_MPEG}", ""), ("*/*", "?accept=video/mp4")):
        answer = await client.get(f"{film.url}/{resource}{query}", accept)
        assert (answer.status, answer.body) == (200, b"film" * 100)
        assert answer.headers["content-type"] == f"video/mp4; transfer-syntax={_MPEG}"
    part = await client.get(f"{film.url}/{resource}", "video/mp4", range="bytes=4-7")
    assert (part.status, part.body) == (206, b"film")
    assert (await client.get(f"{film.url}/{resource}", "video/mpeg")).status == 406


async def test_pixel_data_in_media_types_of_frames(client: Client) -> None:
    stored = await store_file(client, make_instance(rows=4, columns=4, frames=3))
    several = 'multipart/related; type="image/jls"'
    frames = await client.get(f"{stored.url}/frames/1,2,3", several)
    answer = await client.get(f"{stored.url}/pixeldata", several)
    assert (answer.parts(), len(answer.parts())) == (frames.parts(), 3)
    assert (await client.get(f"{stored.url}/pixeldata", "image/jls")).status == 406
    for resource in (f"{stored.study}/pixeldata", f"{stored.url}/bulkdata"):
        assert (await client.get(resource, several)).status == 406


async def test_large_values_are_streamed(client: Client) -> None:
    stored = await store_file(client, make_instance(rows=2000, columns=1500, bits=16))
    pixels = read_dataset(stored.data).PixelData
    assert _parts(await client.get(f"{stored.url}/bulkdata"))[0][2] == pixels
    answer = await client.get(f"{stored.url}/pixeldata", _OCTETS)
    assert (answer.body, answer.headers["content-length"]) == (pixels, str(len(pixels)))


async def test_validators_and_ranges(client: Client, stored: Stored) -> None:
    url = f"{stored.url}/bulkdata/00091001"
    answer = await client.get(url, _OCTETS)
    assert (answer.headers["accept-ranges"], answer.headers["content-length"]) == ("bytes", "1000")
    assert (await client.get(url, _OCTETS, if_none_match=answer.headers["etag"])).status == 304
    assert (await client.get(url, _OCTETS, if_modified_since=answer.headers["last-modified"])).status == 304
    part = await client.get(url, _OCTETS, range="bytes=990-", if_range=answer.headers["etag"])
    assert (part.status, part.body, part.headers["content-range"]) == (206, _VALUE[990:], "bytes 990-999/1000")
    assert (await client.get(url, _OCTETS, range="bytes=1000-")).status == 416
    head = await client.send("HEAD", url, headers={"Accept": _OCTETS})
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1000")
    several = await client.get(f"{stored.url}/bulkdata")
    assert (await client.get(f"{stored.url}/bulkdata", if_none_match=several.headers["etag"])).status == 304


@pytest.mark.parametrize(
    ("url", "accept", "status"),
    [
        (f"/v2/partitions/unknown/studies/{STUDY}/bulkdata", None, 400),
        ("/v2/studies/x/bulkdata", "image/png", 400),
        ("/v2/studies/9/bulkdata", "image/png", 406),
        ("/v2/studies/9/bulkdata", _OCTETS, 406),
        ("/v2/studies/9/pixeldata", _OCTETS, 406),
        ("/v2/studies/9/bulkdata", f"{_PARTS}; transfer-syntax={_RLE}", 406),
        ("/v2/studies/9/bulkdata", None, 404),
        (f"{_STUDY}/series/9/pixeldata", None, 404),
        ("{instance}/bulkdata/x", "image/png", 400),
        ("{instance}/bulkdata/0009100", None, 400),
        ("{instance}/bulkdata/00091003.0.00091002", None, 400),
        ("{instance}/bulkdata/00091001", "image/png", 406),
        ("{instance}/bulkdata/00091002", None, 404),
        ("{instance}/bulkdata/00091004", None, 404),
        ("{instance}/bulkdata/00091003.1.00091002", None, 404),
        ("{instance}/bulkdata/00100020", None, 404),
        ("{other}/bulkdata/00091001", None, 404),
    ],
)
async def test_order_of_checks(client: Client, stored: Stored, url: str, accept: str | None, status: int) -> None:
    answer = await client.get(url.format(instance=stored.url, other=re.sub("[0-9]+$", "9", stored.url)), accept)
    assert answer.status == status


async def test_instance_without_pixel_data(client: Client) -> None:
    stored = await store_file(client, make_instance())
    for url in (f"{stored.url}/pixeldata", f"{stored.study}/bulkdata"):
        assert (await client.get(url)).status == 404


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Client]:
    async with open_client(tmp_path / "strict", max_converted_bytes=2000) as client:
        yield client


async def test_what_is_too_large_to_be_inflated(strict: Client) -> None:
    stored = await store_file(strict, make_instance(transfer_syntax=_DEFLATED, rows=100, columns=100, pixel_data=bytes(10_000)))
    assert (await strict.get(f"{stored.url}/pixeldata", _OCTETS)).status == 406
