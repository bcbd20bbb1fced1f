"""Passing over Pixel Data in chunks gives the same as reading the whole file."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from dicom_core.dicom import part10, pixel_data_scanner
from dicom_core.dicom.part10 import Header, NotDicom, Scanner, TrailerScanner, read_header, trailer_scanner
from tests.dicom.factories import data_element, make_instance

PADDING = data_element(0xFFFCFFFC, "OB", b"\1\2\3\4")
FILES = [
    make_instance(transfer_syntax=syntax, rows=2, columns=6, frames=3, elements=[PADDING])
    for syntax in (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        JPEGBaseline8Bit,
        DeflatedExplicitVRLittleEndian,
    )
]


def scan(data: bytes, cuts: list[int]) -> tuple[Header, Scanner]:
    """Parse the beginning of a file, and scan the rest in chunks that end at the cuts."""
    header = read_header(data[: len(data) - 1], complete=False)
    scanner = trailer_scanner(header)
    assert scanner is not None
    rest = data[scanner.start :]
    ends = sorted({min(cut, len(rest)) for cut in cuts} | {len(rest)})
    for start, end in zip([0, *ends], ends, strict=False):
        scanner.feed(rest[start:end])
    return header, scanner


@settings(max_examples=60, deadline=None)
@given(data=st.sampled_from(FILES), cuts=st.lists(st.integers(0, 150), max_size=20))
def test_chunk_boundaries_do_not_matter(data: bytes, cuts: list[int]) -> None:
    whole = read_header(data, complete=True)
    header, scanner = scan(data, cuts)
    trailer = scanner.finish()
    assert [element.tag for element in header.elements + trailer] == [element.tag for element in whole.elements]
    assert trailer[-1].value == b"\1\2\3\4"
    assert scanner.fragments == whole.fragments


def test_single_bytes_are_chunks_too() -> None:
    _, scanner = scan(FILES[3], list(range(200)))
    assert scanner.fragments is not None
    assert list(scanner.fragments.lengths) == [12, 12, 12]
    assert scanner.fragments.offset_table == struct.pack("<3I", 0, 20, 40)


@pytest.mark.parametrize("data", FILES)
def test_pixel_data_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(NotDicom):
        scan(data[:-30], [])[1].finish()


def test_a_missing_sequence_delimiter_after_whole_fragments_is_forgiven() -> None:
    data = make_instance(transfer_syntax=JPEGBaseline8Bit, rows=2, columns=2)
    assert scan(data[:-8], [])[1].finish() == []


@pytest.mark.parametrize("header", [b"\x10\0\x20\0\2\0\0\0ab", b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0"])
def test_anything_but_fragments_is_refused(header: bytes) -> None:
    scanner = TrailerScanner(read_header(FILES[3], complete=True))
    with pytest.raises(NotDicom):
        scanner.feed(header)


def test_pixel_data_of_a_deflated_file_is_not_inflated_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    header = read_header(FILES[4], complete=True)
    monkeypatch.setattr(part10, "MAX_HEADER_BYTES", 36)
    assert trailer_scanner(header) is not None
    monkeypatch.setattr(part10, "MAX_HEADER_BYTES", 35)
    assert trailer_scanner(header) is None


def test_elements_far_after_pixel_data_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_data_scanner, "MAX_TRAILER_BYTES", 20)
    assert [element.tag for element in scan(FILES[1], [])[1].finish()] == [0xFFFCFFFC]
    monkeypatch.setattr(pixel_data_scanner, "MAX_TRAILER_BYTES", 14)
    assert scan(FILES[1], [])[1].finish() == []


def test_ambiguous_elements_before_the_limit_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    smallest = b"\x28\x00\x06\x01\x02\0\0\0\1\0"
    data = make_instance(transfer_syntax=ImplicitVRLittleEndian, rows=1, columns=2) + 2 * smallest
    monkeypatch.setattr(pixel_data_scanner, "MAX_TRAILER_BYTES", 15)
    assert [(element.tag, element.vr) for element in scan(data, [])[1].finish()] == [(0x00280106, "US")]


def test_a_huge_offset_table_is_taken_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_data_scanner, "MAX_OFFSET_TABLE_BYTES", 8)
    fragments = read_header(FILES[3], complete=True).fragments
    assert fragments is not None
    assert fragments.offset_table == b""
    assert len(fragments.offsets) == 3


def test_the_number_of_fragments_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_data_scanner, "MAX_FRAGMENTS", 2)
    with pytest.raises(NotDicom):
        read_header(FILES[3], complete=True)
