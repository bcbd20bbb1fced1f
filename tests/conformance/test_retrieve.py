"""Retrieve a study, series or instance: what is acceptable, what comes, and what does not."""

from __future__ import annotations

import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.conformance.place import Place, instance_path
from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPLICIT = "1.2.840.10008.1.2.1"
UNKNOWN = "1.2.3.4.5"  # a transfer syntax that nothing can be made of
FILE = make_instance()
OTHER = make_instance(instance=f"{INSTANCE}.1")
UNKNOWN_FILE = make_instance(transfer_syntax=UNKNOWN, rows=2, columns=2, pixel_data=[b"anything"])
STUDY_PATH, SERIES_PATH = f"studies/{STUDY}", f"studies/{STUDY}/series/{SERIES}"
LEVELS = [STUDY_PATH, SERIES_PATH, instance_path()]
PARTS = "multipart/related"

ANYWHERE = [
    None,
    "",
    "*/*",
    "*/*; transfer-syntax=*",
    '*/*; transfer-syntax="*"',
    f"*/*; transfer-syntax={EXPLICIT}",
    "*/*; q=0.1",
    f'{PARTS}; type="application/dicom"',
    f"{PARTS}; type=application/dicom",
    f'{PARTS};type="application/dicom"',
    f'{PARTS.upper()}; TYPE="APPLICATION/DICOM"',
    f'Multipart/Related; Type="Application/DICOM"; Transfer-Syntax={EXPLICIT}',
    f'{PARTS}; type="application/dicom"; transfer-syntax=*',
    f'{PARTS}; type="application/dicom"; transfer-syntax="*"',
    f'{PARTS}; type="application/dicom"; transfer-syntax={EXPLICIT}',
    f'{PARTS}; type="application/dicom"; transfer-syntax="{EXPLICIT}"',
    f'{PARTS}; transfer-syntax=*; type="application/dicom"',
    f'{PARTS}; type="application/dicom"; boundary=x; start="y"',
    f'{PARTS}; type="application/dicom"; q=0.5; transfer-syntax=*',
    f'image/png, {PARTS}; type="application/dicom"',
    f'{PARTS}; type="image/jpeg", {PARTS}; type="application/dicom"',
    f'text/html;q=1.0,{PARTS}; type="application/dicom";q=0.001',
    f'{PARTS}; type="application/dicom"; transfer-syntax=1.2.3, */*;q=0.1',
]
NOWHERE = [
    "text/html",
    "application/json",
    "application/dicom+json",
    "application/octet-stream",
    "image/jpeg",
    "application/*",
    "multipart/*",
    PARTS,
    f"{PARTS}; transfer-syntax=*",
    f'{PARTS}; type="image/jpeg"',
    f'{PARTS}; type="application/octet-stream"',
    f'{PARTS}; type="application/*"',
    f'{PARTS}; type=""',
    f'{PARTS}; type="application/dicom"; transfer-syntax=1.2.3',
    f'{PARTS}; type="application/dicom"; transfer-syntax=""',
    f'{PARTS}; type="application/dicom"; transfer-syntax=explicit',
    "*/*; transfer-syntax=1.2.3",
    "*/*; q=0",
    f'{PARTS}; type="application/dicom"; q=0, */*;q=0.0',
    "nonsense",
    ",;,",
    "text/html, image/png, nonsense",
]
ONLY_PARTS = [f'{PARTS}; type="*/*"', f"{PARTS}; type=*/*", f'{PARTS}; type="*/*"; transfer-syntax=*']
ONLY_SINGLE = [
    "application/dicom",
    "APPLICATION/DICOM",
    "application/dicom; transfer-syntax=*",
    'application/dicom; transfer-syntax="*"',
    f"application/dicom; transfer-syntax={EXPLICIT}",
    f'application/dicom; Transfer-Syntax="{EXPLICIT}"',
    "image/png, application/dicom",
]


@pytest.mark.parametrize("path", LEVELS, ids=["study", "series", "instance"])
@pytest.mark.parametrize("accept", ANYWHERE)
async def test_parts(any_place: Place, path: str, accept: str | None) -> None:
    await any_place.store(FILE)
    answer = await any_place.get(path, accept)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert answer.parts() == [(f"application/dicom; transfer-syntax={EXPLICIT}", FILE)]


