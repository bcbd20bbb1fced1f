"""Synthetic DICOM files: small ones for counting, CT slices of half a megabyte for throughput."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGBaseline8Bit

__all__ = ["TILES", "multipart", "multipart_pieces", "multipart_type", "uid", "write_image", "write_picture", "write_slide"]

_ROOT = "1.2.826.0.1.3680043.10.1000"
_BOUNDARY = b"bench-part"

TILES = 1000
"""Frames of `write_slide`."""
_TILE_BYTES = 60 * 1024


def uid(*numbers: int) -> str:
    """A UID for a study (one number), series (two) or instance (three)."""
    return ".".join([_ROOT, *map(str, numbers)])


def write_image(study: int, series: int, instance: int, *, size: int = 32, accession: str = "") -> bytes:
    """Encode a CT image of `size` x `size` 16-bit pixels; 512 makes it half a megabyte."""
    image = Dataset()
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = uid(study, series, instance)
    image.StudyInstanceUID = uid(study)
    image.SeriesInstanceUID = uid(study, series)
    image.StudyDate, image.StudyTime = f"2026{study % 12 + 1:02}{study % 28 + 1:02}", "101500"
    image.AccessionNumber, image.StudyID = accession or f"A{study}", str(study % 1000)
    image.PatientID, image.PatientName = f"P{study}", f"Bench^Number {study}"
    image.PatientBirthDate, image.PatientSex = "19700101", "O"
    image.ReferringPhysicianName, image.StudyDescription = "Referrer^A", "Thorax"
    image.Modality, image.SeriesNumber, image.SeriesDescription = "CT", series, f"Series {series}"
    image.InstanceNumber, image.SliceThickness = instance, 1.5
    image.ImagePositionPatient, image.ImageOrientationPatient = [-250, -250, instance * 1.5], [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.RescaleIntercept, image.RescaleSlope = [0.97, 0.97], -1024, 1
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = size, size
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = (instance.to_bytes(2, "little") + bytes(254)) * (size * size * 2 // 256)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_picture(study: int) -> bytes:
    """Encode a CT slice of 512 x 512 pixels that look like one to codecs: a body with noise."""
    import numpy as np

    image = pydicom.dcmread(io.BytesIO(write_image(study, 1, 1, size=512)))
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.7, 1050 + 100 * np.sin(9 * x) * np.cos(7 * y), 30)
    image.PixelData = (body + np.random.default_rng(study).normal(0, 12, body.shape)).astype("<u2").tobytes()
    image.WindowCenter, image.WindowWidth = 40, 400
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_slide(study: int) -> bytes:
    """Encode a whole-slide image of `TILES` compressed tiles of 60 KB; the tiles hold noise, which nobody is to decode."""
    image = pydicom.dcmread(io.BytesIO(write_image(study, 1, 1, size=256)))
    chance = random.Random(study)
    image.NumberOfFrames, image.BitsAllocated, image.BitsStored, image.HighBit = TILES, 8, 8, 7
    image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    image.PixelData = encapsulate([b"\xff\xd8" + chance.randbytes(_TILE_BYTES - 2) for _ in range(TILES)])
    image["PixelData"].VR = "OB"
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def multipart(files: list[bytes]) -> bytes:
    """The files as the body of a store request of `multipart_type`."""
    return b"".join(multipart_pieces(files))


def multipart_pieces(files: Iterable[bytes]) -> Iterator[bytes]:
    """As `multipart`, a file at a time."""
    for file in files:
        yield b"--" + _BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n"
    yield b"--" + _BOUNDARY + b"--\r\n"


def multipart_type() -> str:
    """Content type of `multipart` bodies."""
    return f'multipart/related; type="application/dicom"; boundary={_BOUNDARY.decode()}'
