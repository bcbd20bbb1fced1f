"""Typed reading of raw elements."""

from __future__ import annotations

import pytest

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.elements import Element


@pytest.mark.parametrize(
    ("vr", "value", "little_endian", "numbers"),
    [
        ("US", b"\1\0\2\0", True, [1, 2]),
        ("US", b"\0\1\0\2", False, [1, 2]),
        ("SS", b"\xff\xff", True, [-1]),
        ("IS", b" 12 \\-3", True, [12, -3]),
        ("DS", b"1.5\\2e1 ", True, [1.5, 20.0]),
        ("FD", b"\0\0\0\0\0\0\xf8\x3f", True, [1.5]),
        ("UN", b"\1\0", True, [1]),
        ("US", b"\1", True, []),
        ("US", b"", True, []),
        ("IS", b"1A", True, []),
        ("IS", b"9" * 5000, True, []),
        ("DS", b"nan", True, []),
        ("DS", b"1e999", True, []),
        ("FD", b"\0\0\0\0\0\0\xf0\x7f", True, []),
        ("LO", b"12", True, []),
    ],
)
def test_numbers(vr: str, value: bytes, little_endian: bool, numbers: list[float]) -> None:
    rows = 0x00280010
    attributes = Attributes([Element(rows, vr, value)], little_endian=little_endian)
    assert attributes.numbers(rows) == numbers
    assert attributes.number(rows) == (numbers[0] if numbers else None)


def test_text_is_the_first_value_without_padding() -> None:
    attributes = Attributes([Element(0x00080008, "CS", b"ORIGINAL \\PRIMARY ")])
    assert attributes.text(0x00080008) == "ORIGINAL"
    assert attributes.text(0x00080060) == ""


@pytest.mark.parametrize(("vr", "little_endian", "words"), [("OW", True, b"\1\2"), ("OW", False, b"\2\1"), ("OB", False, b"\1\2")])
def test_words_are_little_endian(vr: str, little_endian: bool, words: bytes) -> None:
    assert Attributes([Element(0x00283006, vr, b"\1\2")], little_endian=little_endian).words(0x00283006) == words


def test_items_of_sequences() -> None:
    attributes = Attributes([Element(0x00283010, "SQ", [[Element(0x00281050, "DS", b"40")]])])
    found = attributes.item(0x00283010)
    assert found is not None
    assert found.number(0x00281050) == 40
    assert 0x00281050 in found
    assert attributes.item(0x00283010, 1) is None
    assert attributes.item(0x00283010, -1) is None
    assert attributes.item(0x00283000) is None
    assert attributes.value(0x00283010) == b""
    assert attributes.numbers(0x00283010) == []
