"""Instances in other transfer syntaxes over HTTP: the bytes that `dicom.transcoding` makes, or 406 before the first of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import UID

from dicom_core.dicom.codecs import CodecError
from dicom_core.dicom.transcoding import transcode
from tests.dicom.factories import data_element, make_instance
from tests.dicom.pixel_files import BUNDLED, StoredFile, make_file, read_dataset
from tests.http.driver import Client, open_client
from tests.http.storing import store_file

_PREFIX = "1.2.840.10008.1.2"
_EXPLICIT, _DEFLATED, _RLE, _JPEG_2000, _JPEG_LS, _MPEG = (
    f"{_PREFIX}{suffix}" for suffix in (".1", ".1.99", ".5", ".4.90", ".4.80", ".4.102")
)
_NAMES = [
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "SC_rgb_rle_2frame.dcm",
    "693_J2KI.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "liver_1frame.dcm",
]


def _single(syntax: str) -> str:
    return f"application/dicom; transfer-syntax={syntax}"


def _parts(syntax: str) -> str:
    return f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'


def _expected(data: bytes, syntax: str) -> bytes | None:
    file = StoredFile.of(data)
    if file.header.transfer_syntax_uid == syntax:
        return data
    try:
        return b"".join(transcode(file.header, file.layout, file.read, syntax))
    except CodecError:
        return None


@pytest.mark.parametrize("syntax", [_EXPLICIT, _JPEG_2000, _DEFLATED, _RLE])
@pytest.mark.parametrize("name", _NAMES)
async def test_instance(client: Client, name: str, syntax: str) -> None:
    stored = await store_file(client, BUNDLED[name].read_bytes())
    expected = _expected(stored.data, syntax)
    answer = await client.get(stored.url, _single(syntax))
    parts = await client.get(stored.url, _parts(syntax))
    if expected is None:
        assert (answer.status, parts.status) == (406, 406)
        return
    assert (answer.status, answer.headers["content-type"]) == (200, _single(syntax))
    assert answer.body == expected
    assert parts.parts() == [(_single(syntax), expected)]


async def test_series_of_several_syntaxes(client: Client) -> None:
    samples = np.arange(64 * 64, dtype="u2").reshape(1, 64, 64)
    files = [
        make_file(samples, SOPInstanceUID="2.25.31"),
        make_file(samples, syntax=_PREFIX, SOPInstanceUID="2.25.32"),
        make_file(samples, syntax=f"{_PREFIX}.2", SOPInstanceUID="2.25.33"),
        make_instance(study="2.25.1", series="2.25.2", instance="2.25.34"),
    ]
    stored = [await store_file(client, file) for file in files]
    answer = await client.get(stored[0].series, _parts(_EXPLICIT))
    assert answer.status == 200
    assert "content-length" not in answer.headers
    parts = answer.parts()
    assert {kind for kind, _ in parts} == {_single(_EXPLICIT)}
    assert stored[0].data in [content for _, content in parts]
    read = {str(data_set.SOPInstanceUID): data_set for data_set in (read_dataset(content) for _, content in parts)}
    assert read.keys() == {"2.25.31", "2.25.32", "2.25.33", "2.25.34"}
    for number in (31, 32, 33):
        assert read[f"2.25.{number}"].PixelData == samples.tobytes()
        assert read[f"2.25.{number}"].file_meta.TransferSyntaxUID == _EXPLICIT


async def test_one_that_cannot_be_transcoded_refuses_all(client: Client) -> None:
    good = await store_file(client, make_file(np.zeros((1, 8, 8), "u1")))
    film = make_instance(study="2.25.1", series="2.25.2", instance="2.25.4", rows=8, columns=8, transfer_syntax=_MPEG, pixel_data=[b"film"])
    await store_file(client, film)
    for url in (good.series, good.study):
        assert (await client.get(url, _parts(_EXPLICIT))).status == 406
        assert (await client.get(url, _parts("*"))).status == 200
    assert (await client.get(f"{good.series}/instances/2.25.4", _single(_MPEG))).status == 200


async def test_unknown_syntaxes_pass_as_they_are(client: Client) -> None:
    stored = await store_file(client, make_instance(rows=2, columns=2, transfer_syntax=UID("1.2.3.4"), pixel_data=[b"abcd"]))
    assert (await client.get(stored.url, _single("*"))).body == stored.data
    assert (await client.get(stored.url, _single(_EXPLICIT))).status == 406


async def test_large_files_are_not_transcoded(tmp_path: Path) -> None:
    async with open_client(tmp_path, max_converted_bytes=10_000) as client:
        stored = await store_file(client, make_file(np.zeros((1, 100, 100), "u1")))
        assert (await client.get(stored.url, _single(_JPEG_2000))).status == 406
        assert (await client.get(stored.study, _parts(_JPEG_2000))).status == 406
        assert (await client.get(stored.url, _single(_EXPLICIT))).status == 200


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "SC_rgb_rle_2frame.dcm"])
async def test_damaged_pixel_data_is_not_acceptable(client: Client, name: str) -> None:
    data = bytearray(BUNDLED[name].read_bytes())
    where = StoredFile.of(bytes(data)).layout.frame_ranges([1])[0][0]
    data[where[0] : where[0] + where[1]] = b"\x55" * where[1]
    stored = await store_file(client, bytes(data))
    assert (await client.get(stored.url, _single(_EXPLICIT))).status == 406
    assert (await client.get(stored.study, _parts(_EXPLICIT))).status == 406


@pytest.mark.parametrize("syntax", [_PREFIX, _DEFLATED])
async def test_documents_without_pixel_data_are_only_encoded_anew(client: Client, syntax: str) -> None:
    stored = await store_file(client, make_instance(transfer_syntax=syntax, PatientComments="x" * 10_000))
    data_set = read_dataset((await client.get(stored.url, _single(_JPEG_2000))).body)
    assert (data_set.PatientComments, data_set.file_meta.TransferSyntaxUID) == ("x" * 10_000, _JPEG_2000)


@pytest.mark.parametrize("rows", [16, 1200])
@pytest.mark.parametrize("syntax", [_PREFIX, _RLE, f"{_PREFIX}.2", _DEFLATED])
async def test_what_follows_pixel_data_is_kept(client: Client, syntax: str, rows: int) -> None:
    samples = np.arange(3 * rows * 600, dtype="u2").reshape(3, rows, 600)
    data = make_file(samples, syntax=syntax if syntax != _RLE else _EXPLICIT, DataSetTrailingPadding=bytes(1000))
    if syntax == _RLE:
        file = StoredFile.of(data)
        data = b"".join(transcode(file.header, file.layout, file.read, _RLE))
    stored = await store_file(client, data)
    data_set = read_dataset((await client.get(stored.url, _single(_EXPLICIT if syntax != _PREFIX else _JPEG_LS))).body)
    assert data_set.DataSetTrailingPadding == bytes(1000)
    assert syntax == _PREFIX or data_set.PixelData == samples.tobytes()


async def test_private_data_after_pixel_data_is_kept(client: Client) -> None:
    private = [data_element(0x7FE10010, "LO", "ACME"), data_element(0x7FE11001, "OB", b"payload!")]
    stored = await store_file(client, make_instance(rows=4, columns=4, elements=private, transfer_syntax=_PREFIX))
    data_set = read_dataset((await client.get(stored.url, _single(_RLE))).body)
    assert data_set[0x7FE1, 0x1001].value == b"payload!"


async def test_head_and_validators_of_a_transcoded_instance(client: Client) -> None:
    stored = await store_file(client, make_file(np.zeros((1, 8, 8), "u1")))
    answer = await client.get(stored.url, _single(_JPEG_2000), Range="bytes=0-3")
    assert answer.status == 200
    tag = answer.headers["etag"]
    assert tag.startswith('W/"')
    head = await client.send("HEAD", stored.url, headers={"Accept": _single(_JPEG_2000)})
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", tag)
    again = await client.get(stored.url, _single(_JPEG_2000), if_none_match=tag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert (await client.get(stored.url, _single("*"), if_none_match=tag)).status == 200


async def test_range_of_a_file(client: Client) -> None:
    stored = await store_file(client, make_file(np.zeros((1, 1100, 1000), "u1")))
    whole = await client.get(stored.url, _single("*"))
    assert (whole.status, whole.body, whole.headers["accept-ranges"]) == (200, stored.data, "bytes")
    part = await client.get(stored.url, _single("*"), Range="bytes=128-131", If_Range=whole.headers["etag"])
    assert (part.status, part.body) == (206, b"DICM")
    assert part.headers["content-range"] == f"bytes 128-131/{len(stored.data)}"
    long = await client.get(stored.url, _single("*"), Range="bytes=1-")
    assert (long.status, long.body) == (206, stored.data[1:])
    assert (await client.get(stored.url, _single("*"), Range="bytes=99999999-")).status == 416
    known = await client.get(stored.url, _single("*"), if_modified_since=whole.headers["last-modified"])
    assert known.status == 304


async def test_accept_parameter_stands_in_for_the_header(client: Client) -> None:
    stored = await store_file(client, make_file(np.zeros((1, 8, 8), "u1")))
    url = f"{stored.url}?accept=application%2Fdicom%3B%20transfer-syntax%3D*"
    for accept in (None, "*/*"):
        assert (await client.get(url, accept)).body == stored.data
    assert (await client.get(url, "image/png")).status == 406
    assert (await client.get(f"{stored.url}?accept=image/png")).status == 406
    assert (await client.get(f"{stored.url}/metadata?accept=application/dicom+json")).status == 200
