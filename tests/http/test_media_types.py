from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.http.media_types import MediaType, parse_accept, parse_media_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("application/dicom", MediaType("application/dicom")),
        (" Application/DICOM ; ", MediaType("application/dicom")),
        ("a/b;C=D", MediaType("a/b", {"c": "D"})),
        ('a/b; x="1;2,\\"3"; y=c/d', MediaType("a/b", {"x": '1;2,"3', "y": "c/d"})),
        ("a/b; x=1; x=2", MediaType("a/b", {"x": "1"})),
        ("a/b; x=", MediaType("a/b", {"x": ""})),
        ("a/b; x = 1", MediaType("a/b", {"x": "1"})),
        ("", None),
        ("a", None),
        ("a/", None),
        ("a/b c", None),
        ("a/b; x", None),
        ('a/b; x="1', None),
        ("a/b, c/d", None),
    ],
)  # fmt: skip
def test_media_type(text: str, expected: MediaType | None) -> None:
    assert parse_media_type(text) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", [("*/*", 1.0)]),
        ("  ", [("*/*", 1.0)]),
        (",", [("*/*", 1.0)]),
        ("a/b, c/d;q=0.5", [("a/b", 1.0), ("c/d", 0.5)]),
        ("a/b;q=0", [("a/b", 0.0)]),
        ("a/b;q=.5", [("a/b", 0.5)]),
        ("a/b;q=7", []),
        ("a/b;q=x, c/d", [("c/d", 1.0)]),
        ("nonsense", []),
        ("nonsense, c/d", [("c/d", 1.0)]),
        ('a/b; x="1, 2", c/d', [("a/b", 1.0), ("c/d", 1.0)]),
    ],
)
def test_accept_header(header: str, expected: list[tuple[str, float]]) -> None:
    assert [(entry.type, entry.weight) for entry in parse_accept(header)] == expected


@given(st.text(alphabet=st.sampled_from(list('ab/*;,="\\ q.01\t-é'))))
def test_nothing_unexpected_comes_of_any_header(header: str) -> None:
    parse_media_type(header)
    assert all(0 <= entry.weight <= 1 for entry in parse_accept(header))


@pytest.mark.parametrize("piece", ['"', '\\"', ";", "a/b;", 'a/b;x="', ",", "a/b;x=1,", "q=", " "])
def test_long_headers_take_no_long_time(piece: str) -> None:
    parse_accept(piece * 20_000)
    parse_media_type("a/b;" + piece * 20_000)
