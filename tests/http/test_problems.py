from __future__ import annotations

from collections.abc import Iterator

import pytest

from dicom_core.errors import DicomServiceError, MethodNotAllowedError, NotFoundError, RangeNotSatisfiable, UnauthenticatedError
from dicom_core.http.problems import STATUS_OF, problem, status_of
from dicom_core.storage.ports import BlobNotFound, StorageUnavailable


def _descendants(kind: type[DicomServiceError]) -> Iterator[type[DicomServiceError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


_ERRORS = [error for error in _descendants(DicomServiceError) if error.__module__ == "dicom_core.errors"]


@pytest.mark.parametrize("kind", _ERRORS)
def test_every_error_has_a_status(kind: type[DicomServiceError]) -> None:
    assert any(ancestor in STATUS_OF for ancestor in kind.__mro__)


def test_text_is_plain() -> None:
    response = problem(NotFoundError("There is none."))
    assert (response.status_code, response.body) == (404, b"There is none.")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_markup_is_escaped() -> None:
    assert problem(NotFoundError("No <b>.")).body == b"No &lt;b&gt;."


def test_no_text_means_no_body() -> None:
    response = problem(NotFoundError(""), "application/problem+json")
    assert (response.status_code, response.body) == (404, b"")
    assert "content-type" not in response.headers


def test_allowed_methods_are_named() -> None:
    assert problem(MethodNotAllowedError(("GET", "HEAD"))).headers["allow"] == "GET, HEAD"


def test_length_is_told_to_those_who_ask_for_too_much() -> None:
    response = problem(RangeNotSatisfiable(123))
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */123")


def test_reasons_of_bad_tokens_are_not_told() -> None:
    response = problem(UnauthenticatedError("The token has expired.", "Bearer realm=x"))
    assert (response.status_code, response.body) == (401, b"")
    assert response.headers["www-authenticate"] == "Bearer realm=x"


@pytest.mark.parametrize(("error", "status"), [(StorageUnavailable("S|1.2"), 503), (BlobNotFound("a/b"), 500), (KeyError("Doe"), 500)])
def test_inside_errors_tell_nothing(error: Exception, status: int) -> None:
    response = problem(error)
    assert (response.status_code, status_of(error)) == (status, status)
    assert str(error).encode() not in response.body
    assert ("retry-after" in response.headers) == (status == 503)
