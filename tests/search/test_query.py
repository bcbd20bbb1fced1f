"""Query strings: what is refused, what is understood, what is returned."""

from __future__ import annotations

import pytest

from dicom_core.errors import InvalidQuery
from dicom_core.index.attributes import Attribute, Level
from dicom_core.search.conditions import AnyOf, Anything, Between, Empty, Equal, InItem, Instants, Like, Member, Test, Words
from dicom_core.search.query import Query, SearchOptions, parse_query
from dicom_core.search.resources import Resource
from tests.search.archive import resource_of, tag

STUDY_SERIES = "studies/1.2/series"
SERIES_INSTANCES = "studies/1.2/series/1.3/instances"


def parse(path: str, raw: str, version: int = 2, options: SearchOptions | None = None, **extra: Attribute) -> Query:
    resource, study, series = resource_of(path)
    return parse_query(
        resource,
        raw,
        version=version,
        study=study,
        series=series,
        extra={each.tag: each for each in extra.values()},
        options=options or SearchOptions(),
    )


def extended(vr: str) -> Attribute:
    return Attribute("", "00101010", vr, Level.STUDY)


REFUSED = [
    ("studies", "unknownparam=1", "unknownparam"),
    ("studies", "0018B001=1", "0018B001"),
    ("studies", "0010002=1", "0010002"),
    ("studies", "0010002G=1", "0010002G"),
    ("studies", "patientname=x", "patientname"),
    ("studies", "=x", "parameter"),
    ("studies", "Modality=CT", "Modality"),
    ("studies", "SeriesInstanceUID=1.2", "SeriesInstanceUID"),
    ("studies", "00091001=x", "00091001"),
    ("studies", "TimezoneOffsetFromUTC=0", "TimezoneOffsetFromUTC"),
    ("studies", "NumberOfStudyRelatedInstances=1", "NumberOfStudyRelatedInstances"),
    ("series", "SOPInstanceUID=1.2", "SOPInstanceUID"),
    (STUDY_SERIES, "PatientName=x", "PatientName"),
    (STUDY_SERIES, "StudyInstanceUID=1.2", "StudyInstanceUID"),
    (SERIES_INSTANCES, "Modality=CT", "Modality"),
    ("studies", "PatientID=a&PatientID=b", "PatientID"),
    ("studies", "PatientName=a&00100010=b", "00100010"),
    ("studies", "StudyDescription=", "StudyDescription"),
    ("studies", "StudyDescription", "StudyDescription"),
    ("studies", "PatientName=%20", "PatientName"),
    ("studies", "PatientID=%00", "PatientID"),
    ("studies", "StudyInstanceUID=%00", "StudyInstanceUID"),
    *(("studies", f"StudyDate={date}", "StudyDate") for date in ("2020/02/28", "20200230", "2020", "-", "20200110-20200109")),
    *(("studies", f"StudyDate={date}", "StudyDate") for date in ("20200101-2020", "x-20200101", "20200101-20200102-20200103", "*")),
    ("studies", "PatientName=joe%22s&fuzzymatching=true", "PatientName"),
    ("studies", "PatientName=%5E%5E&fuzzymatching=true", "PatientName"),
    *(("studies", f"limit={limit}", "limit") for limit in ("0", "-1", "201", "abc", "", "1.5", "1e1", "%D9%A1")),
    *(("studies", f"offset={offset}", "offset") for offset in ("-1", "abc", "", "9223372036854775808")),
    *(("studies", f"fuzzymatching={flag}", "fuzzymatching") for flag in ("yes", "1", "")),
    ("studies", "emptyvaluematching=maybe", "emptyvaluematching"),
    ("studies", "multiplevaluematching=maybe", "multiplevaluematching"),
    *(("studies", f"includefield={field}", "includefield") for field in ("something", "", "PatientAge,", "patientage", "00100")),
    ("studies", "includefield=PatientAge.Rows", "includefield"),
    ("studies", "PatientName=%FF", "UTF-8"),
    ("studies", "StudyInstanceUID=1.2.*", "StudyInstanceUID"),
    ("studies", "StudyInstanceUID=1.2,abc", "StudyInstanceUID"),
    ("studies", "StudyInstanceUID=1.2%5C", "StudyInstanceUID"),
    ("studies", "StudyTime=25", "StudyTime"),
    ("series", "SeriesNumber=x", "SeriesNumber"),
    ("series", "SeriesNumber=1.5", "SeriesNumber"),
    ("series", "SeriesNumber=9223372036854775808", "SeriesNumber"),
    ("studies", "RequestAttributesSequence.ScheduledProcedureStepID=1", "RequestAttributesSequence"),
    ("series", "RequestAttributesSequence=1", "RequestAttributesSequence"),
    ("series", "RequestAttributesSequence.ScheduledProtocolCodeSequence=1", "ScheduledProtocolCodeSequence"),
    ("series", "00400275.00400009=1&RequestAttributesSequence.ScheduledProcedureStepID=2", "ScheduledProcedureStepID"),
    ("series", "Modality.ScheduledProcedureStepID=2", "Modality"),
    ("series", "Modality=CT,&multiplevaluematching=true", "Modality"),
]


