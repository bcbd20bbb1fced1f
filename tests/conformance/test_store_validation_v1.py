"""Store, version 1: every fault of an indexed attribute's first value refuses the instance, nothing else matters."""

from __future__ import annotations

import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.conformance.place import Place, failed, messages, reasons, stored
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, data_element, make_data_set, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

INDEXED = {
    "StudyInstanceUID": (0x0020000D, "UI"),
    "SeriesInstanceUID": (0x0020000E, "UI"),
    "SOPInstanceUID": (0x00080018, "UI"),
    "PatientID": (0x00100020, "LO"),
    "PatientName": (0x00100010, "PN"),
    "PatientBirthDate": (0x00100030, "DA"),
    "AccessionNumber": (0x00080050, "SH"),
    "ReferringPhysicianName": (0x00080090, "PN"),
    "StudyDate": (0x00080020, "DA"),
    "StudyDescription": (0x00081030, "LO"),
    "ModalitiesInStudy": (0x00080061, "CS"),
    "Modality": (0x00080060, "CS"),
    "PerformedProcedureStepStartDate": (0x00400244, "DA"),
    "ManufacturerModelName": (0x00081090, "LO"),
}
REQUIRED = {"SOPClassUID": 0x00080016} | {
    keyword: INDEXED[keyword][0] for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")
}

PASSES = {
    "CS": ["A" * 16, "lower", "a-b", "\u00c4", "A\n", "A\0"],
    "DA": ["20200131", "20000229", "00010101", "20200131  "],
    "LO": ["x" * 64, "a^b=c", "\x1bx", " x"],
    "PN": ["A^B^C^D^E", "A=B=C", "A" * 64, "=".join(["A" * 64] * 3), "^^^^", "A\x1bB"],
    "SH": ["x" * 16, "a\nb", "x\0", " x"],
    "UI": ["1.2.826.7", "1" * 64, "1.02", "01.2", "1..2", "1.2\0", "1.2 "],
}
FAILS = {
    "CS": ["A" * 17],
    "DA": ["20200230", "20190229", "20201301", "2020", "2020-01-31", "20200101-20201231", "20200101-", "x", "00000000", "20200101\0\0"],
    "LO": ["x" * 65, "a\nb", "a\0", "a\tb", "\x7fa"],
    "PN": ["A^B^C^D^E^F", "A=B=C=D", "A" * 65, "A=" + "B" * 65, "A\nB", "A\0", "A\0B"],
    "SH": ["x" * 17],
    "UI": ["1.2.x", "1" * 65, "1.", "abc", "1-2"],
}


def _encoded(value: str) -> bytes:
    return value.encode("latin-1") + b" " * (len(value) % 2)


def _cases(values: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(keyword, value) for keyword, (_, vr) in INDEXED.items() for value in values[vr]]


def _id(case: tuple[str, str]) -> str:
    keyword, value = case
    return f"{keyword} {value if len(value) < 24 else f'{value[:6]}..{len(value)}'!r}"


