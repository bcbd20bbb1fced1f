"""Documents come apart and together without being parsed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom import document
from dicom_core.dicom.document import assemble, first_text, fragment, fragments, values

FRAGMENTS = {
    "00080005": b'{"vr":"CS","Value":["ISO_IR 192"]}',
    "00080020": b'{"vr":"DA"}',
    "00081115": b'{"vr":"SQ","Value":[{"00080020":{"vr":"DA","Value":["20200101"]},"00100010":{"vr":"PN"}}]}',
    "00100010": b'{"vr":"PN","Value":[{"Alphabetic":"A","Phonetic":"P"}]}',
    "00200013": b'{"vr":"IS","Value":[7,8]}',
}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def test_a_document_is_json_with_ascending_tags() -> None:
    found = json.loads(assemble(dict(reversed(FRAGMENTS.items()))))
    assert list(found) == list(FRAGMENTS)
    assert found["00200013"] == {"vr": "IS", "Value": [7, 8]}


def test_fragments_are_cut_out_again() -> None:
    whole = assemble(FRAGMENTS)
    assert fragments(whole) == FRAGMENTS
    for tag, piece in FRAGMENTS.items():
        assert fragment(whole, tag) == piece


def test_a_nested_attribute_is_no_member() -> None:
    whole = assemble({"00081115": FRAGMENTS["00081115"], "00200013": FRAGMENTS["00200013"]})
    assert fragment(whole, "00080020") is None
    assert fragment(whole, "00100010") is None


def test_the_empty_document() -> None:
    assert assemble({}) == b"{}"
    assert fragments(b"{}") == {}
    assert fragment(b"{}", "00100010") is None


@given(st.dictionaries(st.from_regex("[0-9A-F]{8}", fullmatch=True), TEXTS))
def test_any_text_survives(members: dict[str, str]) -> None:
    pieces = {tag: json.dumps({"vr": "LT", "Value": [text]}, ensure_ascii=False).encode() for tag, text in members.items()}
    whole = assemble(pieces)
    assert fragments(whole) == pieces
    for tag, text in members.items():
        assert values(fragment(whole, tag) or b"") == [text]


def test_first_text_is_what_is_indexed() -> None:
    expected: dict[bytes, Any] = {
        b'{"vr":"CS","Value":["CT","MR"]}': "CT",
        b'{"vr":"CS"}': None,
        b'{"vr":"LO","Value":[null,"b"]}': None,
        b'{"vr":"IS","Value":[12]}': "12",
        b'{"vr":"DS","Value":[1.50]}': "1.50",
        b'{"vr":"FD","Value":["NaN"]}': "NaN",
        b'{"vr":"PN","Value":[{"Alphabetic":"A^B"}]}': "A^B",
        b'{"vr":"PN","Value":[{"Alphabetic":"A","Phonetic":"P"}]}': "A==P",
        b'{"vr":"PN","Value":[null]}': None,
    }
    for piece, text in expected.items():
        assert first_text(piece) == text
    assert first_text(None) is None


def test_the_vr_is_read() -> None:
    assert document.vr(FRAGMENTS["00200013"]) == "IS"