@pytest.mark.parametrize(("path", "raw", "named"), REFUSED, ids=[f"{path}?{raw}" for path, raw, _ in REFUSED])
def test_bad_parameters_are_refused_by_name(path: str, raw: str, named: str) -> None:
    with pytest.raises(InvalidQuery, match=named):
        parse(path, raw)


def test_refusals_never_repeat_values() -> None:
    for raw in ("StudyDate=SECRET", "StudyInstanceUID=SECRET,1", "PatientName=SECRET%22&fuzzymatching=true", "limit=SECRET"):
        with pytest.raises(InvalidQuery) as refusal:
            parse("studies", raw)
        assert "SECRET" not in str(refusal.value)


TESTS: list[tuple[str, str, Test]] = [
    ("studies", "PatientID=a%20B", Equal(frozenset(("a b",)))),
    ("studies", "PatientID=a+B", Equal(frozenset(("a b",)))),
    ("studies", "00100020=x%00", Equal(frozenset(("x",)))),
    ("studies", "%20PatientID%20=%20x%20", Equal(frozenset(("x",)))),
    ("studies", "PatientName=Hall%5EX%5ET%C3%A1", Equal(frozenset(("hall^x^ta",)))),
    ("studies", "PatientID=T%C3%81", Equal(frozenset(("tá",)))),
    ("studies", "PatientID=a,b%5Cc", Equal(frozenset(("a,b\\c",)))),
    ("studies", "PatientID=%22%22", Equal(frozenset(('""',)))),
    ("studies", "PatientName=Jo%20Do&fuzzymatching=TRUE", Words(("jo", "do"))),
    ("studies", "PatientName=Do%5EJo%3Dx&FuzzyMatching=true", Words(("do", "jo", "x"))),
    ("studies", "PatientName=Jo*&fuzzymatching=true", Like("jo*")),
    ("studies", "PatientID=A*b?", Like("a*b?")),
    ("studies", "PatientID=*", Anything()),
    ("studies", "StudyDate=20200229", Equal(frozenset(("20200229",)))),
    ("studies", "StudyDate=20200101-20200102", Between("20200101", "20200102")),
    ("studies", "StudyDate=20200101-", Between("20200101", None)),
    ("studies", "StudyDate=-20200102", Between(None, "20200102")),
    ("studies", "StudyTime=10", Equal(frozenset(("100000000000",)))),
    ("studies", "StudyTime=1030-113000.5", Between("103000000000", "113000500000")),
    ("studies", "StudyInstanceUID=not-a-uid", Equal(frozenset(("not-a-uid",)))),
    ("studies", "StudyInstanceUID=1.2%5C1.3,1.4", Equal(frozenset(("1.2", "1.3", "1.4")))),
    ("series", "SeriesNumber=0003", Equal(frozenset(("3",)))),
    ("series", "Modality=CT,MR&multiplevaluematching=true", Equal(frozenset(("ct", "mr")))),
    ("series", "Modality=CT%5CM*&multiplevaluematching=true", AnyOf((Equal(frozenset(("ct",))), Like("m*")))),
    ("series", "Modality=CT,MR", Equal(frozenset(("ct,mr",)))),
    ("studies", "PatientName=&emptyvaluematching=true", Empty()),
    ("studies", "PatientName=%22%22&emptyvaluematching=true", Empty()),
    (
        "series",
        "00400275.00400009=X&RequestAttributesSequence.RequestedProcedureID=Y",
        InItem((Member("00400009", "SH", Equal(frozenset(("x",)))), Member("00401001", "SH", Equal(frozenset(("y",)))))),
    ),
]


