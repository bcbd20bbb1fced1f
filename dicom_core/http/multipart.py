"""Reading and writing multipart/related bodies as streams (RFC 2046 5.1, RFC 2387)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Final

from dicom_core.errors import InvalidMultipart, PayloadTooLargeError

__all__ = ["Framing", "Part", "limited", "read_parts"]

Buffer = bytes | memoryview

_NEW_LINE: Final = "\r\n"
_MAX_HEADER_BYTES: Final = 16 * 1024
_MAX_PARTS: Final = 100_000  # of each one something is kept until the answer
_MAX_PADDING: Final = 128  # white space that may follow a boundary on its line


@dataclass(frozen=True, slots=True)
class Part:
    """A body part while it arrives: header names are in lower case; what is not read of `chunks` is skipped."""

    headers: dict[str, str]
    chunks: AsyncGenerator[Buffer, None]


async def read_parts(body: AsyncIterator[bytes], boundary: str, max_bytes: int) -> AsyncGenerator[Part, None]:
    """Split a multipart body into its parts as it arrives, whatever the chunks, without copying what is inside of parts.

    Preamble and epilogue are skipped. A first part without headers and content, right before the closing delimiter, does
    not count: .NET clients send that for no parts at all.

    Raises:
        InvalidMultipart: there is no delimiter, a part is not terminated, or its headers are malformed.
        PayloadTooLargeError: the parts have more than `max_bytes` together, or are absurdly many.
    """
    reader = _Reader(body, boundary, max_bytes)
    async for _ in reader.until_delimiter():
        pass  # preamble
    count = 0
    while await reader.is_part():
        headers = await reader.headers()
        if not count and not headers and await reader.ends_without_parts():
            break
        count += 1
        if count > _MAX_PARTS:
            raise PayloadTooLargeError(f"The request has more than {_MAX_PARTS} parts.")
        await reader.begin_content()
        yield Part(headers, reader.content())
        while reader.inside:
            async for _ in reader.content():
                pass
    await reader.skip_epilogue()


async def limited(chunks: AsyncIterator[Buffer], max_bytes: int) -> AsyncGenerator[Buffer, None]:
    """Pass a file's bytes on until there are too many of them.

    Raises:
        PayloadTooLargeError: there are more than `max_bytes`.
    """
    length = 0
    async for chunk in chunks:
        length += len(chunk)
        if length > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


def _too_large(max_bytes: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"What is to be stored is longer than the limit of {max_bytes} bytes.")


class _Reader:
    """The parser's place in the body: `_data` from `_at` on has arrived and is not consumed yet."""

    def __init__(self, body: AsyncIterator[bytes], boundary: str, max_bytes: int) -> None:
        self._body = aiter(body)
        self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
        self._data = b"\r\n"  # so that a delimiter at the very start is one, too
        self._at = 0
        self._max_bytes = max_bytes
        self._length = 0  # of all contents so far
        self.inside = False  # of a part's content

    async def until_delimiter(self) -> AsyncGenerator[Buffer, None]:
        """Yield everything up to the next delimiter, and stop behind it.

        A delimiter has one CR, its first byte. So only the last CR of a chunk can begin one that goes on in the next chunk.
        """
        delimiter = self._delimiter
        size = len(delimiter)
        while True:
            data, start = self._data, self._at
            found = data.find(delimiter, start)
            if found >= 0:
                self._at = found + size
                self.inside = False
                if found > start:
                    yield memoryview(data)[start:found]
                return
            end = len(data)
            cr = data.rfind(b"\r", max(start, end - size + 1))
            if cr >= 0 and delimiter.startswith(data[cr:]):
                end = cr
            self._at = end
            if end > start:
                yield data if start == 0 and end == len(data) else memoryview(data)[start:end]
            await self._more("The multipart body ends without a closing delimiter.")

    async def is_part(self) -> bool:
        """Behind a delimiter: whether a part follows. The end of the delimiter's line is left as it begins that part."""
        await self._need(2, "The multipart body ends inside of a delimiter.")
        if self._data.startswith(b"--", self._at):
            return False
        line_end = await self._find(b"\r\n", _MAX_PADDING, "The boundary must be alone on its line.")
        if self._data[self._at : line_end].strip(b" \t"):
            raise InvalidMultipart("The boundary must be alone on its line.")
        self._at = line_end
        return True

    async def headers(self) -> dict[str, str]:
        """The headers of a part; the line break that ends them is left, because it may begin a delimiter."""
        end = await self._find(b"\r\n\r\n", _MAX_HEADER_BYTES, "The headers of a part are too long or have no end.")
        block = self._data[self._at : end].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        self._at = end + 2
        headers: dict[str, str] = {}
        for line in block.decode("latin-1").split("\r\n"):
            name, colon, value = line.partition(":")
            if line and not colon:
                raise InvalidMultipart("A header of a part has no colon.")
            if line:
                headers.setdefault(name.strip().lower(), value.strip())
        return headers

    async def begin_content(self) -> None:
        """Behind the headers of a part: step over the line break before its content, which may have none."""
        if not await self._at_delimiter():
            self._at += 2
        self.inside = True

    async def content(self) -> AsyncGenerator[Buffer, None]:
        """The bytes of the part that are not read yet."""
        async for chunk in self.until_delimiter():
            self._length += len(chunk)
            if self._length > self._max_bytes:
                raise _too_large(self._max_bytes)
            yield chunk

    async def ends_without_parts(self) -> bool:
        """Whether the closing delimiter follows at once."""
        if not await self._at_delimiter():
            return False
        await self._need(len(self._delimiter) + 2, "The multipart body ends inside of a delimiter.")
        return self._data.startswith(b"--", self._at + len(self._delimiter))

    async def skip_epilogue(self) -> None:
        async for _ in self._body:
            pass

    async def _at_delimiter(self) -> bool:
        while not self._data.startswith(self._delimiter, self._at):
            if not self._delimiter.startswith(self._data[self._at :]):
                return False
            await self._more("The multipart body ends without a closing delimiter.")
        return True

    async def _find(self, wanted: bytes, limit: int, problem: str) -> int:
        searched = self._at
        while (found := self._data.find(wanted, searched)) < 0:
            if len(self._data) - self._at > limit:
                raise InvalidMultipart(problem)
            before = len(self._data) - self._at
            await self._more(problem)
            searched = max(self._at, self._at + before - len(wanted) + 1)
        if found - self._at > limit:
            raise InvalidMultipart(problem)
        return found

    async def _need(self, size: int, problem: str) -> None:
        while len(self._data) - self._at < size:
            await self._more(problem)

    async def _more(self, problem: str) -> None:
        """Have more of the body behind what is left."""
        chunk = b""
        while not chunk:
            try:
                chunk = await anext(self._body)
            except StopAsyncIteration:
                raise InvalidMultipart(problem) from None
        self._data = self._data[self._at :] + chunk if self._at < len(self._data) else chunk
        self._at = 0


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands between the parts of a multipart/related body that we write."""

    media_type: str
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        return f'multipart/related; type="{self.media_type}"; boundary={self.boundary}'

    def opening(self, content_type: str, *, first: bool, location: str = "") -> bytes:
        """What goes before the content of a part, whose one header is Content-Type, unless it has a Content-Location."""
        located = f"Content-Location: {location}\r\n" if location else ""
        return f"{'' if first else _NEW_LINE}--{self.boundary}\r\nContent-Type: {content_type}\r\n{located}\r\n".encode()

    @property
    def closing(self) -> bytes:
        """What goes behind the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def length(self, parts: Iterable[tuple[str, int]]) -> int:
        """Bytes of a whole body, from the content type and the length of each part."""
        framed = sum(len(self.opening(kind, first=False)) + size for kind, size in parts)
        return framed + len(self.closing) - len(_NEW_LINE)
