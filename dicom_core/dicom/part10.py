"""Reading DICOM files: preamble, file meta information, and the data set around Pixel Data.

Standard: PS3.10 7, PS3.5 7, A
"""

from __future__ import annotations

import re
import struct

from dicom_core.dicom.data_set import DataSetWalker, element_header
from dicom_core.dicom.deflated import DeflatedScanner, Inflated
from dicom_core.dicom.elements import Element, FileMeta, Fragments, Header, NeedMoreBytes, NotDicom, PixelDataElement
from dicom_core.dicom.json_model import EXCLUDED_VRS
from dicom_core.dicom.pixel_data_scanner import TrailerScanner

__all__ = [
    "DATA_SET_PREFIX",
    "MAX_HEADER_BYTES",
    "Element",
    "FileMeta",
    "Fragments",
    "Header",
    "NeedMoreBytes",
    "NotDicom",
    "PixelDataElement",
    "Scanner",
    "TrailerScanner",
    "read_header",
    "trailer_scanner",
]

Scanner = TrailerScanner | DeflatedScanner

DATA_SET_PREFIX = 132  # bytes of preamble and prefix, before the file meta information
MAX_HEADER_BYTES = 64 * 1024 * 1024  # of everything before Pixel Data but bulk data; of all of it in a deflated file

_SYNTAX = re.compile(r"[0-9.]{1,64}", re.ASCII)  # headers of answers name it, so it must not be just anything
_IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
_EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"


def read_header(data: bytes | memoryview, *, complete: bool) -> Header:
    """Parse a DICOM file, or its beginning, once; long element values are views of `data`.

    With `complete`, `data` is the whole file: elements after Pixel Data are read and the fragments located. Otherwise
    reading ends at the value of Pixel Data, and a `trailer_scanner` takes over.

    Raises:
        NeedMoreBytes: not `complete`, and the header is not all there. A file without Pixel Data always needs to be
            complete.
        NotDicom: no DICOM file, damaged or cut short, or a header over MAX_HEADER_BYTES.
    """
    view = memoryview(data)
    try:
        meta, offset = _read_file_meta(view)
        if meta.transfer_syntax_uid == _DEFLATED:
            return _read_deflated(view, meta, offset, complete=complete)
        walker = _walk(view, offset, meta, complete=complete)
    except NeedMoreBytes:
        if complete:
            raise NotDicom("the file is cut short") from None
        raise
    header = _header(walker, meta, offset)
    if walker.position > MAX_HEADER_BYTES and _described_bytes(header.elements) > MAX_HEADER_BYTES:
        raise NotDicom("the header is too large")
    if complete:
        _read_trailer(header, view)
    return header


def trailer_scanner(header: Header) -> Scanner | None:
    """What finds the fragments of a file and the elements after its Pixel Data, if it has any.

    None also for a deflated file whose Pixel Data is too long to be inflated just for that.
    """
    pixel_data = header.pixel_data
    if pixel_data is None or (header.deflated and (pixel_data.length or 0) > MAX_HEADER_BYTES):
        return None
    return DeflatedScanner(header, 2 * MAX_HEADER_BYTES) if header.deflated else TrailerScanner(header)


def _read_trailer(header: Header, view: memoryview) -> None:
    scanner = trailer_scanner(header)
    if scanner is not None:
        scanner.feed(view[scanner.start :])
        header.elements += scanner.finish()
        header.fragments = scanner.fragments


def _read_file_meta(view: memoryview) -> tuple[FileMeta, int]:
    """Read the file meta information, whose end is told by the first element of another group than 0002.

    Its group length is ignored, being absent or wrong in some files.
    """
    if len(view) < DATA_SET_PREFIX:
        raise NeedMoreBytes(DATA_SET_PREFIX)
    if bytes(view[128:DATA_SET_PREFIX]) != b"DICM":
        raise NotDicom("the DICM prefix is missing")
    position, elements = DATA_SET_PREFIX, []
    while position < len(view) and view[position] == 2 and not any(view[position + 1 : position + 2]):
        try:
            tag, vr, length, start = element_header(view, position, implicit=False, little_endian=True)
        except struct.error:
            raise NeedMoreBytes(position + 12) from None
        position = start + length
        if position > len(view):
            raise NeedMoreBytes(position)
        elements.append(Element(tag, vr, view[start:position]))
    meta = FileMeta(
        transfer_syntax_uid=_uid(elements, 0x00020010),
        media_storage_sop_class_uid=_uid(elements, 0x00020002),
        media_storage_sop_instance_uid=_uid(elements, 0x00020003),
        elements=elements,
    )
    if _SYNTAX.fullmatch(meta.transfer_syntax_uid) is not None:
        return meta, position
    if position >= len(view):
        raise NeedMoreBytes(position + 8)
    raise NotDicom("the transfer syntax UID is missing or none")


def _uid(elements: list[Element], tag: int) -> str:
    value = next((element.value for element in elements if element.tag == tag), b"")
    assert not isinstance(value, list)
    return str(value, "ascii", "replace").rstrip("\0 ")


def _walk(view: memoryview, offset: int, meta: FileMeta, *, complete: bool) -> DataSetWalker:
    """Walk the data set at `offset`; syntaxes without rules of their own are explicit VR little endian (PS3.5 A.4)."""
    walker = DataSetWalker(
        view,
        offset,
        implicit=meta.transfer_syntax_uid == _IMPLICIT_LITTLE_ENDIAN,
        little_endian=meta.transfer_syntax_uid != _EXPLICIT_BIG_ENDIAN,
        complete=complete,
    )
    walker.walk()
    return walker


def _read_deflated(view: memoryview, meta: FileMeta, offset: int, *, complete: bool) -> Header:
    """Inflate only as much as the header needs, and the Pixel Data of a complete file piece by piece.

    Standard: PS3.5 A.5
    """
    inflated = Inflated(view[offset:], complete=complete)
    wanted = 256 * 1024
    while True:
        plain = inflated.at_least(min(wanted, MAX_HEADER_BYTES))
        try:
            walker = _walk(memoryview(plain), 0, meta, complete=inflated.finished)
            break
        except NeedMoreBytes as need:
            if len(plain) >= MAX_HEADER_BYTES or need.at_least > MAX_HEADER_BYTES:
                raise NotDicom("the header is too large") from None
            if inflated.exhausted:
                raise NeedMoreBytes(2 * len(view)) from None
            wanted = max(need.at_least, 4 * len(plain))  # everything is read again
    header = _header(walker, meta, offset)
    if complete:
        _read_trailer(header, view)
    return header


def _header(walker: DataSetWalker, meta: FileMeta, offset: int) -> Header:
    syntax = meta.transfer_syntax_uid
    return Header(
        transfer_syntax_uid=syntax,
        implicit_vr=walker.implicit,
        little_endian=syntax != _EXPLICIT_BIG_ENDIAN,
        deflated=syntax == _DEFLATED,
        data_set_offset=offset,
        elements=walker.elements,
        pixel_data=walker.pixel_data,
        file_meta=meta,
    )


def _described_bytes(elements: list[Element]) -> int:
    """Length of the values that metadata shows, so not of bulk data such as an encapsulated document."""
    return sum(
        sum(map(_described_bytes, element.value)) if isinstance(element.value, list) else len(element.value)
        for element in elements
        if element.vr not in EXCLUDED_VRS
    )
