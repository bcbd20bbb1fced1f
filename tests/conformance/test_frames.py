"""Frames over HTTP: the order of checks, the exact bytes of every kind of pixel data, lists, forms and errors."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from tests.conformance.imaging import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    OCTETS,
    RLE,
    VIDEO,
    assert_text,
    bundled_bytes,
    multipart,
    pixels,
    put,
    single,
)
from tests.conformance.place import Place, instance_path
from tests.dicom.factories import data_element, make_instance
from tests.dicom.pixel_files import make_file, read_dataset

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILM = make_instance(rows=3, columns=5, frames=4, bits=16)
BYTES = [bytes(index % 251 for index in range(30 * frame, 30 * frame + 30)) for frame in range(4)]
HERE = instance_path()
ABSENT = instance_path(instance="9.9")

# path, Accept, status; in every request all that is checked later is wrong, too
ORDER: list[tuple[str, str | None, int, str]] = [
    ("frames/x", "text/html", 400, "absent"),
    ("frames/1", "text/html", 400, "absent"),
    ("studies/x/series/1/instances/1/frames/1", "text/html", 400, "here"),
    (f"{ABSENT}/frames/0", "text/html", 400, "here"),
    (f"{ABSENT}/frames/1,2", "text/html", 406, "here"),
    (f"{ABSENT}/frames/1,2", OCTETS, 400, "here"),
    (f"{HERE}/frames/1,2", OCTETS, 400, "here"),
    (f"{HERE}/frames/1,99", OCTETS, 400, "here"),
    (f"{ABSENT}/frames/1", OCTETS, 404, "here"),
    (f"{ABSENT}/frames/99", multipart("image/jp2"), 404, "here"),
    (f"{HERE}/frames/99", OCTETS, 404, "here"),
    (f"{HERE}/frames/1,2,5", multipart(), 404, "here"),
]


@pytest.mark.parametrize(("path", "accept", "status", "partition"), ORDER)
async def test_order_of_checks(any_place: Place, path: str, accept: str | None, status: int, partition: str) -> None:
    if partition == "here":
        await any_place.store(FILM)
    else:
        path = f"{HERE}/{path}"
    assert_text(await any_place.get(path, accept), status)


BAD_LISTS = [
    "x",
    "1,x",
    "1,",
    ",1",
    "1,,2",
    ",",
    "%20",
    "1.0",
    "1e0",
    "1;2",
    "0",
    "-1",
    "1,0",
    "0,1",
    "2,-2",
    "0x1",
    "1%202",
    "%C2%B2",
    "1-2",
]


@pytest.mark.parametrize("path", [HERE, ABSENT])
@pytest.mark.parametrize("frames", BAD_LISTS)
async def test_bad_list(place: Place, frames: str, path: str) -> None:
    await place.store(FILM)
    for accept in (None, OCTETS, multipart(), "text/html"):
        assert_text(await place.get(f"{path}/frames/{frames}", accept), 400)


LISTS = {
    "1": [1],
    "4": [4],
    "1,2,3,4": [1, 2, 3, 4],
    "4,3,2,1": [4, 3, 2, 1],
    "2,2,2": [2, 2, 2],
    "1,4,1,4": [1, 4, 1, 4],
    "1%2C3": [1, 3],
    "3%2c1,2": [3, 1, 2],
    "1,%202": [1, 2],
    "%201%20,%20%204%20": [1, 4],
    "01,002": [1, 2],
    "+1": [1],
    ",".join(["3"] * 300): [3] * 300,
}


@pytest.mark.parametrize("accept", [None, "*/*", multipart(), multipart(OCTETS, "*"), multipart(OCTETS, EXPLICIT)])
@pytest.mark.parametrize("frames", LISTS)
async def test_list(any_place: Place, frames: str, accept: str | None) -> None:
    await any_place.store(FILM)
    answer = await any_place.get(f"{HERE}/frames/{frames}", accept)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(f'multipart/related; type="{OCTETS}"; boundary=')
    assert answer.parts() == [(f"{OCTETS}; transfer-syntax={EXPLICIT}", BYTES[number - 1]) for number in LISTS[frames]]


@pytest.mark.parametrize("frames", ["5", "1,5", "5,1", "1,2,3,4,2147483647", "99999999999999"])
async def test_frame_beyond_the_last(any_place: Place, frames: str) -> None:
    await any_place.store(FILM)
    for accept in (None, multipart()):
        assert_text(await any_place.get(f"{HERE}/frames/{frames}", accept), 404)


@pytest.mark.parametrize(
    "accept",
    [OCTETS, f"{OCTETS}; transfer-syntax=*", f'{OCTETS}; Transfer-Syntax="{EXPLICIT}"', "APPLICATION/OCTET-STREAM", f"x/y, {OCTETS}"],
)
async def test_single_part(any_place: Place, accept: str) -> None:
    await any_place.store(FILM)
    answer = await any_place.get(f"{HERE}/frames/%203%20", accept)
    assert (answer.status, answer.headers["content-type"]) == (200, f"{OCTETS}; transfer-syntax={EXPLICIT}")
    assert (answer.body, answer.headers["content-length"]) == (BYTES[2], "30")
    assert_text(await any_place.get(f"{HERE}/frames/3,3", accept), 400)


NOT_ACCEPTABLE = [
    "text/html",
    "application/dicom",
    "application/*",
    "image/jp2",
    "image/*",
    "multipart/related",
    "multipart/*",
    multipart("application/dicom"),
    multipart(OCTETS, "1.2.3"),
    multipart(OCTETS, JPEG_2000),
    multipart(OCTETS, IMPLICIT),
    multipart("image/jp2", EXPLICIT),
    single(OCTETS, JPEG_2000),
    f"{OCTETS}; q=0",
    "*/*; q=0",
    "nonsense",
]


@pytest.mark.parametrize("path", [HERE, ABSENT])
@pytest.mark.parametrize("accept", NOT_ACCEPTABLE)
async def test_not_acceptable(place: Place, accept: str, path: str) -> None:
    await place.store(FILM)
    assert_text(await place.get(f"{path}/frames/1", accept), 406)


@pytest.mark.parametrize("without", ["Rows", "Columns", "BitsAllocated", "PixelData"])
async def test_no_pixel_data(any_place: Place, without: str) -> None:
    path = await put(any_place, make_instance(rows=2, columns=2, without=[without]))
    for accept in (None, OCTETS, multipart(), multipart("image/jp2")):
        assert_text(await any_place.get(f"{path}/frames/1", accept), 404)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
@pytest.mark.parametrize(("bits", "columns"), [(8, 5), (16, 5), (32, 5), (8, 4)])
async def test_native_frames(any_place: Place, syntax: str, bits: int, columns: int) -> None:
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=3, columns=columns, frames=3, bits=bits))
    size = 3 * columns * bits // 8
    ramp = bytes(index % 251 for index in range(3 * size))
    stored_frames = [ramp[start : start + size] for start in range(0, 3 * size, size)]
    unit = bits // 8 if syntax == BIG_ENDIAN else 1
    little = [b"".join(frame[at : at + unit][::-1] for at in range(0, size, unit)) for frame in stored_frames]
    answer = await any_place.get(f"{path}/frames/3,1,2", multipart(OCTETS, "*"))
    assert answer.parts() == [(single(OCTETS, syntax), stored_frames[number]) for number in (2, 0, 1)]
    answer = await any_place.get(f"{path}/frames/3,1,2", multipart())
    assert answer.parts() == [(single(OCTETS, EXPLICIT), little[number]) for number in (2, 0, 1)]
    answer = await any_place.get(f"{path}/frames/2", OCTETS)
    assert (answer.body, answer.headers["content-type"]) == (little[1], single(OCTETS, EXPLICIT))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_samples_of_colour(place: Place, syntax: str) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (2, 3, 3, 3), "u1")
    path = await put(place, make_file(samples, syntax=syntax))
    for accept in (multipart(), multipart(OCTETS, "*")):
        assert [content for _, content in (await place.get(f"{path}/frames/1,2", accept)).parts()] == [frame.tobytes() for frame in samples]


def _bits(frames: int, rows: int, columns: int) -> tuple[bytes, list[bytes]]:
    """Pixel data of single bits, and its frames, each from a byte of its own on."""
    bits = np.random.default_rng(2).integers(0, 2, (frames, rows * columns), "u1")
    return np.packbits(bits.ravel(), bitorder="little").tobytes(), [np.packbits(frame, bitorder="little").tobytes() for frame in bits]


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (3, 5), (1, 1), (7, 9)])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED])
async def test_frames_of_bits(place: Place, syntax: str, rows: int, columns: int) -> None:
    data, frames = _bits(5, rows, columns)
    file = make_instance(transfer_syntax=syntax, rows=rows, columns=columns, frames=5, bits=1, pixel_data=data)
    path = await put(place, file)
    answer = await place.get(f"{path}/frames/1,2,3,4,5", multipart())
    assert [content for _, content in answer.parts()] == frames
    assert (await place.get(f"{path}/frames/4", OCTETS)).body == frames[3]
    assert_text(await place.get(f"{path}/frames/6", OCTETS), 404)


@pytest.mark.parametrize("name", ["liver_1frame.dcm", "liver_expb_1frame.dcm"])
async def test_bundled_frames_of_bits(place: Place, name: str) -> None:
    path = await put(place, bundled_bytes(name))
    expected = np.packbits(pixels(bundled_bytes(name)).ravel(), bitorder="little").tobytes()
    assert (await place.get(f"{path}/frames/1", OCTETS)).body == expected


FRAGMENTS = [b"\x01" * 10, b"\x02" * 4, b"\x03" * 6, b"\x04" * 2]
ITEM = struct.Struct("<HHL")


def _items(*values: bytes) -> bytes:
    return b"".join(ITEM.pack(0xFFFE, 0xE000, len(value)) + value for value in values) + ITEM.pack(0xFFFE, 0xE0DD, 0)


def _encapsulated(value: bytes, frames: int | None, **attributes: Any) -> bytes:
    file = make_instance(transfer_syntax="1.2.3.4", rows=2, columns=2, frames=frames, pixel_data=[b"xx"], **attributes)
    return file[: file.index(b"\xe0\x7f\x10\x00OB") + 12] + value


OFFSETS = struct.pack("<2L", 0, 30)
ENCAPSULATED: dict[str, tuple[bytes, int | None, list[bytes]]] = {
    "empty offset table, one frame": (_items(b"", *FRAGMENTS), None, [b"".join(FRAGMENTS)]),
    "empty offset table, a fragment each": (_items(b"", *FRAGMENTS), 4, FRAGMENTS),
    "offset table": (_items(OFFSETS, *FRAGMENTS), 2, [b"".join(FRAGMENTS[:2]), b"".join(FRAGMENTS[2:])]),
    "offset table, a fragment each": (_items(struct.pack("<4L", 0, 18, 30, 44), *FRAGMENTS), 4, FRAGMENTS),
    "offset table, one frame": (_items(struct.pack("<L", 0), *FRAGMENTS), 1, [b"".join(FRAGMENTS)]),
    "one empty fragment": (_items(b"", b""), 1, [b""]),
}


@pytest.mark.parametrize("name", ENCAPSULATED)
async def test_encapsulated_frames(any_place: Place, name: str) -> None:
    value, count, frames = ENCAPSULATED[name]
    path = await put(any_place, _encapsulated(value, count))
    numbers = [*range(len(frames), 0, -1), 1]
    answer = await any_place.get(f"{path}/frames/{','.join(map(str, numbers))}", multipart(OCTETS, "*"))
    assert answer.parts() == [(single(OCTETS, "1.2.3.4"), frames[number - 1]) for number in numbers]
    assert (await any_place.get(f"{path}/frames/1")).parts() == [(single(OCTETS, "1.2.3.4"), frames[0])]
    answer = await any_place.get(f"{path}/frames/1", single(OCTETS, "*"))
    assert (answer.headers["content-type"], answer.body) == (single(OCTETS, "1.2.3.4"), frames[0])
    for accept in (OCTETS, multipart(), multipart("image/jp2")):
        assert_text(await any_place.get(f"{path}/frames/1", accept), 406)
    assert_text(await any_place.get(f"{path}/frames/{len(frames) + 1}", multipart(OCTETS, "*")), 404)


async def test_extended_offset_table(place: Place) -> None:
    frames = [b"\xff\xd8" + bytes([number]) * (2 * number) for number in range(1, 6)]
    value, offsets, lengths = encapsulate_extended(frames)
    tables = [data_element(0x7FE00001, "OV", offsets), data_element(0x7FE00002, "OV", lengths)]
    path = await put(place, _encapsulated(value + ITEM.pack(0xFFFE, 0xE0DD, 0), 5, elements=tables))
    answer = await place.get(f"{path}/frames/5,1,3", multipart(OCTETS, "*"))
    assert [content for _, content in answer.parts()] == [frames[4], frames[0], frames[2]]


@pytest.mark.parametrize("fragments", [1, 2, 3])
@pytest.mark.parametrize("has_bot", [True, False])
async def test_fragments_of_compressed_frames(place: Place, fragments: int, *, has_bot: bool) -> None:
    data_set = read_dataset(bundled_bytes("examples_ybr_color.dcm"))
    frames = list(generate_frames(data_set.PixelData, number_of_frames=30))[:3]
    value = encapsulate(frames, fragments_per_frame=fragments, has_bot=has_bot)
    path = await put(place, _jpegs(value))
    answer = await place.get(f"{path}/frames/2,3,1", multipart(OCTETS, "*"))
    assert [content for _, content in answer.parts()] == [_even(frames[number]) for number in (1, 2, 0)]


def _jpegs(value: bytes) -> bytes:
    file = make_instance(transfer_syntax=JPEG, rows=240, columns=320, samples=3, frames=3, pixel_data=[b"xx"])
    return file[: file.index(b"\xe0\x7f\x10\x00OB") + 12] + value + ITEM.pack(0xFFFE, 0xE0DD, 0)


def _even(frame: bytes) -> bytes:
    return frame + b"\0" * (len(frame) % 2)


COMPRESSED = [
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
    "693_J2KI.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "examples_jpeg2k.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
]


@pytest.mark.parametrize("name", COMPRESSED)
async def test_bundled_compressed_frames(place: Place, name: str) -> None:
    file = bundled_bytes(name)
    data_set = read_dataset(file)
    count = int(data_set.get("NumberOfFrames") or 1)
    path = await put(place, file)
    numbers = ",".join(str(number) for number in range(1, count + 1))
    stored_frames = [_even(frame) for frame in generate_frames(data_set.PixelData, number_of_frames=count)]
    syntax = str(data_set.file_meta.TransferSyntaxUID)
    answer = await place.get(f"{path}/frames/{numbers}", multipart(OCTETS, "*"))
    assert answer.parts() == [(single(OCTETS, syntax), frame) for frame in stored_frames]
    answer = await place.get(f"{path}/frames/{numbers}", multipart())
    assert answer.parts() == [(single(OCTETS, EXPLICIT), frame.tobytes()) for frame in pixels(file)]


@pytest.mark.parametrize("frames", [None, ""])
@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
async def test_number_of_frames_absent(any_place: Place, syntax: str, frames: Any) -> None:
    extra: dict[str, Any] = {} if frames is None else {"NumberOfFrames": None}
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=2, columns=2, bits=8, **extra))
    assert (await any_place.get(f"{path}/frames/1", single(OCTETS, "*"))).body == bytes(range(4))
    assert_text(await any_place.get(f"{path}/frames/2", single(OCTETS, "*")), 404)


@pytest.mark.parametrize("claimed", [2, 3, 1000, 2**31 - 1])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, DEFLATED, "1.2.3.4"])
async def test_fewer_frames_than_claimed(place: Place, syntax: str, claimed: int) -> None:
    value: Any = [bytes(range(4))] if syntax == "1.2.3.4" else bytes(range(4))
    file = make_instance(transfer_syntax=syntax, rows=2, columns=2, frames=claimed, pixel_data=value)
    path = await put(place, file)
    first = await place.get(f"{path}/frames/1", single(OCTETS, "*"))
    assert first.status in (200, 404, 406)
    assert first.status != 200 or first.body == bytes(range(4))
    for frame in (2, claimed, claimed + 1):
        assert (await place.get(f"{path}/frames/{frame}", single(OCTETS, "*"))).status in (404, 406)


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
async def test_more_pixel_data_than_frames(place: Place, syntax: str) -> None:
    path = await put(place, make_instance(transfer_syntax=syntax, rows=2, columns=2, frames=2, pixel_data=bytes(range(40))))
    assert (await place.get(f"{path}/frames/2", OCTETS)).body == bytes(range(4, 8))
    assert_text(await place.get(f"{path}/frames/3", OCTETS), 404)


JP2 = [
    "examples_jpeg2k.dcm",
    "MR_small_jp2klossless.dcm",
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "examples_rgb_color.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
]


@pytest.mark.parametrize("name", JP2)
@pytest.mark.parametrize("syntax", [None, JPEG_2000, f'"{JPEG_2000}"'])
async def test_jpeg_2000_frames(place: Place, name: str, syntax: str | None) -> None:
    file = bundled_bytes(name)
    path = await put(place, file)
    answer = await place.get(f"{path}/frames/1", multipart("image/jp2", syntax))
    assert answer.headers["content-type"].startswith('multipart/related; type="image/jp2"; boundary=')
    [(kind, content)] = answer.parts()
    assert kind == f"image/jp2; transfer-syntax={JPEG_2000}"
    assert content[:4] == b"\xff\x4f\xff\x51"
    data_set = read_dataset(file)
    if data_set.file_meta.TransferSyntaxUID == JPEG_2000:
        assert content == _even(next(generate_frames(data_set.PixelData, number_of_frames=1)))


@pytest.mark.parametrize("syntax", [VIDEO, "1.2.3.4", JPEG, RLE, JPEG_2000])
async def test_not_decodable(any_place: Place, syntax: str) -> None:
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"no image"]))
    for accept in (OCTETS, multipart()):
        assert_text(await any_place.get(f"{path}/frames/1", accept), 406)
    assert (await any_place.get(f"{path}/frames/1", single(OCTETS, "*"))).body == b"no image"
