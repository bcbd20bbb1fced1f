"""Bulk data and pixel data over HTTP: URIs, values of every kind, parts and single parts, what is missing or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from tests.conformance.imaging import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    OCTETS,
    VIDEO,
    assert_text,
    bundled_bytes,
    multipart,
    pixels,
    put,
    single,
)
from tests.conformance.place import HOST, Place, instance_path
from tests.dicom.factories import SERIES, STUDY, data_element, make_data_set, make_instance
from tests.dicom.pixel_files import read_dataset
from tests.http.driver import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = instance_path()
STUDY_PATH, SERIES_PATH = f"studies/{STUDY}", f"studies/{STUDY}/series/{SERIES}"
VALUE = bytes(range(200))
NATIVE = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]


def _swapped(value: bytes, unit: int) -> bytes:
    return b"".join(value[at : at + unit][::-1] for at in range(0, len(value), unit))


def _file(syntax: str = EXPLICIT, **options: Any) -> bytes:
    nested = make_data_set({"PatientID": "nested"})
    nested.add(data_element(0x00420011, "OB", VALUE[:50]))
    elements = [
        data_element(0x00420011, "OB", VALUE),
        data_element(0x00089215, "SQ", [pydicom.Dataset(), nested]),
        data_element(0x00281201, "OW", VALUE[:20]),
    ]
    return make_instance(transfer_syntax=syntax, rows=3, columns=5, bits=16, elements=elements, **options)


def _parts(answer: Answer) -> dict[str, tuple[str, bytes]]:
    """Content type and content of every part by its location."""
    assert answer.headers["content-type"].startswith(f'multipart/related; type="{OCTETS}"; boundary='), answer.body
    split = [(head.partition("\r\nContent-Location: "), content) for head, content in answer.parts()]
    return {location: (kind, content) for (kind, _, location), content in split}


@pytest.mark.parametrize("syntax", NATIVE)
async def test_values(any_place: Place, syntax: str) -> None:
    path = await put(any_place, _file(syntax))
    base = f"{HOST}{any_place.url(path)}/bulkdata"
    ramp = bytes(range(30))
    little = syntax == BIG_ENDIAN
    expected = {
        f"{base}/00420011": VALUE,
        f"{base}/00089215.2.00420011": VALUE[:50],
        f"{base}/00281201": _swapped(VALUE[:20], 2) if little else VALUE[:20],
        f"{base}/7FE00010": _swapped(ramp, 2) if little else ramp,
    }
    found = _parts(await any_place.get(f"{path}/bulkdata"))
    assert found == {location: (single(OCTETS, EXPLICIT), value) for location, value in expected.items()}
    metadata = (await any_place.get(f"{path}/metadata?bulkdata=uri")).json[0]
    assert metadata["00420011"] == {"vr": "OB", "BulkDataURI": f"{base}/00420011"}
    assert metadata["7FE00010"]["BulkDataURI"] == f"{base}/7FE00010"
    assert metadata["00089215"]["Value"][1]["00420011"]["BulkDataURI"] == f"{base}/00089215.2.00420011"
    for location, value in expected.items():
        resource = location.removeprefix(HOST + any_place.url()).lstrip("/")
        alone = await any_place.get(resource, OCTETS)
        assert (alone.headers["content-type"], alone.body) == (single(OCTETS, EXPLICIT), value)
        assert _parts(await any_place.get(resource)) == {location: (single(OCTETS, EXPLICIT), value)}


@pytest.mark.parametrize("resource", ["bulkdata", "pixeldata"])
async def test_levels(any_place: Place, resource: str) -> None:
    for series, instance in (("1.1", "1.1.1"), ("1.1", "1.1.2"), ("1.2", "1.2.1")):
        await any_place.store(_file(series=series, instance=instance))
    await any_place.store(make_instance(series="1.2", instance="1.2.9"))
    values = 1 if resource == "pixeldata" else 4
    counts = {STUDY_PATH: 3, f"{STUDY_PATH}/series/1.1": 2, f"{STUDY_PATH}/series/1.2": 1, f"{STUDY_PATH}/series/1.1/instances/1.1.1": 1}
    for path, instances in counts.items():
        found = _parts(await any_place.get(f"{path}/{resource}"))
        assert len(found) == instances * values
        for location, (_, content) in found.items():
            assert (await any_place.get(location.removeprefix(HOST + any_place.url()).lstrip("/"), OCTETS)).body == content
    assert_text(await any_place.get(f"{STUDY_PATH}/series/1.2/instances/1.2.9/{resource}"), 404)


STATUSES = [
    (f"{HERE}/bulkdata/00420011", None, 200),
    (f"{HERE}/bulkdata/0042001a", None, 404),
    (f"{HERE}/bulkdata/00100010", None, 404),
    (f"{HERE}/bulkdata/00089215", None, 404),
    (f"{HERE}/bulkdata/00089215.1.00420011", None, 404),
    (f"{HERE}/bulkdata/00089215.3.00420011", None, 404),
    (f"{HERE}/bulkdata/00089215.2.00420011", None, 200),
    (f"{HERE}/bulkdata/7fe00010", OCTETS, 200),
    (f"{HERE}/bulkdata/x", None, 400),
    (f"{HERE}/bulkdata/0042", None, 400),
    (f"{HERE}/bulkdata/00089215.0.00420011", None, 400),
    (f"{HERE}/bulkdata/00089215.2", None, 400),
    (f"{HERE}/bulkdata/00420011", "text/html", 406),
    (f"{HERE}/bulkdata/00420011", multipart("image/jpeg"), 406),
    (f"{HERE}/bulkdata/00420011", single(OCTETS, IMPLICIT), 406),
    (f"{HERE}/bulkdata/00420011", "*/*; q=0", 406),
    (f"{HERE}/bulkdata", OCTETS, 406),
    (f"{HERE}/pixeldata", OCTETS, 200),
    (f"{STUDY_PATH}/bulkdata", OCTETS, 406),
    (f"{STUDY_PATH}/pixeldata", OCTETS, 406),
    ("studies/x/bulkdata", "text/html", 400),
    (f"{STUDY_PATH}/series/x/pixeldata", "text/html", 400),
    ("studies/9.9/bulkdata", "text/html", 406),
    ("studies/9.9/bulkdata", None, 404),
    ("studies/9.9/pixeldata", None, 404),
    (f"{SERIES_PATH}/instances/9.9/bulkdata/00420011", OCTETS, 404),
    (f"{STUDY_PATH}/series/9.9/instances/9.9/pixeldata", None, 404),
]


@pytest.mark.parametrize(("path", "accept", "status"), STATUSES)
async def test_statuses(any_place: Place, path: str, accept: str | None, status: int) -> None:
    await any_place.store(_file())
    answer = await any_place.get(path, accept)
    if status == 200:
        assert answer.status == 200
    else:
        assert_text(answer, status)


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm", "MR_small_jpeg_ls_lossless.dcm"])
async def test_compressed_pixel_data(place: Place, name: str) -> None:
    file = bundled_bytes(name)
    path = await put(place, file)
    data_set = read_dataset(file)
    count, syntax = int(data_set.get("NumberOfFrames") or 1), str(data_set.file_meta.TransferSyntaxUID)
    for resource in ("pixeldata", "bulkdata/7FE00010"):
        decoded = await place.get(f"{path}/{resource}", OCTETS)
        assert (decoded.headers["content-type"], decoded.body) == (single(OCTETS, EXPLICIT), pixels(file).tobytes())
        assert [content for _, content in _parts(await place.get(f"{path}/{resource}")).values()] == [pixels(file).tobytes()]
        stored = _parts(await place.get(f"{path}/{resource}", multipart(OCTETS, "*")))
        frames = [frame + b"\0" * (len(frame) % 2) for frame in generate_frames(data_set.PixelData, number_of_frames=count)]
        assert list(stored.values()) == [(single(OCTETS, syntax), frame) for frame in frames]
        alone = await place.get(f"{path}/{resource}", single(OCTETS, "*"))
        assert alone.status == (200 if count == 1 else 406)


@pytest.mark.parametrize("syntax", [VIDEO, "1.2.3.4"])
async def test_pixel_data_that_cannot_be_decoded(any_place: Place, syntax: str) -> None:
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"no image"]))
    for resource in ("pixeldata", "bulkdata/7FE00010"):
        assert_text(await any_place.get(f"{path}/{resource}"), 406)
        assert (await any_place.get(f"{path}/{resource}", single(OCTETS, "*"))).body == b"no image"
    for level in (STUDY_PATH, SERIES_PATH):
        assert_text(await any_place.get(f"{level}/pixeldata"), 406)


async def test_bits_of_several_frames(place: Place) -> None:
    bits = np.random.default_rng(10).integers(0, 2, 5 * 15, "u1")
    data = np.packbits(bits, bitorder="little").tobytes()
    path = await put(place, make_instance(rows=3, columns=5, frames=5, bits=1, pixel_data=data))
    body = (await place.get(f"{path}/pixeldata", OCTETS)).body
    np.testing.assert_array_equal(np.unpackbits(np.frombuffer(body, "u1"), bitorder="little")[: 5 * 15], bits)
