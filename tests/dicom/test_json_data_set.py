from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.bulk_data import with_bulk_data_uris
from dicom_core.dicom.document import assemble
from dicom_core.dicom.elements import Header
from dicom_core.dicom.json_data_set import BulkPart, MissingBulkData, file_segments, first_value
from dicom_core.dicom.json_model import Encoded, encode
from dicom_core.dicom.json_objects import InvalidDocument, JsonObject, read_objects
from dicom_core.dicom.native_model import from_xml, to_xml
from dicom_core.dicom.part10 import read_header
from tests.dicom.bundled import READABLE, path, quiet
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE

_UIDS = {"00080016": {"vr": "UI", "Value": [SECONDARY_CAPTURE]}, "00080018": {"vr": "UI", "Value": [INSTANCE]}}
_JPEG = "1.2.840.10008.1.2.4.50"


def _file(document: JsonObject, bulk: Mapping[str, Sequence[BulkPart]] | None = None, kept: bytes = b"") -> bytes:
    segments = file_segments(document, bulk or {})
    return b"".join([each if isinstance(each, bytes) else kept[each.offset : each.offset + each.length] for each in segments])


def _value(element: JsonObject) -> Any:
    with quiet():
        data_set = pydicom.dcmread(_in_memory(_file({**_UIDS, "00091001": element})))
    return data_set[0x00091001].value


def _in_memory(file: bytes) -> Any:
    return pydicom.filebase.DicomBytesIO(file)


def _bulk_of(file: bytes, header: Header, encoded: Encoded) -> tuple[dict[str, list[BulkPart]], bytes]:
    bulk, kept = {}, b""
    for each in encoded.bulk:
        end = file.rindex(bytes.fromhex("feffdde000000000")) if each.length is None else each.offset + each.length
        value = file[each.offset : end]
        syntax = header.transfer_syntax_uid if each.length is None else ""
        bulk[f"u/{each.path.replace('/', '.')}"] = [BulkPart(len(kept), len(value), syntax, value[:4])]
        kept += value
    return bulk, kept


def _without_character_sets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_character_sets(each) for key, each in value.items() if key != "00080005"}
    return [_without_character_sets(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("as_xml", [False, True], ids=["json", "xml"])
@pytest.mark.parametrize("name", READABLE)
def test_bundled_files_survive(name: str, *, as_xml: bool) -> None:
    original = path(name).read_bytes()
    header = read_header(original, complete=True)
    encoded = encode(header)
    if header.deflated or not header.little_endian:
        encoded.bulk.clear()  # its bytes are others
    document = with_bulk_data_uris(assemble(encoded.fragments), encoded.bulk, "u")
    [data_set] = read_objects(document)
    bulk, kept = _bulk_of(original, header, encoded)
    written = _file(from_xml(to_xml(data_set)) if as_xml else data_set, bulk, kept)
    copy = read_header(written, complete=True)
    again = encode(copy)
    before, after = (_without_character_sets(json.loads(assemble(each.fragments))) for each in (encoded, again))
    assert after == before
    values = {each.path: each for each in again.bulk}
    for each in encoded.bulk:
        other = values[each.path]
        [part] = bulk[f"u/{each.path.replace('/', '.')}"]
        assert written[other.offset : other.offset + part.length] == kept[part.offset : part.offset + part.length]
    if copy.transfer_syntax_uid != header.transfer_syntax_uid:
        assert copy.transfer_syntax_uid == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("vr", "values", "expected"),
    [
        ("LO", ["a", None, "b"], ["a", "", "b"]),
        ("DS", ["1.50", "-2"], ["1.50", "-2"]),
        ("DS", ["0.1234567890123456789"], "0.12345678901235"),
        ("DS", ["-1234567890.1234567e-100"], "-1.23456789e-91"),
        ("IS", ["12", "-3"], ["12", "-3"]),
        ("US", ["1", "65535"], [1, 65535]),
        ("SS", ["-32768"], -32768),
        ("UV", ["18446744073709551615"], 18446744073709551615),
        ("FD", ["1.5", "-Infinity"], [1.5, float("-inf")]),
        ("FL", ["0.25"], 0.25),
        ("AT", ["00100010", "7fe00010"], [0x00100010, 0x7FE00010]),
        ("PN", [{"Alphabetic": "A^B", "Phonetic": "C"}, None], ["A^B==C", ""]),
        ("PN", ["A^B"], "A^B"),
        ("SQ", [{"00100020": {"vr": "LO", "Value": ["x"]}}, None], 2),
    ],
)
def test_values(vr: str, values: list[Any], expected: Any) -> None:
    value = _value({"vr": vr, "Value": values})
    found = list(value) if isinstance(expected, list) else len(value) if vr == "SQ" else value
    if vr in ("DS", "IS", "PN"):
        found = [str(each) for each in found] if isinstance(found, list) else str(found)
    assert found == expected


@pytest.mark.parametrize(
    "element", [{"vr": "OB", "InlineBinary": base64.b64encode(b"abc").decode()}, {"vr": "UN", "InlineBinary": "YW\nJj"}]
)
def test_inline_binary(element: JsonObject) -> None:
    assert _value(element) == b"abc\0"


@pytest.mark.parametrize("vr", ["LO", "SQ", "OB", "US"])
def test_empty_elements(vr: str) -> None:
    assert not _value({"vr": vr})


def test_text_is_utf_8_where_it_has_to_be() -> None:
    item = {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}, "00100020": {"vr": "LO", "Value": ["\u00e9"]}}
    document = {**_UIDS, "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}, "00081110": {"vr": "SQ", "Value": [item]}}
    data_set = pydicom.dcmread(_in_memory(_file(document)))
    assert data_set.SpecificCharacterSet == "ISO_IR 192"
    assert data_set.ReferencedStudySequence[0].PatientID == "\u00e9"
    item["00100020"]["Value"] = ["e"]
    assert pydicom.dcmread(_in_memory(_file(document))).SpecificCharacterSet == "ISO_IR 100"


def test_file_meta_information() -> None:
    document = {**_UIDS, "00020010": {"vr": "UI", "Value": ["1.2"]}, "00080000": {"vr": "UL", "Value": ["1"]}}
    data_set = pydicom.dcmread(_in_memory(_file(document)))
    assert data_set.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert data_set.file_meta.MediaStorageSOPInstanceUID == INSTANCE
    assert 0x00080000 not in data_set


@pytest.mark.parametrize("frames", [[b"one"], [b"one", b"second"]])
def test_compressed_pixel_data_by_frames(frames: list[bytes]) -> None:
    kept = b"".join(frames)
    parts = [BulkPart(kept.index(frame), len(frame), _JPEG, frame[:4]) for frame in frames]
    pixels = {"00280008": {"vr": "IS", "Value": [str(len(frames))]}, "7FE00010": {"vr": "OW", "BulkDataURI": "p"}}
    data_set = pydicom.dcmread(_in_memory(_file({**_UIDS, **pixels}, {"p": parts}, kept)))
    assert data_set.file_meta.TransferSyntaxUID == _JPEG
    found = list(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=len(frames)))
    assert [frame.rstrip(b"\0") for frame in found] == frames


