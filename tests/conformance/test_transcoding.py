"""Transcoding over HTTP: the table of syntaxes, samples exact against pydicom, what stays as it is, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.imaging import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    RLE,
    VIDEO,
    assert_text,
    bundled_bytes,
    multipart,
    pixels,
    put,
    single,
)
from tests.conformance.place import DICOM, Place
from tests.dicom.factories import make_instance
from tests.dicom.pixel_files import make_file, read_dataset

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXACT = [
    "MR_small_implicit.dcm",
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
    "MR_small_jp2klossless.dcm",
    "examples_jpeg2k.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "examples_overlay.dcm",
    "J2K_pixelrep_mismatch.dcm",
]
DECODED = ["693_J2KI.dcm", "JPEG2000.dcm", "SC_rgb_gdcm_KY.dcm", "MR_small_jpeg_ls_lossless.dcm"]
LOSSY_JPEG = ["SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm", "SC_jpeg_no_color_transform.dcm", "SC_rgb_small_odd_jpeg.dcm"]
IDENTITIES = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "PatientID", "Rows", "Columns", "BitsStored"]


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
@pytest.mark.parametrize("name", [*EXACT, *DECODED])
async def test_samples(place: Place, name: str, target: str) -> None:
    file = bundled_bytes(name)
    path = await put(place, file)
    answer = await place.get(path, single(DICOM, target))
    assert (answer.status, answer.headers["content-type"]) == (200, single(DICOM, target)), answer.body[:100]
    np.testing.assert_array_equal(pixels(answer.body), pixels(file))
    before, after = read_dataset(file), read_dataset(answer.body)
    assert [after.get(keyword) for keyword in IDENTITIES] == [before.get(keyword) for keyword in IDENTITIES]
    meta = after.file_meta
    assert (answer.body[:132], meta.TransferSyntaxUID) == (bytes(128) + b"DICM", target)
    assert meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.get("PlanarConfiguration", 0) == 0
    if before.file_meta.TransferSyntaxUID == target:
        assert answer.body == file
    else:
        assert meta.ImplementationClassUID != before.file_meta.get("ImplementationClassUID")


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
@pytest.mark.parametrize("name", LOSSY_JPEG)
async def test_decoded_jpeg(place: Place, name: str, target: str) -> None:
    """Decoders of lossy JPEG may differ by a little."""
    file = bundled_bytes(name)
    path = await put(place, file)
    answer = await place.get(path, single(DICOM, target))
    assert answer.status == 200
    data_set = read_dataset(answer.body)
    assert data_set.PhotometricInterpretation in ("RGB", "YBR_FULL", "YBR_RCT")
    expected, got = pixels(file), pixels(answer.body)
    if data_set.PhotometricInterpretation != "YBR_FULL" and read_dataset(file).PhotometricInterpretation.startswith("YBR"):
        expected = _rgb(expected)
    assert np.abs(got.astype("i4") - expected.astype("i4")).max() <= 3


def _rgb(ybr: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    from pydicom.pixels.processing import convert_color_space

    return np.stack([convert_color_space(frame, "YBR_FULL", "RGB") for frame in ybr])


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2"])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_kinds_of_samples(place: Place, syntax: str, kind: str, target: str) -> None:
    limits = np.iinfo(kind)
    samples = np.random.default_rng(3).integers(limits.min, limits.max, (3, 17, 9), kind, endpoint=True)
    file = make_file(samples, syntax=syntax)
    path = await put(place, file)
    for accept in (single(DICOM, target), multipart(DICOM, target)):
        answer = await place.get(path, accept)
        body = answer.body if accept.startswith(DICOM) else answer.parts()[0][1]
        np.testing.assert_array_equal(pixels(body), samples)
        frames = read_dataset(body)
        assert frames["PixelData"].is_undefined_length == (target == JPEG_2000)


@pytest.mark.parametrize("source", [RLE, JPEG_2000, *(f"{EXPLICIT[:-2]}.4.{each}" for each in (70, 80))])
@pytest.mark.parametrize("shape", [(2, 8, 9), (2, 8, 9, 3)])
async def test_lossless_round_trip(place: Place, source: str, shape: tuple[int, ...]) -> None:
    """What is compressed without loss comes back, from one syntax through the other."""
    kind = "u1" if len(shape) == 4 else "u2"
    samples = np.random.default_rng(7).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    path = await put(place, make_file(samples, SOPInstanceUID="2.25.1"))
    compressed = (await place.get(path, single(DICOM, source))).body
    await place.delete(path)
    path = await put(place, compressed)
    for target in (EXPLICIT, JPEG_2000):
        answer = await place.get(path, single(DICOM, target))
        np.testing.assert_array_equal(pixels(answer.body), samples)
    assert [content for _, content in (await place.get(f"{path}/frames/1,2", multipart())).parts()] == [
        frame.tobytes() for frame in samples
    ]


async def test_planes_become_pixels(place: Place) -> None:
    planes = np.random.default_rng(4).integers(0, 256, (2, 3, 6, 7), "u1")
    data = planes.tobytes()
    rgb = planes.transpose(0, 2, 3, 1)
    path = await put(place, make_file(np.ascontiguousarray(rgb), PixelData=data, PlanarConfiguration=1, syntax=BIG_ENDIAN))
    data_set = read_dataset((await place.get(path, single(DICOM, JPEG_2000))).body)
    assert (data_set.PlanarConfiguration, data_set.PhotometricInterpretation) in ((0, "YBR_RCT"), (0, "RGB"))
    np.testing.assert_array_equal(pixels((await place.get(path, single(DICOM, JPEG_2000))).body), rgb)
    np.testing.assert_array_equal(pixels((await place.get(path, single(DICOM, EXPLICIT))).body), rgb)


@pytest.mark.parametrize("accept", [single(DICOM), single(DICOM, EXPLICIT), multipart(DICOM), multipart(DICOM, JPEG_2000)])
@pytest.mark.parametrize("syntax", [VIDEO, "1.2.3.4", JPEG, RLE, JPEG_2000])
async def test_refused(any_place: Place, syntax: str, accept: str) -> None:
    """Video, unknown and damaged pixel data."""
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"no image"]))
    answer = await any_place.get(path, accept)
    if accept.endswith(syntax):
        assert answer.status == 200
    else:
        assert_text(answer, 406)
    stored = await any_place.get(path, single(DICOM, "*"))
    assert (stored.status, stored.headers["content-type"]) == (200, single(DICOM, syntax))


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
async def test_several_instances(any_place: Place, target: str) -> None:
    samples = np.random.default_rng(5).integers(0, 4096, (2, 16, 16), "u2")
    syntaxes = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]
    files = [make_file(samples + number, syntax=syntax, SOPInstanceUID=f"1.{number}") for number, syntax in enumerate(syntaxes)]
    files.append(make_instance(study="2.25.1", series="2.25.9", instance="1.9"))
    await any_place.store(*files)
    answer = await any_place.get("studies/2.25.1", multipart(DICOM, target))
    assert {kind for kind, _ in answer.parts()} == {single(DICOM, target)}
    found = {str(read_dataset(content).SOPInstanceUID): content for _, content in answer.parts()}
    assert found.keys() == {"1.0", "1.1", "1.2", "1.3", "1.9"}
    for number in range(4):
        np.testing.assert_array_equal(pixels(found[f"1.{number}"]), samples + number)
    untouched = await any_place.get("studies/2.25.1", multipart(DICOM, "*"))
    assert sorted(kind for kind, _ in untouched.parts()) == sorted(single(DICOM, syntax) for syntax in [*syntaxes, EXPLICIT])
    assert sorted(content for _, content in untouched.parts()) == sorted(bytes(128) + file[128:] for file in files)


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
@pytest.mark.parametrize("syntax", [VIDEO, "1.2.3.4"])
async def test_one_of_several_refuses_all(place: Place, syntax: str, target: str) -> None:
    good = make_instance(rows=4, columns=4)
    bad = make_instance(instance="9.9", transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"no image"])
    await place.store(good, bad)
    path = (await put(place, make_instance(instance="9.10"))).partition("/series/")[0]
    assert_text(await place.get(path, multipart(DICOM, target)), 406)
    assert len((await place.get(path, multipart(DICOM, "*"))).parts()) == 3


@pytest.mark.parametrize("target", [EXPLICIT, JPEG_2000])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_without_pixel_data(place: Place, syntax: str, target: str) -> None:
    file = make_instance(transfer_syntax=syntax, OtherPatientIDsSequence=[{"PatientID": "other"}, {}], PatientComments="x" * 5000)
    path = await put(place, file)
    answer = await place.get(path, single(DICOM, target))
    assert answer.headers["content-type"] == single(DICOM, target)
    assert dict(read_dataset(answer.body).items()).keys() == dict(read_dataset(file).items()).keys()
    assert read_dataset(answer.body) == read_dataset(file)
    assert read_dataset(answer.body).file_meta.TransferSyntaxUID == target


async def test_bits(place: Place) -> None:
    bits = np.random.default_rng(6).integers(0, 2, (1, 5 * 7), "u1")
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    file = make_instance(rows=5, columns=7, bits=1, pixel_data=data, transfer_syntax=IMPLICIT)
    path = await put(place, file)
    answer = await place.get(path, single(DICOM, EXPLICIT))
    np.testing.assert_array_equal(pixels(answer.body).ravel(), bits[0])
    answer = await place.get(path, single(DICOM, JPEG_2000))
    assert answer.status in (200, 406)
    if answer.status == 200:
        np.testing.assert_array_equal(pixels(answer.body).ravel(), bits[0])
