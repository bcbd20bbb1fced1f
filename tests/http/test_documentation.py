from __future__ import annotations

import gzip
import json

import pytest
import yaml

from tests.http.driver import Client

_DOCUMENTS = {"v2": "2", "v1": "1", "v1-prerelease": "1.0-prerelease", "v1.0-prerelease": "1.0-prerelease", "v2.0": "2"}


@pytest.mark.parametrize(("segment", "version"), _DOCUMENTS.items())
async def test_every_version_is_described_in_both_forms(client: Client, segment: str, version: str) -> None:
    as_yaml, as_json = await client.get(f"/{segment}/api.yaml"), await client.get(f"/{segment}/api.json")
    assert (as_yaml.status, as_json.status) == (200, 200)
    assert as_yaml.headers["content-type"].partition(";")[0] == "text/yaml"
    assert as_json.headers["content-type"] == "application/json"
    assert yaml.safe_load(as_yaml.text) == as_json.json
    assert as_json.json["info"]["version"] == version
    assert as_json.json["openapi"].startswith("3.0.")
    assert all(path.startswith(f"/v{version}/") for path in as_json.json["paths"])
    assert "api-supported-versions" not in as_json.headers


@pytest.mark.parametrize("path", ["/v3/api.yaml", "/vfoo/api.yaml", "/api.yaml", "/v2/api.xml", "/docs/nothing.js", "/docs/../settings.py"])
async def test_nothing_else_is_described(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("path", ["/v2/api.yaml", "/v2/api.json", "/docs", "/", "/docs/swagger-ui-bundle.js"])
async def test_documents_are_not_sent_twice(client: Client, path: str) -> None:
    first = await client.get(path)
    again = await client.get(path, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (await client.get(path, if_none_match='"other"')).status == 200
    head = await client.send("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(first.body)))


async def test_documents_are_compressed(client: Client) -> None:
    plain, packed = await client.get("/v2/api.json"), await client.get("/v2/api.json", accept_encoding="gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] == plain.headers["etag"]
    again = await client.get("/v2/api.json", accept_encoding="gzip", if_none_match=packed.headers["etag"])
    assert (again.status, again.headers["etag"]) == (304, packed.headers["etag"])


async def test_the_page_is_shown_at_the_root_too(client: Client) -> None:
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await client.get("/")).body == page.body
    assert (await client.send("POST", "/")).status == 404


async def test_short_answers_are_not_compressed(client: Client) -> None:
    partitions = await client.get("/v2/partitions", accept_encoding="gzip")
    assert "content-encoding" not in partitions.headers
    assert json.loads(partitions.body)
    assert partitions.headers["vary"] == "Accept-Encoding"
