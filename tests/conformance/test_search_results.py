"""Search: what is returned, in which order, and which of several values counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.place import Place
from tests.conformance.searching import RESOURCES, add, found, shown, tag, value
from tests.http.driver import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = [{"CodeValue": "C1", "CodingSchemeDesignator": "99X", "CodeMeaning": "m"}]
REFERENCE = [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": "1.3"}]

STUDY = {
    "StudyDate": "20200110",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "Roe^R",
    "PatientName": "Doe^Jane",
    "PatientID": "P1",
    "PatientBirthDate": "19700101",
}
STUDY_1 = {"StudyTime": "101500", "InstanceAvailability": "ONLINE", "PatientSex": "O", "StudyID": "S1"}
COMMON_1 = {"SpecificCharacterSet": "ISO_IR 192", "TimezoneOffsetFromUTC": "+0100"}
STUDY_2 = {"StudyDescription": "Thorax"}
STUDY_ALL = {
    "AnatomicRegionsInStudyCodeSequence": CODE,
    "ProcedureCodeSequence": CODE,
    "NameOfPhysiciansReadingStudy": "Reader",
    "AdmittingDiagnosesDescription": "Cough",
    "ReferencedStudySequence": REFERENCE,
    "PatientAge": "050Y",
    "PatientSize": "1.8",
    "PatientWeight": "80",
    "Occupation": "Miner",
    "AdditionalPatientHistory": "None",
}
SERIES = {"Modality": "CT", "PerformedProcedureStepStartDate": "20200111"}
SERIES_1 = {
    "SeriesDescription": "Lung",
    "PerformedProcedureStepStartTime": "111500",
    "RequestAttributesSequence": [{"ScheduledProcedureStepID": "SP1"}],
}
SERIES_2 = {"ManufacturerModelName": "Model"}
SERIES_ALL = {"SeriesNumber": "7", "Laterality": "L", "SeriesDate": "20200112", "SeriesTime": "121500"}
INSTANCE_1 = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
    "InstanceAvailability": "ONLINE",
    "InstanceNumber": "3",
    "Rows": 2,
    "Columns": 3,
    "BitsAllocated": 8,
    "NumberOfFrames": "1",
}
OTHERS = {"Manufacturer": "Maker", "BodyPartExamined": "CHEST", "ImageComments": "Fine", "PatientComments": "Nice"}
EVERYTHING: dict[str, Any] = {
    **STUDY, **STUDY_1, **COMMON_1, **STUDY_2, **STUDY_ALL, **SERIES, **SERIES_1, **SERIES_2, **SERIES_ALL, **OTHERS,
    "InstanceNumber": "3", "NumberOfFrames": "1",
}  # fmt: skip

# (level, version, with all) -> keywords
SETS: dict[tuple[str, int, bool], set[str]] = {
    ("study", 1, False): {"StudyInstanceUID", *STUDY, *STUDY_1, *COMMON_1},
    ("study", 2, False): {"StudyInstanceUID", *STUDY, *STUDY_2},
    ("study", 1, True): {"StudyInstanceUID", *STUDY, *STUDY_1, *COMMON_1, *STUDY_2, *STUDY_ALL},
    ("study", 2, True): {"StudyInstanceUID", *STUDY, *STUDY_1, *COMMON_1, *STUDY_2, *STUDY_ALL},
    ("series", 1, False): {"SeriesInstanceUID", *SERIES, *SERIES_1, *COMMON_1},
    ("series", 2, False): {"SeriesInstanceUID", *SERIES, *SERIES_2},
    ("series", 1, True): {"SeriesInstanceUID", *SERIES, *SERIES_1, *COMMON_1, *SERIES_ALL},
    ("series", 2, True): {"SeriesInstanceUID", *SERIES, *SERIES_1, *COMMON_1, *SERIES_ALL, *SERIES_2},
    ("instance", 1, False): {"SOPInstanceUID", *INSTANCE_1, *COMMON_1},
    ("instance", 2, False): {"SOPInstanceUID"},
    ("instance", 1, True): {"SOPInstanceUID", *INSTANCE_1, *COMMON_1},
    ("instance", 2, True): {"SOPInstanceUID", *INSTANCE_1, *COMMON_1},
}
LEVELS = {
    "studies": ("study",),
    "series": ("study", "series"),
    "instances": ("study", "series", "instance"),
    "studies/1.1/series": ("series",),
    "studies/1.1/instances": ("series", "instance"),
    "studies/1.1/series/1.1.1/instances": ("instance",),
}
UIDS_IN_PATHS = {
    "studies/1.1/series": {"StudyInstanceUID"},
    "studies/1.1/instances": {"StudyInstanceUID"},
    "studies/1.1/series/1.1.1/instances": {"StudyInstanceUID", "SeriesInstanceUID"},
}


def _expected(place: Place, path: str, *included: str, everything: bool = False) -> set[str]:
    version = 2 if place.version == "v2" else 1
    sets = (SETS[level, version, everything] for level in LEVELS[path])
    return {tag(keyword) for keyword in set().union(*sets) | UIDS_IN_PATHS.get(path, set()) | set(included)}


@pytest.mark.parametrize("path", RESOURCES)
async def test_returned_attributes(any_place: Place, path: str) -> None:
    await add(any_place, rows=2, columns=3, frames=1, **EVERYTHING)
    [result] = await shown(any_place, path)
    assert result.keys() == _expected(any_place, path)
    for field in ("all", "ALL", "PatientAge,all", "all&includefield=PatientComments"):
        [result] = await shown(any_place, path, f"includefield={field}")
        assert result.keys() == _expected(any_place, path, everything=True)
    [result] = await shown(any_place, path, "includefield=ImageComments,00180015&includefield=PatientComments")
    assert result.keys() == _expected(any_place, path, "ImageComments", "BodyPartExamined", "PatientComments")
    assert result[tag("ImageComments")] == {"vr": "LT", "Value": ["Fine"]}


@pytest.mark.parametrize("path", RESOURCES)
async def test_only_what_the_data_has_is_returned(any_place: Place, path: str) -> None:
    await add(any_place, StudyDate=None, SeriesDescription="", without=["PatientName"])
    [result] = await shown(any_place, path, "includefield=all")
    has = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "Modality", "SOPClassUID"}
    expected = {tag(keyword) for keyword in has} & _expected(any_place, path, everything=True)
    assert {name for name, element in result.items() if "Value" in element} == expected


@pytest.mark.parametrize("path", RESOURCES)
async def test_values_are_those_of_the_file(any_place: Place, path: str) -> None:
    await add(any_place, rows=2, columns=3, frames=1, **EVERYTHING)
    document = await any_place.metadata("1.1", "1.1.1", "1.1.1.1")
    for raw in ("", "includefield=all", "includefield=PatientComments,InstanceNumber,SeriesNumber,PatientWeight"):
        [result] = await shown(any_place, path, raw)
        assert result == {name: document[name] for name in result}


async def test_matched_attributes_are_returned(any_place: Place) -> None:
    await add(any_place, **EVERYTHING)
    [result] = await shown(any_place, "studies", "StudyDescription=Thorax&PatientSex=O&ModalitiesInStudy=CT")
    assert (value(result, "StudyDescription"), value(result, "PatientSex")) == (["Thorax"], ["O"])
    assert value(result, "ModalitiesInStudy") == ["CT"]
    [result] = await shown(any_place, "series", "ManufacturerModelName=model&00400275.00400009=SP1")
    assert value(result, "ManufacturerModelName") == ["Model"]
    assert value(result, "RequestAttributesSequence") == [{"00400009": {"vr": "SH", "Value": ["SP1"]}}]


async def test_numbers_are_json_numbers(place: Place) -> None:
    await add(place, **EVERYTHING)
    [result] = await shown(place, "instances", "includefield=all")
    assert (value(result, "SeriesNumber"), value(result, "InstanceNumber"), value(result, "PatientSize")) == ([7], [3], [1.8])


async def test_bulk_data_are_never_returned(place: Place) -> None:
    await add(place, rows=2, columns=3)
    [result] = await shown(place, "instances", "includefield=PixelData,00091001,Rows")
    assert tag("PixelData") not in result
    assert value(result, "Rows") == [2]


async def test_computed_attributes(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", "1.1.1.2", Modality="CT")
    await add(any_place, "1.1.2.1", Modality="MR")
    await add(any_place, "1.2.1.1", Modality=None)
    fields = "includefield=ModalitiesInStudy,00201208,NumberOfSeriesRelatedInstances"
    second, first = await shown(any_place, "studies", fields)
    assert (sorted(value(first, "ModalitiesInStudy")), value(first, "NumberOfStudyRelatedInstances")) == (["CT", "MR"], [3])
    assert first["00201208"]["vr"] == "IS"
    assert (value(second, "ModalitiesInStudy"), value(second, "NumberOfStudyRelatedInstances")) == (None, [1])
    [mr, ct] = await shown(any_place, "studies/1.1/series", fields)
    assert [value(each, "NumberOfSeriesRelatedInstances") for each in (mr, ct)] == [[1], [2]]
    assert [value(each, "NumberOfStudyRelatedInstances") for each in (mr, ct)] == [[3], [3]]
    [_, newest, *_] = await shown(any_place, "instances", fields)
    assert (value(newest, "NumberOfSeriesRelatedInstances"), sorted(value(newest, "ModalitiesInStudy"))) == ([1], ["CT", "MR"])
    for raw in ("", "includefield=all"):
        for result in await shown(any_place, "studies", raw):
            assert not {"00080061", "00201208", "00201209"} & result.keys()
    await any_place.delete("studies/1.1/series/1.1.1/instances/1.1.1.1")
    await any_place.delete("studies/1.1/series/1.1.2")
    _, first = await shown(any_place, "studies", fields)
    assert (value(first, "ModalitiesInStudy"), value(first, "NumberOfStudyRelatedInstances")) == (["CT"], [1])


async def test_retrieve_url_and_availability_when_named(any_place: Place) -> None:
    await add(any_place)
    base = f"http://dicom.test{any_place.url()}/studies/1.1"
    for path, url in (("studies", base), ("series", f"{base}/series/1.1.1"), ("instances", f"{base}/series/1.1.1/instances/1.1.1.1")):
        [result] = await shown(any_place, path, "includefield=RetrieveURL,00080056")
        assert result["00081190"] == {"vr": "UR", "Value": [url]}
        assert result["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
        [result] = await shown(any_place, path, "includefield=all")
        assert not {"00081190", "00080056"} & result.keys()


async def test_newest_first(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", "1.2.1.1", "1.1.2.1", "1.1.1.2", "1.3.1.1", "1.2.1.2")
    assert await found(any_place, "studies") == ["1.3", "1.2", "1.1"]
    assert await found(any_place, "series") == ["1.3.1", "1.1.2", "1.2.1", "1.1.1"]
    assert await found(any_place, "instances") == ["1.2.1.2", "1.3.1.1", "1.1.1.2", "1.1.2.1", "1.2.1.1", "1.1.1.1"]
    assert await found(any_place, "studies/1.1/series") == ["1.1.2", "1.1.1"]
    assert await found(any_place, "studies/1.1/instances") == ["1.1.1.2", "1.1.2.1", "1.1.1.1"]
    for path in ("studies", "series", "instances"):
        every = await found(any_place, path)
        for raw in ("", "PatientID=p1", "PatientID=P*", "PatientName=doe&fuzzymatching=true", "ModalitiesInStudy=OT"):
            pages = [await found(any_place, path, f"{raw}&limit=2&offset={offset}") for offset in range(0, 8, 2)]
            assert [uid for page in pages for uid in page] == every


@pytest.mark.parametrize(
    ("keyword", "path", "old", "new"),
    [
        ("PatientName", "studies", "Old^A", "New^B"),
        ("PatientID", "studies", "OLD", "NEW"),
        ("PatientBirthDate", "studies", "19700101", "19700102"),
        ("AccessionNumber", "studies", "OLD", "NEW"),
        ("ReferringPhysicianName", "studies", "Old^A", "New^B"),
        ("StudyDate", "studies", "20200101", "20200102"),
        ("StudyDescription", "studies", "Old", "New"),
        ("Modality", "series", "CT", "MR"),
        ("PerformedProcedureStepStartDate", "series", "20200101", "20200102"),
        ("ManufacturerModelName", "series", "Old", "New"),
    ],
)
async def test_the_latest_value_counts(any_place: Place, keyword: str, path: str, old: str, new: str) -> None:
    async def shows(expected: str) -> None:
        for raw in (f"{keyword}={expected}", f"includefield={keyword}", f"includefield={keyword},ImageComments"):
            [result] = await shown(any_place, path, raw)
            assert value(result, keyword) == ([{"Alphabetic": expected}] if keyword.endswith("Name") and "^" in expected else [expected])

    await add(any_place, "1.1.1.1", **{keyword: old})
    await shows(old)
    await add(any_place, "1.1.1.2", **{keyword: new})
    await shows(new)
    assert await found(any_place, path, f"{keyword}={old}") == []
    if keyword != "PatientID" or any_place.version == "v2":
        await add(any_place, "1.1.1.3", **{keyword: None})
        await shows(new)
    if keyword != "PatientID":
        await add(any_place, "1.1.1.4", **({"without": ["PatientName"]} if keyword == "PatientName" else {keyword: ""}))
        await shows(new)
    await any_place.delete("studies/1.1/series/1.1.1/instances/1.1.1.2")
    await shows(new)
    assert await found(any_place, path, f"{keyword}={old}") == []


async def test_other_attributes_show_the_newest_instance(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", PatientComments="first", PatientAge="001Y")
    await add(any_place, "1.1.2.1", PatientComments="second")
    [result] = await shown(any_place, "studies", "includefield=PatientComments,PatientAge")
    assert (value(result, "PatientComments"), value(result, "PatientAge")) == (["second"], None)
    await any_place.delete("studies/1.1/series/1.1.2")
    [result] = await shown(any_place, "studies", "includefield=PatientComments,PatientAge")
    assert (value(result, "PatientComments"), value(result, "PatientAge")) == (["first"], ["001Y"])


async def test_what_is_deleted_is_not_found(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", "1.1.2.1", "1.2.1.1")
    await any_place.delete("studies/1.1/series/1.1.1/instances/1.1.1.1")
    assert await found(any_place, "studies") == ["1.2", "1.1"]
    assert await found(any_place, "series") == ["1.2.1", "1.1.2"]
    await any_place.delete("studies/1.1")
    for path, expected in (("studies", ["1.2"]), ("series", ["1.2.1"]), ("instances", ["1.2.1.1"]), ("studies/1.1/series", [])):
        assert await found(any_place, path) == expected
    await add(any_place, "1.1.1.1", PatientID="again")
    assert await found(any_place, "studies", "PatientID=again") == ["1.1"]
    assert await found(any_place, "studies") == ["1.1", "1.2"]


async def test_partitions_are_apart(any_place: Place, client: Client) -> None:
    other = Place(client, any_place.version)
    await add(any_place, "1.1.1.1", PatientID="here")
    await add(other, "1.1.1.1", "1.2.1.1", PatientID="there")
    assert await found(any_place, "studies") == ["1.1"]
    assert await found(any_place, "studies", "PatientID=there") == []
    assert await found(other, "studies", "PatientID=there") == ["1.2", "1.1"]
    answer = await client.get(f"/{any_place.version}/partitions/nobody-made-this/studies")
    assert answer.status == 400


async def test_results_as_xml(any_place: Place) -> None:
    await add(any_place, "1.1.1.1", "1.2.1.1")
    answer = await any_place.get("studies", 'multipart/related; type="application/dicom+xml"')
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
    parts = answer.parts()
    assert [kind for kind, _ in parts] == ["application/dicom+xml"] * 2
    assert all(b"<NativeDicomModel" in content for _, content in parts)
    assert (await any_place.get("studies?PatientID=x", 'multipart/related; type="application/dicom+xml"')).status == 204
    by_query = await any_place.get("studies?accept=multipart/related%3B%20type=%22application/dicom%2Bxml%22", "*/*")
    assert [part for _, part in by_query.parts()] == [part for _, part in parts]


async def test_head(any_place: Place) -> None:
    await add(any_place)
    answer = await any_place.client.send("HEAD", any_place.url("studies"))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/dicom+json")
