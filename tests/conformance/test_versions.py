"""API versions: how they are written, what they announce, and what is said of others."""

from __future__ import annotations

import pytest

from dicom_core.http.routes import Binding, bindings
from tests.conformance.place import HOST, MULTIPART, Place, framed, stored
from tests.dicom.factories import STUDY, make_instance
from tests.http.driver import Client
from tests.http.host_rules import Registered, find, sample_url

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRERELEASE = ["v1.0-prerelease", "v1-prerelease", "V1.0-PRERELEASE", "v1-Prerelease"]
FIRST = ["v1", "v1.0", "V1", "V1.0"]
SECOND = ["v2", "v2.0", "V2", "V2.0"]
UNKNOWN = ["v0", "v3", "v99", "v1.1", "v2.1", "v2-prerelease", "v2.0-prerelease", "v1-beta", "v10", "v20"]
NONE = ["studies", "vfoo/studies", "1/studies", "v/studies", "x2/studies", "2/studies", "version2/studies", "v-1/studies", "api/v2/studies"]
VERSIONED = [binding for binding in bindings() if binding.route.versions]
OTHERS = [binding for binding in bindings() if not binding.route.versions]


def _binding_id(binding: Binding) -> str:
    return binding.name


@pytest.mark.parametrize("version", [*PRERELEASE, *FIRST, *SECOND])
async def test_spellings(client: Client, version: str) -> None:
    place = Place(client, version)
    answer = await place.store(make_instance(StudyTime="99"), study=STUDY)
    assert answer.status == (202 if version in SECOND else 200)
    assert answer.json["00081190"]["Value"] == [f"{HOST}/{version}/partitions/{place.name}/studies/{STUDY}"]
    [item] = stored(answer)
    assert ("00741048" in item) == (version in SECOND)
    assert (await place.get(f"studies/{STUDY}/metadata")).status == 200


@pytest.mark.parametrize("version", UNKNOWN)
@pytest.mark.parametrize("binding", VERSIONED, ids=_binding_id)
async def test_unknown_version(client: Client, binding: Binding, version: str) -> None:
    answer = await client.send(binding.route.method, sample_url(binding, version=version))
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json["error"]["code"] == "UnsupportedApiVersion"
    assert answer.json["error"]["message"]
    assert "api-supported-versions" in answer.headers


@pytest.mark.parametrize("path", NONE)
async def test_no_version(client: Client, path: str) -> None:
    answer = await client.get(f"/{path}")
    assert (answer.status, answer.body) == (404, b"")
    assert "api-supported-versions" not in answer.headers


@pytest.mark.parametrize("path", ["", "/foo", "/studies/1/foo", "/studies/1/series/2/foo/3", "/study", "/studies/1/2", "/partitions/a/b"])
@pytest.mark.parametrize("version", ["v1.0-prerelease", "v1", "v2"])
async def test_unknown_route(client: Client, version: str, path: str) -> None:
    answer = await client.get(f"/{version}{path}")
    assert (answer.status, answer.body) == (404, b"")
    assert "api-supported-versions" not in answer.headers


@pytest.mark.parametrize("version", ["v1.0-prerelease", "v1", "v2"])
@pytest.mark.parametrize("binding", VERSIONED, ids=_binding_id)
async def test_supported_versions_are_on_every_answer(client: Client, binding: Binding, version: str) -> None:
    for path in (sample_url(binding, version=version), sample_url(binding, version=version, study="x") + "?x=<"):
        answer = await client.send(binding.route.method, path)
        served = [each.value for each in binding.route.versions]
        assert answer.headers["api-supported-versions"] == ", ".join(served)
        assert "api-deprecated-versions" not in answer.headers


async def test_supported_versions_of_data_routes(client: Client) -> None:
    for path in ("studies", "studies/1", "studies/1/metadata", "partitions", "changefeed"):
        assert (await client.get(f"/v2/{path}")).headers["api-supported-versions"] == "1.0-prerelease, 1, 2"


@pytest.mark.parametrize("binding", OTHERS, ids=_binding_id)
async def test_unversioned_routes_announce_nothing(client: Client, binding: Binding) -> None:
    answer = await client.get(sample_url(binding))
    assert "api-supported-versions" not in answer.headers


ROUTES = {binding.template for binding in VERSIONED}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("template", sorted(ROUTES))
async def test_method_that_a_route_does_not_have(client: Client, template: str, method: str) -> None:
    path = sample_url(next(binding for binding in VERSIONED if binding.template == template))
    functions = [(Registered(binding.name, binding.template, binding.route.methods), binding.route) for binding in VERSIONED]
    routes = [route for function, route in functions if find([function], route.method, path)]
    options = {"OPTIONS"} if any(route.retrieves for route in routes) else set()
    allowed = sorted(options.union(*(route.methods for route in routes)))
    if method in allowed:
        return
    answer = await client.send(method, path)
    assert (answer.status, answer.headers["content-type"]) == (405, "application/json")
    assert answer.headers["allow"] == ", ".join(allowed)
    assert answer.json["error"]["code"] == "UnsupportedApiVersion"
    assert answer.headers["api-supported-versions"]


async def test_prerelease_and_first_behave_alike(client: Client) -> None:
    files = make_instance(StudyDate="x"), make_instance(instance="1", Modality="lower")
    first, second = [await Place(client, version).store(*files) for version in ("v1.0-prerelease", "v1")]
    assert first.status == second.status == 202
    assert first.json["00081198"] == second.json["00081198"]


@pytest.mark.parametrize("version", ["v1.0-prerelease", "v1", "v2"])
async def test_bulk_update_is_no_study(client: Client, version: str) -> None:
    for base in (f"/{version}", f"/{version}/partitions/p"):
        for name in ("$bulkUpdate", "%24bulkUpdate", "$bulkupdate"):
            answer = await client.send("POST", f"{base}/studies/{name}", framed(make_instance()), headers={"Content-Type": MULTIPART})
            assert (answer.status, answer.body) == (404, b"")
