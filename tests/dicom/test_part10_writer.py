"""Data elements as they are written."""

from __future__ import annotations

import zlib

import pytest

from dicom_core.dicom.elements import Element
from dicom_core.dicom.part10_writer import UNDEFINED_LENGTH, DataSetEncoding, deflated, with_elements

EXPLICIT, IMPLICIT = DataSetEncoding(), DataSetEncoding(implicit_vr=True)
BIG_ENDIAN = DataSetEncoding(big_endian=True, swap=True)


@pytest.mark.parametrize(
    ("encoding", "element", "written"),
    [
        (EXPLICIT, Element(0x00080060, "CS", b"CT"), b"\x08\0\x60\0CS\2\0CT"),
        (IMPLICIT, Element(0x00080060, "CS", b"CT"), b"\x08\0\x60\0\2\0\0\0CT"),
        (BIG_ENDIAN, Element(0x00080060, "CS", b"CT"), b"\0\x08\0\x60CS\0\2CT"),
        (EXPLICIT, Element(0x00091001, "UN", b"\1\2"), b"\x09\0\1\x10UN\0\0\2\0\0\0\1\2"),
        (BIG_ENDIAN, Element(0x00280010, "US", b"\1\2\3\4"), b"\0\x28\0\x10US\0\4\2\1\4\3"),
        (BIG_ENDIAN, Element(0x00280009, "AT", b"\4\x30\x0c\0"), b"\0\x28\0\x09AT\0\4\x30\4\0\x0c"),
        (BIG_ENDIAN, Element(0x00189087, "FD", bytes(range(8))), b"\0\x18\x90\x87FD\0\x08" + bytes(reversed(range(8)))),
        (BIG_ENDIAN, Element(0x00091001, "UN", b"\1\2"), b"\0\x09\x10\1UN\0\0\0\0\0\2\1\2"),
        (EXPLICIT, Element(0x00081140, "SQ", []), b"\x08\0\x40\x11SQ\0\0\0\0\0\0"),
        (
            EXPLICIT,
            Element(0x00081140, "SQ", [[Element(0x00080060, "CS", b"CT")], []]),
            b"\x08\0\x40\x11SQ\0\0\x1a\0\0\0" + b"\xfe\xff\0\xe0\x0a\0\0\0\x08\0\x60\0CS\2\0CT" + b"\xfe\xff\0\xe0\0\0\0\0",
        ),
        (
            EXPLICIT,
            Element(0x7FE00010, "OB", b"\xfe\xff\0\xe0\0\0\0\0"),
            b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
        ),
    ],
    ids=["short", "implicit", "big endian", "long", "US", "AT", "FD", "UN stays", "empty sequence", "sequence", "compressed icon"],
)
def test_elements(encoding: DataSetEncoding, element: Element, written: bytes) -> None:
    assert encoding.element(element) == written


def test_a_value_that_is_too_long_for_its_vr_is_unknown() -> None:
    assert EXPLICIT.element(Element(0x00281050, "DS", b"1" * 0xFFFF))[:12] == b"\x28\0\x50\x10UN\0\0\xff\xff\0\0"


def test_group_lengths_are_left_out() -> None:
    assert EXPLICIT.elements([Element(0x00080000, "UL", b"\0\0\0\0"), Element(0x00080060, "CS", b"CT")]) == b"\x08\0\x60\0CS\2\0CT"


def test_fragments_are_even() -> None:
    assert EXPLICIT.fragment(b"abc") == b"\xfe\xff\0\xe0\4\0\0\0abc\0"
    assert EXPLICIT.sequence_delimiter() == b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert EXPLICIT.header(0x7FE00010, "OB", UNDEFINED_LENGTH) == b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"


def test_elements_are_replaced_added_and_removed_in_order() -> None:
    one, two, three = (Element(tag, "CS", b"") for tag in (1, 2, 3))
    other = Element(2, "CS", b"OTHER ")
    assert with_elements([one, three], {2: two}) == [one, two, three]
    assert with_elements([one, two, three], {2: other, 3: None, 4: None}) == [one, other]


@pytest.mark.parametrize("length", [0, 1, 5, 1_000, 100_000])
def test_deflated_data_sets_are_even_and_inflate(length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    compressed = b"".join(deflated([content[:length][:100], content[:length][100:]]))
    assert len(compressed) % 2 == 0
    assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(compressed) == content[:length]
