"""What no route took: 404, or 405 when the path exists with other methods; and OPTIONS, which asks for these methods.

The host's own answer to a method that no function has is 404.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dicom_core.errors import MethodNotAllowedError, NotFoundError
from dicom_core.http.endpoint import Endpoint, answer, supported_versions
from dicom_core.http.handlers.documentation import page
from dicom_core.http.policies import Policies
from dicom_core.http.route import Route
from dicom_core.http.routes import Binding, bindings
from dicom_core.http.versions import parse_version

__all__ = ["FALLBACK_NAME", "FALLBACK_TEMPLATE", "METHODS", "fallback"]

FALLBACK_NAME: Final = "zz_not_found"  # sorts behind every other function
FALLBACK_TEMPLATE: Final = "{*path}"
METHODS: Final = ("GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS")  # the host mishandles any other

_PARAMETER: Final = re.compile(r"\{\w+(?::regex\(\^(.*)\$\))?\}", re.ASCII)


def fallback(policies: Policies) -> Endpoint:
    """Make the function that answers what no other function takes: the start page and preflight requests among it."""
    patterns = [(_pattern(binding), binding.route) for binding in bindings()]

    async def respond(req: Request) -> Response:
        path = req.path_params.get("path", "").removesuffix("/")  # as the host has decoded it: `%2F` divides nothing
        found = [route for pattern, route in patterns if pattern.fullmatch(path)]

        async def handle(request: Request, correlation: str) -> Response:
            preflight = policies.preflight(request)
            if preflight is not None:
                return preflight
            if not path and request.method in ("GET", "HEAD"):
                return page(request)
            if not found:
                raise NotFoundError("")
            if found[0].versions:
                parse_version(path.partition("/")[0], found[0].versions)
            methods = _methods(found)
            if request.method in methods:
                return Response(status_code=204, headers={"Allow": ", ".join(methods)})
            raise MethodNotAllowedError(methods)

        return await answer(req, handle, supported_versions(found[0].versions) if found else {}, policies)

    return respond


def _methods(routes: list[Route]) -> tuple[str, ...]:
    options = {"OPTIONS"} if any(route.retrieves for route in routes) else set()
    return tuple(sorted(options.union(*(route.methods for route in routes))))


def _pattern(binding: Binding) -> re.Pattern[str]:
    """What a template matches, as a regular expression over the path without the outer slashes."""
    segments = (_PARAMETER.fullmatch(segment) or segment for segment in binding.template.split("/"))
    return re.compile("/".join(_segment(segment) for segment in segments), re.IGNORECASE | re.ASCII)


def _segment(segment: str | re.Match[str]) -> str:
    if isinstance(segment, str):
        return re.escape(segment)
    return f"(?:{segment[1]})" if segment[1] else "[^/]+"
