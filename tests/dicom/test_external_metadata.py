from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.comparison import comparable
from dicom_core.dicom.document import assemble, first_text, fragments, vr
from dicom_core.dicom.external_metadata import EXTERNAL_VRS, external_element, is_external_tag, private_creators, with_external


@pytest.mark.parametrize(
    ("vr", "text", "value"),
    [
        ("LO", "  some text ", "some text"),
        ("LO", 'a"b', 'a"b'),
        ("PN", "A^B=C=D", {"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}),
        ("PN", "=C", {"Ideographic": "C"}),
        ("IS", "+007", 7),
        ("IS", "-2147483648", -2147483648),
        ("SL", "-2147483648", -2147483648),
        ("SS", "32767", 32767),
        ("UL", "4294967295", 4294967295),
        ("US", "0", 0),
        ("FD", "1.5", 1.5),
        ("FL", "-0.5e1", -5.0),
        ("DA", "20240131", "20240131"),
        ("UI", "1.2.3", "1.2.3"),
    ],
)
def test_texts_become_values(vr: str, text: str, value: object) -> None:
    element = external_element(vr, text)
    assert element is not None
    assert orjson.loads(element) == {"vr": vr, "Value": [value]}


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("AE", "x" * 17),
        ("AS", "1Y"),
        ("CS", "a"),
        ("DA", "2024"),
        ("DA", "20240230"),
        ("DA", "20240101-20240102"),
        ("TM", "10-"),
        ("DT", "24"),
        ("FD", "nan"),
        ("FD", "x"),
        ("FL", "1e39"),
        ("IS", "1.0"),
        ("IS", "2147483648"),
        ("LO", "a\x07"),
        ("LO", "a\\b"),
        ("PN", "a\\b"),
        ("PN", "a=b=c=d"),
        ("SH", "x" * 17),
        ("SL", "2147483648"),
        ("SS", "-32769"),
        ("TM", "99"),
        ("UI", "1.02"),
        ("UL", "-1"),
        ("US", "65536"),
        ("DA", "20240131" + " " * 300 + "-"),
    ],
)
def test_what_is_no_value_is_refused_without_being_quoted(vr: str, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        external_element(vr, text)
    assert len(text) < 5 or text not in str(caught.value)


@pytest.mark.parametrize("vr", sorted(EXTERNAL_VRS))
@pytest.mark.parametrize("text", ["", "   "])
def test_empty_texts_have_no_value(vr: str, text: str) -> None:
    assert external_element(vr, text) is None


@given(st.sampled_from(sorted(EXTERNAL_VRS)), st.text(max_size=30) | st.text("0123456789+-.=^ eEYW", max_size=20))
def test_any_text_is_a_value_or_refused(kind: str, text: str) -> None:
    try:
        element = external_element(kind, text)
    except ValueError:
        return
    if element is not None:
        assert vr(element) == kind
        assert b"\n" not in element
        assert comparable(kind, first_text(element) or "") == comparable(kind, text), "it is found by what was sent"


@pytest.mark.parametrize(
    ("tag", "vr", "allowed"),
    [
        ("001910FF", "LO", True),
        ("00191100", "PN", True),
        ("FFFDFFFF", "LO", True),
        ("FFFF1001", "LO", False),
        ("00071001", "LO", False),
        ("00091001", "LO", True),
        ("001900FF", "DA", True),
        ("001900FF", "LO", False),
        ("00190010", "LO", False),
        ("00190000", "UL", False),
        ("0019000F", "SH", False),
        ("00181000", "LO", False),
        ("001910f0", "LO", False),
        ("001910F", "LO", False),
    ],
)
def test_tags_are_private_and_no_private_creators(tag: str, vr: str, allowed: bool) -> None:
    assert is_external_tag(tag, vr) == allowed


def test_blocks_have_one_private_creator_each() -> None:
    creators = private_creators(frozenset(("001910FF", "00191001", "00191100", "002B1001", "001900FF")))
    assert creators == dict.fromkeys(("00190010", "00190011", "002B0010"), b'{"vr":"LO","Value":["Microsoft"]}')


def test_external_attributes_take_their_places_in_a_document() -> None:
    document = assemble({"00080020": b'{"vr":"DA"}', "001910FF": b'{"vr":"SH"}', "00200010": b'{"vr":"SH"}'})
    external = assemble({"001910FF": b'{"vr":"LO","Value":["x"]}'})
    joined = assemble(with_external(document, external))
    assert list(fragments(joined)) == ["00080020", "00190010", "001910FF", "00200010"]
    assert fragments(joined)["001910FF"] == b'{"vr":"LO","Value":["x"]}'
    assert with_external(document, b"{}") == fragments(document)