@pytest.mark.parametrize("path", LEVELS, ids=["study", "series", "instance"])
@pytest.mark.parametrize("accept", NOWHERE)
async def test_not_acceptable(place: Place, path: str, accept: str) -> None:
    await place.store(FILE)
    answer = await place.get(path, accept)
    assert (answer.status, answer.headers["content-type"]) == (406, "text/plain; charset=utf-8")
    assert answer.text


@pytest.mark.parametrize("accept", ONLY_PARTS)
async def test_any_type_of_parts_is_for_studies_and_series(place: Place, accept: str) -> None:
    await place.store(FILE)
    assert [(await place.get(path, accept)).status for path in LEVELS] == [200, 200, 406]


@pytest.mark.parametrize("accept", ONLY_SINGLE)
async def test_single_file_is_for_instances(any_place: Place, accept: str) -> None:
    await any_place.store(FILE)
    assert [(await any_place.get(path, accept)).status for path in LEVELS] == [406, 406, 200]
    answer = await any_place.get(instance_path(), accept)
    assert (answer.headers["content-type"], answer.body) == (f"application/dicom; transfer-syntax={EXPLICIT}", FILE)
    assert answer.headers["content-length"] == str(len(FILE))


DEFAULT, ANY = f'{PARTS}; type="application/dicom"', f'{PARTS}; type="application/dicom"; transfer-syntax=*'
SELECTIONS = [
    (ANY, True),
    (f'{PARTS}; type="application/dicom"; transfer-syntax="*"', True),
    ("*/*", True),
    (None, True),
    (DEFAULT, False),
    (f"{DEFAULT}, {ANY}", True),
    (f"{ANY}, {DEFAULT}", True),
    (f"{DEFAULT}; q=0.5, {ANY}; q=0.5", True),
    (f"{DEFAULT}, {ANY}; q=0.9", False),
    (f"{DEFAULT}; q=0.9, {ANY}", True),
    (f"{ANY}; q=0.2, {DEFAULT}; q=0.3", False),
    (f"{DEFAULT}, */*", False),
    (f"*/*, {DEFAULT}", True),
    (f"{DEFAULT}, */*; transfer-syntax=*", True),
    (f"{DEFAULT}; q=0, {ANY}; q=0.1", True),
    (f"text/html, {ANY}; q=0.1", True),
]


@pytest.mark.parametrize(("accept", "as_stored"), SELECTIONS)
@pytest.mark.parametrize("path", LEVELS, ids=["study", "series", "instance"])
async def test_selection(place: Place, path: str, accept: str | None, *, as_stored: bool) -> None:
    await place.store(UNKNOWN_FILE)
    answer = await place.get(path, accept)
    if as_stored:
        assert answer.parts() == [(f"application/dicom; transfer-syntax={UNKNOWN}", UNKNOWN_FILE)]
    else:
        assert (answer.status, answer.headers["content-type"]) == (406, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (f"application/dicom, {ANY}", PARTS),
        (f"{ANY}, application/dicom", PARTS),
        (f"application/dicom, {DEFAULT}", "application/dicom"),
        (f"{DEFAULT}, application/dicom", PARTS),
        (f"{DEFAULT}; q=0.4, application/dicom; q=0.6", "application/dicom"),
        ("application/dicom, */*", "application/dicom"),
        ("*/*, application/dicom; transfer-syntax=*", "application/dicom"),
    ],
)
async def test_parts_or_single(place: Place, accept: str, kind: str) -> None:
    await place.store(FILE)
    assert (await place.get(instance_path(), accept)).headers["content-type"].partition(";")[0] == kind


async def test_several_header_lines_are_one_list(place: Place) -> None:
    await place.store(FILE)
    assert (await place.get(instance_path(), "text/html, application/dicom")).headers["content-type"].startswith("application/dicom;")


