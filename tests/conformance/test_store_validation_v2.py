"""Store, version 2: faults of identifying attributes refuse an instance, all others are warnings and leave the metadata."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.uid import ImplicitVRLittleEndian

from tests.conformance.place import Place, failed, messages, reasons, stored
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, SERIES, STUDY, data_element, make_data_set, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLES = {
    "AE": 0x00080054,
    "AS": 0x00101010,
    "CS": 0x00080060,
    "DA": 0x00080020,
    "DS": 0x00101030,
    "DT": 0x0008002A,
    "FD": 0x00189073,
    "FL": 0x00089459,
    "IS": 0x00200013,
    "LO": 0x00081030,
    "LT": 0x00104000,
    "PN": 0x00100010,
    "SH": 0x00080050,
    "SL": 0x00186020,
    "SS": 0x00189219,
    "ST": 0x00080081,
    "SV": 0x00720082,
    "TM": 0x00080030,
    "UC": 0x00080119,
    "UI": 0x00200052,
    "UL": 0x00089160,
    "UR": 0x0008010E,
    "US": 0x00280010,
    "UT": 0x0040A160,
}
"""An attribute of one value (of any number: AE, SV) with each VR that metadata holds."""

PASSES = [
    *[("AE", value) for value in ("A", "A" * 16, "a b", " AE", "AE  ", "AE\0", "A" * 16 + "\0", "A\\B")],
    *[("AS", value) for value in ("018Y", "000D", "999W", "012M", "018Y\0")],
    *[("CS", value) for value in ("A", "A" * 16, "A_1 B", " A", "A ", "A\0", "0123456789")],
    *[
        ("DA", value)
        for value in ("20200131", "20200230", "20200131 ", "20200101-20201231", "20200101-", "-20200101", "00000000", "20200000")
    ],
    *[("DS", value) for value in ("1", "-1", "+1", "1.5", ".5", "1.", "1e5", "1E+5", "-1.5e-05", " 1.5 ", "1234567890123456", "  1  ")],
    *[("DT", value) for value in ("2020", "202001", "20200131", "2020013123", "202001312359", "20200131235960", "20200131235959.1")],
    *[
        ("DT", value)
        for value in ("20200131235959.123456", "2020+0100", "20200131-1200", "20200131+1400", "20200131120000.5-0130", "2020 ")
    ],
    *[("DT", value) for value in ("2020-2021", "2020-", "-2020", "20200131+0000", "2020+0100-2021+0100")],
    *[("IS", value) for value in ("0", "1", "-1", "+1", " 1 ", "2147483647", "-2147483648", "0001")],
    *[("LO", value) for value in ("x", "x" * 64, " x ", "x\0", "a^b=c", "x" * 64 + "\0")],
    *[("LT", value) for value in ("x" * 10240, "a\\b", "line\r\nline\x0c", "tab\tx", "x\0")],
    *[("PN", value) for value in ("A", "A^B^C^D^E", "A=B=C", "A" * 64, "=".join(["A" * 64] * 3), "A^B\0", "^^^^", "A=", "=B")],
    *[("SH", value) for value in ("x", "x" * 16, " x", "x\0", "x" * 16 + "\0")],
    *[("ST", value) for value in ("x" * 1024, "a\\b", "line\r\nline", "x\0")],
    *[("TM", value) for value in ("00", "23", "2359", "235959", "235960", "235959.1", "235959.123456", "1200-1300", "12-", "-12", "12 ")],
    *[("UC", value) for value in ("x", "x" * 20000, "a\\b", "x\0")],
    *[("UI", value) for value in ("1", "1.2", "0.0", "1.0.3", "1" * 64, "1.2\0", "1.2 ")],
    *[("UR", value) for value in ("http://x/?a=b", "x\0", "not a url at all")],
    *[("UT", value) for value in ("x" * 20000, "a\\b", "x\0")],
]

FAILS = [
    *[("AE", value) for value in ("A" * 17, "   ", "A\n", "A\x1b", "A\0B")],
    *[("AS", value) for value in ("18Y", "018y", "018", "018X", "0018Y", "Y018", "01\0Y")],
    *[("CS", value) for value in ("A" * 17, "lower", "A-B", "A.B", "A/B", "\u00c4", "A\0B", "A\\B")],
    *[
        ("DA", value)
        for value in ("2020", "202001", "2020-01-31", "20201301", "20200132", "2020.01.31", "NotAValidStudyDate", "20200101\0")
    ],
    *[("DA", value) for value in ("20200101-20200102-20200103", "x", "202001011", "20200101\\20200102")],
    *[("DS", value) for value in ("abc", "1,5", "1e", "e5", "--1", "1.5.5", "12345678901234567", "1\0", "NaN", "Infinity", "0x1")],
    *[("DT", value) for value in ("20", "202013", "20200132", "2020013124", "202001312360", "20200131235961", "20200131235959.1234567")],
    *[("DT", value) for value in ("20200131235959.", "2020-0000", "2020+1401", "x", "2020\0", "-")],
    *[("IS", value) for value in ("abc", "1.0", "2147483648", "-2147483649", "1\0", "--1", "1e3", "99999999999999999999")],
    *[("LO", value) for value in ("x" * 65, "a\nb", "a\tb", "a\0b", "a\\b", "\x7fx")],
    *[("LT", value) for value in ("x" * 10241,)],
    *[("PN", value) for value in ("A^B^C^D^E^F", "A=B=C=D", "A" * 65, "A=" + "B" * 65, "A\nB", "A\0B", "A\\B", "A=B^C^D^E^F^G")],
    *[("SH", value) for value in ("x" * 17, "a\nb", "a\0b", "a\\b")],
    *[("ST", value) for value in ("x" * 1025,)],
    *[("TM", value) for value in ("24", "2360", "235961", "235959.1234567", "1", "12:00", "12:00:00", "120", "x", "12\0", "235959.")],
    *[("UI", value) for value in ("1.02", "01.2", "1..2", ".1", "1.", "1.2.x", "1" * 65, "1-2", " 1.2")],
]


def _encoded(value: str) -> bytes:
    return value.encode("latin-1") + b" " * (len(value) % 2)


def _id(case: tuple[str, str]) -> str:
    vr, value = case
    text = value if len(value) < 24 else f"{value[:6]}..{len(value)}"
    return f"{vr} {text!r}"


def _name(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


@pytest.mark.parametrize("case", PASSES, ids=_id)
async def test_right_value(place: Place, case: tuple[str, str]) -> None:
    vr, value = case
    answer = await place.store(make_instance(raw_elements=[(SAMPLES[vr], vr, _encoded(value))]))
    [item] = stored(answer)
    assert answer.status == 200, messages(item)
    assert item["00741048"] == {"vr": "SQ"}
    assert "00081196" not in item
    assert (await place.metadata())[f"{SAMPLES[vr]:08X}"]["vr"] == vr


@pytest.mark.parametrize("case", FAILS, ids=_id)
async def test_wrong_value(place: Place, case: tuple[str, str]) -> None:
    vr, value = case
    file = make_instance(raw_elements=[(SAMPLES[vr], vr, _encoded(value))])
    answer = await place.store(file)
    assert answer.status == 202
    [item] = stored(answer)
    assert failed(answer) == []
    assert item["00081196"] == {"vr": "US", "Value": [1]}
    [message] = messages(item)
    assert message.startswith(f'DICOM100: {_name(SAMPLES[vr])} - Content "')
    assert f'" does not validate VR {vr}: ' in message
    assert f"{SAMPLES[vr]:08X}" not in await place.metadata()
    assert await place.file() == file


@pytest.mark.parametrize("case", [case for case in FAILS if case[1] != "   "][::2], ids=_id)
async def test_wrong_value_in_an_item(place: Place, case: tuple[str, str]) -> None:
    vr, value = case
    tag = SAMPLES[vr]
    answer = await place.store(_nested(tag, vr, _encoded(value)))
    [item] = stored(answer)
    assert [message.partition(" - ")[0] for message in messages(item)] == [f"DICOM100: {_name(tag)}"]
    assert (await place.metadata())["00081032"] == {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["right"]}}]}


@pytest.mark.parametrize("case", [case for case in FAILS if "\\" not in case[1]][1::2], ids=_id)
@pytest.mark.parametrize("creator", ["ACME 1.0", None])
async def test_wrong_value_of_a_private_attribute(place: Place, case: tuple[str, str], creator: str | None) -> None:
    vr, value = case
    creators = [] if creator is None else [(0x00090010, "LO", _encoded(creator))]
    answer = await place.store(make_instance(raw_elements=[(0x00091001, vr, _encoded(value)), *creators]))
    [item] = stored(answer)
    [message] = messages(item)
    suffix = f":{creator}" if creator else ""
    assert message.startswith(f'DICOM100: (0009,1001{suffix}) - Content "')
    assert "00091001" not in await place.metadata()


def _nested(tag: int, vr: str, value: bytes) -> bytes:
    """An instance with a procedure code sequence of one item, which has an element more, as it stands."""
    long = vr in ("UC", "UR", "UT", "UN", "OB")
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    element = head + (struct.pack("<HL", 0, len(value)) if long else struct.pack("<H", len(value))) + value
    code = b"\x08\x00\x00\x01SH\x06\x00right "
    content = element + code if tag < 0x00080100 else code + element
    return make_instance(raw_elements=[(0x00081032, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content)])


@pytest.mark.parametrize("vr", SAMPLES)
async def test_empty_value_is_right(place: Place, vr: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(SAMPLES[vr], vr, b"")]))
    assert answer.status == 200
    assert (await place.metadata())[f"{SAMPLES[vr]:08X}"] == {"vr": vr}


@pytest.mark.parametrize(
    ("keyword", "value", "right"),
    [
        ("ImageType", ["ORIGINAL", "PRIMARY"], True),
        ("ImageType", "ORIGINAL", False),
        ("ImageType", ["A"] * 30, True),
        ("PixelSpacing", ["1", "1"], True),
        ("PixelSpacing", ["1"], False),
        ("PixelSpacing", ["1", "1", "1"], False),
        ("ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"], True),
        ("ImageOrientationPatient", ["1", "0", "0"], False),
        ("ImagePositionPatient", ["1", "0", "0"], True),
        ("Rows", [1, 2], False),
        ("SeriesDate", ["20200101", "20200102"], False),
        ("SoftwareVersions", ["1", "2", "3"], True),
        ("DataSetTrailingPadding", None, True),
        ("PatientOrientation", ["L", "P"], True),
        ("PatientOrientation", ["L"], False),
        ("ROIContourSequence", [{}, {}], True),
        ("FrameIncrementPointer", [0x00181063, 0x00181065], True),
    ],
)
async def test_multiplicity(place: Place, keyword: str, value: Any, right: bool) -> None:
    answer = await place.store(make_instance(**{keyword: value}))
    [item] = stored(answer)
    assert (answer.status, len(messages(item))) == ((200, 0) if right else (202, 1))


@pytest.mark.parametrize("text", ["lo", "ut"])
async def test_private_attributes_may_have_any_number_of_values(place: Place, text: str) -> None:
    element = data_element(0x00091001, "LO" if text == "lo" else "UT", ["a", "b", "c"])
    assert (await place.store(make_instance(elements=[data_element(0x00090010, "LO", "ACME"), element]))).status == 200


async def test_message_of_a_wrong_date(place: Place) -> None:
    answer = await place.store(make_instance(StudyDate="NotAValidStudyDate"))
    assert answer.json == {
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [SECONDARY_CAPTURE]},
                    "00081155": {"vr": "UI", "Value": [INSTANCE]},
                    "00081190": {
                        "vr": "UR",
                        "Value": [f"http://dicom.test{place.url(f'studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}')}"],
                    },
                    "00081196": {"vr": "US", "Value": [1]},
                    "00741048": {
                        "vr": "SQ",
                        "Value": [
                            {
                                "00000902": {
                                    "vr": "LO",
                                    "Value": [
                                        'DICOM100: (0008,0020) - Content "NotAValidStudyDate" does not validate VR DA: '
                                        "one of the date values does not match the pattern YYYYMMDD"
                                    ],
                                }
                            }
                        ],
                    },
                }
            ],
        }
    }


@pytest.mark.parametrize("value", ["", " ", "    "], ids=["empty", "space", "spaces"])
async def test_blank_patient_id_is_a_warning(place: Place, value: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(0x00100020, "LO", value.encode())]))
    assert answer.status == 202
    [item] = stored(answer)
    assert messages(item) == ["DICOM100: (0010,0020) - The required tag '(0010,0020)' is missing."]
    assert "00100020" not in await place.metadata()
    [study] = (await place.get("studies?includefield=PatientID")).json
    assert study.get("00100020", {"vr": "LO"}) == {"vr": "LO"}


CORE = {
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "PatientID": 0x00100020,
}


@pytest.mark.parametrize("keyword", CORE)
async def test_absent_required_attribute(place: Place, keyword: str) -> None:
    answer = await place.store(make_instance(without=[keyword]))
    tag = CORE[keyword]
    assert (answer.status, reasons(answer), stored(answer)) == (409, [43264], [])
    [item] = failed(answer)
    assert messages(item) == [f"DICOM100: {_name(tag)} - The required tag '{_name(tag)}' is missing."]
    assert ("00081150" in item, "00081155" in item) == (keyword != "SOPClassUID", keyword != "SOPInstanceUID")


@pytest.mark.parametrize("keyword", [keyword for keyword in CORE if keyword != "PatientID"])
@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0", b"1.2\\1.3 "], ids=["empty", "spaces", "NULs", "two values"])
async def test_required_uid_without_a_single_value(place: Place, keyword: str, value: bytes) -> None:
    answer = await place.store(make_instance(raw_elements=[(CORE[keyword], "UI", value)]))
    assert (answer.status, reasons(answer)) == (409, [43264])
    assert messages(failed(answer)[0])[0] == f"DICOM100: {_name(CORE[keyword])} - The required tag '{_name(CORE[keyword])}' is missing."


@pytest.mark.parametrize("keyword", [keyword for keyword in CORE if keyword != "PatientID"])
@pytest.mark.parametrize("value", ["1.2.x", "1" * 65, "1.", "1-2", "abc"])
async def test_required_uid_that_is_none(place: Place, keyword: str, value: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(CORE[keyword], "UI", _encoded(value))]))
    assert (answer.status, reasons(answer)) == (409, [43264])
    [item] = failed(answer)
    [message] = messages(item)
    assert message.startswith(f"DICOM100: {_name(CORE[keyword])} - Dicom element '{keyword}' failed validation for VR 'UI': ")
    if keyword == "SOPInstanceUID":
        assert item["00081155"] == {"vr": "UI", "Value": [value]}


@pytest.mark.parametrize("keyword", [keyword for keyword in CORE if keyword != "PatientID"])
@pytest.mark.parametrize("value", ["1.02.3", "01.2", "00.1"])
async def test_leading_zero_in_a_required_uid_is_a_warning(place: Place, keyword: str, value: str) -> None:
    names = {"SOPInstanceUID": "instance", "StudyInstanceUID": "study", "SeriesInstanceUID": "series"}
    answer = await place.store(make_instance(raw_elements=[(CORE[keyword], "UI", _encoded(value))]))
    assert (answer.status, len(messages(stored(answer)[0]))) == (202, 1)
    metadata = await place.metadata(**({names[keyword]: value} if keyword in names else {}))
    assert (f"{CORE[keyword]:08X}" in metadata) == (keyword in names)


@pytest.mark.parametrize("value", ["x" * 65, "a\nb", "a\0b", "a\\" + "b" * 65], ids=["long", "line feed", "NUL inside", "two values"])
async def test_wrong_patient_id(place: Place, value: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(0x00100020, "LO", _encoded(value))]))
    if "\\" in value:  # the minimum rule sees the first value alone
        assert (answer.status, len(messages(stored(answer)[0]))) == (202, 1)
        assert "00100020" not in await place.metadata()
        return
    assert (answer.status, reasons(answer)) == (409, [43264])
    assert messages(failed(answer)[0])[0].startswith("DICOM100: (0010,0020) - Dicom element 'PatientID' failed validation for VR 'LO': ")


@pytest.mark.parametrize("keyword", CORE)
@pytest.mark.parametrize("vr", ["SH", "ST", "UN", "LT"])
async def test_required_attribute_of_another_vr(place: Place, keyword: str, vr: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(CORE[keyword], vr, b"1.2.3.4.")]))
    assert (answer.status, reasons(answer)) == (409, [43264])


@pytest.mark.parametrize("vr", ["LO", "SH", "CS", "UT", "UN", "US"])
async def test_another_vr_elsewhere_is_ignored(place: Place, vr: str) -> None:
    answer = await place.store(make_instance(raw_elements=[(0x00080020, vr, b"20")]))
    assert answer.status == 200


@pytest.mark.parametrize("value", [b"P1\0\0", b"P\0", b"P1\0 "])
async def test_nul_padding_of_the_patient_id(place: Place, value: bytes) -> None:
    answer = await place.store(make_instance(raw_elements=[(0x00100020, "LO", value)]))
    assert answer.status == 200
    assert (await place.metadata())["00100020"] == {"vr": "LO", "Value": [value.rstrip(b" ").decode()]}
    plain = value.rstrip(b"\0 ").decode()
    for query in (plain, plain + "%00"):
        assert len((await place.get(f"studies?PatientID={query}")).json) == 1


@pytest.mark.parametrize("vr", ["AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
async def test_nul_padding_is_kept(place: Place, vr: str) -> None:
    value = b"018Y\0\0" if vr == "AS" else b"ABC\0"
    file = make_instance(raw_elements=[(SAMPLES[vr], vr, value)])
    assert (await place.store(file)).status == 200
    found = (await place.metadata())[f"{SAMPLES[vr]:08X}"]["Value"][0]
    assert (found["Alphabetic"] if vr == "PN" else found) == value.decode()
    assert await place.file() == file


@pytest.mark.parametrize("vr", ["DA", "TM", "DT", "IS", "DS"])
async def test_nul_padding_is_wrong_elsewhere(place: Place, vr: str) -> None:
    value = {"DA": b"20200101\0\0", "TM": b"120000\0\0", "DT": b"2020\0\0", "IS": b"1\0", "DS": b"1\0"}[vr]
    assert (await place.store(make_instance(raw_elements=[(SAMPLES[vr], vr, value)]))).status == 202


async def test_implicit_vr_outweighs_other_warnings(place: Place) -> None:
    right = make_instance(transfer_syntax=ImplicitVRLittleEndian)
    wrong = make_instance(transfer_syntax=ImplicitVRLittleEndian, instance=f"{INSTANCE}.1", Modality="lower")
    answer = await place.store(right, wrong)
    assert answer.status == 202
    assert [item["00081196"]["Value"] for item in stored(answer)] == [[45063], [45063]]
    assert [len(messages(item)) for item in stored(answer)] == [0, 1]
    assert stored(answer)[0]["00741048"] == {"vr": "SQ"}


async def test_several_values_are_announced_for_required_attributes_only(place: Place) -> None:
    answer = await place.store(make_instance(PatientID=["a", "b"]))
    assert answer.headers["warning"].startswith('299 dicom.test: "')
    answer = await place.store(make_instance(instance=f"{INSTANCE}.1", StudyDescription=["a", "b"]))
    assert "warning" not in answer.headers


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192"])
async def test_characters_count_after_decoding(place: Place, charset: str) -> None:
    value = ("\u00e4" * 64).encode("latin-1" if charset.endswith("100") else "utf-8")
    answer = await place.store(make_instance(SpecificCharacterSet=charset, raw_elements=[(0x00081030, "LO", value)]))
    assert answer.status == 200
    assert (await place.metadata())["00081030"]["Value"] == ["\u00e4" * 64]


@pytest.mark.parametrize("spaces", [1, 10, 100])
async def test_trailing_spaces_do_not_count(place: Place, spaces: int) -> None:
    value = b"A" * 16 + b" " * spaces
    for vr in ("SH", "CS", "AE"):
        assert (
            await Place(place.client).store(make_instance(raw_elements=[(SAMPLES[vr], vr, value + b" " * (len(value) % 2))]))
        ).status == 200


async def test_one_message_per_attribute_and_in_order(place: Place) -> None:
    nested = make_data_set({"StudyDate": "x", "ScheduledProcedureStepStartDate": "y"})
    elements: list[DataElement] = [data_element(0x00400275, "SQ", [nested, nested])]
    answer = await place.store(make_instance(elements=elements, StudyDate="bad", Modality="lower"))
    [item] = stored(answer)
    assert [message.partition(" - ")[0] for message in messages(item)] == [
        "DICOM100: (0008,0020)",
        "DICOM100: (0008,0060)",
        "DICOM100: (0040,0002)",
    ]


async def test_refused_instance_tells_warnings_too(place: Place) -> None:
    answer = await place.store(make_instance(StudyDate="bad", without=["PatientID"]))
    [item] = failed(answer)
    assert messages(item)[0] == "DICOM100: (0010,0020) - The required tag '(0010,0020)' is missing."
    assert "00081196" not in item
