from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.storage.limits import check_batch, check_blob_name, check_key
from dicom_core.storage.ports import MAX_PROPERTY_BYTES, MAX_ROW_BYTES, Insert, Value

ALLOWED = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in "/\\#?%"]


@given(st.characters())
def test_keys_are_printable_ascii_without_five_characters(character: str) -> None:
    if character in ALLOWED:
        check_key(character)
    else:
        with pytest.raises(ValueError, match="not a key"):
            check_key(character)


def test_a_blob_name_is_split_at_slashes() -> None:
    assert check_blob_name("a/b.c/..d") == ["a", "b.c", "..d"]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (b"x" * MAX_PROPERTY_BYTES, True),
        (b"x" * (MAX_PROPERTY_BYTES + 1), False),
        ("x" * (MAX_PROPERTY_BYTES // 2), True),
        ("é" * (MAX_PROPERTY_BYTES // 2), True),
        ("é" * (MAX_PROPERTY_BYTES // 2 + 1), False),
        ("🙂" * (MAX_PROPERTY_BYTES // 4), True),
        ("🙂" * (MAX_PROPERTY_BYTES // 4 + 1), False),
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value)}" if isinstance(value, str | bytes) else str(value),
)
def test_text_counts_as_utf_16(value: Value, fits: bool) -> None:
    if fits:
        check_batch("p", [Insert("r", {"value": value})])
    else:
        with pytest.raises(ValueError, match="row 'r': property 'value' is larger than 65536 bytes"):
            check_batch("p", [Insert("r", {"value": value})])


def test_a_row_counts_with_its_names() -> None:
    def row(last: int) -> Insert:
        return Insert("r", {**{f"p{number:02d}": bytes(MAX_PROPERTY_BYTES) for number in range(15)}, "last": bytes(last)})

    names = 15 * (8 + 2 * 3) + 8 + 2 * 4
    most = MAX_ROW_BYTES - 15 * MAX_PROPERTY_BYTES - names - 4 - 2 * len("pr")
    check_batch("p", [row(most)])

    with pytest.raises(ValueError, match="larger than 1048576"):
        check_batch("p", [row(most + 1)])


def test_errors_name_keys_but_no_values() -> None:
    with pytest.raises(ValueError, match="row 'r'") as refusal:
        check_batch("p", [Insert("r", {"PatientName": "DOE^JANE" * 10_000})])

    assert "DOE" not in str(refusal.value)
