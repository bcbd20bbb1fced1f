"""Values in the form in which index and query compare them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.values import Range, is_date, normalise, number, parse_range, person_name_words, sortable


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("PN", "Hall^X^Tá ", "hall^x^ta"),
        ("PN", "MÜLLER^Jürgen\0", "muller^jurgen"),
        ("PN", "Straße", "strasse"),
        ("PN", "Doe^Jane= =", "doe^jane"),
        ("LO", "Café", "café"),
        ("LO", "CAFE\u0301", "café"),
        ("ST", "Cafe\u0301", "Café"),
        ("LO", " P1\0\0", "p1"),
        ("CS", "CT \0", "ct"),
        ("SH", "ÄB", "äb"),
        ("UI", "1.2.3\0", "1.2.3"),
        ("AE", " Node ", "node"),
        ("DA", "20200101 ", "20200101"),
        ("ST", " Text ", "Text"),
    ],
)
def test_normalising(vr: str, text: str, expected: str) -> None:
    assert normalise(vr, text) == expected


@given(st.sampled_from(["PN", "LO", "ST"]), st.text())
def test_normalising_twice_changes_nothing(vr: str, text: str) -> None:
    once = normalise(vr, text)
    assert normalise(vr, once) == once


@given(st.text())
def test_upper_and_lower_case_are_the_same(text: str) -> None:
    if text.upper().casefold() == text.casefold():
        assert normalise("LO", text.upper()) == normalise("LO", text)


def test_words_of_names() -> None:
    assert person_name_words("Yamada^Tarō  Jr=山田^太郎=") == ["yamada", "taro", "jr", "山田", "太郎"]
    assert person_name_words("^^ =") == []


@pytest.mark.parametrize("text", ["20200229", "00010101", "99991231"])
def test_dates(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20200230",
        "20201301",
        "2020-01-01",
        "2020010",
        "202001011",
        "00000101",
        "\uff12\uff10\uff12\uff10\uff10\uff11\uff10\uff11",
        "20200101 ",
    ],
)
def test_no_dates(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("DA", "20200101 ", "20200101"),
        ("DA", "20200101-20200102", None),
        ("TM", "10", "100000000000"),
        ("TM", "101530.25 ", "101530250000"),
        ("TM", "2400", None),
        ("TM", "1", None),
        ("TM", "10.5", None),
        ("DT", "2020", "20200101000000000000"),
        ("DT", "202002031415", "20200203141500000000"),
        ("DT", "20200203141516.123456+0130", "20200203141516123456"),
        ("DT", "20200203-0500", "20200203000000000000"),
        ("DT", "20200230", None),
        ("DT", "20200230x", None),
    ],
)
def test_sortable_text(vr: str, text: str, expected: str | None) -> None:
    assert sortable(vr, text) == expected


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("DA", "20200101", Range("20200101", "20200101")),
        ("DA", "20200101-20200102", Range("20200101", "20200102")),
        ("DA", "20200101 - 20200102", Range("20200101", "20200102")),
        ("DA", "20200101-", Range("20200101", None)),
        ("DA", "-20200102", Range(None, "20200102")),
        ("TM", "10-11", Range("100000000000", "110000000000")),
        ("DT", "2019-2020", Range("20190101000000000000", "20200101000000000000")),
    ],
)
def test_ranges(vr: str, text: str, expected: Range) -> None:
    assert parse_range(vr, text) == expected


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("DA", "-"),
        ("DA", ""),
        ("DA", "20200102-20200101"),
        ("DA", "20200101-x"),
        ("DA", "2020/02/28"),
        ("DA", "20200101-20200102-20200103"),
        ("TM", "12-11"),
        ("DT", "20200101+0100"),
        ("DT", "20200101-0100"),
    ],
)
def test_no_ranges(vr: str, text: str) -> None:
    with pytest.raises(ValueError):
        parse_range(vr, text)


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("IS", "0003", 3),
        ("IS", " -7 ", -7),
        ("US", "1.5", None),
        ("IS", "1e3", None),
        ("FD", "1.50", 1.5),
        ("FL", "-1e3", -1000.0),
        ("FD", "1e999", None),
        ("FD", "NaN", None),
        ("FD", "abc", None),
        ("FD", "", None),
    ],
)
def test_numbers(vr: str, text: str, expected: float | None) -> None:
    assert number(vr, text) == expected
