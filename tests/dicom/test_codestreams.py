"""What the beginnings of compressed frames say about their size and colour."""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest

from dicom_core.dicom.codestreams import (
    Codestream,
    UnfitCodestream,
    check_codestream,
    jpeg_2000_codestream,
    jpeg_codestream,
    jpeg_xl_codestream,
    without_jp2_boxes,
)
from dicom_core.dicom.pixel_module import PixelModule
from tests.dicom.pixel_files import bundled


@pytest.mark.parametrize(
    ("name", "codestream"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", Codestream(100, 100, 3, 8, lossless=False, ycbcr=True)),
        ("SC_rgb_dcmtk_+eb+cr.dcm", Codestream(100, 100, 3, 8, lossless=False, ycbcr=False)),
        ("SC_jpeg_no_color_transform.dcm", Codestream(256, 256, 3, 8, lossless=False, ycbcr=None)),
        ("SC_rgb_jpeg_app14_dcmd.dcm", Codestream(256, 256, 3, 8, lossless=False, ycbcr=False)),
        ("SC_rgb_jpeg.dcm", Codestream(256, 256, 3, 8, lossless=False, ycbcr=None)),  # its Adobe marker is too short
        ("JPGExtended.dcm", Codestream(1024, 256, 1, 12, lossless=False)),
        ("SC_rgb_jpeg_gdcm.dcm", Codestream(100, 100, 3, 8)),
        ("MR_small_jpeg_ls_lossless.dcm", Codestream(64, 64, 1, 16)),
    ],
)
def test_jpeg_headers(name: str, codestream: Codestream) -> None:
    found = jpeg_codestream(bundled(name).frame(1))
    assert (found.rows, found.columns, found.samples, found.precision) == (
        codestream.rows,
        codestream.columns,
        codestream.samples,
        codestream.precision,
    )
    assert found.lossless == codestream.lossless
    if codestream.samples == 3 and not codestream.lossless:
        assert found.ycbcr == codestream.ycbcr


@pytest.mark.parametrize(("name", "precision", "signed"), [("JPEG2000.dcm", 16, True), ("J2K_pixelrep_mismatch.dcm", 13, False)])
def test_jpeg_2000_headers(name: str, precision: int, signed: bool) -> None:
    file = bundled(name)
    found = jpeg_2000_codestream(file.frame(1))
    assert found == Codestream(file.pixels.rows, file.pixels.columns, 1, precision, signed)


@pytest.mark.parametrize("shape", [(8, 8), (256, 256), (200, 100), (100, 200), (90, 160), (1, 1), (7, 9), (3000, 20), (1024, 768)], ids=str)
@pytest.mark.parametrize("container", [False, True])
def test_jpeg_xl_sizes(shape: tuple[int, int], container: bool) -> None:
    encoded = bytes(imagecodecs.jpegxl_encode(np.zeros(shape, "u1"), lossless=True, effort=1, usecontainer=container))
    found = jpeg_xl_codestream(encoded)
    assert (found.rows, found.columns) == shape


@pytest.mark.parametrize("read", [jpeg_codestream, jpeg_2000_codestream, jpeg_xl_codestream])
@pytest.mark.parametrize("frame", [b"", b"\0", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xc0\0\x11", b"\xff\x4f\xff\x51\0\x29", b"GIF89a"])
def test_other_beginnings_are_refused(read: Callable[[bytes], Codestream], frame: bytes) -> None:
    with pytest.raises(UnfitCodestream):
        read(frame)


def test_a_jpeg_stream_needs_its_end() -> None:
    frame = bundled("SC_rgb_jpeg_dcmtk.dcm").frame(1)
    with pytest.raises(UnfitCodestream, match="cut short"):
        jpeg_codestream(frame[: len(frame) // 2])


@pytest.mark.parametrize(
    "codestream",
    [
        Codestream(9, 8, 1, 8),
        Codestream(8, 9, 1, 8),
        Codestream(8, 8, 3, 8),
        Codestream(8, 8, 1, 9),
        Codestream(8, 8, 1, 8, tiles=100_000),
    ],
    ids=["rows", "columns", "samples", "precision", "tiles"],
)
def test_codestreams_that_do_not_fit_are_refused(codestream: Codestream) -> None:
    check_codestream(Codestream(8, 8, 1, 8), PixelModule(8, 8, 8, 8))
    with pytest.raises(UnfitCodestream):
        check_codestream(codestream, PixelModule(8, 8, 8, 8))


def test_boxes_are_taken_off() -> None:
    bare = b"\xff\x4f\xff\x51rest"
    assert without_jp2_boxes(bare) is bare
    assert without_jp2_boxes(b"\0\0\0\x0cjP  " + bare) == bare
    assert without_jp2_boxes(b"nothing") == b"nothing"
