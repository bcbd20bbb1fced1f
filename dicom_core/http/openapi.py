"""OpenAPI documents, made from the route table: every versioned route, plain and partitioned, and nothing else.

Standard: OpenAPI 3.0.3
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from dicom_core.http.descriptions import (
    ATTRIBUTE_EXAMPLES,
    DESCRIPTIONS,
    ERRORS,
    GROUPS,
    PATH_PARAMETERS,
    RESPONSE_HEADERS,
    SCHEMAS,
    Description,
    JsonObject,
)
from dicom_core.index.attributes import SEARCHABLE
from dicom_core.search.resources import Resource

if TYPE_CHECKING:
    from dicom_core.http.route import Route
    from dicom_core.http.versions import ApiVersion

__all__ = ["openapi_document"]

_TEMPLATE_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^/]*)?\}")  # with the constraint that the host wants, or without
_PARTITION: Final = "partitions/{partitionName}/"
_BINARY: Final[JsonObject] = {"type": "string", "format": "binary"}
_ERRORS_OF_ALL: Final = (400, 503)
_ERRORS_OF_SECURED: Final = (401, 403)
_HEADERS_OF_ALL: Final = ("api-supported-versions", "x-correlation-id")
_HEADERS_OF_ERRORS: Final = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}
_SEARCHED_LEVELS: Final = {resource.path: resource.levels for resource in Resource}


def openapi_document(version: ApiVersion, routes: Iterable[Route], *, secured: bool) -> JsonObject:
    """Describe one version of the interface; `secured` when callers need tokens."""
    paths: JsonObject = {}
    for route in routes:
        if version in route.versions:
            for prefix in ("", _PARTITION) if route.partitioned else ("",):
                path = f"/v{version.value}/{prefix}" + _TEMPLATE_PARAMETER.sub(r"{\1}", route.path)
                paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, prefix, secured=secured)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "DICOM service",
            "version": version.value,
            "description": "DICOMweb: store, retrieve, search and manage medical images. Every GET also answers HEAD.",
        },
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items()],
        "paths": paths,
        "components": _components(secured=secured),
        **({"security": [{"token": []}]} if secured else {}),
    }


def _components(*, secured: bool) -> JsonObject:
    headers = {name: {"required": name in _HEADERS_OF_ALL, **header} for name, header in RESPONSE_HEADERS.items()}
    schemes = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}}
    return {"schemas": SCHEMAS, "headers": headers, **(schemes if secured else {})}


def _operation(route: Route, path: str, prefix: str, *, secured: bool) -> JsonObject:
    description = DESCRIPTIONS[route.name]
    body = {"requestBody": {"required": True, "content": _content(route.takes, description.body)}} if route.takes else {}
    return {
        "operationId": f"{route.name}_in_partition" if prefix else route.name,
        "summary": route.summary,
        "description": description.text,
        "tags": [description.group],
        "parameters": [*_parameters(route, path)],
        **body,
        "responses": _responses(route, description, secured=secured),
    }


def _parameters(route: Route, path: str) -> Iterator[JsonObject]:
    for name in _TEMPLATE_PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]}
    for parameter in route.parameters:
        bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
        yield {
            "name": parameter.name,
            "in": parameter.where,
            "description": parameter.description,
            "schema": {"type": parameter.kind, **{name: bound for name, bound in bounds.items() if bound is not None}},
        }
    if route.method == "GET":
        for attribute in SEARCHABLE.values():
            if attribute.level in _SEARCHED_LEVELS.get(route.path.removesuffix("/count"), ()):
                yield {
                    "name": attribute.keyword,
                    "in": "query",
                    "description": f"Match ({attribute.tag[:4]},{attribute.tag[4:]}), VR {attribute.vr}.",
                    "schema": {"type": "string"},
                    "example": ATTRIBUTE_EXAMPLES[attribute.vr],
                }


def _responses(route: Route, description: Description, *, secured: bool) -> JsonObject:
    responses: JsonObject = {}
    for status in route.statuses:
        content = _content(route.gives, description.result, description.example) if status not in (204, 304) else {}
        responses[str(status)] = {
            "description": description.answers[status],
            "headers": _headers((*_HEADERS_OF_ALL, *description.headers)),
            **({"content": content} if content else {}),
        }
    for status in (*_ERRORS_OF_ALL, *description.errors, *(_ERRORS_OF_SECURED if secured and route.action else ())):
        text, has_text = ERRORS[status]
        responses[str(status)] = {
            "description": text,
            "headers": _headers((*_HEADERS_OF_ALL, *_HEADERS_OF_ERRORS.get(status, ()))),
            **({"content": _ERROR_CONTENT} if has_text else {}),
        }
    return dict(sorted(responses.items()))


def _headers(names: Iterable[str]) -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _content(media_types: Iterable[str], schema: JsonObject | None, example: Any = None) -> JsonObject:
    return {
        media_type: {"schema": schema, **({"example": example} if example is not None else {})}
        if schema is not None and "json" in media_type
        else {"schema": _BINARY}
        for media_type in media_types
    }


_ERROR_CONTENT: Final[JsonObject] = {
    "text/plain": {"schema": {"type": "string"}},
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
}