@pytest.mark.parametrize(("path", "raw", "expected"), TESTS, ids=[raw for _, raw, _ in TESTS])
def test_parameters_become_conditions(path: str, raw: str, expected: Test) -> None:
    (condition,) = parse(path, raw).conditions
    assert condition.test == expected


EXTENDED: list[tuple[str, str, Test]] = [
    ("DT", "2020", Equal(frozenset(("20200101000000000000",)))),
    ("DT", "202002-20200301", Between("20200201000000000000", "20200301000000000000")),
    ("TM", "1030", Equal(frozenset(("103000000000",)))),
    ("US", "+3", Equal(frozenset(("3",)))),
    ("FD", "1e1", Equal(frozenset(("10.0",)))),
    ("FL", "0.1", Equal(frozenset(("0.10000000149011612",)))),
    ("FL", "1e300", Equal(frozenset())),
    ("AS", "042y", Equal(frozenset(("042y",)))),
    ("AS", "0*", Equal(frozenset(("0*",)))),
]


@pytest.mark.parametrize(("vr", "value", "expected"), EXTENDED, ids=[f"{vr} {value}" for vr, value, _ in EXTENDED])
def test_further_attributes_are_searchable_by_their_vr(vr: str, value: str, expected: Test) -> None:
    (condition,) = parse("studies", f"PatientAge={value.replace('+', '%2B')}", attribute=extended(vr)).conditions
    assert condition.test == expected


@pytest.mark.parametrize(("vr", "value"), [("FD", "abc"), ("FD", "nan"), ("US", "abc"), ("DT", "2020%2B0100"), ("SQ", "x"), ("OB", "x")])
def test_further_attributes_refuse_what_their_vr_has_not(vr: str, value: str) -> None:
    with pytest.raises(InvalidQuery, match="00101010"):
        parse("studies", f"00101010={value}", attribute=extended(vr))


def test_further_attributes_go_before_built_in_ones() -> None:
    (condition,) = parse("studies", "StudyID=7", attribute=Attribute("StudyID", "00200010", "SH", Level.STUDY)).conditions
    assert condition.attribute.indexed


def test_control_parameters_ignore_letter_case_and_take_the_first_value() -> None:
    query = parse("studies", "LIMIT=%2B7&limit=x&OffSet=9223372036854775807&")
    assert (query.limit, query.offset) == (7, 9223372036854775807)
    assert (parse("studies", "").limit, parse("studies", "").offset) == (100, 0)


COMBINED = [
    ("StudyDate=20200101-20200103&StudyTime=10-12", "20200101100000000000", "20200103120000000000"),
    ("StudyDate=20200101&StudyTime=10-12", "20200101100000000000", "20200101120000000000"),
    ("StudyTime=10&StudyDate=20200101-20200103", "20200101100000000000", "20200103100000000000"),
    ("StudyDate=20200101-&StudyTime=-12", "20200101", None),
    ("StudyDate=-20200101&StudyTime=10-", None, "20200101~"),
]


@pytest.mark.parametrize(("raw", "first", "last"), COMBINED, ids=[raw for raw, _, _ in COMBINED])
def test_dates_and_times_are_combined_when_set_up_so(raw: str, first: str | None, last: str | None) -> None:
    (condition,) = parse("studies", raw, options=SearchOptions(combined_date_times=True)).conditions
    assert condition.test == Instants("00080030", first, last)
    assert len(parse("studies", raw).conditions) == 2


@pytest.mark.parametrize("raw", ["StudyDate=20200101&StudyTime=10", "StudyDate=20200101-&StudyTime=10&PatientID=x"])
def test_matched_attributes_are_returned_combined_or_not(raw: str) -> None:
    query = parse("studies", raw, options=SearchOptions(combined_date_times=True))
    assert "00080030" in query.wanted


def test_wildcards_under_fuzzy_matching_are_reported_as_literal() -> None:
    assert parse("studies", "PatientName=a*&00080090=b&PatientID=c*&fuzzymatching=true").literal == ("PatientName",)
    assert parse("studies", "PatientName=a*").literal == ()
    assert parse("studies", "PatientName=b,a*&fuzzymatching=true&multiplevaluematching=true").literal == ("PatientName",)


