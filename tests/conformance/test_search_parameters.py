"""Search: names and values of parameters, levels, refusals."""

from __future__ import annotations

import pytest

from tests.conformance.place import Place
from tests.conformance.searching import RESOURCES, add, found, query

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDY_ATTRIBUTES = {
    "StudyInstanceUID": ("0020000D", "1.1"),
    "PatientName": ("00100010", "Doe^Jane"),
    "PatientID": ("00100020", "P1"),
    "PatientBirthDate": ("00100030", "19700101"),
    "AccessionNumber": ("00080050", "A1"),
    "ReferringPhysicianName": ("00080090", "Roe^Richard"),
    "StudyDate": ("00080020", "20200110"),
    "StudyDescription": ("00081030", "Thorax"),
    "ModalitiesInStudy": ("00080061", "CT"),
    "StudyTime": ("00080030", "101500"),
    "StudyID": ("00200010", "S1"),
    "PatientSex": ("00100040", "O"),
}
SERIES_ATTRIBUTES = {
    "SeriesInstanceUID": ("0020000E", "1.1.1"),
    "Modality": ("00080060", "CT"),
    "PerformedProcedureStepStartDate": ("00400244", "20200111"),
    "ManufacturerModelName": ("00081090", "Model"),
    "SeriesNumber": ("00200011", "7"),
    "SeriesDescription": ("0008103E", "Lung"),
    "PerformedProcedureStepStartTime": ("00400245", "111500"),
}
INSTANCE_ATTRIBUTES = {
    "SOPInstanceUID": ("00080018", "1.1.1.1"),
    "SOPClassUID": ("00080016", "1.2.840.10008.5.1.4.1.1.7"),
    "InstanceNumber": ("00200013", "3"),
}
LEVELS = {
    "studies": ("study",),
    "series": ("study", "series"),
    "instances": ("study", "series", "instance"),
    "studies/1.1/series": ("series",),
    "studies/1.1/instances": ("series", "instance"),
    "studies/1.1/series/1.1.1/instances": ("instance",),
}
ATTRIBUTES = {"study": STUDY_ATTRIBUTES, "series": SERIES_ATTRIBUTES, "instance": INSTANCE_ATTRIBUTES}
CASES = [(path, level, name) for path in RESOURCES for level, attributes in ATTRIBUTES.items() for name in attributes]


async def _fill(place: Place) -> None:
    given = {
        name: value
        for attributes in ATTRIBUTES.values()
        for name, (_, value) in attributes.items()
        if not name.endswith("UID") and name != "ModalitiesInStudy"
    }
    await add(place, **given)
    await add(place, "1.2.1.1", PatientID="other", PatientName="Other", Modality="US")


@pytest.mark.parametrize(("path", "level", "name"), CASES)
async def test_attribute_at_each_resource(any_place: Place, path: str, level: str, name: str) -> None:
    await _fill(any_place)
    tag, value = ATTRIBUTES[level][name]
    for spelled in {name, tag, tag.lower()}:
        if level in LEVELS[path]:
            assert [uid for uid in await found(any_place, path, f"{spelled}={value}") if uid.startswith("1.1")]
        else:
            answer = await any_place.get(f"{path}?{spelled}={value}")
            assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
            assert spelled in answer.text


async def test_conditions_are_anded(any_place: Place) -> None:
    await _fill(any_place)
    everything = "&".join(f"{name}={value}" for attributes in ATTRIBUTES.values() for name, (_, value) in attributes.items())
    assert await found(any_place, "instances", everything) == ["1.1.1.1"]
    assert await found(any_place, "instances", everything.replace("PatientID=P1", "PatientID=P2")) == []


@pytest.mark.parametrize("spelled", ["limit", "Limit", "LIMIT", "%20limit%20", "+limit"])
async def test_control_parameters_ignore_letter_case(any_place: Place, spelled: str) -> None:
    await add(any_place, "1.1.1.1", "1.2.1.1")
    assert await found(any_place, "studies", f"{spelled}=1") == ["1.2"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("OffSet=1", ["1.1"]),
        ("offset=0&limit=200", ["1.2", "1.1"]),
        ("FuzzyMatching=TRUE&PatientName=jan", ["1.2", "1.1"]),
        ("fuzzymatching=False&PatientName=jan", []),
        ("IncludeField=PatientAge", ["1.2", "1.1"]),
        ("limit=%201%20", ["1.2"]),
        ("+PatientID+=+P1+", ["1.2", "1.1"]),
        ("%50atientID=%501", ["1.2", "1.1"]),
        ("00100020=P1&&limit=2&", ["1.2", "1.1"]),
        ("offset=9223372036854775807", []),
        ("offset=2", []),
    ],
)
async def test_values_of_parameters(any_place: Place, raw: str, expected: list[str]) -> None:
    await add(any_place, "1.1.1.1", "1.2.1.1")
    assert await found(any_place, "studies", raw) == expected


async def test_limit(any_place: Place) -> None:
    await add(any_place, *(f"1.1.1.{number}" for number in range(1, 206)))
    every = [f"1.1.1.{number}" for number in range(205, 0, -1)]
    assert await found(any_place, "instances") == every[:100]
    assert await found(any_place, "instances", "limit=200") == every[:200]
    assert await found(any_place, "instances", "limit=200&offset=200") == every[200:]
    assert await found(any_place, "instances", "offset=150") == every[150:]
    answer = await any_place.get("instances?limit=200")
    assert answer.headers["warning"] == "299 dicom.test: There are 5 additional results that can be requested"
    assert "warning" not in (await any_place.get("instances?offset=150")).headers