def _name(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


@pytest.mark.parametrize("case", _cases(PASSES), ids=_id)
async def test_right_value(strict_place: Place, case: tuple[str, str]) -> None:
    keyword, value = case
    tag, vr = INDEXED[keyword]
    answer = await strict_place.store(make_instance(raw_elements=[(tag, vr, _encoded(value))]))
    assert answer.status == 200
    [item] = stored(answer)
    assert item.keys() == {"00081150", "00081155", "00081190"}


@pytest.mark.parametrize("case", _cases(FAILS), ids=_id)
async def test_wrong_value(strict_place: Place, case: tuple[str, str]) -> None:
    keyword, value = case
    tag, vr = INDEXED[keyword]
    answer = await strict_place.store(make_instance(raw_elements=[(tag, vr, _encoded(value))]))
    assert (answer.status, reasons(answer), stored(answer)) == (409, [43264], [])
    [item] = failed(answer)
    assert list(item) == ["00081150", "00081155", "00081197", "00741048"]
    [message] = messages(item)
    assert message.startswith(f"DICOM100: {_name(tag)} - Dicom element '{keyword}' failed validation for VR '{vr}': ")


@pytest.mark.parametrize("keyword", [keyword for keyword in INDEXED if keyword not in REQUIRED])
async def test_empty_value_passes(strict_place: Place, keyword: str) -> None:
    answer = await strict_place.store(make_instance(raw_elements=[(*INDEXED[keyword], b"")]))
    assert answer.status == 200
    assert (await strict_place.metadata())[f"{INDEXED[keyword][0]:08X}"] == {"vr": INDEXED[keyword][1]}


@pytest.mark.parametrize("keyword", REQUIRED)
async def test_absent_required_attribute(strict_place: Place, keyword: str) -> None:
    answer = await strict_place.store(make_instance(without=[keyword]))
    assert (answer.status, reasons(answer)) == (409, [43264])
    [item] = failed(answer)
    name = _name(REQUIRED[keyword])
    assert messages(item) == [f"DICOM100: {name} - The required tag '{name}' is missing."]
    assert ("00081150" in item, "00081155" in item) == (keyword != "SOPClassUID", keyword != "SOPInstanceUID")


@pytest.mark.parametrize("keyword", REQUIRED)
@pytest.mark.parametrize("value", [b"", b"  ", b"1.2\\1.3 "], ids=["empty", "spaces", "two values"])
async def test_required_attribute_without_a_single_value(strict_place: Place, keyword: str, value: bytes) -> None:
    vr = "LO" if keyword == "PatientID" else "UI"
    answer = await strict_place.store(make_instance(raw_elements=[(REQUIRED[keyword], vr, value)]))
    assert (answer.status, reasons(answer)) == (409, [43264])
    name = _name(REQUIRED[keyword])
    assert messages(failed(answer)[0]) == [f"DICOM100: {name} - The required tag '{name}' is missing."]


async def test_only_the_first_missing_attribute_is_reported(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(without=["StudyInstanceUID", "SeriesInstanceUID", "PatientID"]))
    assert messages(failed(answer)[0]) == ["DICOM100: (0020,000d) - The required tag '(0020,000d)' is missing."]


async def test_sop_class_uid_only_has_to_be_there(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(raw_elements=[(0x00080016, "UI", b"x.y ")]))
    assert answer.status == 200
    assert stored(answer)[0]["00081150"]["Value"] == ["x.y"]


@pytest.mark.parametrize("keyword", INDEXED)
@pytest.mark.parametrize("vr", ["UT", "UN", "SH", "LO"])
async def test_another_vr_than_that_of_the_dictionary(strict_place: Place, keyword: str, vr: str) -> None:
    tag, right = INDEXED[keyword]
    answer = await strict_place.store(make_instance(raw_elements=[(tag, vr, b"20200101")]))
    if vr == right or (keyword, vr) == ("SOPInstanceUID", "UN"):  # which pydicom writes as it thinks right
        assert answer.status == 200
        return
    assert (answer.status, reasons(answer)) == (409, [43264])
    text = "The required tag" if vr == "UN" and keyword in REQUIRED else f"Dicom element '{keyword}' failed validation for VR '{right}': "
    assert messages(failed(answer)[0])[0].startswith(f"DICOM100: {_name(tag)} - {text}")


@pytest.mark.parametrize("keyword", [keyword for keyword in INDEXED if keyword not in REQUIRED])
async def test_several_values_are_announced(strict_place: Place, keyword: str) -> None:
    tag, vr = INDEXED[keyword]
    wrong = b"20200101\\x " if vr == "DA" else b"A\\" + b"y" * 300 + b"\n"
    answer = await strict_place.store(make_instance(raw_elements=[(tag, vr, wrong)]))
    assert answer.status == 200
    assert answer.headers["warning"].startswith('299 dicom.test: "')
    assert answer.headers["warning"].endswith('"')
    assert keyword in answer.headers["warning"]


async def test_nothing_is_announced_of_single_values(strict_place: Place) -> None:
    assert "warning" not in (await strict_place.store(make_instance(ImageType=["A", "B"]))).headers


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080030, "TM", b"99:99"),
        (0x00101010, "AS", b"18Y "),
        (0x00080054, "AE", b"x" * 18),
        (0x00101030, "DS", b"abc "),
        (0x00200013, "IS", b"abc "),
        (0x0008002A, "DT", b"never "),
        (0x00080081, "ST", b"x" * 2000),
        (0x00200052, "UI", b"not a UID "),
        (0x00100032, "TM", b"zz"),
    ],
)
async def test_other_attributes_are_stored_as_they_are(strict_place: Place, tag: int, vr: str, value: bytes) -> None:
    answer = await strict_place.store(make_instance(raw_elements=[(tag, vr, value)]))
    assert answer.status == 200
    assert (await strict_place.metadata())[f"{tag:08X}"] == {"vr": vr, "Value": [value.decode().rstrip(" ")]}


async def test_indexed_attributes_in_items_and_private_ones_are_not_checked(strict_place: Place) -> None:
    item = make_data_set({"StudyDate": "x", "Modality": "y" * 30})
    elements = [data_element(0x00400275, "SQ", [item]), data_element(0x00091001, "DA", "never")]
    assert (await strict_place.store(make_instance(elements=elements))).status == 200


@pytest.mark.parametrize("uid", ["1.2.3", "1.02.3", "01.2"])
async def test_leading_zeros_are_tolerated(strict_place: Place, uid: str) -> None:
    answer = await strict_place.store(make_instance(study=uid, series=uid))
    assert answer.status == 200
    assert (await strict_place.metadata(uid, uid))["0020000D"]["Value"] == [uid]


async def test_implicit_vr_is_a_warning_with_200(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(transfer_syntax=ImplicitVRLittleEndian))
    assert answer.status == 200
    [item] = stored(answer)
    assert item["00081196"] == {"vr": "US", "Value": [45063]}
    assert "00741048" not in item


async def test_implicit_vr_that_fails(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(transfer_syntax=ImplicitVRLittleEndian, StudyDate="x"))
    assert (answer.status, reasons(answer)) == (409, [43264])
    assert "00081196" not in failed(answer)[0]


async def test_big_endian(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(transfer_syntax=ExplicitVRBigEndian))
    assert answer.status == 200
    assert (await strict_place.metadata())["00080016"]["Value"] == [SECONDARY_CAPTURE]


async def test_every_faulty_attribute_is_told(strict_place: Place) -> None:
    answer = await strict_place.store(make_instance(StudyDate="x", Modality="y" * 17, AccessionNumber="z" * 17))
    [item] = failed(answer)
    assert [message.partition(" - ")[0] for message in messages(item)] == [
        "DICOM100: (0008,0020)",
        "DICOM100: (0008,0050)",
        "DICOM100: (0008,0060)",
    ]
    assert item["00081155"]["Value"] == [INSTANCE]
