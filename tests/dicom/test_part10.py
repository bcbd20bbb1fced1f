"""Reading files: the same elements as pydicom, and one error for everything that is no DICOM file."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from dicom_core.dicom import part10
from dicom_core.dicom.data_set import MAX_NESTING
from dicom_core.dicom.part10 import Element, Header, NeedMoreBytes, NotDicom, read_header
from tests.dicom.bundled import READABLE, UNREADABLE, path, pydicom_read, quiet
from tests.dicom.factories import data_element, make_instance

PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "jpeg": JPEGBaseline8Bit,
}
META = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
IMPLICIT_META = b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\0"
SEQUENCE = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff"
ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
PATIENT_ID = b"\x10\x00\x20\x00LO\x02\x00P1"


def part_10(data_set: bytes, meta: bytes = META) -> bytes:
    return bytes(128) + b"DICM" + meta + data_set


def read(data_set: bytes, meta: bytes = META) -> Header:
    return read_header(part_10(data_set, meta), complete=True)


def plain(elements: list[Element], without: tuple[int, ...] = ()) -> dict[int, Any]:
    """Elements with values as bytes; UN as UN however pydicom takes it."""
    found: dict[int, Any] = {}
    for element in elements:
        if element.tag in without:
            continue
        value = element.value
        found[element.tag] = (
            element.vr,
            [plain(item) for item in value] if isinstance(value, list) else bytes(value),
        )
    return found


def pydicom_plain(data_set: Dataset, like: dict[int, Any], without: tuple[int, ...] = ()) -> dict[int, Any]:
    """Elements as pydicom read them; where it keeps no bytes, those that we found are taken for right."""
    found: dict[int, Any] = {}
    for tag in list(data_set.keys()):
        if int(tag) in without:
            continue
        ours = like.get(int(tag), ("", b""))
        element: Any = data_set.get_item(tag)
        if isinstance(ours[1], list):
            items = data_set[tag].value
            found[int(tag)] = ("SQ", [pydicom_plain(item, near) for item, near in zip(items, ours[1], strict=True)])
        elif isinstance(element, RawDataElement):
            vr = element.VR or (ours[0] if ours[0] == "UN" else data_set[tag].VR)
            found[int(tag)] = (str(vr), element.value or b"")
        else:
            found[int(tag)] = ours
    return found


@pytest.mark.parametrize("name", READABLE)
def test_bundled_files_have_the_elements_that_pydicom_finds(name: str) -> None:
    header = read_header(path(name).read_bytes(), complete=True)
    ours = plain(header.elements, PIXEL_DATA)
    with quiet():
        data_set = pydicom_read(name)
        assert ours == pydicom_plain(data_set, ours, PIXEL_DATA)
    assert header.transfer_syntax_uid == data_set.file_meta.TransferSyntaxUID
    assert (header.pixel_data is not None) == any(tag in data_set for tag in PIXEL_DATA)


@pytest.mark.parametrize("name", UNREADABLE)
def test_bundled_files_that_are_damaged_are_refused(name: str) -> None:
    with pytest.raises(NotDicom):
        read_header(path(name).read_bytes(), complete=True)


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle_2frame.dcm", "image_dfl.dcm"]
)
def test_reading_asks_for_more_bytes_until_the_header_is_there(name: str) -> None:
    data = path(name).read_bytes()
    whole = read_header(data, complete=True)
    available = [0]
    while True:
        try:
            header = read_header(memoryview(data)[: available[-1]], complete=False)
            break
        except NeedMoreBytes as need:
            available.append(need.at_least)
    assert available == sorted(set(available))
    assert header.pixel_data == whole.pixel_data
    before_pixel_data = len(header.elements)
    assert plain(header.elements) == plain(whole.elements[:before_pixel_data])


def test_a_file_without_pixel_data_needs_to_be_complete() -> None:
    data = make_instance()
    with pytest.raises(NeedMoreBytes) as caught:
        read_header(data, complete=False)
    assert caught.value.at_least > len(data)
    assert read_header(data, complete=True).pixel_data is None


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_elements_after_pixel_data_are_read(syntax: str) -> None:
    padding = data_element(0xFFFCFFFC, "OB", b"\0\0\0\0")
    data = make_instance(transfer_syntax=syntax, rows=3, columns=5, frames=2, elements=[padding])
    header = read_header(data, complete=True)
    assert header.elements[-1] == Element(0xFFFCFFFC, "OB", b"\0\0\0\0")
    assert header.pixel_data is not None
    assert header.find(0x00280010) is not None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_pixel_data_is_located(syntax: str) -> None:
    pixels = bytes(range(40))
    data = make_instance(transfer_syntax=syntax, rows=5, columns=8, pixel_data=pixels)
    pixel_data = read_header(data, complete=True).pixel_data
    assert pixel_data is not None
    assert pixel_data.length == 40
    assert data[pixel_data.offset : pixel_data.offset + 40] == pixels


def test_fragments_are_located() -> None:
    frames = [b"first ", b"second", b"third ."]
    header = read_header(data := make_instance(transfer_syntax=JPEGBaseline8Bit, rows=1, columns=1, pixel_data=frames), complete=True)
    assert header.fragments is not None
    found = [data[start : start + size] for start, size in zip(header.fragments.offsets, header.fragments.lengths, strict=True)]
    assert found == [b"first ", b"second", b"third .\0"]
    assert header.fragments.offset_table == struct.pack("<3I", 0, 14, 28)


def test_file_meta_information_is_read() -> None:
    meta = read_header(make_instance(instance="1.2.3"), complete=True).file_meta
    assert (meta.transfer_syntax_uid, meta.media_storage_sop_instance_uid) == (ExplicitVRLittleEndian, "1.2.3")
    assert meta.media_storage_sop_class_uid == "1.2.840.10008.5.1.4.1.1.7"


@pytest.mark.parametrize(
    "data",
    {
        "nothing": b"",
        "zeros": bytes(1000),
        "text": b"<html>" * 100,
        "prefix only": bytes(128) + b"DICM",
        "no transfer syntax": bytes(128) + b"DICM" + PATIENT_ID,
        "empty transfer syntax": part_10(PATIENT_ID, b"\x02\x00\x10\x00UI\x00\x00"),
        "meta cut short": part_10(b"", META[:-3]),
        "value cut short": part_10(PATIENT_ID[:-1]),
        "length past the end": part_10(b"\x10\x00\x20\x00UT\0\0\xf0\xff\xff\xff"),
        "sequence without end": part_10(SEQUENCE + ITEM + PATIENT_ID),
        "item past the end": part_10(SEQUENCE + b"\xfe\xff\x00\xe0\x00\x01\0\0" + PATIENT_ID),
        "item past its sequence": part_10(b"\x08\x00\x15\x11SQ\0\0\x0a\0\0\0" + b"\xfe\xff\x00\xe0\x0a\0\0\0" + PATIENT_ID + PATIENT_ID),
        "no item in a sequence": part_10(SEQUENCE + PATIENT_ID + SEQUENCE_END),
        "sequence delimiter in an item": part_10(SEQUENCE + ITEM + SEQUENCE_END + PATIENT_ID),
        "item at the top": part_10(ITEM + PATIENT_ID),
        "text without length": part_10(b"\x10\x00\x20\x00UT\0\0\xff\xff\xff\xff"),
        "too deep": part_10((SEQUENCE + ITEM) * (MAX_NESTING + 1) + (ITEM_END + SEQUENCE_END) * (MAX_NESTING + 1)),
        "pixel data cut short": make_instance(rows=8, columns=8)[:-1],
        "fragment cut short": make_instance(rows=8, columns=8, transfer_syntax=JPEGBaseline8Bit)[:-9],
        "two pixel data": make_instance(rows=2, columns=2) + make_instance(rows=2, columns=2)[-16:],
        "damaged deflation": part_10(b"\xff" * 100, META.replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99")),
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_no_dicom_file_is_refused(data: tuple[str, bytes]) -> None:
    with pytest.raises(NotDicom):
        read_header(data[1], complete=True)


def test_a_deflated_file_cut_short_is_refused() -> None:
    data = make_instance(transfer_syntax=DeflatedExplicitVRLittleEndian, PatientComments="x" * 500)
    with pytest.raises(NotDicom):
        read_header(data[:-6], complete=True)


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_NESTING
    header = read((SEQUENCE + ITEM) * depth + PATIENT_ID + (ITEM_END + SEQUENCE_END) * depth)
    elements = header.elements
    for _ in range(depth):
        (element,) = elements
        assert isinstance(element.value, list)
        (elements,) = element.value
    assert plain(elements) == {0x00100020: ("LO", b"P1")}


def test_a_deflated_bomb_is_refused_without_being_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part10, "MAX_HEADER_BYTES", 1024 * 1024)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflater.compress(b"\x09\x00\x10\x10UN\0\0\xf0\xff\xff\xff" + bytes(20_000_000)) + deflater.flush()
    meta = META.replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99")
    with pytest.raises(NotDicom, match="too large"):
        read(bomb, meta)


@pytest.mark.parametrize(("vr", "refused"), [("UT", True), ("UC", True), ("OB", False), ("UN", False)])
def test_only_text_counts_for_the_limit(monkeypatch: pytest.MonkeyPatch, vr: str, refused: bool) -> None:
    monkeypatch.setattr(part10, "MAX_HEADER_BYTES", 1024)
    data = part_10(b"\x09\x00\x10\x10" + vr.encode() + b"\0\0" + (2000).to_bytes(4, "little") + bytes(2000))
    if refused:
        with pytest.raises(NotDicom, match="too large"):
            read_header(data, complete=True)
    else:
        assert len(read_header(data, complete=True).elements) == 1


def test_a_long_value_asks_for_all_of_it() -> None:
    with pytest.raises(NeedMoreBytes) as need:
        read_header(part_10(b"\x09\x00\x10\x10UN\0\0\xf0\xff\xff\xff"), complete=False)
    assert need.value.at_least > 0xFFFFFFF0


@pytest.mark.parametrize("uid", [b"1.2\r\nX: 1.2 ", b"1.2.\xff\0", b"abc\0", b"1" * 66])
def test_a_transfer_syntax_that_is_no_uid_is_refused(uid: bytes) -> None:
    meta = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    with pytest.raises(NotDicom, match="transfer syntax"):
        read(b"\x08\x00\x05\x00CS\0\0", meta)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_core.dicom.data_set.MAX_ELEMENTS", 1000)
    with pytest.raises(NotDicom, match="too many"):
        read(b"\x10\x00\x20\x00LO\x00\x00" * 1001)
    with pytest.raises(NotDicom, match="too many"):
        read(SEQUENCE + b"\xfe\xff\x00\xe0\0\0\0\0" * 1001 + SEQUENCE_END)


def test_sequences_of_defined_and_undefined_length_are_the_same() -> None:
    item = PATIENT_ID + PATIENT_ID.replace(b"\x20", b"\x21")
    defined = b"\x08\x00\x15\x11SQ\0\0" + struct.pack("<L", len(item) + 8) + b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item
    assert plain(read(defined).elements) == plain(read(SEQUENCE + ITEM + item + ITEM_END + SEQUENCE_END).elements)


def test_unknown_vr_of_undefined_length_is_an_implicit_vr_sequence() -> None:
    unknown = b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff"
    header = read(unknown + ITEM + b"\x10\x00\x20\x00\x02\0\0\0P1" + ITEM_END + SEQUENCE_END)
    assert plain(header.elements) == {0x00091001: ("SQ", [{0x00100020: ("LO", b"P1")}])}


def test_implicit_vr_elements_in_an_explicit_vr_file_are_read() -> None:
    header = read(b"\x08\x00\x60\x00CS\x02\x00CT" + b"\x10\x00\x20\x00\x02\0\0\0P1")
    assert plain(header.elements) == {0x00080060: ("CS", b"CT"), 0x00100020: ("LO", b"P1")}
    assert not header.implicit_vr


def test_a_file_that_belies_its_transfer_syntax_is_read_as_it_is() -> None:
    assert read(b"\x10\x00\x20\x00\x02\0\0\0P1").implicit_vr
    assert not read(PATIENT_ID, IMPLICIT_META).implicit_vr


def test_an_unknown_vr_code_is_read_as_un() -> None:
    assert plain(read(b"\x09\x00\x01\x10ZZ\x02\x00ab" + PATIENT_ID).elements)[0x00091001] == ("UN", b"ab")


def test_trailing_padding_is_ignored() -> None:
    assert plain(read(PATIENT_ID + b"\0" * 7).elements) == {0x00100020: ("LO", b"P1")}


def test_a_stray_delimiter_at_the_end_is_ignored() -> None:
    assert plain(read(PATIENT_ID + SEQUENCE_END).elements) == {0x00100020: ("LO", b"P1")}


def test_a_nested_compressed_icon_is_one_value() -> None:
    icon = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x02\0\0\0ab" + SEQUENCE_END
    header = read(b"\x88\x00\x00\x02SQ\0\0\xff\xff\xff\xff" + ITEM + icon + ITEM_END + SEQUENCE_END + PATIENT_ID)
    (_, items) = plain(header.elements)[0x00880200]
    assert items == [{0x7FE00010: ("OB", b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0ab")}]
    assert header.pixel_data is None


@pytest.mark.parametrize(("representation", "vr"), [(b"\0\0", "US"), (b"\1\0", "SS")])
def test_ambiguous_vrs_follow_pixel_representation_also_in_items(representation: bytes, vr: str) -> None:
    smallest = b"\x28\x00\x06\x01\x02\0\0\0\x05\0"
    item = b"\xfe\xff\x00\xe0\x0a\0\0\0" + smallest
    header = read(
        b"\x08\x00\x15\x11\x12\0\0\0" + item + b"\x28\x00\x03\x01\x02\0\0\0" + representation + smallest,
        IMPLICIT_META,
    )
    found = plain(header.elements)
    assert found[0x00280106] == (vr, b"\5\0")
    assert found[0x00081115] == ("SQ", [{0x00280106: (vr, b"\5\0")}])


@pytest.mark.parametrize(("entries", "vr"), [(b"\1\0", "US"), (b"\0\1", "OW")])
def test_lut_data_of_one_entry_is_a_number(entries: bytes, vr: str) -> None:
    descriptor = b"\x28\x00\x02\x30\x06\0\0\0" + entries + b"\0\0\x10\0"
    header = read(descriptor + b"\x28\x00\x06\x30\x02\0\0\0\x07\0", IMPLICIT_META)
    assert {element.tag: element.vr for element in header.elements} == {0x00283002: "US", 0x00283006: vr}


def test_private_elements_of_implicit_vr_files_are_unknown_but_for_their_creators() -> None:
    header = read(b"\x09\x00\x10\x00\x04\0\0\0ACME" + b"\x09\x00\x01\x10\x02\0\0\0ab", IMPLICIT_META)
    assert plain(header.elements) == {0x00090010: ("LO", b"ACME"), 0x00091001: ("UN", b"ab")}
