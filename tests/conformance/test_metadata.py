"""Retrieve metadata: DICOM JSON of everything but bulk data."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.conformance.place import Place, framed, instance_path, stored
from tests.dicom.bundled import READABLE, path, pydicom_read, quiet
from tests.dicom.factories import INSTANCE, SERIES, STUDY, data_element, make_data_set, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDY_PATH = f"studies/{STUDY}"
INF, NAN = float("inf"), float("nan")

VALUES: list[tuple[int, str, bytes, Any]] = [
    (0x00080054, "AE", b"AE1 ", ["AE1"]),
    (0x00080054, "AE", b" A\\B ", [" A", "B"]),
    (0x00101010, "AS", b"018Y", ["018Y"]),
    (0x00280009, "AT", b"\x18\x00\x63\x10", ["00181063"]),
    (0x00280009, "AT", b"\x18\x00\x63\x10\xef\xbe\xad\xde", ["00181063", "BEEFDEAD"]),
    (0x00080060, "CS", b"CT", ["CT"]),
    (0x00080008, "CS", b"A\\\\B ", ["A", None, "B"]),
    (0x00080008, "CS", b"\\A", [None, "A"]),
    (0x00080008, "CS", b"A\\", ["A", None]),
    (0x00080020, "DA", b"20200131", ["20200131"]),
    (0x00101030, "DS", b"70.50 ", [70.5]),
    (0x00101030, "DS", b"+1", [1]),
    (0x00101030, "DS", b"-0.5", [-0.5]),
    (0x00101030, "DS", b".5", [0.5]),
    (0x00101030, "DS", b"5. ", [5]),
    (0x00101030, "DS", b" 1E+3 ", [1000]),
    (0x00101030, "DS", b"1e-5", [1e-5]),
    (0x00101030, "DS", b"007 ", [7]),
    (0x00280030, "DS", b"1.5\\2 ", [1.5, 2]),
    (0x00101030, "DS", b"heavy ", ["heavy"]),
    (0x00101030, "DS", b"1,5 ", ["1,5"]),
    (0x00101030, "DS", b"NaN ", ["NaN"]),
    (0x00101030, "DS", b"1e999 ", ["1e999"]),
    (0x00280030, "DS", b"1\\ ", [1, None]),
    (0x00280030, "DS", b"1\\x ", [1, "x"]),
    (0x0008002A, "DT", b"20200131120000.5+0100 ", ["20200131120000.5+0100"]),
    (0x00189073, "FD", struct.pack("<d", 0.1), [0.1]),
    (0x00189073, "FD", struct.pack("<d", -1e300), [-1e300]),
    (0x00189073, "FD", struct.pack("<d", NAN), ["NaN"]),
    (0x00189073, "FD", struct.pack("<d", INF), ["Infinity"]),
    (0x00189073, "FD", struct.pack("<d", -INF), ["-Infinity"]),
    (0x00089459, "FL", struct.pack("<f", 0.5), [0.5]),
    (0x00089459, "FL", struct.pack("<f", NAN), ["NaN"]),
    (0x00089459, "FL", struct.pack("<f", INF), ["Infinity"]),
    (0x00089459, "FL", struct.pack("<f", -INF), ["-Infinity"]),
    (0x00720076, "FL", struct.pack("<ff", 1, NAN), [1, "NaN"]),
    (0x00200013, "IS", b"12", [12]),
    (0x00200013, "IS", b" +7 ", [7]),
    (0x00200013, "IS", b"-3", [-3]),
    (0x00200013, "IS", b"007 ", [7]),
    (0x00200013, "IS", b"1.5 ", ["1.5"]),
    (0x00200013, "IS", b"many", ["many"]),
    (0x00720064, "IS", b"1\\\\3", [1, None, 3]),
    (0x00081030, "LO", b" leading kept", [" leading kept"]),
    (0x00081030, "LO", b'quote " slash / \x1b', ['quote " slash / \x1b']),
    (0x00104000, "LT", b" a\\b\r\nc ", [" a\\b\r\nc"]),
    (0x00100010, "PN", b"Doe^Jane", [{"Alphabetic": "Doe^Jane"}]),
    (0x00100010, "PN", b"A=B=C ", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}]),
    (0x00100010, "PN", b"=B", [{"Ideographic": "B"}]),
    (0x00100010, "PN", b"A==C", [{"Alphabetic": "A", "Phonetic": "C"}]),
    (0x00100010, "PN", b"A=", [{"Alphabetic": "A"}]),
    (0x00101001, "PN", b"A\\\\B=C ", [{"Alphabetic": "A"}, None, {"Alphabetic": "B", "Ideographic": "C"}]),
    (0x00080050, "SH", b"x ", ["x"]),
    (0x00186020, "SL", struct.pack("<i", -(1 << 31)), [-(1 << 31)]),
    (0x00189219, "SS", struct.pack("<h", -1), [-1]),
    (0x00080081, "ST", b"a\\b ", ["a\\b"]),
    (0x00720082, "SV", struct.pack("<q", -(1 << 63)), [-(1 << 63)]),
    (0x00720082, "SV", struct.pack("<qq", 1, 2), [1, 2]),
    (0x00080030, "TM", b"120000.123456 ", ["120000.123456"]),
    (0x00080119, "UC", b"a\\b ", ["a", "b"]),
    (0x00200052, "UI", b"1.2.3\0", ["1.2.3"]),
    (0x0008001A, "UI", b"1.2\\1.3\0", ["1.2", "1.3"]),
    (0x00089160, "UL", struct.pack("<I", 4294967295), [4294967295]),
    (0x0008010E, "UR", b"http://x/a\\b ", ["http://x/a\\b"]),
    (0x00280010, "US", struct.pack("<H", 65535), [65535]),
    (0x0040A160, "UT", b"long\\text ", ["long\\text"]),
    (0x00720083, "UV", struct.pack("<Q", (1 << 64) - 1), [(1 << 64) - 1]),
]
EMPTY = sorted({(tag, vr) for tag, vr, _, _ in VALUES} | {(0x00081032, "SQ")})


def _id(value: object) -> str:
    return f"{value:08X}" if isinstance(value, int) and value > 0x10000 else repr(value)[:40]


@pytest.mark.parametrize(("tag", "vr", "encoded", "expected"), VALUES, ids=_id)
async def test_value(strict_place: Place, tag: int, vr: str, encoded: bytes, expected: Any) -> None:
    await strict_place.store(make_instance(raw_elements=[(tag, vr, encoded)]))
    assert (await strict_place.metadata())[f"{tag:08X}"] == {"vr": vr, "Value": expected}


@pytest.mark.parametrize(("tag", "vr", "encoded", "expected"), VALUES, ids=_id)
async def test_value_in_an_item(strict_place: Place, tag: int, vr: str, encoded: bytes, expected: Any) -> None:
    long = vr in ("SV", "UC", "UR", "UT", "UV")
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    element = head + (struct.pack("<HL", 0, len(encoded)) if long else struct.pack("<H", len(encoded))) + encoded
    items = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(element)) + element
    await strict_place.store(make_instance(raw_elements=[(0x00081032, "SQ", items)]))
    assert (await strict_place.metadata())["00081032"]["Value"] == [{f"{tag:08X}": {"vr": vr, "Value": expected}}]


@pytest.mark.parametrize(("tag", "vr"), EMPTY, ids=_id)
async def test_empty_element(any_place: Place, tag: int, vr: str) -> None:
    await any_place.store(make_instance(raw_elements=[(tag, vr, b"")]))
    assert (await any_place.metadata())[f"{tag:08X}"] == {"vr": vr}


@pytest.mark.parametrize("vr", ["CS", "LO", "SH", "PN", "LT", "UT"])
async def test_value_of_spaces_is_empty(strict_place: Place, vr: str) -> None:
    await strict_place.store(make_instance(raw_elements=[(0x00081040 if vr != "PN" else 0x00081070, vr, b"    ")]))
    assert (await strict_place.metadata())["00081040" if vr != "PN" else "00081070"] == {"vr": vr}


@pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
async def test_bulk_data_is_left_out(any_place: Place, vr: str) -> None:
    item = make_data_set({"CodeValue": "x"})
    item.add(data_element(0x00091002, vr, b"12345678"))
    elements = [data_element(0x00091001, vr, b"12345678"), data_element(0x00081032, "SQ", [item])]
    await any_place.store(make_instance(elements=elements))
    metadata = await any_place.metadata()
    assert "00091001" not in metadata
    assert metadata["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["x"]}}]


async def test_sequences(any_place: Place) -> None:
    inner = make_data_set({"CodeValue": "b"})
    items = [make_data_set({}), make_data_set({"CodeValue": "a"})]
    items[1].add(data_element(0x00081032, "SQ", [inner]))
    await any_place.store(make_instance(elements=[data_element(0x00081032, "SQ", items), data_element(0x00400275, "SQ", [])]))
    metadata = await any_place.metadata()
    nested = {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["b"]}}]}
    assert metadata["00081032"] == {"vr": "SQ", "Value": [{}, {"00080100": {"vr": "SH", "Value": ["a"]}, "00081032": nested}]}
    assert metadata["00400275"] == {"vr": "SQ"}


async def test_group_lengths_and_file_meta_information_are_left_out(any_place: Place) -> None:
    raw = [(0x00080000, "UL", struct.pack("<L", 10)), (0x00100000, "UL", struct.pack("<L", 10))]
    await any_place.store(make_instance(raw_elements=raw))
    metadata = await any_place.metadata()
    assert not [tag for tag in metadata if tag.endswith("0000") or tag.startswith("0002")]


async def test_private_elements(any_place: Place) -> None:
    elements = [data_element(0x00090010, "LO", "ACME"), data_element(0x00091001, "LO", "x"), data_element(0x00091002, "UN", b"xx")]
    await any_place.store(make_instance(elements=elements))
    metadata = await any_place.metadata()
    assert metadata["00090010"] == {"vr": "LO", "Value": ["ACME"]}
    assert metadata["00091001"] == {"vr": "LO", "Value": ["x"]}
    assert "00091002" not in metadata


async def test_keys_ascend_in_upper_case(any_place: Place) -> None:
    await any_place.store(make_instance(raw_elements=[(0x0040A160, "UT", b"xx")]))
    text = (await any_place.get(f"{instance_path()}/metadata")).text
    tags = list(json.loads(text)[0])
    assert tags == sorted(tags)
    assert all(tag == tag.upper() and len(tag) == 8 for tag in tags)
    assert "0040A160" in tags


CHARSETS = [
    (None, "caf\u00e9".encode("latin-1"), "caf\u00e9"),
    ("ISO_IR 100", "caf\u00e9".encode("latin-1"), "caf\u00e9"),
    ("ISO_IR 101", "\u017ca\u0142".encode("iso8859-2"), "\u017ca\u0142"),
    ("ISO_IR 144", "\u0418\u0432\u0430\u043d".encode("iso8859-5"), "\u0418\u0432\u0430\u043d"),
    ("ISO_IR 126", "\u0391\u03b2".encode("iso8859-7"), "\u0391\u03b2"),
    ("ISO_IR 13", "\uff94\uff8f\uff80\uff9e".encode("shift_jis"), "\uff94\uff8f\uff80\uff9e"),
    ("ISO_IR 192", "\u5c71\u7530 \U0001f600".encode(), "\u5c71\u7530 \U0001f600"),
    ("GB18030", "\u738b\u5c0f\u4e1c".encode("gb18030"), "\u738b\u5c0f\u4e1c"),
    ("GBK", "\u738b\u5c0f\u4e1c".encode("gbk"), "\u738b\u5c0f\u4e1c"),
    ("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "\u5c71\u7530"),
    ("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8", "\uae40"),
]


@pytest.mark.parametrize(("charset", "encoded", "expected"), CHARSETS)
async def test_character_sets(strict_place: Place, charset: str | None, encoded: bytes, expected: str) -> None:
    raw = [(0x00081030, "LO", encoded + b" " * (len(encoded) % 2))]
    if charset is not None:
        raw.append((0x00080005, "CS", charset.encode() + b" " * (len(charset) % 2)))
    assert stored(await strict_place.store(make_instance(raw_elements=raw)))
    metadata = await strict_place.metadata()
    assert metadata["00081030"]["Value"] == [expected]
    if charset is not None:
        assert metadata["00080005"]["Value"] == [term or None for term in charset.split("\\")]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
async def test_encodings_do_not_show(any_place: Place, syntax: str) -> None:
    attributes: dict[str, Any] = {"Rows": 512, "PatientWeight": "70.5", "FrameIncrementPointer": 0x00181063, "AcquisitionDuration": 1.5}
    await any_place.store(make_instance(**attributes), make_instance(transfer_syntax=syntax, instance=f"{INSTANCE}.1", **attributes))
    first, second = await any_place.metadata(), await any_place.metadata(instance=f"{INSTANCE}.1")
    del first["00080018"], second["00080018"]
    assert first == second


@pytest.mark.parametrize(
    ("path", "numbers"),
    [(STUDY_PATH, {1, 2, 3}), (f"{STUDY_PATH}/series/{SERIES}", {1, 2}), (f"{STUDY_PATH}/series/{SERIES}/instances/1.1", {1})],
    ids=["study", "series", "instance"],
)
async def test_levels(any_place: Place, path: str, numbers: set[int]) -> None:
    await any_place.store(*[make_instance(instance=f"1.{n}", series=SERIES if n < 3 else "1.5", InstanceNumber=n) for n in (1, 2, 3)])
    await any_place.store(make_instance(study="1.2.3"))
    answer = await any_place.get(f"{path}/metadata")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")
    assert {item["00200013"]["Value"][0] for item in answer.json} == numbers
    assert len(answer.json) == len(numbers)


@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "application/*", "application/json", "APPLICATION/DICOM+JSON;q=0", "a/b, application/json"]
)
async def test_acceptable(any_place: Place, accept: str | None) -> None:
    await any_place.store(make_instance())
    answer = await any_place.get(f"{STUDY_PATH}/metadata", accept)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")


@pytest.mark.parametrize(
    "accept", ["application/dicom", "text/html", "text/*", "image/*", "nonsense", "multipart/related; type=application/dicom"]
)
async def test_not_acceptable(any_place: Place, accept: str) -> None:
    await any_place.store(make_instance())
    answer = await any_place.get(f"{STUDY_PATH}/metadata", accept)
    assert (answer.status, answer.body) == (406, b"")


@pytest.mark.parametrize("name", READABLE)
async def test_real_files_as_pydicom_has_them(strict_place: Place, name: str) -> None:
    answer = await strict_place.post(framed(path(name).read_bytes()), 'multipart/related; type="application/dicom"; boundary=b')
    for item in stored(answer):
        location = item["00081190"]["Value"][0].removeprefix(f"http://dicom.test{strict_place.url()}/")
        [metadata] = (await strict_place.get(f"{location}/metadata")).json
        with quiet():
            public = {f"{element.tag:08X}": element.VR for element in pydicom_read(name) if element.tag.group % 2 == 0}
        expected = {tag for tag, vr in public.items() if vr not in ("OB", "OD", "OF", "OL", "OV", "OW", "UN") and tag[4:] != "0000"}
        assert {tag for tag in metadata if int(tag[:4], 16) % 2 == 0} == expected
