"""From a route to the function that the host calls: version, handler, errors, and the headers of every answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dicom_core.errors import BadRequestError
from dicom_core.http.call import Call
from dicom_core.http.compression import compress
from dicom_core.http.headers import add_default
from dicom_core.http.policies import Policies
from dicom_core.http.problems import problem, status_of
from dicom_core.http.streaming import without_body
from dicom_core.http.tracing import correlation_id, report_failure, trace_id
from dicom_core.http.versions import ApiVersion, parse_version
from dicom_core.http.worker import forget_after_response
from dicom_core.services import Services

if TYPE_CHECKING:
    from dicom_core.http.route import Route

__all__ = ["Endpoint", "answer", "endpoint", "supported_versions"]

Endpoint = Callable[[Request], Awaitable[Response]]

_MARKUP: Final = re.compile(b"<|%3c", re.IGNORECASE)
_EVERY_ANSWER: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
)
_CONTENT_POLICY: Final = b"frame-src 'self';"


def endpoint(route: Route, open_services: Callable[[], Awaitable[Services]], policies: Policies) -> Endpoint:
    """Make the function that answers the requests of a route."""

    async def handle(request: Request, correlation: str) -> Response:
        version = parse_version(request.path_params["version"], route.versions) if route.versions else None

        async def carry_out() -> Response:
            try:
                services = await open_services()
            except Exception:
                if route.when_closed is None:
                    raise
                return route.when_closed()
            return await route.handler(Call(request, route, version, services, correlation))

        return await policies.guard(route, request, correlation, carry_out)

    async def respond(req: Request) -> Response:
        if policies.spans is None:
            return await answer(req, handle, supported_versions(route.versions), policies)
        with policies.spans.open(req.method, route.path, req.headers.get("traceparent")) as span:
            correlation = f"{span.get_span_context().trace_id:032x}"
            response = await answer(req, handle, supported_versions(route.versions), policies, correlation)
            span.set_attribute("http.response.status_code", response.status_code)
        return response

    return respond


def supported_versions(versions: tuple[ApiVersion, ...]) -> dict[bytes, bytes]:
    """The header that every answer of a versioned route carries, whatever the status."""
    return {b"api-supported-versions": ", ".join(version.value for version in versions).encode()} if versions else {}


async def answer(
    request: Request,
    handle: Callable[[Request, str], Awaitable[Response]],
    headers: dict[bytes, bytes],
    policies: Policies,
    correlation: str | None = None,
) -> Response:
    """Let `handle` answer, turn its errors into responses, and add `headers` and those of every answer."""
    correlation = correlation or trace_id(request.headers.get("traceparent"))
    correlation_id.set(correlation)
    try:
        if _MARKUP.search(request.scope["query_string"]) is not None:
            raise BadRequestError("The query string must not contain markup.")
        response = await handle(request, correlation)
    except ClientDisconnect:
        response = problem(BadRequestError("The upload was broken off."))  # nobody is left to read it
    except Exception as error:
        if status_of(error) == 500:
            report_failure(error, correlation)
        response = problem(error, ", ".join(request.headers.getlist("accept")))
    compress(request, response)
    if request.method == "HEAD":
        response = await without_body(response)
    if policies.cors is not None:
        policies.cors.mark(response.raw_headers, request.headers.get("origin"))
    response.raw_headers += [*_EVERY_ANSWER, *headers.items(), (b"x-correlation-id", correlation.encode())]
    add_default(response.raw_headers, b"content-security-policy", _CONTENT_POLICY)
    forget_after_response(request, response)
    return response
