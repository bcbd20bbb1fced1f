"""DICOM JSON: the same as pydicom's but for the rules that differ, and those rules one by one."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_core.dicom.document import assemble
from dicom_core.dicom.json_model import EXCLUDED_VRS, Bulk, Message, Values, encode
from dicom_core.dicom.json_values import CODECS
from dicom_core.dicom.part10 import read_header
from tests.dicom.bundled import READABLE, path, pydicom_json
from tests.dicom.factories import data_element, make_instance, write_instance

SYNTAXES = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big-endian": ExplicitVRBigEndian}


def document(data: bytes) -> dict[str, Any]:
    """The metadata of a file, through the text of its document."""
    found: dict[str, Any] = json.loads(assemble(encode(read_header(data, complete=True)).fragments))
    return found


def encoded_value(tag: int, vr: str, value: bytes, **attributes: Any) -> dict[str, Any]:
    """The JSON of one element with this encoded value."""
    found: dict[str, Any] = document(make_instance(raw_elements=[(tag, vr, value)], **attributes))[f"{tag:08X}"]
    return found


def as_ours(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """What pydicom made of a data set, with the differences that our rules demand."""
    found = {}
    for tag, member in theirs.items():
        vr = str(member["vr"])
        if vr in EXCLUDED_VRS or tag.endswith("0000"):
            continue
        if int(tag, 16) & 0x10000 and tag not in ours:
            continue  # pydicom knows some private elements of implicit VR files
        values = member.get("Value", [])
        if vr == "SQ":
            near = ours[tag].get("Value", [])
            values = [as_ours(item, mine) for item, mine in zip(values, near, strict=True)]
        values = [(value.rstrip(" ") or None) if isinstance(value, str) else value for value in values]
        found[tag] = {"vr": vr, "Value": values} if values else {"vr": vr}
    return found


# pydicom takes UN elements as what the dictionary says, or gives up on a sequence for one bad value in it
NOT_COMPARED = {"rtdose_rle.dcm", "rtdose_rle_1frame.dcm", "badVR.dcm"}
LEFT_OUT_BY_PYDICOM = {name: {"300C0002"} for name in ("rtdose.dcm", "rtdose_1frame.dcm", "rtdose_expb.dcm", "rtdose_expb_1frame.dcm")} | {
    "J2K_pixelrep_mismatch.dcm": set()
}


@pytest.mark.parametrize("name", [name for name in READABLE if name not in NOT_COMPARED])
def test_bundled_files_convert_as_pydicom_does(name: str) -> None:
    ours = document(path(name).read_bytes())
    theirs = as_ours(pydicom_json(name), ours)
    left_out = LEFT_OUT_BY_PYDICOM.get(name, set())
    assert {tag: member for tag, member in ours.items() if tag not in left_out} == theirs
    assert list(ours) == sorted(ours)


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_the_encoding_of_the_file_does_not_matter(syntax: str) -> None:
    found = document(make_instance(transfer_syntax=syntax, rows=2, columns=2, bits=16, PatientWeight="70.5", EchoTime=None))
    assert found["00280010"] == {"vr": "US", "Value": [2]}
    assert found["00101030"] == {"vr": "DS", "Value": [70.5]}
    assert found["00180081"] == {"vr": "DS"}
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    assert "7FE00010" not in found


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("CS", b"CT", ["CT"]),
        ("CS", b"A \\B \\ C", ["A", "B", " C"]),
        ("CS", b"A\\\\B", ["A", None, "B"]),
        ("CS", b"A\\", ["A", None]),
        ("CS", b"\\", [None, None]),
        ("CS", b"    ", []),
        ("CS", b"CT\0 ", ["CT\0"]),
        ("AE", b"  ", []),
        ("AE", b"A \\  ", ["A", None]),
        ("LO", b'say "hi"\r\n\t', ['say "hi"\r\n\t']),
        ("LO", b"\0\0", ["\0\0"]),
        ("LT", b" a\\b ", [" a\\b"]),
        ("UT", b"  ", []),
        ("UC", b"a\\b", ["a", "b"]),
        ("UR", b"http://a/\\b", ["http://a/\\b"]),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("UI", b"1.2 \\3\0", ["1.2", "3"]),
        ("DA", b"20200102\\20200103", ["20200102", "20200103"]),
        ("PN", b"A^B=C=D ", [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}]),
        ("PN", b"==D", [{"Phonetic": "D"}]),
        ("PN", b"A\\\\B", [{"Alphabetic": "A"}, None, {"Alphabetic": "B"}]),
        ("PN", b"A=B=C=D", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}]),
        ("PN", b"==", []),
        ("IS", b"12 ", [12]),
        ("IS", b" +012\\-3\\-0", [12, -3, 0]),
        ("IS", b"1\\\\2", [1, None, 2]),
        ("IS", b"1.0", ["1.0"]),
        ("IS", b"x\\2", ["x", 2]),
        ("IS", b"9223372036854775808", ["9223372036854775808"]),
        ("IS", b"9223372036854775807", [9223372036854775807]),
        ("IS", b"9" * 70, ["9" * 70]),
        ("DS", b"1.50\\-0.0\\2", [1.5, 0, 2]),
        ("DS", b"+1\\01\\1.\\.5\\-.5e+03\\1E2 ", [1, 1, 1, 0.5, -500, 100]),
        ("DS", b" 1", [1]),
        ("DS", b"abc\\1", ["abc", 1]),
        ("DS", b".\\-\\e5\\1,5\\0x1\\NaN", [".", "-", "e5", "1,5", "0x1", "NaN"]),
        ("DS", b"1e999", ["1e999"]),
        ("DS", b"1.5\0", ["1.5\0"]),
        ("DS", b"\\", [None, None]),
        ("US", struct.pack("<2H", 1, 65535), [1, 65535]),
        ("US", b"\1\0\2", [1]),
        ("US", b"\1", []),
        ("SS", struct.pack("<h", -2), [-2]),
        ("UL", struct.pack("<L", 4294967295), [4294967295]),
        ("SL", struct.pack("<l", -5), [-5]),
        ("UV", struct.pack("<Q", (1 << 64) - 1), [(1 << 64) - 1]),
        ("SV", struct.pack("<q", -(1 << 63)), [-(1 << 63)]),
        ("FL", struct.pack("<f", 0.1), [struct.unpack("<f", struct.pack("<f", 0.1))[0]]),
        ("FD", struct.pack("<4d", 0.1, math.nan, math.inf, -math.inf), [0.1, "NaN", "Infinity", "-Infinity"]),
        ("FD", struct.pack("<2d", 1e300, 5.0), [1e300, 5.0]),
        ("AT", struct.pack("<4H", 0x0010, 0x0020, 0xFFFE, 0xABCD), ["00100020", "FFFEABCD"]),
    ],
)
def test_values_by_vr(vr: str, value: bytes, expected: list[Any]) -> None:
    found = encoded_value(0x00091001, vr, value)
    assert found == ({"vr": vr, "Value": expected} if expected else {"vr": vr})


def test_numbers_keep_their_digits() -> None:
    data = make_instance(raw_elements=[(0x00091001, "DS", b"1.50\\100\\0.10"), (0x00091002, "IS", b"7\\8")])
    fragments = encode(read_header(data, complete=True)).fragments
    assert fragments["00091001"] == b'{"vr":"DS","Value":[1.50,100,0.10]}'
    assert fragments["00091002"] == b'{"vr":"IS","Value":[7,8]}'


@pytest.mark.parametrize("vr", sorted(EXCLUDED_VRS))
def test_bulk_vrs_are_left_out_at_every_depth_and_listed(vr: str) -> None:
    item = Dataset()
    item.add(data_element(0x00091001, "LO", "kept"))
    nested = Dataset()
    nested.add(data_element(0x00091002, vr, b"bulkdata"))
    item.add(data_element(0x00091003, "SQ", [Dataset(), nested]))
    outer = Dataset()
    outer.add(data_element(0x00091004, "SQ", [item]))
    outer.add(data_element(0x00091005, vr, bytes(16)))
    file = write_instance(outer)
    encoded = encode(read_header(file, complete=True))
    assert json.loads(assemble(encoded.fragments)) == {
        "00091004": {
            "vr": "SQ",
            "Value": [{"00091001": {"vr": "LO", "Value": ["kept"]}, "00091003": {"vr": "SQ", "Value": [{}, {}]}}],
        }
    }
    nested_value, value = Bulk("00091004/1/00091003/2/00091002", vr, file.index(b"bulkdata"), 8), Bulk("00091005", vr, len(file) - 16, 16)
    assert encoded.bulk == [nested_value, value]


def test_pixel_data_is_listed_as_bulk() -> None:
    file = make_instance(rows=4, columns=4)
    assert encode(read_header(file, complete=True)).bulk == [Bulk("7FE00010", "OB", len(file) - 16, 16)]


def test_an_empty_sequence_has_no_value() -> None:
    assert document(make_instance(ReferencedStudySequence=[]))["00081110"] == {"vr": "SQ"}


def test_group_lengths_and_stray_file_meta_information_are_left_out() -> None:
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    length = b"\x08\x00\x00\x00UL\x04\x00\0\0\0\0"
    stray = b"\x10\x00\x20\x00LO\x02\x00P1" + b"\x02\x00\x12\x00UI\x04\x001.2\0"
    assert document(bytes(128) + b"DICM" + meta + length + stray) == {"00100020": {"vr": "LO", "Value": ["P1"]}}


def test_elements_out_of_order_are_put_in_order_and_the_last_of_equals_counts() -> None:
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    elements = b"\x10\x00\x20\x00LO\x02\x00P1" + b"\x08\x00\x60\x00CS\x02\x00CT" + b"\x10\x00\x20\x00LO\x02\x00P2"
    found = document(bytes(128) + b"DICM" + meta + elements)
    assert list(found) == ["00080060", "00100020"]
    assert found["00100020"]["Value"] == ["P2"]


def test_items_inherit_the_character_set_unless_they_have_their_own() -> None:
    latin, greek = Dataset(), Dataset()
    latin.CodeMeaning = "Größe"
    greek.SpecificCharacterSet = "ISO_IR 126"
    greek.CodeMeaning = "Διον"
    outer = Dataset()
    outer.SpecificCharacterSet = "ISO_IR 100"
    outer.ProcedureCodeSequence = [greek, latin]
    outer.PatientComments = "Ångström"
    found = document(write_instance(outer))
    assert [item["00080104"]["Value"] for item in found["00081032"]["Value"]] == [["Διον"], ["Größe"]]
    assert found["00104000"]["Value"] == ["Ångström"]
    assert found["00080005"]["Value"] == ["ISO_IR 100"]


class Recorder:
    def __init__(self, *objections: int) -> None:
        self.seen: dict[int, tuple[str, list[Any], str | None]] = {}
        self.objections = objections

    def __call__(self, tag: int, vr: str, values: Values, creator: str | None) -> str | None:
        self.seen[tag] = (vr, list(values), creator)
        return "no" if tag in self.objections else None


def test_every_element_is_asked_about_with_its_private_creator() -> None:
    item = Dataset()
    item.add(data_element(0x00090011, "LO", "INNER"))
    item.add(data_element(0x00091101, "DS", "1.5"))
    data_set = Dataset()
    data_set.add(data_element(0x00080060, "CS", "CT"))
    data_set.add(data_element(0x00090010, "LO", "ACME"))
    data_set.add(data_element(0x00091001, "OB", b"ab"))
    data_set.add(data_element(0x00091101, "US", 7))
    data_set.add(data_element(0x00091002, "SQ", [item]))
    data_set.add(data_element(0x00100040, "AE", "  "))
    data_set.add(data_element(0x00104000, "LT", "long" * 100))
    check, rule = Recorder(), Recorder()
    header = read_header(write_instance(data_set), complete=True)
    encode(header, check=check, noted=frozenset((0x00080060,)), note_private=True, rule=rule)
    assert check.seen == {
        0x00080060: ("CS", ["CT"], None),
        0x00090010: ("LO", ["ACME"], None),
        0x00091001: ("OB", [], "ACME"),
        0x00091002: ("SQ", [], "ACME"),
        0x00091101: ("US", [7], None),
    }
    assert rule.seen == {
        0x00090011: ("LO", ["INNER"], None),
        0x00091101: ("DS", ["1.5"], "INNER"),
        0x00100040: ("AE", ["  "], None),
        0x00104000: ("LT", ["long" * 100], None),
    }


def test_answers_of_a_rule_are_remembered() -> None:
    data = read_header(make_instance(Modality="CT"), complete=True)
    rule = Recorder(0x00080060)
    first = encode(data, rule=rule)
    assert first.messages == [Message(0x00080060, None, "no")]
    rule.seen.clear()
    assert encode(data, rule=rule) == first
    assert 0x00080060 not in rule.seen
    assert encode(data, rule=Recorder()).messages == []


def test_what_a_check_objects_to_is_left_out_where_it_stands_unless_kept() -> None:
    data = make_instance(Modality="CT", ReferencedStudySequence=[{"Modality": "MR", "PatientID": "x"}])
    objecting = Recorder(0x00080060, 0x00100020)
    identifiers = frozenset((0x00100020,))
    encoded = encode(read_header(data, complete=True), noted=frozenset((0x00080060,)), rule=objecting, keep=identifiers)
    found = json.loads(assemble(encoded.fragments))
    assert found["00081110"]["Value"] == [{"00100020": {"vr": "LO", "Value": ["x"]}}]
    assert found["00080060"]["Value"] == ["CT"], "nobody was asked"
    assert "00100020" in found
    nested, kept = Message(0x00080060, None, "no"), Message(0x00100020, None, "no")
    assert encoded.messages == [nested, kept, kept]


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=40))
def test_text_round_trips(text: str) -> None:
    value = text.encode() + b" " * (len(text.encode()) % 2)
    found = encoded_value(0x00104000, "LT", value, SpecificCharacterSet="ISO_IR 192")
    assert found.get("Value", [""]) == [text.rstrip(" ")]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_floats_round_trip(numbers: list[float]) -> None:
    assert encoded_value(0x00091001, "FL", struct.pack(f"<{len(numbers)}f", *numbers))["Value"] == numbers


@given(st.from_regex(r"[ +-]?[0-9.eE+-]{1,14}", fullmatch=True))
def test_decimal_strings_become_equal_numbers_or_stay_text(text: str) -> None:
    (found,) = encoded_value(0x00091001, "DS", text.encode() + b" " * (len(text) % 2)).get("Value", [None])
    try:
        number = float(text)
    except ValueError:
        assert found == (text.rstrip(" ") or None)
    else:
        assert found == (number if math.isfinite(number) else text)


@settings(deadline=None, max_examples=200)
@given(vr=st.sampled_from(sorted(CODECS)), value=st.binary(max_size=40))
def test_any_bytes_give_valid_json(vr: str, value: bytes) -> None:
    encoded_value(0x00091001, vr, value + b"\0" * (len(value) % 2), SpecificCharacterSet=["", "ISO 2022 IR 87", "ISO 2022 IR 149"])
