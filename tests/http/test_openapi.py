from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from dicom_core.http.descriptions import DESCRIPTIONS, PATH_PARAMETERS
from dicom_core.http.openapi import openapi_document
from dicom_core.http.routes import ROUTES
from dicom_core.http.versions import ApiVersion
from dicom_core.http.yaml import to_yaml

_VERSIONS = [*ApiVersion]


def _document(version: ApiVersion = ApiVersion.V2, *, secured: bool = False) -> dict[str, Any]:
    return openapi_document(version, ROUTES, secured=secured)


def _operations(document: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("version", _VERSIONS)
def test_the_documents_are_valid(version: ApiVersion, secured: bool) -> None:
    document = _document(version, secured=secured)
    OpenAPIV30SpecValidator(json.loads(json.dumps(document))).validate()
    assert document["info"]["version"] == version.value
    assert yaml.safe_load(to_yaml(document)) == json.loads(json.dumps(document))


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_route_is_described_and_nothing_else(version: ApiVersion) -> None:
    expected = {
        f"{route.name}{suffix}"
        for route in ROUTES
        if version in route.versions
        for suffix in (("", "_in_partition") if route.partitioned else ("",))
    }
    assert _operations(_document(version)).keys() == expected


def test_the_descriptions_are_those_of_the_route_table() -> None:
    assert DESCRIPTIONS.keys() == {route.name for route in ROUTES if route.versions}
    for route in ROUTES:
        if route.versions:
            assert set(DESCRIPTIONS[route.name].answers) == set(route.statuses), route.name


@pytest.mark.parametrize("version", _VERSIONS)
def test_paths_start_with_the_version(version: ApiVersion) -> None:
    for method, path, operation in _operations(_document(version)).values():
        assert path.startswith(f"/v{version.value}/"), method
        assert ("/partitions/{partitionName}/" in path) == operation["operationId"].endswith("_in_partition")
        in_path = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert in_path == {segment[1:-1] for segment in path.split("/") if segment.startswith("{")}
        assert in_path <= PATH_PARAMETERS.keys()


def test_searches_list_the_attributes_of_their_levels() -> None:
    operations = _operations(_document())

    def names(operation_id: str) -> set[str]:
        return {parameter["name"] for parameter in operations[operation_id][2]["parameters"]}

    assert {"PatientName", "StudyDate", "ModalitiesInStudy", "limit"} <= names("search_studies")
    assert not {"Modality", "SOPInstanceUID"} & names("search_studies")
    assert {"PatientName", "Modality", "SOPInstanceUID"} <= names("search_instances_in_partition")
    assert names("search_instances_of_series") >= {"study", "series", "SOPInstanceUID"}
    assert "Modality" not in names("search_instances_of_series")
    assert "PatientName" not in names("store")


def test_tokens_are_spoken_of_only_where_they_are_needed() -> None:
    open_document, secured = _document(), _document(secured=True)
    assert "security" not in open_document
    assert "securitySchemes" not in open_document["components"]
    assert secured["security"] == [{"token": []}]
    assert {"401", "403"} <= secured["paths"]["/v2/studies"]["get"]["responses"].keys()
    assert not {"401", "403"} & open_document["paths"]["/v2/studies"]["get"]["responses"].keys()


def test_requests_and_answers_name_their_media_types() -> None:
    store = _document()["paths"]["/v2/studies"]["post"]
    parts = {f'multipart/related; type="application/dicom{suffix}"' for suffix in ("", "+json", "+xml")}
    assert set(store["requestBody"]["content"]) == {*parts, "application/dicom"}
    assert store["responses"]["200"]["content"].keys() == {"application/dicom+json", "application/dicom+xml"}
    assert "content" not in store["responses"]["204"]
    assert store["responses"]["400"]["content"].keys() == {"text/plain", "application/problem+json"}


def test_bounds_of_parameters_are_part_of_their_schema() -> None:
    parameters = _document()["paths"]["/v2/studies"]["get"]["parameters"]
    (limit,) = (parameter for parameter in parameters if parameter["name"] == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 200}
