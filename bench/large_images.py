"""DICOM files too large to hold, made while they are sent: huge native ones, whole-slide images, long functional groups."""

from __future__ import annotations

import base64
import io
import random
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from bench.images import uid

__all__ = ["NATIVE_FRAME", "native_file", "native_frame", "sectioned_file", "slide_file", "tile"]

NATIVE_FRAME = 1024 * 1024 * 2
"""Bytes of a frame of `native_file`."""


def native_file(study: int, frames: int) -> Iterator[bytes]:
    """A multi-frame image of 1024 x 1024 16-bit pixels, piece by piece; a length in DICOM ends at 4 GiB."""
    image = _image(study, MultiFrameGrayscaleWordSecondaryCaptureImageStorage, frames, size=1024, bits=16)
    yield _encoded(image, ExplicitVRLittleEndian) + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, frames * NATIVE_FRAME)
    for number in range(1, frames + 1):
        yield native_frame(number)


def native_frame(number: int) -> bytes:
    """A frame of `native_file`, which tells its number at both ends and is empty between."""
    mark = number.to_bytes(4, "little")
    return mark + bytes(NATIVE_FRAME - 8) + mark


def slide_file(study: int, frames: int) -> Iterator[bytes]:
    """A whole-slide image of small JPEG tiles, piece by piece, with an empty Basic Offset Table."""
    image = _image(study, VLWholeSlideMicroscopyImageStorage, frames, size=64, bits=8)
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "YBR_FULL_422", 0
    image.TotalPixelMatrixColumns, image.TotalPixelMatrixRows = 64 * 120, 64 * (frames // 120)
    yield _encoded(image, JPEGBaseline8Bit) + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _item(b"")
    for number in range(1, frames + 1):
        yield _item(tile(number))
    yield struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def tile(number: int) -> bytes:
    """A tile of `slide_file`: one JPEG picture, with its number in a comment, of even length."""
    comment = f"tile {number:08}".encode()
    picture = _TILE[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + _TILE[2:]
    return picture + bytes(len(picture) % 2)


def sectioned_file(study: int, frames: int) -> bytes:
    """An image with a kilobyte of functional groups per frame, text that compresses badly."""
    noise = random.Random(1)
    image = _image(study, EnhancedCTImageStorage, frames, size=2, bits=16)
    image.PerFrameFunctionalGroupsSequence = [_functional_groups(number, noise) for number in range(1, frames + 1)]
    image.PixelData = bytes(2 * 2 * 2 * frames)
    return _encoded(image, ExplicitVRLittleEndian)


def _functional_groups(number: int, noise: random.Random) -> Dataset:
    content, position, groups = Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [1, number]
    content.FrameComments = base64.b64encode(noise.randbytes(700)).decode()
    position.ImagePositionPatient = [0, 0, number]
    groups.FrameContentSequence, groups.PlanePositionSequence = [content], [position]
    return groups


def _image(study: int, sop_class: UID, frames: int, *, size: int, bits: int) -> Dataset:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = sop_class, uid(study, 1, 1)
    image.StudyInstanceUID, image.SeriesInstanceUID = uid(study), uid(study, 1)
    image.PatientID, image.PatientName = f"P{study}", f"Soak^Number {study}"
    image.StudyDate, image.Modality = "20260101", "OT"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = size
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = bits, bits, bits - 1, 0
    image.NumberOfFrames = frames
    return image


def _encoded(image: Dataset, transfer_syntax: UID) -> bytes:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = transfer_syntax
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _item(fragment: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(fragment)) + fragment


_TILE = bytes(imagecodecs.jpeg8_encode(np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3), level=90))