async def test_levels(any_place: Place) -> None:
    files = {
        (series, number): make_instance(series=series, instance=f"{series}.{number}") for series in ("1.1", "1.2") for number in range(3)
    }
    await any_place.store(*files.values(), make_instance(study="1.9"))
    study = (await any_place.get(STUDY_PATH)).parts()
    assert sorted(content for _, content in study) == sorted(files.values())
    series = (await any_place.get(f"{STUDY_PATH}/series/1.2")).parts()
    assert sorted(content for _, content in series) == sorted(file for (of, _), file in files.items() if of == "1.2")
    [(_, instance)] = (await any_place.get(f"{STUDY_PATH}/series/1.2/instances/1.2.0")).parts()
    assert instance == files["1.2", 0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
async def test_real_transfer_syntax_is_named(place: Place, syntax: str) -> None:
    await place.store(make_instance(transfer_syntax=syntax))
    [(kind, _)] = (await place.get(STUDY_PATH, ANY)).parts()
    assert kind == f"application/dicom; transfer-syntax={syntax}"


async def test_study_of_several_syntaxes(place: Place) -> None:
    await place.store(FILE, make_instance(transfer_syntax=UNKNOWN, instance="1.2", rows=2, columns=2, pixel_data=[b"anything"]))
    kinds = sorted(kind for kind, _ in (await place.get(STUDY_PATH, ANY)).parts())
    assert kinds == [f"application/dicom; transfer-syntax={syntax}" for syntax in (UNKNOWN, EXPLICIT)]
    assert (await place.get(STUDY_PATH, DEFAULT)).status == 406


MISSING = [
    "studies/9",
    f"{STUDY_PATH}/series/9",
    f"studies/9/series/{SERIES}",
    f"{SERIES_PATH}/instances/9",
    f"{STUDY_PATH}/series/9/instances/{INSTANCE}",
    f"studies/9/series/{SERIES}/instances/{INSTANCE}",
    f"studies/{STUDY[:-2]}",
    f"studies/{STUDY}0",
    f"{SERIES_PATH}/instances/{INSTANCE}.1",
    "studies/01.2",
    "studies/1..2",
    f"studies/{'1' * 64}",
]


@pytest.mark.parametrize("suffix", ["", "/metadata"])
@pytest.mark.parametrize("path", MISSING)
async def test_nothing_there(any_place: Place, path: str, suffix: str) -> None:
    await any_place.store(FILE)
    answer = await any_place.get(path + suffix)
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert answer.text


BAD_UIDS = ["x", "1.2.", "1.2.x", "1" * 65, "1-2", "1_2", "%201", "1%20.2", "1.2%00", "1.2%0A", "*", "1,2", "%C2%B2", "$bulkUpdate", "."]


@pytest.mark.parametrize("suffix", ["", "/metadata"])
@pytest.mark.parametrize("uid", BAD_UIDS[:-2])
async def test_identifier_that_is_no_uid(any_place: Place, uid: str, suffix: str) -> None:
    await any_place.store(FILE)
    for path in (f"studies/{uid}", f"{STUDY_PATH}/series/{uid}", f"{SERIES_PATH}/instances/{uid}", f"studies/9/series/{uid}"):
        answer = await any_place.get(path + suffix)
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert answer.text


@pytest.mark.parametrize("suffix", ["", "/metadata"])
@pytest.mark.parametrize("spaces", ["%20", "%20%20%20"])
async def test_trailing_spaces_do_not_matter(any_place: Place, spaces: str, suffix: str) -> None:
    await any_place.store(FILE)
    for path in LEVELS:
        assert (await any_place.get(path.replace("/", f"{spaces}/").replace(f"s{spaces}/", "s/") + spaces + suffix)).status in (200, 404)
    assert (await any_place.get(STUDY_PATH + spaces + suffix)).status == 200
    assert (await any_place.get(f"{STUDY_PATH}{spaces}/series/{SERIES}{spaces}/instances/{INSTANCE}{spaces}{suffix}")).status == 200


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("studies/x", "image/png", 400),
        (f"{STUDY_PATH}/series/x", "image/png", 400),
        (f"{SERIES_PATH}/instances/x", "image/png", 400),
        ("studies/9", "image/png", 406),
        (f"{STUDY_PATH}/series/9", "application/dicom", 406),
        (f"{SERIES_PATH}/instances/9", "text/html", 406),
        ("studies/9", DEFAULT, 404),
        ("studies/x/metadata", "image/png", 406),
        ("studies/x/metadata", "application/json", 400),
        ("studies/9/metadata", "application/json", 404),
    ],
)
async def test_order_of_checks(any_place: Place, path: str, accept: str, status: int) -> None:
    await any_place.store(UNKNOWN_FILE)
    assert (await any_place.get(path, accept)).status == status


