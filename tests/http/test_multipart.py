from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.errors import InvalidMultipart, PayloadTooLargeError
from dicom_core.http.multipart import Framing, read_parts

Parts = list[tuple[dict[str, str], bytes]]


async def _stream(body: bytes, chunk: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), chunk):
        yield body[start : start + chunk]


async def _read(body: bytes, boundary: str = "b", *, chunk: int = 1 << 20, max_bytes: int = 1 << 20) -> Parts:
    return [
        (part.headers, b"".join([bytes(piece) async for piece in part.chunks]))
        async for part in read_parts(_stream(body, chunk), boundary, max_bytes)
    ]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"--b--\r\n", [], id="closing delimiter alone"),
        pytest.param(b"--b--", [], id="without line break at the end"),
        pytest.param(b"--b\r\n\r\n--b--\r\n", [], id="no parts as .NET sends them"),
        pytest.param(b"--b\r\n\r\n\r\n--b--", [({}, b"")], id="an empty part"),
        pytest.param(b"--b\r\nA: 1\r\n\r\n--b--", [({"a": "1"}, b"")], id="headers and nothing else"),
        pytest.param(b"--b\r\n\r\n--b\r\n\r\nx\r\n--b--", [({}, b""), ({}, b"x")], id="an empty part before another"),
        pytest.param(b"--b\r\nA: 1\r\n\r\nxyz\r\n--b--", [({"a": "1"}, b"xyz")], id="one part"),
        pytest.param(b"--b\r\n\r\n\r\n\r\n--b--", [({}, b"\r\n")], id="a line break as content"),
        pytest.param(b"preamble --b\r\n--b\r\n\r\nx\r\n--b--\r\nepilogue\r\n--b\r\n", [({}, b"x")], id="preamble and epilogue"),
        pytest.param(b"\r\n--b\r\n\r\nx\r\n--b--", [({}, b"x")], id="an empty line first"),
        pytest.param(b"--b \t\r\n\r\nx\r\n--b--", [({}, b"x")], id="padding behind the boundary"),
        pytest.param(b"--b\r\n\r\n\r\r\n-\r\n--\r\n--a\r\r\n--b--", [({}, b"\r\r\n-\r\n--\r\n--a\r")], id="almost delimiters"),
        pytest.param(
            b"--b\r\nA: 1\r\n 2\r\nB:3\r\nA: 4\r\n\r\n\r\n--b--", [({"a": "1 2", "b": "3"}, b"")], id="folded and repeated headers"
        ),
        pytest.param(b"--b\r\nA: 1\r\n\r\nx\r\n--b\r\nA: 2\r\n\r\ny\r\n--b--", [({"a": "1"}, b"x"), ({"a": "2"}, b"y")], id="two parts"),
    ],
)
async def test_body_is_split(body: bytes, expected: Parts, chunk: int) -> None:
    assert await _read(body, chunk=chunk) == expected


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="no delimiter"),
        pytest.param(b"hello --b--", id="delimiter within a line"),
        pytest.param(b"--b", id="ends in a delimiter"),
        pytest.param(b"--b-", id="ends in a closing delimiter"),
        pytest.param(b"--b\r\n", id="ends before the headers"),
        pytest.param(b"--b\r\nA: 1\r\n", id="ends within the headers"),
        pytest.param(b"--b\r\nA: 1\r\n\r\nxyz", id="last part is not terminated"),
        pytest.param(b"--b\r\nA: 1\r\n\r\nxyz\r\n--b", id="last part ends in a delimiter"),
        pytest.param(b"--b\r\n\r\n\r\n--b", id="an empty part that ends in a delimiter"),
        pytest.param(b"--b\r\nno colon\r\n\r\nxyz\r\n--b--", id="malformed header"),
        pytest.param(b"--bc\r\n\r\nxyz\r\n--b--", id="text behind the boundary"),
        pytest.param(b"--b" + b" " * 500 + b"\r\n\r\nxyz\r\n--b--", id="too much padding"),
        pytest.param(b"--b\r\nA: " + b"x" * 20000 + b"\r\n\r\nxyz\r\n--b--", id="too long headers"),
        pytest.param(b"--b\r\nA: " + b"x" * 20000, id="endless headers"),
        pytest.param(b"--b\nA: 1\n\nxyz\n--b--\n", id="bare line feeds"),
    ],
)
async def test_broken_framing_is_refused(body: bytes, chunk: int) -> None:
    with pytest.raises(InvalidMultipart):
        await _read(body, chunk=chunk)


@pytest.mark.parametrize(("limit", "allowed"), [(10, True), (9, False)])
async def test_limit_counts_the_contents_of_all_parts(limit: int, *, allowed: bool) -> None:
    body = b"--b\r\n\r\n01234\r\n--b\r\n\r\n56789\r\n--b--"
    if allowed:
        assert len(await _read(body, max_bytes=limit)) == 2
    else:
        with pytest.raises(PayloadTooLargeError):
            await _read(body, max_bytes=limit)


@pytest.mark.parametrize("chunk", [1, 4, 1 << 20])
async def test_what_is_not_read_of_a_part_is_skipped(chunk: int) -> None:
    body = b"--b\r\nA: 1\r\n\r\n0123456789\r\n--b\r\nA: 2\r\n\r\n56789\r\n--b\r\nA: 3\r\n\r\nx\r\n--b--"
    seen = []
    async for part in read_parts(_stream(body, chunk), "b", 1 << 20):
        seen.append(part.headers["a"])
        if part.headers["a"] == "1":
            await anext(part.chunks)
            await part.chunks.aclose()
    assert seen == ["1", "2", "3"]


async def test_content_is_not_copied() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"--b\r\n\r\nbegin"
        yield whole
        yield b"\r\n--b--"

    whole = b"x" * 100_000
    async for part in read_parts(body(), "b", 1 << 20):
        pieces = [piece async for piece in part.chunks]
        assert any(piece is whole for piece in pieces)


_CONTENT = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"b", b"\r\n--b", b"\r\n--", b"x", b"\0"]), max_size=12).map(b"".join)


@given(
    contents=st.lists(_CONTENT, min_size=1, max_size=4), chunk=st.integers(1, 40), preamble=st.sampled_from([b"", b"\r\n", b"hello\r\n"])
)
async def test_what_is_written_is_read_again(contents: list[bytes], chunk: int, preamble: bytes) -> None:
    framing = Framing("application/dicom", boundary="b" * 30)
    body = preamble
    for number, content in enumerate(contents):
        body += framing.opening(f"text/x{number}", first=number == 0) + content
    body += framing.closing
    expected = [({"content-type": f"text/x{number}"}, content) for number, content in enumerate(contents)]
    assert await _read(body, framing.boundary, chunk=chunk) == expected
    assert len(body) == len(preamble) + framing.length((f"text/x{n}", len(content)) for n, content in enumerate(contents))


@given(
    body=st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"\r", b":", b"x", b" "]), max_size=20).map(b"".join), chunk=st.integers(1, 9)
)
async def test_any_body_is_read_or_refused_whatever_its_chunks(body: bytes, chunk: int) -> None:
    async def outcome(size: int) -> Parts | str:
        try:
            return await _read(body, chunk=size)
        except InvalidMultipart:
            return "refused"

    assert await outcome(chunk) == await outcome(len(body) or 1)
