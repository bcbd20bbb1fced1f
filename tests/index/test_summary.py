from __future__ import annotations

from typing import Any

import orjson
import pytest

from dicom_core.dicom.document import assemble, fragments
from dicom_core.index.attributes import SERIES_LATEST, STUDY_LATEST
from dicom_core.index.summary import Summary, inherit, merge, modality_of
from dicom_core.storage.ports import MAX_PROPERTY_BYTES
from tests.index.factories import element, metadata

NAME, DATE, TIME, PATIENT_ID = "00100010", "00080020", "00080030", "00100020"


def decoded(document: bytes) -> dict[str, Any]:
    return {tag: orjson.loads(fragment) for tag, fragment in fragments(document).items()}


def merged(*instances: dict[str, bytes]) -> bytes:
    document = b""
    for instance in instances:
        document = merge(document, Summary.of(instance).study)
    return document


def test_the_latest_value_wins() -> None:
    document = merged(metadata(PatientName="A", StudyDate="20200101"), metadata(PatientName="B", StudyDate="20200102"))
    assert decoded(document)[NAME]["Value"] == [{"Alphabetic": "B"}]
    assert decoded(document)[DATE]["Value"] == ["20200102"]


@pytest.mark.parametrize("later", [metadata(), metadata(PatientName=None, PatientID=None)], ids=["absent", "empty"])
def test_absent_and_empty_values_of_indexed_attributes_never_overwrite(later: dict[str, bytes]) -> None:
    document = merged(metadata(PatientName="A", PatientID="1"), later, later)
    assert decoded(document)[NAME]["Value"] == [{"Alphabetic": "A"}]
    assert decoded(document)[PATIENT_ID]["Value"] == ["1"]


@pytest.mark.parametrize("value", ["20200231", "20200101-20200131", ["", "20200102"]], ids=["no such day", "range", "first is empty"])
def test_values_that_nothing_could_find_never_overwrite(value: object) -> None:
    document = merged(metadata(StudyDate="20200101"), metadata(StudyDate=value))
    assert decoded(document)[DATE]["Value"] == ["20200101"]


def test_null_then_value_then_null_leaves_the_value() -> None:
    document = merged(metadata(PatientID=None), metadata(PatientID="123"), metadata(PatientID=None))
    assert decoded(document)[PATIENT_ID]["Value"] == ["123"]


def test_other_attributes_are_those_of_the_newest_instance() -> None:
    assert TIME not in decoded(merged(metadata(StudyTime="10"), metadata()))
    assert decoded(merged(metadata(StudyTime="10"), metadata(StudyTime=None)))[TIME] == {"vr": "TM"}


def test_deleting_keeps_indexed_values_and_takes_others_from_the_heir() -> None:
    newest = merged(metadata(PatientName="A", StudyTime="10"), metadata(PatientName="B", StudyTime="11"))
    document = inherit(newest, Summary.of(metadata(PatientName="A", PatientID="1", StudyTime="10")).study)
    assert decoded(document)[NAME]["Value"] == [{"Alphabetic": "B"}], "earlier values do not come back"
    assert PATIENT_ID not in decoded(document)
    assert decoded(document)[TIME]["Value"] == ["10"]


def test_a_value_too_long_for_a_row_is_left_out_and_overwrites_nothing() -> None:
    document = merged(metadata(PatientName="A"), metadata(PatientName=["B" * 60] * 200))
    assert decoded(document)[NAME]["Value"] == [{"Alphabetic": "A"}]


def test_documents_are_bounded_whatever_an_instance_holds() -> None:
    text: list[object] = ["x" * 60] * 120
    keywords = ("StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "PatientID", "PatientName", "PatientBirthDate")
    hostile = metadata(**dict.fromkeys((*keywords, "ReferringPhysicianName", "ManufacturerModelName", "SeriesDescription"), text))
    hostile |= {tag: element("LO", "y" * 8000) for tag in STUDY_LATEST | SERIES_LATEST}
    summary = Summary.of(hostile)
    short = Summary.of(metadata(PatientName="A", AccessionNumber="1", StudyDescription="y" * 8000))
    assert len(merge(assemble(short.study), summary.study)) < MAX_PROPERTY_BYTES
    assert len(assemble(summary.series)) + len(summary.instance) < MAX_PROPERTY_BYTES
    assert len(summary.study_latest) < MAX_PROPERTY_BYTES
    assert len(summary.series_latest) < MAX_PROPERTY_BYTES


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [(metadata(Modality="CT"), "CT"), (metadata(Modality=None), ""), (metadata(), ""), (metadata(Modality=["MR", "CT"]), "MR")],
)
def test_the_modality_of_a_series_is_its_first_value(fragments: dict[str, bytes], expected: str) -> None:
    assert modality_of(fragments) == expected
