"""Files in other transfer syntaxes: the same pixels, the same attributes, as pydicom and our own reader see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.codecs import CodecError, decode, decoded_pixels, encode, encoded_pixels
from dicom_core.dicom.frames import native_layout
from dicom_core.dicom.part10 import read_header
from dicom_core.dicom.part10_writer import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.transcoding import can_transcode, transcode, transcode_frame
from dicom_core.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from tests.dicom.pixel_files import BUNDLED, StoredFile, bundled, make_file, read_dataset

PREFIX = "1.2.840.10008.1.2"
IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = PREFIX, f"{PREFIX}.1", f"{PREFIX}.2", f"{PREFIX}.1.99"
RLE, JPEG_BASELINE, JPEG_LOSSLESS, JPEG_LS = f"{PREFIX}.5", f"{PREFIX}.4.50", f"{PREFIX}.4.70", f"{PREFIX}.4.80"
JPEG_2000, HTJ2K, MPEG = f"{PREFIX}.4.90", f"{PREFIX}.4.201", f"{PREFIX}.4.102"
LOSSLESS = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, RLE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K]

DAMAGED = "JPEG2000-embedded-sequence-delimiter.dcm"
PIXEL_ATTRIBUTES = {0x00280004, 0x00280006, 0x7FE00010}


def transcoded(file: StoredFile, target: str) -> bytes:
    return b"".join(transcode(file.header, file.layout, file.read, target))


def all_samples(file: StoredFile) -> tuple[np.ndarray[Any, Any], PixelModule]:
    syntax = file.header.transfer_syntax_uid
    return np.stack([decode(frame, syntax, file.pixels) for frame in file.frames()]), decoded_pixels(syntax, file.pixels)


@pytest.mark.parametrize("target", LOSSLESS)
@pytest.mark.parametrize("name", [name for name in BUNDLED if name.endswith(".dcm") and name != DAMAGED])
def test_pixels_stay_the_same(name: str, target: str) -> None:
    file = bundled(name)
    samples, pixels = all_samples(file)
    try:
        copy = StoredFile.of(transcoded(file, target))
    except CodecError:
        assert pixels.bits_allocated in (1, 32)
        assert target not in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
        return
    copied_samples, copied_pixels = all_samples(copy)
    np.testing.assert_array_equal(copied_samples, samples)
    assert copied_pixels == pixels
    assert copy.header.transfer_syntax_uid == target


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, JPEG_2000])
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "rtdose_rle.dcm", "image_dfl.dcm"])
def test_other_attributes_stay_the_same(name: str, target: str) -> None:
    before = read_dataset(BUNDLED[name].read_bytes())
    try:
        after = read_dataset(transcoded(bundled(name), target))
    except CodecError:
        assert before.BitsAllocated == 32
        return
    kept = {element.tag for element in before if element.tag.element != 0} - PIXEL_ATTRIBUTES
    assert kept <= {element.tag for element in after}
    for tag in kept:
        private = before[tag].tag.is_private and target == IMPLICIT
        unswapped = before[tag].VR in ("OW", "UN", "AT") and BIG_ENDIAN in (target, before.file_meta.TransferSyntaxUID)
        if not private and not unswapped and before[tag].VR != "SQ":
            assert after[tag].value == before[tag].value, before[tag].tag


def test_file_meta_information_names_the_new_syntax_and_us() -> None:
    file = bundled("JPEG2000.dcm")
    content = transcoded(file, EXPLICIT)
    before, after = read_dataset(BUNDLED["JPEG2000.dcm"].read_bytes()), read_dataset(content)
    assert content[:132] == bytes(128) + b"DICM"
    assert after.file_meta.TransferSyntaxUID == EXPLICIT
    assert after.file_meta.MediaStorageSOPInstanceUID == before.file_meta.MediaStorageSOPInstanceUID == before.SOPInstanceUID
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert after.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert after.file_meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert after.file_meta.FileMetaInformationVersion == b"\0\1"
    assert after.file_meta.SourceApplicationEntityTitle == before.file_meta.SourceApplicationEntityTitle
    assert read_header(content, complete=True).data_set_offset == 144 + after.file_meta.FileMetaInformationGroupLength


def test_missing_media_storage_uids_come_from_the_data_set() -> None:
    file = bundled("CT_small.dcm")
    meta = replace(file.header.file_meta, media_storage_sop_instance_uid="", media_storage_sop_class_uid="")
    content = b"".join(transcode(replace(file.header, file_meta=meta), file.layout, file.read, IMPLICIT))
    dataset = read_dataset(content)
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID


@pytest.mark.parametrize("target", [JPEG_2000, RLE, JPEG_LS])
def test_compressed_pixel_data_has_an_empty_offset_table_and_an_even_fragment_for_each_frame(target: str) -> None:
    samples = np.random.default_rng(1).integers(0, 255, (5, 9, 7)).astype("u1")
    copy = StoredFile.of(transcoded(StoredFile.of(make_file(samples)), target))
    assert copy.header.fragments is not None
    assert copy.header.fragments.offset_table == b""
    assert len(copy.header.fragments.lengths) == 5
    assert not any(length % 2 for length in copy.header.fragments.lengths)
    assert copy.header.pixel_data is not None
    assert copy.header.pixel_data.vr == "OB"


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_odd_pixel_data_is_padded_once(target: str) -> None:
    samples = np.arange(3 * 5 * 3, dtype="u1").reshape(3, 5, 3)
    compressed = transcoded(StoredFile.of(make_file(samples)), JPEG_2000)
    dataset = read_dataset(transcoded(StoredFile.of(compressed), target))
    assert dataset.PixelData == samples.tobytes() + b"\0"


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_single_bits_are_packed_across_frames(frames: int) -> None:
    samples = np.random.default_rng(1).integers(0, 2, (frames, 3, 5)).astype("u1")
    packed = np.packbits(samples.reshape(-1), bitorder="little").tobytes()
    packed += b"\0" * (len(packed) % 2)
    file = StoredFile.of(make_file(samples, BitsAllocated=1, BitsStored=1, PixelData=packed))
    compressed = StoredFile.of(transcoded(file, JPEG_2000))
    np.testing.assert_array_equal(all_samples(compressed)[0], samples)
    assert read_dataset(transcoded(compressed, EXPLICIT)).PixelData == packed


def _written(dataset: Dataset) -> bytes:
    from io import BytesIO

    target = BytesIO()
    dataset.save_as(target)
    return target.getvalue()


def test_colour_attributes_follow_the_encoding() -> None:
    samples = np.random.default_rng(1).integers(0, 255, (8, 8, 3)).astype("u1")
    planes = np.moveaxis(samples, -1, 0)
    content = make_file(samples[None], PlanarConfiguration=1)
    content = content.replace(samples.tobytes(), planes.tobytes())
    file = StoredFile.of(content)
    wavelet = read_dataset(transcoded(file, JPEG_2000))
    assert (wavelet.PhotometricInterpretation, wavelet.PlanarConfiguration) == ("YBR_RCT", 0)
    again = read_dataset(transcoded(StoredFile.of(transcoded(file, JPEG_2000)), EXPLICIT))
    assert (again.PhotometricInterpretation, again.PlanarConfiguration) == ("RGB", 0)
    assert again.PixelData == samples.tobytes()
    assert read_dataset(transcoded(file, IMPLICIT)).PlanarConfiguration == 1


def test_lossy_compression_leaves_its_traces() -> None:
    samples = np.linspace(0, 255, 64 * 64 * 3).astype("u1").reshape(1, 64, 64, 3)
    dataset = read_dataset(transcoded(StoredFile.of(make_file(samples)), JPEG_BASELINE))
    assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert dataset.LossyImageCompressionRatio > 1
    assert dataset.PhotometricInterpretation == "YBR_FULL_422"
    assert dataset.SOPInstanceUID == "2.25.3"


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_floating_point_pixels_are_copied(target: str, kind: str) -> None:
    values = np.linspace(-1, 1, 30).astype(kind).reshape(1, 5, 6)
    keyword = "FloatPixelData" if kind == "f4" else "DoubleFloatPixelData"
    dataset = read_dataset(make_file(values, BitsAllocated=8 * values.itemsize))
    del dataset.PixelData
    setattr(dataset, keyword, values.tobytes())
    copy = StoredFile.of(transcoded(StoredFile.of(_written(dataset)), target))
    assert copy.pixels.floating
    np.testing.assert_array_equal(all_samples(copy)[0], values)
    with pytest.raises(CodecError):
        transcoded(StoredFile.of(_written(dataset)), JPEG_2000)


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, JPEG_2000, MPEG])
def test_without_pixel_data_only_the_data_set_changes(target: str) -> None:
    dataset = read_dataset(make_file(np.zeros((1, 2, 2), "u2")))
    del dataset.PixelData
    item = Dataset()
    item.ReferencedSOPInstanceUID, item.SimpleFrameList = "2.25.9", [1, 65536]
    dataset.ReferencedImageSequence = Sequence([item, Dataset()])
    dataset.add_new(0x00091001, "UN", b"\1\2\3\4")
    header = read_header(_written(dataset), complete=True)
    after = read_dataset(b"".join(transcode(header, None, lambda _offset, _length: b"", target)))
    assert after.file_meta.TransferSyntaxUID == target
    assert after.ReferencedImageSequence == dataset.ReferencedImageSequence
    assert after[0x00091001].value == b"\1\2\3\4"
    assert after.SOPInstanceUID == dataset.SOPInstanceUID


def test_elements_after_pixel_data_are_kept() -> None:
    dataset = read_dataset(make_file(np.zeros((1, 2, 2), "u2")))
    dataset.DataSetTrailingPadding = b"\0\0"
    assert read_dataset(transcoded(StoredFile.of(_written(dataset)), JPEG_2000)).DataSetTrailingPadding == b"\0\0"


def test_a_value_too_long_for_its_explicit_vr_becomes_unknown() -> None:
    dataset = read_dataset(make_file(np.zeros((1, 2, 2), "u2"), syntax=IMPLICIT))
    dataset.PixelSpacing = None
    dataset.add_new(0x00281103, "US", [1] * 40_000)
    after = read_header(transcoded(StoredFile.of(_written(dataset)), EXPLICIT), complete=True)
    assert len(Attributes.of(after).value(0x00281103)) == 80_000


def test_values_that_cannot_be_parsed_are_copied() -> None:
    before, after = bundled("badVR.dcm"), StoredFile.of(transcoded(bundled("badVR.dcm"), IMPLICIT))
    values = [Attributes.of(file.header).value(0x00280008) for file in (before, after)]
    assert values[0] == values[1] != b""


def test_nothing_comes_before_the_first_frame_is_converted() -> None:
    file = bundled("MR_small_RLE.dcm")
    chunks = transcode(file.header, file.layout, lambda _, length: bytes(length), EXPLICIT)
    with pytest.raises(CodecError):
        next(chunks)


def test_frames_are_read_one_at_a_time_and_in_order() -> None:
    file = bundled("examples_ybr_color.dcm")
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(offset)
        return file.read(offset, length)

    chunks = transcode(file.header, file.layout, read, EXPLICIT)
    next(chunks)
    assert len(reads) == 1
    next(chunks)
    assert len(reads) == 2
    for _ in chunks:
        pass
    assert reads == sorted(reads)
    assert len(reads) == 30


def test_fewer_frames_than_stated_are_refused() -> None:
    file = StoredFile.of(make_file(np.zeros((2, 4, 4), "u1"), NumberOfFrames=3))
    with pytest.raises(CodecError):
        transcoded(file, JPEG_2000)
    assert read_dataset(transcoded(file, IMPLICIT)).PixelData == bytes(32)


def test_compressed_pixel_data_in_an_uncompressed_syntax_is_refused() -> None:
    file = bundled("MR_small_RLE.dcm")
    header = replace(file.header, transfer_syntax_uid=IMPLICIT)
    with pytest.raises(CodecError):
        list(transcode(header, file.layout, file.read, EXPLICIT))


@pytest.mark.parametrize("source", list(TRANSFER_SYNTAXES))
def test_what_can_be_transcoded_is_told_by_the_syntaxes(source: str) -> None:
    syntax = TRANSFER_SYNTAXES[source]
    assert can_transcode(source, source)
    assert can_transcode(source, EXPLICIT) == (not syntax.encapsulated or bool(syntax.decoder))
    assert can_transcode(source, EXPLICIT, has_pixel_data=False)
    assert not can_transcode(source, MPEG) or source == MPEG
    assert not can_transcode(source, "1.2.3")
    assert not can_transcode("1.2.3", source)


def test_what_cannot_be_transcoded_is_refused() -> None:
    file = bundled("CT_small.dcm")
    with pytest.raises(CodecError):
        list(transcode(file.header, file.layout, file.read, MPEG))
    with pytest.raises(CodecError):
        transcode_frame(file.frame(1), EXPLICIT, MPEG, file.pixels)


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG_ENDIAN, *LOSSLESS[4:]])
@pytest.mark.parametrize("source", [EXPLICIT, BIG_ENDIAN, RLE, JPEG_2000])
@pytest.mark.parametrize("dtype", ["u1", "i2"])
def test_single_frames_change_their_syntax(source: str, target: str, dtype: str) -> None:
    samples = np.arange(35, dtype=dtype).reshape(5, 7)
    pixels = PixelModule(5, 7, samples.itemsize * 8, samples.itemsize * 8, signed=dtype == "i2")
    frame = transcode_frame(encode(samples, source, pixels), source, target, pixels)
    np.testing.assert_array_equal(decode(frame, target, encoded_pixels(target, pixels)), samples)


def test_an_uncompressed_frame_keeps_its_arrangement() -> None:
    pixels = PixelModule(2, 2, 8, 8, 3, photometric_interpretation="YBR_FULL_422", planar_configuration=1)
    assert transcode_frame(b"12345678", IMPLICIT, EXPLICIT, pixels) == b"12345678"


def test_a_decompressed_frame_has_exactly_its_samples() -> None:
    file = bundled("SC_rgb_small_odd_jpeg.dcm")
    assert len(transcode_frame(file.frame(1), JPEG_BASELINE, EXPLICIT, file.pixels)) == 27


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: bytes(len(data)), lambda _: b""],
    ids=["half", "zeros", "empty"],
)
def test_damaged_files_are_refused(damage: Callable[[bytes], bytes]) -> None:
    for name in ("JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEGLSNearLossless_16.dcm"):
        file = bundled(name)
        with pytest.raises(CodecError):
            list(transcode(file.header, file.layout, lambda offset, length, file=file: damage(file.read(offset, length)), JPEG_LOSSLESS))  # type: ignore[misc] # the default binds the loop variable


def test_a_truncated_native_file_gives_what_frames_it_has() -> None:
    file = StoredFile.of(make_file(np.arange(32, dtype="u1").reshape(2, 4, 4)))
    assert file.header.pixel_data is not None
    layout = native_layout(file.pixels, EXPLICIT, file.header.pixel_data, len(file.content) - 3)
    assert layout.number_of_frames == 1
    with pytest.raises(CodecError):
        list(transcode(file.header, layout, file.read, JPEG_2000))
