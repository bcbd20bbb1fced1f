"""Decoders against pydicom's, encoders against decoders, and both against nonsense."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydicom.pixels.utils import pixel_array

from dicom_core.dicom.codecs import CodecError, can_decode, can_encode, decode, decoded_pixels, encode, encoded_pixels
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, transfer_syntax
from tests.dicom.pixel_files import BUNDLED, bundled, read_dataset

PREFIX = "1.2.840.10008.1.2"
NATIVE = [PREFIX, f"{PREFIX}.1", f"{PREFIX}.2"]
RLE, JPEG_BASELINE, JPEG_LOSSLESS, JPEG_LS = f"{PREFIX}.5", f"{PREFIX}.4.50", f"{PREFIX}.4.70", f"{PREFIX}.4.80"
JPEG_2000, HTJ2K, HTJ2K_RPCL = f"{PREFIX}.4.90", f"{PREFIX}.4.201", f"{PREFIX}.4.202"
JPEG_XL, DEFLATED_FRAME = f"{PREFIX}.4.110", f"{PREFIX}.8.1"
LOSSLESS = [*NATIVE, RLE, JPEG_LOSSLESS, JPEG_LS, f"{PREFIX}.4.81", JPEG_2000, f"{PREFIX}.4.91", HTJ2K, HTJ2K_RPCL, f"{PREFIX}.4.203"]

DAMAGED = "JPEG2000-embedded-sequence-delimiter.dcm"
NO_DECODER_IN_PYDICOM = {"JPEG-lossy.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm", "GDCMJ2K_TextGBR.dcm", "badVR.dcm", DAMAGED}

Samples = np.ndarray[Any, Any]


def module_of(samples: Samples, **attributes: Any) -> PixelModule:
    bits = samples.dtype.itemsize * 8
    colour = "RGB" if samples.ndim == 3 else "MONOCHROME2"
    depth = samples.shape[2] if samples.ndim == 3 else 1
    module = PixelModule(samples.shape[0], samples.shape[1], bits, bits, depth, samples.dtype.kind == "i", colour)
    return replace(module, **attributes)


def smooth(shape: tuple[int, ...], dtype: str) -> Samples:
    """A picture that compresses: slopes with steps, over the whole range of the type."""
    size = int(np.prod(shape))
    info = np.iinfo(dtype)
    return np.linspace(info.min, info.max, size).astype(dtype).reshape(shape)


@pytest.mark.parametrize("name", [name for name in BUNDLED if name not in NO_DECODER_IN_PYDICOM])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_decoded_frames_are_those_of_pydicom(name: str) -> None:
    file = bundled(name)
    syntax = file.header.transfer_syntax_uid
    dataset = read_dataset(BUNDLED[name].read_bytes())
    lossy_colour = transfer_syntax(syntax).lossy and file.pixels.samples_per_pixel == 3
    expected = pixel_array(dataset, raw=not lossy_colour and "RCT" not in file.pixels.photometric_interpretation)
    decoded = np.stack([decode(frame, syntax, file.pixels) for frame in file.frames()])
    assert decoded.dtype == np.dtype(file.pixels.dtype)
    np.testing.assert_array_equal(decoded.reshape(expected.shape), expected)


def test_lossless_jpeg_gives_the_samples_of_the_same_picture_in_rle() -> None:
    jpeg, rle = bundled("SC_rgb_jpeg_gdcm.dcm"), bundled("SC_rgb_rle.dcm")
    np.testing.assert_array_equal(decode(jpeg.frame(1), JPEG_LOSSLESS, jpeg.pixels), decode(rle.frame(1), RLE, rle.pixels))


def test_twelve_bit_jpeg_comes_close_to_the_same_picture_in_jpeg_2000() -> None:
    jpeg, wavelet = bundled("JPGExtended.dcm"), bundled("JPEG2000.dcm")
    twelve_bit = decode(jpeg.frame(1), f"{PREFIX}.4.51", jpeg.pixels)
    other = decode(wavelet.frame(1), f"{PREFIX}.4.91", wavelet.pixels)
    assert np.corrcoef(twelve_bit.reshape(-1), other.reshape(-1))[0, 1] > 0.95


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("shape", [(64, 60), (33, 31, 3), (1, 1), (2, 3), (3, 3, 3), (1, 300), (300, 1)], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
@pytest.mark.parametrize("kind", ["smooth", "noise"])
def test_lossless_encoding_loses_nothing(syntax: str, shape: tuple[int, ...], dtype: str, kind: str) -> None:
    samples = smooth(shape, dtype)
    if kind == "noise":
        samples = np.random.default_rng(1).permutation(samples.reshape(-1)).reshape(shape)
    pixels = module_of(samples)
    decoded = decode(encode(samples, syntax, pixels), syntax, encoded_pixels(syntax, pixels))
    assert decoded.dtype == samples.dtype
    np.testing.assert_array_equal(decoded, samples)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("dtype", "stored"), [("u2", 12), ("i2", 12), ("u2", 8), ("i2", 7), ("u1", 2), ("i1", 5), ("u2", 10)])
@pytest.mark.parametrize("overlay", [False, True], ids=["clean", "with bits beyond Bits Stored"])
def test_bits_beyond_bits_stored_survive(syntax: str, dtype: str, stored: int, overlay: bool) -> None:
    samples = smooth((40, 30), dtype) >> (np.dtype(dtype).itemsize * 8 - stored)
    if overlay:
        samples[3:9, 5:12] = np.iinfo(dtype).max
    pixels = module_of(samples, bits_stored=stored)
    np.testing.assert_array_equal(decode(encode(samples, syntax, pixels), syntax, encoded_pixels(syntax, pixels)), samples)


@pytest.mark.parametrize("syntax", [*NATIVE, RLE])
@pytest.mark.parametrize("dtype", ["u4", "i4", "u8"])
def test_wide_samples_are_for_uncompressed_and_rle(syntax: str, dtype: str) -> None:
    samples = np.random.default_rng(1).integers(0, 1 << 31, (9, 7)).astype(dtype)
    pixels = module_of(samples)
    np.testing.assert_array_equal(decode(encode(samples, syntax, pixels), syntax, pixels), samples)


@pytest.mark.parametrize("syntax", [*NATIVE, JPEG_2000])
def test_single_bits_are_for_uncompressed_and_jpeg_2000(syntax: str) -> None:
    samples = np.random.default_rng(1).integers(0, 2, (33, 31)).astype("u1")
    pixels = module_of(samples, bits_allocated=1, bits_stored=1)
    np.testing.assert_array_equal(decode(encode(samples, syntax, pixels), syntax, pixels), samples)


@pytest.mark.parametrize(
    ("syntax", "attributes"),
    [
        pytest.param(JPEG_LS, {"bits_allocated": 32}, id="32 bits in JPEG-LS"),
        pytest.param(JPEG_BASELINE, {"bits_allocated": 16}, id="16 bits in JPEG Baseline"),
        pytest.param(JPEG_BASELINE, {"photometric_interpretation": "PALETTE COLOR"}, id="indexes of a palette with loss"),
        pytest.param(RLE, {"bits_allocated": 1}, id="single bits in RLE"),
        pytest.param(JPEG_2000, {"floating": True, "bits_allocated": 32}, id="floating point"),
        pytest.param(JPEG_2000, {"samples_per_pixel": 4}, id="four samples"),
        pytest.param(f"{PREFIX}.4.100", {}, id="film"),
        pytest.param("1.2.3", {}, id="unknown"),
    ],
)
def test_samples_that_a_syntax_does_not_take_are_refused(syntax: str, attributes: dict[str, Any]) -> None:
    samples = smooth((8, 8), "u1")
    pixels = module_of(samples, **attributes)
    assert not can_encode(syntax, pixels)
    with pytest.raises(CodecError):
        encode(samples, syntax, pixels)


@pytest.mark.parametrize(("shape", "colour"), [((64, 60), "MONOCHROME2"), ((64, 60, 3), "RGB"), ((64, 60, 3), "YBR_FULL")])
def test_jpeg_baseline_stays_close(shape: tuple[int, ...], colour: str) -> None:
    samples = smooth(shape, "u1")
    pixels = module_of(samples, photometric_interpretation=colour)
    encoded = encode(samples, JPEG_BASELINE, pixels, quality=95)
    decoded = decode(encoded, JPEG_BASELINE, encoded_pixels(JPEG_BASELINE, pixels))
    if colour == "YBR_FULL":
        assert decoded_pixels(JPEG_BASELINE, encoded_pixels(JPEG_BASELINE, pixels)).photometric_interpretation == "RGB"
    else:
        assert np.abs(decoded.astype(int) - samples).mean() < 4


@pytest.mark.parametrize(
    ("syntax", "stored", "decoded", "encoded_again"),
    [
        (JPEG_BASELINE, "YBR_FULL_422", "RGB", "YBR_FULL_422"),
        (JPEG_BASELINE, "RGB", "RGB", "YBR_FULL_422"),
        (JPEG_LOSSLESS, "YBR_FULL", "YBR_FULL", "YBR_FULL"),
        (JPEG_2000, "YBR_RCT", "RGB", "YBR_RCT"),
        (JPEG_2000, "YBR_FULL", "YBR_FULL", "YBR_FULL"),
        (f"{PREFIX}.4.91", "YBR_ICT", "RGB", "YBR_RCT"),
        (HTJ2K, "YBR_RCT", "RGB", "YBR_RCT"),
        (RLE, "YBR_FULL", "YBR_FULL", "YBR_FULL"),
        (f"{PREFIX}.1", "YBR_FULL_422", "YBR_FULL", "YBR_FULL"),
        (JPEG_LS, "RGB", "RGB", "RGB"),
        (JPEG_XL, "XYB", "RGB", "RGB"),
    ],
)
def test_photometric_interpretation_is_that_of_the_samples(syntax: str, stored: str, decoded: str, encoded_again: str) -> None:
    pixels = PixelModule(2, 2, 8, 8, 3, photometric_interpretation=stored, planar_configuration=1)
    found = decoded_pixels(syntax, pixels)
    assert (found.photometric_interpretation, found.planar_configuration) == (decoded, 0)
    if can_encode(syntax):
        assert encoded_pixels(syntax, found).photometric_interpretation in (encoded_again, decoded)


@pytest.mark.parametrize(("photometric_interpretation", "transformed"), [("YBR_FULL", False), ("RGB", True)])
def test_multi_component_transformation_is_for_rgb_only(photometric_interpretation: str, transformed: bool) -> None:
    samples = smooth((16, 16, 3), "u1")
    pixels = module_of(samples, photometric_interpretation=photometric_interpretation)
    for syntax in (JPEG_2000, HTJ2K):
        codestream = encode(samples, syntax, pixels)
        coding_style = codestream.index(b"\xff\x52")
        assert codestream[coding_style + 8] == transformed


def test_htj2k_is_in_rpcl_order_with_tile_part_lengths() -> None:
    codestream = encode(smooth((64, 64), "u2"), HTJ2K_RPCL, module_of(smooth((64, 64), "u2")))
    assert codestream[codestream.index(b"\xff\x52") + 5] == 2
    assert b"\xff\x55" in codestream[:200]


def test_jpeg_ls_begins_with_its_frame_header() -> None:
    samples = smooth((8, 8), "u1")
    assert encode(samples, JPEG_LS, module_of(samples)).startswith(b"\xff\xd8\xff\xf7")


def test_jpeg_2000_in_boxes_is_decoded() -> None:
    import imagecodecs

    samples = smooth((30, 20), "u2")
    boxed = bytes(imagecodecs.jpeg2k_encode(samples, codecformat="JP2", reversible=True))
    np.testing.assert_array_equal(decode(boxed, JPEG_2000, module_of(samples)), samples)


@pytest.mark.parametrize("shape", [(64, 64), (300, 200), (33, 31, 3), (8, 16)], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_jpeg_xl_is_decoded(shape: tuple[int, ...], dtype: str) -> None:
    import imagecodecs

    samples = smooth(shape, dtype)
    encoded = bytes(imagecodecs.jpegxl_encode(samples, lossless=True, usecontainer=False))
    np.testing.assert_array_equal(decode(encoded, JPEG_XL, module_of(samples)), samples)


def test_deflated_frames_are_decoded() -> None:
    samples = smooth((30, 20), "u2")
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    encoded = compressor.compress(samples.tobytes()) + compressor.flush()
    np.testing.assert_array_equal(decode(encoded, DEFLATED_FRAME, module_of(samples)), samples)
    with pytest.raises(CodecError):
        decode(encoded[: len(encoded) // 2], DEFLATED_FRAME, module_of(samples))


def test_planar_samples_come_by_pixel() -> None:
    samples = smooth((5, 7, 3), "u1")
    pixels = module_of(samples, planar_configuration=1)
    planes = np.moveaxis(samples, -1, 0).tobytes()
    np.testing.assert_array_equal(decode(planes, f"{PREFIX}.1", pixels), samples)


def test_every_decoder_and_encoder_of_the_table_exists() -> None:
    for uid, syntax in TRANSFER_SYNTAXES.items():
        assert can_decode(uid) == bool(syntax.decoder)
        assert can_encode(uid) == bool(syntax.encoder)
        for frame in (b"", b"\0", bytes(100)):
            with pytest.raises(CodecError):
                decode(frame, uid, PixelModule(100, 100, 16, 16))


@cache
def _compressed(syntax: str) -> tuple[bytes, PixelModule]:
    samples = smooth((70, 61), "u2")
    pixels = module_of(samples)
    return encode(samples, syntax, pixels), pixels


@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K])
@pytest.mark.parametrize(
    "other",
    [{"rows": 71}, {"columns": 60000}, {"samples_per_pixel": 3}, {"bits_allocated": 8, "bits_stored": 8}],
    ids=["rows", "columns", "samples", "bits"],
)
def test_a_frame_of_another_size_than_stated_is_refused_before_it_is_decoded(syntax: str, other: dict[str, int]) -> None:
    frame, pixels = _compressed(syntax)
    with pytest.raises(CodecError):
        decode(frame, syntax, replace(pixels, **other))  # type: ignore[arg-type] # the dict holds fields of that type


@pytest.mark.parametrize("syntax", [*NATIVE, RLE, JPEG_LS, JPEG_2000, JPEG_XL])
def test_a_bomb_is_refused_by_its_stated_size(syntax: str) -> None:
    with pytest.raises(CodecError, match="too large"):
        decode(b"\xff\xd8" * 8, syntax, PixelModule(65535, 65535, 16, 16, 3))


def test_a_jpeg_2000_frame_of_too_many_tiles_is_refused() -> None:
    frame, pixels = _compressed(JPEG_2000)
    tiny_tiles = frame[:24] + (1).to_bytes(4, "big") * 2 + frame[32:]
    with pytest.raises(CodecError):
        decode(tiny_tiles, JPEG_2000, pixels)


@pytest.mark.parametrize("bits", [2, 12, 24, 128])
def test_packed_samples_are_refused(bits: int) -> None:
    with pytest.raises(CodecError):
        decode(bytes(100_000), f"{PREFIX}.1", PixelModule(10, 10, bits, bits))


def _mutations(frame: bytes, count: int) -> list[bytes]:
    numbers = random.Random(3)
    found = []
    for _ in range(count):
        mutated = bytearray(frame)
        for _ in range(numbers.choice((1, 1, 2, 5))):
            at = numbers.randrange(min(len(mutated), 150) if numbers.random() < 0.6 else len(mutated))
            match numbers.randrange(4):
                case 0:
                    del mutated[max(at, 8) :]
                case 1:
                    mutated[at:at] = numbers.randbytes(3)
                case _:
                    mutated[at] = numbers.randrange(256)
            if len(mutated) < 8:
                break
        found.append(bytes(mutated))
    return found


# CharLS looks for the end of damaged data for seconds, so JPEG-LS gets few of them.
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("MR_small_RLE.dcm", 300),
        ("SC_rgb_rle_16bit.dcm", 300),
        ("SC_rgb_jpeg_dcmtk.dcm", 300),
        ("JPGExtended.dcm", 300),
        ("SC_rgb_jpeg_gdcm.dcm", 300),
        ("MR_small_jpeg_ls_lossless.dcm", 5),
        ("MR_small_jp2klossless.dcm", 300),
        ("GDCMJ2K_TextGBR.dcm", 60),
    ],
)
def test_damaged_frames_are_decoded_or_refused(name: str, count: int) -> None:
    file = bundled(name)
    for frame in _mutations(file.frame(1), count):
        try:
            samples = decode(frame, file.header.transfer_syntax_uid, file.pixels)
        except CodecError:
            continue
        assert samples.shape == file.pixels.shape


def test_damaged_htj2k_frames_are_decoded_or_refused() -> None:
    frame, pixels = _compressed(HTJ2K)
    for mutated in _mutations(frame, 300):
        try:
            assert decode(mutated, HTJ2K, pixels).shape == pixels.shape
        except CodecError:
            continue
