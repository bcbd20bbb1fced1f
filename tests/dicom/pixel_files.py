"""Files with pixel data for the tests of frames, codecs, transcoding and rendering: pydicom's, and small ones made here."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_files
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from dicom_core.dicom.frames import FrameLayout, encapsulated_layout, native_layout
from dicom_core.dicom.part10 import Header, NotDicom, read_header
from dicom_core.dicom.pixel_module import PixelModule, pixel_module
from dicom_core.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax

__all__ = ["BUNDLED", "StoredFile", "bundled", "make_file", "read_dataset"]


@dataclass(frozen=True)
class StoredFile:
    """A file as the service has it: its header, its pixel attributes, where its frames lie, and its bytes."""

    header: Header
    pixels: PixelModule
    layout: FrameLayout
    content: bytes

    @classmethod
    def of(cls, content: bytes) -> StoredFile:
        header = read_header(content, complete=True)
        pixels = pixel_module(header)
        assert pixels is not None
        assert header.pixel_data is not None
        if header.deflated:
            content = zlib.decompress(content[header.data_set_offset :], -zlib.MAX_WBITS)
        syntax = header.transfer_syntax_uid
        if header.fragments is not None:
            layout = encapsulated_layout(pixels, syntax, header.fragments)
        else:
            layout = native_layout(pixels, syntax, header.pixel_data, len(content))
        return cls(header, pixels, layout, content)

    def read(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]

    def frame(self, number: int) -> bytes:
        (ranges,) = self.layout.frame_ranges([number])
        return self.layout.cut(number, b"".join(self.read(*where) for where in ranges))

    def frames(self) -> list[bytes]:
        return [self.frame(number) for number in range(1, self.layout.number_of_frames + 1)]


def read_dataset(content: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(BytesIO(content))


def _bundled_files() -> dict[str, Path]:
    files = {}
    for name in get_testdata_files():
        path = Path(name)
        if not path.is_file() or path.name == "MR_truncated.dcm":
            continue
        try:
            header = read_header(path.read_bytes(), complete=True)
        except NotDicom:
            continue
        if header.pixel_data is not None and pixel_module(header) is not None:
            files[path.name] = path
    return files


BUNDLED = _bundled_files()


@cache
def bundled(name: str) -> StoredFile:
    return StoredFile.of(BUNDLED[name].read_bytes())


def make_file(
    samples: np.ndarray[Any, Any],
    *,
    syntax: str = EXPLICIT_VR_LITTLE_ENDIAN,
    **attributes: Any,
) -> bytes:
    """Make a file of frames by rows by columns, or those by samples."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientID = "2.25.1", "2.25.2", "P"
    dataset.Rows, dataset.Columns = samples.shape[1:3]
    dataset.SamplesPerPixel = samples.shape[3] if samples.ndim == 4 else 1
    dataset.PhotometricInterpretation = "RGB" if samples.ndim == 4 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = samples.dtype.itemsize * 8
    dataset.PixelRepresentation = int(samples.dtype.kind == "i")
    if samples.ndim == 4:
        dataset.PlanarConfiguration = 0
    if len(samples) > 1:
        dataset.NumberOfFrames = len(samples)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    big_endian = transfer_syntax(syntax).big_endian
    if "PixelData" not in attributes:
        pixel_bytes = samples.astype(samples.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
        dataset.PixelData = pixel_bytes + b"\0" * (len(pixel_bytes) % 2)
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    target = BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()
