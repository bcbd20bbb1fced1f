"""Store: requests, responses, and what is kept, whatever the version."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.conformance.place import DICOM, HOST, MULTIPART, Place, failed, framed, instance_path, messages, reasons, stored
from tests.dicom.bundled import READABLE, path
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, STUDY, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = make_instance()
OTHER = make_instance(instance=f"{INSTANCE}.1")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("", 200),
        ("*/*", 200),
        ("application/dicom+json", 200),
        ("application/json", 200),
        ("application/*", 200),
        ("Application/DICOM+JSON", 200),
        ("APPLICATION/JSON; charset=utf-8", 200),
        ("application/dicom+json; q=0.1", 200),
        ("text/html, application/dicom+json", 200),
        ("image/png,*/*;q=0.1", 200),
        ('application/dicom+json; profile="a,b"', 200),
        ("text/html", 406),
        ("text/*", 406),
        ("application/dicom", 406),
        ("multipart/related; type=application/dicom", 406),
        ("application/xml", 406),
        ("nonsense", 406),
        ("/", 406),
        (";;;", 406),
    ],
)
async def test_accept(any_place: Place, accept: str | None, status: int) -> None:
    answer = await any_place.store(FILE, accept=accept)
    assert answer.status == status
    if status == 406:
        assert answer.body == b""
        assert "content-type" not in answer.headers
    else:
        assert answer.headers["content-type"] == "application/dicom+json"


TYPES = [
    ("application/dicom", 200),
    ("APPLICATION/Dicom", 200),
    ("application/dicom; transfer-syntax=1.2.840.10008.1.2.1", 200),
    ("application/dicom;", 200),
    ("application/json", 415),
    ("application/octet-stream", 415),
    ("application/dicom+json", 415),
    ("multipart/form-data; boundary=b", 415),
    ("multipart/mixed; boundary=b", 415),
    ("text/plain", 415),
    ("dicom", 415),
    ("*/*", 415),
    (None, 415),
]


@pytest.mark.parametrize(("kind", "status"), TYPES)
async def test_type_of_a_single_file(any_place: Place, kind: str | None, status: int) -> None:
    answer = await any_place.post(FILE, kind)
    assert answer.status == status
    if status == 415 and kind is not None:
        assert answer.body == b""


async def test_absent_type_is_explained(any_place: Place) -> None:
    answer = await any_place.post(FILE, None)
    assert (answer.status, answer.headers["content-type"]) == (415, "text/plain; charset=utf-8")
    assert answer.text


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("br, gzip", 415), ("identity", 200), ("Identity", 200)])
async def test_only_bodies_as_they_are_are_taken(place: Place, coding: str, status: int) -> None:
    headers = {"Content-Type": "application/dicom", "Content-Encoding": coding}
    answer = await place.client.send("POST", place.url("studies"), FILE, headers=headers)
    assert answer.status == status
    assert ("Content-Encoding" in answer.text) == (status == 415)


MULTIPARTS = [
    ('multipart/related; type="application/dicom"; boundary=b', 200),
    ("multipart/related; type=application/dicom; boundary=b", 200),
    ("Multipart/Related; Type=Application/DICOM; Boundary=b", 200),
    ('multipart/related;boundary="b"', 200),
    ("multipart/related; boundary=b; foo=bar", 200),
    ('multipart/related; boundary=b; start-info="x"', 200),
    ("multipart/related", 415),
    ("multipart/related; boundary=", 415),
    ('multipart/related; boundary=""', 415),
    ('multipart/related; boundary="  "', 415),
    ('multipart/related; boundary=b; start="<root>"', 400),
    ("multipart/related; boundary=b; start=x", 400),
    ("multipart/related; boundary=b; START=x", 400),
]


@pytest.mark.parametrize(("kind", "status"), MULTIPARTS)
async def test_multipart_type(any_place: Place, kind: str, status: int) -> None:
    answer = await any_place.post(framed(FILE), kind)
    assert answer.status == status
    if status != 200:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text


PART_TYPES = [
    ("application/dicom", 200),
    ("APPLICATION/DICOM", 200),
    ("application/dicom; transfer-syntax=1.2.840.10008.1.2.1", 200),
    ("application/octet-stream", 415),
    ("image/jpeg", 415),
    ("dicom", 415),
    ("", 415),
]


@pytest.mark.parametrize(("kind", "status"), PART_TYPES)
async def test_type_of_a_part(any_place: Place, kind: str, status: int) -> None:
    second = f"\r\n--b\r\nContent-Type: {kind}\r\n\r\n".encode() + OTHER + b"\r\n--b--"
    answer = await any_place.post(framed(FILE).removesuffix(b"\r\n--b--\r\n") + second, MULTIPART)
    assert answer.status == status
    count = len((await any_place.get("instances")).json) if status == 200 else 0
    assert count == (2 if status == 200 else 0)
    if status == 415:
        assert answer.text
        assert (await any_place.get("instances")).status == 204


@pytest.mark.parametrize(
    ("kind", "first", "second", "status"),
    [
        ("application/dicom", None, "application/dicom", 200),
        ("application/dicom", None, None, 415),
        ("application/dicom", "application/dicom", None, 415),
        (None, None, "application/dicom", 415),
        (None, "application/dicom", "application/dicom", 200),
        ("image/jpeg", None, "application/dicom", 415),
        ("image/jpeg", "application/dicom", "application/dicom", 200),
    ],
)
async def test_only_the_first_part_takes_the_type_of_the_request(
    place: Place, kind: str | None, first: str | None, second: str | None, status: int
) -> None:
    content_type = "multipart/related; boundary=b" + ("" if kind is None else f'; type="{kind}"')
    body = framed(FILE, kind=first).removesuffix(b"--b--\r\n") + framed(OTHER, kind=second)
    assert (await place.post(body, content_type)).status == status


FRAMINGS = {
    "plain": (framed(FILE), 200),
    "no line break at the end": (framed(FILE)[:-2], 200),
    "preamble": (b"This is ignored.\r\n\r\n" + framed(FILE), 200),
    "preamble with something like a delimiter": (b"x--b\r\n--\r\n" + framed(FILE), 200),
    "epilogue": (framed(FILE) + b"This is ignored.\r\n--b\r\n", 200),
    "line break first": (b"\r\n" + framed(FILE), 200),
    "spaces behind the delimiter": (framed(FILE).replace(b"--b\r\n", b"--b  \t\r\n"), 200),
    "other headers": (framed(FILE).replace(b"Content-Type", b"Content-Location: /x\r\nX-Y: z\r\nCONTENT-TYPE"), 200),
    "folded header": (framed(FILE).replace(b"Content-Type: ", b"Content-Type:\r\n "), 200),
    "content length": (framed(FILE).replace(b"Content-Type", b"Content-Length: 7\r\nContent-Type"), 200),
    "no parts": (b"--b--\r\n", 204),
    "no parts and no line break": (b"--b--", 204),
    "no parts as .NET sends it": (b"--b\r\n\r\n--b--\r\n", 204),
    "no parts behind a preamble": (b"hello\r\n--b--\r\n", 204),
    "nothing": (b"", 400),
    "no delimiter": (b"hello", 400),
    "another boundary": (framed(FILE, boundary="c"), 400),
    "not terminated": (framed(FILE).removesuffix(b"--b--\r\n"), 400),
    "cut inside of a file": (framed(FILE, OTHER)[:-300], 400),
    "cut inside of headers": (framed(FILE).replace(b"--b--\r\n", b"--b\r\nContent-Ty"), 400),
    "line feeds alone": (
        framed(FILE).replace(b"--b\r\nContent-Type: application/dicom\r\n\r\n", b"--b\nContent-Type: application/dicom\n\n"),
        400,
    ),
    "header without colon": (framed(FILE).replace(b"Content-Type: ", b"Content-Type "), 400),
    "endless header": (framed(FILE).replace(b"Content-Type", b"X: " + b"x" * 100_000 + b"\r\nContent-Type"), 400),
}


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize("size", [10**9, 7, 1])
async def test_framing(place: Place, name: str, size: int) -> None:
    body, status = FRAMINGS[name]
    answer = await place.post([body[at : at + size] for at in range(0, len(body), size)] or [b""], MULTIPART)
    assert answer.status == status
    if status == 200:
        assert await place.file() == FILE
        return
    assert (await place.get("instances")).status == 204
    if status == 204:
        assert answer.body == b""
        assert "content-type" not in answer.headers
    else:
        assert (answer.headers["content-type"], bool(answer.text)) == ("text/plain; charset=utf-8", True)


@pytest.mark.parametrize("boundary", ["b", "x" * 70, "a'()+_,-./:=?z", "=_NextPart_1", "with space"])
@pytest.mark.parametrize("quoted", [True, False])
async def test_boundaries(place: Place, boundary: str, *, quoted: bool) -> None:
    if not quoted and set(boundary) & set(" ,()"):
        boundary = "plain"
    parameter = f'"{boundary}"' if quoted else boundary
    answer = await place.post(framed(FILE, boundary=boundary), f'multipart/related; type="application/dicom"; boundary={parameter}')
    assert answer.status == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", DICOM), (framed(b""), MULTIPART), (b"x" * 200, DICOM), (framed(b"DICM" * 100), MULTIPART), (FILE[:200], DICOM)],
    ids=["nothing", "empty part", "no file", "part that is no file", "cut"],
)
async def test_unreadable_file(any_place: Place, body: bytes, kind: str) -> None:
    answer = await any_place.post(body, kind)
    assert answer.status == 409
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.json == {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}


async def test_success(any_place: Place) -> None:
    answer = await any_place.store(FILE)
    item = {
        "00081150": {"vr": "UI", "Value": [SECONDARY_CAPTURE]},
        "00081155": {"vr": "UI", "Value": [INSTANCE]},
        "00081190": {"vr": "UR", "Value": [HOST + any_place.url(instance_path())]},
    }
    if any_place.version == "v2":
        item["00741048"] = {"vr": "SQ"}
    assert (answer.status, answer.json) == (200, {"00081199": {"vr": "SQ", "Value": [item]}})


async def test_store_in_a_study(any_place: Place) -> None:
    answer = await any_place.store(FILE, study=STUDY)
    assert answer.status == 200
    assert list(answer.json) == ["00081190", "00081199"]
    assert answer.json["00081190"] == {"vr": "UR", "Value": [HOST + any_place.url(f"studies/{STUDY}")]}


async def test_store_in_another_study(any_place: Place) -> None:
    answer = await any_place.store(FILE, study="1.2.3")
    assert (answer.status, reasons(answer)) == (409, [43265])
    assert list(answer.json) == ["00081198"]
    [item] = failed(answer)
    assert list(item) == ["00081150", "00081155", "00081197", "00741048"]
    assert item["00081155"]["Value"] == [INSTANCE]
    assert messages(item)[0].startswith("DICOM100: (0020,000d) - ")


async def test_store_in_a_study_in_part(any_place: Place) -> None:
    answer = await any_place.store(make_instance(study="1.2.3"), FILE, study=STUDY)
    assert (answer.status, list(answer.json)) == (202, ["00081190", "00081198", "00081199"])


@pytest.mark.parametrize("spaces", ["%20", "%20%20%20"])
async def test_trailing_spaces_of_the_study_do_not_matter(any_place: Place, spaces: str) -> None:
    answer = await any_place.store(FILE, study=STUDY + spaces)
    assert answer.status == 200
    assert answer.json["00081190"]["Value"] == [HOST + any_place.url(f"studies/{STUDY}")]


@pytest.mark.parametrize("study", ["x", "1.2.", "1" * 65, "1.2.x", "%201.2", "1,2", "1%2C2"])
async def test_study_that_is_no_uid(any_place: Place, study: str) -> None:
    answer = await any_place.store(FILE, study=study)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("study", ["1.2.3", "01.2", "1..2", ".1", "0", "1" * 64])
async def test_study_that_is_a_uid(any_place: Place, study: str) -> None:
    assert (await any_place.store(FILE, study=study)).status == 409


async def test_already_stored(any_place: Place) -> None:
    await any_place.store(FILE)
    answer = await any_place.store(make_instance(PatientID="other"))
    assert (answer.status, list(answer.json)) == (409, ["00081198"])
    assert failed(answer) == [
        {
            "00081150": {"vr": "UI", "Value": [SECONDARY_CAPTURE]},
            "00081155": {"vr": "UI", "Value": [INSTANCE]},
            "00081197": {"vr": "US", "Value": [45070]},
        }
    ]
    assert (await any_place.metadata())["00100020"]["Value"] == ["P1"]


async def test_twice_in_one_request(any_place: Place) -> None:
    answer = await any_place.store(FILE, OTHER, make_instance(PatientID="other"))
    assert (answer.status, reasons(answer)) == (202, [45070])
    assert [item["00081155"]["Value"] for item in stored(answer)] == [[INSTANCE], [f"{INSTANCE}.1"]]
    assert (await any_place.metadata())["00100020"]["Value"] == ["P1"]


async def test_items_are_in_the_order_of_the_request(any_place: Place) -> None:
    numbers = (7, 3, 9, 1, 5)
    files = [make_instance(instance=f"1.{number}") for number in numbers]
    bad = [make_instance(instance=f"2.{number}", without=["PatientID"]) for number in numbers]
    answer = await any_place.store(*[file for pair in zip(bad, files, strict=True) for file in pair], b"no file")
    assert answer.status == 202
    assert [item["00081155"]["Value"][0] for item in stored(answer)] == [f"1.{number}" for number in numbers]
    assert [item.get("00081155", {"Value": [""]})["Value"][0] for item in failed(answer)] == [*[f"2.{number}" for number in numbers], ""]
    assert list(answer.json) == ["00081198", "00081199"]


async def test_one_failure_does_not_harm_others(any_place: Place) -> None:
    answer = await any_place.store(b"no file", FILE, make_instance(without=["SOPInstanceUID"]), OTHER)
    assert (answer.status, reasons(answer), len(stored(answer))) == (202, [43264, 43264], 2)
    assert len((await any_place.get("instances")).json) == 2


@pytest.mark.parametrize("preamble", [bytes(128), b"II*\0" + b"x" * 124, b"\xff" * 128])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
async def test_file_is_kept_but_for_its_preamble(any_place: Place, preamble: bytes, syntax: str) -> None:
    file = make_instance(transfer_syntax=syntax, rows=4, columns=4, preamble=preamble)
    answer = await any_place.store(file)
    assert answer.status == (202 if syntax == ImplicitVRLittleEndian and any_place.version == "v2" else 200)
    assert await any_place.file() == bytes(128) + file[128:]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.102", "1.2.3.4.5", "1.2.840.10008.1.2.5"])
async def test_any_encapsulated_syntax_is_stored(any_place: Place, syntax: str) -> None:
    file = make_instance(transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"anything"])
    assert (await any_place.store(file)).status == 200
    answer = await any_place.get(instance_path(), "application/dicom; transfer-syntax=*")
    assert (answer.headers["content-type"], answer.body) == (f"application/dicom; transfer-syntax={syntax}", file)


@pytest.mark.parametrize("name", READABLE)
async def test_real_files_are_kept(place: Place, name: str) -> None:
    data = path(name).read_bytes()
    answer = await place.store(data)
    assert answer.status in (200, 202, 409)
    for item in stored(answer):
        location = item["00081190"]["Value"][0].removeprefix(HOST + place.url() + "/")
        assert (await place.get(location, "application/dicom; transfer-syntax=*")).body == bytes(128) + data[128:]
        assert (await place.get(location + "/metadata")).status == 200
    for item in failed(answer):
        assert item["00081197"]["Value"] == [43264]
        assert messages(item)


@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("spaces", [1, 4])
async def test_trailing_spaces_of_uids_are_kept_and_do_not_count(any_place: Place, level: str, spaces: int) -> None:
    uids: dict[str, Any] = {"study": "1.2.3", "series": "1.2.4", "instance": "1.2.5"}
    longer = uids[level] + "7" * spaces
    head, _, tail = make_instance(**uids | {level: longer}).rpartition(longer.encode())
    file = head + longer.replace("7", " ").encode() + tail
    answer = await any_place.store(file)
    assert answer.status == 200
    assert stored(answer)[0]["00081190"]["Value"] == [HOST + any_place.url(instance_path(**uids))]
    assert reasons(await any_place.store(make_instance(**uids))) == [45070]
    assert await any_place.file(**uids) == file


async def test_same_instance_in_another_series_or_study(any_place: Place) -> None:
    answer = await any_place.store(FILE, make_instance(series="1.2"), make_instance(study="1.2"))
    assert (answer.status, len(stored(answer))) == (200, 3)


async def test_later_instances_overwrite_but_never_with_nothing(place: Place) -> None:
    for number, patient_id in enumerate([None, "123", None, " "]):
        file = make_instance(instance=f"1.{number}", PatientID=patient_id, StudyDescription=["one", "two", "", "x" * 65][number])
        assert len(stored(await place.store(file))) == 1
    [study] = (await place.get("studies?includefield=PatientID,StudyDescription")).json
    assert study["00100020"]["Value"] == ["123"]
    assert study["00081030"]["Value"] == ["two"]


async def test_unknown_private_elements_of_implicit_files(any_place: Place) -> None:
    file = make_instance(transfer_syntax=ImplicitVRLittleEndian, raw_elements=[(0x00091001, "UN", b"what")])
    assert len(stored(await any_place.store(file))) == 1
    assert "00091001" not in await any_place.metadata()
    assert await any_place.file() == file


async def test_body_of_one_file_with_something_behind_it(any_place: Place) -> None:
    answer = await any_place.post(FILE + struct.pack("<HH", 1, 2), DICOM)
    assert answer.status in (200, 409)


@pytest.mark.parametrize("query", ["?x=1", "?accept=", "?"])
async def test_query_does_not_matter(place: Place, query: str) -> None:
    answer = await place.client.send("POST", place.url("studies") + query, framed(FILE), headers={"Content-Type": MULTIPART})
    assert answer.status == 200


PRECEDENCE = [
    ({"study": "1.2.3", "without": ["SOPInstanceUID"]}, 43264, "(0008,0018)"),
    ({"study": "1.2.3", "without": ["SOPClassUID"]}, 43264, "(0008,0016)"),
    ({"study": "1.2.3", "without": ["SeriesInstanceUID"]}, 43264, "(0020,000e)"),
    ({"study": "1.2.3", "without": ["PatientID"]}, 43265, "(0020,000d)"),
    ({"study": "1.2.3", "PatientID": "x" * 65}, 43265, "(0020,000d)"),
    ({"without": ["SOPClassUID", "StudyInstanceUID"]}, 43264, "(0008,0016)"),
    ({"without": ["StudyInstanceUID", "SeriesInstanceUID"]}, 43264, "(0020,000d)"),
    ({"without": ["SeriesInstanceUID", "SOPInstanceUID"]}, 43264, "(0020,000e)"),
    ({"without": ["SOPInstanceUID", "PatientID"]}, 43264, "(0008,0018)"),
]


@pytest.mark.parametrize(("attributes", "reason", "tag"), PRECEDENCE)
async def test_first_violation_of_what_is_required_counts(any_place: Place, attributes: dict[str, Any], reason: int, tag: str) -> None:
    answer = await any_place.store(make_instance(**attributes), study=STUDY)
    assert (answer.status, reasons(answer)) == (409, [reason])
    assert messages(failed(answer)[0])[0].startswith(f"DICOM100: {tag} - ")


async def test_validation_comes_before_the_question_whether_it_is_stored(any_place: Place) -> None:
    await any_place.store(FILE)
    answer = await any_place.store(make_instance(without=["PatientID"]), make_instance(study=STUDY), study=STUDY)
    assert reasons(answer) == [43264, 45070]
    answer = await any_place.store(FILE, study="1.2.3")
    assert reasons(answer) == [43265]


async def test_all_statuses_of_items_in_one_answer(any_place: Place) -> None:
    await any_place.store(FILE)
    answer = await any_place.store(FILE, make_instance(study="1.2.3"), b"x", OTHER, make_instance(without=["SOPInstanceUID"]), study=STUDY)
    assert (answer.status, reasons(answer)) == (202, [45070, 43265, 43264, 43264])
    assert list(answer.json) == ["00081190", "00081198", "00081199"]
    for item in (*failed(answer), *stored(answer)):
        assert list(item) == sorted(item)


FAULTS = {
    "type not allowed": 415,
    "partition": 400,
    "accept": 406,
    "study": 400,
    "no type": 415,
    "boundary": 415,
    "body": 400,
}
"""What can be wrong with a request, and its status, in the order of the checks; each but the last answers in a way of its own."""

WITHOUT_BODY = {"type not allowed", "accept"}


@pytest.mark.parametrize("later", FAULTS)
@pytest.mark.parametrize("earlier", FAULTS)
async def test_the_first_check_that_fails_decides(any_place: Place, earlier: str, later: str) -> None:
    faults = {earlier, later}
    kinds = {"type not allowed": "text/html", "no type": None, "boundary": "multipart/related"}
    kind = next((kinds[fault] for fault in kinds if fault in faults), MULTIPART)
    headers = {"Content-Type": kind, "Accept": "text/html" if "accept" in faults else "*/*"}
    base = f"/{any_place.version}/partitions/{'bad!' if 'partition' in faults else any_place.name}/studies"
    url = f"{base}/x" if "study" in faults else base
    body = b"no delimiter" if "body" in faults else framed(FILE)
    answer = await any_place.client.send("POST", url, body, headers={name: value for name, value in headers.items() if value is not None})
    first = next(fault for fault in FAULTS if fault in faults)
    assert answer.status == FAULTS[first]
    assert bool(answer.body) == (first not in WITHOUT_BODY)
    if first == "partition":
        assert "partition" in answer.text
    if first == "study":
        assert "StudyInstanceUID" in answer.text
