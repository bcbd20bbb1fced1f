"""Small DICOM files for tests, built with pydicom."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pydicom
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.dicom.bundled import quiet

__all__ = ["INSTANCE", "SECONDARY_CAPTURE", "SERIES", "STUDY", "data_element", "make_data_set", "make_instance", "write_instance"]

STUDY = "1.2.826.0.1.3680043.8.498.1"
SERIES = "1.2.826.0.1.3680043.8.498.2"
INSTANCE = "1.2.826.0.1.3680043.8.498.3"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def data_element(tag: int | str, vr: str, value: Any) -> DataElement:
    """A data element that may hold values its VR forbids."""
    return DataElement(Tag(tag), vr, value, validation_mode=config.IGNORE)


def make_data_set(attributes: Mapping[str, Any]) -> Dataset:
    """A data set from keywords; None makes an empty element, a list of mappings a sequence."""
    data_set = Dataset()
    for keyword, value in attributes.items():
        vr = pydicom.datadict.dictionary_VR(keyword)
        if vr == "SQ":
            value = [make_data_set(item) for item in value or ()]
        data_set.add(data_element(keyword, vr.split(" or ")[0], value))
    return data_set


def make_instance(
    *,
    transfer_syntax: str = ExplicitVRLittleEndian,
    study: str | None = STUDY,
    series: str | None = SERIES,
    instance: str | None = INSTANCE,
    rows: int | None = None,
    columns: int | None = None,
    frames: int | None = None,
    bits: int = 8,
    samples: int = 1,
    pixel_data: bytes | list[bytes] | None = None,
    preamble: bytes = bytes(128),
    elements: Iterable[DataElement] = (),
    raw_elements: Iterable[tuple[int, str, bytes]] = (),
    without: Iterable[str] = (),
    **attributes: Any,
) -> bytes:
    """A Part 10 file: a secondary capture of these attributes, with more elements on top, raw ones as they stand.

    With `rows` and `columns` it has Pixel Data, a ramp unless `pixel_data` is given; a list of bytes holds the frames
    of an encapsulated one. `without` names attributes to leave out; an attribute of None is empty.
    """
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
    defaults = {"SOPClassUID": SECONDARY_CAPTURE, "PatientID": "P1", "PatientName": "Doe^Jane", "Modality": "OT"}
    data_set = make_data_set({**defaults, **{keyword: uid for keyword, uid in uids.items() if uid is not None}, **attributes})
    if rows is not None and columns is not None:
        _add_image(data_set, rows, columns, frames, bits, samples, pixel_data, encapsulated=transfer_syntax not in _NATIVE)
    for element in elements:
        data_set.add(element)
    for keyword in without:
        del data_set[keyword]
    return write_instance(data_set, transfer_syntax=transfer_syntax, preamble=preamble, raw_elements=raw_elements)


def write_instance(
    data_set: Dataset,
    *,
    transfer_syntax: str = ExplicitVRLittleEndian,
    preamble: bytes = bytes(128),
    raw_elements: Iterable[tuple[int, str, bytes]] = (),
) -> bytes:
    """Encode a data set as a Part 10 file. Raw elements replace or join its own with bytes as they stand."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _uid_or(data_set.get("SOPClassUID"), SECONDARY_CAPTURE)
    meta.MediaStorageSOPInstanceUID = _uid_or(data_set.get("SOPInstanceUID"), INSTANCE)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    implicit, little = transfer_syntax == ImplicitVRLittleEndian, transfer_syntax != ExplicitVRBigEndian
    for tag, vr, value in raw_elements:
        data_set[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, implicit, little)
    # lets pydicom copy the raw elements instead of interpreting them
    data_set.set_original_encoding(implicit, little, data_set._character_set)
    data_set.file_meta = meta
    data_set.preamble = preamble
    file = io.BytesIO()
    with quiet():
        pydicom.dcmwrite(file, data_set, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return file.getvalue()


def _uid_or(value: Any, default: str) -> UID:
    """The value as file meta information, or the default when it is missing or no UID."""
    return UID(value if isinstance(value, str) and re.fullmatch(r"[0-9.]{1,64}", value) else default)


def _add_image(
    data_set: Dataset,
    rows: int,
    columns: int,
    frames: int | None,
    bits: int,
    samples: int,
    pixel_data: bytes | list[bytes] | None,
    *,
    encapsulated: bool,
) -> None:
    image: dict[str, Any] = {
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
    }
    if samples > 1:
        image["PlanarConfiguration"] = 0
    if frames is not None:
        image["NumberOfFrames"] = frames
    data_set.update(make_data_set(image))
    if pixel_data is None:
        size = rows * columns * samples * bits // 8
        pixel_data = bytes(index % 251 for index in range(size * (frames or 1)))
        if encapsulated:
            pixel_data = [pixel_data[start : start + size] for start in range(0, len(pixel_data), size)]
    value = encapsulate(pixel_data) if isinstance(pixel_data, list) else pixel_data + b"\0" * (len(pixel_data) % 2)
    data_set.add(data_element("PixelData", "OB" if encapsulated or bits == 8 else "OW", value))
    data_set["PixelData"].is_undefined_length = isinstance(pixel_data, list)
