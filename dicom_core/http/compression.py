"""gzip for answers that are text: DICOM JSON of a series shrinks to a fiftieth, its instances being so much alike.

ISA-L, in the `isal` package, is ten times as fast as zlib and so costs less than sending the bytes would. Brotli
would save another half of what is left, at five megabytes of library.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from dicom_core.http.headers import RawHeaders, change, vary
from dicom_core.http.streaming import StreamedResponse

__all__ = ["accepts_gzip", "compress"]

_COMPRESSIBLE = frozenset(
    {
        *(b"application/dicom+json", b"application/json", b"application/problem+json"),
        *(b"text/yaml", b"text/html", b"text/css", b"text/javascript"),
    }
)
_MIN_BYTES = 1024  # below that the answer fits a network packet anyway
_LEVEL = 1  # higher levels take several times as long for a few percent
_GZIP_FRAME = 31  # zlib's window bits for a gzip header and the largest window


def compress(request: Request, response: Response) -> None:
    """Compress an answer in place where the client accepts it and it is worth it.

    The ETag stays as it is. Strictly it should become weak, as the bytes are others; but only byte ranges would tell
    the difference, which such answers do not have, and clients of the Microsoft service take the tag literally. So
    If-None-Match works whatever coding the client holds. An answer to HEAD gets the headers alone.

    Standard: RFC 9110 8.4.1.3, 12.5.3
    """
    headers = response.raw_headers
    if response.status_code != 304 and not _is_text(headers):
        return
    vary(headers, b"Accept-Encoding")
    streamed = isinstance(response, StreamedResponse)
    if not (streamed or len(response.body) >= _MIN_BYTES) or not accepts_gzip(", ".join(request.headers.getlist("accept-encoding"))):
        return
    headers.append((b"content-encoding", b"gzip"))
    if isinstance(response, StreamedResponse):
        change(headers, b"content-length", lambda _: None)
        if request.method != "HEAD":
            response.chunks = _compressed(response.chunks)
    else:
        response.body = _gzip(bytes(response.body))
        change(headers, b"content-length", lambda _: str(len(response.body)).encode())


@lru_cache(maxsize=256)  # clients send few different ones
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether Accept-Encoding prefers gzip to no coding."""
    quality = {"identity": 0.0}
    for entry in accept_encoding.split(","):
        coding, _, parameter = entry.partition(";")
        quality[coding.strip().lower()] = _quality(parameter)
    gzip = next((quality[name] for name in ("gzip", "x-gzip", "*") if name in quality), 0.0)
    return gzip > 0 and gzip >= quality["identity"]


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _is_text(headers: RawHeaders) -> bool:
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    coded = any(name in (b"content-encoding", b"content-range") for name, _ in headers)
    return not coded and kind.partition(b";")[0].strip().lower() in _COMPRESSIBLE


def _gzip(body: bytes) -> bytes:
    from isal import isal_zlib

    return isal_zlib.compress(body, _LEVEL, _GZIP_FRAME)


async def _compressed(chunks: AsyncGenerator[bytes | memoryview, None]) -> AsyncGenerator[bytes | memoryview, None]:
    from isal import isal_zlib

    stream = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP_FRAME)
    async with aclosing(chunks):
        async for chunk in chunks:
            if compressed := stream.compress(chunk):
                yield compressed
    yield stream.flush()
