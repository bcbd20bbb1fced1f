"""What clients are told when something goes wrong: the one place where errors meet status codes."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.responses import Response

from dicom_core import errors
from dicom_core.http.media_types import parse_accept
from dicom_core.storage.ports import StorageUnavailable

__all__ = ["RETRY_AFTER_SECONDS", "STATUS_OF", "UNEXPECTED", "problem", "status_of"]

# The nearest class in an error's inheritance decides.
STATUS_OF: Final[Mapping[type[Exception], int]] = {
    errors.BadRequestError: 400,
    errors.UnauthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.MethodNotAllowedError: 405,
    errors.NotAcceptableError: 406,
    errors.ConflictError: 409,
    errors.PayloadTooLargeError: 413,
    errors.UnsupportedMediaTypeError: 415,
    errors.RangeNotSatisfiable: 416,
    errors.BackendError: 503,
    StorageUnavailable: 503,
}
UNEXPECTED: Final = "The service failed unexpectedly."
_UNAVAILABLE: Final = "The service cannot reach its storage at the moment. Please try again later."
RETRY_AFTER_SECONDS: Final = 5  # after which a client whose answer is 503 may try again
_PROBLEM_JSON: Final = "application/problem+json"


def status_of(error: Exception) -> int:
    """The status code that an error is answered with; 500 for those that nobody has foreseen."""
    return next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), 500)


def problem(error: Exception, accept: str = "") -> Response:
    """Answer an error with one sentence of text, or with problem details (RFC 9457) for clients that list their type in Accept."""
    status = status_of(error)
    headers = _headers(error, status)
    if isinstance(error, errors.UnsupportedVersion | errors.MethodNotAllowedError):
        body = orjson.dumps({"error": {"code": "UnsupportedApiVersion", "message": str(error)}})
        return Response(body, status, headers, media_type="application/json")
    text = _text(error, status)
    if not text:
        return Response(status_code=status, headers=headers)
    if any(entry.type == _PROBLEM_JSON and entry.weight > 0 for entry in parse_accept(accept)):
        return Response(orjson.dumps({"status": status, "detail": text}), status, headers, media_type=_PROBLEM_JSON)
    return Response(text, status, headers, media_type="text/plain")


def _headers(error: Exception, status: int) -> dict[str, str]:
    if isinstance(error, errors.MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, errors.RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, errors.UnauthenticatedError):
        return {"WWW-Authenticate": error.challenge}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}


def _text(error: Exception, status: int) -> str:
    if status == 500:
        return UNEXPECTED
    if isinstance(error, errors.UnauthenticatedError):  # why a token is not good helps nobody but attackers
        return ""
    if isinstance(error, StorageUnavailable):  # its text names keys
        return _UNAVAILABLE
    text = str(error)
    return html.escape(text) if "<" in text else text  # some browsers would take markup from the request for a page
