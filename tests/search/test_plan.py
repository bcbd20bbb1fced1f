"""Which key ranges a search reads."""

from __future__ import annotations

import pytest

from dicom_core.index.attributes import Level
from dicom_core.index.keys import everything, exact, prefix, value_range
from dicom_core.search.plan import Plan, plan_search
from dicom_core.search.query import SearchOptions, parse_query
from tests.search.archive import resource_of


def plan(path: str, raw: str, **options: bool) -> Plan:
    resource, study, series = resource_of(path)
    return plan_search(parse_query(resource, raw, version=2, study=study, series=series, options=SearchOptions(**options)))


def test_without_conditions_everything_is_walked() -> None:
    found = plan("series", "")
    assert found.narrow is None
    assert found.walk.ranges == (everything(Level.SERIES),)
    assert not found.bounded


def test_one_value_of_the_own_level_is_walked() -> None:
    found = plan("studies", "StudyDescription=x&ModalitiesInStudy=CT")
    assert found.narrow is None
    assert found.walk.ranges == (exact(Level.STUDY, "00081030", "x"),)
    assert found.walk.answers is found.conditions[0]


MOST_SELECTIVE = [
    ("PatientID=x&AccessionNumber=y", "00080050"),
    ("PatientName=x&PatientID=y", "00100020"),
    ("StudyDate=20200101&PatientName=x", "00100010"),
    ("StudyDate=20200101&PatientBirthDate=20200101", "00100030"),
    ("StudyDescription=x&StudyDate=20200101-", "00081030"),
    ("StudyDescription=x&StudyDate=20200101", "00080020"),
    ("PatientName=a*&StudyDate=20200101", "00080020"),
    ("PatientName=a&fuzzymatching=true&StudyDate=20200101", "00080020"),
    ("PatientName=abc*&StudyDate=20200101-", "00100010"),
    ("ModalitiesInStudy=CT&StudyDescription=x", "00081030"),
    ("StudyTime=10&StudyID=x&StudyDescription=x", "00081030"),
]


@pytest.mark.parametrize(("raw", "tag"), MOST_SELECTIVE)
def test_the_most_selective_condition_leads(raw: str, tag: str) -> None:
    found = plan("studies", raw)
    source = found.narrow or found.walk
    assert all(f"|{tag}" in start for start, _ in source.ranges)


RANGES = [
    ("StudyDate=20200101-20200131", (value_range(Level.STUDY, "00080020", "20200101", "20200131"),), True),
    ("StudyDate=-20200131", (value_range(Level.STUDY, "00080020", None, "20200131"),), True),
    ("PatientName=Smi*", (prefix(Level.STUDY, "00100010", "smi"),), True),
    ("PatientName=Smi*t", (prefix(Level.STUDY, "00100010", "smi"),), False),
    ("PatientName=Smi?", (prefix(Level.STUDY, "00100010", "smi"),), False),
    (f"PatientID={'x' * 200}*", (prefix(Level.STUDY, "00100020", "x" * 200),), False),
    ("PatientName=jo&fuzzymatching=true", (prefix(Level.STUDY, "00100010", "jo"), prefix(Level.STUDY, "00100010w", "jo")), True),
    ("PatientName=jo+doe&fuzzymatching=true", (prefix(Level.STUDY, "00100010w", "doe"),), False),
    ("PatientName=john+do&fuzzymatching=true", (prefix(Level.STUDY, "00100010", "john"), prefix(Level.STUDY, "00100010w", "john")), False),
    (
        "PatientID=a,b*&multiplevaluematching=true",
        (exact(Level.STUDY, "00100020", "a"), prefix(Level.STUDY, "00100020", "b")),
        True,
    ),
]


@pytest.mark.parametrize(("raw", "ranges", "answered"), RANGES)
def test_ranges_of_a_condition(raw: str, ranges: tuple[tuple[str, str], ...], answered: bool) -> None:
    source = plan("studies", raw).narrow
    assert source is not None
    assert source.ranges == ranges
    assert (source.answers is not None) is answered


def test_several_values_are_walked_together() -> None:
    walk = plan("studies", "ModalitiesInStudy=CT,MR&multiplevaluematching=true").walk
    assert walk.ranges == (exact(Level.STUDY, "00080061", "ct"), exact(Level.STUDY, "00080061", "mr"))


def test_words_in_any_order_may_be_the_first_of_the_name() -> None:
    source = plan("studies", "PatientName=jo+doe&fuzzymatching=true", any_order_names=True).narrow
    assert source is not None
    assert source.ranges == (prefix(Level.STUDY, "00100010", "doe"), prefix(Level.STUDY, "00100010w", "doe"))


def test_combined_dates_and_times_are_led_by_the_dates() -> None:
    source = plan("studies", "StudyDate=20200101-20200102&StudyTime=10-", combined_date_times=True).narrow
    assert source is not None
    assert source.ranges == (value_range(Level.STUDY, "00080020", "20200101", "20200102"),)
    assert source.answers is None


@pytest.mark.parametrize("raw", ["PatientName=*x", "StudyTime=10", "PatientID=&emptyvaluematching=true", "PatientID=x&StudyID=1"])
def test_conditions_without_search_rows_bound_the_work(raw: str) -> None:
    assert plan("studies", raw).bounded


@pytest.mark.parametrize("raw", ["StudyInstanceUID=1.2&PatientName=x*", "PatientID=*", "StudyDate=-20200101&ModalitiesInStudy=CT"])
def test_other_conditions_do_not(raw: str) -> None:
    assert not plan("studies", raw).bounded


def test_uids_of_path_and_conditions_are_read_by_key() -> None:
    assert plan("studies", "StudyInstanceUID=1.2,1.3").studies == ("1.2", "1.3")
    assert plan("studies", "StudyInstanceUID=no%2Fuid").studies == ()
    assert plan("studies/1.2/series", "SeriesInstanceUID=1.3").series == ("1.3",)
    assert plan("studies/1.2/series/1.3/instances", "").series == ("1.3",)
    assert plan("series", "SeriesInstanceUID=1.3").series is None
    assert plan("series", "SeriesInstanceUID=1.3").walk.ranges == (exact(Level.SERIES, "0020000E", "1.3"),)


def test_a_condition_on_a_level_above_leads_down() -> None:
    found = plan("instances", "PatientID=x&Modality=CT")
    assert found.narrow is not None
    assert found.narrow.level is Level.STUDY
    assert found.walk.ranges == (everything(Level.INSTANCE),)


@pytest.mark.parametrize("raw", ["PatientName=jo", "PatientName=jo+doe", "PatientName=jo,doe&multiplevaluematching=true"])
def test_fuzzy_searches_test_names_of_many_words_besides(raw: str) -> None:
    source = plan("studies", f"{raw}&fuzzymatching=true").narrow
    assert source is not None
    assert source.besides is not None
    assert source.besides.ranges == (exact(Level.STUDY, "00100010w", "^"),)
    assert source.besides.answers is None


def test_other_searches_have_nothing_besides() -> None:
    source = plan("studies", "PatientName=jo*").narrow
    assert source is not None
    assert source.besides is None
