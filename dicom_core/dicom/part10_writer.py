"""Writing DICOM files: file meta information, and data elements in any of the four ways to encode a data set.

Values are copied as bytes, never parsed: what was unusual in the source is just as unusual in the copy.

Standard: PS3.10 7.1; PS3.5 7.1, 7.5 and A
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from struct import pack

from dicom_core.dicom.byte_order import UNIT_OF_VR, swapped
from dicom_core.dicom.elements import Element, Header
from dicom_core.dicom.vr_dictionary import LONG_LENGTH_VRS

__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "UNDEFINED_LENGTH",
    "DataSetEncoding",
    "deflated",
    "file_meta_information",
    "with_elements",
]

IMPLEMENTATION_CLASS_UID = "2.25.272953525042119098824526836829692419744"
IMPLEMENTATION_VERSION_NAME = "DICOM_FUNCTIONS"

UNDEFINED_LENGTH = 0xFFFFFFFF
_MAX_SHORT_LENGTH = 0xFFFE
_LONG_VRS = frozenset(LONG_LENGTH_VRS.values())
_ITEM, _SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_ENCAPSULATED = b"\xfe\xff\x00\xe0"  # an item tag, which compressed pixel data of an icon begins with

_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_META_OF_WRITER = frozenset((0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013))


@dataclass(frozen=True, slots=True)
class DataSetEncoding:
    """How to write data elements; `swap` when their values come from a file of the other byte order."""

    implicit_vr: bool = False
    big_endian: bool = False
    swap: bool = False

    def element(self, element: Element) -> bytes:
        """Write one element. An element too long for its VR becomes UN (PS3.5 6.2.2)."""
        if isinstance(element.value, list):
            value = b"".join(self._item(item) for item in element.value)
            return self.header(element.tag, "SQ", len(value)) + value
        value = bytes(element.value)
        if element.vr in ("OB", "OW") and value.startswith(_ENCAPSULATED):
            return self.header(element.tag, "OB", UNDEFINED_LENGTH) + value + self.sequence_delimiter()
        unit = UNIT_OF_VR.get(element.vr) if self.swap else None
        return self.header(element.tag, element.vr, len(value)) + (swapped(value, unit) if unit else value)

    def elements(self, elements: Iterable[Element]) -> bytes:
        """Write elements in their order, without group lengths, which are retired (PS3.5 7.2)."""
        return b"".join([self.element(element) for element in elements if element.tag & 0xFFFF])

    def header(self, tag: int, vr: str, length: int) -> bytes:
        """Write tag, VR and length."""
        order = ">" if self.big_endian else "<"
        group, number = tag >> 16, tag & 0xFFFF
        if self.implicit_vr or group == 0xFFFE:
            return pack(f"{order}HHL", group, number, length)
        if vr not in _LONG_VRS and length <= _MAX_SHORT_LENGTH:
            return pack(f"{order}HH2sH", group, number, vr.encode(), length)
        return pack(f"{order}HH2sxxL", group, number, (vr if vr in _LONG_VRS else "UN").encode(), length)

    def fragment(self, value: bytes) -> bytes:
        """Write one item of encapsulated Pixel Data, padded to an even length."""
        return self.header(_ITEM, "", len(value) + len(value) % 2) + value + b"\0" * (len(value) % 2)

    def sequence_delimiter(self) -> bytes:
        """Write what ends a sequence, or Pixel Data, of undefined length."""
        return self.header(_SEQUENCE_DELIMITER, "", 0)

    def _item(self, elements: list[Element]) -> bytes:
        value = self.elements(elements)
        return self.header(_ITEM, "", len(value)) + value


def with_elements(elements: Iterable[Element], changes: Mapping[int, Element | None]) -> list[Element]:
    """Replace, add or (with None) remove elements of a data set, and order it by tag."""
    kept = [element for element in elements if element.tag not in changes]
    return sorted([*kept, *(element for element in changes.values() if element is not None)], key=lambda element: element.tag)


def file_meta_information(header: Header, transfer_syntax_uid: str) -> bytes:
    """Write preamble and file meta information of a copy: the source's, but a new transfer syntax and ourselves as writer."""
    meta = header.file_meta
    class_uid = meta.media_storage_sop_class_uid or _uid(header, _SOP_CLASS_UID)
    instance_uid = meta.media_storage_sop_instance_uid or _uid(header, _SOP_INSTANCE_UID)
    ours = [
        Element(0x00020001, "OB", b"\0\1"),
        Element(0x00020002, "UI", _padded(class_uid, "\0")),
        Element(0x00020003, "UI", _padded(instance_uid, "\0")),
        Element(0x00020010, "UI", _padded(transfer_syntax_uid, "\0")),
        Element(0x00020012, "UI", _padded(IMPLEMENTATION_CLASS_UID, "\0")),
        Element(0x00020013, "SH", _padded(IMPLEMENTATION_VERSION_NAME, " ")),
    ]
    encoding = DataSetEncoding()
    group = encoding.elements([*ours, *(element for element in meta.elements if element.tag not in _META_OF_WRITER)])
    return bytes(128) + b"DICM" + encoding.element(Element(0x00020000, "UL", pack("<L", len(group)))) + group


def deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress a data set while it is written, padded to an even length (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for chunk in chunks:
        compressed = compressor.compress(chunk)
        length += len(compressed)
        if compressed:
            yield compressed
    rest = compressor.flush()
    yield rest + b"\0" * ((length + len(rest)) % 2)


def _uid(header: Header, tag: int) -> str:
    value = header.find(tag)
    return "" if value is None else str(value, "ascii", "replace").rstrip("\0 ")


def _padded(text: str, padding: str) -> bytes:
    return (text + padding * (len(text) % 2)).encode("ascii", "replace")
