from __future__ import annotations

from email.utils import formatdate

import pytest
from starlette.requests import Request

from dicom_core.errors import RangeNotSatisfiable
from dicom_core.http.conditional import Validators
from dicom_core.http.ranges import Span, bytes_answer, wanted_span

_STATE = Validators('"7"', 1_000_000)


def _request(method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": pairs})


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 100),
        ("bytes=10-19", 10, 10),
        ("Bytes = 90-1000", 90, 10),
        ("bytes=-5", 95, 5),
        ("bytes=-500", 0, 100),
        ("bytes=99-", 99, 1),
    ],
)
def test_range(header: str, start: int, length: int) -> None:
    span = wanted_span(_request(range=header), 100, _STATE)
    assert (span, span.status) == (Span(start, length, 100, partial=True), 206)
    assert span.headers["Content-Range"] == f"bytes {start}-{start + length - 1}/100"


@pytest.mark.parametrize("header", ["bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=5-2", "bytes=a-b", "bytes=1", ""])
def test_ranges_that_are_not_understood_mean_everything(header: str) -> None:
    span = wanted_span(_request(range=header), 100, _STATE)
    assert (span, span.status, span.headers) == (Span(0, 100, 100), 200, {"Accept-Ranges": "bytes"})


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_range_behind_the_end(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        wanted_span(_request(range=header), 100, _STATE)
    assert caught.value.size == 100


@pytest.mark.parametrize(
    ("condition", "partial"),
    [
        ('"7"', True),
        ('"8"', False),
        ('W/"7"', False),
        (formatdate(1_000_000, usegmt=True), True),
        (formatdate(1_000_001, usegmt=True), False),
        ("yesterday", False),
    ],
)
def test_if_range(condition: str, partial: bool) -> None:
    assert wanted_span(_request(range="bytes=0-9", if_range=condition), 100, _STATE).partial == partial


def test_weak_tags_never_allow_a_part() -> None:
    assert not wanted_span(_request(range="bytes=0-9", if_range='W/"7"'), 100, Validators('W/"7"', 0)).partial


def test_head_takes_no_ranges() -> None:
    assert not wanted_span(_request("HEAD", range="bytes=0-9"), 100, _STATE).partial


def test_answer_of_bytes() -> None:
    whole = bytes_answer(_request(), b"0123456789", "image/png", _STATE)
    assert (whole.status_code, whole.body, whole.headers["content-type"]) == (200, b"0123456789", "image/png")
    part = bytes_answer(_request(range="bytes=2-4"), b"0123456789", "image/png", _STATE)
    assert (part.status_code, bytes(part.body), part.headers["content-length"]) == (206, b"234", "3")
    assert part.headers["etag"] == '"7"'
