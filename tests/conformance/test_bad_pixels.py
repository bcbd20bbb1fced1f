"""Pixel data that lies about its size or place over HTTP: 404 or 406, never 500, and soon."""

from __future__ import annotations

import struct

import pytest

from tests.conformance.imaging import EXPLICIT, JPEG_2000, OCTETS, bundled_bytes, multipart, put, single
from tests.conformance.place import DICOM, Place
from tests.dicom.factories import data_element, make_instance
from tests.dicom.pixel_files import bundled

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGEST = 65535
RESOURCES = [
    *(("", accept) for accept in (single(DICOM), single(DICOM, JPEG_2000))),
    *(("/frames/1", accept) for accept in (OCTETS, multipart(), multipart("image/jp2"))),
    *(("/rendered", accept) for accept in ("image/jpeg", "image/png", "image/gif")),
    ("/thumbnail", None),
    ("/pixeldata", OCTETS),
]
AS_JPEG_2000 = (single(DICOM, JPEG_2000), multipart("image/jp2"))
COMPRESSED = ["MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG-lossy.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"]


def _with_size(name: str, size: int) -> bytes:
    """A bundled file whose Rows and Columns are others."""
    file, pixels = bundled_bytes(name), bundled(name).pixels
    for tag, number in ((b"\x28\x00\x10\x00US\x02\x00", pixels.rows), (b"\x28\x00\x11\x00US\x02\x00", pixels.columns)):
        assert tag + struct.pack("<H", number) in file
        file = file.replace(tag + struct.pack("<H", number), tag + struct.pack("<H", size))
    return file


@pytest.mark.parametrize("size", [20_000, LARGEST])
@pytest.mark.parametrize("name", COMPRESSED)
async def test_small_file_that_declares_a_huge_image(place: Place, name: str, size: int) -> None:
    path = await put(place, _with_size(name, size))
    for resource, accept in RESOURCES:
        as_stored = accept in AS_JPEG_2000 and bundled(name).header.transfer_syntax_uid == JPEG_2000
        assert (await place.get(path + resource, accept)).status == (200 if as_stored else 406), (resource, accept)
    assert (await place.get(path, single(DICOM, "*"))).status == 200
    assert (await place.get(f"{path}/frames/1", single(OCTETS, "*"))).status == 200


@pytest.mark.parametrize("syntax", ["", ".1", ".2", ".1.99"])
@pytest.mark.parametrize("bits", [1, 8, 16])
async def test_native_pixel_data_that_is_not_there(place: Place, syntax: str, bits: int) -> None:
    path = await put(
        place, make_instance(transfer_syntax=f"1.2.840.10008.1.2{syntax}", rows=LARGEST, columns=LARGEST, bits=bits, pixel_data=bytes(64))
    )
    for resource, accept in RESOURCES[2:]:
        assert (await place.get(path + resource, accept)).status in (200, 404, 406), (resource, accept)
    for resource, accept in RESOURCES[5:9]:
        assert (await place.get(path + resource, accept)).status in (404, 406), (resource, accept)


TABLES = {"past the end": (0, 1_000_000), "backwards": (30, 0), "inside": (0, 7), "largest": (0, 0xFFFFFFFF), "twice": (0, 0)}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("extended", [False, True])
async def test_wrong_offsets(place: Place, name: str, *, extended: bool) -> None:
    offsets = struct.pack("<2Q" if extended else "<2L", *TABLES[name])
    lengths = struct.pack("<2Q", 10, 2**63)
    tables = [data_element(0x7FE00001, "OV", offsets), data_element(0x7FE00002, "OV", lengths)] if extended else []
    file = make_instance(transfer_syntax="1.2.3.4", rows=2, columns=2, frames=2, pixel_data=[b"xx"], elements=tables)
    items = b"".join(
        struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value for value in (b"" if extended else offsets, b"a" * 10, b"b" * 4, b"c" * 6)
    )
    start = file.index(b"\xe0\x7f\x10\x00OB") + 12
    path = await put(place, file[:start] + items + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))
    for frames in ("1", "2", "2,1", "1,1,2", "3"):
        answer = await place.get(f"{path}/frames/{frames}", multipart(OCTETS, "*"))
        assert answer.status in (200, 404, 406)
        assert len(answer.body) < 1000
    assert (await place.get(path, single(DICOM, "*"))).status == 200
    assert (await place.get(path, single(DICOM, EXPLICIT))).status == 406
