"""What every answer carries, and the form of errors."""

from __future__ import annotations

import pytest

from tests.conformance.place import MULTIPART, Place, framed, instance_path
from tests.dicom.factories import STUDY, make_instance
from tests.http.driver import Answer, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS = [
    ("GET", "/v2/studies", {}, 204),
    ("GET", "/v2/studies/1", {}, 404),
    ("GET", "/v2/studies/x", {}, 400),
    ("GET", "/v2/studies/1", {"Accept": "a/b"}, 406),
    ("GET", "/v2/studies/1/metadata", {"Accept": "a/b"}, 406),
    ("POST", "/v2/studies", {}, 415),
    ("POST", "/v2/studies", {"Content-Type": MULTIPART}, 400),
    ("DELETE", "/v2/studies/1", {}, 404),
    ("PATCH", "/v2/studies/1", {}, 405),
    ("GET", "/v9/studies", {}, 400),
    ("GET", "/nothing", {}, 404),
    ("GET", "/v2/partitions", {}, 200),
    ("GET", "/health/check", {}, 200),
    ("GET", "/v2/api.yaml", {}, 200),
    ("GET", "/v2/api.json", {}, 200),
    ("GET", "/v2/studies?x=<", {}, 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REQUESTS)
async def test_security_headers(client: Client, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = await client.send(method, path, headers=headers)
    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["content-security-policy"] == "frame-src 'self';"


async def test_security_headers_of_successes(place: Place) -> None:
    answers = [await place.store(make_instance()), await place.get(f"studies/{STUDY}"), await place.get(f"studies/{STUDY}/metadata")]
    answers.append(await place.delete(f"studies/{STUDY}"))
    for answer in answers:
        assert answer.status in (200, 204)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["content-security-policy"] == "frame-src 'self';"


def _is_sentence(answer: Answer) -> bool:
    return (
        answer.headers["content-type"] == "text/plain; charset=utf-8" and not answer.text.startswith(("{", "[", "<")) and bool(answer.text)
    )


ERRORS = [
    ("GET", "studies/x", {}, b"", 400),
    ("GET", "studies/x/series/1", {}, b"", 400),
    ("GET", "studies/9", {}, b"", 404),
    ("GET", "studies/9/metadata", {}, b"", 404),
    ("GET", "studies/9", {"Accept": "image/png"}, b"", 406),
    ("DELETE", "studies/9", {}, b"", 404),
    ("DELETE", "studies/x", {}, b"", 400),
    ("POST", "studies/x", {"Content-Type": MULTIPART}, framed(make_instance()), 400),
    ("POST", "studies", {"Content-Type": MULTIPART}, b"x", 400),
    ("POST", "studies", {"Content-Type": "multipart/related"}, b"x", 415),
    ("POST", "studies", {"Content-Type": MULTIPART}, framed(b"x", kind="a/b"), 415),
    ("GET", "studies?limit=x", {}, b"", 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "body", "status"), ERRORS)
async def test_errors_are_one_sentence(any_place: Place, method: str, path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    await any_place.store(make_instance())
    answer = await any_place.client.send(method, any_place.url(path), body, headers=headers)
    assert answer.status == status
    assert _is_sentence(answer)


EMPTY = [
    ("POST", "studies", {"Content-Type": MULTIPART, "Accept": "image/png"}, framed(make_instance()), 406),
    ("GET", f"studies/{STUDY}/metadata", {"Accept": "image/png"}, b"", 406),
    ("GET", "studies", {"Accept": "image/png"}, b"", 406),
    ("POST", "studies", {"Content-Type": "image/png"}, framed(make_instance()), 415),
    ("POST", "studies", {"Content-Type": MULTIPART}, b"--b--", 204),
    ("DELETE", f"studies/{STUDY}", {}, b"", 204),
]


@pytest.mark.parametrize(("method", "path", "headers", "body", "status"), EMPTY)
async def test_answers_without_body(any_place: Place, method: str, path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    await any_place.store(make_instance())
    answer = await any_place.client.send(method, any_place.url(path), body, headers=headers)
    assert (answer.status, answer.body) == (status, b"")
    assert "content-type" not in answer.headers


async def test_conflict_is_dicom_json(any_place: Place) -> None:
    answer = await any_place.store(b"no file")
    assert (answer.status, answer.headers["content-type"]) == (409, "application/dicom+json")


async def test_markup_is_escaped(place: Place) -> None:
    await place.store(make_instance())
    answer = await place.get("studies/%3Cscript%3E")
    assert answer.status == 400
    assert "<" not in answer.text


async def test_problem_details_for_those_who_ask(place: Place) -> None:
    await place.store(make_instance())
    answer = await place.get("studies/9", 'multipart/related; type="application/dicom", application/problem+json')
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json["detail"]


async def test_health(client: Client) -> None:
    answer = await client.get("/health/check")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert list(answer.json) == ["overallStatus", "details"]
    assert answer.json["overallStatus"] == "Healthy"
    assert answer.json["details"]
    for detail in answer.json["details"]:
        assert {"name", "status", "description"} <= detail.keys() <= {"name", "status", "description", "data"}


@pytest.mark.parametrize("path", ["/v2/health/check", "/health", "/health/checks", "/health/check/x"])
async def test_health_has_one_path(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


CASES = ["STUDIES/{}/SERIES/{}/INSTANCES/{}", "Studies/{}/Series/{}/Instances/{}", "studies/{}/series/{}/instances/{}/METADATA"]


@pytest.mark.parametrize("form", CASES)
async def test_letter_case_of_fixed_segments_does_not_matter(any_place: Place, form: str) -> None:
    await any_place.store(make_instance())
    _, study, _, series, _, instance = instance_path().split("/")
    assert (await any_place.get(form.format(study, series, instance))).status == 200
    assert (await any_place.client.get(f"/{any_place.version.upper()}/PARTITIONS/{any_place.name}/STUDIES")).status == 200


@pytest.mark.parametrize("names", [("CONTENT-TYPE", "ACCEPT"), ("content-type", "accept"), ("cOnTeNt-TyPe", "aCcEpT")])
async def test_letter_case_of_header_names_does_not_matter(place: Place, names: tuple[str, str]) -> None:
    headers = {names[0]: MULTIPART, names[1]: "application/dicom+json"}
    answer = await place.client.send("POST", place.url("studies"), framed(make_instance()), headers=headers)
    assert answer.status == 200


async def test_trailing_slash_does_not_matter(any_place: Place) -> None:
    await any_place.store(make_instance())
    for path in ("studies/", f"studies/{STUDY}/", f"{instance_path()}/", f"{instance_path()}/metadata/"):
        assert (await any_place.client.get(f"/{any_place.version}/partitions/{any_place.name}/{path}")).status == 200


@pytest.mark.parametrize("count", [10, 11])
async def test_custom_audit_headers_are_limited(place: Place, count: int) -> None:
    await place.store(make_instance())
    headers = {f"X-MS-AZUREDICOM-AUDIT-{number}": "x" for number in range(count)}
    answer = await place.client.send("GET", place.url(f"studies/{STUDY}"), headers=headers)
    assert answer.status == (200 if count == 10 else 400)


@pytest.mark.parametrize("length", [2048, 2049])
async def test_custom_audit_header_values_are_limited(place: Place, length: int) -> None:
    await place.store(make_instance())
    answer = await place.client.send("GET", place.url("studies"), headers={"x-ms-azuredicom-audit-a": "x" * length})
    assert answer.status == (200 if length == 2048 else 400)
