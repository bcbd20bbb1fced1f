"""Synthetic DICOM files: small ones for counting, CT slices of half a megabyte for throughput."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

__all__ = ["multipart", "multipart_pieces", "multipart_type", "uid", "write_image"]

_ROOT = "1.2.826.0.1.3680043.10.1000"
_BOUNDARY = b"bench-part"


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
