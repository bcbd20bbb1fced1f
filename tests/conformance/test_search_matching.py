"""Search: what matches, by VR."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.place import Place
from tests.conformance.searching import add, found, query
from tests.dicom.factories import data_element

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAIN = [
    ("PatientName", "Hall^X^Tá", "Hall^X^Ta", True),
    ("PatientName", "Hall^X^Ta", "hall^x^tÁ", True),
    ("PatientName", "Hall^X^Ta", "HALL^X^TA", True),
    ("PatientName", "Hall^X^Ta", "Hall", False),
    ("PatientName", "Hall^X^Ta", "Hall^X^T", False),
    ("PatientName", "Hall^X^Ta", "Hall X Ta", False),
    ("PatientName", "Müller^Jürgen", "muller^jurgen", True),
    ("PatientName", "Müller^Jürgen", "Mu\u0308ller^Ju\u0308rgen", True),
    ("PatientName", "Yamada^Tarou=山田^太郎", "yamada^tarou=山田^太郎", True),
    ("PatientName", "Yamada^Tarou=山田^太郎", "Yamada^Tarou", False),
    ("ReferringPhysicianName", "Café^René", "cafe^rene", True),
    ("PatientID", "Abc-1", "aBC-1", True),
    ("PatientID", "café", "CAFÉ", True),
    ("PatientID", "café", "cafe", False),
    ("PatientID", "cafe", "café", False),
    ("PatientID", "Abc", "Ab", False),
    ("AccessionNumber", "A 1", "a 1", True),
    ("AccessionNumber", "A 1", "A1", False),
    ("StudyDescription", "Thorax, lat.", "thorax, LAT.", True),
    ("StudyDescription", "a,b", "a", False),
    ("StudyDescription", "x", "x,y", False),
    ("ModalitiesInStudy", "OT", "ot", True),
    ("ModalitiesInStudy", "OT", "O", False),
    ("StudyDate", "20200110", "20200110", True),
    ("StudyDate", "20200110", "20200111", False),
    ("StudyDate", "20200110", "20200110-20200110", True),
    ("StudyDate", "20200110", "20200101-20200131", True),
    ("StudyDate", "20200110", "20200111-20200131", False),
    ("StudyDate", "20200110", "20200110-", True),
    ("StudyDate", "20200110", "20200111-", False),
    ("StudyDate", "20200110", "-20200110", True),
    ("StudyDate", "20200110", "-20200109", False),
    ("StudyDate", None, "-20991231", False),
    ("PatientBirthDate", "19000101", "19000101-19000102", True),
    ("PatientName", None, "x", False),
    ("StudyTime", "101530.5", "101530.500000", True),
    ("StudyTime", "101530", "1015", False),
    ("StudyTime", "101530", "1015-1016", True),
    ("StudyTime", "101530", "-1015", False),
    ("StudyTime", "101530", "10-", True),
    # null and space padding on both sides
    ("PatientID", "abc\0", "abc", True),
    ("PatientID", "abc", "abc%00", True),
    ("PatientID", "  abc  ", "abc", True),
    ("PatientName", "Doe^J \0", "Doe^J", True),
    ("StudyDescription", "abc\0\0", "abc%00", True),
    # wildcards
    ("PatientName", "Hall^X^Tá", "hal*", True),
    ("PatientName", "Hall^X^Tá", "*TA", True),
    ("PatientName", "Hall^X^Tá", "*^x^*", True),
    ("PatientName", "Hall^X^Tá", "hall^?^t?", True),
    ("PatientName", "Hall^X^Tá", "hall?", False),
    ("PatientName", "Hall", "hall*", True),
    ("PatientName", "Hall", "hall?", False),
    ("PatientName", "Hall", "*z*", False),
    ("PatientID", "café", "caf?", True),
    ("PatientID", "café", "cafe*", False),
    ("PatientID", "a.b", "a?b", True),
    ("PatientID", "axb", "a.b*", False),
    ("PatientID", "a[b", "a[*", True),
    ("AccessionNumber", "A1000", "*100*", True),
    ("StudyDescription", "Knee left", "*LEFT", True),
    ("ModalitiesInStudy", "OT", "O*", True),
    ("PatientName", None, "*", True),
    ("PatientID", "abc", "*", True),
    ("StudyDescription", None, "*", True),
    ("StudyDescription", None, "?*", False),
    ("StudyDescription", None, "**", False),
]


def _given(name: str, value: Any) -> dict[str, Any]:
    """The attribute in the file, which tells UTF-8."""
    attributes = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Doe^Jane", "PatientID": "P1"}
    if name != "ModalitiesInStudy":
        attributes[name] = value
    return attributes


@pytest.mark.parametrize(("name", "value", "asked", "matches"), PLAIN)
async def test_literal(place: Place, name: str, value: Any, asked: str, matches: bool) -> None:
    await add(place, **_given(name, value))
    raw = f"{name}={asked}" if "%" in asked else query(**{name: asked})
    assert bool(await found(place, "studies", raw)) is matches


@pytest.mark.parametrize("wildcard", ["*", "**", "?", "x*", "*x"])
@pytest.mark.parametrize("name", ["StudyDate", "PatientBirthDate", "StudyTime", "StudyInstanceUID"])
async def test_no_wildcards_in_dates_times_and_uids(place: Place, name: str, wildcard: str) -> None:
    await add(place)
    assert (await place.get(f"studies?{name}={wildcard}")).status == 400


FUZZY = [
    *(("John^Doe", text, True) for text in ("joh", "do", "jo do", "Doe", "John Doe", "JOHN^DOE", "john=doe", "j d", "  jo   do ")),
    *(("John^Doe", text, False) for text in ("ohn", "do jo", "johnn", "jo x", "jo do x", "doe doe", "johndoe")),
    ("Doe^John^Middle", "doe mid", False),
    ("Doe^John^Middle", "john mid", True),
    ("Müller^José", "mull", True),
    ("Müller^José", "jose", True),
    ("Muller^Jose", "JOSÉ", True),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田", True),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "太", True),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "郎", False),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "tarou 山田", True),
    ("Mac Donald^Ann", "donald", True),
    ("Mac Donald^Ann", "don ann", True),
    ("O'Brien^Pat", "o'br", True),
    ("O'Brien^Pat", "brien", False),
    ("Smith-Jones^Ann", "jones", False),
    # wildcards are wildcards, over the whole name
    ("John^Doe", "*doe", True),
    ("John^Doe", "doe*", False),
]


@pytest.mark.parametrize(("name", "asked", "matches"), FUZZY)
@pytest.mark.parametrize("attribute", ["PatientName", "ReferringPhysicianName"])
async def test_fuzzy(place: Place, attribute: str, name: str, asked: str, matches: bool) -> None:
    await add(place, **_given(attribute, name))
    assert bool(await found(place, "studies", query(**{attribute: asked}, fuzzymatching="true"))) is matches


async def test_fuzzy_matching_is_about_names_only(place: Place) -> None:
    await add(place, PatientID="John Doe", StudyDescription='a "b"')
    assert await found(place, "studies", "PatientID=John&fuzzymatching=true") == []
    assert await found(place, "studies", "StudyDescription=a%20%22b%22&fuzzymatching=true") == ["1.1"]


async def test_fuzzy_matching_that_could_not_be_says_so(place: Place) -> None:
    await add(place)
    answer = await place.get("studies?PatientName=doe*&fuzzymatching=true")
    assert answer.headers["warning"].startswith("299 dicom.test: Fuzzy matching is not available")
    assert "PatientName" in answer.headers["warning"]
    answer = await place.get("studies?PatientName=nobody*&fuzzymatching=true")
    assert (answer.status, "warning" in answer.headers) == (204, True)
    assert "warning" not in (await place.get("studies?PatientName=doe&fuzzymatching=true")).headers


@pytest.mark.parametrize(
    ("path", "name", "asked", "expected"),
    [
        ("studies", "StudyInstanceUID", "1.1", ["1.1"]),
        ("studies", "StudyInstanceUID", "1.1.1", []),
        ("studies", "StudyInstanceUID", "1.01", []),
        ("studies", "StudyInstanceUID", "1.1,1.3", ["1.3", "1.1"]),
        ("studies", "StudyInstanceUID", "1.3\\1.1\\1.9", ["1.3", "1.1"]),
        ("studies", "StudyInstanceUID", "1.1, 1.2", ["1.2", "1.1"]),
        ("studies", "StudyInstanceUID", "1.1,1.1", ["1.1"]),
        ("series", "SeriesInstanceUID", "1.2.1,1.3.1", ["1.3.1", "1.2.1"]),
        ("instances", "SOPInstanceUID", "1.2.1.1\\1.1.1.1", ["1.2.1.1", "1.1.1.1"]),
        ("instances", "SOPClassUID", "1.2.840.10008.5.1.4.1.1.7,1.2.3", ["1.3.1.1", "1.2.1.1", "1.1.1.1"]),
    ],
)
async def test_uids(any_place: Place, path: str, name: str, asked: str, expected: list[str]) -> None:
    await add(any_place, "1.1.1.1", "1.2.1.1", "1.3.1.1")
    assert await found(any_place, path, query(**{name: asked})) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [("7", ["1.1.1"]), ("07", ["1.1.1"]), ("+7", ["1.1.1"]), ("8", []), ("-3", ["1.2.1"]), ("-03", ["1.2.1"])]
)
async def test_numbers(place: Place, number: str, expected: list[str]) -> None:
    await add(place, "1.1.1.1", SeriesNumber="0007")
    await add(place, "1.2.1.1", SeriesNumber="-3")
    await add(place, "1.3.1.1", SeriesNumber=None)
    assert await found(place, "series", query(SeriesNumber=number)) == expected


async def test_modalities_in_study_are_those_of_any_series(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", Modality="CT")
    await add(any_place, "1.1.2.1", "1.2.1.1", Modality="MR")
    await add(any_place, "1.3.1.1", Modality=None)
    assert await found(any_place, "studies", "ModalitiesInStudy=CT") == ["1.1"]
    assert await found(any_place, "studies", "ModalitiesInStudy=MR") == ["1.2", "1.1"]
    assert await found(any_place, "series", "ModalitiesInStudy=CT") == ["1.1.2", "1.1.1"]
    assert await found(any_place, "instances", "ModalitiesInStudy=CT&Modality=MR") == ["1.1.2.1"]
    assert await found(any_place, "studies", "ModalitiesInStudy=CT,MR&multiplevaluematching=true") == ["1.2", "1.1"]
    assert await found(any_place, "studies", "ModalitiesInStudy=CT,MR") == []


@pytest.mark.parametrize("name", ["StudyDescription", "AccessionNumber", "PatientName"])
async def test_the_first_of_several_values_matches(strict_place: Place, name: str) -> None:
    await add(strict_place, **{name: ["first", "second"]})
    for asked, expected in {"first": ["1.1"], "FIRST": ["1.1"], "second": [], "first\\second": []}.items():
        assert await found(strict_place, "studies", query(**{name: asked})) == expected


async def test_several_values_of_a_single_valued_attribute_are_invalid_in_version_2(place: Place) -> None:
    await add(place, StudyDescription=["first", "second"])
    assert await found(place, "studies", "StudyDescription=first") == []


@pytest.mark.parametrize("empty", ["", '""', "%22%22"])
async def test_empty_values(place: Place, empty: str) -> None:
    await add(place, "1.1.1.1", StudyDescription="x", Modality="CT")
    await add(place, "1.2.1.1", StudyDescription=None, Modality=None)
    await add(place, "1.3.1.1")
    assert await found(place, "studies", f"emptyvaluematching=true&StudyDescription={empty}") == ["1.3", "1.2"]
    assert await found(place, "studies", f"emptyvaluematching=true&StudyDate={empty}&StudyDescription=x") == ["1.1"]
    assert await found(place, "series", f"emptyvaluematching=true&Modality={empty}") == ["1.2.1"]
    answer = await place.get(f"studies?StudyDate={empty}&emptyvaluematching=false")
    assert answer.status == 400


async def test_multiple_values(place: Place) -> None:
    await add(place, "1.1.1.1", PatientID="a", StudyDate="20200101", AccessionNumber="1")
    await add(place, "1.2.1.1", PatientID="B", StudyDate="20200201")
    await add(place, "1.3.1.1", PatientID="c,d", StudyDate="20200301", PatientName="Roe^R")
    for raw, expected in {
        "PatientID=a,b": ["1.2", "1.1"],
        "PatientID=a%5Cb": ["1.2", "1.1"],
        "PatientID=A,x*": ["1.1"],
        "StudyDate=20200101,20200215-": ["1.3", "1.1"],
        "PatientName=roe,smi&fuzzymatching=true": ["1.3"],
        "AccessionNumber=1,2": ["1.1"],
    }.items():
        assert await found(place, "studies", f"{raw}&multiplevaluematching=true") == expected
    assert await found(place, "studies", "PatientID=c,d") == ["1.3"]
    assert (await place.get("studies?PatientID=a,,b&multiplevaluematching=true")).status == 400


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"RequestAttributesSequence.ScheduledProcedureStepID": "s1"}, ["1.1.1"]),
        ({"00400275.00400009": "S2"}, ["1.2.1", "1.1.1"]),
        ({"00400275.ScheduledProcedureStepID": "S1", "RequestAttributesSequence.00401001": "R1"}, ["1.1.1"]),
        ({"00400275.00400009": "S1", "00400275.00401001": "R2"}, []),
        ({"00400275.00400009": "S*", "Modality": "MR"}, ["1.2.1"]),
        ({"00400275.00400009": "S9"}, []),
        ({"00400275.00400008.00080100": "C1"}, ["1.2.1"]),
        ({"00400275.00400008.00080100": "C1", "00400275.00400009": "S2"}, ["1.2.1"]),
    ],
)
async def test_sequences(any_place: Place, conditions: dict[str, str], expected: list[str]) -> None:
    first = [
        {"ScheduledProcedureStepID": "S1", "RequestedProcedureID": "R1"},
        {"ScheduledProcedureStepID": "S2", "RequestedProcedureID": "R2"},
    ]
    code = [{"CodeValue": "C1", "CodingSchemeDesignator": "99X", "CodeMeaning": "m"}]
    await add(any_place, "1.1.1.1", RequestAttributesSequence=first, Modality="CT")
    second = [{"ScheduledProcedureStepID": "S2", "ScheduledProtocolCodeSequence": code}]
    await add(any_place, "1.2.1.1", RequestAttributesSequence=second, Modality="MR")
    await add(any_place, "1.3.1.1", RequestAttributesSequence=[])
    assert await found(any_place, "series", query(**conditions)) == expected


async def test_invalid_values_are_not_indexed_in_version_2(place: Place) -> None:
    await add(place, "1.1.1.1", elements=[data_element("StudyDate", "DA", "20200230"), data_element("PatientBirthDate", "DA", "19700101")])
    assert await found(place, "studies", "StudyDate=20200101-20201231") == []
    assert await found(place, "studies", "PatientBirthDate=19700101") == ["1.1"]
