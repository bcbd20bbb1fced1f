"""Matching of values, by VR and by kind of test."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest

from dicom_core.dicom.document import assemble, fragment
from dicom_core.index.attributes import Attribute, Level
from dicom_core.search.matching import document_test
from dicom_core.search.query import SearchOptions, parse_query
from dicom_core.search.resources import Resource
from tests.search.archive import element, tag


def matches(raw: str, attributes: dict[str, Any], *, vr: str | None = None, **options: bool) -> bool:
    """Whether an instance-level document fulfils the condition of a query; `vr` that of PatientAge, taken as an extended tag."""
    elements = {tag(name): element(name, value) for name, value in attributes.items()}
    extra = {}
    if vr is not None:
        extra["00101010"] = Attribute("PatientAge", "00101010", vr, Level.STUDY)
        elements = {"00101010": {"vr": vr, "Value": attributes["PatientAge"]}} if attributes else {}
    document = assemble({name: orjson.dumps(value) for name, value in elements.items()})
    query = parse_query(Resource.INSTANCES, raw, version=2, extra=extra, options=SearchOptions(**options))
    return all(document_test(condition)(partial(fragment, document)) for condition in query.conditions)


TEXT = [
    ("PatientID=abc", {"PatientID": "ABC"}, True),
    ("PatientID=abc", {"PatientID": "ABCD"}, False),
    ("PatientID=cafe", {"PatientID": "café"}, False),
    ("PatientID=CAF%C3%89", {"PatientID": "café"}, True),
    ("PatientID=abc", {"PatientID": "abc\0"}, True),
    ("PatientID=abc%00", {"PatientID": " abc "}, True),
    ("PatientID=abc", {"PatientID": ["abc", "x"]}, True),
    ("PatientID=x", {"PatientID": ["abc", "x"]}, False),
    ("PatientID=abc", {"PatientID": None}, False),
    ("PatientID=abc", {}, False),
    ("PatientID=a*c", {"PatientID": "abbc"}, True),
    ("PatientID=a*c", {"PatientID": "ac"}, True),
    ("PatientID=a*b*c", {"PatientID": "axbxbxc"}, True),
    ("PatientID=a*b*c", {"PatientID": "axcxb"}, False),
    ("PatientID=*b*", {"PatientID": "abc"}, True),
    ("PatientID=a?c", {"PatientID": "abc"}, True),
    ("PatientID=a?c", {"PatientID": "ac"}, False),
    ("PatientID=?*.*", {"PatientID": ".x"}, False),
    ("PatientID=a.*", {"PatientID": "abc"}, False),
    ("PatientID=**", {"PatientID": "x"}, True),
    ("PatientID=*", {}, True),
    ("PatientID=CAF*", {"PatientID": "café"}, True),
    ("PatientID=CAFE*", {"PatientID": "café"}, False),
    ("SOPClassUID=1.2", {"SOPClassUID": "1.2\0"}, True),
    ("SOPClassUID=1.2,1.3", {"SOPClassUID": "1.3"}, True),
    ("SOPClassUID=1.2", {"SOPClassUID": "1.2.3"}, False),
]
NAMES = [
    ("PatientName=Hall%5EX%5ETa", {"PatientName": "Hall^X^Tá"}, True),
    ("PatientName=h%C3%81ll", {"PatientName": "Hall"}, True),
    ("PatientName=Hall", {"PatientName": "Hall^X"}, False),
    ("PatientName=*x*", {"PatientName": "Hall^X^Tá"}, True),
    ("PatientName=hall*ta", {"PatientName": "Hall^X^Tá"}, True),
    ("PatientName=%E5%B1%B1%E7%94%B0", {"PatientName": "Yamada=山田"}, False),
    *(
        (f"PatientName={words}&fuzzymatching=true", {"PatientName": "John^Doe"}, True)
        for words in ("joh", "do", "jo+do", "Doe", "John+Doe")
    ),
    *((f"PatientName={words}&fuzzymatching=true", {"PatientName": "John^Doe"}, False) for words in ("ohn", "do+jo", "jo+do+x", "jo+x")),
    ("PatientName=%C3%A1n&fuzzymatching=true", {"PatientName": "John^Ànna"}, True),
    ("PatientName=a+c&fuzzymatching=true", {"PatientName": "ab^bb^cb"}, False),
    ("PatientName=%E5%B1%B1&fuzzymatching=true", {"PatientName": "Yamada^Tarou=山田^太郎"}, True),
    ("PatientName=joh&fuzzymatching=true", {}, False),
]
TIMES = [
    ("StudyDate=20200102", {"StudyDate": "20200102"}, True),
    ("StudyDate=20200101-20200102", {"StudyDate": "20200102"}, True),
    ("StudyDate=20200101-20200102", {"StudyDate": "20200103"}, False),
    ("StudyDate=20200102-", {"StudyDate": "20200102"}, True),
    ("StudyDate=-20200102", {"StudyDate": "20200103"}, False),
    ("StudyDate=-20200102", {"StudyDate": None}, False),
    ("StudyDate=-20200102", {}, False),
    ("StudyDate=20200101-", {"StudyDate": "20200102-20200103"}, False),
    ("StudyTime=1030", {"StudyTime": "103000.000"}, True),
    ("StudyTime=1030", {"StudyTime": "103001"}, False),
    ("StudyTime=10-11", {"StudyTime": "110000"}, True),
    ("StudyTime=10-11", {"StudyTime": "110000.1"}, False),
]
NUMBERS = [
    ("SeriesNumber=0003", {"SeriesNumber": 3}, True),
    ("SeriesNumber=3", {"SeriesNumber": "03"}, True),
    ("SeriesNumber=3", {"SeriesNumber": 33}, False),
]
MANY = [
    ("Modality=CT,MR&multiplevaluematching=true", {"Modality": "MR"}, True),
    ("Modality=CT,M*&multiplevaluematching=true", {"Modality": "MR"}, True),
    ("Modality=CT,MR&multiplevaluematching=true", {"Modality": "US"}, False),
    ("Modality=CT,MR", {"Modality": "CT"}, False),
    ("StudyDate=20200101,20200201-20200202&multiplevaluematching=true", {"StudyDate": "20200202"}, True),
    ("PatientID=&emptyvaluematching=true", {}, True),
    ("PatientID=%22%22&emptyvaluematching=true", {"PatientID": None}, True),
    ("PatientID=&emptyvaluematching=true", {"PatientID": "x"}, False),
]
STEP, PROCEDURE = "RequestAttributesSequence.ScheduledProcedureStepID", "RequestAttributesSequence.RequestedProcedureID"


def requests(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"RequestAttributesSequence": [{"ScheduledProcedureStepID": step, "RequestedProcedureID": proc} for step, proc in pairs]}


CODE = {"ProcedureCodeSequence": [{"CodeValue": "P1", "MappingResource": "x"}]}
SEQUENCES = [
    (f"{STEP}=s1", requests(("S1", "P1"), ("S2", "P2")), True),
    (f"{STEP}=s2&{PROCEDURE}=p2", requests(("S1", "P1"), ("S2", "P2")), True),
    (f"{STEP}=s1&{PROCEDURE}=p2", requests(("S1", "P1"), ("S2", "P2")), False),
    (f"{STEP}=s*", requests(("x", "P1"), ("S2", "P2")), True),
    (f"{STEP}=s1", {}, False),
    (f"{STEP}=*", {}, True),
    (f"{STEP}=&emptyvaluematching=true", {}, True),
    (f"{STEP}=&emptyvaluematching=true", requests(("S1", "P1")), False),
    ("ProcedureCodeSequence.CodeValue=p1", CODE, True),
    (
        "ReferencedStudySequence.ReferencedSeriesSequence.SeriesInstanceUID=1.2",
        {"ReferencedStudySequence": [{"ReferencedSeriesSequence": [{"SeriesInstanceUID": "1.1"}, {"SeriesInstanceUID": "1.2"}]}]},
        True,
    ),
]


@pytest.mark.parametrize(
    ("raw", "attributes", "expected"),
    [*TEXT, *NAMES, *TIMES, *NUMBERS, *MANY, *SEQUENCES],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_matching(raw: str, attributes: dict[str, Any], expected: bool) -> None:
    assert matches(raw, attributes) is expected


EXTENDED = [
    ("DT", "2020", ["20200101000000"], True),
    ("DT", "2020", ["20200101000000+0100"], True),
    ("DT", "2020-20200102", ["202001021200"], False),
    ("US", "7", [7], True),
    ("US", "7", [70], False),
    ("FD", "0.1", [0.1], True),
    ("FL", "0.1", [0.10000000149011612], True),
    ("FL", "0.2", [0.10000000149011612], False),
    ("FD", "0", [-0.0], True),
    ("FD", "1", [1], True),
    ("LO", "b", ["a", "b"], False),
]


@pytest.mark.parametrize(("vr", "text", "values", "expected"), EXTENDED)
def test_matching_of_further_attributes(vr: str, text: str, values: list[Any], expected: bool) -> None:
    assert matches(f"PatientAge={text}", {"PatientAge": values}, vr=vr) is expected


def test_any_stored_value_matches_where_the_dictionary_allows_several() -> None:
    in_item = {"RequestAttributesSequence": [{"CodeValue": "x", "ReasonForTheRequestedProcedure": "y"}]}
    assert matches("00400275.00401002=y&multiplevaluematching=true", in_item)
    several = {"RequestAttributesSequence": [{"ScheduledStationName": ["a", "b"]}]}
    assert matches("00400275.00400010=b&multiplevaluematching=true", several)
    assert not matches("00400275.00400010=b", several)
    assert not matches("PatientID=b&multiplevaluematching=true", {"PatientID": ["a", "b"]})


ANY_ORDER = [("do jo", True), ("jo jo", False), ("d do", False), ("doe john", True), ("x", False)]


@pytest.mark.parametrize(("words", "expected"), ANY_ORDER)
def test_words_in_any_order_when_set_up_so(words: str, expected: bool) -> None:
    raw = f"PatientName={words.replace(' ', '+')}&fuzzymatching=true"
    assert matches(raw, {"PatientName": "John^Doe"}, any_order_names=True) is expected


def test_each_query_word_takes_a_name_word_of_its_own() -> None:
    raw = "PatientName=jo+joh&fuzzymatching=true"
    assert matches(raw, {"PatientName": "Joh^Jon"}, any_order_names=True)
    assert matches(raw, {"PatientName": "Jon^Joh"}, any_order_names=True)
    assert not matches(raw, {"PatientName": "Jon^Jon"}, any_order_names=True)


INSTANTS = [("20200101", "11", True), ("20200101", "09", False), ("20200102", "0001", True), ("20200103", "13", False)]


@pytest.mark.parametrize(("date", "time", "expected"), INSTANTS)
def test_combined_date_and_time(date: str, time: str, expected: bool) -> None:
    raw = "StudyDate=20200101-20200103&StudyTime=10-12"
    assert matches(raw, {"StudyDate": date, "StudyTime": time}, combined_date_times=True) is expected
    assert not matches(raw, {"StudyDate": date}, combined_date_times=True)


def test_wildcards_take_linear_time() -> None:
    assert not matches("PatientID=" + "*a" * 200 + "*b", {"PatientID": "a" * 5_000})
