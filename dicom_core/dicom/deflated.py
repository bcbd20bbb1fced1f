"""The deflated data set of a file, inflated no further than asked.

Standard: PS3.5 A.5 (RFC 1951 without zlib header)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from dicom_core.dicom.elements import Element, Fragments, Header, NotDicom
from dicom_core.dicom.pixel_data_scanner import TrailerScanner

__all__ = ["DeflatedScanner", "Inflated"]

_PIECE = 256 * 1024


class Inflated:
    """An inflating reader over the bytes of a deflated data set, which need not be all there unless `complete`."""

    def __init__(self, deflated: memoryview, *, complete: bool) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflated = deflated
        self._position = 0
        self._complete = complete
        self._plain = bytearray()
        self.exhausted = False

    @property
    def finished(self) -> bool:
        """Whether the end of the data set has been reached."""
        return self._inflater.eof

    def at_least(self, length: int) -> bytes:
        """The beginning of the data set: `length` bytes or more, fewer only when no more can be had."""
        while len(self._plain) < length and (piece := self._next()):
            self._plain += piece
        return bytes(self._plain)

    def pieces(self, limit: int) -> Iterator[bytes]:
        """Inflate what follows, which is not kept, up to about `limit` bytes."""
        while limit > 0 and (piece := self._next()):
            limit -= len(piece)
            yield piece

    def _next(self) -> bytes:
        if self.exhausted or self.finished:
            return b""
        piece = b""
        while not piece and not self.finished:
            given = self._inflater.unconsumed_tail or self._deflated[self._position : self._position + _PIECE]
            if not given:
                return self._end_of_input()
            if not self._inflater.unconsumed_tail:
                self._position += len(given)
            try:
                piece = self._inflater.decompress(given, _PIECE)
            except zlib.error:
                raise NotDicom("the deflated data set is damaged") from None
        return piece

    def _end_of_input(self) -> bytes:
        if self._complete:
            raise NotDicom("the deflated data set is cut short")
        self.exhausted = True
        return b""


class DeflatedScanner:
    """Takes a deflated file from its data set on, in chunks of any size, to find what `TrailerScanner` finds.

    Of what begins with Pixel Data, about `limit` bytes are inflated; the rest is ignored.
    """

    def __init__(self, header: Header, limit: int) -> None:
        assert header.pixel_data is not None
        self.start = header.data_set_offset
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._skip = header.pixel_data.offset
        self._left = self._skip + limit
        self._scanner = TrailerScanner(header)

    @property
    def fragments(self) -> Fragments | None:
        return self._scanner.fragments

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file.

        Raises:
            NotDicom: the data set is damaged.
        """
        while self._left > 0 and not self._inflater.eof:
            try:
                piece = self._inflater.decompress(chunk, _PIECE)
            except zlib.error:
                raise NotDicom("the deflated data set is damaged") from None
            if not piece:
                return
            chunk = self._inflater.unconsumed_tail
            self._left -= len(piece)
            self._scanner.feed(memoryview(piece)[self._skip :])
            self._skip = max(0, self._skip - len(piece))

    def finish(self) -> list[Element]:
        """Return the elements after Pixel Data, once everything was fed.

        Raises:
            NotDicom: the data set is cut short.
        """
        if self._left > 0 and not self._inflater.eof:
            raise NotDicom("the deflated data set is cut short")
        return self._scanner.finish()