@pytest.mark.parametrize("path", LEVELS, ids=["study", "series", "instance"])
async def test_unknown_partition_comes_first(place: Place, path: str) -> None:
    for suffix in ("", "/metadata"):
        answer = await place.get(path + suffix, "image/png")
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("query", ["?x=1", "?limit=x", "?includefield=all", "?"])
async def test_unknown_query_parameters_do_not_matter(place: Place, query: str) -> None:
    await place.store(FILE)
    for path in (*LEVELS, f"{STUDY_PATH}/metadata"):
        assert (await place.get(path + query)).status == 200


@pytest.mark.parametrize("query", ["?x=<", "?x=%3c", "?x=%3C", "?<script>"])
async def test_markup_in_the_query_is_refused(place: Place, query: str) -> None:
    await place.store(FILE)
    for path in (*LEVELS, f"{STUDY_PATH}/metadata", "studies", "studies/9"):
        assert (await place.get(path + query)).status == 400


@pytest.mark.parametrize("accept", [None, "application/dicom", "image/png"])
@pytest.mark.parametrize("path", [*LEVELS, f"{STUDY_PATH}/metadata", "studies/9", "studies/x"])
async def test_head_is_get_without_body(place: Place, path: str, accept: str | None) -> None:
    await place.store(FILE)
    headers = {"Accept": accept} if accept else {}
    head = await place.client.send("HEAD", place.url(path), headers=headers)
    get = await place.client.send("GET", place.url(path), headers=headers)
    assert (head.status, head.body) == (get.status, b"")
    varying = {"x-correlation-id", "date"}
    if get.headers.get("content-type", "").startswith(PARTS):
        varying.add("content-type")
    assert head.headers.keys() == get.headers.keys()
    assert {name: value for name, value in head.headers.items() if name not in varying} == {
        name: value for name, value in get.headers.items() if name not in varying
    }


@pytest.mark.parametrize("original", ["true", "TRUE", "false", "x", ""])
async def test_original_of_what_was_never_updated_is_the_only_version(place: Place, original: str) -> None:
    await place.store(FILE)
    for path in LEVELS:
        assert (await place.get(path, msdicom_request_original=original)).parts()[0][1] == FILE
    assert (await place.get(f"{STUDY_PATH}/metadata", msdicom_request_original=original)).status == 200


CHECKS = {
    "": [("partition", 400), ("uid", 400), ("accept", 406), ("missing", 404)],
    "/metadata": [("partition", 400), ("accept", 406), ("uid", 400), ("missing", 404)],
}


@pytest.mark.parametrize("suffix", CHECKS)
@pytest.mark.parametrize("later", range(4))
@pytest.mark.parametrize("earlier", range(4))
@pytest.mark.parametrize("level", range(3))
async def test_the_first_check_that_fails_decides(any_place: Place, suffix: str, earlier: int, later: int, level: int) -> None:
    await any_place.store(FILE)
    faults = {CHECKS[suffix][earlier][0], CHECKS[suffix][later][0]}
    uids = [STUDY, SERIES, INSTANCE]
    uids[level] = "x" if "uid" in faults else "9" if "missing" in faults else uids[level]
    path = "/".join(f"{name}/{uid}" for name, uid in zip(("studies", "series", "instances"), uids[: level + 1], strict=False))
    partition = "unknown-one" if "partition" in faults else any_place.name
    accept = "image/png" if "accept" in faults else "*/*"
    answer = await any_place.client.get(f"/{any_place.version}/partitions/{partition}/{path}{suffix}", accept)
    assert answer.status == next(status for fault, status in CHECKS[suffix] if fault in faults)
