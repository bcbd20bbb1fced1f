"""What holds for every route, asked of every route."""

from __future__ import annotations

import logging
from operator import attrgetter

import pytest

from dicom_core.http.routes import Binding, bindings
from dicom_core.storage.ports import StorageUnavailable
from tests.http.driver import Client
from tests.http.host_rules import sample_url

_ALL = list(bindings())
_VERSIONED = [binding for binding in _ALL if binding.route.versions]
_PARTITIONED = [binding for binding in _ALL if binding.name.endswith("_in_partition")]
_name = attrgetter("name")
_NAME = "Doe^Jane"
_SUPPORTED = "1.0-prerelease, 1, 2"


@pytest.mark.parametrize("binding", _ALL, ids=_name)
@pytest.mark.parametrize("query", ["x=<", "x=%3Cscript", "%3c"])
async def test_markup_in_the_query_is_refused(client: Client, binding: Binding, query: str) -> None:
    answer = await client.send(binding.route.method, f"{sample_url(binding)}?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("binding", _VERSIONED, ids=_name)
async def test_unknown_version_is_refused(client: Client, binding: Binding) -> None:
    answer = await client.send(binding.route.method, sample_url(binding, version="v99"))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"]["code"] == "UnsupportedApiVersion"
    assert answer.headers["api-supported-versions"] == _SUPPORTED


@pytest.mark.parametrize("binding", _ALL, ids=_name)
async def test_other_methods_are_not_allowed(client: Client, binding: Binding) -> None:
    answer = await client.send("PATCH", sample_url(binding))
    assert answer.status == 405
    assert set(binding.route.methods) <= set(answer.headers["allow"].split(", "))
    assert answer.headers.get("api-supported-versions") == (_SUPPORTED if binding.route.versions else None)


@pytest.mark.parametrize("binding", _ALL, ids=_name)
async def test_answers_name_the_versions_that_have_the_route(client: Client, binding: Binding) -> None:
    answer = await client.send(binding.route.method, sample_url(binding))
    assert answer.headers.get("api-supported-versions") == (_SUPPORTED if binding.route.versions else None)
    assert answer.status < 500


@pytest.mark.parametrize("binding", [binding for binding in _ALL if binding.route.method == "GET"], ids=_name)
async def test_head_is_get_without_body(client: Client, binding: Binding) -> None:
    got = await client.get(sample_url(binding))
    head = await client.send("HEAD", sample_url(binding))
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers | {"x-correlation-id": ""} == got.headers | {"x-correlation-id": ""}


@pytest.mark.parametrize("binding", [binding for binding in _ALL if binding.route.retrieves], ids=_name)
async def test_resources_of_retrieve_tell_their_methods(client: Client, binding: Binding) -> None:
    answer = await client.send("OPTIONS", sample_url(binding))
    assert (answer.status, answer.body) == (204, b"")
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].split(", "))
    assert answer.headers["api-supported-versions"] == _SUPPORTED


@pytest.mark.parametrize("binding", _PARTITIONED, ids=_name)
@pytest.mark.parametrize("name", ["bad!", "x" * 65])
async def test_malformed_partition_name_is_refused(client: Client, binding: Binding, name: str) -> None:
    answer = await client.send(
        binding.route.method, sample_url(binding).replace("p-1", name), headers={"Content-Type": "application/dicom"}
    )
    assert answer.status == 400


@pytest.mark.parametrize("binding", _PARTITIONED, ids=_name)
async def test_unknown_partition_is_refused_except_by_store(client: Client, binding: Binding) -> None:
    answer = await client.send(binding.route.method, sample_url(binding))
    if binding.route.action == "write":
        assert answer.status == 415  # no content type, and that is all that is wrong
    else:
        assert (answer.status, answer.text) == (400, "Specified PartitionName does not exist.")


@pytest.mark.parametrize("binding", [binding for binding in _ALL if "{study}" in binding.template], ids=_name)
async def test_malformed_uid_is_refused(client: Client, binding: Binding) -> None:
    await client.services.partitions.ensure("p-1")
    for level in ("study", "series", "instance"):
        if f"{{{level}}}" in binding.template:
            url = sample_url(binding, **{level: "1.2.x"})
            answer = await client.send(binding.route.method, url, headers={"Content-Type": "application/dicom"})
            assert answer.status == 400
            assert "UID" in answer.text


@pytest.mark.parametrize("path", ["/studies", "/vfoo/studies", "/v2/nothing", "/v2/partitions/p/nothing", "/health", "/V2/STUDIES/1/2"])
async def test_unknown_route_is_not_found(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.body) == (404, b"")
    assert "api-supported-versions" not in answer.headers


async def test_unknown_version_counts_before_the_method(client: Client) -> None:
    answer = await client.send("PATCH", "/v99/studies")
    assert answer.status == 400


async def test_storage_that_is_gone_is_a_temporary_failure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object, **__: object) -> None:
        raise StorageUnavailable("dicom S|1.2")

    monkeypatch.setattr(client.services.index.tables, "get", gone)
    answer = await client.get("/v2/studies/1.2/metadata")
    assert answer.status == 503
    assert answer.headers["retry-after"].isdecimal()
    assert "S|1.2" not in answer.text


async def test_unforeseen_failure_tells_nothing(client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError(_NAME)

    monkeypatch.setattr(client.services.retrieve, "metadata", fails)
    with caplog.at_level(logging.ERROR):
        answer = await client.get(f"/v2/studies/1.2/metadata?PatientName={_NAME}", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert (answer.status, answer.text) == (500, "The service failed unexpectedly.")
    assert answer.headers["x-correlation-id"] == "a" * 32
    assert "RuntimeError" in caplog.text
    assert "a" * 32 in caplog.text
    assert _NAME not in caplog.text


async def test_problem_details_for_clients_that_know_them(client: Client) -> None:
    answer = await client.get("/v2/studies/x", accept="application/problem+json, application/dicom")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 400
    assert "UID" in answer.json["detail"]


async def test_problem_details_are_not_for_clients_that_refuse_them(client: Client) -> None:
    answer = await client.get("/v2/studies/x", accept="application/problem+json;q=0, */*")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