REFUSED = [
    ("studies", "unknownparam=1"),
    ("studies", "0018B001=1"),
    ("studies", "patientname=x"),
    ("studies", "PATIENTID=x"),
    ("studies", "0010002=x"),
    ("studies", "(0010,0020)=x"),
    ("studies", "0010,0020=x"),
    ("studies", "Modality=CT"),
    ("studies", "PatientAge=030Y"),
    ("series", "SOPInstanceUID=1.2"),
    ("studies/1.1/series", "PatientName=x"),
    ("studies/1.1/series", "StudyInstanceUID=1.1"),
    ("studies/1.1/series/1.1.1/instances", "Modality=CT"),
    ("studies", "NumberOfStudyRelatedInstances=1"),
    ("series", "NumberOfSeriesRelatedInstances=1"),
    ("studies", "PatientID=a&PatientID=b"),
    ("studies", "PatientID=a&PatientID=a"),
    ("studies", "PatientName=a&00100010=b"),
    ("studies", "0020000D=1&0020000d=1"),
    ("studies", "StudyDescription="),
    ("studies", "StudyDescription"),
    ("studies", "PatientName=%20"),
    ("studies", "PatientName=+"),
    *(("studies", f"StudyDate={text}") for text in ("2020/02/28", "20200230", "-", "20200110-20200109", "2020", "202002", "2020-02-28")),
    *(("studies", f"StudyDate={text}") for text in ("20200110-2020", "x-20200110", "20200110-x", "20200101,20200102", "2020010a", "*")),
    *(("studies", f"PatientBirthDate={text}") for text in ("00000000", "20201301", "19700101--19710101")),
    *(("series", f"PerformedProcedureStepStartDate={text}") for text in ("20190229", "-20190229")),
    ("studies", "fuzzymatching=true&PatientName=joe%22s"),
    ("studies", "fuzzymatching=true&ReferringPhysicianName=%22joe%22"),
    *(("instances", f"limit={text}") for text in ("0", "-1", "201", "x", "", "1.0", "1e2", "99999999999999999999")),
    *(("instances", f"offset={text}") for text in ("-1", "x", "", "1.0", "9223372036854775808")),
    *(("instances", f"fuzzymatching={text}") for text in ("1", "yes", "", "0")),
    *(("studies", f"includefield={text}") for text in ("something", "", "patientage", "00100", "0018B001", "PatientAge,,PatientID")),
    ("studies", "includefield=PatientAge&includefield=something"),
    ("studies/notauid/series", ""),
    ("studies/1.1./series", ""),
    ("studies/1.1a/instances", ""),
    (f"studies/{'1' * 65}/series", ""),
    ("studies/1.1/series/notauid/instances", ""),
    ("studies", "PatientName=a<b"),
    ("studies", "PatientName=a%3cb"),
    ("studies", "PatientName=a%3Cb"),
    ("studies", "PatientName=%E9"),
    ("studies", "StudyInstanceUID=1.1,x"),
    ("studies", "StudyInstanceUID=1.1,,1.2"),
    ("studies", "StudyInstanceUID=1.*"),
    ("studies", "emptyvaluematching=x"),
    ("studies", "multiplevaluematching=x"),
    ("studies", "StudyTime=25"),
    ("series", "SeriesNumber=x"),
    ("series", "RequestAttributesSequence=x"),
    ("series", "RequestAttributesSequence.Unknown=x"),
    ("series", "Modality.PatientID=x"),
    ("studies", "RequestAttributesSequence.RequestedProcedureID=x"),
]


@pytest.mark.parametrize(("path", "raw"), [*REFUSED, *((path, "TimezoneOffsetFromUTC=%2B0100") for path in RESOURCES)])
async def test_refused(any_place: Place, path: str, raw: str) -> None:
    await add(any_place)
    answer = await any_place.get(f"{path}?{raw}")
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text


@pytest.mark.parametrize("field", ["PatientAge", "00101010", "00291001", "0029abcd", "all", "ALL", "PixelData", "Rows", "SOPClassUID"])
@pytest.mark.parametrize("path", RESOURCES)
async def test_includefield_takes_any_attribute_at_every_level(place: Place, path: str, field: str) -> None:
    await add(place)
    for raw in (f"includefield={field}", f"includefield=PatientSex,{field}", f"includefield={field}&includefield=StudyTime"):
        assert await found(place, path, raw)


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/dicom+json", 200),
        ("application/json", 200),
        ("APPLICATION/DICOM+JSON; q=0.5", 200),
        ("application/*", 200),
        ("*/*", 200),
        ("text/html, application/dicom+json", 200),
        ("", 200),
        ("text/html", 406),
        ("image/jpeg", 406),
        ("application/dicom+xml", 406),
        ("application/dicom", 406),
    ],
)
async def test_accept(place: Place, path: str, accept: str, status: int) -> None:
    await add(place)
    answer = await place.get(path, accept)
    assert answer.status == status
    if status == 406:
        assert answer.body == b""
    else:
        assert answer.headers["content-type"] == "application/dicom+json"


@pytest.mark.parametrize(
    "path", ["studies/9.9/series", "studies/9.9/instances", "studies/1.1/series/9.9/instances", "studies/1.1.1/series"]
)
async def test_unknown_uids_in_paths_find_nothing(any_place: Place, path: str) -> None:
    await add(any_place)
    answer = await any_place.get(path)
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


async def test_a_query_may_be_long(place: Place) -> None:
    await add(place)
    uids = ",".join(f"1.{number}" for number in range(1, 400))
    assert await found(place, "studies", query(StudyInstanceUID=uids)) == ["1.1"]
