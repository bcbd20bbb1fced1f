"""Reading the beginning of compressed frames: the size that a decoder would believe, before it allocates anything.

Standard: ITU-T T.81 B.2 (JPEG), T.87 C.2 (JPEG-LS), T.800 A.5.1 (JPEG 2000), ISO/IEC 18181-1 (JPEG XL)
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import error, unpack_from

from dicom_core.dicom.pixel_module import PixelModule

__all__ = [
    "Codestream",
    "UnfitCodestream",
    "check_codestream",
    "jpeg_2000_codestream",
    "jpeg_codestream",
    "jpeg_xl_codestream",
    "without_jp2_boxes",
]

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = b"\xff\xd9"
_ADOBE, _JFIF = 0xEE, 0xE0
_ADOBE_LENGTH = 14  # shorter ones lack the transform
_FRAME_HEADERS = frozenset((0xC0, 0xC1, 0xC2, 0xC3, 0xF7))  # sequential, extended, progressive, lossless, JPEG-LS
_LOSSLESS_HEADERS = frozenset((0xC3, 0xF7))
_NO_LENGTH = frozenset((0x01, 0xD8, *range(0xD0, 0xD8)))

_SIZ_OF_CODESTREAM = b"\xff\x4f\xff\x51"
_XL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_XL_SIZE_BITS = (9, 13, 18, 30)

_MAX_TILES = 4096  # openjpeg takes about 6 kB for each before it looks at any data


class UnfitCodestream(Exception):
    """A frame does not begin with a codestream of its kind, or with one that the attributes do not describe."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """What the header of a codestream says about its samples.

    `ycbcr` tells whether the stream itself says that its three components are luminance and chrominance: None when silent.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    lossless: bool = True
    ycbcr: bool | None = None
    tiles: int = 1


def check_codestream(codestream: Codestream, pixels: PixelModule) -> None:
    """Refuse a codestream that a decoder would need more room for than the attributes promise.

    Raises:
        UnfitCodestream: it has another size, more bits, or an absurd number of tiles.
    """
    size = (codestream.rows, codestream.columns, codestream.samples or pixels.samples_per_pixel)
    if size != (pixels.rows, pixels.columns, pixels.samples_per_pixel):
        raise UnfitCodestream("the size of the codestream is not that of the attributes")
    if codestream.precision > 8 * pixels.sample_bytes or codestream.tiles > _MAX_TILES:
        raise UnfitCodestream("the codestream has too many bits or tiles")


def jpeg_codestream(frame: bytes) -> Codestream:
    """Read the marker segments of JPEG and JPEG-LS up to the first scan.

    The Adobe marker's transform decides on colour, then the letters R, G, B as component identifiers, then JFIF.
    """
    adobe: bool | None = None
    jfif: bool | None = None
    header: tuple[int, int, int, int, int] | None = None
    components = b""
    position = 0
    try:
        while True:
            if frame[position] != 0xFF:
                raise UnfitCodestream("a JPEG marker is missing")
            marker = frame[position + 1]
            if marker == 0xFF or marker in _NO_LENGTH:
                position += 1 if marker == 0xFF else 2
                continue
            if marker == _START_OF_SCAN:
                break  # a scan cannot hold the marker that ends the image
            (length,) = unpack_from(">H", frame, position + 2)
            if marker in _FRAME_HEADERS:
                header = (marker, *unpack_from(">BHHB", frame, position + 4))
                components = frame[position + 10 : position + 2 + length : 3]
            elif marker == _ADOBE and length >= _ADOBE_LENGTH and frame[position + 4 : position + 9] == b"Adobe":
                adobe = frame[position + 15] != 0
            elif marker == _JFIF and frame[position + 4 : position + 8] == b"JFIF":
                jfif = True
            position += 2 + length
    except (IndexError, error):
        raise UnfitCodestream("a JPEG stream ends before its first scan") from None
    if header is None:
        raise UnfitCodestream("a JPEG stream has no frame header")
    if frame.find(_END_OF_IMAGE, position) < 0:
        raise UnfitCodestream("a JPEG stream is cut short")  # libjpeg-turbo would make up the rest
    marker, precision, rows, columns, samples = header
    letters = False if components in (b"RGB", b"rgb") else None
    ycbcr = next((told for told in (adobe, letters, jfif) if told is not None), None)
    return Codestream(rows, columns, samples, precision, lossless=marker in _LOSSLESS_HEADERS, ycbcr=ycbcr)


def without_jp2_boxes(frame: bytes) -> bytes:
    """Give the bare codestream of a JPEG 2000 frame that some encoder has wrapped in JP2 boxes."""
    if frame.startswith(_SIZ_OF_CODESTREAM):
        return frame
    start = frame.find(_SIZ_OF_CODESTREAM, 0, 65536)
    return frame if start < 0 else frame[start:]


def jpeg_2000_codestream(frame: bytes) -> Codestream:
    """Read the SIZ marker segment; component samples are those of the first component."""
    if not frame.startswith(_SIZ_OF_CODESTREAM):
        raise UnfitCodestream("a JPEG 2000 stream does not begin with its size")
    try:
        right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, samples = unpack_from(">8LH", frame, 8)
        depth = frame[42]
    except (IndexError, error):
        raise UnfitCodestream("a JPEG 2000 stream ends in its header") from None
    if tile_width == 0 or tile_height == 0:
        raise UnfitCodestream("a JPEG 2000 stream has empty tiles")
    tiles = -(-max(0, right - tile_left) // tile_width) * -(-max(0, bottom - tile_top) // tile_height)
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1, signed=depth > 0x7F, tiles=tiles)


def jpeg_xl_codestream(frame: bytes) -> Codestream:
    """Read the size of a JPEG XL stream, bare or in a container; samples and precision stay unknown and are zero."""
    start = 0 if frame.startswith(b"\xff\x0a") else frame.find(b"\xff\x0a", 0, 65536)
    if start < 0:
        raise UnfitCodestream("a JPEG XL stream does not begin with its signature")
    bits = _Bits(frame[start + 2 : start + 14])
    small = bits.take(1)
    rows = bits.size(small=bool(small))
    ratio = bits.take(3)
    if ratio == 0:
        return Codestream(rows, bits.size(small=bool(small)), 0, 0)
    across, down = _XL_RATIOS[ratio - 1]
    return Codestream(rows, rows * across // down, 0, 0)


class _Bits:
    """Bits of a JPEG XL header, the least significant first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        return value

    def size(self, *, small: bool) -> int:
        return (self.take(5) + 1) * 8 if small else self.take(_XL_SIZE_BITS[self.take(2)]) + 1