@pytest.mark.parametrize(
    "document",
    [
        {"0010": {"vr": "LO"}},
        {"00100020": []},
        {"00100020": {}},
        {"00100020": {"vr": "XX"}},
        {"00100020": {"vr": []}},
        {"00100020": {"vr": "LO", "Value": "x"}},
        {"00100020": {"vr": "LO", "Value": [[]]}},
        {"00100020": {"vr": "LO", "Value": [True]}},
        {"00100020": {"vr": "DS", "Value": [{}]}},
        {"00100020": {"vr": "US", "Value": ["65536"]}},
        {"00100020": {"vr": "US", "Value": ["1.5"]}},
        {"00100020": {"vr": "US", "Value": [None]}},
        {"00100020": {"vr": "UL", "Value": ["9" * 5000]}},
        {"00100020": {"vr": "FL", "Value": ["1e300"]}},
        {"00100020": {"vr": "FD", "Value": ["x"]}},
        {"00100020": {"vr": "AT", "Value": ["x"]}},
        {"00100020": {"vr": "PN", "Value": [{"Alphabetic": 1}]}},
        {"00100020": {"vr": "OB", "Value": ["x"]}},
        {"00100020": {"vr": "OB", "InlineBinary": "x"}},
        {"00100020": {"vr": "OB", "InlineBinary": 1}},
        {"00081110": {"vr": "SQ", "Value": ["x"]}},
        {"00081110": {"vr": "SQ", "Value": {}}},
    ],
    ids=str,
)
def test_what_is_no_data_set(document: JsonObject) -> None:
    with pytest.raises(InvalidDocument):
        file_segments(document, {})


def test_nesting_is_bounded() -> None:
    document: JsonObject = {}
    for _ in range(200):
        document = {"00081110": {"vr": "SQ", "Value": [document]}}
    with pytest.raises(InvalidDocument):
        file_segments(document, {})


@pytest.mark.parametrize("uri", ["other", "", None, []])
def test_bulk_data_that_is_not_there(uri: Any) -> None:
    with pytest.raises(MissingBulkData):
        file_segments({"7FE00010": {"vr": "OW", "BulkDataURI": uri}}, {"u": [BulkPart(0, 1)]})


@pytest.mark.parametrize("syntaxes", [["1.2.840.10008.1.2.2"], [_JPEG, ""]], ids=["big endian", "different"])
def test_transfer_syntaxes_that_are_not_taken(syntaxes: list[str]) -> None:
    with pytest.raises(InvalidDocument):
        file_segments({"7FE00010": {"vr": "OW", "BulkDataURI": "u"}}, {"u": [BulkPart(0, 1, syntax) for syntax in syntaxes]})


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["OB", "PN", "SQ", "US"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", "BulkDataURI", "InlineBinary", "00081110", "7FE00010", "0008"]), inner, max_size=4
        )
    ),
)


@given(st.dictionaries(st.text(max_size=9) | st.sampled_from(["00080005", "00081110"]), _JSON))
def test_any_json_makes_a_file_or_is_refused(document: JsonObject) -> None:
    first_value(document, "00081110")
    try:
        file = _file(document)
    except (InvalidDocument, MissingBulkData):
        return
    read_header(file, complete=True)
