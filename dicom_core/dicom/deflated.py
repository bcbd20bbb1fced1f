"""The deflated data set of a file, inflated no further than asked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from dicom_core.dicom.elements import NotDicom

__all__ = ["Inflated"]

_PIECE = 256 * 1024


class Inflated:
    """An inflating reader over the bytes of a deflated data set, which need not be all there unless `complete`.

    Standard: PS3.5 A.5 (RFC 1951 without zlib header)
    """

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
