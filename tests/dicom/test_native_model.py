from __future__ import annotations

from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.document import assemble
from dicom_core.dicom.json_model import encode
from dicom_core.dicom.json_objects import InvalidDocument, read_objects
from dicom_core.dicom.native_model import from_xml, to_xml
from dicom_core.dicom.part10 import read_header
from tests.dicom.bundled import READABLE, path

_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def _model(content: str) -> bytes:
    return f'<NativeDicomModel xmlns="{_NAMESPACE[1:-1]}">{content}</NativeDicomModel>'.encode()


@pytest.mark.parametrize("name", READABLE)
def test_bundled_files_survive(name: str) -> None:
    header = read_header(path(name).read_bytes(), complete=True)
    [document] = read_objects(assemble(encode(header).fragments))
    assert from_xml(to_xml(document)) == document


# what XML can hold
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"), min_size=1)
_TAGS = st.integers(0x00080000, 0xFFFCFFFC).map(lambda tag: f"{tag:08X}")
_NAMES = st.dictionaries(st.sampled_from(("Alphabetic", "Ideographic", "Phonetic")), _TEXT, min_size=1)


def _elements(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def of(vr: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.fixed_dictionaries({"vr": st.just(vr), **members})

    def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(values, min_size=1, max_size=4)

    return st.one_of(
        of("LO"),
        of("LO", Value=lists(_TEXT | st.none())),
        of("PN", Value=lists(_NAMES | st.none())),
        of("SQ", Value=lists(items)),
        of("OB", BulkDataURI=_TEXT),
        of("OB", InlineBinary=_TEXT),
    )


_DATA_SETS: st.SearchStrategy[Any] = st.deferred(
    lambda: st.dictionaries(_TAGS, _elements(_DATA_SETS), max_size=4).map(lambda found: dict(sorted(found.items())))
)


@given(_DATA_SETS)
def test_any_data_set_survives(document: dict[str, Any]) -> None:
    assert from_xml(to_xml(document)) == document


def test_what_is_written() -> None:
    document = {
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00090010": {"vr": "LO", "Value": ["ACME <1>"]},
        "00091001": {"vr": "US", "Value": ["1", "2"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "\u5c71"}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "https://h/bulkdata/7FE00010?a&b"},
    }
    root = ElementTree.fromstring(to_xml(document))
    assert root.tag == f"{_NAMESPACE}NativeDicomModel"
    assert [each.attrib for each in root] == [
        {"tag": "00080060", "vr": "CS", "keyword": "Modality"},
        {"tag": "00090010", "vr": "LO"},
        {"tag": "00090001", "vr": "US", "privateCreator": "ACME <1>"},
        {"tag": "00100010", "vr": "PN", "keyword": "PatientName"},
        {"tag": "7FE00010", "vr": "OW", "keyword": "PixelData"},
    ]
    assert [(value.get("number"), value.text) for value in root[2]] == [("1", "1"), ("2", "2")]
    name = root[3][0]
    assert [(part.tag.removeprefix(_NAMESPACE), part.text) for part in name[0]] == [("FamilyName", "Doe"), ("GivenName", "Jane")]
    assert [part.tag for part in name] == [f"{_NAMESPACE}Alphabetic", f"{_NAMESPACE}Ideographic"]
    assert root[4][0].attrib == {"uri": "https://h/bulkdata/7FE00010?a&b"}


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    assert from_xml(to_xml({"00100020": {"vr": "LO", "Value": ["a\0\x1b"]}}))["00100020"]["Value"] == ["a\ufffd\ufffd"]


@pytest.mark.parametrize(
    ("content", "element"),
    [
        ('<DicomAttribute tag="0020000d" vr="UI"/>', {"vr": "UI"}),
        ('<DicomAttribute tag="0020000D" vr="UI"> <Value>1</Value>\n<Value>2</Value> </DicomAttribute>', {"vr": "UI", "Value": ["1", "2"]}),
        ('<DicomAttribute tag="0020000D" vr="UI"><Value number="3">1</Value></DicomAttribute>', {"vr": "UI", "Value": [None, None, "1"]}),
        ('<DicomAttribute tag="0020000D" vr="UI"><Other><Value>1</Value></Other></DicomAttribute>', {"vr": "UI"}),
        (
            '<DicomAttribute tag="0020000D" vr="PN"><PersonName number="1"><Alphabetic><NamePrefix>Dr</NamePrefix></Alphabetic>'
            "</PersonName></DicomAttribute>",
            {"vr": "PN", "Value": [{"Alphabetic": "^^^Dr"}]},
        ),
        ('<DicomAttribute tag="0020000D" vr="OB"><BulkData uuid="1"/></DicomAttribute>', {"vr": "OB", "BulkDataURI": "1"}),
        ('<DicomAttribute tag="0020000D"/>', {"vr": "UI"}),
    ],
    ids=["empty", "unnumbered", "numbers left out", "unknown element", "name component", "uuid", "VR left out"],
)
def test_what_others_write(content: str, element: dict[str, Any]) -> None:
    assert from_xml(_model(content)) == {"0020000D": element}


def test_private_attributes_get_the_block_of_their_creator() -> None:
    def private(number: str, creator: str) -> str:
        return f'<DicomAttribute tag="000900{number}" vr="LO" privateCreator="{creator}"><Value>{creator}{number}</Value></DicomAttribute>'

    there = '<DicomAttribute tag="00090011" vr="LO"><Value>B</Value></DicomAttribute>'
    found = from_xml(_model(private("01", "C") + private("02", "B") + there + private("01", "A") + private("03", "C")))
    assert {tag: element["Value"][0] for tag, element in found.items()} == {
        "00090010": "C",
        "00090011": "B",
        "00090012": "A",
        "00091001": "C01",
        "00091003": "C03",
        "00091102": "B02",
        "00091201": "A01",
    }
    assert list(found) == sorted(found)
    with pytest.raises(InvalidDocument):
        from_xml(_model("".join(private("01", f"C{number}") for number in range(241))))


def test_encoding_and_prefix_of_others() -> None:
    text = (
        f'<?xml version="1.0" encoding="UTF-16"?><n:NativeDicomModel xmlns:n="{_NAMESPACE[1:-1]}"><n:DicomAttribute tag="00100020" '
        'vr="LO"><n:Value>\u00e9</n:Value></n:DicomAttribute></n:NativeDicomModel>'
    )
    assert from_xml(text.encode("utf-16")) == {"00100020": {"vr": "LO", "Value": ["\u00e9"]}}


_DEEP = '<DicomAttribute tag="00081115" vr="SQ"><Item number="1">' * 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"<NativeDicomModel>",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nonsense"?><NativeDicomModel/>',
        b"<!DOCTYPE NativeDicomModel><NativeDicomModel/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><NativeDicomModel>&b;</NativeDicomModel>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><NativeDicomModel>&a;</NativeDicomModel>',
        b"<NativeDicomModel>&other;</NativeDicomModel>",
        _model('<DicomAttribute vr="UI"/>'),
        _model('<DicomAttribute tag="0020000D" vr="UID"/>'),
        _model('<DicomAttribute tag="00280106"/>'),
        _model('<DicomAttribute tag="0020000D" vr="UI"><Value number="0"/></DicomAttribute>'),
        _model('<DicomAttribute tag="0020000D" vr="UI"><Value number="9999999"/></DicomAttribute>'),
        _model('<DicomAttribute tag="0020000D" vr="UI"><Value number="2"/><Value number="1"/></DicomAttribute>'),
        _model(_DEEP + "</Item></DicomAttribute>" * 100),
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        from_xml(data)


@given(st.binary() | st.text().map(_model))
def test_anything_else_is_refused_or_read(data: bytes) -> None:
    with suppress(InvalidDocument):
        from_xml(data)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"1", b'"a"', b"\xff", b"[" * 100_000, b'[{"a":1},null]'])
def test_json_that_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        read_objects(data)


def test_numbers_are_text() -> None:
    numbers = b'{"00280030":{"vr":"DS","Value":[1.50, 123456789012345678901234567890, 1e-5]}}'
    assert read_objects(numbers) == [{"00280030": {"vr": "DS", "Value": ["1.50", "123456789012345678901234567890", "1e-5"]}}]
