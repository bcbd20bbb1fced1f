"""Stored files in another transfer syntax: frame by frame, as a stream.

UIDs never change. What is not pixel data is copied value by value; the pixel attributes follow the new encoding. Everything here is
synchronous computing for a worker thread; memory is that of the header and of one frame.

Standard: PS3.5 8.2 and Annex A; PS3.3 C.7.6.1.1.5 for the traces of lossy compression
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from struct import pack

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.byte_order import swapped
from dicom_core.dicom.codecs import (
    MAX_FRAME_BYTES,
    CodecError,
    can_decode,
    can_encode,
    decode,
    decoded_pixels,
    encode,
    encoded_pixels,
)
from dicom_core.dicom.elements import Element, Header
from dicom_core.dicom.frames import FrameLayout
from dicom_core.dicom.part10_writer import UNDEFINED_LENGTH, DataSetEncoding, deflated, file_meta_information, with_elements
from dicom_core.dicom.pixel_module import PIXEL_DATA, PixelModule, pixel_module
from dicom_core.dicom.transfer_syntaxes import transfer_syntax

__all__ = ["JoinedBits", "Reader", "can_transcode", "swapped_unit", "transcode", "transcode_frame"]

Reader = Callable[[int, int], bytes]
"""Reads (offset, length) of the stored file; of a deflated one, of its inflated data set. Asked in ascending order."""

_CHUNK_BYTES = 1024 * 1024  # a multiple of every sample size
_MAX_NATIVE_BYTES = 0xFFFFFFFE

_PHOTOMETRIC_INTERPRETATION, _PLANAR_CONFIGURATION = 0x00280004, 0x00280006
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)
_LOSSY_COMPRESSION, _LOSSY_RATIO, _LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114


def can_transcode(source_uid: str, target_uid: str, *, has_pixel_data: bool = True) -> bool:
    """Tell from the transfer syntaxes alone whether files of one can be had in the other.

    It may still fail: on damaged data, or on samples that the target's encoder does not take.
    """
    source, target = transfer_syntax(source_uid), transfer_syntax(target_uid)
    if source_uid == target_uid:
        return True
    if not source.known or not target.known:
        return False
    if not has_pixel_data or not (source.encapsulated or target.encapsulated):
        return True
    return can_decode(source_uid) and can_encode(target_uid)


def transcode_frame(frame: bytes, source_uid: str, target_uid: str, pixels: PixelModule, *, limit: int = MAX_FRAME_BYTES) -> bytes:
    """Bring one frame, as cut from the stored file, into another transfer syntax, without padding.

    An uncompressed frame in another uncompressed syntax keeps its arrangement, and only changes its byte order.

    Raises:
        CodecError: it cannot be decoded, or not be encoded in the target.
    """
    source, target = transfer_syntax(source_uid), transfer_syntax(target_uid)
    if source_uid == target_uid:
        return frame
    if not source.encapsulated and not target.encapsulated:
        unit = pixels.sample_bytes if source.big_endian != target.big_endian else 1
        return swapped(frame, unit) if unit > 1 else frame
    if not can_transcode(source_uid, target_uid):
        raise CodecError(f"Transfer syntax {source_uid} cannot be changed to {target_uid}.")
    samples = decode(frame, source_uid, pixels, limit=limit)
    return encode(samples, target_uid, decoded_pixels(source_uid, pixels))


def transcode(
    header: Header, layout: FrameLayout | None, read: Reader, target_uid: str, *, limit: int = MAX_FRAME_BYTES
) -> Iterator[bytes]:
    """Write a stored file in another transfer syntax.

    Nothing is yielded before the first frame was converted, so that most failures come before the first byte. Elements
    after Pixel Data are copied when the header has them.

    Raises:
        CodecError: a frame cannot be converted. `limit` is that of one frame's samples.
    """
    source_uid = header.transfer_syntax_uid
    if not can_transcode(source_uid, target_uid, has_pixel_data=header.pixel_data is not None):
        raise CodecError(f"Transfer syntax {source_uid} cannot be changed to {target_uid}.")
    target = transfer_syntax(target_uid)
    encoding = DataSetEncoding(target.implicit_vr, target.big_endian, swap=header.little_endian == target.big_endian)
    if header.pixel_data is None:
        body: Iterable[bytes] = [encoding.elements(header.elements)]
    elif not transfer_syntax(source_uid).encapsulated and not target.encapsulated:
        body = _with_copied_pixels(header, read, encoding)
    else:
        body = _Conversion(header, layout, read, target_uid, encoding, limit).body()
    chunks = iter(deflated(body) if target.deflated else body)
    first = next(chunks, b"")
    yield file_meta_information(header, target_uid) + first
    yield from chunks


def _with_copied_pixels(header: Header, read: Reader, encoding: DataSetEncoding) -> Iterator[bytes]:
    """Write a data set whose pixel data stays uncompressed: a copy, in the byte order wanted."""
    assert header.pixel_data is not None
    where = header.pixel_data
    if where.length is None:
        raise CodecError("The pixel data is compressed, against its transfer syntax.")
    before, after = _around_pixel_data(header)
    unit = swapped_unit(header) if encoding.swap else 1
    yield encoding.elements(before) + encoding.header(where.tag, where.vr, where.length + where.length % 2)
    for start in range(0, where.length, _CHUNK_BYTES):
        chunk = read(where.offset + start, min(_CHUNK_BYTES, where.length - start))
        yield swapped(chunk, unit) if unit > 1 else chunk
    yield b"\0" * (where.length % 2) + encoding.elements(after)


def swapped_unit(header: Header) -> int:
    """Tell how many bytes swap in pixel data: those of a sample, or of the words that hold smaller ones."""
    assert header.pixel_data is not None
    pixels = pixel_module(header)
    sample = pixels.sample_bytes if pixels is not None and pixels.bits_allocated in (16, 32, 64) else 1
    return max(sample, 2) if header.pixel_data.vr == "OW" else sample


def _around_pixel_data(header: Header) -> tuple[list[Element], list[Element]]:
    assert header.pixel_data is not None
    tag = header.pixel_data.tag
    elements = with_elements(header.elements, dict.fromkeys(_OFFSET_TABLES))
    return [each for each in elements if each.tag < tag], [each for each in elements if each.tag > tag]


@dataclass(frozen=True, slots=True)
class _Conversion:
    """A file whose pixel data is decoded, encoded, or both."""

    header: Header
    layout: FrameLayout | None
    read: Reader
    target_uid: str
    encoding: DataSetEncoding
    limit: int

    def body(self) -> Iterator[bytes]:
        """Write the data set."""
        pixels = pixel_module(self.header)
        if pixels is None or self.layout is None or self.layout.number_of_frames < 1:
            raise CodecError("The pixel data has no frames.")
        if pixels.number_of_frames > self.layout.number_of_frames:
            raise CodecError("The pixel data has fewer frames than it states.")
        decoded = decoded_pixels(self.header.transfer_syntax_uid, pixels)
        if not can_encode(self.target_uid, decoded):
            raise CodecError(f"The pixel data cannot be encoded in transfer syntax {self.target_uid}.")
        frames = self._frames(pixels)
        first = next(frames)
        before, after = _around_pixel_data(self.header)
        before = with_elements(before, self._changes(decoded, len(first)))
        write = self._encapsulated if transfer_syntax(self.target_uid).encapsulated else self._native
        yield from write(self.encoding.elements(before), chain((first,), frames), decoded)
        yield self.encoding.elements(after)

    def _frames(self, pixels: PixelModule) -> Iterator[bytes]:
        assert self.layout is not None
        for frame in range(1, pixels.number_of_frames + 1):
            (ranges,) = self.layout.frame_ranges((frame,))
            stored = self.layout.cut(frame, b"".join([self.read(*where) for where in ranges]))
            yield transcode_frame(stored, self.header.transfer_syntax_uid, self.target_uid, pixels, limit=self.limit)

    def _native(self, data_set: bytes, frames: Iterable[bytes], decoded: PixelModule) -> Iterator[bytes]:
        length = (decoded.frame_bits * decoded.number_of_frames + 7) // 8
        if length > _MAX_NATIVE_BYTES:
            raise CodecError("The pixel data is too large to be uncompressed.")
        vr = "OW" if decoded.bits_allocated > 8 else "OB"
        head = data_set + self.encoding.header(PIXEL_DATA, vr, length + length % 2)
        for frame in frames if decoded.frame_bits % 8 == 0 else _joined_bits(frames, decoded.frame_bits):
            yield head + frame
            head = b""
        yield b"\0" * (length % 2)

    def _encapsulated(self, data_set: bytes, frames: Iterable[bytes], _: PixelModule) -> Iterator[bytes]:
        """Write one fragment for each frame, behind an empty offset table: their lengths are not known yet."""
        head = data_set + self.encoding.header(PIXEL_DATA, "OB", UNDEFINED_LENGTH) + self.encoding.fragment(b"")
        for frame in frames:
            yield head + self.encoding.fragment(frame)
            head = b""
        yield self.encoding.sequence_delimiter()

    def _changes(self, decoded: PixelModule, first_frame_bytes: int) -> dict[int, Element | None]:
        """Tell which attributes the new encoding changes, in the byte order of the source as all others."""
        encoded = encoded_pixels(self.target_uid, decoded)
        colour = encoded.photometric_interpretation
        changes: dict[int, Element | None] = {_PHOTOMETRIC_INTERPRETATION: _text(_PHOTOMETRIC_INTERPRETATION, colour)}
        if encoded.samples_per_pixel > 1:
            changes[_PLANAR_CONFIGURATION] = Element(_PLANAR_CONFIGURATION, "US", pack("H", 0))
        if transfer_syntax(self.target_uid).encoder == "jpeg_baseline":
            attributes = Attributes.of(self.header)
            ratio = f"{decoded.frame_bytes / first_frame_bytes:.2f}"
            changes[_LOSSY_COMPRESSION] = _text(_LOSSY_COMPRESSION, "01")
            changes[_LOSSY_RATIO] = _text(_LOSSY_RATIO, _appended(attributes, _LOSSY_RATIO, ratio), "DS")
            changes[_LOSSY_METHOD] = _text(_LOSSY_METHOD, _appended(attributes, _LOSSY_METHOD, "ISO_10918_1"))
        return changes


def _appended(attributes: Attributes, tag: int, value: str) -> str:
    present = bytes(attributes.value(tag)).decode("ascii", "replace").strip()
    return f"{present}\\{value}" if present else value


def _text(tag: int, value: str, vr: str = "CS") -> Element:
    return Element(tag, vr, (value + " " * (len(value) % 2)).encode("ascii", "replace"))


class JoinedBits:
    """Puts frames of single bits behind each other, where they do not fill their last byte."""

    def __init__(self, frame_bits: int) -> None:
        self._frame_bits = frame_bits
        self._pending = 0
        self._pending_bits = 0

    def add(self, frame: bytes | memoryview) -> bytes:
        """Take a frame, and give the bytes that are full now."""
        pending = self._pending | int.from_bytes(frame, "little") << self._pending_bits
        whole, self._pending_bits = divmod(self._pending_bits + self._frame_bits, 8)
        self._pending = pending >> 8 * whole
        return (pending & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")

    def rest(self) -> bytes:
        """Give the last byte, if it is not full."""
        return self._pending.to_bytes(1, "little") if self._pending_bits else b""


def _joined_bits(frames: Iterable[bytes], frame_bits: int) -> Iterator[bytes]:
    bits = JoinedBits(frame_bits)
    for frame in frames:
        yield bits.add(frame)
    yield bits.rest()
