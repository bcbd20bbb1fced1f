from __future__ import annotations

import gzip
from collections.abc import AsyncGenerator, Mapping

import brotli
import pytest
from starlette.requests import Request
from starlette.responses import Response

from dicom_core.http.compression import accepted_coding, compress
from dicom_core.http.streaming import StreamedResponse

_JSON = "application/dicom+json"
_LONG = b'{"00080018":{"vr":"UI","Value":["1.2.3"]}}' * 100


def _request(accept_encoding: str | None = "gzip, deflate", method: str = "GET", **headers: str) -> Request:
    lines = {"accept-encoding": accept_encoding, **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in lines.items() if value is not None]
    return Request({"type": "http", "method": method, "headers": raw})


def _response(body: bytes = _LONG, media_type: str = _JSON, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type)


async def _chunks(closed: list[bool], count: int = 3) -> AsyncGenerator[bytes | memoryview, None]:
    try:
        for _ in range(count):
            yield memoryview(_LONG)
    finally:
        closed.append(True)


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip, deflate, br", "br"),
        ("br", "br"),
        ("*", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("deflate", None),
        ("gzip;q=0, br;q=0", None),
        ("", None),
    ],
)
def test_the_preferred_coding_is_used(accept_encoding: str, expected: str | None) -> None:
    assert accepted_coding(accept_encoding) == expected


async def test_brotli_gives_back_what_was_sent() -> None:
    response = _response()
    compress(_request("br"), response)
    assert brotli.decompress(response.body) == _LONG
    assert response.headers["content-encoding"] == "br"
    streamed = StreamedResponse(_chunks([]), {"Content-Type": _JSON})
    compress(_request("br"), streamed)
    assert brotli.decompress(b"".join([bytes(chunk) async for chunk in streamed.chunks])) == _LONG * 3


def test_json_is_compressed() -> None:
    response = _response(headers={"ETag": '"12-3"'})
    compress(_request(), response)
    assert gzip.decompress(response.body) == _LONG
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["etag"] == '"12-3"'
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (_request(None), _response()),
        (_request("identity"), _response()),
        (_request(), _response(_LONG[:1023])),
    ],
    ids=["no header", "not accepted", "short"],
)
def test_what_is_not_compressed_still_depends_on_the_header(request_: Request, response: Response) -> None:
    body = response.body
    compress(request_, response)
    assert response.body == body
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "response",
    [
        _response(media_type="application/dicom"),
        _response(media_type="image/jpeg"),
        _response(media_type='multipart/related; boundary=b; type="application/dicom"'),
        _response(headers={"Content-Encoding": "gzip"}),
        _response(status=206, headers={"Content-Range": "bytes 0-9/10"}),
        Response(status_code=204),
    ],
    ids=["file", "image", "multipart", "coded already", "range", "empty"],
)
def test_other_answers_are_left_alone(response: Response) -> None:
    before = list(response.raw_headers), response.body
    compress(_request(), response)
    assert (response.raw_headers, response.body) == before


async def test_streams_are_compressed_as_they_go() -> None:
    closed: list[bool] = []
    response = StreamedResponse(_chunks(closed), {"Content-Type": _JSON, "ETag": '"7"'}, length=3 * len(_LONG))
    compress(_request(), response)
    assert gzip.decompress(b"".join([bytes(chunk) async for chunk in response.chunks])) == _LONG * 3
    assert "content-length" not in response.headers
    assert response.headers["etag"] == '"7"'
    assert closed == [True]


async def test_a_stream_that_is_broken_off_is_closed() -> None:
    closed: list[bool] = []
    response = StreamedResponse(_chunks(closed, 10_000), {"Content-Type": _JSON})
    compress(_request(), response)
    await anext(response.chunks)
    await response.chunks.aclose()
    assert closed == [True]


async def test_head_has_the_headers_of_get() -> None:
    streamed = StreamedResponse(_chunks([]), {"Content-Type": _JSON, "ETag": '"7"'})
    chunks = streamed.chunks
    compress(_request(method="HEAD"), streamed)
    assert streamed.chunks is chunks
    assert (streamed.headers["content-encoding"], streamed.headers["etag"]) == ("gzip", '"7"')
    whole, head = _response(), _response()
    compress(_request(), whole)
    compress(_request(method="HEAD"), head)
    assert head.raw_headers == whole.raw_headers


def test_not_modified_depends_on_the_header_too() -> None:
    response = Response(status_code=304, headers={"ETag": '"7"'})
    compress(_request(if_none_match='W/"7"'), response)
    assert response.headers["etag"] == '"7"'
    assert response.headers["vary"] == "Accept-Encoding"
