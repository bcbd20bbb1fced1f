"""Store over HTTP: metadata with bulk data beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO

from dicom_core.dicom.json_objects import read_objects
from dicom_core.dicom.native_model import to_xml
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, SERIES, STUDY, make_instance
from tests.http.driver import Answer, Client, open_client

_JSON, _XML = "application/dicom+json", "application/dicom+xml"
_OCTETS = "application/octet-stream"
_JPEG = "1.2.840.10008.1.2.4.50"

Part = tuple[dict[str, str], bytes]


def _data_set(number: int = 0, **elements: dict[str, Any]) -> dict[str, Any]:
    uids = {"00080016": SECONDARY_CAPTURE, "00080018": f"{INSTANCE}.{number}", "0020000D": STUDY, "0020000E": SERIES}
    return {
        **{tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^J\u00e9r\u00f4me"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        **{name.removeprefix("x"): element for name, element in elements.items()},
    }


def _image(uri: str, number: int = 0, frames: int = 1) -> dict[str, Any]:
    numbers = {"00280002": 1, "00280010": 2, "00280011": 3, "00280100": 8, "00280101": 8, "00280102": 7, "00280103": 0}
    attributes = {f"x{tag}": {"vr": "US", "Value": [value]} for tag, value in numbers.items()}
    return _data_set(
        number,
        **attributes,
        x00280004={"vr": "CS", "Value": ["MONOCHROME2"]},
        x00280008={"vr": "IS", "Value": [frames]},
        x7FE00010={"vr": "OW", "BulkDataURI": uri},
    )


def _metadata(kind: str, *data_sets: dict[str, Any]) -> list[Part]:
    text = json.dumps(data_sets).encode()
    documents = [text] if kind == _JSON else [to_xml(each) for each in read_objects(text)]
    return [({"Content-Type": kind}, document) for document in documents]


def _bulk(uri: str, value: bytes, kind: str = _OCTETS) -> Part:
    return {"Content-Type": kind, "Content-Location": uri}, value


async def _store(client: Client, kind: str, parts: Sequence[Part], path: str = "/v2/studies", **headers: str) -> Answer:
    lines = ["".join(f"{name}: {value}\r\n" for name, value in part.items()).encode() for part, _ in parts]
    body = b"".join(b"--b\r\n" + head + b"\r\n" + content + b"\r\n" for head, (_, content) in zip(lines, parts, strict=True))
    content_type = f'multipart/related; type="{kind}"; boundary=b'
    return await client.send("POST", path, body + b"--b--", headers={"Content-Type": content_type, **headers})


async def _stored(client: Client, number: int = 0) -> pydicom.FileDataset:
    url = f"/v2/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}.{number}"
    return pydicom.dcmread(DicomBytesIO((await client.get(url, "application/dicom; transfer-syntax=*")).body))


def _reasons(answer: Answer) -> list[tuple[str | None, int]]:
    items = answer.json["00081198"]["Value"]
    return [(item.get("00081155", {}).get("Value", [None])[0], item["00081197"]["Value"][0]) for item in items]


@pytest.fixture
async def small_limit(tmp_path: Path) -> AsyncIterator[Client]:
    async with open_client(tmp_path / "limited", max_file_bytes=5000) as client:
        yield client


@pytest.mark.parametrize("kind", [_JSON, _XML])
async def test_image(client: Client, kind: str) -> None:
    parts = [*_metadata(kind, _image("../bulk/1")), _bulk("../bulk/1", b"pixels", f"{_OCTETS}; transfer-syntax=1.2.840.10008.1.2.1")]
    answer = await _store(client, kind, parts)
    assert (answer.status, answer.headers["content-type"]) == (200, _JSON)
    data_set = await _stored(client)
    assert data_set.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert (data_set.PixelData, data_set.Rows, data_set.PatientName) == (b"pixels", 2, "Doe^J\u00e9r\u00f4me")
    [found] = (await client.get(f"/v2/studies/{STUDY}/metadata")).json
    assert found["00100010"]["Value"] == [{"Alphabetic": "Doe^J\u00e9r\u00f4me"}]


async def test_type_may_be_that_of_the_first_part_alone(client: Client) -> None:
    parts = [*_metadata(_JSON, _image("u")), _bulk("u", b"pixels")]
    assert (await _store(client, "application/dicom", parts)).status == 200
    [(_, document), bulk] = parts
    assert (await _store(client, _JSON, [({}, document), bulk], "/v1/partitions/other/studies")).status == 200


async def test_files_are_taken_as_ever(client: Client) -> None:
    parts = [({"Content-Type": "application/dicom"}, make_instance())]
    assert (await _store(client, _JSON, parts)).status == 200


async def test_values_of_many_instances(client: Client) -> None:
    inline = base64.b64encode(b"abcd").decode()
    data_sets = [
        _data_set(0, x00091001={"vr": "OB", "BulkDataURI": "a"}),
        _data_set(1, x00091001={"vr": "OB", "BulkDataURI": "b"}, x00091002={"vr": "UN", "InlineBinary": inline}),
        _data_set(2, x00081110={"vr": "SQ", "Value": [{"00091001": {"vr": "OB", "BulkDataURI": "a"}}]}),
    ]
    big = bytes(range(250)) * 12_000
    parts = [*_metadata(_JSON, *data_sets), _bulk("a", big), _bulk("b", b"odd"), _bulk("unused", b"x")]
    answer = await _store(client, _JSON, parts, f"/v2/studies/{STUDY}")
    assert answer.status == 200
    assert len(answer.json["00081199"]["Value"]) == 3
    first, second, third = [await _stored(client, number) for number in range(3)]
    assert first[0x00091001].value == big
    assert (second[0x00091001].value, second[0x00091002].value) == (b"odd\0", b"abcd")
    assert third.ReferencedStudySequence[0][0x00091001].value == big


@pytest.mark.parametrize("kind", [f"image/jpeg; transfer-syntax={_JPEG}", f"{_OCTETS}; transfer-syntax={_JPEG}"])
async def test_compressed_frames(client: Client, kind: str) -> None:
    parts = [*_metadata(_JSON, _image("p", frames=2)), _bulk("p", b"first", kind), _bulk("p", b"second", kind)]
    assert (await _store(client, _JSON, parts)).status == 200
    data_set = await _stored(client)
    assert data_set.file_meta.TransferSyntaxUID == _JPEG
    frame = await client.get(
        f"/v2/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}.0", f"application/dicom; transfer-syntax={_JPEG}, */*"
    )
    assert frame.status == 200
    assert [each.rstrip(b"\0") for each in pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=2)] == [b"first", b"second"]


async def test_one_bad_instance_does_not_stop_the_others(client: Client) -> None:
    data_sets = [_image("missing", 0), _data_set(1, x00280010={"vr": "US", "Value": ["x"]}), {}, _data_set(3)]
    answer = await _store(client, _JSON, _metadata(_JSON, *data_sets))
    assert answer.status == 202
    assert _reasons(answer) == [(f"{INSTANCE}.0", 272), (f"{INSTANCE}.1", 43264), (None, 43264)]
    [stored] = answer.json["00081199"]["Value"]
    assert stored["00081155"]["Value"] == [f"{INSTANCE}.3"]
    again = await _store(client, _JSON, _metadata(_JSON, _data_set(3)))
    assert (again.status, _reasons(again)) == (409, [(f"{INSTANCE}.3", 45070)])


async def test_values_that_make_no_file_are_named(client: Client) -> None:
    code = {"00080104": {"vr": "LO", "Value": [["x"]]}}
    data_sets = [_data_set(0, x00280010={"vr": "US", "Value": ["x"]}), _data_set(1, x00081032={"vr": "SQ", "Value": [code]})]
    answer = await _store(client, _JSON, _metadata(_JSON, *data_sets))
    comments = [item["00741048"]["Value"] for item in answer.json["00081198"]["Value"]]
    assert comments == [
        [{"00000902": {"vr": "LO", "Value": [f"DICOM100: ({tag}) - A value does not fit its VR."]}}] for tag in ("0028,0010", "0008,0104")
    ]


async def test_half_characters_are_replaced(client: Client) -> None:
    half = {"vr": "UI", "Value": ["1.2.\ud800"]}
    answer = await _store(client, _JSON, _metadata(_JSON, _data_set(x00080018=half), _image("missing") | {"00080018": half}))
    assert answer.status == 409
    assert _reasons(answer) == [("1.2.?", 43264), ("1.2.?", 272)]


async def test_no_instances(client: Client) -> None:
    answer = await _store(client, _JSON, _metadata(_JSON))
    assert (answer.status, answer.body) == (204, b"")


_DOCUMENT = _metadata(_JSON, _data_set())


@pytest.mark.parametrize(
    ("kind", "parts", "status"),
    [
        pytest.param(_JSON, [({"Content-Type": _JSON}, b"{")], 400, id="no JSON"),
        pytest.param(_JSON, [({"Content-Type": _JSON}, b"[1]")], 400, id="no objects"),
        pytest.param(_XML, [({"Content-Type": _XML}, b"<a>")], 400, id="no XML"),
        pytest.param(_XML, [({"Content-Type": _XML}, b"<!DOCTYPE a><NativeDicomModel/>")], 400, id="a document type"),
        pytest.param(_JSON, [*_DOCUMENT, ({"Content-Type": _OCTETS}, b"x")], 400, id="no location"),
        pytest.param(_JSON, [*_DOCUMENT, _bulk("u", b"x", "application/dicom")], 415, id="a file"),
        pytest.param(_JSON, [*_DOCUMENT, *_metadata(_XML, _data_set(1))], 415, id="metadata of the other kind"),
        pytest.param(_JSON, [*_DOCUMENT, _bulk("u", b"x", "nonsense")], 415, id="no media type"),
        pytest.param("application/dicom", [({"Content-Type": "application/dicom"}, make_instance()), *_DOCUMENT], 415, id="after a file"),
        pytest.param(_JSON, [({"Content-Type": "application/json"}, b"[]")], 415, id="plain JSON"),
    ],
)
async def test_what_is_refused(client: Client, kind: str, parts: list[Part], status: int) -> None:
    assert (await _store(client, kind, parts)).status == status
    assert (await client.get("/v2/studies")).status == 204


@pytest.mark.parametrize(
    "metadata",
    [b"[" + b"{}," * 70_000 + b"{}]", b"[" + b"0," * (5 << 20) + b"0]", b"[{}" + b" " * (33 << 20) + b"]"],
    ids=["instances", "values", "bytes"],
)
async def test_too_much_metadata(client: Client, metadata: bytes) -> None:
    assert (await _store(client, _JSON, [({"Content-Type": _JSON}, metadata)])).status == 413


async def test_too_large(small_limit: Client) -> None:
    large = [*_metadata(_JSON, _image("u")), _bulk("u", bytes(5000))]
    assert (await _store(small_limit, _JSON, large)).status == 413
    often = [*_metadata(_JSON, *[_data_set(n, x00091001={"vr": "OB", "BulkDataURI": "u"}) for n in range(4)]), _bulk("u", bytes(1200))]
    assert (await _store(small_limit, _JSON, often)).status == 413
    assert (await small_limit.get("/v2/studies")).status == 204
