from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from dicom_core.http.conditional import Validators, http_time, is_current, quote, validators


@pytest.mark.parametrize("header", ['"12-3"', "12-3", 'W/"12-3"', '"1", "12-3"', "*", '"1",12-3', quote("12-3")])
def test_tag_is_current(header: str) -> None:
    assert is_current(header, "12-3")


@pytest.mark.parametrize("header", [None, "", '"12"', '"12-34"', "2-3", 'W/"1"'])
def test_tag_is_not_current(header: str | None) -> None:
    assert not is_current(header, "12-3")


_TIME = "Thu, 01 Jan 1970 00:16:40 GMT"


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"if-none-match": '"5-a"'}, True),
        ({"if-none-match": 'W/"5-a"'}, True),
        ({"if-none-match": '"4"'}, False),
        ({"if-modified-since": _TIME}, True),
        ({"if-modified-since": "Thu, 01 Jan 1970 00:16:39 GMT"}, False),
        ({"if-modified-since": "yesterday"}, False),
        ({"if-none-match": '"4"', "if-modified-since": _TIME}, False),
    ],
)
def test_client_that_knows_the_state(headers: dict[str, str], known: bool) -> None:
    assert Validators('"5-a"', 1000).is_known(Headers(headers)) == known
    assert Validators('W/"5-a"', 1000).is_known(Headers(headers)) == known


def test_lists_may_have_several_header_lines() -> None:
    lines = [(b"if-none-match", b'"4"'), (b"if-none-match", b'"5-a"')]
    assert Validators('"5-a"', 1000).is_known(Headers(raw=lines))


def test_representations_of_a_version_have_tags_of_their_own() -> None:
    one, other = validators(1_000_000_000, "image/png", 1), validators(1_000_000_000, "image/png", 2)
    assert one.tag != other.tag
    assert one == validators(1_000_000_000, "image/png", 1)
    assert one.headers["Last-Modified"] == _TIME
    assert validators(5, "x", weak=True).tag.startswith('W/"5-')
    assert one.not_modified().status_code == 304


def test_caches_ask_each_time() -> None:
    state = validators(1_000_000_000, "image/png")
    assert state.headers["Cache-Control"] == state.not_modified().headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("text", [None, "", "x", "Thu, 99 Jan 1970 00:16:40 GMT", "Thu, 01 Jan 99999999 00:00:00 GMT"])
def test_times_that_are_none(text: str | None) -> None:
    assert http_time(text) is None
