"""Passing over Pixel Data while it streams by, to find its fragments and the elements after it."""

from __future__ import annotations

from struct import Struct

from dicom_core.dicom.data_set import ITEM, SEQUENCE_DELIMITER, DataSetWalker
from dicom_core.dicom.elements import Element, Fragments, Header, NotDicom

__all__ = ["MAX_FRAGMENTS", "MAX_OFFSET_TABLE_BYTES", "MAX_TRAILER_BYTES", "TrailerScanner"]

MAX_TRAILER_BYTES = 1024 * 1024  # of elements after Pixel Data; what lies beyond is ignored
MAX_OFFSET_TABLE_BYTES = 16 * 1024 * 1024  # of the Basic Offset Table; a longer one is taken as empty
MAX_FRAGMENTS = 1 << 22

_item_header = Struct("<HHL").unpack


class TrailerScanner:
    """Takes a file from `start` on, where the value of Pixel Data begins, in chunks of any size.

    For a deflated file, the chunks are those of the inflated data set.

    Standard: PS3.5 A.4
    """

    def __init__(self, header: Header) -> None:
        assert header.pixel_data is not None
        self._header = header
        self.start = self._position = header.pixel_data.offset
        self._skip = header.pixel_data.length or 0
        self._in_items = header.pixel_data.length is None
        self._items = 0
        self._pending = bytearray()  # an item header that a chunk boundary cuts
        self._table: bytearray | None = None  # the offset table while it passes
        self._unsampled = 0  # of the first bytes of the present fragment
        self._trailer = bytearray()
        self._trailer_offset = 0
        self._trailer_overflows = False
        self.fragments = Fragments() if self._in_items else None

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file.

        Raises:
            NotDicom: something else than fragments where fragments must be.
        """
        view = memoryview(chunk)
        position, end = 0, len(view)
        while position < end:
            if self._skip:
                step = min(self._skip, end - position)
                if self._table is not None:
                    self._keep_table(view[position : position + step])
                elif self._unsampled:
                    self._keep_first_bytes(view[position : position + step])
                self._skip -= step
            elif self._in_items:
                step = min(8 - len(self._pending), end - position)
                self._pending += view[position : position + step]
            else:
                self._keep_trailer(view[position:])
                self._position += end - position
                return
            position += step
            self._position += step
            if len(self._pending) == 8:
                self._take_item()

    def finish(self) -> list[Element]:
        """Return the elements after Pixel Data, once everything was fed.

        A missing sequence delimiter after the last whole fragment is forgiven, as pydicom does.

        Raises:
            NotDicom: Pixel Data or what follows is cut short.
        """
        if self._skip or self._pending:
            raise NotDicom("Pixel Data is cut short")
        walker = DataSetWalker(
            memoryview(bytes(self._trailer)),
            0,
            implicit=self._header.implicit_vr,
            little_endian=self._header.little_endian,
            complete=True,
            base=self._trailer_offset,
        )
        try:
            walker.walk()
        except NotDicom:
            if not self._trailer_overflows:
                raise
            # what was cut in the middle is a sequence, or was never added
            return [element for element in walker.elements if not isinstance(element.value, list)]
        if walker.pixel_data is not None:
            raise NotDicom("Pixel Data is there twice")
        return walker.elements

    def _take_item(self) -> None:
        group, number, length = _item_header(self._pending)
        self._pending.clear()
        tag = group << 16 | number
        if tag == SEQUENCE_DELIMITER:
            self._in_items = False
        elif tag != ITEM or length == 0xFFFFFFFF or self._items > MAX_FRAGMENTS:
            raise NotDicom("Pixel Data holds something else than fragments")
        else:
            self._skip = length
            self._enter_item(length)
            self._items += 1

    def _enter_item(self, length: int) -> None:
        assert self.fragments is not None
        if self._items == 0:
            self._table = bytearray() if 0 < length <= MAX_OFFSET_TABLE_BYTES else None
            return
        self.fragments.offsets.append(self._position)
        self.fragments.lengths.append(length)
        self.fragments.first_bytes += b"\0\0"
        self._unsampled = 2

    def _keep_table(self, piece: memoryview) -> None:
        assert self._table is not None
        assert self.fragments is not None
        self._table += piece
        if len(piece) == self._skip:
            self.fragments.offset_table = bytes(self._table)
            self._table = None

    def _keep_first_bytes(self, piece: memoryview) -> None:
        assert self.fragments is not None
        kept, taken = self.fragments.first_bytes, piece[: self._unsampled]
        start = len(kept) - self._unsampled
        kept[start : start + len(taken)] = taken
        self._unsampled -= len(taken)

    def _keep_trailer(self, rest: memoryview) -> None:
        if not self._trailer:
            self._trailer_offset = self._position
        room = MAX_TRAILER_BYTES - len(self._trailer)
        self._trailer += rest[:room]
        self._trailer_overflows = self._trailer_overflows or len(rest) > room
