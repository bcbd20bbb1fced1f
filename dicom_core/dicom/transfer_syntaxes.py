"""Every transfer syntax that the service knows something about: how its bytes lie, and which codec reads or writes it.

One row per syntax. A syntax that is not here is treated as an encapsulated one that nobody can decode: its files are stored, and
handed out as they are.

Standard: PS3.5 section 10 and Annex A; PS3.18 8.7.3.5 for the media types of single frames.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN",
    "EXPLICIT_VR_BIG_ENDIAN",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "JPEG_2000_LOSSLESS",
    "MEDIA_TYPE_DEFAULTS",
    "OCTET_STREAM",
    "TRANSFER_SYNTAXES",
    "TransferSyntax",
    "syntaxes_of_media_type",
    "transfer_syntax",
]

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"

OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How one transfer syntax lays out data set and pixels; `decoder` and `encoder` name functions of `codecs`."""

    uid: str
    name: str
    media_type: str = OCTET_STREAM
    encapsulated: bool = True
    decoder: str = ""
    encoder: str = ""
    lossy: bool = False

    @property
    def implicit_vr(self) -> bool:
        """Tell whether data elements come without their VR."""
        return self.uid == IMPLICIT_VR_LITTLE_ENDIAN

    @property
    def big_endian(self) -> bool:
        """Tell whether numbers begin with their most significant byte."""
        return self.uid == EXPLICIT_VR_BIG_ENDIAN

    @property
    def deflated(self) -> bool:
        """Tell whether the data set is compressed as a whole."""
        return self.uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN

    @property
    def video(self) -> bool:
        """Tell whether the fragments are one film, in which single frames cannot be found."""
        return self.media_type.startswith("video/")

    @property
    def known(self) -> bool:
        """Tell whether the table has a row for this UID."""
        return bool(self.name)


def _native(uid: str, name: str, codec: str = "native") -> TransferSyntax:
    return TransferSyntax(uid, name, encapsulated=False, decoder=codec, encoder=codec)


def _jpeg(uid: str, name: str, encoder: str = "", *, lossy: bool = False) -> TransferSyntax:
    return TransferSyntax(uid, name, "image/jpeg", decoder="jpeg", encoder=encoder, lossy=lossy)


def _wavelet(uid: str, name: str, media_type: str, codec: str, *, lossy: bool = False) -> TransferSyntax:
    return TransferSyntax(uid, name, media_type, decoder=codec, encoder=codec, lossy=lossy)


def _video(uid: str, name: str, media_type: str) -> TransferSyntax:
    return TransferSyntax(uid, name, media_type, lossy=True)


_TABLE = (
    _native(IMPLICIT_VR_LITTLE_ENDIAN, "Implicit VR Little Endian"),
    _native(EXPLICIT_VR_LITTLE_ENDIAN, "Explicit VR Little Endian"),
    _native(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "Deflated Explicit VR Little Endian"),
    _native(EXPLICIT_VR_BIG_ENDIAN, "Explicit VR Big Endian", "native_big_endian"),
    TransferSyntax("1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", decoder="native"),
    TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless", "image/dicom-rle", decoder="rle", encoder="rle"),
    TransferSyntax("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", decoder="deflated_frame"),
    _jpeg("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", "jpeg_baseline", lossy=True),
    _jpeg("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", lossy=True),
    _jpeg("1.2.840.10008.1.2.4.57", "JPEG Lossless, Non-Hierarchical (Process 14)"),
    _jpeg("1.2.840.10008.1.2.4.70", "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)", "jpeg_lossless"),
    TransferSyntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", "image/jls", decoder="jpeg_ls", encoder="jpeg_ls"),
    TransferSyntax("1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", "image/jls", decoder="jpeg_ls", encoder="jpeg_ls", lossy=True),
    _wavelet(JPEG_2000_LOSSLESS, "JPEG 2000 (Lossless Only)", "image/jp2", "jpeg_2000"),
    _wavelet("1.2.840.10008.1.2.4.91", "JPEG 2000", "image/jp2", "jpeg_2000", lossy=True),
    TransferSyntax("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", "image/jpx"),
    TransferSyntax("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component", "image/jpx", lossy=True),
    TransferSyntax("1.2.840.10008.1.2.4.94", "JPIP Referenced", encapsulated=False),
    TransferSyntax("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", encapsulated=False),
    _video("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", "video/mpeg"),
    _video("1.2.840.10008.1.2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", "video/mpeg"),
    _video("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", "video/mpeg"),
    _video("1.2.840.10008.1.2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level", "video/mpeg"),
    _video("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "video/mp4"),
    _video("1.2.840.10008.1.2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", "video/mp4"),
    _video("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video/mp4"),
    _video("1.2.840.10008.1.2.4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video/mp4"),
    _video("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video/mp4"),
    _video("1.2.840.10008.1.2.4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video/mp4"),
    _video("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video/mp4"),
    _video("1.2.840.10008.1.2.4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video/mp4"),
    _video("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video/mp4"),
    _video("1.2.840.10008.1.2.4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video/mp4"),
    _video("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", "video/H265"),
    _video("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", "video/H265"),
    TransferSyntax("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", "image/jxl", decoder="jpeg_xl"),
    TransferSyntax("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", "image/jxl", decoder="jpeg_xl", lossy=True),
    TransferSyntax("1.2.840.10008.1.2.4.112", "JPEG XL", "image/jxl", decoder="jpeg_xl", lossy=True),
    _wavelet("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)", "image/jphc", "htj2k"),
    _wavelet("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", "image/jphc", "htj2k"),
    _wavelet("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", "image/jphc", "htj2k", lossy=True),
)

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {syntax.uid: syntax for syntax in _TABLE}

MEDIA_TYPE_DEFAULTS: dict[str, str] = {
    OCTET_STREAM: EXPLICIT_VR_LITTLE_ENDIAN,
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": JPEG_2000_LOSSLESS,
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/jxl": "1.2.840.10008.1.2.4.110",
    "video/mpeg": "1.2.840.10008.1.2.4.100",
    "video/mp4": "1.2.840.10008.1.2.4.102",
    "video/H265": "1.2.840.10008.1.2.4.107",
}
"""The transfer syntax of a frame's media type when the client names none."""


def transfer_syntax(uid: str) -> TransferSyntax:
    """Look up one transfer syntax; an unknown UID gives an encapsulated one without codecs or name."""
    return TRANSFER_SYNTAXES.get(uid) or TransferSyntax(uid, "")


def syntaxes_of_media_type(media_type: str) -> tuple[str, ...]:
    """List the transfer syntax UIDs that a single-frame media type can carry, the default first."""
    wanted = media_type.lower()
    default = next((uid for name, uid in MEDIA_TYPE_DEFAULTS.items() if name.lower() == wanted), None)
    if default is None:
        return ()
    others = (syntax.uid for syntax in _TABLE if syntax.media_type.lower() == wanted and syntax.uid != default)
    return (default, *others)
