"""Pixel attributes, also of files that state them badly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dicom_core.dicom.elements import Element, Header
from dicom_core.dicom.part10 import read_header
from dicom_core.dicom.pixel_module import PixelModule, pixel_module
from tests.dicom.pixel_files import bundled, make_file

ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED, NUMBER_OF_FRAMES = 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280008


def header(**changes: Any) -> Header:
    return read_header(make_file(np.zeros((1, 3, 5), "u2"), **changes), complete=True)


def with_value(tag: int, vr: str, value: bytes) -> Header:
    found = header()
    return replace(found, elements=[*(each for each in found.elements if each.tag != tag), Element(tag, vr, value)])


def test_attributes_of_an_ordinary_file() -> None:
    assert bundled("CT_small.dcm").pixels == PixelModule(128, 128, 16, 16, 1, True, "MONOCHROME2", 0, 1)


@pytest.mark.parametrize("tag", [ROWS, COLUMNS, BITS_ALLOCATED])
@pytest.mark.parametrize(("vr", "value"), [("US", b""), ("US", b"\0\0"), ("UL", b"\0\0\0\x7f"), ("LO", b"x ")])
def test_an_image_without_size_has_no_frames(tag: int, vr: str, value: bytes) -> None:
    assert pixel_module(with_value(tag, vr, value)) is None


def test_a_file_without_pixel_data_has_no_frames() -> None:
    assert pixel_module(replace(header(), pixel_data=None)) is None


@pytest.mark.parametrize(
    ("value", "frames"),
    [(b"", 1), (b"1A", 1), (b"0 ", 1), (b"-4", 1), (b"7 ", 7), (b"99999999999999999999", 1), (b"2147483647", 2**31 - 1)],
)
def test_number_of_frames(value: bytes, frames: int) -> None:
    found = pixel_module(with_value(NUMBER_OF_FRAMES, "IS", value))
    assert found is not None
    assert found.number_of_frames == frames


@pytest.mark.parametrize(("value", "bits"), [(b"", 16), (b"\0\0", 16), (b"\x11\0", 16), (b"\x0c\0", 12)])
def test_bits_stored(value: bytes, bits: int) -> None:
    found = pixel_module(with_value(BITS_STORED, "US", value))
    assert found is not None
    assert found.bits_stored == bits


@pytest.mark.parametrize(
    ("pixels", "size"),
    [
        (PixelModule(3, 3, 1, 1), 2),
        (PixelModule(3, 3, 8, 8, 3), 27),
        (PixelModule(2, 2, 8, 8, 3, photometric_interpretation="YBR_FULL_422"), 8),
        (PixelModule(2, 2, 12, 12), 6),
        (PixelModule(2, 2, 64, 64), 32),
    ],
)
def test_frame_bytes(pixels: PixelModule, size: int) -> None:
    assert pixels.frame_bytes == size
