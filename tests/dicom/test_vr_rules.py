"""The full and the minimum rule of every VR, by example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.vr_rules import FULL, MINIMUM, USUAL

RIGHT = {
    "AE": ["A", "STORE_SCP", " A", "16 characters ok", "lower"],
    "AS": ["018M", "001Y", "100D", "052W"],
    "CS": ["CT", "A_B 1", "X" * 16],
    "DA": [
        "20200229",
        "20200231",
        "20200001",
        "00000000",
        "20200101-",
        "-20200101",
        "20200101-20210101",
        "20200101 -20210101",
        "-",
        " -20210101",
    ],
    "DS": ["1", "+1.5", "-.5", "1.", "1e5", "1.5E-05", " 1", "1234567890123456"],
    "DT": [
        "2020",
        "202001",
        "20200131",
        "2020013123",
        "202001312359",
        "20200131235960",
        "20200131235959.1",
        "20200131235959.123456+1400",
        "20200101-0500",
        "2020-1200",
        "2019-2020",
        "2019-",
        "-2020",
        "20200101-0500-20210101-0500",
        "20200101+0100-20210101",
    ],
    "IS": ["1", "-2147483648", "+2147483647", " 7", "007"],
    "LO": ["x" * 64, "a\x1bb", "Ünï"],
    "LT": ["x" * 10240, "a\\b\r\n"],
    "PN": ["A^B^C^D^E=A^B^C^D^E=A^B^C^D^E", "==", "x" * 64 + "=" + "y" * 64, "Doe^Jane"],
    "SH": ["x" * 16, "\x1b"],
    "ST": ["x" * 1024, "a\\b\r\n"],
    "TM": ["10", "1015", "101530", "101530.1", "101530.123456", "235960", "10-11", "10-", "-11", "10 -11", " -11"],
    "UI": ["1.2.3", "0.0", "1" * 64, "2.25.12"],
}
WRONG = {
    "AE": ["x" * 17, "    ", "a\\b", "a\nb", "a\x1bb", "a\x7fb"],
    "AS": ["18M", "018m", "018X", "0018M", "abcD"],
    "CS": ["ct", "A-B", "X" * 17, "A\0B", "É"],
    "DA": ["2020", "2020-01-01", "20201301", "20200132", "abc", "20200101-20200102-20200103", " 20200101", "20200101\0"],
    "DS": ["1,5", "abc", "12345678901234567", "1e", ".", "1 2", "1.5\0", "NaN"],
    "DT": [
        "202",
        "20201",
        "202013",
        "202000",
        "20200100",
        "20200132",
        "2020010124",
        "202001012360",
        "20200101235961",
        "20200101235959.",
        "20200101235959.1234567",
        "2020+1401",
        "2020-0000",
        "2020+01",
        "-",
        "2020-2021-2022",
        "abc",
    ],
    "IS": ["1.5", "abc", "2147483648", "-2147483649", "1 2", "+", "9" * 5000],
    "LO": ["x" * 65, "a\\b", "a\nb", "a\x85b", "a\0b"],
    "LT": ["x" * 10241],
    "PN": ["a=b=c=d", "x" * 65, "=" + "y" * 65, "a^b^c^d^e^f", "a=a^b^c^d^e^f", "a\nb"],
    "SH": ["x" * 17, "a\\b", "a\tb"],
    "ST": ["x" * 1025],
    "TM": ["1", "24", "1060", "101561", "101530.", "10:15", "101530.1234567", "10-11-12", " 10"],
    "UI": ["1.02.3", "01.2", "1..2", ".1", "1.", "1" * 65, "1.a", "1.2\0"],
}


@pytest.mark.parametrize(("vr", "value"), [(vr, value) for vr, values in RIGHT.items() for value in values])
def test_right_values(vr: str, value: str) -> None:
    assert FULL[vr](value) is None


@pytest.mark.parametrize(("vr", "value"), [(vr, value) for vr, values in WRONG.items() for value in values])
def test_wrong_values(vr: str, value: str) -> None:
    assert FULL[vr](value)
    assert not USUAL[vr](value)


def test_all_vrs_have_examples() -> None:
    assert FULL.keys() == USUAL.keys() == RIGHT.keys() == WRONG.keys()


@given(st.data())
def test_usual_values_are_right(data: st.DataObject) -> None:
    for vr in FULL:
        alphabet = "0123456789.-+ ^=ADMYW_a\\\0\x1b"
        value = data.draw(st.text(alphabet, min_size=1, max_size=20))
        if USUAL[vr](value):
            assert FULL[vr](value) is None


@pytest.mark.parametrize(
    ("vr", "value", "wrong"),
    [
        ("DA", "NotADate", "one of the date values does not match the pattern YYYYMMDD"),
        ("DA", "20201301", "month component exceeds 12"),
        ("DT", "NotAValidDate", "value does not mach pattern YYYY[MM[DD[HH[MM[SS[.F{1-6}]]]]]]"),
        ("DT", "202000", "month component cannot be 0"),
        ("TM", "2400", "hour component exceeds 23"),
        ("LO", "a\nb", "value contains invalid character"),
        ("CS", "x" * 17, "value exceeds maximum length of 16 characters"),
        ("UI", "1.02", "components must not have leading zeros"),
        ("IS", "2147483648", "value too large to fit 32 bit integer"),
    ],
)
def test_what_is_wrong_is_told(vr: str, value: str, wrong: str) -> None:
    assert FULL[vr](value) == wrong


@pytest.mark.parametrize(
    ("vr", "right", "wrong"),
    [
        ("AE", "x" * 16, "x" * 17),
        ("AS", "abcd", "abc"),
        ("CS", "lower ok", "x" * 17),
        ("DA", "20200229", "20200230"),
        ("DT", "2020", "202013"),
        ("IS", "12", "1.5"),
        ("LO", "x" * 64, "x" * 65),
        ("LO", "a\x1bb", "a\0b"),
        ("PN", "a^b^c^d^e=f", "a^b^c^d^e^f"),
        ("PN", "a=b=c", "a=b=c=d"),
        ("PN", "x" * 64, "x" * 65),
        ("PN", "a", "a\0"),
        ("SH", "a\nb", "x" * 17),
        ("TM", "1015", "1060"),
        ("UI", "1..02.3", "1.2.x"),
        ("UI", "1" * 64, "1" * 65),
        ("UI", "1", "1."),
    ],
)
def test_minimum_rules(vr: str, right: str, wrong: str) -> None:
    assert MINIMUM[vr](right) is None
    assert MINIMUM[vr](wrong)
