"""The OpenAPI documents, and the page that shows them."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from dicom_core.errors import NotFoundError, UnsupportedVersion
from dicom_core.http.call import Call
from dicom_core.http.conditional import ASK_AGAIN, is_current, quote
from dicom_core.http.docs_page import PAGE, PAGE_POLICY, asset
from dicom_core.http.openapi import openapi_document
from dicom_core.http.versions import ApiVersion, parse_version
from dicom_core.http.yaml import to_yaml

__all__ = ["openapi_json", "openapi_yaml", "page", "page_file"]

_JSON: Final = "application/json"
_YAML: Final = "text/yaml"


async def openapi_json(call: Call) -> Response:
    """Describe a version of the interface as JSON."""
    return _openapi(call, _JSON)


async def openapi_yaml(call: Call) -> Response:
    """Describe a version of the interface as YAML."""
    return _openapi(call, _YAML)


async def page_file(call: Call) -> Response:
    """Send the documentation page, or a file that it needs."""
    return page(call.request, call.request.path_params.get("file", PAGE))


def page(request: Request, name: str = PAGE) -> Response:
    """Send a file of the documentation page."""
    found = asset(name)
    if found is None:
        raise NotFoundError("")
    headers = {"Content-Security-Policy": PAGE_POLICY} if name == PAGE else {}
    return _cacheable(request, found.content, found.tag, found.media_type, headers)


def _openapi(call: Call, media_type: str) -> Response:
    try:
        version = parse_version(call.request.path_params["version"])
    except UnsupportedVersion:
        raise NotFoundError("") from None
    content, tag = _document(version, media_type, call.services.settings.security_enabled)
    return _cacheable(call.request, content, tag, media_type, {})


@cache
def _document(version: ApiVersion, media_type: str, secured: bool) -> tuple[bytes, str]:
    from dicom_core.http.routes import ROUTES  # the table names the handlers of this module

    document = openapi_document(version, ROUTES, secured=secured)
    content = orjson.dumps(document) if media_type == _JSON else to_yaml(document).encode()
    return content, hashlib.sha256(content).hexdigest()[:16]


def _cacheable(request: Request, content: bytes, tag: str, media_type: str, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": quote(tag), "Cache-Control": ASK_AGAIN}
    if is_current(", ".join(request.headers.getlist("if-none-match")) or None, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
