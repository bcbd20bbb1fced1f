"""The DICOM files that come with pydicom, and what pydicom reads from them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset

__all__ = ["READABLE", "UNREADABLE", "path", "pydicom_json", "pydicom_read", "quiet"]

_DATA = Path(pydicom.__file__).parent / "data"
_PATHS = {file.name: file for folder in ("test_files", "charset_files") for file in (_DATA / folder).glob("*.dcm")}

UNREADABLE = {
    "ExplVR_BigEndNoMeta.dcm": "no preamble",
    "ExplVR_LitEndNoMeta.dcm": "no preamble",
    "no_meta.dcm": "no preamble",
    "rtstruct.dcm": "no preamble",
    "MR_truncated.dcm": "Pixel Data is shorter than its length",
    "rtplan_truncated.dcm": "ends inside a sequence",
    "meta_missing_tsyntax.dcm": "no transfer syntax",
}
READABLE = sorted(_PATHS.keys() - UNREADABLE.keys())


def path(name: str) -> Path:
    """Where a bundled file lies."""
    return _PATHS[name]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from complaining about what it reads."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def pydicom_read(name: str) -> FileDataset:
    """The file as pydicom reads it."""
    with quiet():
        return pydicom.dcmread(path(name))


def pydicom_json(name: str) -> dict[str, Any]:
    """The file's data set as pydicom converts it to DICOM JSON, bulk data in it."""
    with quiet():
        found: dict[str, Any] = pydicom_read(name).to_json_dict(bulk_data_threshold=1 << 40, suppress_invalid_tags=True)
    return found