STUDY_V2 = "StudyInstanceUID StudyDate AccessionNumber ReferringPhysicianName PatientName PatientID PatientBirthDate StudyDescription"
STUDY_V1 = (
    "StudyInstanceUID StudyDate AccessionNumber ReferringPhysicianName PatientName PatientID PatientBirthDate SpecificCharacterSet "
    "StudyTime InstanceAvailability TimezoneOffsetFromUTC PatientSex StudyID"
)
STUDY_ALL = (
    f"{STUDY_V1} StudyDescription AnatomicRegionsInStudyCodeSequence ProcedureCodeSequence NameOfPhysiciansReadingStudy "
    "AdmittingDiagnosesDescription ReferencedStudySequence PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory"
)
SERIES_V2 = "SeriesInstanceUID Modality PerformedProcedureStepStartDate ManufacturerModelName"
SERIES_V1 = (
    "SeriesInstanceUID Modality PerformedProcedureStepStartDate SpecificCharacterSet TimezoneOffsetFromUTC SeriesDescription "
    "PerformedProcedureStepStartTime RequestAttributesSequence"
)
SERIES_ALL = f"{SERIES_V1} SeriesNumber Laterality SeriesDate SeriesTime"
INSTANCE_V2 = "SOPInstanceUID"
INSTANCE_V1 = (
    "SOPInstanceUID SpecificCharacterSet SOPClassUID InstanceAvailability TimezoneOffsetFromUTC InstanceNumber Rows Columns "
    "BitsAllocated NumberOfFrames"
)
RETURNED = [
    ("studies", 1, "", STUDY_V1),
    ("studies", 2, "", STUDY_V2),
    ("studies", 1, "includefield=all", STUDY_ALL),
    ("studies", 2, "includefield=all", STUDY_ALL),
    ("series", 1, "", f"{STUDY_V1} {SERIES_V1}"),
    ("series", 2, "", f"{STUDY_V2} {SERIES_V2}"),
    ("series", 1, "includefield=all", f"{STUDY_ALL} {SERIES_ALL}"),
    ("series", 2, "includefield=all", f"{STUDY_ALL} {SERIES_ALL} ManufacturerModelName"),
    ("instances", 1, "", f"{STUDY_V1} {SERIES_V1} {INSTANCE_V1}"),
    ("instances", 2, "", f"{STUDY_V2} {SERIES_V2} {INSTANCE_V2}"),
    ("instances", 2, "includefield=all", f"{STUDY_ALL} {SERIES_ALL} {INSTANCE_V1} ManufacturerModelName"),
    (STUDY_SERIES, 1, "", f"StudyInstanceUID {SERIES_V1}"),
    (STUDY_SERIES, 2, "", f"StudyInstanceUID {SERIES_V2}"),
    ("studies/1.2/instances", 1, "", f"StudyInstanceUID {SERIES_V1} {INSTANCE_V1}"),
    ("studies/1.2/instances", 2, "", f"StudyInstanceUID {SERIES_V2} {INSTANCE_V2}"),
    (SERIES_INSTANCES, 1, "", f"StudyInstanceUID SeriesInstanceUID {INSTANCE_V1}"),
    (SERIES_INSTANCES, 2, "", f"StudyInstanceUID SeriesInstanceUID {INSTANCE_V2}"),
    ("studies", 2, "includefield=PatientAge,00080070&includefield=KVP", f"{STUDY_V2} PatientAge 00080070 KVP"),
    ("studies", 2, "IncludeField=0009100a", f"{STUDY_V2} 0009100A"),
    ("studies", 2, "includefield=ALL,KVP", STUDY_ALL),
    ("studies", 2, "includefield=RequestAttributesSequence.ScheduledProcedureStepID", f"{STUDY_V2} RequestAttributesSequence"),
    ("studies", 2, "ModalitiesInStudy=CT&StudyID=*", f"{STUDY_V2} ModalitiesInStudy StudyID"),
    ("series", 2, "00400275.00400009=X", f"{STUDY_V2} {SERIES_V2} RequestAttributesSequence"),
]


@pytest.mark.parametrize(("path", "version", "raw", "expected"), RETURNED, ids=[f"v{each[1]} {each[0]}?{each[2]}" for each in RETURNED])
def test_returned_attributes(path: str, version: int, raw: str, expected: str) -> None:
    assert parse(path, raw, version).wanted == {tag(keyword) for keyword in expected.split()}


def test_each_resource_has_its_path() -> None:
    assert [resource_of(resource.path)[0] for resource in Resource] == list(Resource)
