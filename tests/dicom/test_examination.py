"""What storing an instance finds out about it, strictly (API version 1) and leniently (version 2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from dicom_core.dicom.document import assemble
from dicom_core.dicom.examination import Examined, examine
from dicom_core.dicom.part10 import read_header
from dicom_core.dicom.reason_codes import FailureReason, WarningReason
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, SERIES, STUDY, data_element, make_data_set, make_instance

PATIENT_ID_MISSING = "DICOM100: (0010,0020) - The required tag '(0010,0020)' is missing."
TAGS = {"SOPClassUID": (0x00080016, "UI"), "StudyInstanceUID": (0x0020000D, "UI"), "SeriesInstanceUID": (0x0020000E, "UI")} | {
    "SOPInstanceUID": (0x00080018, "UI"),
    "PatientID": (0x00100020, "LO"),
    "PatientName": (0x00100010, "PN"),
    "Modality": (0x00080060, "CS"),
    "StudyDate": (0x00080020, "DA"),
    "StudyDescription": (0x00081030, "LO"),
    "AccessionNumber": (0x00080050, "SH"),
    "StudyTime": (0x00080030, "TM"),
}


def look(data: bytes, *, lenient: bool, **options: Any) -> Examined:
    return examine(read_header(data, complete=True), lenient=lenient, **options)


def with_value(keyword: str, value: bytes, vr: str | None = None) -> bytes:
    """An instance with this encoded value."""
    tag, right_vr = TAGS[keyword]
    return make_instance(raw_elements=[(tag, vr or right_vr, value + b" " * (len(value) % 2))])


def metadata(examined: Examined) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(assemble(examined.fragments))
    return found


@pytest.mark.parametrize("lenient", [True, False])
def test_a_right_instance_passes(lenient: bool) -> None:
    found = look(make_instance(StudyDate="20200101"), lenient=lenient, study=STUDY + " ")
    assert (found.refused, found.warning, found.messages, found.multi_valued) == (None, None, [], [])
    uids = (found.sop_class_uid, found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid)
    assert uids == (SECONDARY_CAPTURE, STUDY, SERIES, INSTANCE)
    assert metadata(found)["00080020"] == {"vr": "DA", "Value": ["20200101"]}


@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("keyword", ["SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_the_identifying_uids_must_have_one_value(keyword: str, lenient: bool) -> None:
    tag = TAGS[keyword][0]
    text = f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
    for data in (make_instance(without=[keyword]), with_value(keyword, b""), with_value(keyword, b"1.2\\1.3"), with_value(keyword, b"  ")):
        found = look(data, lenient=lenient)
        assert found.refused is FailureReason.VALIDATION_FAILED
        assert found.messages[0] == f"DICOM100: {text} - The required tag '{text}' is missing."


@pytest.mark.parametrize("lenient", [True, False])
def test_only_the_first_missing_attribute_is_reported(lenient: bool) -> None:
    found = look(make_instance(without=["SeriesInstanceUID", "SOPInstanceUID", "PatientID"]), lenient=lenient)
    assert found.messages == ["DICOM100: (0020,000e) - The required tag '(0020,000e)' is missing."]
    assert found.sop_instance_uid == ""


@pytest.mark.parametrize("lenient", [True, False])
def test_another_study_than_the_one_of_the_url_is_refused(lenient: bool) -> None:
    found = look(make_instance(), lenient=lenient, study="1.2.3")
    assert found.refused is FailureReason.STUDY_MISMATCH
    assert len(found.messages) == 1
    assert found.messages[0].startswith("DICOM100: (0020,000d) - ")
    assert look(with_value("StudyInstanceUID", b"1.2.3 "), lenient=lenient, study="1.2.3  ").refused is None


@pytest.mark.parametrize("lenient", [True, False])
def test_an_absent_patient_id_is_refused(lenient: bool) -> None:
    found = look(make_instance(without=["PatientID"]), lenient=lenient)
    assert (found.refused, found.messages) == (FailureReason.VALIDATION_FAILED, [PATIENT_ID_MISSING])


@pytest.mark.parametrize("value", [b"", b"  "])
def test_a_blank_patient_id_is_refused_strictly_and_dropped_leniently(value: bytes) -> None:
    data = with_value("PatientID", value)
    strict, lenient = look(data, lenient=False), look(data, lenient=True)
    assert (strict.refused, strict.messages) == (FailureReason.VALIDATION_FAILED, [PATIENT_ID_MISSING])
    assert (lenient.refused, lenient.messages) == (None, [PATIENT_ID_MISSING])
    assert lenient.warning is WarningReason.VALIDATION_WARNINGS
    assert "00100020" not in metadata(lenient)


STRICT_FAULTS = {
    "PatientID": (b"a\nb", "'PatientID' failed validation for VR 'LO': Value contains invalid character."),
    "StudyDate": (b"20200230", "'StudyDate' failed validation for VR 'DA': Value cannot be parsed as a valid date."),
    "PatientName": (b"a=b=c=d", "'PatientName' failed validation for VR 'PN': Value contains more than 3 groups."),
    "AccessionNumber": (b"x" * 17, "'AccessionNumber' failed validation for VR 'SH': Value length exceeds maximum length of 16."),
    "Modality": (b"x" * 17, "'Modality' failed validation for VR 'CS': Value length exceeds maximum length of 16."),
}


@pytest.mark.parametrize("keyword", STRICT_FAULTS)
def test_faults_of_indexed_attributes_refuse_strictly(keyword: str) -> None:
    value, text = STRICT_FAULTS[keyword]
    found = look(with_value(keyword, value), lenient=False)
    tag = TAGS[keyword][0]
    assert found.refused is FailureReason.VALIDATION_FAILED
    assert found.messages == [f"DICOM100: ({tag >> 16:04x},{tag & 0xFFFF:04x}) - Dicom element {text}"]


@pytest.mark.parametrize("keyword", ["StudyDate", "PatientName", "AccessionNumber", "Modality"])
def test_faults_of_other_attributes_are_leniently_dropped(keyword: str) -> None:
    found = look(with_value(keyword, STRICT_FAULTS[keyword][0]), lenient=True)
    assert found.refused is None
    assert len(found.messages) == (0 if keyword == "StudyDate" else 1)  # 30 February passes the full rule
    assert (f"{TAGS[keyword][0]:08X}" in metadata(found)) == (keyword == "StudyDate")


def test_lenient_messages_repeat_the_value() -> None:
    found = look(with_value("StudyDate", b"NotAValidStudyDate"), lenient=True)
    assert found.messages == [
        'DICOM100: (0008,0020) - Content "NotAValidStudyDate" does not validate VR DA: '
        "one of the date values does not match the pattern YYYYMMDD"
    ]
    assert (found.refused, found.warning) == (None, WarningReason.VALIDATION_WARNINGS)


def test_strict_checks_pass_what_is_not_indexed_and_values_after_the_first() -> None:
    found = look(with_value("StudyTime", b"25:00"), lenient=False)
    assert found.messages == []
    assert metadata(found)["00080030"]["Value"] == ["25:00"]
    found = look(with_value("StudyDescription", b"a\\" + b"x" * 65), lenient=False)
    assert (found.refused, found.messages, found.multi_valued) == (None, [], [0x00081030])


def test_lenient_checks_count_values() -> None:
    found = look(with_value("StudyDescription", b"a\\b"), lenient=True)
    assert found.messages[0].startswith('DICOM100: (0008,1030) - Content "a\\b" does not validate VR LO: ')
    assert found.multi_valued == []
    found = look(with_value("PatientID", b"a\\b"), lenient=True)
    assert (found.refused, found.multi_valued, len(found.messages)) == (None, [0x00100020], 1)
    assert "00100020" not in metadata(found)


@pytest.mark.parametrize(("value", "passes"), [(b"X\0", True), (b"X\0\0\0", True), (b"\0\0", True), (b"X\0X ", False)])
def test_nul_padding_is_kept_leniently(value: bytes, passes: bool) -> None:
    found = look(with_value("Modality", value), lenient=True)
    assert (found.messages == []) == passes
    expected = {"vr": "CS", "Value": [value.decode().rstrip(" ")]} if passes else None
    assert metadata(found).get("00080060") == expected


def test_nul_padding_of_core_and_numeric_attributes() -> None:
    assert look(with_value("PatientID", b"123\0"), lenient=True).messages == []
    assert look(with_value("PatientID", b"123\0"), lenient=False).refused is FailureReason.VALIDATION_FAILED
    assert look(with_value("StudyInstanceUID", b"1.2.3\0"), lenient=False).study_instance_uid == "1.2.3"
    assert len(look(with_value("StudyDate", b"2020010\0"), lenient=True).messages) == 1


@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("uid", [b"1.2.x", b"1" * 65, b"1."])
def test_identifiers_must_be_uids(uid: bytes, lenient: bool) -> None:
    found = look(with_value("StudyInstanceUID", uid), lenient=lenient)
    assert found.refused is FailureReason.VALIDATION_FAILED
    assert found.messages[0].startswith("DICOM100: (0020,000d) - Dicom element 'StudyInstanceUID' failed validation for VR 'UI': ")
    assert found.study_instance_uid == uid.decode()


def test_a_leading_zero_in_an_identifier_is_a_warning_that_drops_nothing() -> None:
    data = with_value("StudyInstanceUID", b"1.02.3")
    found = look(data, lenient=True)
    assert (found.refused, len(found.messages)) == (None, 1)
    assert metadata(found)["0020000D"]["Value"] == ["1.02.3"]
    assert look(data, lenient=False).messages == []


def test_a_bad_sop_class_refuses_only_leniently() -> None:
    data = with_value("SOPClassUID", b"abc")
    assert look(data, lenient=False).refused is None
    assert look(data, lenient=True).refused is FailureReason.VALIDATION_FAILED


def test_a_wrong_vr_is_a_fault_of_indexed_attributes() -> None:
    data = with_value("StudyDescription", b"20200101", "DA")
    found = look(data, lenient=False)
    assert found.messages[0].startswith("DICOM100: (0008,1030) - Dicom element 'StudyDescription' failed validation for VR 'LO': ")
    assert look(data, lenient=True).messages == []
    data = with_value("PatientID", b"AB", "SH")
    assert look(data, lenient=True).refused is look(data, lenient=False).refused is FailureReason.VALIDATION_FAILED


def test_implicit_vr_is_a_warning_that_outweighs_others() -> None:
    data = make_instance(transfer_syntax=ImplicitVRLittleEndian, AccessionNumber="x" * 20)
    assert look(data, lenient=True).warning is WarningReason.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    assert len(look(data, lenient=True).messages) == 1
    data = make_instance(transfer_syntax=ImplicitVRLittleEndian)
    assert look(data, lenient=False).warning is WarningReason.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    assert look(data, lenient=False).refused is None


def test_elements_in_items_and_private_ones_are_checked_leniently_under_their_own_tag() -> None:
    item = make_data_set({"StudyDate": "bad", "CodeValue": "ok"})
    private = [data_element(0x00091001, "CS", "lower"), data_element(0x00111001, "CS", "lower")]
    data = make_instance(
        elements=[data_element(0x00090010, "LO", "ACME"), *private, data_element(0x00081032, "SQ", [item, item])], StudyDate="20200101"
    )
    found = look(data, lenient=True)
    assert [message.split(" - ")[0] for message in found.messages] == [
        "DICOM100: (0008,0020)",
        "DICOM100: (0009,1001:ACME)",
        "DICOM100: (0011,1001)",
    ]
    assert metadata(found)["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["ok"]}}] * 2
    assert metadata(found)["00080020"]["Value"] == ["20200101"]
    assert look(data, lenient=False).messages == []


def test_at_most_one_message_per_attribute() -> None:
    found = look(with_value("AccessionNumber", b"x" * 17 + b"\\" + b"y" * 17), lenient=True)
    assert len(found.messages) == 1
    found = look(with_value("StudyInstanceUID", b"1.2.x"), lenient=True, study="1.2.3")
    assert len(found.messages) == 1
    assert found.refused is FailureReason.STUDY_MISMATCH


def test_strict_checks_cover_extra_attributes() -> None:
    extra = {(0x00101010, None): "AS", (0x00280010, None): "US", (0x00090001, "ACME"): "CS"}
    creator = data_element(0x00090010, "LO", "ACME")
    assert look(make_instance(PatientAge="018Y", Rows=5), lenient=False, extra=extra).messages == []
    found = look(make_instance(PatientAge="18Y", raw_elements=[(0x00280010, "US", b"")]), lenient=False, extra=extra)
    assert [message.split(": ", 3)[-1] for message in found.messages] == ["Value length is not 4.", "Value length is not 2."]
    found = look(make_instance(elements=[creator, data_element(0x00091001, "CS", "x" * 17)]), lenient=False, extra=extra)
    assert [message.split(" - ")[0] for message in found.messages] == ["DICOM100: (0009,1001:ACME)"]
    found = look(
        make_instance(elements=[data_element(0x00090010, "LO", "X"), data_element(0x00091001, "CS", "x" * 17)]), lenient=False, extra=extra
    )
    assert found.messages == []


@pytest.mark.parametrize(
    ("keyword", "value", "passes"),
    [
        ("ImageType", ["A", "B", "C"], True),
        ("ImageType", "A", False),
        ("PixelSpacing", ["1", "2"], True),
        ("PixelSpacing", ["1", "2", "3"], False),
        ("LUTDescriptor", [1, 2, 3], True),
        ("LUTDescriptor", [1, 2], False),
        ("PatientOrientation", None, True),
        ("PatientComments", "a\\b", True),
    ],
)
def test_multiplicity(keyword: str, value: Any, passes: bool) -> None:
    assert (look(make_instance(**{keyword: value}), lenient=True).messages == []) == passes


def test_huge_values_are_not_repeated_whole() -> None:
    found = look(with_value("StudyDescription", b"x" * 60_000), lenient=True)
    assert len(found.messages[0]) < 20_000
